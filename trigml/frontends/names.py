"""Names of layers and models as names in generated C++."""

from __future__ import annotations

_CPP_WORDS = """
alignas alignof and asm auto bool break case catch char class const constexpr continue decltype
default delete do double else enum explicit export extern false float for friend goto if inline
int long main mutable namespace new noexcept not nullptr operator or private protected public
register return short signed sizeof static std struct switch template this throw true try
typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
""".split()
"""Names that generated C++ cannot use."""


def identifier(name: str) -> str:
    """A C++ identifier, no keyword, made of a layer's or a spec's name."""
    cleaned = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
    return cleaned if cleaned[:1].isalpha() and cleaned not in _CPP_WORDS else f"n_{cleaned}"

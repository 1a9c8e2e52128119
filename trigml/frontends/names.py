"""Names of layers and models as names in generated C++."""

from __future__ import annotations

import re

_CPP_WORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t
class co_await co_return co_yield compl concept const consteval constexpr constinit const_cast continue
decltype default delete do double dynamic_cast else enum explicit export extern false float for friend
goto if inline int long main mutable namespace new noexcept not not_eq nullptr operator or or_eq private
protected public register reinterpret_cast requires return short signed sizeof static static_assert
static_cast std struct switch template this thread_local throw true try typedef typeid typename union
unsigned using virtual void volatile wchar_t while xor xor_eq
""".split()
"""Names that generated C++ cannot use."""

_TAKEN = frozenset(
    [
        *_CPP_WORDS,
        # macros of compilers and standard headers, and C functions that the test bench calls
        *"linux unix assert errno stdin stdout stderr atof free strtok signbit isnan isinf".split(),
        *"NULL EOF NAN INFINITY BUFSIZ RAND_MAX FILENAME_MAX CHECKPOINT".split(),
        # namespaces, types and functions of hls4ml and of the HLS tools
        *"nnet hls ap_int ap_uint ap_fixed ap_ufixed ac_int ac_fixed ac_channel ihc sycl".split(),
        *"trace_data allocate_trace_storage free_trace_storage collect_trace_output".split(),
        # variables of the test bench, and the input port
        *"features argc argv fin fpr fout iline pline cstr current in pr e i".split(),
        # files and folders of a project that would bear the name of the top function's
        *"weights defines parameters firmware nnet_utils ac_types ap_types tb_data build_lib project".split(),
    ]
)
_TAKEN_PATTERN = re.compile(r".*_t|N_.*|(config|layer|w|b|s)\d+|layer\d+_out.*")
"""Types, macros, configurations, weights and tensors as hls4ml names them."""


def usable_as_top(name: str) -> bool:
    """Whether a C++ identifier can be the name of the top function in generated code and of its files."""
    return identifier(name) == name and name not in _TAKEN and not _TAKEN_PATTERN.fullmatch(name)


def identifier(name: str) -> str:
    """A C++ identifier, no keyword, made of a layer's or a spec's name."""
    cleaned = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
    return cleaned if cleaned[:1].isalpha() and cleaned not in _CPP_WORDS else f"n_{cleaned}"

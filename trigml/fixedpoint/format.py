"""The one description of a number format: ``FixedPoint``, read and printed as ``ap_fixed<...>``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from trigml.errors import BadInput

MAX_WIDTH = 62
"""Widest format: words and the steps of rounding them have to fit into int64."""


class Rounding(StrEnum):
    """What happens to bits below the least significant one (names of the ``ap_fixed`` types, UG1399)."""

    TRN = "TRN"  # towards minus infinity
    TRN_ZERO = "TRN_ZERO"  # towards zero
    RND = "RND"  # to nearest, a tie towards plus infinity
    RND_ZERO = "RND_ZERO"  # to nearest, a tie towards zero
    RND_INF = "RND_INF"  # to nearest, a tie away from zero
    RND_MIN_INF = "RND_MIN_INF"  # to nearest, a tie towards minus infinity
    RND_CONV = "RND_CONV"  # to nearest, a tie to the even word


class Overflow(StrEnum):
    """What happens to a value outside the range (names of the ``ap_fixed`` types, UG1399)."""

    WRAP = "WRAP"  # the upper bits are dropped
    SAT = "SAT"  # the nearest end of the range
    SAT_ZERO = "SAT_ZERO"  # zero
    SAT_SYM = "SAT_SYM"  # the nearest end of the range without the most negative word


MAX_INTEGER = 256
"""Largest distance of the binary point from the word: keeps every value and LSB a normal float64."""

_NUMBER = "[0-9]{1,4}"

_Mode = TypeVar("_Mode", bound=StrEnum)

_PATTERN = re.compile(
    r"\s*(?:ap_|ac_)?(?P<kind>u?fixed|u?int)\s*<(?P<arguments>[^<>]*)>\s*",
)


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """A fixed-point format: a word ``w`` of ``width`` bits stands for ``w * 2**-fraction``.

    Attributes:
        signed: two's complement if true.
        width: number of bits, the sign included; 1 to 62.
        integer: bits left of the binary point, the sign included, as in ``ap_fixed``; it may be
            negative or larger than ``width``; -256 to 256.
        rounding: applied when a value is brought into this format.
        overflow: applied after the rounding.
    """

    signed: bool
    width: int
    integer: int
    rounding: Rounding = Rounding.TRN
    overflow: Overflow = Overflow.WRAP

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise BadInput(
                "a fixed-point format has an impossible width",
                expected=f"1 to {MAX_WIDTH} bits",
                found=f"{self.width} bits",
            )
        if self.signed and self.width == 1 and self.overflow is Overflow.SAT_SYM:
            raise BadInput(  # zero would be its only word; ap_fixed gives -1 as well
                "a symmetric signed format of one bit has no meaning",
                expected="at least 2 bits, or SAT",
                found="1 bit",
            )
        if abs(self.integer) > MAX_INTEGER:
            raise BadInput(
                "a fixed-point format has its binary point too far away",
                expected=f"at most {MAX_INTEGER} integer bits, at least -{MAX_INTEGER}",
                found=f"{self.integer} integer bits",
            )

    @property
    def fraction(self) -> int:
        """Bits right of the binary point (negative: the least significant bit is above 1)."""
        return self.width - self.integer

    @property
    def lsb(self) -> float:
        """Value of the least significant bit."""
        return float(2.0**-self.fraction)

    @property
    def min_word(self) -> int:
        """Smallest word that the overflow rule leaves."""
        if not self.signed:
            return 0
        lowest = -(1 << (self.width - 1))
        return lowest + 1 if self.overflow is Overflow.SAT_SYM else lowest

    @property
    def max_word(self) -> int:
        """Largest word."""
        return (1 << (self.width - 1 if self.signed else self.width)) - 1

    def holds(self, low: int, high: int) -> bool:
        """Whether every word from ``low`` to ``high`` fits."""
        return self.min_word <= low and high <= self.max_word

    def exact(self) -> FixedPoint:
        """The same words with the plain modes (``TRN``, ``WRAP``), for values known to fit."""
        return replace(self, rounding=Rounding.TRN, overflow=Overflow.WRAP)

    def __str__(self) -> str:
        kind = "ap_fixed" if self.signed else "ap_ufixed"
        modes = "" if self == self.exact() else f",{self.rounding.value},{self.overflow.value}"
        return f"{kind}<{self.width},{self.integer}{modes}>"

    @classmethod
    def parse(cls, text: str) -> FixedPoint:
        """Read ``ap_fixed<W,I[,ROUNDING[,OVERFLOW[,0]]]>``, its ``ufixed``, ``int`` and ``uint`` kin.

        The prefix ``ap_`` and the prefix ``AP_`` of the modes may be left out.

        Raises:
            BadInput: the text is none of these, or names an unknown mode.
        """
        match = _PATTERN.fullmatch(text)
        arguments = [part.strip() for part in match["arguments"].split(",")] if match else []
        expected = "for example ap_fixed<12,4,RND_CONV,SAT>, ufixed<6,0> or int<8>"
        if match is None or not re.fullmatch(_NUMBER, arguments[0]):
            raise BadInput("not a fixed-point format", expected=expected, found=repr(text))
        kind = match["kind"]
        signed = not kind.startswith("u")
        width = int(arguments[0])
        if kind.endswith("int"):
            if len(arguments) != 1:
                raise BadInput("an integer format has one number", expected="int<8>", found=repr(text))
            return cls(signed, width, width)
        if not 2 <= len(arguments) <= 5 or not re.fullmatch(f"[+-]?{_NUMBER}", arguments[1]):
            raise BadInput("not a fixed-point format", expected=expected, found=repr(text))
        if len(arguments) == 5 and arguments[4] != "0":
            raise BadInput(
                "saturation bits are not supported", expected="0 or none", found=f"{arguments[4]} in {text!r}"
            )
        rounding = _mode(Rounding, arguments[2], text) if len(arguments) > 2 else Rounding.TRN
        overflow = _mode(Overflow, arguments[3], text) if len(arguments) > 3 else Overflow.WRAP
        return cls(signed, width, int(arguments[1]), rounding, overflow)


def _mode(kind: type[_Mode], name: str, text: str) -> _Mode:
    try:
        return kind(name.upper().removeprefix("AP_"))
    except ValueError as error:
        raise BadInput(
            f"unknown {kind.__name__.lower()} mode in {text!r}",
            expected=", ".join(kind),
            found=name,
        ) from error

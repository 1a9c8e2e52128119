"""Limits of a budget as people write them: ``100 ns``, ``4 BX``, ``5 % of a region``.

The numbers are kept as fractions, so that a limit is compared as exactly as it was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class TimeUnit(StrEnum):
    """In what a time is limited."""

    NANOSECONDS = "ns"
    MICROSECONDS = "us"
    CROSSINGS = "BX"
    CYCLES = "cycles"


class Whole(StrEnum):
    """What a share is of."""

    PART = "the part"
    REGION = "a region"


_NUMBER = r"([0-9]{1,12}(?:\.[0-9]{0,12})?)"
_TIME = re.compile(rf"\s*{_NUMBER}\s*([A-Za-zµμ]+)\s*")
_UNITS = {
    "ns": TimeUnit.NANOSECONDS,
    "us": TimeUnit.MICROSECONDS,
    "µs": TimeUnit.MICROSECONDS,
    "μs": TimeUnit.MICROSECONDS,
    "bx": TimeUnit.CROSSINGS,
    "cycle": TimeUnit.CYCLES,
    "cycles": TimeUnit.CYCLES,
}
_SHARE = re.compile(rf"\s*{_NUMBER}\s*%\s*(?:of\s+(?:(?:the|a|one)\s+)?([A-Za-z ]+?))?\s*")
_WHOLES = {
    "": Whole.PART,
    "part": Whole.PART,
    "device": Whole.PART,
    "region": Whole.REGION,
    "slr": Whole.REGION,
    "super logic region": Whole.REGION,
}
_TIME_FORM = (
    "a positive number with one of the units ns, us, BX (bunch crossings) or cycles, for example 100 ns"
)
_AMOUNT_FORM = "a whole number from 0, or a share such as '5 %' of the part or '5 % of a region'"


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """At most so much time.

    Attributes:
        value: how much, above 0.
        unit: of what.
    """

    value: Fraction
    unit: TimeUnit

    @classmethod
    def parse(cls, value: object) -> TimeLimit:
        """Read a number with its unit.

        Raises:
            ValueError: something else, an unknown unit, or nothing above 0.
        """
        found = _TIME.fullmatch(value) if isinstance(value, str) else None
        if found is None or found[2].lower() not in _UNITS or not Fraction(found[1]):
            raise ValueError(f"expected {_TIME_FORM}")
        return cls(Fraction(found[1]), _UNITS[found[2].lower()])

    def __str__(self) -> str:
        unit = "cycle" if self.unit is TimeUnit.CYCLES and self.value == 1 else self.unit.value
        return f"{_decimal(self.value)} {unit}"


@dataclass(frozen=True, slots=True)
class AmountLimit:
    """At most so many cells: a number, or a share of a device.

    Attributes:
        value: the number, or per cent.
        of: what it is a share of; ``None`` for a number.
    """

    value: Fraction
    of: Whole | None = None

    @classmethod
    def parse(cls, value: object) -> AmountLimit:
        """Read a whole number, or per cent of a part or of one of its regions.

        Raises:
            ValueError: something else, a negative number, or more than 100 %.
        """
        if type(value) is int and 0 <= value < 10**12:
            return cls(Fraction(value))
        found = _SHARE.fullmatch(value) if isinstance(value, str) else None
        whole = None if found is None else _WHOLES.get(" ".join((found[2] or "").lower().split()))
        if found is None or whole is None or Fraction(found[1]) > 100:
            raise ValueError(f"expected {_AMOUNT_FORM}")
        return cls(Fraction(found[1]), whole)

    @property
    def written(self) -> int | str:
        """As it stands in a spec; ``parse`` reads it back."""
        return int(self.value) if self.of is None else str(self)

    def __str__(self) -> str:
        return f"{int(self.value):,}" if self.of is None else f"{_decimal(self.value)} % of {self.of.value}"


def _decimal(value: Fraction) -> str:
    """A fraction that was read from decimal digits, as such digits."""
    if value.denominator == 1:
        return str(value.numerator)
    digits = f"{value.numerator * 10**12 // value.denominator:013d}"
    return f"{digits[:-12]}.{digits[-12:]}".rstrip("0")

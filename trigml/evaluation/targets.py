"""What a working point is to reach: a signal efficiency, a rate of the background, or a given threshold."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from trigml.errors import BadInput
from trigml.physics.turn_on import ThresholdScan, WorkingPoint

_UNITS = {"Hz": 0, "kHz": 3, "MHz": 6, "GHz": 9}
_RATE = re.compile(r"\s*(\d+\.?\d*(?:[eE][+-]?\d{1,2})?)\s*(Hz|kHz|MHz|GHz)\s*")


_VALUE = re.compile(r"\s*([+-]?\d+\.?\d*(?:[eE][+-]?\d{1,2})?)\s*([^\W\d].*?)?\s*")
_LARGEST = 2**53


class TargetKind(StrEnum):
    """What is given."""

    EFFICIENCY = "efficiency"
    RATE = "rate"
    THRESHOLD = "threshold"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Target:
    """What a working point is to reach.

    Attributes:
        kind: what is given.
        value: a signal efficiency between 0 and 1, a rate in Hz, an integer threshold, or what a threshold is
            worth.
        unit: of such a worth, as ``GeV``.

    Raises:
        BadInput: a value that cannot be.
    """

    kind: TargetKind
    value: float
    unit: str = ""

    def __post_init__(self) -> None:
        if self.kind is TargetKind.EFFICIENCY and not 0 < self.value < 1:
            raise BadInput("a target efficiency lies between 0 and 1", found=f"{self.value:g}")
        if self.kind is TargetKind.RATE and not 0 < self.value < math.inf:
            raise BadInput("a target rate is above 0", found=f"{self.value:g} Hz")
        if self.kind is TargetKind.VALUE and not math.isfinite(self.value):
            raise BadInput("a threshold is a finite number", found=f"{self.value:g} {self.unit}")
        if self.kind is TargetKind.THRESHOLD and not (
            type(self.value) is int and abs(self.value) <= _LARGEST
        ):
            raise BadInput("a threshold is an integer within ±2^53", found=repr(self.value))

    def __str__(self) -> str:
        """For tables: ``ε_S ≥ 0.5``, ``rate ≤ 100 kHz``, ``25 GeV``, ``given``."""
        if self.kind is TargetKind.EFFICIENCY:
            return f"ε_S ≥ {self.value:g}"
        if self.kind is TargetKind.VALUE:
            return f"{self.value:g} {self.unit}".rstrip()
        return f"rate ≤ {rate_text(self.value)}" if self.kind is TargetKind.RATE else "given"

    @property
    def is_given(self) -> bool:
        """Whether the threshold is known without any event."""
        return self.kind in (TargetKind.THRESHOLD, TargetKind.VALUE)

    def threshold(self, lsb: float) -> int:
        """The given integer; of a worth between two LSBs the upper one.

        Raises:
            BadInput: it is beyond ±2^53.
        """
        if self.kind is TargetKind.THRESHOLD:
            return int(self.value)
        words = self.value / lsb
        if abs(words) > _LARGEST:
            raise BadInput("a threshold is an integer within ±2^53", found=f"{self} / {lsb:g}")
        return math.ceil(words)

    def find(self, scan: ThresholdScan, lsb: float = 1.0) -> WorkingPoint:
        """The tightest threshold that keeps the efficiency, the loosest within the rate, or the given one.

        Args:
            scan: what passes each threshold.
            lsb: what one unit of the threshold is worth.

        Raises:
            BadInput: it cannot be reached.
        """
        if self.kind is TargetKind.EFFICIENCY:
            return scan.for_signal_efficiency(self.value)
        if self.is_given:
            return scan.at_threshold(self.threshold(lsb))
        if scan.input_rate is not None and self.value > scan.input_rate:
            raise BadInput(
                "the target rate is higher than the rate that enters",
                expected=f"at most {rate_text(scan.input_rate)}",
                found=rate_text(self.value),
            )
        return scan.for_rate(self.value)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; a rate and a worth with their units."""
        content: dict[str, Any] = {"kind": self.kind.value, "value": self.value}
        if self.kind is TargetKind.VALUE:
            return content | {"unit": self.unit}
        return content | {"unit": "Hz"} if self.kind is TargetKind.RATE else content

    @classmethod
    def from_json(cls, content: Any) -> Target:
        """What ``to_json`` made.

        Raises:
            KeyError, TypeError, ValueError, BadInput: it is something else.
        """
        kind, value = TargetKind(content["kind"]), content["value"]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"a target's value is a number, not {value!r}")
        if kind is TargetKind.VALUE:
            return cls(kind, float(value), str(content["unit"]))
        return cls(kind, value if kind is TargetKind.THRESHOLD else float(value))


def parse_threshold(text: str) -> Target:
    """An integer, or what it is worth with its unit, as ``25 GeV``.

    Raises:
        BadInput: it is neither, or too large.
    """
    if re.fullmatch(r"\s*[+-]?\d{1,19}\s*", text):
        return Target(TargetKind.THRESHOLD, int(text))
    return parse_value(text, "--threshold")


def parse_value(text: str, option: str) -> Target:
    """A number with its unit, of ``20 GeV``; without one, what it measures has none.

    Raises:
        BadInput: it is something else.
    """
    found = _VALUE.fullmatch(text)
    if found is None:
        raise BadInput(
            "this is no value with a unit",
            where=option,
            expected="a number and a unit, as '25 GeV'; thresholds also as integers (LSBs of the output)",
            found=repr(text),
        )
    return Target(TargetKind.VALUE, float(found[1]), found[2] or "")


def parse_rate(text: str, option: str) -> float:
    """A rate in Hz, from ``100 kHz`` or ``40MHz``.

    Raises:
        BadInput: it is none, or 0.
    """
    found = _RATE.fullmatch(text)
    rate = 0.0 if found is None else float(Decimal(found[1]).scaleb(_UNITS[found[2]]))
    if rate <= 0:
        raise BadInput(
            "this is no rate",
            where=option,
            expected="a number above 0 with Hz, kHz, MHz or GHz, as '100 kHz'",
            found=repr(text),
        )
    return rate


def rate_text(rate: float) -> str:
    """A rate in Hz with three digits and the unit that suits it."""
    unit = next((name for name, power in reversed(_UNITS.items()) if rate >= 10.0**power), "Hz")
    return f"{rate / 10.0 ** _UNITS[unit]:.3g} {unit}"

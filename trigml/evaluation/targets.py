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


_LARGEST = 2**53


class TargetKind(StrEnum):
    """What is given."""

    EFFICIENCY = "efficiency"
    RATE = "rate"
    THRESHOLD = "threshold"


@dataclass(frozen=True, slots=True)
class Target:
    """What a working point is to reach.

    Attributes:
        kind: what is given.
        value: a signal efficiency between 0 and 1, a rate in Hz, or an integer threshold.

    Raises:
        BadInput: a value that cannot be.
    """

    kind: TargetKind
    value: float

    def __post_init__(self) -> None:
        if self.kind is TargetKind.EFFICIENCY and not 0 < self.value < 1:
            raise BadInput("a target efficiency lies between 0 and 1", found=f"{self.value:g}")
        if self.kind is TargetKind.RATE and not 0 < self.value < math.inf:
            raise BadInput("a target rate is above 0", found=f"{self.value:g} Hz")
        if self.kind is TargetKind.THRESHOLD and not (
            type(self.value) is int and abs(self.value) <= _LARGEST
        ):
            raise BadInput("a threshold is an integer within ±2^53", found=repr(self.value))

    def __str__(self) -> str:
        """For tables: ``ε_S ≥ 0.5``, ``rate ≤ 100 kHz``, ``given``."""
        if self.kind is TargetKind.EFFICIENCY:
            return f"ε_S ≥ {self.value:g}"
        return f"rate ≤ {rate_text(self.value)}" if self.kind is TargetKind.RATE else "given"

    def find(self, scan: ThresholdScan) -> WorkingPoint:
        """The tightest threshold that keeps the efficiency, or the loosest within the rate.

        Raises:
            BadInput: it cannot be reached.
        """
        if self.kind is TargetKind.EFFICIENCY:
            return scan.for_signal_efficiency(self.value)
        if self.kind is TargetKind.THRESHOLD:
            return scan.at_threshold(int(self.value))
        if scan.input_rate is not None and self.value > scan.input_rate:
            raise BadInput(
                "the target rate is higher than the rate that enters",
                expected=f"at most {rate_text(scan.input_rate)}",
                found=rate_text(self.value),
            )
        return scan.for_rate(self.value)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; a rate with its unit."""
        content: dict[str, Any] = {"kind": self.kind.value, "value": self.value}
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
        return cls(kind, value if kind is TargetKind.THRESHOLD else float(value))


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

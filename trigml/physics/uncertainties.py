"""Measured values with statistical uncertainties, and estimates that know what each event contributed.

All uncertainties here are those of the finite test sample, one standard deviation. What another
training of the same model would give is not in them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and its uncertainty (one standard deviation); prints as ``0.9412 ± 0.0011``.

    An uncertainty of 0 means that the sample shows no spread at all, as for a perfect separation.
    """

    value: float
    uncertainty: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) or not 0 <= self.uncertainty < math.inf:
            raise ValueError(f"not a measured value: {self.value!r} ± {self.uncertainty!r}")

    def __str__(self) -> str:
        """Both numbers, cut at two significant digits of the uncertainty."""
        if self.uncertainty == 0:
            return f"{self.value:.6g} ± 0"
        exponent = int(f"{self.uncertainty:.1e}".partition("e")[2])
        decimals = 1 - exponent
        # round() takes negative decimals, the format does not; adding 0.0 turns -0.0 into 0.0.
        value, uncertainty = (round(x, decimals) + 0.0 for x in (self.value, self.uncertainty))
        shown = max(0, decimals)
        return f"{value:.{shown}f} ± {uncertainty:.{shown}f}"

    def to_json(self) -> dict[str, float]:
        """As plain numbers: ``value`` and ``uncertainty``."""
        return {"value": self.value, "uncertainty": self.uncertainty}


@dataclass(frozen=True, slots=True)
class LowerLimit:
    """What can be said of a value that the sample is too small to measure; prints as ``> 650 (95 % CL)``."""

    value: float
    confidence: float = 0.95

    def __str__(self) -> str:
        """The limit with two significant digits, rounded down."""
        mantissa, _, exponent = f"{self.value:.9e}".partition("e")
        return f"> {float(f'{mantissa[:3]}e{exponent}'):g} ({100 * self.confidence:g} % CL)"

    def to_json(self) -> dict[str, float]:
        """As plain numbers: ``lower_limit`` and ``confidence``."""
        return {"lower_limit": self.value, "confidence": self.confidence}


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """Stands where a figure would, with the reason why there is none."""

    reason: str

    def __str__(self) -> str:
        return f"not measured: {self.reason}"

    def to_json(self) -> dict[str, str]:
        """``not_measured``: the reason."""
        return {"not_measured": self.reason}


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A value estimated from n events, with what each event adds to its deviation from the truth.

    The contributions are the empirical influence function: to first order, estimate − truth is a sum of
    independent terms, one per event, so that the variance is the sum of their squares and the
    covariance of two estimates *on the same events* the sum of their products. Sums and differences of
    estimates add and subtract the contributions; the uncertainty of a difference of two nearly equal
    models is then computed without cancellation, and is exactly 0 for two equal ones.

    Attributes:
        value: the estimate.
        contributions: shape (n,), one per event in the order of the sample, in the unit of the value.
    """

    value: float
    contributions: FloatArray

    def covariance(self, other: Estimate) -> float:
        """Covariance with another estimate on the same events; with itself, the variance."""
        return float(np.dot(self.contributions, other.contributions))

    def measured(self) -> Measured:
        """The value with its uncertainty."""
        return Measured(self.value, math.sqrt(self.covariance(self)))

    def minus(self, other: Estimate) -> Estimate:
        """The difference of two estimates on the same events."""
        return Estimate(self.value - other.value, self.contributions - other.contributions)


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """Unweighted mean of estimates on the same events."""
    total = np.zeros_like(estimates[0].contributions)
    for estimate in estimates:
        total += estimate.contributions
    value = math.fsum(estimate.value for estimate in estimates) / len(estimates)
    return Estimate(value, total / len(estimates))

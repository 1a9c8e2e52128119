"""What one classifier gains over another at a working point, with uncertainties of the paired comparison.

Two questions of a trigger: how much more signal passes if as much background passes as before, and how
much less background if as much signal passes. Both models see the same events, so that their uncertainties
are much the same: the bootstrap (Efron, Ann. Statist. 7 (1979) 1) draws events, signal and background each
as many as there are, and compares the models on what was drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.physics.roc import RocCurve, roc_curve
from trigml.physics.turn_on import ONE_SIGMA
from trigml.physics.uncertainties import FloatArray

FEWEST_RESAMPLES = 50


@dataclass(frozen=True, slots=True)
class WorkingPoint:
    """Where two classifiers are compared.

    Attributes:
        background_efficiency: at which signal efficiencies are compared.
        signal_efficiency: at which background rejections are compared.
    """

    background_efficiency: float
    signal_efficiency: float

    def __post_init__(self) -> None:
        if not (0 < self.background_efficiency < 1 and 0 < self.signal_efficiency < 1):
            raise BadInput("efficiencies of a working point are above 0 and below 1", found=str(self))


@dataclass(frozen=True, slots=True)
class Spread:
    """A value and the central 68.3 % of what the bootstrap gives for it.

    Attributes:
        value: on the sample itself; infinite for a rejection of which no background event is left.
        lower, upper: bounds; the upper one may be infinite.
    """

    value: float
    lower: float
    upper: float

    def to_json(self) -> dict[str, float | None]:
        """As plain numbers; ``None`` for an infinite one, which JSON does not have."""
        fields = {"value": self.value, "lower": self.lower, "upper": self.upper}
        return {name: number if math.isfinite(number) else None for name, number in fields.items()}


@dataclass(frozen=True, slots=True)
class Gain:
    """What a candidate gains over a reference; nothing is gained at a difference of 0 and a factor of 1.

    Attributes:
        point: where.
        signal_efficiency: ε_S of the candidate minus that of the reference, at equal background efficiency.
        rejection: 1/ε_B of the candidate divided by that of the reference, at equal signal efficiency.
        n_signal, n_background: events of the sample.
    """

    point: WorkingPoint
    signal_efficiency: Spread
    rejection: Spread
    n_signal: int
    n_background: int

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        return {
            "at_background_efficiency": self.point.background_efficiency,
            "signal_efficiency": self.signal_efficiency.to_json(),
            "at_signal_efficiency": self.point.signal_efficiency,
            "rejection": self.rejection.to_json(),
            "n_signal": self.n_signal,
            "n_background": self.n_background,
        }


def gain(
    reference: NDArray[Any],
    candidate: NDArray[Any],
    is_signal: NDArray[np.bool_],
    point: WorkingPoint,
    *,
    seed: int = 1,
    resamples: int = 400,
) -> Gain:
    """Compare two scores of the same events in the same order.

    Args:
        reference, candidate: shape (n,), float or integer; higher is more signal-like.
        is_signal: shape (n,), True for signal events.
        point: where to compare.
        seed: of the bootstrap; the same seed gives the same bounds.
        resamples: of the bootstrap, at least ``FEWEST_RESAMPLES``.

    Raises:
        BadInput: scores and flags do not fit together, a kind of event is absent, or too few resamples.
    """
    if resamples < FEWEST_RESAMPLES:
        raise BadInput(f"bounds need at least {FEWEST_RESAMPLES} resamples", found=str(resamples))
    ours, theirs = _Ordered(reference, is_signal), _Ordered(candidate, is_signal)
    signal, background = np.flatnonzero(is_signal), np.flatnonzero(~is_signal)
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, 2))
    for row in drawn:
        weights = np.zeros(len(is_signal), dtype=np.int64)
        for kind in (signal, background):
            weights[kind] = np.bincount(rng.integers(0, kind.size, kind.size), minlength=kind.size)
        row[:] = _compared(ours.curve(weights), theirs.curve(weights), point)
    whole = np.ones(len(is_signal), dtype=np.int64)
    difference, factor = _compared(ours.curve(whole), theirs.curve(whole), point)
    return Gain(
        point,
        signal_efficiency=_spread(difference, drawn[:, 0]),
        rejection=_spread(factor, drawn[:, 1]),
        n_signal=signal.size,
        n_background=background.size,
    )


class _Ordered:
    """A score that was sorted once, for many curves of drawn events."""

    def __init__(self, scores: NDArray[Any], is_signal: NDArray[np.bool_]) -> None:
        self._thresholds = roc_curve(scores, is_signal).thresholds  # checks, too
        self._order = np.argsort(scores)[::-1]
        ordered = scores[self._order]
        self._last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), ordered.size - 1)
        self._is_signal = is_signal[self._order]

    def curve(self, weights: NDArray[np.int64]) -> RocCurve:
        """The curve if event i stands ``weights[i]`` times in the sample."""
        ordered = weights[self._order]
        passed = (
            np.cumsum(np.where(kind, ordered, 0))[self._last] for kind in (self._is_signal, ~self._is_signal)
        )
        return RocCurve(self._thresholds, *(np.concatenate(([0], counts)) for counts in passed))


def _compared(reference: RocCurve, candidate: RocCurve, point: WorkingPoint) -> tuple[float, float]:
    """Difference of signal efficiencies, and factor between rejections."""
    signal = [
        float(curve.signal_efficiency_at(point.background_efficiency)) for curve in (reference, candidate)
    ]
    before, after = (
        float(curve.background_efficiency_at(point.signal_efficiency)) for curve in (reference, candidate)
    )
    # Where neither lets anything pass, nothing is gained.
    factor = before / after if after > 0 else math.inf if before > 0 else 1.0
    return signal[1] - signal[0], factor


def _spread(value: float, drawn: FloatArray) -> Spread:
    """Quantiles are drawn values, not means between two of them, one of which may be infinite."""
    tail = (1 - ONE_SIGMA) / 2
    lower, upper = np.quantile(drawn, (tail, 1 - tail), method="inverted_cdf")
    return Spread(value, float(lower), float(upper))

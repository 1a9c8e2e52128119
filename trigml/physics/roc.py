"""ROC curves with ties, the area under them, and background rejection, with statistical uncertainties.

An event passes a threshold when score >= threshold. Integer scores of hardware have many ties; events
with the same score can only pass together, so that a curve has points at distinct scores only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.errors import BadInput
from trigml.physics.uncertainties import Estimate, FloatArray, LowerLimit, Measured

_POISSON_LIMIT_95 = (2.996, 4.744)
"""Upper limits at 95 % CL on a Poisson mean when 0 or 1 event was seen (PDG, review *Statistics*)."""


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """Events that pass, at each distinct score from the highest to the lowest.

    Attributes:
        thresholds: shape (p,), float64, falling; the first is +inf, where nothing passes.
        signal_passed: shape (p,), int64, signal events with score >= threshold.
        background_passed: shape (p,), int64, background events with score >= threshold.
    """

    thresholds: FloatArray
    signal_passed: NDArray[np.int64]
    background_passed: NDArray[np.int64]

    @property
    def n_signal(self) -> int:
        """Number of signal events."""
        return int(self.signal_passed[-1])

    @property
    def n_background(self) -> int:
        """Number of background events."""
        return int(self.background_passed[-1])

    @property
    def signal_efficiency(self) -> FloatArray:
        """ε_S at each threshold, shape (p,), from 0 to 1."""
        return self.signal_passed / self.n_signal

    @property
    def background_efficiency(self) -> FloatArray:
        """ε_B at each threshold, shape (p,), from 0 to 1."""
        return self.background_passed / self.n_background

    @property
    def area(self) -> float:
        """Area under ε_S against ε_B, with straight lines across ties (half credit for a tie)."""
        heights = self.signal_passed[1:] + self.signal_passed[:-1]
        twice = int(np.dot(heights, np.diff(self.background_passed)))
        return twice / (2 * self.n_signal * self.n_background)

    def background_efficiency_at(self, signal_efficiency: ArrayLike) -> FloatArray:
        """ε_B at given ε_S in [0, 1], same shape.

        Where several points of the curve have exactly this ε_S, the one with the lowest ε_B counts (the
        tightest threshold that keeps the signal). Between two points of different ε_S, ε_B is linear in
        ε_S: the working point that accepts a random part of the tied events.
        """
        wanted = np.asarray(signal_efficiency, dtype=np.float64)
        signal, background = self.signal_efficiency, self.background_efficiency
        after = np.searchsorted(signal, wanted, side="left")
        before = np.maximum(after - 1, 0)
        step = signal[after] - signal[before]
        part = np.where(step > 0, (wanted - signal[before]) / np.where(step > 0, step, 1), 1)
        return np.asarray(background[before] + part * (background[after] - background[before]))

    def signal_efficiency_at(self, background_efficiency: ArrayLike) -> FloatArray:
        """ε_S at given ε_B in [0, 1], same shape.

        Where several points of the curve have exactly this ε_B, the one with the highest ε_S counts; between
        two points of different ε_B, ε_S is linear in ε_B, as in ``background_efficiency_at``.
        """
        wanted = np.asarray(background_efficiency, dtype=np.float64)
        signal, background = self.signal_efficiency, self.background_efficiency
        after = np.searchsorted(background, wanted, side="right")
        before, after = after - 1, np.minimum(after, len(background) - 1)
        step = background[after] - background[before]
        part = np.where(step > 0, (wanted - background[before]) / np.where(step > 0, step, 1), 0)
        return np.asarray(signal[before] + part * (signal[after] - signal[before]))

    def background_uncertainty_at(self, signal_efficiency: ArrayLike) -> FloatArray:
        """Standard deviation of ε_B at given ε_S in [0, 1], same shape.

        The asymptotic variance of an empirical ROC curve (Hsieh and Turnbull, Ann. Statist. 24 (1996)
        25, with signal and background exchanged):

            σ²(ε_B) = ε_B (1 − ε_B) / n_B + (dε_B/dε_S)² ε_S (1 − ε_S) / n_S.

        The second term is there because the threshold that gives ε_S is itself found on a finite signal
        sample. The slope is that of the chord between ε_S ± 2 δ (within [0, 1]), δ being the standard
        deviation of ε_S: as local as the sample allows, and it needs no estimate of a density.
        """
        wanted = np.asarray(signal_efficiency, dtype=np.float64)
        efficiency = self.background_efficiency_at(wanted)
        delta = np.sqrt(wanted * (1 - wanted) / self.n_signal)
        right, left = np.minimum(wanted + 2 * delta, 1), np.maximum(wanted - 2 * delta, 0)
        rise = self.background_efficiency_at(right) - self.background_efficiency_at(left)
        slope = np.where(delta > 0, rise / np.where(delta > 0, right - left, 1), 0)
        variance = efficiency * (1 - efficiency) / self.n_background + (slope * delta) ** 2
        return np.asarray(np.sqrt(variance))


def roc_curve(scores: NDArray[Any], is_signal: NDArray[np.bool_]) -> RocCurve:
    """ROC curve of one score.

    Args:
        scores: shape (n,), float or integer; higher is more signal-like.
        is_signal: shape (n,), True for signal events.

    Raises:
        BadInput: shapes differ, a score is not finite, or there is no signal or no background.
    """
    _check(scores, is_signal, at_least=1)
    order = np.argsort(scores)[::-1]
    ordered = scores[order]
    last_of_ties = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), ordered.size - 1)
    signal = np.cumsum(is_signal[order], dtype=np.int64)[last_of_ties]
    return RocCurve(
        thresholds=np.concatenate(([np.inf], ordered[last_of_ties].astype(np.float64))),
        signal_passed=np.concatenate((np.zeros(1, np.int64), signal)),
        background_passed=np.concatenate((np.zeros(1, np.int64), last_of_ties + 1 - signal)),
    )


def auc(scores: NDArray[Any], is_signal: NDArray[np.bool_]) -> Estimate:
    """Area under the ROC curve, P(signal score > background score) + ½ P(equal).

    Variance and covariance (of two scores on the same events) are those of DeLong, DeLong and
    Clarke-Pearson, Biometrics 44 (1988) 837, with their n − 1; the placements behind them are found from
    ranks in O(n log n) instead of O(n²), as by Sun and Xu, IEEE Signal Process. Lett. 21 (2014) 1389,
    with half weight for ties.

    Args:
        scores: shape (n,), float or integer; higher is more signal-like.
        is_signal: shape (n,), True for signal events.

    Returns:
        The area with the contribution of each event: (placement − area) / √(m (m − 1)), m being the
        number of events of its kind.

    Raises:
        BadInput: shapes differ, a score is not finite, or fewer than two events of a kind.
    """
    _check(scores, is_signal, at_least=2)
    distinct, group = np.unique(scores, return_inverse=True)
    signal = np.bincount(group[is_signal], minlength=distinct.size)
    background = np.bincount(group[~is_signal], minlength=distinct.size)
    m, n = int(signal.sum()), int(background.sum())
    # A signal event's placement is the part of the background below it; a background event's, the part
    # of the signal above it. Both have the area as their mean.
    background_below = (np.cumsum(background) - background / 2) / n
    signal_above = (m - np.cumsum(signal) + signal / 2) / m
    area = float(np.dot(signal, background_below)) / m
    contributions = np.where(
        is_signal,
        (background_below[group] - area) / math.sqrt(m * (m - 1)),
        (signal_above[group] - area) / math.sqrt(n * (n - 1)),
    )
    return Estimate(area, contributions)


def background_rejection(curve: RocCurve, signal_efficiency: float) -> Measured | LowerLimit:
    """Background rejection 1/ε_B at a signal efficiency in (0, 1].

    ε_B and its uncertainty are those of ``RocCurve``; σ(1/ε_B) = σ(ε_B) / ε_B² to first order, so that
    with only a few passing background events the true interval is longer upwards than downwards.

    When less than one background event passes, the rejection cannot be measured: the result is a lower
    limit at 95 % CL from the Poisson upper limit on the passing background (the number seen, rounded
    up), the threshold being taken as given.

    Raises:
        BadInput: the signal efficiency is not in (0, 1].
    """
    if not 0 < signal_efficiency <= 1:
        raise BadInput(
            "a background rejection needs a signal efficiency above 0 and at most 1",
            found=str(signal_efficiency),
        )
    efficiency = float(curve.background_efficiency_at(signal_efficiency))
    passed = efficiency * curve.n_background
    if passed < 1:
        return LowerLimit(max(1.0, curve.n_background / _POISSON_LIMIT_95[math.ceil(passed)]))
    uncertainty = float(curve.background_uncertainty_at(signal_efficiency))
    return Measured(1 / efficiency, uncertainty / efficiency**2)


def _check(scores: NDArray[Any], is_signal: NDArray[np.bool_], at_least: int) -> None:
    if scores.ndim != 1 or scores.shape != is_signal.shape or is_signal.dtype != np.bool_:
        raise BadInput(
            "scores and signal flags do not fit together",
            expected="one score and one boolean flag per event",
            found=f"{scores.shape} scores, {is_signal.shape} flags of type {is_signal.dtype}",
        )
    if not np.isfinite(scores).all():
        raise BadInput(
            "a score is not a finite number",
            where=f"event {int(np.flatnonzero(~np.isfinite(scores))[0])} of the sample",
        )
    signal = int(np.count_nonzero(is_signal))
    if min(signal, is_signal.size - signal) < at_least:
        raise BadInput(
            "too few events for a ROC curve",
            expected=f"at least {at_least} of signal and of background",
            found=f"{signal} signal, {is_signal.size - signal} background",
            remedy="use a larger test sample that holds all classes",
        )

"""Efficiencies of integer thresholds: turn-on curves, scans, and working points for a target.

A trigger compares words: an event passes when score >= threshold, both integers (LSBs of the network's
output). Events with the same score can only pass together, so a target is met from one side, and what is
really reached is told. Rates are background efficiencies times the rate of the events that enter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.errors import BadInput
from trigml.physics.roc import RocCurve, roc_curve
from trigml.physics.uncertainties import FloatArray

ONE_SIGMA = 0.682689492137086
_LARGEST_SCORE = 2**53
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its central confidence interval at 68.3 %, for efficiencies and rates."""

    value: float
    lower: float
    upper: float

    def times(self, factor: float) -> Interval:
        """In another unit, such as an efficiency times the rate of incoming events."""
        return Interval(self.value * factor, self.lower * factor, self.upper * factor)

    def to_json(self) -> dict[str, float]:
        """As plain numbers: ``value``, ``lower`` and ``upper``."""
        return {"value": self.value, "lower": self.lower, "upper": self.upper}


def binomial_interval(
    passed: ArrayLike, total: ArrayLike, confidence: float = ONE_SIGMA
) -> tuple[FloatArray, FloatArray]:
    """Central confidence interval of an efficiency, by Clopper and Pearson, Biometrika 26 (1934) 404.

    It covers the true efficiency at least as often as ``confidence`` says, also for few events, for none and
    for all passing: with α = 1 − confidence the bounds are the α/2 quantile of Beta(k, n − k + 1) and the
    1 − α/2 quantile of Beta(k + 1, n − k), 0 for k = 0 and 1 for k = n.

    Args:
        passed: k, integers from 0 to ``total``, any shape.
        total: n, integers; where it is 0 the interval is from 0 to 1.
        confidence: above 0 and below 1.

    Returns:
        Lower and upper bounds, in the common shape.

    Raises:
        BadInput: counts that cannot be, or a confidence out of range.
    """
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    k, n = np.broadcast_arrays(np.asarray(passed), np.asarray(total))
    if k.dtype.kind not in "iu" or n.dtype.kind not in "iu" or (k < 0).any() or (k > n).any():
        raise BadInput("an efficiency needs whole numbers with 0 <= passed <= total")
    if not 0 < confidence < 1:
        raise BadInput("a confidence is between 0 and 1", found=str(confidence))
    tail = (1 - confidence) / 2
    lower = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
    upper = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    return lower, upper


def efficiency(passed: int, total: int) -> Interval:
    """passed / total with its Clopper-Pearson interval.

    Raises:
        BadInput: no events, or counts that cannot be.
    """
    if total < 1:
        raise BadInput("an efficiency needs at least one event")
    lower, upper = binomial_interval(passed, total)
    return Interval(passed / total, float(lower), float(upper))


@dataclass(frozen=True, slots=True, eq=False)
class TurnOn:
    """Efficiency of one threshold in bins of a true quantity.

    Attributes:
        threshold: an event passes with score >= threshold.
        edges: (b + 1,), rising, of the bins; the last bin contains its upper edge.
        passed, total: (b,) events.
    """

    threshold: int
    edges: FloatArray
    passed: Integers
    total: Integers

    @property
    def efficiency(self) -> FloatArray:
        """(b,), NaN in bins without events."""
        efficiency = np.full(len(self.total), np.nan)
        np.divide(self.passed, self.total, out=efficiency, where=self.total > 0)
        return efficiency

    @property
    def interval(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds (b,), from 0 to 1 in bins without events."""
        return binomial_interval(self.passed, self.total)

    def to_json(self) -> dict[str, Any]:
        """As plain numbers; bins without events have no efficiency (``None``)."""
        lower, upper = self.interval
        return {
            "threshold": self.threshold,
            "edges": self.edges.tolist(),
            "passed": self.passed.tolist(),
            "total": self.total.tolist(),
            "efficiency": [None if math.isnan(value) else float(value) for value in self.efficiency],
            "lower": lower.tolist(),
            "upper": upper.tolist(),
        }


def turn_on(scores: NDArray[np.integer], truth: FloatArray, threshold: int, edges: ArrayLike) -> TurnOn:
    """The turn-on curve of an integer threshold.

    Args:
        scores: (n,) integer scores, or an energy in LSBs.
        truth: (n,), the true energy or pT; events outside the bins are left out.
        threshold: an event passes with score >= threshold.
        edges: (b + 1,), rising.

    Raises:
        BadInput: scores that are not integers, shapes that do not fit, edges that do not rise, or no event
            in any bin.
    """
    _check_integers(scores)
    if truth.shape != scores.shape or not np.isfinite(truth).all():
        raise BadInput("a turn-on curve needs one finite true value per score", found=str(truth.shape))
    borders = np.asarray(edges, dtype=np.float64)
    if borders.ndim != 1 or len(borders) < 2 or not (np.diff(borders) > 0).all():
        raise BadInput("the edges of the bins have to rise", found=str(borders.tolist()))
    total, _ = np.histogram(truth, bins=borders)
    if not total.any():
        raise BadInput(
            "no event lies in any bin of the turn-on curve", expected=f"{borders[0]} to {borders[-1]}"
        )
    passed, _ = np.histogram(truth[scores >= threshold], bins=borders)
    return TurnOn(int(threshold), borders, passed.astype(np.int64), total.astype(np.int64))


@dataclass(frozen=True, slots=True)
class WorkingPoint:
    """An integer threshold and what passes it on the sample on which it was found.

    ``rate`` is the background's, in the unit of the incoming rate; ``None`` if no incoming rate is known.
    """

    threshold: int
    signal_efficiency: Interval
    background_efficiency: Interval
    rate: Interval | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain numbers; the threshold is an integer."""
        return {
            "threshold": self.threshold,
            "signal_efficiency": self.signal_efficiency.to_json(),
            "background_efficiency": self.background_efficiency.to_json(),
            "rate": None if self.rate is None else self.rate.to_json(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdScan:
    """Signal and background that pass each distinct integer threshold.

    Attributes:
        thresholds: (p,), falling: one above the highest score, where nothing passes, then each score once.
            A threshold between two scores passes the same events as the next higher score.
        curve: the passing events at each of them.
        input_rate: rate of the background that enters, in any unit; ``None`` if unknown.
    """

    thresholds: Integers
    curve: RocCurve
    input_rate: float | None = None

    def at(self, index: int) -> WorkingPoint:
        """The working point of ``thresholds[index]``."""
        curve = self.curve
        background = efficiency(int(curve.background_passed[index]), curve.n_background)
        return WorkingPoint(
            threshold=int(self.thresholds[index]),
            signal_efficiency=efficiency(int(curve.signal_passed[index]), curve.n_signal),
            background_efficiency=background,
            rate=None if self.input_rate is None else background.times(self.input_rate),
        )

    def at_threshold(self, threshold: int) -> WorkingPoint:
        """The working point of any integer threshold, with the passing events counted exactly."""
        index = int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1
        found = self.at(max(index, 0))
        return WorkingPoint(threshold, found.signal_efficiency, found.background_efficiency, found.rate)

    @property
    def background_rates(self) -> FloatArray:
        """(p,), the background's rate at each threshold.

        Raises:
            BadInput: the incoming rate is not known.
        """
        return self.curve.background_efficiency * self._known_rate()

    def for_signal_efficiency(self, target: float) -> WorkingPoint:
        """The highest threshold whose signal efficiency is at least ``target``.

        Raises:
            BadInput: the target is not above 0 and at most 1.
        """
        if not 0 < target <= 1:
            raise BadInput("a target efficiency is above 0 and at most 1", found=str(target))
        return self.at(int(np.argmax(self.curve.signal_passed >= _ceiling(target, self.curve.n_signal))))

    def for_background_efficiency(self, target: float) -> WorkingPoint:
        """The lowest threshold whose background efficiency is at most ``target``.

        Raises:
            BadInput: the target is not from 0 to 1; or ties at the highest score let more pass, so that only
                a threshold that nothing passes would meet it.
        """
        if not 0 <= target <= 1:
            raise BadInput("a target efficiency is from 0 to 1", found=str(target))
        allowed = _floor(target, self.curve.n_background)
        index = int(np.count_nonzero(self.curve.background_passed <= allowed)) - 1
        if index == 0:
            at_top = self.at(1)
            raise BadInput(
                "no threshold meets the target without rejecting every event",
                expected=f"a background efficiency of at most {target:g}",
                found=f"{at_top.background_efficiency.value:g} at the highest score, {at_top.threshold}",
                remedy="allow a higher rate, use more bits in the score, or a larger sample",
            )
        return self.at(index)

    def for_rate(self, target: float) -> WorkingPoint:
        """The lowest threshold whose background rate is at most ``target``, in the unit of the incoming rate.

        Raises:
            BadInput: the incoming rate is not known or lower than the target, or as for efficiencies.
        """
        incoming = self._known_rate()
        if not 0 <= target <= incoming:
            raise BadInput(
                "a target rate is from 0 to the rate that enters",
                expected=f"0 to {incoming:g}",
                found=f"{target:g}",
            )
        return self.for_background_efficiency(target / incoming)

    def _known_rate(self) -> float:
        if self.input_rate is None:
            raise BadInput("a rate needs the rate of the background that enters")
        return self.input_rate


def threshold_scan(
    scores: NDArray[np.integer], is_signal: NDArray[np.bool_], input_rate: float | None = None
) -> ThresholdScan:
    """What passes every integer threshold.

    Args:
        scores: (n,) integers within ±2^53; higher is more signal-like.
        is_signal: (n,).
        input_rate: rate of the background that enters the trigger, above 0, in any unit.

    Raises:
        BadInput: scores that are not such integers, no signal or no background, an unusable rate.
    """
    _check_integers(scores)
    if input_rate is not None and not (math.isfinite(input_rate) and input_rate > 0):
        raise BadInput("the rate that enters has to be above 0", found=str(input_rate))
    curve = roc_curve(scores, is_signal)
    distinct = curve.thresholds[1:].astype(np.int64)
    thresholds = np.concatenate((distinct[:1] + 1, distinct))
    return ThresholdScan(thresholds, curve, input_rate)


def _ceiling(target: float, total: int) -> int:
    """The fewest events that are at least the part ``target`` of ``total``, compared as the quotient is."""
    events = math.ceil(target * total)
    return events - 1 if events > 0 and (events - 1) / total >= target else events


def _floor(target: float, total: int) -> int:
    """The most events that are at most the part ``target`` of ``total``, compared as the quotient is."""
    events = math.floor(target * total)
    return events + 1 if events < total and (events + 1) / total <= target else events


def _check_integers(scores: NDArray[np.integer]) -> None:
    if scores.dtype.kind not in "iu" or scores.ndim != 1:
        raise BadInput(
            "thresholds are compared with integer scores",
            expected="(n,) integers",
            found=f"{scores.shape} {scores.dtype}",
        )
    if scores.size and (scores.max() > _LARGEST_SCORE or scores.min() < -_LARGEST_SCORE):
        raise BadInput("a score is outside ±2^53")

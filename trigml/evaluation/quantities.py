"""Trigger quantities of discriminants on scored events: scans, working points, turn-on curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trigml.data.layout import Column
from trigml.errors import BadInput
from trigml.evaluation.bins import Binning
from trigml.evaluation.discriminants import Compared
from trigml.evaluation.sample import Sample, ScoredEvents
from trigml.evaluation.targets import Target, TargetKind, rate_text
from trigml.physics.roc import auc
from trigml.physics.turn_on import ThresholdScan, TurnOn, WorkingPoint, threshold_scan, turn_on
from trigml.physics.uncertainties import Measured

if TYPE_CHECKING:
    from trigml.evaluation.regressor_quantities import RegressorQuantities

_FEW = 10
"""With fewer background events than this, a rate is known to no better than a third."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundPoint:
    """A working point and the target for which it was found.

    Attributes:
        target: what was asked for.
        point: the integer threshold and what passes it.
        passed_background: background events that pass.
        tied_signal, tied_background: events whose score is the threshold itself; a threshold higher by one
            loses them all at once.
        signal_turn_on, background_turn_on: efficiency against the column, if one was asked for; ``None`` for
            the background if none of it lies in the bins.
    """

    target: Target
    point: WorkingPoint
    passed_background: int
    tied_signal: int
    tied_background: int
    signal_turn_on: TurnOn | None = None
    background_turn_on: TurnOn | None = None

    @property
    def caution(self) -> str:
        """Why the sample is too small for a target rate; empty if it is not."""
        rate = self.point.rate
        if self.target.kind is not TargetKind.RATE or rate is None or self.passed_background >= _FEW:
            return ""
        return (
            f"only {self.passed_background} background events pass; the true rate may well be as high as "
            f"{rate_text(rate.upper)}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        curves = {"signal": self.signal_turn_on, "background": self.background_turn_on}
        return {
            "target": self.target.to_json(),
            **self.point.to_json(),
            "passed_background_events": self.passed_background,
            "caution": self.caution,
            "tied_signal_events": self.tied_signal,
            "tied_background_events": self.tied_background,
            "turn_on": {name: None if curve is None else curve.to_json() for name, curve in curves.items()},
        }


@dataclass(frozen=True, slots=True, eq=False)
class DiscriminantQuantities:
    """All that was found for one discriminant.

    Attributes:
        discriminant: the integer that is compared.
        scan: what passes each threshold.
        auc: area under its ROC curve.
        auc_log_odds: the same for the log-odds of the softmax, which firmware does not compute; ``None`` with
            a single background, where both are the same.
        points: in the order of the targets.
        outside: signal events outside the turn-on curves' bins.
    """

    discriminant: Compared
    scan: ThresholdScan
    auc: Measured
    auc_log_odds: Measured | None
    points: tuple[FoundPoint, ...]
    outside: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without the scan (``scan.csv``)."""
        curve = self.scan.curve
        return {
            **self.discriminant.to_json(),
            "signal_events": curve.n_signal,
            "background_events": curve.n_background,
            "auc": self.auc.to_json(),
            "auc_log_odds": None if self.auc_log_odds is None else self.auc_log_odds.to_json(),
            "working_points": [
                point.to_json() | {"value": point.point.threshold * self.discriminant.lsb}
                for point in self.points
            ],
            "signal_events_outside_bins": self.outside,
        }


@dataclass(frozen=True, slots=True, eq=False)
class TriggerQuantities:
    """What a run's integer scores do as a trigger.

    Attributes:
        network, graph: name and digest of the integer network.
        sample: the events, and the stage that scored them.
        classes: events per class.
        input_rate: rate in Hz of the background that enters; ``None`` if unknown.
        column: what the turn-on curves are drawn against.
        discriminants: the results; none for a regressor without signal and background.
        regressor: what a regressor measures besides; ``None`` of a classifier.
        remarks: what one has to know of the results.
    """

    network: str
    graph: str
    sample: Sample
    classes: tuple[tuple[str, int], ...]
    input_rate: float | None
    column: Column | None
    discriminants: tuple[DiscriminantQuantities, ...]
    regressor: RegressorQuantities | None = None
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        column = self.column
        return {
            "network": self.network,
            "graph": self.graph,
            "sample": self.sample.to_json(),
            "classes": dict(self.classes),
            "input_rate_hz": self.input_rate,
            "against": None if column is None else {"name": column.name, "unit": column.unit},
            "discriminants": [found.to_json() for found in self.discriminants],
            "regressor": None if self.regressor is None else self.regressor.to_json(),
            "remarks": list(self.remarks),
        }


def measure_discriminant(
    discriminant: Compared,
    events: ScoredEvents,
    targets: Sequence[Target],
    input_rate: float | None,
    binning: Binning,
) -> DiscriminantQuantities:
    """Scan, working points and turn-on curves of one discriminant, on its signal and its background.

    Raises:
        BadInput: fewer than two events of signal or background, a target that cannot be reached, or bins
            without signal events.
    """
    try:
        return _measured(discriminant, events, targets, input_rate, binning)
    except BadInput as error:
        raise BadInput(
            error.problem,
            where=", ".join(filter(None, (discriminant.name, error.where))),
            expected=error.expected,
            found=error.found,
            remedy=error.remedy,
        ) from error


def _measured(
    discriminant: Compared,
    events: ScoredEvents,
    targets: Sequence[Target],
    input_rate: float | None,
    binning: Binning,
) -> DiscriminantQuantities:
    is_signal, is_background = discriminant.divide(events)
    kept = is_signal | is_background
    words, is_signal = events.words[kept], is_signal[kept]
    values = None if events.values is None else events.values[kept]
    scores, ideal = discriminant.of(words), discriminant.log_odds(words)
    log_odds = None if ideal is None else auc(ideal, is_signal).measured()
    area = auc(scores, is_signal).measured()
    scan = threshold_scan(scores, is_signal, input_rate)
    points = tuple(_found(target, scan, discriminant.lsb) for target in targets)
    if values is None or events.column is None:
        return DiscriminantQuantities(discriminant, scan, area, log_odds, points)
    edges = binning.of(values[is_signal], events.column.name)
    points = tuple(_with_turn_on(point, scores, values, is_signal, edges) for point in points)
    inside = int(np.histogram(values[is_signal], bins=edges)[0].sum())
    return DiscriminantQuantities(discriminant, scan, area, log_odds, points, scan.curve.n_signal - inside)


def refuse_out_of_reach(compared: Compared, targets: Sequence[Target], option: str) -> None:
    """Refuse given thresholds that no event can reach, or that lie below 0 and all that can occur.

    Raises:
        BadInput: there is one; ``option`` is where it was given.
    """
    lowest, highest = min(compared.bounds[0], 0), compared.bounds[1]
    for target in targets:
        if not target.is_given or lowest <= target.threshold(compared.lsb) <= highest:
            continue
        ends = " to ".join(f"{end * compared.lsb:g}" for end in (lowest, highest))
        found = target.threshold(compared.lsb)
        raise BadInput(
            f"this threshold is beyond what {compared.formula} of this network can be",
            where=option,
            expected=f"{lowest} to {highest} LSB ({ends} {compared.unit}".rstrip() + ")",
            found=f"{found} LSB ({found * compared.lsb:g} {compared.unit}".rstrip() + ")",
        )


def _found(target: Target, scan: ThresholdScan, lsb: float) -> FoundPoint:
    point = target.find(scan, lsb)
    above = scan.at_threshold(point.threshold + 1)
    signal, signal_above = (round(at.signal_efficiency.value * scan.curve.n_signal) for at in (point, above))
    background, background_above = (
        round(at.background_efficiency.value * scan.curve.n_background) for at in (point, above)
    )
    return FoundPoint(target, point, background, signal - signal_above, background - background_above)


def _with_turn_on(
    found: FoundPoint,
    scores: NDArray[np.int64],
    values: NDArray[np.float64],
    is_signal: NDArray[np.bool_],
    edges: NDArray[np.float64],
) -> FoundPoint:
    threshold = found.point.threshold
    background = ~is_signal
    any_background = np.histogram(values[background], bins=edges)[0].any()
    return replace(
        found,
        signal_turn_on=turn_on(scores[is_signal], values[is_signal], threshold, edges),
        background_turn_on=turn_on(scores[background], values[background], threshold, edges)
        if any_background
        else None,
    )

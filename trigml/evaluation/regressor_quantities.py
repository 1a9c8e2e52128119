"""What a regressor's words measure: turn-on curves per particle type, response and resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from trigml.errors import BadInput
from trigml.evaluation.bins import Binning
from trigml.evaluation.output_word import OutputWord
from trigml.evaluation.sample import ScoredEvents
from trigml.evaluation.targets import Target
from trigml.physics.regression import ALL
from trigml.physics.turn_on import TurnOn, turn_on
from trigml.physics.uncertainties import NotMeasured
from trigml.training.regressors import RegressorFigures

REACHED = (0.5, 0.95)
"""Efficiencies for which the value of the column is found at which a curve reaches them."""

Crossing: TypeAlias = float | NotMeasured


@dataclass(frozen=True, slots=True, eq=False)
class TypeTurnOn:
    """The turn-on curve of one particle type, or of all together.

    Attributes:
        name: of the type, or ``all``.
        curve: efficiency in bins of the column.
        reached: per efficiency of ``REACHED`` the value of the column from which on the curve stays above it.
    """

    name: str
    curve: TurnOn
    reached: tuple[Crossing, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        reached = {
            f"{level:g}": found.to_json() if isinstance(found, NotMeasured) else found
            for level, found in zip(REACHED, self.reached, strict=True)
        }
        return {"name": self.name, **self.curve.to_json(), "reached": reached}


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdTurnOn:
    """The turn-on curves of one threshold.

    Attributes:
        target: for what the threshold was found.
        threshold: in LSBs.
        types: the curve of each signal class, and of all together if there are several.
    """

    target: Target
    threshold: int
    types: tuple[TypeTurnOn, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "target": self.target.to_json(),
            "threshold": self.threshold,
            "types": [found.to_json() for found in self.types],
        }


@dataclass(frozen=True, slots=True, eq=False)
class RegressorQuantities:
    """What a regressor measures.

    Attributes:
        word: its output.
        thresholds: all thresholds with their targets, also where there is no signal and background.
        turn_ons: per threshold the curves; none without a column for them.
        figures: response and resolution of the words, beside the calibrated sum where there is one; ``None``
            if the events have no true target.
        outside: signal events outside the curves' bins.
    """

    word: OutputWord
    thresholds: tuple[tuple[Target, int], ...]
    turn_ons: tuple[ThresholdTurnOn, ...]
    figures: RegressorFigures | None
    outside: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        figures = self.figures
        return {
            "output": self.word.to_json(),
            "thresholds": [
                {"threshold": threshold, "value": threshold * self.word.lsb, "target": target.to_json()}
                for target, threshold in self.thresholds
            ],
            "turn_ons": [found.to_json() for found in self.turn_ons],
            "signal_events_outside_bins": self.outside,
            "models": None
            if figures is None
            else {name: found.to_json() for name, found in figures.models.items()},
            "comparisons": {}
            if figures is None
            else {f"{one} / {other}": found.to_json() for (one, other), found in figures.comparisons.items()},
        }


def threshold_turn_ons(
    word: OutputWord, events: ScoredEvents, thresholds: Sequence[tuple[Target, int]], binning: Binning
) -> tuple[tuple[ThresholdTurnOn, ...], int]:
    """The turn-on curves of each threshold, and how many signal events lie outside their bins.

    The curves hold all events of the signal classes, whatever their true target.

    Raises:
        BadInput: no events of the signal classes, all with the same value, or none in the bins.
    """
    if events.values is None or events.column is None or not thresholds:
        return (), 0
    signals = word.signals
    places = [word.classes.index(name) for name in signals]
    kept = np.isin(events.labels, places)
    if not kept.any():
        raise BadInput("there are no signal events for turn-on curves", expected=", ".join(signals))
    scores, values, labels = word.of(events.words)[kept], events.values[kept], events.labels[kept]
    edges = binning.of(values, events.column.name)
    inside = int(np.histogram(values, bins=edges)[0].sum())
    chosen = {name: labels == place for name, place in zip(signals, places, strict=True)}
    if len(signals) > 1:
        chosen[ALL] = np.ones(len(labels), dtype=np.bool_)
    chosen = {name: rows for name, rows in chosen.items() if np.histogram(values[rows], bins=edges)[0].any()}
    if not chosen:
        turn_on(scores, values, 0, edges)  # says that no event lies in any bin
    found = []
    for target, threshold in thresholds:
        curves = {
            name: turn_on(scores[rows], values[rows], threshold, edges) for name, rows in chosen.items()
        }
        types = tuple(TypeTurnOn(name, curve, reached_at(curve)) for name, curve in curves.items())
        found.append(ThresholdTurnOn(target, threshold, types))
    return tuple(found), len(values) - inside


def reached_at(curve: TurnOn, levels: Sequence[float] = REACHED) -> tuple[Crossing, ...]:
    """Where a curve rises above each level for good.

    Linear between the middles of the bins with events, from the last one below the level to the next one.
    """
    filled = curve.total > 0
    middles = ((curve.edges[1:] + curve.edges[:-1]) / 2)[filled]
    efficiency = curve.efficiency[filled]
    return tuple(_reached(middles.tolist(), efficiency.tolist(), level) for level in levels)


def _reached(middles: list[float], efficiency: list[float], level: float) -> Crossing:
    below = [place for place, value in enumerate(efficiency) if value < level]
    if not below:
        return NotMeasured(f"at least {level:g} in every bin")
    last = below[-1]
    if last == len(efficiency) - 1:
        return NotMeasured(f"below {level:g} in the last bin with events")
    part = (level - efficiency[last]) / (efficiency[last + 1] - efficiency[last])
    return middles[last] + part * (middles[last + 1] - middles[last])

"""The figures of the energy calibration: response and resolution by particle type, and what is gained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study.identification import Stage
from study.trainings import Place
from trigml.data.reader import EventSource
from trigml.data.splits import Split
from trigml.errors import BadInput
from trigml.physics.regression import RegressorPerformance, regressor_performance
from trigml.physics.regressor_comparison import RegressorComparison, compare_regressors
from trigml.runs import TestPredictions

SIMPLE, CALIBRATED, TREES = "simple sum", "calibrated sum", "boosted trees on cells"
SUMMED = ("ecal_energy", "hcal_energy")


@dataclass(frozen=True, slots=True)
class CalibratedNetwork:
    """Names of a network's columns.

    Attributes:
        name: of the network.
        columns: by stage, the name in ``Calibration.models``.
    """

    name: str
    columns: Mapping[Stage, str]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """All models on the same test events.

    Attributes:
        types: the particle types.
        models: by name: the sums, the trees, every network in every stage.
        over_simple: resolutions over those of the simple sum.
        over_float: those of a quantised network over those of its float reference.
        networks: what is compared.
    """

    types: tuple[str, ...]
    models: Mapping[str, RegressorPerformance]
    over_simple: Mapping[str, RegressorComparison]
    over_float: Mapping[str, RegressorComparison]
    networks: tuple[CalibratedNetwork, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        parts: dict[str, Mapping[str, Any]] = {
            "models": self.models,
            "over_simple_sum": self.over_simple,
            "quantised_over_float": self.over_float,
        }
        return {"types": list(self.types)} | {
            part: {name: one.to_json() for name, one in found.items()} for part, found in parts.items()
        }


def calibrate(places: Sequence[Place], events: Path, resamples: int) -> Calibration:
    """Measure the networks of the places, the trees and the sums beside the first."""
    first = places[0].open().predictions()
    types = places[0].open().spec.data.classes
    predictions: dict[str, NDArray[Any]] = {SIMPLE: simple_sum(events, types, first.event_id)}
    if first.calibrated_sum is not None:
        predictions[CALIBRATED] = first.calibrated_sum
    if first.boosted_trees is not None:
        predictions[TREES] = first.boosted_trees
    networks = []
    for place in places:
        own = _stages(place, first)
        name = f"{place.network.kind} on {place.network.inputs}"
        columns = {stage: f"{name}, {stage}" for stage in own}
        predictions |= {columns[stage]: values for stage, values in own.items()}
        networks.append(CalibratedNetwork(name, columns))
    pairs = [(n.columns[Stage.FLOAT], n.columns[Stage.QUANTISED]) for n in networks]

    def over(reference: str, candidate: str) -> RegressorComparison:
        return compare_regressors(
            predictions[reference],
            predictions[candidate],
            first.truth,
            first.labels,
            types,
            resamples=resamples,
        )

    models = {
        name: regressor_performance(values, first.truth, first.labels, types, resamples=resamples)
        for name, values in predictions.items()
    }
    return Calibration(
        types,
        models,
        {name: over(SIMPLE, name) for name in predictions if name != SIMPLE},
        {candidate: over(reference, candidate) for reference, candidate in pairs},
        tuple(networks),
    )


def _stages(place: Place, first: TestPredictions) -> dict[Stage, NDArray[Any]]:
    own, words = place.open().predictions(), place.words()
    if not (np.array_equal(own.event_id, first.event_id) and np.array_equal(words.event_id, first.event_id)):
        raise BadInput("networks were measured on different events", where=place.network.name)
    return {
        Stage.FLOAT: own.float_prediction,
        Stage.QUANTISED: words.values(words.keras)[:, 0],
        Stage.HARDWARE: words.values(words.native)[:, 0],
    }


def simple_sum(events: Path, types: Sequence[str], event_id: NDArray[np.uint64]) -> NDArray[np.float32]:
    """(n,) GeV: all trigger cells added, in the scale of the sample, for the events asked for."""
    chunk = EventSource([events], features=SUMMED, class_names=types).gather(Split.TEST)
    order = np.argsort(chunk.event_id)
    rows = order[np.minimum(np.searchsorted(chunk.event_id, event_id, sorter=order), len(order) - 1)]
    if not np.array_equal(chunk.event_id[rows], event_id):
        raise BadInput("a run was not measured on the test events of the study", where=str(events))
    return np.asarray(chunk.features[rows].sum(axis=1), dtype=np.float32)

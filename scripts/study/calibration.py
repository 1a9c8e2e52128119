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
from trigml.physics.regression import RegressorPerformance, TypePerformance, regressor_performance
from trigml.physics.regressor_comparison import RegressorComparison, compare_regressors
from trigml.physics.resolution_fit import ResolutionFit, fit_bins
from trigml.physics.uncertainties import NotMeasured
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
        edges: of the bins of true energy in GeV; events outside do not count for resolutions.
        models: by name: the sums, the trees, every network in every stage.
        without_noise: by name, per type: the fit σ/E = a/√E ⊕ c.
        over_simple: resolutions over those of the simple sum.
        over_float: those of a quantised network over those of its float reference.
        networks: what is compared.
    """

    types: tuple[str, ...]
    edges: tuple[float, ...]
    models: Mapping[str, RegressorPerformance]
    without_noise: Mapping[str, Mapping[str, ResolutionFit | NotMeasured]]
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
        fits = {
            name: {kind: fit.to_json() for kind, fit in by_type.items()}
            for name, by_type in self.without_noise.items()
        }
        return {"types": list(self.types), "edges": list(self.edges), "fits_without_b": fits} | {
            part: {name: one.to_json() for name, one in found.items()} for part, found in parts.items()
        }


def calibrate(
    places: Sequence[Place], events: Path, resamples: int, edges: NDArray[np.float64] | None = None
) -> Calibration:
    """Measure the networks of the places, the trees and the sums beside the first.

    ``edges`` are those of ``regressor_performance``: ``None`` for the whole range of the sample.
    """
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
            bins=edges,
            resamples=resamples,
        )

    models = {
        name: regressor_performance(values, first.truth, first.labels, types, bins=edges, resamples=resamples)
        for name, values in predictions.items()
    }
    return Calibration(
        types,
        models[SIMPLE].edges,
        models,
        {name: {one.name: _without_noise(one) for one in model.groups} for name, model in models.items()},
        {name: over(SIMPLE, name) for name in predictions if name != SIMPLE},
        {candidate: over(reference, candidate) for reference, candidate in pairs},
        tuple(networks),
    )


def _without_noise(measured: TypePerformance) -> ResolutionFit | NotMeasured:
    try:
        return fit_bins(measured.bins, without=("b",))
    except BadInput as error:
        return NotMeasured(error.problem)


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

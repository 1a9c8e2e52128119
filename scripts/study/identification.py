"""The figures of e/γ identification: every model on every sample, float, quantised and hardware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study.events import Truth
from study.plan import Inputs, Network, Sample, Task
from study.trainings import Place
from trigml.physics.classification import accuracy, class_scores
from trigml.physics.gains import Gain, gain
from trigml.physics.roc import RocCurve, auc, roc_curve
from trigml.physics.uncertainties import Estimate, Measured

FEWEST_EVENTS = 10
"""Of signal and of background; with fewer nothing is said."""


class Stage(StrEnum):
    """What computed the scores of a column."""

    FLOAT = "float"
    QUANTISED = "quantised"
    HARDWARE = "hardware"


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores of a model on events that it was not trained on.

    Attributes:
        name: for tables.
        inputs: what it sees.
        is_network: or boosted trees.
        merging_only: whether it was trained on merging pairs alone.
        event_id: (n,).
        logits: by column, (n, 2), signal first; hardware words times their LSB.
    """

    name: str
    inputs: Inputs
    is_network: bool
    merging_only: bool
    event_id: NDArray[np.uint64]
    logits: Mapping[Stage, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One model on one sample, in one column.

    Attributes:
        accuracy, auc: on the sample.
        auc_gain: AUC minus that of the reference, with the uncertainty of the paired difference; ``None`` for
            the reference itself.
        auc_loss: AUC of the float model minus this one, relative to it; ``None`` for the float model.
        gain: over the reference; ``None`` for the reference itself.
        curve: the ROC curve.
    """

    accuracy: Measured
    auc: Measured
    auc_gain: Measured | None
    auc_loss: Measured | None
    gain: Gain | None
    curve: RocCurve

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        parts = {
            "accuracy": self.accuracy,
            "auc": self.auc,
            "auc_minus_reference": self.auc_gain,
            "relative_auc_loss_to_float": self.auc_loss,
            "gain": self.gain,
        }
        return {name: None if part is None else part.to_json() for name, part in parts.items()}


@dataclass(frozen=True, slots=True)
class ModelResult:
    """A model's figures by column."""

    name: str
    inputs: Inputs
    is_network: bool
    columns: Mapping[Stage, Figures]


@dataclass(frozen=True, slots=True)
class SampleResult:
    """All models on one sample.

    Attributes:
        task, sample: which.
        merging_only: whether the models were trained on merging pairs alone.
        n_signal, n_background: test events.
        energies: true energies of the background in GeV, for what is said of the sample.
        models: their figures; the reference, boosted trees on the features, first. Empty if there are too
            few events.
    """

    task: Task
    sample: Sample
    merging_only: bool
    n_signal: int
    n_background: int
    energies: NDArray[np.float64]
    models: tuple[ModelResult, ...]

    def model(self, inputs: Inputs, *, network: bool) -> ModelResult | None:
        """The network on some inputs, or the trees on them."""
        found = (m for m in self.models if (m.inputs, m.is_network) == (inputs, network))
        return next(found, None)

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        return {
            "task": self.task.name,
            "sample": self.sample.selection.value,
            "trained_on": "merging" if self.merging_only else "inclusive",
            "n_signal": self.n_signal,
            "n_background": self.n_background,
            "models": {
                model.name: {stage.value: figures.to_json() for stage, figures in model.columns.items()}
                for model in self.models
            },
        }


def scored_models(places: Sequence[Place]) -> list[Scored]:
    """The networks of a task and the trees beside them; trees on the features first."""
    trees, networks = [], []
    for place in places:
        network, scores, words = place.network, place.open().scores(), place.words()
        assert scores.quantized_logits is not None
        if not np.array_equal(words.event_id, scores.event_id):
            raise ValueError(f"{network.name}: words and scores of different events")
        logits = {
            Stage.FLOAT: scores.float_logits,
            Stage.QUANTISED: words.values(words.keras),
            Stage.HARDWARE: words.values(words.native),
        }
        networks.append(
            _scored(network, f"{network.kind} on {network.inputs}", scores.event_id, logits, True)
        )
        if network.trees and scores.baseline is not None:
            name = f"boosted trees on {Inputs.CELLS if network.inputs is Inputs.IMAGE else network.inputs}"
            trees.append(_scored(network, name, scores.event_id, {Stage.FLOAT: scores.baseline}, False))
    return trees + networks


def _scored(
    network: Network,
    name: str,
    event_id: NDArray[np.uint64],
    logits: Mapping[Stage, NDArray[Any]],
    is_network: bool,
) -> Scored:
    return Scored(name, network.inputs, is_network, network.merging_only, event_id, logits)


def measure(
    task: Task, sample: Sample, truth: Truth, models: Sequence[Scored], resamples: int
) -> SampleResult:
    """All models of one training on one sample; the first one is the reference of the gains."""
    chosen = truth.selected(sample.selection)
    is_signal = chosen.labels == 0
    n_signal, n_background = int(is_signal.sum()), int((~is_signal).sum())
    results: tuple[ModelResult, ...] = ()
    if min(n_signal, n_background) >= FEWEST_EVENTS:
        results = tuple(_results(sample, chosen, models, resamples))
    return SampleResult(
        task,
        sample,
        models[0].merging_only,
        n_signal,
        n_background,
        chosen.energy[~is_signal],
        results,
    )


def _results(
    sample: Sample, chosen: Truth, models: Sequence[Scored], resamples: int
) -> Iterator[ModelResult]:
    is_signal = chosen.labels == 0
    reference: tuple[NDArray[np.float64], Estimate] | None = None
    for model in models:
        rows = chosen.rows_in(model.event_id, model.name)
        columns: dict[Stage, Figures] = {}
        whole: Estimate | None = None
        for stage, logits in model.logits.items():
            values = np.asarray(logits[rows], dtype=np.float64)
            scores = class_scores(values)[:, 0]
            area = auc(scores, is_signal)
            whole = whole or area
            columns[stage] = Figures(
                accuracy(values, chosen.labels).measured(),
                area.measured(),
                None if reference is None else area.minus(reference[1]).measured(),
                None if area is whole else _relative(whole.minus(area).measured(), whole.value),
                None
                if reference is None
                else gain(reference[0], scores, is_signal, sample.point, resamples=resamples),
                roc_curve(scores, is_signal),
            )
            reference = reference or (scores, area)
        yield ModelResult(model.name, model.inputs, model.is_network, columns)


def _relative(loss: Measured, to: float) -> Measured:
    return Measured(loss.value / to, loss.uncertainty / to)

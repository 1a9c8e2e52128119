"""Measuring the trained models on the test split: float reference, quantised model, boosted trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.data.blocks import Chunk
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import NotBitExact
from trigml.fixedpoint import to_values
from trigml.graph import Graph
from trigml.physics.classification import (
    ClassifierPerformance,
    PerformanceLoss,
    compare,
    measure_classifier,
)
from trigml.progress import Progress
from trigml.runs import TestScores
from trigml.spec import Spec
from trigml.training.baseline import train_trees
from trigml.training.events import SplitEvents, float_inputs, in_pieces, labels_of
from trigml.training.gates import GateResult, gate_results
from trigml.training.loop import outputs

TREES, FLOAT, QUANTISED = "boosted trees", "float", "quantised"
_CHECKED_EVENTS = 4096


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the models reach on the test split.

    Attributes:
        models: performance by name: ``float``, ``quantised``, ``boosted trees``, as far as they were made.
        losses: by what is compared, reference first: ``float − quantised`` and so on.
        gates: the spec's gates.
        test_events: events that were used.
        available_events: events of the test split.
        saturated: per input, the fraction of test events outside the input format's range.
    """

    models: Mapping[str, ClassifierPerformance]
    losses: Mapping[str, PerformanceLoss]
    gates: tuple[GateResult, ...]
    test_events: int
    available_events: int
    saturated: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Content of ``metrics.json``."""
        return {
            "test_events": self.test_events,
            "available_test_events": self.available_events,
            "models": {name: performance.to_json() for name, performance in self.models.items()},
            "losses": {name: loss.to_json() for name, loss in self.losses.items()},
            "gates": [gate.to_json() for gate in self.gates],
            "saturated_inputs": dict(self.saturated),
        }


def float_logits(model: Any, contract: InputContract, test: Chunk) -> NDArray[np.float32]:
    """Logits of the float reference."""
    return outputs(model, in_pieces(float_inputs(contract), test.features))


def quantized_logits(model: Any, graph: Graph, test: Chunk) -> NDArray[np.float64]:
    """Logits of the integer graph, which are those of the hardware.

    Raises:
        NotBitExact: the QKeras model, evaluated exactly, gives another word for one of the first events.
    """
    words = graph.contract.words(test.features)
    result = emulate(graph, words)
    _check_against_keras(model, graph, words[:_CHECKED_EVENTS], result[:_CHECKED_EVENTS])
    return to_values(result, graph.output.format.fraction)


def tree_scores(
    spec: Spec, events: SplitEvents, progress: Progress
) -> tuple[NDArray[np.float32] | None, dict[str, Any]]:
    """Log-probabilities of boosted trees on the test split, and how they were trained; ``None`` without."""
    if spec.baseline.kind == "none":
        return None, {}
    trees = train_trees(
        events.training.features,
        labels_of(events.training),
        events.validation.features,
        labels_of(events.validation),
        spec.data.classes,
        seed=spec.training.seed,
        max_events=spec.baseline.max_events,
        progress=progress,
    )
    history = {"events": trees.n_events, "rounds": trees.n_rounds, "validation_loss": trees.validation_loss}
    return trees.scores(events.test.features).astype(np.float32), history


def evaluate(
    spec: Spec, contract: InputContract, events: SplitEvents, scores: TestScores, available: int
) -> Evaluation:
    """Accuracy, AUCs and rejections of all models, what they lose against each other, and the gates."""
    by_model = models_of(scores)
    classes = spec.data.classes
    models = {name: measure_classifier(logits, scores.labels, classes) for name, logits in by_model.items()}
    losses = losses_of(by_model, scores.labels, classes)
    saturated = contract.saturated(events.test.features)
    return Evaluation(
        models=models,
        losses=losses,
        gates=gate_results(
            spec.gate, models[FLOAT], models.get(QUANTISED), losses.get(f"{FLOAT} − {QUANTISED}")
        ),
        test_events=len(scores.labels),
        available_events=available,
        saturated=dict(zip(contract.names, saturated.tolist(), strict=True)),
    )


def losses_of(
    by_model: Mapping[str, NDArray[Any]], labels: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, PerformanceLoss]:
    """What is lost from one model to another, reference first, as far as both are there."""
    return {
        f"{one} − {other}": compare(by_model[one], by_model[other], labels, classes)
        for one, other in ((FLOAT, QUANTISED), (TREES, FLOAT), (TREES, QUANTISED))
        if one in by_model and other in by_model
    }


def models_of(scores: TestScores) -> dict[str, NDArray[Any]]:
    """Logits or log-probabilities by the models' names, as tables and plots show them."""
    by_model = {FLOAT: scores.float_logits, QUANTISED: scores.quantized_logits, TREES: scores.baseline}
    return {name: logits for name, logits in by_model.items() if logits is not None}


def _check_against_keras(
    model: Any, graph: Graph, words: NDArray[np.int64], result: NDArray[np.int64]
) -> None:
    from trigml.frontends.keras_reference import KerasReference

    reference = KerasReference(model, graph).outputs(graph.contract.model_inputs(words))
    differing = np.argwhere(reference != result)
    if len(differing):
        event, element = (int(index) for index in differing[0])
        raise NotBitExact(
            "the integer graph and the QKeras model differ; please report this",
            where=f"test event {event}, output {element}; {len(differing)} words of {result.size} differ",
            expected=f"{reference[event, element]} (QKeras)",
            found=f"{result[event, element]} (graph)",
        )

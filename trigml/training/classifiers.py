"""Measuring the classifiers of a training: float reference, quantised model, boosted trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import to_values
from trigml.physics.classification import PerformanceLoss, compare, measure_classifier
from trigml.progress import Progress
from trigml.reports.performance import loss_table, performance_table
from trigml.runs import TestScores
from trigml.spec import Spec
from trigml.training.baseline import train_trees
from trigml.training.events import SplitEvents, float_inputs, in_pieces, labels_of
from trigml.training.gates import classifier_gates
from trigml.training.loop import outputs
from trigml.training.standing import FLOAT, QUANTISED, TREES, Plot, Standing
from trigml.training.trained import Trained


def classifier_scores(
    trained: Trained, events: SplitEvents, baseline: NDArray[np.float32] | None
) -> TestScores:
    """The outputs of all models on the test split.

    Args:
        trained: the networks.
        events: all splits.
        baseline: log-probabilities of the boosted trees; ``None`` without them.

    Raises:
        NotBitExact: as ``Trained.words``.
    """
    test = events.test
    words = trained.words(test)
    return TestScores(
        event_id=test.event_id,
        labels=labels_of(test),
        float_logits=outputs(trained.float_model, in_pieces(float_inputs(trained.contract), test.features)),
        quantized_logits=None
        if words is None or trained.graph is None
        else to_values(words, trained.graph.output.format.fraction),
        baseline=baseline,
    )


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


def classifier_standing(spec: Spec, scores: TestScores) -> Standing:
    """Accuracy, AUCs and rejections of all models, what they lose against each other, and the gates."""
    by_model = logits_by_model(scores)
    classes = spec.data.classes
    models = {name: measure_classifier(logits, scores.labels, classes) for name, logits in by_model.items()}
    losses = _losses(by_model, scores.labels, classes)
    gates = classifier_gates(
        spec.gate, models[FLOAT], models.get(QUANTISED), losses.get(f"{FLOAT} − {QUANTISED}")
    )
    return Standing(
        models,
        losses,
        gates,
        (performance_table(models),),
        loss_table(losses) if losses else None,
        roc_curves(spec, by_model, scores.labels),
    )


def roc_curves(spec: Spec, logits: Mapping[str, NDArray[Any]], labels: NDArray[np.int64]) -> Plot:
    """ROC curves of models, by their names, on the same events."""

    def write(stem: Path) -> None:
        from trigml.reports.roc_plot import write_roc_plot

        write_roc_plot(logits, labels, spec.data.classes, stem, sample=spec.title)

    return Plot("roc", "ROC curves", write)


def _losses(
    by_model: Mapping[str, NDArray[Any]], labels: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, PerformanceLoss]:
    """What is lost from one model to another, reference first, as far as both are there."""
    return {
        f"{one} − {other}": compare(by_model[one], by_model[other], labels, classes)
        for one, other in ((FLOAT, QUANTISED), (TREES, FLOAT), (TREES, QUANTISED))
        if one in by_model and other in by_model
    }


def logits_by_model(scores: TestScores) -> dict[str, NDArray[Any]]:
    """Logits or log-probabilities by the models' names, as tables and plots show them."""
    by_model = {FLOAT: scores.float_logits, QUANTISED: scores.quantized_logits, TREES: scores.baseline}
    return {name: logits for name, logits in by_model.items() if logits is not None}

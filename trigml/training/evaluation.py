"""Measuring the trained models on the test split: what ``trigml train`` and ``trigml report`` show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.data.blocks import Chunk
from trigml.progress import Progress
from trigml.runs import Run, TestPredictions, TestScores
from trigml.spec import Spec
from trigml.training.classifiers import (
    classifier_scores,
    classifier_standing,
    logits_by_model,
    roc_curves,
    tree_scores,
)
from trigml.training.events import SplitEvents, labels_of, truth_of
from trigml.training.regressors import (
    baseline_history,
    fit_sum,
    fit_trees,
    predictions_by_model,
    regressor_figures,
    regressor_predictions,
)
from trigml.training.standing import QUANTISED, Plot, Standing
from trigml.training.trained import Trained


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the models reach on the test split.

    Attributes:
        standing: the models beside each other.
        test_events: events that were used.
        available_events: events of the test split.
        saturated: per input, the fraction of test events outside the input format's range.
    """

    standing: Standing
    test_events: int
    available_events: int
    saturated: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Content of ``metrics.json``."""
        return {
            "test_events": self.test_events,
            "available_test_events": self.available_events,
            "models": {name: figures.to_json() for name, figures in self.standing.models.items()},
            "losses": {name: figures.to_json() for name, figures in self.standing.losses.items()},
            "gates": [gate.to_json() for gate in self.standing.gates],
            "saturated_inputs": dict(self.saturated),
        }


def score(
    trained: Trained, events: SplitEvents, progress: Progress
) -> tuple[TestScores | TestPredictions, dict[str, Any]]:
    """The outputs of all models on the test split, and how the baselines were trained.

    Raises:
        NotBitExact: the integer graph and the QKeras model differ.
        BadInput: a baseline cannot be made.
    """
    spec = trained.spec
    if spec.task == "regression":
        calibrated = fit_sum(spec, events)
        forest = fit_trees(spec, events, progress)
        with progress.task("Applying the models to the test split"):
            predictions = regressor_predictions(trained, events, calibrated, forest)
        return predictions, baseline_history(calibrated, forest)
    trees, history = tree_scores(spec, events, progress)
    with progress.task("Applying the models to the test split"):
        scores = classifier_scores(trained, events, trees)
    return scores, {"boosted_trees": history}


def evaluate(
    spec: Spec,
    contract: InputContract,
    events: SplitEvents,
    scores: TestScores | TestPredictions,
    available: int,
) -> Evaluation:
    """The figures of all models, what they lose against each other, and the gates."""
    saturated = contract.saturated(events.test.features)
    return Evaluation(
        _standing(spec, scores),
        test_events=len(scores.labels),
        available_events=available,
        saturated=dict(zip(contract.names, saturated.tolist(), strict=True)),
    )


def standing_of(run: Run) -> Standing:
    """The models of a finished run beside each other."""
    return _standing(run.spec, _scores_of(run))


def hardware_plot(run: Run, events: Chunk, name: str, values: NDArray[np.float64]) -> Plot:
    """The plot of a run's models with hardware beside them.

    Args:
        run: a finished run.
        events: those that the hardware was given, with labels and targets. Where they are not the test split
            of the run's training, the plot has the hardware alone.
        name: of the hardware.
        values: its outputs (n, outputs) as values.
    """
    spec, scores, labels = run.spec, _scores_of(run), labels_of(events)
    same = np.array_equal(scores.event_id, events.event_id)
    if not isinstance(scores, TestPredictions):
        return roc_curves(spec, (logits_by_model(scores) if same else {}) | {name: values}, labels)
    predictions = predictions_by_model(scores) if same else {}
    alike = QUANTISED in predictions and np.array_equal(predictions[QUANTISED], values[:, 0])
    if not alike:
        predictions[name] = values[:, 0]
    figures = regressor_figures(spec, predictions, truth_of(events).astype(np.float32), labels)
    return (figures.and_also(name, QUANTISED) if alike else figures).plot(spec)


def _scores_of(run: Run) -> TestScores | TestPredictions:
    return run.predictions() if run.spec.task == "regression" else run.scores()


def _standing(spec: Spec, scores: TestScores | TestPredictions) -> Standing:
    if isinstance(scores, TestPredictions):
        by_model = predictions_by_model(scores)
        return regressor_figures(spec, by_model, scores.truth, scores.labels).standing(spec)
    return classifier_standing(spec, scores)

"""Measuring the regressors of a training: float reference, quantised model, calibrated sum, boosted trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import to_values
from trigml.physics.regression import RegressorPerformance, regressor_performance
from trigml.physics.regressor_comparison import RegressorComparison, compare_regressors
from trigml.progress import Progress
from trigml.reports.regression import resolution_loss_table, resolution_tables
from trigml.runs import TestPredictions
from trigml.spec import Spec
from trigml.training.events import SplitEvents, float_inputs, in_pieces, labels_of, truth_of
from trigml.training.gates import regressor_gates
from trigml.training.loop import outputs
from trigml.training.regression_baselines import (
    CalibratedSum,
    RegressionTrees,
    calibrated_sum,
    regression_trees,
)
from trigml.training.standing import FLOAT, QUANTISED, SUM, TREES, Plot, Standing
from trigml.training.trained import Trained


def regressor_predictions(
    trained: Trained, events: SplitEvents, calibrated: CalibratedSum | None, trees: RegressionTrees | None
) -> TestPredictions:
    """What all models predict for the test split.

    Args:
        trained: the networks.
        events: all splits.
        calibrated: the sum; ``None`` if no input has the target's unit.
        trees: their predictions for the test split; ``None`` without them.

    Raises:
        NotBitExact: as ``Trained.words``.
    """
    test = events.test
    inputs = in_pieces(float_inputs(trained.contract), test.features)
    words = trained.words(test)
    return TestPredictions(
        event_id=test.event_id,
        labels=labels_of(test),
        truth=truth_of(test).astype(np.float32),
        float_prediction=outputs(trained.float_model, inputs)[:, 0],
        words=None if words is None else words[:, 0],
        quantized_prediction=None
        if words is None or trained.graph is None
        else to_values(words[:, 0], trained.graph.output.format.fraction),
        calibrated_sum=None if calibrated is None else calibrated.predictions(test.features),
        boosted_trees=None if trees is None else trees.predictions,
    )


def fit_sum(spec: Spec, events: SplitEvents) -> CalibratedSum | None:
    """The calibrated sum of the spec's inputs; ``None`` if none has the target's unit."""
    training = events.sample
    truth = truth_of(training).astype(np.float32)
    return calibrated_sum(training.features, truth, spec.inputs, events.source.columns, events.target_unit)


def fit_trees(spec: Spec, events: SplitEvents, progress: Progress) -> RegressionTrees | None:
    """Boosted trees on the spec's inputs, applied to the test split; ``None`` if the spec wants none."""
    if spec.baseline.kind == "none":
        return None
    training, validation = (
        (chunk.features, truth_of(chunk).astype(np.float32)) for chunk in (events.training, events.validation)
    )
    return regression_trees(
        training,
        validation,
        events.test.features,
        seed=spec.training.seed,
        max_events=spec.baseline.max_events,
        progress=progress,
    )


def baseline_history(calibrated: CalibratedSum | None, trees: RegressionTrees | None) -> dict[str, Any]:
    """How the baselines were made, as ``history.json`` has it."""
    history: dict[str, Any] = {"calibrated_sum": {}, "boosted_trees": {}}
    if calibrated is not None:
        parts = zip(calibrated.groups, calibrated.factors, strict=True)
        history["calibrated_sum"] = {
            "parts": [{"inputs": len(group), "factor": factor} for group, factor in parts]
        }
    if trees is not None:
        history["boosted_trees"] = {
            "events": trees.n_events,
            "rounds": trees.n_rounds,
            "validation_loss": trees.validation_loss,
        }
    return history


def regressor_figures(
    spec: Spec,
    predictions: Mapping[str, NDArray[Any]],
    truth: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> RegressorFigures:
    """Measure models on the same events and compare them: with the sum, and quantised with float.

    Args:
        spec: whose particle types count.
        predictions: (n,) of each model, by its name.
        truth: (n,).
        labels: (n,), particle types.
    """
    types = spec.data.classes
    pairs = [(FLOAT, QUANTISED), *((SUM, name) for name in predictions if name != SUM)]
    return RegressorFigures(
        {name: regressor_performance(values, truth, labels, types) for name, values in predictions.items()},
        {
            (other, one): compare_regressors(predictions[one], predictions[other], truth, labels, types)
            for one, other in pairs
            if one in predictions and other in predictions
        },
    )


@dataclass(frozen=True, slots=True)
class RegressorFigures:
    """Response and resolution of models, and how they compare.

    Attributes:
        models: by name.
        comparisons: by the names of a model and of the one that it is compared with.
    """

    models: Mapping[str, RegressorPerformance]
    comparisons: Mapping[tuple[str, str], RegressorComparison]

    def and_also(self, name: str, like: str) -> RegressorFigures:
        """With one model more, ``name``, that gives the same as the model ``like``."""
        comparisons = {
            (name, one): found for (other, one), found in self.comparisons.items() if other == like
        }
        return RegressorFigures({**self.models, name: self.models[like]}, {**self.comparisons, **comparisons})

    def standing(self, spec: Spec) -> Standing:
        """The models beside each other, and the gates."""
        losses = {f"{other} / {one}": found for (other, one), found in self.comparisons.items()}
        gates = regressor_gates(
            spec.gate,
            self.models[FLOAT],
            self.models.get(QUANTISED),
            self.comparisons.get((QUANTISED, FLOAT)),
        )
        return Standing(
            self.models,
            losses,
            gates,
            resolution_tables(self.models),
            resolution_loss_table(losses) if losses else None,
            self.plot(spec),
        )

    def plot(self, spec: Spec) -> Plot:
        """Response and resolution, and the ratios to the calibrated sum."""

        def write(stem: Path) -> None:
            from trigml.reports.resolution_plot import write_resolution_plot

            ratios = {other: found for (other, one), found in self.comparisons.items() if one == SUM}
            write_resolution_plot(self.models, stem, ratios=ratios, reference=SUM, sample=spec.title)

        return Plot("resolution", "response and resolution", write)


def predictions_by_model(predictions: TestPredictions) -> dict[str, NDArray[Any]]:
    """Predictions in the target's unit by the models' names, as tables and plots show them."""
    by_model = {
        FLOAT: predictions.float_prediction,
        QUANTISED: predictions.quantized_prediction,
        SUM: predictions.calibrated_sum,
        TREES: predictions.boosted_trees,
    }
    return {name: values for name, values in by_model.items() if values is not None}

"""The losses of a training (imports TensorFlow)."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trigml.spec import LossSpec
from trigml.training.architecture import float_model
from trigml.training.heads import HIDDEN_PATH
from trigml.training.objectives import (
    LOG_WIDTH,
    CrossEntropy,
    GaussianWidth,
    Objective,
    Quantile,
    RelativeError,
    objective_of,
)

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s

PREDICTED = np.array([8.0, 10.0, 12.0, 30.0], np.float32)
TRUTH = np.array([10.0, 10.0, 10.0, 20.0], np.float32)
ERRORS = np.array([-0.2, 0.0, 0.2, 0.5])


def losses(objective: Objective, predicted: np.ndarray = PREDICTED, truth: np.ndarray = TRUTH) -> Any:
    return np.asarray(objective.losses(predicted[:, np.newaxis], truth))


def test_squared_relative_errors() -> None:
    """A shower of 20 GeV and one of 10 GeV count alike if they are wrong by the same fraction."""
    np.testing.assert_allclose(losses(RelativeError()), ERRORS**2, atol=1e-7)


def test_the_loss_of_huber_is_a_straight_line_beyond_delta() -> None:
    """Below delta it is the square; beyond, it goes on with the slope that it has there."""
    expected = [0.04, 0.0, 0.04, 2 * 0.3 * 0.5 - 0.3**2]
    np.testing.assert_allclose(losses(RelativeError(0.3)), expected, atol=1e-7)


def test_a_quantile_loss_weighs_too_low_by_q_and_too_high_by_1_minus_q() -> None:
    """With q = 0.9 a prediction that is too low costs nine times as much."""
    np.testing.assert_allclose(losses(Quantile(0.9)), [0.18, 0.0, 0.02, 0.05], atol=1e-7)


def test_a_quantile_loss_is_smallest_at_the_quantile() -> None:
    """For one and the same prediction of events of about one energy, q of them lie below it."""
    truth = np.random.default_rng(1).normal(100, 1, 2000).astype(np.float32)
    candidates = np.quantile(truth, np.linspace(0.5, 0.99, 50))
    means = [losses(Quantile(0.8), np.full(2000, p, np.float32), truth).mean() for p in candidates]
    assert np.linspace(0.5, 0.99, 50)[int(np.argmin(means))] == pytest.approx(0.8, abs=0.03)


def test_the_gaussian_loss_is_smallest_at_the_width_of_the_errors() -> None:
    """−log of the density without its constant: the mean is least at the width that the errors have."""
    truth = np.full(4000, 10.0, np.float32)
    predicted = (truth * (1 + np.random.default_rng(2).normal(0, 0.1, 4000))).astype(np.float32)
    widths = np.geomspace(0.05, 0.2, 41)

    def mean(width: float) -> float:
        log_width = np.full((4000, 1), np.log(width), np.float32)
        return float(np.mean(GaussianWidth().losses([predicted[:, np.newaxis], log_width], truth)))

    means = [mean(width) for width in widths]
    assert widths[int(np.argmin(means))] == pytest.approx(np.std(predicted / truth), rel=0.04)
    expected = np.mean((predicted / truth - 1) ** 2) / (2 * 0.1**2) + np.log(0.1)
    assert mean(0.1) == pytest.approx(expected, rel=1e-4)


def test_the_learned_width_is_no_part_of_the_model(toy_calorimeter: ModuleType) -> None:
    """The trainee shares the model's layers, so that they are trained; the model keeps its one output."""
    model = float_model(toy_calorimeter.toy_energy_spec(Path("none.h5"), "inputs.cells.count=22"))
    trainee = GaussianWidth().trainee(model)
    assert [tuple(output.shape[1:]) for output in trainee.outputs] == [(1,), (1,)]
    assert trainee.get_layer(HIDDEN_PATH) is model.get_layer(HIDDEN_PATH)
    assert LOG_WIDTH not in [layer.name for layer in model.layers]
    width = trainee(np.zeros((1, 22), np.float32))[1]
    assert float(width[0, 0]) == pytest.approx(np.log(0.2))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (LossSpec(kind="relative", delta=0.2), RelativeError(0.2)),
        (LossSpec(kind="quantile", quantile=0.6), Quantile(0.6)),
        (LossSpec(kind="gaussian"), GaussianWidth()),
        (None, RelativeError()),
    ],
)
def test_the_spec_chooses_the_objective(
    loss: LossSpec | None, expected: Objective, toy_calorimeter: ModuleType
) -> None:
    """Kind and settings of training.loss arrive; without it a regression makes r² small."""
    spec = toy_calorimeter.toy_energy_spec(Path("none.h5"))
    training = spec.training.model_copy(update={"loss": loss})
    assert objective_of(spec.model_copy(update={"training": training})) == expected


def test_a_classification_makes_the_cross_entropy_small(toy_spec: Any) -> None:
    """−log softmax of the true class, as NumPy computes it."""
    objective = objective_of(toy_spec(Path("none.h5")))
    assert objective == CrossEntropy()
    logits = np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]], np.float32)
    expected = np.log(np.exp(logits).sum(axis=1)) - logits[[0, 1], [1, 0]]
    np.testing.assert_allclose(objective.losses(logits, np.array([1, 0])), expected, rtol=1e-6)

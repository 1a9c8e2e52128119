"""Dropout in training (imports TensorFlow)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trigml.contract import InputContract
from trigml.fixedpoint import FixedPoint
from trigml.legacy_keras import load
from trigml.progress import Silent
from trigml.spec import ScheduleSpec, Spec
from trigml.training.architecture import float_model, initial_weights, quantized_model
from trigml.training.calibration import layer_outputs
from trigml.training.dropout import Dropout
from trigml.training.events import InMemory
from trigml.training.loop import FitSettings, fit
from trigml.training.objectives import CrossEntropy
from trigml.training.symmetries import Symmetrised, generated_by, permutation_of

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s

DROPOUT = Dropout(0.4, frozenset({"relu_1", "relu_2"}), seed=4 * (2**31 - 1) + 2)


@pytest.fixture(params=["float", "quantised"])
def model(request: pytest.FixtureRequest, toy_spec: Callable[..., Spec]) -> Any:
    spec = toy_spec(
        Path("none.h5"),
        "quantization.weight_integer=1",
        "quantization.bias_integer=1",
        "quantization.activation_integer=2",
    )
    contract = InputContract.plain("f", 4, FixedPoint.parse(spec.inputs.format))
    made = float_model(spec) if request.param == "float" else quantized_model(spec, contract)
    made.set_weights(initial_weights(made, 1))
    return made


def inputs(n: int = 200) -> np.ndarray:
    return np.random.default_rng(0).integers(-8, 8, size=(n, 4)).astype(np.float32) / 4


LABELS = np.random.default_rng(1).integers(0, 3, 200)


def loss_without_dropout(model: Any, weights: tuple[np.ndarray, ...]) -> float:
    """Of the validation events."""
    model.set_weights(list(weights))
    return float(np.mean(CrossEntropy().losses(model(inputs(50), training=False), LABELS[:50])))


def train(model: Any, checkpoint: Path, dropout: Dropout | None, progress: Any = None) -> Any:
    group = generated_by([permutation_of("transpose", ((1, 2, 2),))])
    return fit(
        model,
        Symmetrised(InMemory(inputs(), LABELS, seed=5), group, seed=5),
        (inputs(50), LABELS[:50]),
        FitSettings(3, 25, 0.01, 0.0, 10, ScheduleSpec(), dropout),
        checkpoint=checkpoint,
        title="Toy",
        progress=progress or Silent(),
    )


def test_outputs_are_dropped_in_training_only(model: Any) -> None:
    """The same step drops the same, another step other ones; outside training the outputs have every bit."""
    step = load().tensorflow.Variable(0, dtype="int64")
    dropping = DROPOUT.applied_to(model, step)
    np.testing.assert_array_equal(dropping(inputs(), training=False), model(inputs(), training=False))
    one = dropping(inputs(), training=True).numpy()
    np.testing.assert_array_equal(dropping(inputs(), training=True), one)
    step.assign(1)
    assert not np.array_equal(dropping(inputs(), training=True), one)
    assert not np.array_equal(one, model(inputs(), training=True))


def test_the_rate_is_that_of_the_outputs(model: Any) -> None:
    """The given part of a layer's outputs is zero, the rest larger by 1 / (1 - rate)."""
    keras = load().keras
    only_first = Dropout(0.25, frozenset({"relu_1"}), seed=1)
    dropping = only_first.applied_to(model, load().tensorflow.Variable(7, dtype="int64"))
    first = keras.Model(dropping.inputs, dropping.get_layer("relu_1").output)(
        inputs(2000), training=True
    ).numpy()
    whole = layer_outputs(model, ["relu_1"], inputs(2000))[0]
    positive = whole > 0
    assert abs(np.mean(first[positive] == 0) - 0.25) < 0.02
    kept = positive & (first > 0)
    np.testing.assert_allclose(first[kept], whole[kept] / 0.75, rtol=1e-6)


def test_the_model_itself_stays_as_it_was(model: Any) -> None:
    """What is saved has the layers of the spec and no others, and trains the same variables."""
    before = json.loads(model.to_json())
    dropping = DROPOUT.applied_to(model, load().tensorflow.Variable(0, dtype="int64"))
    assert json.loads(model.to_json()) == before
    assert all(a is b for a, b in zip(dropping.trainable_variables, model.trainable_variables, strict=True))


def test_an_interrupted_training_ends_with_the_same_weights(
    model: Any, tmp_path: Path, recorder: Any
) -> None:
    """Dropout and symmetries go on after an interruption as if there was none; validation has neither."""
    start = [weight.copy() for weight in model.get_weights()]
    undisturbed = train(model, tmp_path / "one.npz", DROPOUT)
    assert undisturbed.validation_losses[-1] == pytest.approx(
        loss_without_dropout(model, undisturbed.weights)
    )
    model.set_weights(start)
    with pytest.raises(KeyboardInterrupt):
        train(model, tmp_path / "other.npz", DROPOUT, recorder(stop_at="Toy", after=1.2))
    resumed = train(model, tmp_path / "other.npz", DROPOUT)
    assert resumed.history == undisturbed.history
    for one, other in zip(undisturbed.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    model.set_weights(start)
    without = train(model, tmp_path / "without.npz", None)
    assert any(not np.array_equal(a, b) for a, b in zip(undisturbed.weights, without.weights, strict=True))

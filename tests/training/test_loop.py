"""The training loop (imports TensorFlow)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trigml.contract import InputContract, InputFeature
from trigml.fixedpoint import FixedPoint
from trigml.progress import Silent
from trigml.spec import ScheduleSpec, Spec
from trigml.training.architecture import float_model, initial_weights, quantized_model
from trigml.training.events import InMemory
from trigml.training.loop import Batch, Diverged, FitSettings, fit, outputs
from trigml.training.objectives import RelativeError
from trigml.training.state import TrainState

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s


def events(n: int = 600) -> InMemory:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    inputs = rng.normal(size=(n, 4)) + np.eye(4)[labels] * 2
    return InMemory(inputs.astype(np.float32), labels, seed=5)


def validation() -> Batch:
    held = events(300)
    return held.inputs, held.truth


def settings(**changes: Any) -> FitSettings:
    given: dict[str, Any] = {
        "epochs": 4,
        "batch_size": 50,
        "learning_rate": 0.01,
        "weight_decay": 0.01,
        "patience": 10,
        "schedule": ScheduleSpec(),
    }
    return FitSettings(**(given | changes))


@pytest.fixture
def model(toy_spec: Callable[..., Spec]) -> Any:
    model = float_model(toy_spec(Path("none.h5")))
    model.set_weights(initial_weights(model, 1))
    return model


def run(model: Any, checkpoint: Path, progress: Any = None, **changes: Any) -> Any:
    return fit(
        model,
        events(),
        validation(),
        settings(**changes),
        checkpoint=checkpoint,
        title="Toy",
        progress=progress or Silent(),
    )


def test_training_learns_and_keeps_the_best_epoch(model: Any, tmp_path: Path, recorder: Any) -> None:
    """The loss falls, the model ends with the weights of the lowest validation loss, and progress adds up."""
    listener = recorder()
    state = run(model, tmp_path / "c.npz", listener, epochs=8)
    assert state.history[-1].loss < 0.7 * state.history[0].loss
    for one, other in zip(model.get_weights(), state.best_weights, strict=True):
        np.testing.assert_array_equal(one, other)
    inputs, labels = validation()
    logits = outputs(model, inputs).astype(np.float64)
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
    assert np.mean(losses) == pytest.approx(state.best.validation_loss, rel=1e-5)
    assert np.mean(logits.argmax(axis=1) == labels) == state.best.validation_accuracy
    assert listener.done["Toy"] == pytest.approx(8)


@pytest.mark.parametrize("after", [0.0, 0.5, 1.2, 3.9])
def test_an_interrupted_training_ends_with_the_same_weights(
    model: Any, tmp_path: Path, recorder: Any, after: float
) -> None:
    """Stopped anywhere and begun again, the training gives the same bits and the same history."""
    start = [weight.copy() for weight in model.get_weights()]
    undisturbed = run(model, tmp_path / "one.npz", batch_size=10)
    model.set_weights(start)
    with pytest.raises(KeyboardInterrupt):
        run(model, tmp_path / "other.npz", recorder(stop_at="Toy", after=after), batch_size=10)
    model.set_weights([weight * 0 for weight in start])  # the checkpoint counts, not what is in memory
    if after < 1:
        model.set_weights(start)  # no epoch was finished
    resumed = run(model, tmp_path / "other.npz", batch_size=10)
    assert resumed.history == undisturbed.history
    for kind in ("weights", "optimizer", "best_weights"):
        for one, other in zip(getattr(undisturbed, kind), getattr(resumed, kind), strict=True):
            np.testing.assert_array_equal(one, other)


def test_another_order_of_events_gives_other_weights(model: Any, tmp_path: Path) -> None:
    """The comparison of resumed weights can fail: one different seed is seen in the bits."""
    start = [weight.copy() for weight in model.get_weights()]
    one = run(model, tmp_path / "one.npz")
    model.set_weights(start)
    other_order = InMemory(events().inputs, events().truth, seed=6)
    other = fit(
        model,
        other_order,
        validation(),
        settings(),
        checkpoint=tmp_path / "other.npz",
        title="Toy",
        progress=Silent(),
    )
    assert any(not np.array_equal(a, b) for a, b in zip(one.weights, other.weights, strict=True))


def test_a_finished_training_is_not_repeated(model: Any, tmp_path: Path) -> None:
    """A checkpoint with all epochs gives its best weights at once."""
    state = run(model, tmp_path / "c.npz")
    before = (tmp_path / "c.npz").read_bytes()
    model.set_weights([weight * 0 for weight in model.get_weights()])
    again = run(model, tmp_path / "c.npz")
    assert again.history == state.history
    assert (tmp_path / "c.npz").read_bytes() == before
    np.testing.assert_array_equal(model.get_weights()[0], state.best_weights[0])


def test_training_stops_early(model: Any, tmp_path: Path, recorder: Any) -> None:
    """Without a new minimum for ``patience`` epochs there are no more, and the listener is told."""
    listener = recorder()
    state = run(
        model, tmp_path / "c.npz", listener, epochs=40, patience=2, learning_rate=1.0, weight_decay=0.0
    )
    assert state.epochs_done < 40
    assert state.epochs_done == state.best.epoch + 1 + 2
    assert any("stopped early" in line for line in listener.lines)


def test_a_diverged_training_is_explained(model: Any, tmp_path: Path) -> None:
    """NaN is reported with epoch and learning rate, and the remedy names the key."""
    with pytest.raises(Diverged) as caught:
        run(model, tmp_path / "c.npz", learning_rate=1e30)
    for part in ("loss is no longer a number", "Toy, epoch 1, learning rate 1e+30", "training.learning_rate"):
        assert part in str(caught.value)
    assert not (tmp_path / "c.npz").exists()


def test_weights_stay_inside_the_range_of_their_quantiser(
    toy_spec: Callable[..., Spec], tmp_path: Path
) -> None:
    """Outside it a straight-through gradient would push them on for nothing."""
    spec = toy_spec(
        Path("none.h5"),
        "quantization.weight_integer=1",
        "quantization.bias_integer=1",
        "quantization.activation_integer=2",
    )
    features = tuple(InputFeature(f"f{index}", "", 0.0, 0) for index in range(4))
    model = quantized_model(spec, InputContract(features, FixedPoint.parse(spec.inputs.format)))
    model.set_weights(initial_weights(model, 1))
    run(model, tmp_path / "c.npz", learning_rate=1.0, weight_decay=0.0)
    largest = max(float(np.abs(weight).max()) for weight in model.get_weights())
    assert 0.9 < largest <= 1.0


def test_weight_decay_shrinks_kernels(model: Any, tmp_path: Path) -> None:
    """The decay reaches the kernels; nothing but the decay differs between the two trainings."""
    start = [weight.copy() for weight in model.get_weights()]
    run(model, tmp_path / "without.npz", weight_decay=0.0)
    without = float(np.square(model.get_weights()[0]).sum())
    model.set_weights(start)
    run(model, tmp_path / "with.npz", weight_decay=1.0)
    assert float(np.square(model.get_weights()[0]).sum()) < without


@pytest.mark.parametrize(("trained", "decays"), [("linear", False), ("dense_1", True)])
def test_weight_decay_leaves_the_linear_path_alone(
    toy_calorimeter: ModuleType, tmp_path: Path, trained: str, decays: bool
) -> None:
    """Its weights belong around 1; those of the hidden layers are drawn towards 0."""
    rng = np.random.default_rng(2)
    inputs = rng.exponential(1, (300, 22)).astype(np.float32)
    held = inputs, inputs.sum(axis=1)
    weights = []
    for decay in (0.0, 0.5):
        model = float_model(toy_calorimeter.toy_energy_spec(Path("none.h5"), "inputs.cells.count=22"))
        model.set_weights(initial_weights(model, 1))
        for layer in model.layers:
            layer.trainable = layer.name == trained
        fit(
            model,
            InMemory(*held, seed=3),
            held,
            settings(epochs=1, weight_decay=decay, objective=RelativeError()),
            checkpoint=tmp_path / f"{decay}.npz",
            title="Toy",
            progress=Silent(),
        )
        weights.append(model.get_layer(trained).kernel.numpy())
    assert np.array_equal(*weights) is not decays
    state = TrainState.load(tmp_path / "0.5.npz")
    assert state is not None
    assert state.best.accuracy is state.best.validation_accuracy is None

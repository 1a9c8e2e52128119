"""The float reference as ONNX, and the bound of float32 arithmetic (imports TensorFlow)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from trigml.backends.onnx.float_bounds import FloatBounds
from trigml.backends.onnx.float_reference import check_float_onnx, float_onnx
from trigml.errors import BadInput, NotBitExact
from trigml.legacy_keras import load
from trigml.spec import spec_from_text
from trigml.training.architecture import float_model, initial_weights
from trigml.training.model_files import load_model, save_model

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s

SPEC = """\
trigml: 1
name: toy
data: {files: [none.h5], classes: [a, b, c]}
inputs: {format: "ap_fixed<10,3,RND_CONV,SAT>", features: [f0, f1, f2, f3]}
model: {hidden: [8, 6]}
"""


@pytest.fixture(scope="module")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The float reference of a small spec, as a run has it: written and loaded again."""
    model = float_model(spec_from_text(SPEC, "toy"))
    model.set_weights(initial_weights(model, 1))
    folder = tmp_path_factory.mktemp("float")
    save_model(model, folder)
    return load_model(folder)


@pytest.fixture(scope="module")
def image() -> Any:
    """Every kind of layer that has a bound of its own."""
    layers, model_class = load().keras.layers, load().keras.Model
    inputs = layers.Input((6, 6, 2))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(inputs))
    x = layers.MaxPooling2D()(layers.ReLU()(x))
    x = layers.Concatenate()([layers.Add()([x, layers.Conv2D(4, 1, activation="relu")(x)]), x])
    x = layers.Flatten()(layers.AveragePooling2D()(layers.DepthwiseConv2D(2)(x)))
    model = model_class(inputs, layers.Dense(3)(x), name="image")
    random = np.random.default_rng(2)
    model.set_weights([random.uniform(0.2, 0.9, array.shape) for array in model.get_weights()])
    return model


def inputs_of(model: Any, events: int = 1000) -> np.ndarray:
    random = np.random.default_rng(3)
    return random.normal(0, 1, (events, *model.inputs[0].shape[1:])).astype(np.float32)


@pytest.mark.parametrize("name", ["mlp", "image"])
def test_agrees_with_keras(name: str, request: pytest.FixtureRequest) -> None:
    """Protects the export: a valid file, with the same bytes each time, as near to Keras as floats can be."""
    model = request.getfixturevalue(name)
    content = float_onnx(model)
    assert float_onnx(model) == content
    onnx.checker.check_model(onnx.load_model_from_string(content), full_check=True)
    check = check_float_onnx(model, content, inputs_of(model))
    assert (check.events, check.numbers) == (1000, 3000)
    assert check.used <= 1
    assert check.relative < 1e-5


@pytest.mark.parametrize("layer", ["dense_1", "dense_2", "logits"])
def test_a_changed_weight_is_seen(mlp: Any, layer: str) -> None:
    """Protects the bound from being loose: one weight that is off by a thousandth is beyond it."""
    proto = onnx.load_model_from_string(float_onnx(mlp))
    kernel = mlp.get_layer(layer).get_weights()[0]
    tensor = next(t for t in proto.graph.initializer if np.array_equal(numpy_helper.to_array(t), kernel))
    place = np.unravel_index(int(np.argsort(np.abs(kernel), axis=None)[kernel.size // 2]), kernel.shape)
    changed = kernel.copy()
    changed[place] *= np.float32(1.001)
    tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))
    with pytest.raises(NotBitExact, match="more than float32 arithmetic can"):
        check_float_onnx(mlp, proto.SerializeToString(), inputs_of(mlp))


def test_the_bound_holds_for_exact_arithmetic(mlp: Any) -> None:
    """Protects the analysis: Keras is within half of the bound of the network in exact fractions."""
    inputs = inputs_of(mlp, 20)
    found, apart = mlp.predict(inputs, verbose=0), FloatBounds(mlp).apart(inputs)
    weights = [np.vectorize(Fraction)(array.astype(float)) for array in mlp.get_weights()]
    exact = np.vectorize(Fraction)(inputs.astype(float))
    for index in range(0, len(weights), 2):
        exact = exact @ weights[index] + weights[index + 1]
        if index < len(weights) - 2:
            exact = np.maximum(exact, Fraction(0))
    off = np.abs(np.vectorize(Fraction)(found.astype(float)) - exact).astype(float)
    assert off.max() > 0
    assert np.all(2 * off <= apart)


def test_zeros_leave_no_room() -> None:
    """Protects the count of roundings: zeros add no rounding to a sum."""
    layers, model_class = load().keras.layers, load().keras.Model
    inputs = layers.Input((3,))
    model = model_class(inputs, layers.Dense(1, use_bias=False)(inputs))
    model.set_weights([np.array([[3.0], [5.0], [7.0]])])
    apart = FloatBounds(model).apart(np.array([[0, 1, 0]], np.float32))
    assert 2 * 5 * 2.0**-24 <= apart[0, 0] < 5 * 5 * 2.0**-24


def test_layers_without_a_bound_are_refused() -> None:
    """Protects against a bound that does not hold: a function with a curve is refused by name."""
    layers, model_class = load().keras.layers, load().keras.Model
    inputs = layers.Input((3,))
    model = model_class(inputs, layers.Dense(2, activation="tanh", name="curved")(inputs))
    with pytest.raises(BadInput, match=r"curved \(Dense\)"):
        FloatBounds(model)

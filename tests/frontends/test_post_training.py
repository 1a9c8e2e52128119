"""Post-training quantisation: a plain Keras model and formats become an exact network (needs TensorFlow)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.frontends.keras_reference import KerasReference
from trigml.frontends.options import ConversionOptions
from trigml.frontends.post_training import MissingFormats, quantised_model
from trigml.frontends.qkeras import graph_from_keras
from trigml.frontends.quantizers_file import (
    DefaultFormats,
    LayerFormats,
    Quantizers,
    quantizers_from_text,
)
from trigml.legacy_keras import load

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s

ALL = """
input: fixed<10,3>
default:
  weights: fixed<7,auto>
  biases: fixed<8,auto>
  activations: ufixed<7,3>
  signed_activations: fixed<8,4>
  table_inputs: fixed<9,4>
"""


def filled(model: Any) -> Any:
    random = np.random.default_rng(3)
    model.set_weights(
        [
            np.abs(random.normal(1, 0.2, w.shape)) if "variance" in v.name else random.normal(0, 0.5, w.shape)
            for v, w in zip(model.weights, model.get_weights(), strict=True)
        ]
    )
    return model


def sequential(*layers: Any, shape: tuple[int, ...]) -> Any:
    keras = load().keras
    return filled(keras.Sequential([keras.Input(shape, name="in"), *layers], name="plain"))


def quantised(model: Any, text: str = ALL) -> Any:
    return quantised_model(model, quantizers_from_text(text, "formats.yml"), "formats.yml")


def differences(model: Any, options: ConversionOptions, events: int = 200) -> int:
    """Differing words between a quantised Keras model and its graph."""
    graph = graph_from_keras(model, options).graph
    words = np.random.default_rng(0).integers(-512, 512, (events, graph.n_in))
    reference = KerasReference(model, graph, options)
    assert not reference.may_round
    assert not reference.not_compared
    found = reference.outputs(np.ldexp(words.astype(np.float64), -graph.inputs[0].format.fraction))
    assert len(np.unique(found)) > 10  # a dead network would agree with anything
    return int(np.count_nonzero(found != emulate(graph, words)))


def convolutional() -> Any:
    layers = load().keras.layers
    return sequential(
        layers.Conv2D(3, (3, 3), name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(name="relu"),
        layers.DepthwiseConv2D((2, 2), name="depthwise"),
        layers.LeakyReLU(0.25, name="leaky"),
        layers.AveragePooling2D((2, 2), name="mean"),
        layers.SeparableConv2D(4, (2, 2), activation="relu", name="separable"),
        layers.Flatten(name="flat"),
        layers.Dense(3, activation="softmax", name="out"),
        shape=(8, 8, 2),
    )


def one_dimensional() -> Any:
    layers = load().keras.layers
    return sequential(
        layers.Conv1D(4, 3, activation="tanh", name="conv"),
        layers.MaxPooling1D(2, name="pool"),
        layers.SeparableConv1D(3, 2, use_bias=False, name="separable"),
        layers.Activation("sigmoid", name="sigmoid"),
        layers.Flatten(name="flat"),
        layers.Dense(4, name="hidden"),
        layers.Dropout(0.2, name="drop"),
        layers.Activation("relu", name="relu"),
        layers.Dense(2, name="out"),
        shape=(9, 2),
    )


def branched() -> Any:
    keras = load().keras
    layers = keras.layers
    inputs = keras.Input((6,), name="in")
    shared = layers.Dense(6, activation="relu", name="fc")
    x = shared(shared(inputs))
    y = layers.Dense(6, name="fc_relu")(inputs)  # bears the name of a layer that is made
    start = keras.Input((6,), name="start")
    inner = keras.Model(start, layers.Dense(6, activation="relu", name="fc")(start), name="inner")
    z = layers.Concatenate(name="both")([layers.Add(name="sum")([x, y]), inner(y)])
    return filled(keras.Model(inputs, layers.Dense(2, name="out")(z), name="branched"))


@pytest.mark.parametrize("make", [convolutional, one_dimensional, branched])
def test_the_quantised_model_is_exact(make: Any) -> None:
    """Protects the promise: whatever is quantised after training agrees with its graph in every word."""
    model = quantised(make())
    assert differences(model, ConversionOptions(batchnorm_type=FixedPoint.parse("fixed<12,4>"))) == 0


def test_a_planted_weight_is_seen() -> None:
    """Protects the comparison itself: one weight of another model makes differing words."""
    model = quantised(one_dimensional())
    options = ConversionOptions()
    graph = graph_from_keras(model, options).graph
    words = np.random.default_rng(0).integers(-512, 512, (200, graph.n_in))
    weights = model.get_weights()
    weights[-1] = weights[-1] + 1.0
    model.set_weights(weights)
    found = KerasReference(model, graph, options).outputs(np.ldexp(words.astype(float), -7))
    assert np.count_nonzero(found != emulate(graph, words)) > 0


def test_weights_and_function_stay() -> None:
    """Protects the trained model: the floats are kept, and with many bits so are the outputs."""
    plain = one_dimensional()
    fine = """
    input: fixed<18,4>
    default:
      weights: fixed<18,4>
      biases: fixed<18,4>
      activations: ufixed<18,6>
      signed_activations: fixed<18,6>
      table_inputs: fixed<16,6>
    """
    model = quantised(plain, fine)
    for one, two in zip(plain.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    inputs = np.random.default_rng(0).uniform(-2, 2, (50, 9, 2)).astype(np.float32)
    np.testing.assert_allclose(plain(inputs).numpy(), model(inputs).numpy(), atol=0.01)


def test_formats_stand_where_the_file_says() -> None:
    """Protects the meaning of default, layers and auto: each tensor has the format that is asked for."""
    text = (
        ALL
        + "layers:\n  fc: {weights: 'fixed<5,2>', activations: 'fixed<6,3>'}\n  out: {biases: 'fixed<4,1>'}"
    )
    layers = load().keras.layers
    plain = sequential(layers.Dense(4, activation="relu", name="fc"), layers.Dense(2, name="out"), shape=(3,))
    plain.get_layer("out").kernel.assign(np.full((4, 2), 5.5, dtype=np.float32))
    graph = graph_from_keras(quantised(plain, text)).graph
    made = {o.name: str(o.format.exact()) for o in graph.operations}
    assert made["in_quantizer"] == "ap_fixed<10,3>"
    assert made["fc_quantizer"] == "ap_fixed<6,3>"
    model = quantised(plain, text)
    assert model.get_layer("fc").kernel_quantizer == "quantized_bits(5,1,alpha=1)"
    assert model.get_layer("out").kernel_quantizer == "quantized_bits(7,3,alpha=1)"  # auto: 5.5 needs 4 bits
    assert model.get_layer("out").bias_quantizer == "quantized_bits(4,0,alpha=1)"


def test_every_missing_format_is_told_at_once() -> None:
    """Protects from mending the file one message at a time."""
    with pytest.raises(MissingFormats) as caught:
        quantised(one_dimensional(), "input: fixed<10,3>")
    found = {(problem.layer, problem.what.rpartition(" ")[2]) for problem in caught.value.problems}
    assert found == {
        ("conv", "weights"),
        ("conv", "biases"),
        ("conv", "table_inputs"),
        ("conv", "activations"),
        ("separable", "weights"),
        ("sigmoid", "table_inputs"),
        ("sigmoid", "activations"),
        ("hidden", "weights"),
        ("hidden", "biases"),
        ("relu", "activations"),
        ("out", "weights"),
        ("out", "biases"),
    }


def test_what_cannot_be_quantised_is_told() -> None:
    """Protects from formats that would cut off negative values, and from functions without a table."""
    layers = load().keras.layers
    model = sequential(
        layers.Dense(4, activation="gelu", name="gelu"),
        layers.Dense(4, name="negative"),
        layers.Dense(4, activation="sigmoid", name="positive"),
        layers.Flatten(name="flat"),
        layers.Dense(2, name="out"),
        shape=(3,),
    )
    text = ALL + (
        "layers: {negative: {activations: 'ufixed<6,3>'}, positive: {activations: 'fixed<6,3>'},"
        " flat: {weights: 'fixed<6,3>'}}"
    )
    with pytest.raises(MissingFormats) as caught:
        quantised(model, text)
    found = {problem.layer: problem.what for problem in caught.value.problems}
    assert set(found) == {"gelu", "negative", "positive", "flat"}
    assert "can be negative" in found["negative"]
    assert "never negative" in found["positive"]
    with pytest.raises(MissingFormats, match="quantised already"):
        quantised(quantised(one_dimensional()))


def test_names_that_the_model_does_not_have_are_refused() -> None:
    """Protects from a layer that is named wrongly and silently gets the default."""
    model = one_dimensional()
    with pytest.raises(BadInput, match=r"names a layer[\s\S]*hiden[\s\S]*did you mean hidden"):
        quantised(model, ALL + "layers: {hiden: {weights: 'fixed<6,1>'}}")
    with pytest.raises(BadInput, match="names an input"):
        quantised(model, "input: {inn: 'fixed<6,1>'}")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("inputs: fixed<9,3>", ["unknown key 'inputs'", "line 1", "did you mean input?"]),
        ("layers: {a: {weight: 'fixed<9,3>'}}", ["unknown key 'layers.a.weight'", "layers.a.weights"]),
        ("input: fixed<9>", ["'input' cannot be used", "fixed<8,3>"]),
        ("input: {a: 3}", ["'input' cannot be used"]),
        ("default: {weights: 'ufixed<9,3>'}", ["default.weights", "a signed format"]),
        ("default: {weights: 'fixed<9,0>'}", ["default.weights", "1 to 16 integer bits"]),
        ("default: {weights: 'fixed<30,2>'}", ["default.weights", "2 to 24 bits"]),
        ("default: {weights: 'fixed<9,3,RND,SAT>'}", ["default.weights", "rounds half to even"]),
        ("default: {activations: 'fixed<9,3>'}", ["default.activations", "an unsigned format"]),
        ("default: {signed_activations: 'fixed<9,auto>'}", ["auto is for weights"]),
        ("layers: {a: fixed<9,3>}", ["layers.a"]),
        ("layers: [a]", ["layers"]),
        ("- a", ["a list of keys and values"]),
        ("input: !!python/name:os.system", ["not valid YAML"]),
    ],
)
def test_mistakes_in_the_file_are_explained(text: str, parts: list[str]) -> None:
    """Protects from formats that QKeras does not have, with line, key and what was expected."""
    with pytest.raises(BadInput) as caught:
        quantizers_from_text(text, "formats.yml")
    for part in ("formats.yml", *parts):
        assert part in str(caught.value)


def test_the_documentation_explains_every_key() -> None:
    """Protects docs/models.md from keys of the quantizers file that nobody explains."""
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    keys = {**Quantizers.model_fields, **DefaultFormats.model_fields, **LayerFormats.model_fields}
    assert [key for key in keys if f"{key}:" not in text] == []

"""QKeras models become graphs that compute the same words, or are refused with reasons."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate
from trigml.fixedpoint import FixedPoint, to_values
from trigml.frontends.names import identifier
from trigml.frontends.qkeras import graph_from_qkeras
from trigml.graph import Graph
from trigml.graph.operations import Dense
from trigml.legacy_keras import KerasModules, load
from trigml.verify.comparison import compare
from trigml.verify.stages import GraphStage, KerasStage
from trigml.verify.vectors import corner_vectors, random_vectors

MakeContract = Callable[..., InputContract]
INPUT = "quantized_bits(8,2,alpha=1)"


@pytest.fixture(scope="module")
def modules() -> KerasModules:
    return load()


@pytest.fixture(scope="module")
def contract(make_contract: MakeContract) -> InputContract:
    return make_contract(3, "ap_fixed<8,3,RND_CONV,SAT>")


def dense(units: int, name: str, **options: Any) -> Any:
    quantisers = {
        "kernel_quantizer": "quantized_bits(6,0,alpha=1)",
        "bias_quantizer": "quantized_bits(6,1,alpha=1)",
    }
    return load().qkeras.QDense(units, name=name, **(quantisers | options))


def activation(text: str, name: str) -> Any:
    return load().qkeras.QActivation(text, name=name)


def chain(*layers: Any, inputs: int = 3) -> Any:
    """A functional model with random weights."""
    keras = load().keras
    first = x = keras.Input((inputs,), name="port")
    for layer in layers:
        x = layer(x)
    return randomised(keras.Model(first, x, name="net"))


def randomised(model: Any) -> Any:
    random = np.random.default_rng(5)
    model.set_weights([random.normal(0, 0.6, array.shape) for array in model.get_weights()])
    return model


def assert_exact(model: Any, graph: Graph) -> None:
    sets = [corner_vectors(graph), *random_vectors(graph, 2000, seed=3)]
    comparison = compare(GraphStage(graph), [KerasStage(model, graph)], sets)
    assert comparison.stages[1].differences == 0, comparison.first_difference
    assert comparison.stages[1].words == sum(map(len, sets)) * graph.output.shape[0]


@pytest.mark.parametrize("bits", [4, 6, 8, 12])
@pytest.mark.parametrize("seed", [0, 1])
def test_qkeras_equals_its_graph(make_qkeras: Callable[..., Any], bits: int, seed: int) -> None:
    """Protects the heart: no differing word between QKeras and graph, on the grid, off it, in corners."""
    trained = make_qkeras(bits, seed, sizes=(6, 16, 10, 3))
    assert_exact(trained.model, trained.graph)
    outputs = emulate(trained.graph, random_vectors(trained.graph, 100, seed=1)[0].words)
    assert len(np.unique(outputs)) > 20  # a network that says something


def test_operations_formats_and_names(contract: InputContract) -> None:
    """Protects the translation of each layer, by hand."""
    model = chain(
        activation(INPUT, "in"),
        dense(4, "first"),
        activation("quantized_relu(5,1)", "relu"),
        load().keras.layers.Dropout(0.5),
        dense(2, "second", use_bias=False),
    )
    graph = graph_from_qkeras(model, contract, name="my-net 2", output_labels=["a", "b"])
    assert graph.name == "my_net_2"
    assert graph.output_labels == ("a", "b")
    assert [(type(o).__name__, o.name) for o in graph.operations] == [
        ("Input", "in"),
        ("Dense", "first"),
        ("Relu", "relu_positive"),
        ("Quantize", "relu"),
        ("Dense", "second"),
    ]
    assert graph["relu"].format == FixedPoint.parse("ap_ufixed<5,1,RND_CONV,SAT>")
    first, second = graph["first"], graph["second"]
    assert isinstance(first, Dense)
    assert isinstance(second, Dense)
    assert first.weight_format == FixedPoint.parse("ap_fixed<6,1>")
    assert first.bias_format == FixedPoint.parse("ap_fixed<6,2>")
    kernel = model.get_layer("first").kernel.numpy()
    expected = np.clip(np.rint(kernel.astype(np.float64) * 32), -32, 31)
    np.testing.assert_array_equal(first.weight, expected)
    np.testing.assert_array_equal(second.bias, [0, 0])
    assert_exact(model, graph)


def test_an_activation_inside_of_a_dense_layer(contract: InputContract) -> None:
    """Protects QDense(activation=...): sum and quantised tensor are two steps; the latter has the name."""
    model = chain(
        activation(INPUT, "in"),
        dense(4, "first", activation="quantized_relu(5,1)"),
        dense(4, "middle", activation="quantized_bits(5,1,alpha=1)"),
        dense(2, "second", activation="linear"),
    )
    graph = graph_from_qkeras(model, contract)
    assert [operation.name for operation in graph.operations] == [
        "in",
        "first_sum",
        "first_positive",
        "first",
        "middle_sum",
        "middle",
        "second",
    ]
    assert_exact(model, graph)


def test_a_quantised_output_and_symmetric_quantisers(contract: InputContract) -> None:
    """Protects outputs that end in a quantiser, and quantisers without the most negative word."""
    model = chain(
        activation(INPUT, "in"),
        dense(4, "first", kernel_quantizer="quantized_bits(6,0,1,alpha=1)"),
        activation("quantized_bits(5,1,1,alpha=1)", "symmetric"),
        load().keras.layers.ReLU(name="plain"),
        activation("quantized_bits(4,1,0,alpha=1)", "rounded"),
        dense(2, "second"),
        activation("quantized_bits(6,2,alpha=1)", "out"),
    )
    graph = graph_from_qkeras(model, contract)
    assert graph.outputs == ("out",)
    assert_exact(model, graph)


def test_a_plain_relu_as_output(contract: InputContract) -> None:
    """Protects a ReLU whose result nothing rounds: every bit of the sum is kept."""
    model = chain(
        activation(INPUT, "in"), dense(3, "sum"), load().keras.layers.Activation("relu", name="out")
    )
    graph = graph_from_qkeras(model, contract)
    assert_exact(model, graph)


def test_a_sequential_model(contract: InputContract, modules: KerasModules) -> None:
    """Protects Sequential models, whose list of layers lacks the input layer."""
    model = modules.keras.Sequential(
        [
            modules.keras.layers.InputLayer((3,)),
            activation(INPUT, "in"),
            dense(4, "first"),
            activation("quantized_relu(5,1)", "relu"),
            dense(2, "second"),
        ]
    )
    assert_exact(randomised(model), graph_from_qkeras(model, contract))


def test_unsigned_inputs(make_contract: MakeContract) -> None:
    """Protects inputs without a sign, by either quantiser, with values below zero among the vectors."""
    contract = make_contract(3, "ap_ufixed<7,2,RND_CONV,SAT>")
    for text in ("quantized_relu(7,2)", "quantized_bits(7,2,keep_negative=False,alpha=1)"):
        model = chain(activation(text, "in"), dense(2, "out"))
        graph = graph_from_qkeras(model, contract)
        off_grid = random_vectors(graph, 100, seed=0)[1]
        assert off_grid.inputs.min() < 0
        assert_exact(model, graph)


def test_names_that_are_no_identifiers(contract: InputContract) -> None:
    """Protects models whose layers bear names that C++ cannot take; they are still followed."""
    model = chain(activation(INPUT, "in-put"), dense(2, "2nd.layer"))
    graph = graph_from_qkeras(model, contract)
    assert [operation.name for operation in graph.operations] == ["in_put", "n_2nd_layer"]
    vectors = random_vectors(graph, 20, seed=0)[0]
    tensors = KerasStage(model, graph).tensors(vectors, None)  # type: ignore[arg-type]
    assert set(tensors) == {"in_put", "n_2nd_layer"}
    np.testing.assert_array_equal(tensors["n_2nd_layer"], emulate(graph, vectors.words))
    assert identifier("é 1") == "n___1"
    assert identifier("double") == "n_double"


def test_weights_are_the_quantisers_own(contract: InputContract) -> None:
    """Protects weights at ties and far beyond the range, where rounding and saturation decide."""
    model = chain(activation(INPUT, "in"), dense(2, "out"))
    kernel = np.array([[1 / 64, 3 / 64], [-1 / 64, 5.0], [-7.0, 0.999]], dtype=np.float32)
    model.set_weights([kernel, np.array([1 / 32, -9.0], dtype=np.float32)])
    graph = graph_from_qkeras(model, contract)
    out = graph["out"]
    assert isinstance(out, Dense)
    assert out.weight.tolist() == [[0, 2], [0, 31], [-32, 31]]
    assert to_values(out.bias, out.bias_format.fraction).tolist() == [0.0, -2.0]  # the tie goes to even
    layer = model.get_layer("out")
    np.testing.assert_array_equal(
        to_values(out.weight, out.weight_format.fraction), layer.kernel_quantizer_internal(layer.kernel)
    )
    assert_exact(model, graph)

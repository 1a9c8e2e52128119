"""The layer list for hls4ml: one layer per step, every precision from the graph."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from trigml.backends.hls.layers import INPUT_PORT, hls_layers, spelled
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph
from trigml.graph.operations import Dense, Relu

MakeGraph = Callable[..., Graph]


def renamed(graph: Graph, names: dict[str, str]) -> Graph:
    """The same network with other tensor names."""
    operations = tuple(
        replace(
            operation,
            name=names.get(operation.name, operation.name),
            inputs=tuple(names.get(name, name) for name in operation.inputs),
        )
        for operation in graph.operations
    )
    outputs = tuple(names.get(name, name) for name in graph.outputs)
    return replace(graph, operations=operations, outputs=outputs).check()


def test_every_precision_is_explicit(make_graph: MakeGraph) -> None:
    """Protects rule 5 of the numbers: nothing is left to hls4ml's defaults."""
    graph = make_graph(1)
    layers = {layer.name: layer for layer in hls_layers(graph)}
    assert list(layers) == [INPUT_PORT, "dense_1", "act_1", "dense_2", "act_2", "dense_3"]
    assert [layer.tensor for layer in layers.values()] == ["quantised", *list(layers)[1:]]
    for name, layer in layers.items():
        operation = graph[layer.tensor]
        assert layer.precisions["result"] == operation.format, name
        if isinstance(operation, Dense):
            assert layer.precisions == {
                "result": operation.format,
                "accum": operation.format,
                "weight": operation.weight_format,
                "bias": operation.bias_format,
            }
            scale = 2.0**operation.weight_format.fraction
            np.testing.assert_array_equal(layer.description["weight_data"] * scale, operation.weight)
    assert layers["act_1"].description["activation"] == "relu"  # ReLU and quantiser are one layer
    assert layers["act_2"].description["activation"] == "linear"


def test_a_relu_at_the_end_keeps_every_bit(make_graph: MakeGraph) -> None:
    """Protects outputs that nothing quantises."""
    graph = make_graph(1).upto("relu_1")
    last = hls_layers(graph)[-1]
    assert (last.tensor, last.description["activation"]) == ("relu_1", "relu")
    assert last.precisions == {"result": graph["relu_1"].format}


def test_a_dense_layer_behind_a_bare_relu_is_refused(make_graph: MakeGraph) -> None:
    """Protects against dropping the ReLU between two dense layers in silence."""
    graph = make_graph(1, sizes=(3, 3, 2))
    quantiser = graph["act_1"]
    bare = Relu(name="act_1", inputs=("relu_1",), shape=quantiser.shape, format=graph["relu_1"].format)
    broken = replace(
        graph,
        operations=tuple(bare if operation is quantiser else operation for operation in graph.operations),
    )
    with pytest.raises(BadInput, match="no HLS form") as error:
        hls_layers(broken)
    assert error.value.where == "Dense 'dense_2' after a ReLU"


def test_names_are_unique_without_regard_to_case(make_graph: MakeGraph) -> None:
    """Protects against precisions of one layer going to another: hls4ml folds case."""
    graph = renamed(make_graph(1), {"dense_1": "Features", "act_1": "layer", "dense_2": "LAYER"})
    layers = hls_layers(graph)
    folded = [layer.name.lower() for layer in layers]
    assert len(set(folded)) == len(folded)
    assert [layer.tensor for layer in layers[:4]] == ["quantised", "Features", "layer", "LAYER"]
    assert all(layer.description["name"] == layer.name for layer in layers)


@pytest.mark.parametrize(
    "text", ["ap_fixed<12,4,RND_CONV,SAT>", "ap_ufixed<6,-2>", "ap_fixed<5,9,TRN,SAT_SYM>"]
)
def test_spelling_is_read_back(text: str) -> None:
    """Protects the spelling that goes to hls4ml: it means the same format, modes included."""
    format_ = FixedPoint.parse(text)
    assert FixedPoint.parse(spelled(format_)) == format_
    assert spelled(format_).count("AP_") == 2

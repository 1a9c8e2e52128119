"""The layer list for hls4ml: one layer per step, every precision from the graph."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from trigml.backends.hls.layers import INPUT_PORT, hls_layers, spelled
from trigml.backends.hls.passes import port_layers, with_padding_apart
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder
from trigml.graph.operations import Dense

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


def test_a_relu_that_others_read_stays_a_layer(hls_networks: ModuleType) -> None:
    """Protects ReLUs: one goes into a quantiser only if nothing else reads it and it is no output."""
    builder = GraphBuilder("network")
    x = hls_networks.port(builder, "a", (3,))
    shared, alone, shown = (builder.relu(name, x) for name in ("shared", "alone", "shown"))
    ends = [builder.quantize(f"{name}_q", name, hls_networks.POSITIVE) for name in (shared, alone, shown)]
    layers = hls_layers(builder.finish([*ends, builder.argmax("best", shared), shown]))
    assert {"shared", "shown"} <= {layer.tensor for layer in layers}
    assert "alone" not in {layer.tensor for layer in layers}
    kinds = {layer.tensor: layer.description.get("activation") for layer in layers if not layer.is_copy}
    assert (kinds["alone_q"], kinds["shared_q"]) == ("relu", "linear")


def test_an_output_that_is_read_inside_gets_a_copy(hls_networks: ModuleType) -> None:
    """Protects ports from being read back, and their order."""
    graph = hls_networks.vectors()
    layers = hls_layers(graph)
    inputs, outputs = port_layers(layers, graph)
    assert inputs == ["features_a", "features_b"]
    by_name = {layer.name: layer for layer in layers}
    assert [by_name[name].tensor for name in outputs] == list(graph.outputs)
    assert not set(outputs) & {name for layer in layers for name in layer.inputs}
    assert {layer.tensor for layer in layers if layer.is_copy} == {
        *("leaky", "clipped", "table", "places", "conv", "a")
    }


def test_padding_of_convolutions_apart(hls_networks: ModuleType) -> None:
    """Protects streams: each padded convolution reads its own zeros, with the sizes that follow."""
    layers = hls_layers(hls_networks.image())
    apart = {layer.name: layer for layer in with_padding_apart(layers)}
    conv, zeros = apart["conv"], apart["conv_padding"]
    assert (conv.inputs, zeros.inputs) == (["conv_padding"], ["features"])
    assert zeros.description["out_shape"] == [8, 6, 2]
    assert [zeros.description[f"pad_{side}"] for side in ("top", "bottom", "left", "right")] == [1, 1, 0, 1]
    assert [conv.description[key] for key in ("in_height", "in_width", "pad_top", "pad_right")] == [
        8,
        6,
        0,
        0,
    ]
    assert apart["dilated"].inputs == ["dilated_padding"]
    assert apart["places"] == next(layer for layer in layers if layer.name == "places")
    assert with_padding_apart(list(apart.values())) == list(apart.values())


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

"""Graph → the layer list and the precisions that hls4ml builds its model from.

hls4ml gets every precision from the graph, computed and explicit: of the input, of each product sum
(accumulator and result alike), of weights and biases, and of each quantised activation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trigml.backends.hls.kernels import kernels_of
from trigml.backends.hls.layer import HlsLayer, free_name, kernel_layer
from trigml.backends.hls.passes import with_outputs
from trigml.fixedpoint import FixedPoint, IntArray, to_values
from trigml.graph import Graph, Operation
from trigml.graph.network import words_in
from trigml.graph.operations import Convolution, Dense, Input, Padding, Quantize, Relu

__all__ = ["INPUT_PORT", "HlsLayer", "hls_layers", "spelled"]

INPUT_PORT = "features"


def hls_layers(graph: Graph) -> list[HlsLayer]:
    """The hls4ml layers of a graph: one per step that an output needs, and of the inputs all.

    A ReLU and the quantiser behind it become one; sums and concatenations of many tensors become several. The
    last layer of each output's tensor feeds nothing but its port.
    """
    graph = graph.upto(*graph.outputs)
    merged = {o.name for o in graph.operations if isinstance(o, Relu) and _is_merged(graph, o)}
    layers: list[HlsLayer] = []
    for operation in graph.operations:
        if operation.name not in merged:
            layers += _layers(graph, operation, merged)
    return with_outputs(_with_names_of_their_own(layers), graph.outputs)


def spelled(format_: FixedPoint) -> str:
    """A format in hls4ml's spelling, modes included."""
    kind = "ap_fixed" if format_.signed else "ap_ufixed"
    return (
        f"{kind}<{format_.width},{format_.integer},AP_{format_.rounding.value},AP_{format_.overflow.value}>"
    )


def _is_merged(graph: Graph, relu: Relu) -> bool:
    readers = graph.consumers(relu.name)
    return len(readers) == 1 and isinstance(readers[0], Quantize) and relu.name not in graph.outputs


def _with_names_of_their_own(layers: list[HlsLayer]) -> list[HlsLayer]:
    """hls4ml looks names up without regard to case; the port's name may also be that of a tensor."""
    taken: set[str] = set()
    names: dict[str, str] = {}
    named = []
    for layer in layers:
        name = free_name(layer.name.replace("+", "_"), taken)
        taken.add(name.lower())
        names[layer.tensor or layer.name] = name
        inputs = [names[source] for source in layer.inputs]
        description = layer.description | {"name": name} | ({"inputs": inputs} if inputs else {})
        named.append(replace(layer, name=name, description=description))
    return named


def _layers(graph: Graph, operation: Operation, merged: set[str]) -> list[HlsLayer]:
    """Layers of one operation; ``inputs`` are still names of tensors."""
    sources = [graph[name] for name in operation.inputs]
    match operation:
        case Input():
            return [_input(graph, operation)]
        case Dense() | Convolution():
            return [_sums(operation, sources[0])]
        case Quantize() if operation.inputs[0] in merged:
            (relu_source,) = sources[0].inputs
            return [_activation(operation, "relu", relu_source)]
        case Quantize() if sources[0].format != operation.format:
            return [_activation(operation, "linear", operation.inputs[0])]
        case Relu():
            return [_activation(operation, "relu", operation.inputs[0])]
    return [
        kernel_layer(
            step.name,
            step.tensor,
            step.kernel,
            inputs=step.inputs,
            shape=step.shape,
            result=operation.format,
        )
        for step in kernels_of(graph, operation)
    ]


def _input(graph: Graph, operation: Input) -> HlsLayer:
    name = INPUT_PORT if len(graph.inputs) == 1 else f"{INPUT_PORT}_{operation.name}"
    shape = list(operation.shape)
    return HlsLayer(
        name,
        operation.name,
        {"class_name": "InputLayer", "name": name, "input_shape": shape, "out_shape": shape},
        {"result": operation.format},
    )


def _activation(operation: Operation, kind: str, source: str) -> HlsLayer:
    return HlsLayer(
        operation.name,
        operation.name,
        {
            "class_name": "Activation",
            "name": operation.name,
            "inputs": [source],
            "activation": kind,
            "n_in": words_in(operation.shape),
            "out_shape": list(operation.shape),
        },
        {"result": operation.format},
    )


def _sums(operation: Dense | Convolution, source: Operation) -> HlsLayer:
    description: dict[str, Any] = {
        "name": operation.name,
        "inputs": [source.name],
        "bias_data": to_values(operation.bias, operation.bias_format.fraction),
        "data_format": "channels_last",
        "out_shape": list(operation.shape),
    }
    weight = operation.weight
    if isinstance(operation, Dense):
        n_in, n_out = weight.shape
        if len(source.shape) == 1:
            description |= {"class_name": "Dense", "n_in": n_in, "n_out": n_out}
        else:  # the same weights at each place: a convolution with a window of one place
            weight, window = _pointwise(operation, source)
            description |= window
    else:
        weight = _dilated(weight, operation.dilation)
        description |= _window(
            source.shape[:-1],
            operation.shape[:-1],
            weight.shape[:-2],
            operation.strides,
            operation.padding,
        )
        description |= {"n_chan": source.shape[-1], "n_filt": operation.shape[-1]}
    description["weight_data"] = to_values(weight, operation.weight_format.fraction)
    precisions = {
        "result": operation.format,
        "accum": operation.format,
        "weight": operation.weight_format,
        "bias": operation.bias_format,
    }
    return HlsLayer(operation.name, operation.name, description, precisions)


def _pointwise(operation: Dense, source: Operation) -> tuple[IntArray, dict[str, Any]]:
    """Weights and description of the convolution with a window of one place that a dense layer is."""
    places = source.shape[:-1] if len(source.shape) < 4 else (words_in(source.shape[:-1]),)
    ones = (1,) * len(places)
    window = _window(places, places, ones, ones, ((0, 0),) * len(places))
    channels = {"n_chan": source.shape[-1], "n_filt": operation.shape[-1]}
    return operation.weight.reshape(*ones, *operation.weight.shape), window | channels


def _dilated(weight: IntArray, dilation: Sequence[int]) -> IntArray:
    """The same convolution without dilation: zeros between the taps, which cost nothing when unrolled."""
    if max(dilation) == 1:
        return weight
    kernel = weight.shape[:-2]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    wide = np.zeros((*reach, *weight.shape[-2:]), dtype=np.int64)
    wide[tuple(slice(None, None, d) for d in dilation)] = weight
    return wide


def _window(
    places: Sequence[int],
    results: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    padding: Padding,
) -> dict[str, Any]:
    width = {
        "class_name": "Conv1D" if len(places) == 1 else "Conv2D",
        "in_width": places[-1],
        "out_width": results[-1],
        "filt_width": kernel[-1],
        "stride_width": strides[-1],
        "pad_left": padding[-1][0],
        "pad_right": padding[-1][1],
    }
    if len(places) == 1:
        return width
    return width | {
        "in_height": places[0],
        "out_height": results[0],
        "filt_height": kernel[0],
        "stride_height": strides[0],
        "pad_top": padding[0][0],
        "pad_bottom": padding[0][1],
    }

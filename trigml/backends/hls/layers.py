"""Graph → the layer list and the precisions that hls4ml builds its model from.

hls4ml gets every precision from the graph, computed and explicit: of the input, of each product sum
(accumulator and result alike), of weights and biases, and of each quantised activation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, to_values
from trigml.graph import Graph, Operation
from trigml.graph.operations import Dense, Input, Quantize, Relu

INPUT_PORT = "features"


@dataclass(frozen=True)
class HlsLayer:
    """One hls4ml layer.

    Attributes:
        name: hls4ml's name of the layer.
        tensor: the graph's tensor that the layer yields.
        description: the dictionary that hls4ml reads.
        precisions: ``result``, and for dense layers ``accum``, ``weight`` and ``bias``.
    """

    name: str
    tensor: str
    description: dict[str, Any]
    precisions: dict[str, FixedPoint]


def hls_layers(graph: Graph) -> list[HlsLayer]:
    """One hls4ml layer per step of the graph; a ReLU and the quantiser behind it become one.

    Raises:
        BadInput: the graph ends in, or continues from, something that has no hls4ml layer.
    """
    layers: list[HlsLayer] = []
    pending: Relu | None = None
    for operation in graph.operations:
        if isinstance(operation, Relu):
            pending = operation
            continue
        layers.append(_layer(operation, rectified=pending is not None))
        pending = None
    if pending is not None:  # nothing rounds it: hls4ml's ReLU keeps every bit
        layers.append(_activation(pending, "relu"))
    return _with_names_of_their_own(layers)


def _with_names_of_their_own(layers: list[HlsLayer]) -> list[HlsLayer]:
    """hls4ml looks names up without regard to case; the port's name may also be that of a tensor."""
    taken: set[str] = set()
    named = []
    for layer in layers:
        name = layer.name
        while name.lower() in taken:
            name += "_"
        taken.add(name.lower())
        named.append(replace(layer, name=name, description=layer.description | {"name": name}))
    return named


def spelled(format_: FixedPoint) -> str:
    """A format in hls4ml's spelling, modes included."""
    kind = "ap_fixed" if format_.signed else "ap_ufixed"
    return (
        f"{kind}<{format_.width},{format_.integer},AP_{format_.rounding.value},AP_{format_.overflow.value}>"
    )


def _layer(operation: Operation, *, rectified: bool) -> HlsLayer:
    match operation:
        case Input():
            return HlsLayer(
                INPUT_PORT,
                operation.name,
                {"class_name": "InputLayer", "name": INPUT_PORT, "input_shape": list(operation.shape)},
                {"result": operation.format},
            )
        case Dense() if not rectified:
            return _dense(operation)
        case Quantize():
            return _activation(operation, "relu" if rectified else "linear")
    raise BadInput(
        "this step of the graph has no HLS form",
        where=f"{type(operation).__name__} {operation.name!r}" + (" after a ReLU" if rectified else ""),
        remedy="quantise the activation: QActivation('quantized_relu(...)')",
    )


def _dense(operation: Dense) -> HlsLayer:
    n_in, n_out = operation.weight.shape
    return HlsLayer(
        operation.name,
        operation.name,
        {
            "class_name": "Dense",
            "name": operation.name,
            "n_in": n_in,
            "n_out": n_out,
            "weight_data": to_values(operation.weight, operation.weight_format.fraction),
            "bias_data": to_values(operation.bias, operation.bias_format.fraction),
            "data_format": "channels_last",
        },
        {
            "result": operation.format,
            "accum": operation.format,
            "weight": operation.weight_format,
            "bias": operation.bias_format,
        },
    )


def _activation(operation: Operation, kind: str) -> HlsLayer:
    return HlsLayer(
        operation.name,
        operation.name,
        {
            "class_name": "Activation",
            "name": operation.name,
            "activation": kind,
            "n_in": int(np.prod(operation.shape)),
        },
        {"result": operation.format},
    )

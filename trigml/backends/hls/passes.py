"""What is done with the layer list before hls4ml gets it: ports, copies, padding apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from trigml.backends.hls.kernels import Kernel
from trigml.backends.hls.layer import HlsLayer, free_name, kernel_layer
from trigml.backends.hls.options import IoType
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph
from trigml.graph.network import words_in

MAX_STREAM_READERS = 7
"""hls4ml's nnet_stream.h copies a stream at most this often."""

_SIDES = ("top", "bottom", "left", "right")
_PADDED = ("Conv1D", "Conv2D")


def with_outputs(layers: Sequence[HlsLayer], tensors: Iterable[str]) -> list[HlsLayer]:
    """The layers with one port per tensor; a tensor that is also read inside gets a copy for its port.

    A port that is read again would be an inout port in hardware.
    """
    kept = [layer for layer in layers if not layer.is_copy]
    read = readers(kept)
    by_tensor = {layer.tensor: layer for layer in kept if layer.tensor}
    taken = {layer.name.lower() for layer in kept}
    copies = []
    for tensor in tensors:
        source = by_tensor[tensor]
        if not read[source.name] and source.description["class_name"] != "InputLayer":
            continue
        format_ = source.precisions["result"]
        shape = tuple(source.description["out_shape"])
        kernel = Kernel("Assign", (words_in(shape),), words_in(shape), is_elementwise=True)
        name = free_name(f"{source.name}_copy", taken)
        taken.add(name.lower())
        inputs = [source.name]
        copies.append(
            kernel_layer(name, tensor, kernel, inputs=inputs, shape=shape, result=format_, is_copy=True)
        )
    return kept + copies


def with_padding_apart(layers: Sequence[HlsLayer]) -> list[HlsLayer]:
    """The layers with the padding of convolutions in layers of their own, for streams.

    hls4ml has a pass for that; where several layers read the tensor, it gives the padding to the wrong one.
    """
    taken = {layer.name.lower() for layer in layers}
    formats = {layer.name: layer.precisions["result"] for layer in layers}
    apart = []
    for layer in layers:
        padding = {side: layer.description.get(f"pad_{side}", 0) for side in _SIDES}
        if layer.description["class_name"] in _PADDED and any(padding.values()):
            zeros = _zeros(
                layer, padding, free_name(f"{layer.name}_padding", taken), formats[layer.inputs[0]]
            )
            taken.add(zeros.name.lower())
            apart.append(zeros)
            inner = {f"in_{side}": zeros.description[f"out_{side}"] for side in ("height", "width")}
            inner |= {f"pad_{side}": 0 for side in _SIDES} | {"inputs": [zeros.name]}
            known = {key: value for key, value in inner.items() if key in layer.description}
            apart.append(replace(layer, description=layer.description | known))
        else:
            apart.append(layer)
    return apart


def _zeros(layer: HlsLayer, padding: Mapping[str, int], name: str, format_: FixedPoint) -> HlsLayer:
    window = layer.description
    height, width = window.get("in_height", 1), window["in_width"]
    is_1d = window["class_name"] == "Conv1D"
    sides = {f"pad_{side}": cells for side, cells in padding.items() if f"pad_{side}" in window}
    out_height = height + padding["top"] + padding["bottom"]
    out_width = width + padding["left"] + padding["right"]
    places = [out_width] if is_1d else [out_height, out_width]
    description = {
        "class_name": "ZeroPadding1D" if is_1d else "ZeroPadding2D",
        "name": name,
        "inputs": layer.inputs,
        "in_height": height,
        "in_width": width,
        "out_height": out_height,
        "out_width": out_width,
        "n_chan": window["n_chan"],
        "data_format": "channels_last",
        "out_shape": [*places, window["n_chan"]],
        **sides,
    }
    return HlsLayer(name, "", description, {"result": format_})


def readers(layers: Iterable[HlsLayer]) -> Counter[str]:
    """How often each layer's tensor is read, by name of the layer."""
    return Counter(name for layer in layers for name in layer.inputs)


def tappable(layers: Sequence[HlsLayer], io: IoType) -> list[str]:
    """Tensors that can be given a port to look at; of a stream that has all its readers, none is left."""
    read = readers(layer for layer in layers if not layer.is_copy)
    limit = MAX_STREAM_READERS - 1 if io is IoType.STREAM else len(layers) ** 2
    return [
        layer.tensor
        for layer in layers
        if layer.tensor
        and not layer.is_copy
        and layer.description["class_name"] != "InputLayer"
        and read[layer.name] <= limit
    ]


def port_layers(layers: Sequence[HlsLayer], graph: Graph) -> tuple[list[str], list[str]]:
    """Names of the layers that are the graph's input and output ports, in the graph's order."""
    inputs = {layer.tensor: layer.name for layer in layers if layer.description["class_name"] == "InputLayer"}
    last = {layer.tensor: layer.name for layer in layers}
    return [inputs[operation.name] for operation in graph.inputs], [last[name] for name in graph.outputs]

"""A graph and the QONNX model of the same meaning, side by side; and running that in qonnx's executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import ToolFailed
from trigml.graph import Graph

OPSET = 13
"""Version of ONNX's operations: what qonnx prefers."""

IR_VERSION = 8
"""Version of the file format; onnxruntime and hls4ml read it."""

QUANT_DOMAIN = "qonnx.custom_op.general"

CHUNK_WORDS = 1 << 24
"""Values of all tensors that are held at a time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor of the graph is in the ONNX graph.

    Attributes:
        value: name of the ONNX value.
        axes: axis ``i`` of the graph's tensor is axis ``axes[i]`` of the value, events not counted.
        dropped: whether the value has no axis but that of the events, where the graph has one of length 1.
    """

    value: str
    axes: tuple[int, ...]
    dropped: bool = False

    def in_graph_order(self, array: NDArray[Any]) -> NDArray[Any]:
        """The value (events, …) as the graph has it, (events, *shape)."""
        if self.dropped:
            return array.reshape(len(array), 1)
        return array.transpose(0, *(axis + 1 for axis in self.axes))

    def in_onnx_order(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """A tensor of the graph (events, *shape) as the value has it."""
        order = np.argsort([0, *(axis + 1 for axis in self.axes)])
        return np.ascontiguousarray(tensor.transpose(order))


@dataclass(frozen=True, slots=True)
class QonnxModel:
    """A QONNX model that qonnx's executor runs, and its graph.

    Attributes:
        graph: the network.
        proto: the ``onnx.ModelProto``: every value has its shape, the events' axis in front; no node depends
            on the number of events.
        inputs: per input of the graph, the value that receives it.
        places: tensors of the graph, by name, that the model has, too.
        may_round: tensors at which float32 executors could round; empty if they provably cannot.
    """

    graph: Graph
    proto: Any
    inputs: tuple[Place, ...]
    places: Mapping[str, Place]
    may_round: tuple[str, ...]


def with_batch(proto: Any, batch: int) -> Any:
    """A copy of a model for ``batch`` events at a time: the first axis of every value but constants."""
    from onnx import ModelProto

    copy = ModelProto()
    copy.CopyFrom(proto)
    constants = constants_of(proto)
    for value in (*copy.graph.input, *copy.graph.output, *copy.graph.value_info):
        if value.name not in constants:
            value.type.tensor_type.shape.dim[0].dim_value = batch
    return copy


def constants_of(proto: Any) -> set[str]:
    """Names of the values that do not depend on the inputs; the nodes come in the order of execution."""
    constants = {tensor.name for tensor in proto.graph.initializer} | {""}
    for node in proto.graph.node:
        if all(name in constants for name in node.input):
            constants.update(node.output)
    return constants


def executed(model: QonnxModel, rows: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Tensors of the graph as qonnx's executor computes them, in units of their LSB.

    Args:
        model: the model.
        rows: inputs (events, n_in), exact in float32.
        names: tensors of the graph that have a place in the model.

    Returns:
        (events, *shape) by name; integers wherever the executor is exact.

    Raises:
        ToolFailed: the executor refuses the model.
    """
    shapes = [model.graph[name].shape for name in names]
    constants = constants_of(model.proto)
    values = (*model.proto.graph.value_info, *model.proto.graph.input)
    size = sum(_size(value) for value in values if value.name not in constants)
    chunk = max(1, CHUNK_WORDS // max(1, size))
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    for start in range(0, max(1, len(rows)), chunk):
        context = _run(model, rows[start : start + chunk].astype(np.float32)) if len(rows) else None
        for name, shape in zip(names, shapes, strict=True):
            found = np.zeros((0, *shape)) if context is None else _scaled(model, name, context)
            parts[name].append(found)
    return {name: np.concatenate(found) for name, found in parts.items()}


def _scaled(model: QonnxModel, name: str, values: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    place, operation = model.places[name], model.graph[name]
    array = place.in_graph_order(values[place.value].astype(np.float64))
    return np.asarray(np.ldexp(array, operation.format.fraction)).reshape(len(array), *operation.shape)


def _run(model: QonnxModel, rows: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    tensors = model.graph.input_tensors(rows)
    feeds = {
        place.value: place.in_onnx_order(tensors[operation.name])
        for place, operation in zip(model.inputs, model.graph.inputs, strict=True)
    }
    try:
        context: Mapping[str, NDArray[Any]] = execute_onnx(
            ModelWrapper(with_batch(model.proto, len(rows))), feeds, return_full_exec_context=True
        )
    except Exception as error:  # qonnx and onnxruntime raise plain Exceptions
        raise ToolFailed(
            "qonnx's executor cannot run the model", where=model.graph.name, found=str(error)
        ) from error
    return context


def _size(value: Any) -> int:
    """Numbers per event."""
    return int(np.prod([dim.dim_value for dim in value.type.tensor_type.shape.dim[1:]], dtype=np.int64))

"""Nodes that read constants only: their results are constants, too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.frontends.onnx.file import LARGEST_TENSOR, Node, array_of
from trigml.frontends.onnx.quantisers import is_quantiser, quantised_constant
from trigml.frontends.onnx.reader import Reader
from trigml.frontends.onnx.values import Known, Tensor
from trigml.frontends.refusals import refused

_KEEP_NUMBERS = ("Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Dropout")
"""Operations whose results have the format of what they read."""

_FOLDED = (
    *_KEEP_NUMBERS,
    *("Add", "Sub", "Mul", "Div", "Neg", "Abs", "Sqrt", "Reciprocal", "Pow", "Exp", "Log", "Floor", "Ceil"),
    *("Cast", "Concat", "Gather", "Slice", "Split", "Min", "Max", "Clip", "Sign", "Round"),
)


def fold(reader: Reader, node: Node, kept_constants: set[str]) -> bool:
    """Compute a node that depends on no tensor.

    Args:
        reader: the conversion.
        node: any node.
        kept_constants: constants that the executor computes itself, because a quantiser made them.

    Returns:
        Whether it was one.

    Raises:
        Refused: it is one that is not computed here.
    """
    if node.kind == "Constant":
        reader.values[node.output] = Known(_constant(reader, node))
        return True
    if node.kind == "Shape" and isinstance(source := reader.values[node.inputs[0]], Tensor):
        lengths = [reader.batch, *source.shape]
        end = node.attributes.get("end")
        reader.values[node.output] = Known(np.array(lengths[node.integer("start", 0) : end], dtype=np.int64))
        return True
    if not node.inputs or not all(isinstance(reader.values[name], Known) for name in node.inputs if name):
        return False
    if is_quantiser(node):
        reader.values[node.output] = quantised_constant(reader, node)
    elif node.kind == "ConstantOfShape":
        reader.values[node.output] = Known(_filled(reader, node))
    else:
        _evaluate(reader, node)
    if is_quantiser(node) or kept_constants.intersection(node.inputs):
        kept_constants.update(node.outputs)
        reader.kept.append(node.proto)
    return True


def _constant(reader: Reader, node: Node) -> NDArray[Any]:
    for name, value in node.attributes.items():
        if name == "value":
            return array_of(value, reader.where)
        if name in ("value_float", "value_floats"):
            return np.asarray(value, dtype=np.float32)
        if name in ("value_int", "value_ints"):
            return np.asarray(value, dtype=np.int64)
    raise refused("a Constant without a number", "", "export the model again")


def _filled(reader: Reader, node: Node) -> NDArray[Any]:
    shape = [int(length) for length in reader.known(node, 0).array.ravel()]
    if math.prod(shape) > LARGEST_TENSOR or min(shape, default=1) < 0:
        raise refused(f"a constant of shape {shape}", "it is too large", "use a smaller one")
    value = node.attributes.get("value")
    array = np.zeros(1, dtype=np.float32) if value is None else array_of(value, reader.where)
    return np.full(shape, array.ravel()[0])


def _evaluate(reader: Reader, node: Node) -> None:
    """Compute a node with ONNX's reference implementation."""
    if node.kind not in _FOLDED:
        raise refused(f"{node.kind} of constants", "it is not computed", "fold constants when exporting")
    inputs = {name: reader.values[name] for name in node.inputs if name}
    arrays = {name: value.array for name, value in inputs.items() if isinstance(value, Known)}
    if _largest_result(node, arrays) > LARGEST_TENSOR:
        raise refused(f"{node.kind} of constants", "the result is too large", "use smaller constants")
    results = _computed(node, arrays)
    formats = {value.format for value in inputs.values() if isinstance(value, Known) and value.format}
    keep = node.kind in _KEEP_NUMBERS and len(formats) == 1
    for name, array in zip(node.outputs, results, strict=False):
        reader.values[name] = Known(np.asarray(array), formats.copy().pop() if keep else None)


def _largest_result(node: Node, arrays: Mapping[str, NDArray[Any]]) -> int:
    """A bound of how many numbers a node makes, looked at before they are made."""
    if node.kind == "Concat":
        return sum(arrays[name].size for name in node.inputs if name)
    if node.kind == "Gather":
        table, places = (arrays[name] for name in node.inputs[:2])
        axis = node.integer("axis", 0)
        return places.size * (
            table.size // max(1, table.shape[axis]) if -table.ndim <= axis < table.ndim else 0
        )
    try:
        return math.prod(np.broadcast_shapes(*(array.shape for array in arrays.values())))
    except ValueError:  # not an operation that broadcasts
        return 0


def _computed(node: Node, arrays: dict[str, NDArray[Any]]) -> list[Any]:
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    ports = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in arrays.items()
    ]
    results = [helper.make_value_info(name, helper.make_tensor_type_proto(0, None)) for name in node.outputs]
    graph = helper.make_graph([node.proto], "constant", ports, results)
    version = 11 if any(name in node.attributes for name in ("axes", "split")) else 13
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])
    try:
        return list(ReferenceEvaluator(model).run(None, arrays))
    except Exception as error:  # the reference raises whatever NumPy does
        raise refused(f"{node.kind} of constants fails: {error}", "", "export the model again") from error

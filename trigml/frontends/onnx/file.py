"""Reading an ``.onnx`` file: protobuf, no code of the file is run, nothing outside of the file is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput

LARGEST_FILE = 1 << 30
"""Bytes; a trigger network has a few million weights at most."""

LARGEST_TENSOR = 1 << 24
"""Numbers of one tensor."""

ONNX_DOMAINS = ("", "ai.onnx")
QUANT_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
"""Where exporters put Quant, BipolarQuant and Trunc (those of Brevitas and FINN are older)."""

QUANT_KINDS = ("Quant", "IntQuant", "BipolarQuant", "Trunc")


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node of the file.

    Attributes:
        proto: the ``onnx.NodeProto``.
        name: its name, or that of its first output.
        kind: its operation.
        inputs: names of values; an empty one is an input that is left out.
        outputs: names of values.
        attributes: by name; tensors as they are in the file.
    """

    proto: Any
    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def output(self) -> str:
        """The first output."""
        return self.outputs[0]

    def integers(self, name: str, default: list[int]) -> list[int]:
        """A list of integers."""
        return [int(value) for value in self.attributes.get(name, default)]

    def integer(self, name: str, default: int) -> int:
        """An integer."""
        return int(self.attributes.get(name, default))

    def number(self, name: str, default: float) -> float:
        """A float."""
        return float(self.attributes.get(name, default))

    def text(self, name: str, default: str) -> str:
        """A text."""
        value = self.attributes.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def read_onnx(path: Path) -> Any:
    """The ``onnx.ModelProto`` of a file.

    Raises:
        BadInput: no such file, not ONNX, truncated, too large, with data outside of the file, or with an
            operation of a domain that is not known.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise _damaged(path, f"{size:,} bytes, at most {LARGEST_FILE:,} are read")
        content = path.read_bytes()
    except OSError as error:
        raise BadInput("the model cannot be read", where=str(path), found=error.strerror) from error
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise _damaged(path, "a truncated file, or one of another kind") from error
    if not model.graph.node or not model.graph.input or not model.graph.output:
        raise _damaged(path, "no network: it has no nodes, no inputs or no outputs")
    _refuse_foreign_data(model, path)
    _refuse_foreign_domains(model, path)
    return model


def nodes_of(model: Any) -> list[Node]:
    """The nodes in their order; those of domains that mean the same are written alike."""
    return [_node(proto) for proto in model.graph.node]


def constants_of_file(model: Any, where: str) -> dict[str, NDArray[Any]]:
    """The initializers.

    Raises:
        BadInput: one of them is damaged, too large or not a number.
    """
    return {tensor.name: array_of(tensor, where) for tensor in model.graph.initializer}


def array_of(tensor: Any, where: str) -> NDArray[Any]:
    """A constant of the file as an array.

    Raises:
        BadInput: it is damaged, too large or not numbers.
    """
    from onnx import numpy_helper

    size = 1
    for length in tensor.dims:
        size *= max(0, int(length))
    if size > LARGEST_TENSOR:
        raise BadInput(
            "a constant of the model is too large",
            where=f"{where}: {tensor.name}",
            expected=f"at most {LARGEST_TENSOR:,} numbers",
            found=f"{size:,}",
        )
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise BadInput(
            "a constant of the model is damaged", where=f"{where}: {tensor.name}", found=str(error)
        ) from error
    if array.dtype.kind not in "fiub" or (array.dtype.kind == "f" and not np.all(np.isfinite(array))):
        raise BadInput(
            "a constant of the model is not of finite numbers",
            where=f"{where}: {tensor.name}",
            found=str(array.dtype),
        )
    return array


def metadata_of(model: Any) -> dict[str, Any]:
    """``metadata_props`` whose values are JSON; others are left out."""
    found = {}
    for entry in model.metadata_props:
        try:
            found[entry.key] = json.loads(entry.value)
        except (ValueError, RecursionError):
            continue
    return found


def shape_of_input(value: Any, where: str) -> tuple[int, tuple[int, ...]]:
    """Declared number of events (1 if it is free) and shape without them.

    Raises:
        BadInput: a length is not given, or the tensor is too large.
    """
    lengths = [int(dim.dim_value) for dim in value.type.tensor_type.shape.dim]
    size = 1
    for length in lengths[1:]:
        size *= max(0, length)
    if len(lengths) < 2 or min(lengths[1:]) < 1 or size > LARGEST_TENSOR:
        raise BadInput(
            "the shape of an input is not known",
            where=f"{where}: {value.name}",
            expected=f"(events, …) with lengths from 1 on, at most {LARGEST_TENSOR:,} numbers",
            found=str([dim.dim_param or int(dim.dim_value) for dim in value.type.tensor_type.shape.dim]),
            remedy="export the model with fixed shapes; only the first axis may be free",
        )
    return max(1, lengths[0]), tuple(lengths[1:])


def _node(proto: Any) -> Node:
    from onnx import helper

    attributes = {
        attribute.name: helper.get_attribute_value(attribute)
        for attribute in proto.attribute
        if not attribute.ref_attr_name
    }
    outputs = tuple(proto.output)
    name = proto.name or next(iter(outputs), proto.op_type)
    return Node(proto, name, proto.op_type, tuple(proto.input), outputs, attributes)


def _refuse_foreign_data(model: Any, path: Path) -> None:
    for tensor in _tensors(model):
        if tensor.data_location == tensor.EXTERNAL or tensor.external_data:
            raise BadInput(
                "the model keeps weights in another file, which is not read",
                where=f"{path}: {tensor.name}",
                remedy="save it in one piece: onnx.save_model(model, FILE, save_as_external_data=False)",
            )


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _refuse_foreign_domains(model: Any, path: Path) -> None:
    """qonnx imports the Python module that a domain names: no other than the known ones get that far."""
    if model.functions:
        raise BadInput(
            "the model defines operations of its own",
            where=str(path),
            found=model.functions[0].name,
            remedy="export it with inlined functions (onnx.inliner.inline_local_functions)",
        )
    for node in model.graph.node:
        if not node.output or not node.output[0]:
            raise _damaged(path, f"a node without an output: {node.name or node.op_type}")
        if node.domain in ONNX_DOMAINS or (node.domain in QUANT_DOMAINS and node.op_type in QUANT_KINDS):
            continue
        raise BadInput(
            "the model has an operation of an unknown kind",
            where=f"{path}: {node.name or node.op_type}",
            expected=f"operations of ONNX, or {', '.join(QUANT_KINDS)} of {QUANT_DOMAINS[0]}",
            found=f"{node.op_type} of {node.domain!r}",
        )


def _damaged(path: Path, found: str) -> BadInput:
    return BadInput("not an ONNX model", where=str(path), found=found)

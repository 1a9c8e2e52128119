"""The walk through a prepared ONNX graph: every node is read, folded or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.frontends.names import identifier
from trigml.frontends.onnx.file import Node, constants_of_file, nodes_of, shape_of_input
from trigml.frontends.onnx.folding import fold
from trigml.frontends.onnx.handlers import HANDLERS, INSTEAD, KEEP_SHAPE
from trigml.frontends.onnx.linear import words_of
from trigml.frontends.onnx.quantisers import input_format, is_quantiser, same_words
from trigml.frontends.onnx.reader import BehindRefused, Reader
from trigml.frontends.onnx.values import Known, Tensor, Unknown
from trigml.frontends.refusals import Refused, reason_of, refused
from trigml.graph import GraphBuilder
from trigml.problems import Problem
from trigml.qonnx_model import Place

_LAYOUT = ("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Dropout")
_EIGHT_BITS = FixedPoint(True, 8, 4, Rounding.RND_CONV, Overflow.SAT)
"""In place of an input format that nobody gave, so that the rest is looked at."""


@dataclass(frozen=True)
class Port:
    """An input of the network.

    Attributes:
        name: of the value.
        shape: events not counted.
        format: of the quantiser that every reader has; ``None`` if there is none.
    """

    name: str
    shape: tuple[int, ...]
    format: FixedPoint | None


def ports_of(model: Any, where: str) -> tuple[int, list[Port]]:
    """Declared events, and the inputs that are no constants.

    Raises:
        BadInput: an input without a shape, or a damaged constant.
    """
    reader = Reader(GraphBuilder("ports"), where, 1)
    nodes = nodes_of(model)
    _start(reader, model, nodes)
    batch, ports = 1, []
    for value in model.graph.input:
        if value.name in reader.values:
            continue
        batch, shape = shape_of_input(value, where)
        ports.append(Port(value.name, shape, _own_format(reader, value.name)))
    return batch, ports


def _start(reader: Reader, model: Any, nodes: list[Node]) -> None:
    """Constants, readers and outputs."""
    reader.values |= {name: Known(array) for name, array in constants_of_file(model, reader.where).items()}
    reader.outputs = tuple(value.name for value in model.graph.output)
    for node in nodes:
        for name in dict.fromkeys(node.inputs):
            reader.readers.setdefault(name, []).append(node)


def _own_format(reader: Reader, value: str) -> FixedPoint | None:
    """The format into which every reader of an input brings it before anything else."""
    found: set[FixedPoint | None] = {None} if value in reader.outputs else set()
    for node in reader.readers.get(value, []):
        if is_quantiser(node) and node.inputs[0] == value:
            try:
                found.add(input_format(reader, node))
            except KeyError:  # a parameter of the quantiser is computed by a node
                found.add(None)
        elif node.kind in _LAYOUT and node.inputs[0] == value:
            found.add(_own_format(reader, node.output))
        else:
            found.add(None)
    return found.pop() if len(found) == 1 else None


def converted(
    model: Any,
    contracts: Sequence[InputContract] | None,
    name: str,
    where: str,
    *,
    softmax_tables: bool = False,
    known_problems: Sequence[Problem] = (),
) -> Reader:
    """Read a prepared model; what was refused is in ``problems``.

    Args:
        model: an ``onnx.ModelProto`` whose inputs have their quantisers.
        contracts: one per input; default plain words.
        name: of the graph.
        where: how messages call the file.
        softmax_tables: whether a softmax at the end becomes tables.
        known_problems: broken rules that were found before.

    Raises:
        BadInput: the file contradicts itself.
    """
    batch, ports = ports_of(model, where)
    reader = Reader(GraphBuilder(name), where, batch, softmax_tables, problems=list(known_problems))
    nodes = nodes_of(model)
    _start(reader, model, nodes)
    shapes = _declared_shapes(model)
    for index, port in enumerate(ports):
        contract = contracts[index] if contracts and index < len(contracts) else None
        _add_input(reader, port, contract)
    kept_constants: set[str] = set()
    for node in nodes:  # constants first: the bias of a layer may be quantised behind its products
        if all(isinstance(reader.values.get(name), Known) for name in node.inputs if name):
            _read(reader, node, kept_constants, shapes)
    for node in nodes:
        if node.output not in reader.values and node.output not in reader.done:
            _check_order(reader, node)
            _read(reader, node, kept_constants, shapes)
    return reader


def _declared_shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Shapes that the file notes for its values, the events' axis left out."""
    shapes = {}
    for value in (*model.graph.value_info, *model.graph.output):
        lengths = tuple(int(dim.dim_value) for dim in value.type.tensor_type.shape.dim[1:])
        if lengths and min(lengths) > 0 and np.prod(lengths, dtype=float) < 1 << 20:
            shapes[value.name] = lengths
    return shapes


def _add_input(reader: Reader, port: Port, contract: InputContract | None) -> None:
    count = int(np.prod(port.shape))
    format_ = port.format
    if format_ is None:
        remedy = "give the format in which it arrives: --input-type 'fixed<16,6>'"
        reader.problems.append(
            Problem(port.name, "input", "it is not quantised", "the hardware receives words", remedy)
        )
        format_ = _EIGHT_BITS
    if contract is None:
        contract = InputContract.plain(identifier(port.name), count, format_)
    elif not same_words(contract.format, format_) or len(contract.features) != count:
        raise BadInput(
            "the input contract does not fit the input of the model",
            where=f"{reader.where}: {port.name}",
            expected=f"{count} features, {format_}",
            found=f"{len(contract.features)} features, {contract.format}",
        )
    quantisers = [node for node in reader.readers.get(port.name, []) if is_quantiser(node)]
    direct = len(reader.readers.get(port.name, [])) == 1 and len(quantisers) == 1
    name = reader.name_for(quantisers[0]) if direct else reader.fresh(port.name)
    reader.graph.input(name, port.shape, contract)
    reader.put_value(
        port.name, Tensor(name, port.shape, tuple(range(len(port.shape))), raw=port.format is not None)
    )


def _check_order(reader: Reader, node: Node) -> None:
    for name in node.inputs:
        if name and name not in reader.values:
            raise BadInput(
                "a node reads a value that no node before it yields",
                where=f"{reader.where}: {node.name}",
                found=name,
                remedy="the file is damaged, or its nodes are not in their order: export it again",
            )


def _read(reader: Reader, node: Node, kept_constants: set[str], shapes: dict[str, tuple[int, ...]]) -> None:
    try:
        if fold(reader, node, kept_constants):
            return
        handler = HANDLERS.get(node.kind)
        if handler is None:
            raise refused(
                f"{node.kind} is not supported",
                "it has no exact meaning in integers here",
                INSTEAD.get(node.kind, f"use {', '.join(sorted(HANDLERS))}"),
            )
        handler(reader, node)
    except Refused as error:
        reader.refuse(node, *error.reasons)
    except BehindRefused:
        _look_at_constants(reader, node)
    except BadInput as error:
        reader.refuse(node, reason_of(error))
    else:
        return
    _go_on_behind(reader, node, shapes)


def _look_at_constants(reader: Reader, node: Node) -> None:
    """Float weights of a node behind one that was refused."""
    if node.kind in ("MatMul", "Gemm", "Conv"):
        for name, what in zip(node.inputs[1:], ("weights", "biases"), strict=False):
            if name and isinstance(known := reader.values[name], Known):
                words_of(reader, node, known, what)


def _go_on_behind(reader: Reader, node: Node, shapes: dict[str, tuple[int, ...]]) -> None:
    """A placeholder in the place of a refused result, as far as its shape is known."""
    source = reader.values.get(node.inputs[0]) if node.inputs else None
    shape = shapes.get(node.output)
    if shape is None and node.kind in KEEP_SHAPE and isinstance(source, Tensor):
        shape = source.shape
    for name in node.outputs:
        reader.values[name] = Unknown()
    if is_quantiser(node) and isinstance(source, Known):
        reader.values[node.output] = Known(np.zeros_like(source.array))
        return
    if shape is not None:
        tensor = reader.placeholder(node, shape)
        reader.values[node.output] = replace(tensor, quantised=is_quantiser(node))


def outputs_of(reader: Reader) -> list[str]:
    """Names of the tensors that leave the network, in the order of the file.

    Raises:
        BadInput: an output that does not depend on the inputs.
    """
    names: list[str] = []
    for value in reader.outputs:
        tensor = reader.values.get(value)
        if not isinstance(tensor, Tensor):
            raise BadInput(
                "an output of the model is no result of its nodes", where=f"{reader.where}: {value}"
            )
        name = reader.plain(tensor)
        if name in names:  # the same words leave the network twice: a graph has each output once
            copy = reader.fresh(f"{name}_again")
            name = reader.graph.reshape(copy, name, reader.graph[name].shape)
        names.append(name)
        order = tuple(range(tensor.rank))
        if name not in reader.own:
            reader.places.setdefault(name, Place(reader.actual(value), order, not tensor.shape))
    return names

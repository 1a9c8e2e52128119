"""A QONNX graph becomes our graph, node by node: what is known of each value, and what was refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.frontends.names import identifier
from trigml.frontends.onnx.file import LARGEST_TENSOR, Node
from trigml.frontends.onnx.values import Known, Tensor, Unknown, Value
from trigml.frontends.refusals import Reason, refused
from trigml.graph import GraphBuilder, Operation
from trigml.problems import Problem
from trigml.qonnx_model import Place

_ONE_BIT = FixedPoint(False, 1, 1, Rounding.RND_CONV, Overflow.SAT)


@dataclass
class Reader:
    """A conversion under way.

    Attributes:
        graph: the graph so far.
        where: how messages call the file.
        batch: events that the file declares, 1 if that is free.
        softmax_tables: a softmax at the end becomes tables instead of being left away.
        values: what is known of each value, by name.
        readers: nodes that read each value.
        outputs: names of the values that leave the network.
        shapes: shape of each value that depends on the inputs, events not counted.
        places: tensors of the graph that are values of the file, too.
        kept: nodes that qonnx's executor has to run, as it has to run them.
        constants: constants that these nodes read, and the file does not have.
        integers: values that are int64 in the file.
        renamed: values that are the same as another one: the node between them was left away.
        own: tensors of the graph that the executor does not have.
        done: nodes that were read together with one before them.
        problems: broken rules so far.
        notes: decisions so far.
    """

    graph: GraphBuilder
    where: str
    batch: int
    softmax_tables: bool = False
    values: dict[str, Value] = field(default_factory=dict)
    readers: dict[str, list[Node]] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    kept: list[Any] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    integers: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _orders: dict[tuple[str, tuple[int, ...]], str] = field(default_factory=dict)

    def refuse(self, node: Node, *reasons: Reason) -> None:
        """Note what is wrong with a node, each thing once."""
        for reason in reasons:
            problem = Problem(node.name, node.kind, reason.what, reason.why, reason.remedy)
            if problem not in self.problems:
                self.problems.append(problem)

    def operation(self, tensor: Tensor) -> Operation:
        """The operation that yields a tensor."""
        return self.graph[tensor.name]

    def fraction(self, tensor: Tensor) -> int:
        """Fractional bits of a tensor."""
        return self.graph[tensor.name].format.fraction

    def tensor(self, node: Node, index: int = 0) -> Tensor:
        """An input of a node that has to depend on the network's inputs."""
        value = self._input(node, index)
        if isinstance(value, Tensor):
            return value
        raise refused(f"input {index} is a constant", "", "let it depend on the network's inputs")

    def known(self, node: Node, index: int) -> Known:
        """An input of a node that has to be a constant."""
        value = self._input(node, index)
        if isinstance(value, Known):
            return value
        raise refused(
            f"input {index} ({node.inputs[index]}) is no constant",
            "the hardware has it built in",
            "let it be an initializer",
        )

    def optional(self, node: Node, index: int) -> Known | None:
        """An input of a node that may be left out, and else has to be a constant."""
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        return self.known(node, index)

    def _input(self, node: Node, index: int) -> Value:
        if index >= len(node.inputs) or not node.inputs[index]:
            raise refused(f"input {index} is missing", "", "export the model again")
        value = self.values[node.inputs[index]]
        if isinstance(value, Unknown):
            raise BehindRefused
        return value

    def integers_of(self, node: Node, index: int, attribute: str) -> list[int] | None:
        """Integers that are an input in newer versions of an operation, an attribute in older ones."""
        if (constant := self.optional(node, index)) is not None:
            return [int(value) for value in constant.array.ravel()]
        return node.integers(attribute, []) if attribute in node.attributes else None

    def fresh(self, name: str) -> str:
        """An identifier that no tensor has yet."""
        base = name = identifier(name.strip("/"))
        number = 2
        while name in self.graph.operations:
            name, number = f"{base}_{number}", number + 1
        return name

    def name_for(self, node: Node) -> str:
        """Name of the tensor that a node yields: of its value if that is an identifier, else of the node."""
        output = node.output
        return self.fresh(output if identifier(output) == output else node.name)

    def put(self, node: Node, tensor: Tensor, *, keep: bool = True) -> None:
        """Note the result of a node; ``keep``: the executor has to run the node as it is."""
        self.put_value(node.output, tensor)
        if keep:
            self.kept.append(node.proto)

    def put_value(self, value: str, tensor: Tensor) -> None:
        """Note that a value is a tensor."""
        if math.prod(tensor.shape) > LARGEST_TENSOR:
            raise BadInput("a tensor of the model is too large", where=f"{self.where}: {value}")
        self.values[value] = tensor
        self.shapes[value] = tensor.shape
        if not tensor.raw:
            self.places.setdefault(tensor.name, Place(value, tensor.axes, not tensor.shape))

    def keep_reshape(self, node: Node, shape: tuple[int, ...]) -> None:
        """Give the executor a Reshape that leaves the number of events free, in place of a node."""
        from onnx import helper

        constant = f"{node.output}.shape"
        self.constants[constant] = np.array([-1, *shape])
        self.kept.append(
            helper.make_node("Reshape", [node.inputs[0], constant], [node.output], name=node.name)
        )

    def leave_away(self, node: Node) -> None:
        """Note that the first output of a node is the same as its first input."""
        self.values[node.output] = self.values[node.inputs[0]]
        self.renamed[node.output] = self.actual(node.inputs[0])

    def actual(self, value: str) -> str:
        """The value that the executor has under the name of a value."""
        return self.renamed.get(value, value)

    def only_reader(self, value: str, *kinds: str) -> Node | None:
        """The node of one of these kinds that alone reads a value that is no output."""
        readers = self.readers.get(value, [])
        alone = len(readers) == 1 and value not in self.outputs and readers[0].inputs.count(value) == 1
        return readers[0] if alone and readers[0].kind in kinds else None

    def ordered(self, tensor: Tensor, order: Sequence[int]) -> str:
        """Name of the tensor whose axes are those of the value in this order."""
        order = tuple(order)
        if tensor.axes == order:
            return tensor.name
        key = tensor.name, tuple(tensor.axes.index(axis) for axis in order)
        if key not in self._orders:
            long = [axis for axis in tensor.axes if tensor.shape[axis] > 1]
            same = long == [axis for axis in order if tensor.shape[axis] > 1]  # only axes of length 1 move
            name = self.fresh(f"{tensor.name}_{'reshaped' if same else 'permuted'}")
            if same:
                self.graph.reshape(name, tensor.name, tuple(tensor.shape[axis] for axis in order))
            else:
                self.graph.permute(name, tensor.name, key[1])
            self._orders[key] = name
        return self._orders[key]

    def plain(self, tensor: Tensor) -> str:
        """Name of the tensor with the axes of the value."""
        return self.ordered(tensor, range(tensor.rank))

    def with_last(self, tensor: Tensor, axis: int) -> Tensor:
        """The tensor with one axis of the value as its last one, the others as they come."""
        if not tensor.shape or tensor.axes[-1] == axis:
            return tensor
        order = (*(a for a in tensor.axes if a != axis), axis)
        return replace(tensor, name=self.ordered(tensor, order), axes=order)

    def placeholder(self, node: Node, shape: tuple[int, ...]) -> Tensor:
        """A tensor of one bit in the place of one that was refused: what is behind it is looked at, too."""
        name = self.name_for(node)
        shape_ = shape or (1,)
        self.graph.input(name, shape_, InputContract.plain(name, math.prod(shape_), _ONE_BIT))
        return Tensor(name, shape, tuple(range(len(shape))))


class BehindRefused(Exception):
    """A node behind one that was refused, whose result nobody knows."""


def axis_of(axis: int, rank: int) -> int:
    """An axis that an attribute names (the events' axis counted) without the events' axis.

    Raises:
        Refused: it is that of the events, or there is none.
    """
    whole = axis + rank + 1 if axis < 0 else axis
    if not 1 <= whole <= rank:
        raise refused(
            f"axis {axis} of {rank + 1}", "events are independent of each other", "use another axis"
        )
    return whole - 1


def number_of(known: Known, what: str) -> float:
    """A constant of one number."""
    if known.array.size != 1:
        raise refused(f"{what} is not one number", "the format is one for the tensor", f"use one {what}")
    return float(known.array.ravel()[0])


def broadcast_against(array: NDArray[Any], tensor: Tensor) -> NDArray[np.float64]:
    """A constant, broadcast against (events, *shape), without its events' axis, of the rank of the value.

    Raises:
        Refused: it does not fit the tensor, or makes it larger.
    """
    full = (1,) * (tensor.rank + 1 - array.ndim) + array.shape
    fits = len(full) == tensor.rank + 1 and full[0] == 1
    if not fits or any(n not in (1, m) for n, m in zip(full[1:], tensor.shape, strict=True)):
        raise refused(
            f"a constant of shape {array.shape} does not fit (events, {', '.join(map(str, tensor.shape))})",
            "it would make the tensor larger",
            "give it the shape of the tensor, or one number per channel",
        )
    return array.reshape(full[1:]).astype(np.float64)

"""Graph → QONNX: float32 values that are integer words times a power of two, and ``Quant`` nodes.

ONNX wants the channels in front in convolutions and pools, the graph has them last. A tensor is kept in
the order in which it is made; a Transpose stands only where the other order is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import trigml
from trigml.backends.onnx.assembly import Assembly, Shape, Value
from trigml.backends.onnx.quant_form import (
    MAX_QUANT_BITS,
    ROUNDING_MODES,
    NoQonnxForm,
    needs_quant,
    pool_problem,
    quant_problem,
)
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray, Overflow, to_values
from trigml.graph import Graph, Operation
from trigml.graph import operations as ops
from trigml.graph.float32 import where_float32_may_round
from trigml.problems import Problem
from trigml.qonnx_model import QUANT_DOMAIN, Place, QonnxModel


def qonnx_model(graph: Graph) -> QonnxModel:
    """Write a graph as QONNX.

    Raises:
        NoQonnxForm: an operation has no exact form in QONNX; all of them are named.
    """
    if problems := problems_for_qonnx(graph):
        raise NoQonnxForm(graph.name, problems)
    writer = _Writer(graph)
    for operation in graph.operations:
        writer.add(operation)
    outputs = [writer.read(name) for name in graph.outputs]
    proto = writer.assembly.model(graph.name, writer.inputs, outputs, _metadata(graph))
    return QonnxModel(
        graph,
        proto,
        tuple(Place(value.name, tuple(range(len(value.shape)))) for value in writer.inputs),
        {operation.name: writer.place(operation) for operation in graph.operations},
        where_float32_may_round(graph),
    )


def problems_for_qonnx(graph: Graph) -> list[Problem]:
    """What QONNX cannot express; empty if all of the graph has its form."""
    problems = []
    for operation in graph.operations:
        match operation:
            case ops.Quantize():
                problems.append(quant_problem(graph, operation))
            case ops.AveragePool():
                problems.append(pool_problem(graph, operation))
    return [problem for problem in problems if problem is not None]


def _metadata(graph: Graph) -> dict[str, Any]:
    return {
        "trigml.version": trigml.__version__,
        "trigml.graph_digest": graph.digest,
        "trigml.input_contracts": [contract.to_json() for contract in graph.contracts],
        "trigml.output_labels": list(graph.output_labels),
    }


@dataclass
class _Writer:
    graph: Graph
    assembly: Assembly = field(default_factory=Assembly)
    inputs: list[Value] = field(default_factory=list)
    first: dict[str, bool] = field(default_factory=dict)  # whether a tensor is made with channels in front
    made: dict[tuple[str, bool], Value] = field(default_factory=dict)

    def place(self, operation: Operation) -> Place:
        rank = len(operation.shape)
        axes = (*range(1, rank), 0) if self.first[operation.name] else tuple(range(rank))
        return Place(self.made[operation.name, self.first[operation.name]].name, axes)

    def read(self, name: str, *, first: bool = False) -> Value:
        """A tensor in the wanted order of its axes."""
        rank = len(self.graph[name].shape)
        first = first and rank > 1
        if (name, first) not in self.made:
            source = self.made[name, not first]
            perm = [0, rank, *range(1, rank)] if first else [0, *range(2, rank + 1), 1]
            shape = _ordered(self.graph[name].shape, first)
            output = f"{name}.channels_{'first' if first else 'last'}"
            self.made[name, first] = self.assembly.node("Transpose", [source.name], output, shape, perm=perm)
        return self.made[name, first]

    def add(self, operation: Operation) -> None:
        """The nodes of one operation."""
        match operation:
            case ops.Input():
                port = Value(f"{operation.name}.values", operation.shape)
                self.inputs.append(port)
                self.assembly.values[port.name] = port
                self._quant(operation, port.name, first=False)
            case ops.Dense():
                self._dense(operation)
            case ops.Scale():
                self._scale(operation)
            case ops.Windowed():
                self._convolution(operation)
            case ops.Quantize():
                first = self.first[operation.inputs[0]]
                self._quant(operation, self.read(operation.inputs[0], first=first).name, first=first)
            case ops.MaxPool() | ops.AveragePool():
                self._pool(operation)
            case ops.Table():
                self._table(operation)
            case ops.Sum() | ops.Maximum() | ops.ArgMax():
                self._reduce(operation)
            case ops.Add() | ops.Subtract() | ops.Multiply() | ops.Concatenate():
                self._of_several(operation)
            case _:
                self._of_one(operation)

    def _keep(self, operation: Operation, value: Value, *, first: bool = False) -> None:
        self.first[operation.name] = first
        self.made[operation.name, first] = value

    def _node(
        self,
        operation: Operation,
        kind: str,
        inputs: Sequence[str],
        *,
        first: bool = False,
        **attributes: Any,
    ) -> Value:
        """The node that yields the operation's tensor under its own name."""
        shape = _ordered(operation.shape, first)
        value = self.assembly.node(kind, inputs, operation.name, shape, **attributes)
        self._keep(operation, value, first=first)
        return value

    def _quant(self, operation: Operation, source: str, *, first: bool) -> None:
        parameters, attributes = self._quant_parts(operation.name, operation.format)
        self._node(operation, "Quant", [source, *parameters], first=first, domain=QUANT_DOMAIN, **attributes)

    def _quant_parts(self, name: str, format_: FixedPoint) -> tuple[list[str], dict[str, Any]]:
        constant = self.assembly.constant
        parameters = [
            constant(f"{name}.scale", np.array(format_.lsb)),
            constant(f"{name}.zero_point", np.array(0.0)),
            constant(f"{name}.bits", np.array(float(format_.width))),
        ]
        return parameters, {
            "signed": int(format_.signed),
            "narrow": int(format_.signed and format_.overflow is Overflow.SAT_SYM),
            # a mode that QONNX does not know is one that has no bits to round
            "rounding_mode": ROUNDING_MODES.get(format_.rounding, "ROUND"),
        }

    def _quantised_constant(self, name: str, words: IntArray, format_: FixedPoint) -> str:
        """Constant words behind a Quant node that says their format."""
        plain = self.assembly.constant(f"{name}.words", to_values(words, format_.fraction))
        if format_.signed and format_.width == 1:  # a Quant of one signed bit is -1 or +1
            format_ = FixedPoint(True, 2, format_.integer + 1)
        if format_.width > MAX_QUANT_BITS:
            return plain
        parameters, attributes = self._quant_parts(name, format_)
        return self.assembly.node(
            "Quant",
            [plain, *parameters],
            name,
            words.shape,
            domain=QUANT_DOMAIN,
            constant=True,
            **attributes,
        ).name

    def _dense(self, operation: ops.Dense) -> None:
        source = self.read(operation.inputs[0])
        weight = self._quantised_constant(
            f"{operation.name}.weight", operation.weight, operation.weight_format
        )
        self._with_bias(operation, "MatMul", [source.name, weight], first=False)

    def _scale(self, operation: ops.Scale) -> None:
        first = self.first[operation.inputs[0]]
        source = self.read(operation.inputs[0], first=first)
        words = operation.weight.reshape(_per_channel(operation, first))
        weight = self._quantised_constant(f"{operation.name}.weight", words, operation.weight_format)
        self._with_bias(operation, "Mul", [source.name, weight], first=first)

    def _with_bias(self, operation: ops.Linear, kind: str, inputs: list[str], *, first: bool) -> None:
        if not operation.bias.any():
            self._node(operation, kind, inputs, first=first)
            return
        shape = _ordered(operation.shape, first)
        products = self.assembly.node(kind, inputs, f"{operation.name}.products", shape)
        words = operation.bias.reshape(_per_channel(operation, first))
        bias = self._quantised_constant(f"{operation.name}.bias", words, operation.bias_format)
        self._node(operation, "Add", [products.name, bias], first=first)

    def _convolution(self, operation: ops.Windowed) -> None:
        source = self.read(operation.inputs[0], first=True)
        kernel = operation.weight.shape[:-2]
        depthwise = isinstance(operation, ops.DepthwiseConvolution)
        # depthwise: (*kernel, channels, m) → (channels * m, 1, *kernel)
        words = operation.weight.reshape(*kernel, 1, -1) if depthwise else operation.weight
        words = np.moveaxis(words, (-1, -2), (0, 1))
        inputs = [source.name]
        inputs.append(self._quantised_constant(f"{operation.name}.weight", words, operation.weight_format))
        if operation.bias.any():
            inputs.append(
                self._quantised_constant(f"{operation.name}.bias", operation.bias, operation.bias_format)
            )
        self._node(
            operation,
            "Conv",
            inputs,
            first=True,
            group=operation.weight.shape[-2] if depthwise else 1,
            kernel_shape=list(kernel),
            strides=list(operation.strides),
            pads=_pads(operation.padding),
            dilations=list(operation.dilation),
        )

    def _pool(self, operation: ops.MaxPool | ops.AveragePool) -> None:
        source = self.read(operation.inputs[0], first=True)
        attributes: dict[str, Any] = {
            "kernel_shape": list(operation.pool),
            "strides": list(operation.strides),
            "pads": _pads(operation.padding),
        }
        if isinstance(operation, ops.MaxPool):
            self._node(operation, "MaxPool", [source.name], first=True, **attributes)
        elif not needs_quant(self.graph, operation):
            self._node(operation, "AveragePool", [source.name], first=True, **attributes)
        else:
            shape = _ordered(operation.shape, True)
            mean = self.assembly.node(
                "AveragePool", [source.name], f"{operation.name}.mean", shape, **attributes
            )
            self._quant(operation, mean.name, first=True)

    def _table(self, operation: ops.Table) -> None:
        """``table[x / lsb - low]``: a Gather, with the index as int64."""
        first = self.first[operation.inputs[0]]
        source = self.read(operation.inputs[0], first=first)
        name, lsb = operation.name, self.graph[operation.inputs[0]].format.lsb
        scale = self.assembly.constant(f"{name}.steps", np.array(1 / lsb))
        low = self.assembly.constant(f"{name}.low", np.array(float(operation.low)))
        words = self.assembly.node("Mul", [source.name, scale], f"{name}.source_words", source.shape)
        index = self.assembly.node("Sub", [words.name, low], f"{name}.offsets", source.shape)
        whole = self.assembly.node(
            "Cast", [index.name], f"{name}.index", source.shape, integer=True, to=_INT64
        )
        table = self.assembly.constant(f"{name}.table", to_values(operation.table, operation.format.fraction))
        self._node(operation, "Gather", [table, whole.name], first=first, axis=0)

    def _reduce(self, operation: ops.Sum | ops.Maximum | ops.ArgMax) -> None:
        source = self.read(operation.inputs[0])
        rank = len(source.shape)
        axes = [rank - 1] if isinstance(operation, ops.ArgMax) else list(operation.axes)
        kept = tuple(1 if axis in axes else n for axis, n in enumerate(source.shape))
        keep = operation.shape == kept
        shape = kept if keep else tuple(n for axis, n in enumerate(source.shape) if axis not in axes)
        numbers = [axis + 1 for axis in axes]
        name = operation.name
        direct = keep or shape == operation.shape
        match operation:
            case ops.ArgMax():
                index = self.assembly.node(
                    "ArgMax",
                    [source.name],
                    f"{name}.index",
                    shape,
                    integer=True,
                    axis=rank,
                    keepdims=int(keep),
                )
                self._node(operation, "Cast", [index.name], to=_FLOAT)
                return
            case ops.Sum():
                inputs = [source.name, self.assembly.constant(f"{name}.axes", np.array(numbers))]
                attributes: dict[str, Any] = {"keepdims": int(keep)}
                kind = "ReduceSum"
            case _:
                inputs, kind = [source.name], "ReduceMax"
                attributes = {"axes": numbers, "keepdims": int(keep)}
        if direct:
            self._node(operation, kind, inputs, **attributes)
            return
        reduced = self.assembly.node(kind, inputs, f"{name}.reduced", shape, **attributes)
        self._reshape(operation, reduced.name)

    def _reshape(self, operation: Operation, source: str) -> None:
        shape = self.assembly.constant(f"{operation.name}.shape", np.array([-1, *operation.shape]))
        self._node(operation, "Reshape", [source, shape])

    def _of_one(self, operation: Operation) -> None:
        """Operations that keep the order of the axes, and those that change it."""
        name, first = operation.name, self.first[operation.inputs[0]]
        match operation:
            case ops.Reshape():
                self._reshape(operation, self.read(operation.inputs[0]).name)
                return
            case ops.Permute():
                source = self.read(operation.inputs[0])
                perm = [0, *(axis + 1 for axis in operation.axes)]
                self._node(operation, "Transpose", [source.name], perm=perm)
                return
        source = self.read(operation.inputs[0], first=first)
        match operation:
            case ops.Relu():
                self._node(operation, "Relu", [source.name], first=first)
            case ops.LeakyRelu():
                self._node(operation, "LeakyRelu", [source.name], first=first, alpha=2.0**-operation.shift)
            case ops.Clip():
                ends = [
                    self.assembly.constant(f"{name}.{end}", np.array(word * operation.format.lsb))
                    for end, word in (("min", operation.low), ("max", operation.high))
                ]
                self._node(operation, "Clip", [source.name, *ends], first=first)
            case ops.Slice():
                begin, shape = (np.array(_ordered(n, first)) for n in (operation.begin, operation.shape))
                parts = (("starts", begin), ("ends", begin + shape), ("axes", np.arange(1, begin.size + 1)))
                block = [self.assembly.constant(f"{name}.{part}", numbers) for part, numbers in parts]
                self._node(operation, "Slice", [source.name, *block], first=first)
            case ops.ZeroPad():
                around = ((0, 0), *operation.padding) if first else (*operation.padding, (0, 0))
                pads = self.assembly.constant(f"{name}.pads", np.array(_pads(((0, 0), *around))))
                self._node(operation, "Pad", [source.name, pads], first=first, mode="constant")
            case _:
                raise BadInput("an operation without a QONNX form", found=type(operation).__name__)

    def _of_several(self, operation: Operation) -> None:
        shapes = [self.graph[name].shape for name in operation.inputs]
        same_rank = len({len(shape) for shape in shapes}) == 1 and len(shapes[0]) > 1
        first = same_rank and all(self.first[name] for name in operation.inputs)
        sources = [self.read(name, first=first).name for name in operation.inputs]
        if isinstance(operation, ops.Concatenate):
            rank = len(operation.shape)
            axis = operation.axis if not first else (operation.axis + 1) % rank
            self._node(operation, "Concat", sources, first=first, axis=axis + 1)
            return
        rank = len(operation.shape)
        for index, shape in enumerate(shapes):
            if len(shape) < rank:  # the event axis stays in front of the axes that are repeated
                sources[index] = self._of_rank(operation, sources[index], shape)
        match operation:
            case ops.Subtract():
                self._node(operation, "Sub", sources, first=first)
            case ops.Multiply():
                self._node(operation, "Mul", sources, first=first)
            case _:
                self._sum(operation, sources, first=first)

    def _of_rank(self, operation: Operation, source: str, shape: Shape) -> str:
        full = (1,) * (len(operation.shape) - len(shape)) + shape
        name = f"{operation.name}.{source}"
        if name not in self.assembly.values:
            constant = self.assembly.constant(f"{name}.shape", np.array([-1, *full]))
            self.assembly.node("Reshape", [source, constant], name, full)
        return name

    def _sum(self, operation: Operation, sources: list[str], *, first: bool) -> None:
        """Add nodes for two tensors each: ONNX's Sum takes more, but few readers know it."""
        shapes = [self.assembly.values[source].shape for source in sources]
        total, shape = sources[0], shapes[0]
        for index in range(1, len(sources) - 1):
            shape = tuple(map(int, np.broadcast_shapes(shape, shapes[index])))
            total = self.assembly.node(
                "Add", [total, sources[index]], f"{operation.name}.upto_{index}", shape
            ).name
        self._node(operation, "Add", [total, sources[-1]], first=first)


_FLOAT, _INT64 = 1, 7  # onnx.TensorProto


def _ordered(shape: Shape, first: bool) -> Shape:
    return (shape[-1], *shape[:-1]) if first else shape


def _per_channel(operation: Operation, first: bool) -> Shape:
    """Shape in which one number per channel is broadcast."""
    return (-1, *(1,) * (len(operation.shape) - 1)) if first else (-1,)


def _pads(padding: Sequence[tuple[int, int]]) -> list[int]:
    """ONNX's order: all the beginnings, then all the ends."""
    return [before for before, _ in padding] + [after for _, after in padding]

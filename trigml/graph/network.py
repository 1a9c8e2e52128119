"""``Graph``: the integer network as a whole, its invariants, proven ranges and digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from trigml.contract import InputContract
from trigml.errors import BadInput, TrigmlError
from trigml.fixedpoint import FixedPoint, IntArray, Interval
from trigml.fixedpoint.format import MAX_WIDTH
from trigml.graph.operations import Dense, Input, Operation, Quantize, Relu

EXACT_FLOAT64_BITS = 53
"""Emulators multiply in float64: every accumulator has to stay below 2**53 to be exact there."""


class BrokenInvariant(TrigmlError):
    """A graph that contradicts itself: a damaged file, or a fault of trigml."""


@dataclass(frozen=True)
class Graph:
    """Operations in an order in which each comes after what it reads.

    Attributes:
        name: a C identifier; the top function of generated code bears it.
        operations: the network.
        outputs: names of the tensors that leave the network.
        contract: how physical features become the input words.
        output_labels: what the elements of the (single) output mean, for example class names.
    """

    name: str
    operations: tuple[Operation, ...]
    outputs: tuple[str, ...]
    contract: InputContract
    output_labels: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Operation:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Operation]:
        return {operation.name: operation for operation in self.operations}

    @property
    def input(self) -> Input:
        """The single input."""
        first = self.operations[0]
        if not isinstance(first, Input):
            raise BrokenInvariant("a graph begins with its input", found=type(first).__name__)
        return first

    @property
    def output(self) -> Operation:
        """The operation that yields the (single) output."""
        return self[self.outputs[0]]

    @cached_property
    def ranges(self) -> Mapping[str, Interval]:
        """Per tensor, the interval in which every word provably lies, from the actual weights."""
        ranges: dict[str, Interval] = {}
        for operation in self.operations:
            ranges[operation.name] = self.range_after(operation, ranges)
        return ranges

    def range_after(self, operation: Operation, before: Mapping[str, Interval]) -> Interval:
        """Proven interval of one operation, given those of the tensors that it reads."""
        match operation:
            case Input():
                return Interval.of_format(operation.format, operation.shape)
            case Dense():
                return _accumulator(self, operation, before[operation.inputs[0]])[0]
            case Relu():
                return before[operation.inputs[0]].rectified()
            case Quantize():
                source = self[operation.inputs[0]]
                return before[source.name].requantized(source.format.fraction, operation.format)
        raise BrokenInvariant("an operation without a meaning", found=type(operation).__name__)

    def upto(self, name: str) -> Graph:
        """The part of a chain that ends in the tensor ``name``, as a network of its own."""
        end = [operation.name for operation in self.operations].index(name) + 1
        return Graph(self.name, self.operations[:end], (name,), self.contract).check()

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything the graph says: structure, formats, weights, contract."""
        sha = hashlib.sha256(json.dumps(describe(self), sort_keys=True).encode())
        for operation in self.operations:
            for name, array in sorted(arrays(operation).items()):
                sha.update(f"{operation.name}.{name}{array.shape}".encode())
                sha.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        return sha.hexdigest()

    def check(self) -> Graph:
        """State the invariants; runs after every pass and every load.

        Returns:
            The graph itself.

        Raises:
            BrokenInvariant: with the operation and what does not hold.
        """
        if not (self.name.isascii() and self.name.isidentifier()):
            raise BrokenInvariant("the graph's name is not a C identifier", found=self.name)
        if not self.operations:
            raise BrokenInvariant("a graph has at least an input", found=self.name)
        if len(self.outputs) != 1:
            raise BrokenInvariant("a graph has one output", found=str(self.outputs))
        for operation in self.operations:
            is_only_one = self._by_name[operation.name] is operation
            _require(is_only_one, operation, "names are unique", operation.name)
        seen: set[str] = set()
        for operation in self.operations:
            is_name = operation.name.isascii() and operation.name.isidentifier()
            _require(is_name, operation, "its name is a C identifier", operation.name)
            for name in operation.inputs:
                _require(name in seen, operation, "it reads a tensor that stands before it", name)
            _check_operation(self, operation)
            seen.add(operation.name)
        for name in self.outputs:
            if name not in seen:
                raise BrokenInvariant("an output is not a tensor of the graph", found=name)
        if self.input.shape != (len(self.contract.features),) or self.input.format != self.contract.format:
            raise BrokenInvariant("the input is not what the input contract says", where=self.input.name)
        if self.output_labels and self.output.shape != (len(self.output_labels),):
            raise BrokenInvariant("the output labels do not fit the output", found=str(self.output_labels))
        _check_ranges(self)
        return self


def describe(graph: Graph) -> dict[str, Any]:
    """The graph without its arrays, as plain JSON."""
    return {
        "name": graph.name,
        "contract": graph.contract.to_json(),
        "outputs": list(graph.outputs),
        "output_labels": list(graph.output_labels),
        "operations": [
            {"operation": type(operation).__name__}
            | {
                field.name: _plain(getattr(operation, field.name))
                for field in fields(operation)
                if field.name not in arrays(operation)
            }
            for operation in graph.operations
        ],
    }


def arrays(operation: Operation) -> dict[str, IntArray]:
    """The integer arrays of an operation by field name; each axis and value counts for the digest."""
    return {
        field.name: value
        for field in fields(operation)
        if isinstance(value := getattr(operation, field.name), np.ndarray)
    }


def dense_accumulator(
    inputs: Interval,
    input_format: FixedPoint,
    *,
    weight: IntArray,
    weight_format: FixedPoint,
    bias: IntArray,
    bias_format: FixedPoint,
) -> tuple[Interval, FixedPoint]:
    """Range of a dense layer's outputs, and the narrowest accumulator that cannot overflow.

    Args:
        inputs: proven range of the input words (n_in,).
        input_format: format of the input words.
        weight: weight words (n_in, n_out) in ``weight_format``.
        weight_format: format of the weights.
        bias: bias words (n_out,) in ``bias_format``.
        bias_format: format of the biases.

    Returns:
        The range of the results in units of the accumulator's LSB, and its format, signed, which also
        holds every partial sum in any order, with the bias added first or last.
    """
    product_fraction = input_format.fraction + weight_format.fraction
    fraction = max(product_fraction, bias_format.fraction)
    aligned_bias = _aligned(bias, fraction - bias_format.fraction)
    aligned_weight = _aligned(weight, fraction - product_fraction)
    result = inputs.matmul(aligned_weight).shifted(aligned_bias)
    sums = inputs.with_zero().matmul(aligned_weight)
    partial = Interval(
        np.minimum(sums.low, sums.low + aligned_bias), np.maximum(sums.high, sums.high + aligned_bias)
    )
    return result, partial.with_zero().smallest_format(fraction, signed=True)


def _aligned(words: IntArray, left: int) -> IntArray:
    largest = max(-int(words.min()), int(words.max()), 0) if words.size else 0
    if largest << left >= 1 << MAX_WIDTH:
        raise BadInput(
            f"weights and biases whose least significant bits are 2**{left} apart do not fit one accumulator",
            remedy="give weights and biases more similar numbers of fractional bits",
        )
    return words << min(left, MAX_WIDTH)


def _accumulator(graph: Graph, dense: Dense, inputs: Interval) -> tuple[Interval, FixedPoint]:
    return dense_accumulator(
        inputs,
        graph[dense.inputs[0]].format,
        weight=dense.weight,
        weight_format=dense.weight_format,
        bias=dense.bias,
        bias_format=dense.bias_format,
    )


def _check_operation(graph: Graph, operation: Operation) -> None:
    if isinstance(operation, Input):
        _require(not operation.inputs, operation, "an input reads nothing", operation.inputs)
        _require(operation is graph.input, operation, "there is one input", operation.name)
        return
    _require(len(operation.inputs) == 1, operation, "it reads one tensor", operation.inputs)
    source = graph[operation.inputs[0]]
    if isinstance(operation, Dense):
        _require(operation.weight.ndim == 2, operation, "a matrix of weights", operation.weight.shape)
        n_in, n_out = operation.weight.shape
        _require(source.shape == (n_in,), operation, f"its input has shape ({n_in},)", source.shape)
        _require(operation.shape == (n_out,), operation, f"its shape is ({n_out},)", operation.shape)
        _require(operation.bias.shape == (n_out,), operation, "one bias per output", operation.bias.shape)
        for words, format_, what in (
            (operation.weight, operation.weight_format, "weights"),
            (operation.bias, operation.bias_format, "biases"),
        ):
            _require(words.dtype == np.int64, operation, f"its {what} are int64", words.dtype)
            bounds = (int(words.min()), int(words.max()))
            _require(format_.holds(*bounds), operation, f"its {what} are words of {format_}", bounds)
        product = source.format.fraction + operation.weight_format.fraction
        needed = max(product, operation.bias_format.fraction)
        _require(
            operation.format.fraction == needed, operation, f"{needed} fractional bits", operation.format
        )
    else:
        _require(operation.shape == source.shape, operation, "it keeps the shape", operation.shape)
    if isinstance(operation, Relu):
        same = operation.format.fraction == source.format.fraction
        _require(same, operation, "it keeps the fraction", operation.format)


def _check_ranges(graph: Graph) -> None:
    for operation in graph.operations:
        interval = graph.ranges[operation.name]
        _require(
            operation.format.holds(*interval.bounds),
            operation,
            f"its format holds the proven range {interval.bounds}",
            operation.format,
        )
        if not isinstance(operation, Dense):
            continue
        _, accumulator = _accumulator(graph, operation, graph.ranges[operation.inputs[0]])
        _require(
            operation.format.signed and operation.format.width >= accumulator.width,
            operation,
            f"no partial sum overflows: at least {accumulator.width} bits",
            operation.format,
        )
        _require(
            operation.format.width <= EXACT_FLOAT64_BITS,
            operation,
            f"its accumulator has at most {EXACT_FLOAT64_BITS} bits",
            operation.format,
        )


def _require(holds: bool, operation: Operation, expected: str, found: object) -> None:
    if not holds:
        raise BrokenInvariant(
            "the graph is not consistent",
            where=f"{type(operation).__name__} {operation.name!r}",
            expected=expected,
            found=str(found),
        )


def _plain(value: object) -> Any:
    if isinstance(value, FixedPoint):
        return str(value)
    return list(value) if isinstance(value, tuple) else value

"""Every operation of the graph in plain Python integers and fractions, written from the docstrings alone.

Slow on purpose: one event, one element, one term at a time. NumPy only holds the objects in their shapes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.graph import Graph, Operation
from trigml.graph import operations as ops

Tensor = np.ndarray  # of Fraction: the values, not the words
Index = tuple[int, ...]


def rounded(value: Fraction, rounding: Rounding) -> int:
    """To an integer; ties as the mode says."""
    down, up = math.floor(value), math.ceil(value)
    towards_zero = down if value > 0 else up
    match rounding:
        case Rounding.TRN:
            return down
        case Rounding.TRN_ZERO:
            return towards_zero
    if value - down != Fraction(1, 2):
        return math.floor(value + Fraction(1, 2))
    return {
        Rounding.RND: up,
        Rounding.RND_MIN_INF: down,
        Rounding.RND_ZERO: towards_zero,
        Rounding.RND_INF: up if value > 0 else down,
        Rounding.RND_CONV: down if down % 2 == 0 else up,
    }[rounding]


def fitted(word: int, format_: FixedPoint) -> int:
    """Into the range, as the overflow mode says."""
    if format_.min_word <= word <= format_.max_word:
        return word
    match format_.overflow:
        case Overflow.SAT | Overflow.SAT_SYM:
            return format_.min_word if word < 0 else format_.max_word
        case Overflow.SAT_ZERO:
            return 0
    return (word - format_.min_word) % 2**format_.width + format_.min_word


def lsb_of(format_: FixedPoint) -> Fraction:
    return Fraction(2) ** -format_.fraction


def brought_into(value: Fraction, format_: FixedPoint) -> Fraction:
    return fitted(rounded(value / lsb_of(format_), format_.rounding), format_) * lsb_of(format_)


def exact_words(graph: Graph, words: Sequence[int]) -> dict[str, np.ndarray]:
    """One event: the words of every tensor (shape of the tensor, Python integers), by name."""
    values: dict[str, Tensor] = {}
    given = iter(words)
    for operation in graph.operations:
        if isinstance(operation, ops.Input):
            entries = [next(given) * lsb_of(operation.format) for _ in range(math.prod(operation.shape))]
            values[operation.name] = _filled(operation.shape, iter(entries))
        else:
            values[operation.name] = _evaluated(graph, operation, values)
        assert values[operation.name].shape == operation.shape, operation.name
    assert next(given, None) is None
    return {name: _words(tensor, graph[name].format) for name, tensor in values.items()}


def _words(tensor: Tensor, format_: FixedPoint) -> np.ndarray:
    words = [value / lsb_of(format_) for value in tensor.ravel().tolist()]
    assert all(word.denominator == 1 for word in words), "a bit was dropped"
    return _filled(tensor.shape, (int(word) for word in words))


def _filled(shape: Index, entries: Iterator[object]) -> Tensor:
    tensor = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        tensor[index] = next(entries)
    return tensor


def _evaluated(graph: Graph, operation: Operation, values: Mapping[str, Tensor]) -> Tensor:
    sources = [values[name] for name in operation.inputs]
    x = sources[0]
    element = _elementwise(operation, graph[operation.inputs[0]].format)
    if element is not None:
        return _filled(x.shape, (element(value) for value in x.ravel().tolist()))
    match operation:
        case ops.Reshape():
            return _filled(operation.shape, iter(x.ravel().tolist()))
        case ops.Concatenate():
            return _concatenated(operation, sources)
        case ops.Linear():
            result = [_sum_of_products(operation, x, index) for index in np.ndindex(*operation.shape)]
        case ops.Add() | ops.Subtract() | ops.Multiply():
            result = [_of_several(operation, sources, index) for index in np.ndindex(*operation.shape)]
        case ops.MaxPool() | ops.AveragePool():
            result = [_pooled(operation, x, index) for index in np.ndindex(*operation.shape)]
        case ops.Sum() | ops.Maximum():
            result = [_reduced(operation, x, index) for index in _indices_without(x.shape, operation.axes)]
        case ops.ArgMax():
            rows = [x[index].tolist() for index in np.ndindex(*x.shape[:-1])]
            result = [Fraction(row.index(max(row))) for row in rows]
        case ops.Permute():
            result = []
            for index in np.ndindex(*operation.shape):
                source = [0] * x.ndim
                for axis, of_input in enumerate(operation.axes):
                    source[of_input] = index[axis]
                result.append(x[tuple(source)])
        case ops.Slice():
            result = [
                x[tuple(i + begin for i, begin in zip(index, operation.begin, strict=True))]
                for index in np.ndindex(*operation.shape)
            ]
        case ops.ZeroPad():
            befores = [before for before, _ in operation.padding] + [0]
            result = [
                _cell(x, tuple(i - before for i, before in zip(index, befores, strict=True)))
                for index in np.ndindex(*operation.shape)
            ]
        case _:
            raise AssertionError(operation)
    return _filled(operation.shape, iter(result))


def _elementwise(operation: Operation, source: FixedPoint):  # type: ignore[no-untyped-def]
    match operation:
        case ops.Relu():
            return lambda value: max(value, Fraction(0))
        case ops.LeakyRelu():
            return lambda value: value if value >= 0 else value / 2**operation.shift
        case ops.Clip():
            low, high = operation.low * lsb_of(source), operation.high * lsb_of(source)
            return lambda value: min(max(value, low), high)
        case ops.Quantize():
            return lambda value: brought_into(value, operation.format)
        case ops.Table():
            return lambda value: (
                int(operation.table[int(value / lsb_of(source)) - operation.low]) * lsb_of(operation.format)
            )
    return None


def _cell(x: Tensor, index: Index) -> Fraction:
    """Zero outside of the tensor."""
    inside = all(0 <= i < n for i, n in zip(index, x.shape, strict=True))
    return x[index] if inside else Fraction(0)


def terms_of(operation: ops.Linear, shape: Index, index: Index) -> Iterator[tuple[Index, int]]:
    """Index of the input and word of the weight, for each product of one element of the result.

    Products with padding are left out; ``shape`` is that of the input.
    """
    weight = operation.weight
    *place, j = index
    match operation:
        case ops.Dense():
            for i in range(shape[-1]):
                yield (*place, i), int(weight[i, j])
        case ops.Scale():
            yield index, int(weight[j])
        case ops.Windowed():
            for tap in np.ndindex(*weight.shape[:-2]):
                at = tuple(
                    stride * p + dilation * k - before
                    for stride, p, dilation, k, (before, _) in zip(
                        operation.strides, place, operation.dilation, tap, operation.padding, strict=True
                    )
                )
                if not all(0 <= i < n for i, n in zip(at, shape, strict=False)):
                    continue
                if isinstance(operation, ops.Convolution):
                    for i in range(shape[-1]):
                        yield (*at, i), int(weight[(*tap, i, j)])
                else:
                    channel, d = divmod(j, weight.shape[-1])
                    yield (*at, channel), int(weight[(*tap, channel, d)])
        case _:
            raise AssertionError(operation)


def _sum_of_products(operation: ops.Linear, x: Tensor, index: Index) -> Fraction:
    total = int(operation.bias[index[-1]]) * lsb_of(operation.bias_format)
    for source, weight in terms_of(operation, x.shape, index):
        total += x[source] * weight * lsb_of(operation.weight_format)
    return total


def _of_several(operation: Operation, sources: Sequence[Tensor], index: Index) -> Fraction:
    terms = []
    for source in sources:
        own = index[len(index) - source.ndim :]
        terms.append(source[tuple(0 if n == 1 else i for i, n in zip(own, source.shape, strict=True))])
    match operation:
        case ops.Add():
            return sum(terms, Fraction(0))
        case ops.Subtract():
            return terms[0] - terms[1]
    return terms[0] * terms[1]


def _concatenated(operation: ops.Concatenate, sources: Sequence[Tensor]) -> Tensor:
    result = np.empty(operation.shape, dtype=object)
    start = 0
    for source in sources:
        for index in np.ndindex(*source.shape):
            moved = list(index)
            moved[operation.axis] += start
            result[tuple(moved)] = source[index]
        start += source.shape[operation.axis]
    return result


def _pooled(operation: ops.MaxPool | ops.AveragePool, x: Tensor, index: Index) -> Fraction:
    *place, channel = index
    cells = []
    for step in np.ndindex(*operation.pool):
        at = tuple(
            stride * p + k - before
            for stride, p, k, (before, _) in zip(
                operation.strides, place, step, operation.padding, strict=True
            )
        )
        if all(0 <= i < n for i, n in zip(at, x.shape, strict=False)):
            cells.append(x[(*at, channel)])
    if isinstance(operation, ops.MaxPool):
        return max(cells)
    return brought_into(sum(cells, Fraction(0)) / len(cells), operation.format)


def _indices_without(shape: Index, axes: Sequence[int]) -> Iterator[list[Index]]:
    """Per place of the reduced tensor, the indices of the input that belong to it."""
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    for place in itertools.product(*(range(shape[axis]) for axis in kept)):
        yield [index for index in np.ndindex(*shape) if tuple(index[axis] for axis in kept) == place]


def _reduced(operation: ops.Sum | ops.Maximum, x: Tensor, indices: list[Index]) -> Fraction:
    values = [x[index] for index in indices]
    return sum(values, Fraction(0)) if isinstance(operation, ops.Sum) else max(values)

"""Bits of words that are never used: at the top by their range, at the bottom where they are always zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trigml.fixedpoint import FixedPoint, IntArray, Interval
from trigml.fixedpoint.format import MAX_WIDTH, Overflow
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.inspection.before_overflow import range_before_overflow

ALL_ZERO = MAX_WIDTH
"""As many zero bits as there are: a tensor that is always zero."""


def idle_top_bits(format_: FixedPoint, low: int, high: int) -> int:
    """How many bits narrower the format could be for words from ``low`` to ``high``, its sign kept."""
    ends = Interval(np.array([low]), np.array([high]))
    needed = ends.smallest_format(format_.fraction, signed=format_.signed).width
    return max(0, format_.width - needed)


def low_zeros_of(words: IntArray) -> int:
    """How many of the lowest bits are zero in all words."""
    return low_zeros(int(np.bitwise_or.reduce(words, axis=None)))


def low_zeros(word: int) -> int:
    """How many of the lowest bits of one word are zero; ``ALL_ZERO`` for 0."""
    return ALL_ZERO if word == 0 else (word & -word).bit_length() - 1


def proven_low_zeros(graph: Graph) -> dict[str, int]:
    """Per tensor, how many of its lowest bits are zero for every input, as far as that is easy to prove.

    A constant that is a multiple of ``2**n`` adds ``n`` zeros to a product; a sum has those of its poorest
    term. What overflows has none.
    """
    zeros: dict[str, int] = {}
    for operation in graph.operations:
        found = _zeros_after(graph, operation, zeros)
        low, high = graph.ranges[operation.name].bounds
        zeros[operation.name] = ALL_ZERO if low == high == 0 else min(found, ALL_ZERO)
    return zeros


def _zeros_after(graph: Graph, operation: ops.Operation, zeros: Mapping[str, int]) -> int:
    sources = [zeros[name] for name in operation.inputs]
    formats = [graph[name].format for name in operation.inputs]
    fraction = operation.format.fraction
    match operation:
        case ops.Linear():
            left = fraction - formats[0].fraction - operation.weight_format.fraction
            products = left + sources[0] + low_zeros_of(operation.weight)
            return min(products, fraction - operation.bias_format.fraction + low_zeros_of(operation.bias))
        case ops.Add() | ops.Subtract() | ops.Concatenate():
            pairs = zip(sources, formats, strict=True)
            return min(count + fraction - format_.fraction for count, format_ in pairs)
        case ops.Multiply():
            return sum(sources)
        case ops.Clip():
            return min(sources[0], low_zeros(operation.low), low_zeros(operation.high))
        case ops.Quantize():
            return _zeros_after_quantiser(graph, operation, sources[0])
        case ops.Table():
            return low_zeros_of(operation.table)
        case ops.Relu() | ops.LeakyRelu() | ops.MaxPool() | ops.Sum() | ops.Maximum():
            return sources[0]
        case ops.Reshape() | ops.Permute() | ops.Slice() | ops.ZeroPad():
            return sources[0]
    return 0  # inputs, means and indices: nothing is known


def _zeros_after_quantiser(graph: Graph, operation: ops.Quantize, zeros: int) -> int:
    source, target = graph[operation.inputs[0]], operation.format
    kept = max(0, zeros + target.fraction - source.format.fraction)
    if target.overflow in (Overflow.WRAP, Overflow.SAT_ZERO):
        return kept  # dropping upper bits, or everything, leaves lower zeros as they are
    low, high = range_before_overflow(graph, operation).bounds
    if low < target.min_word:
        kept = min(kept, low_zeros(target.min_word))
    return min(kept, low_zeros(target.max_word)) if high > target.max_word else kept

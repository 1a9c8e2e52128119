"""Proofs that a float type does not round: over the proven ranges of a graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trigml.fixedpoint import Interval
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.graph.windows import cells_inside

FLOAT32_BITS = 24
FLOAT64_BITS = 53


def float32_is_exact(graph: Graph) -> bool:
    """Whether Keras computes every tensor of the graph without rounding in float32."""
    return not places_that_round(graph, FLOAT32_BITS)


def places_that_round(graph: Graph, bits: int) -> tuple[str, ...]:
    """Tensors at which a float type with ``bits`` significant bits could round; empty if it provably cannot.

    Every sum is bounded in any order of its terms. A table may stand for a real function, and a mean
    over a count that is no power of two has no finite form: both count as rounding in float32. In float64
    the quotient of such a mean is correctly rounded. It then gives the word of the exact mean: if the
    exact mean is a tie, it is a binary fraction of few bits, and the quotient is exact; if not, it lies at
    least ``1 / (2 * count)`` of a step from a tie, farther than the quotient's error while
    ``2 * sum * count`` stays below 2**53.
    """
    return tuple(o.name for o in graph.operations if _steps(graph, o, bits) > 1 << bits)


def _steps(graph: Graph, operation: ops.Operation, bits: int) -> int:
    """The largest number of steps of a grid that float arithmetic has to tell apart here."""
    ranges = graph.ranges
    source = operation.inputs[0] if operation.inputs else operation.name
    match operation:
        case ops.Input():
            return 0
        case ops.Linear():
            return -operation.format.min_word
        case ops.Sum():
            return _sum_of_magnitudes(ranges, operation)
        case ops.Add() | ops.Subtract():
            return sum(
                ranges[name].largest_magnitude << (operation.format.fraction - graph[name].format.fraction)
                for name in operation.inputs
            )
        case ops.Quantize():
            return _steps_into(graph, operation)
        case ops.AveragePool():
            return _steps_of_mean(graph, operation, bits)
        case ops.Table():
            return 2 << bits if bits == FLOAT32_BITS else ranges[source].largest_magnitude
    return ranges[operation.name].largest_magnitude


def _sum_of_magnitudes(ranges: Mapping[str, Interval], operation: ops.Sum) -> int:
    interval = ranges[operation.inputs[0]]
    magnitudes = np.maximum(np.abs(interval.low), np.abs(interval.high))
    return int(magnitudes.sum(axis=operation.axes).max())


def _steps_into(graph: Graph, quantiser: ops.Quantize) -> int:
    """How many steps of the finer of two grids lie below the largest value that enters a quantiser.

    QKeras computes ``x + (quantised(x) - x)``, for its gradient: exact while ``x``, in steps of either
    grid, fits the significand. Its hard tanh and sigmoid compute with ``x / 2 + 1/2``, of which only what
    lies from 0 to 1 counts: two bits more than the fraction.
    """
    source = graph[quantiser.inputs[0]]
    finer = max(0, quantiser.format.fraction - source.format.fraction)
    largest = graph.ranges[source.name].largest_magnitude << finer
    return max(largest, 1 << max(0, source.format.fraction + 2))


def _steps_of_mean(graph: Graph, operation: ops.AveragePool, bits: int) -> int:
    source = graph[operation.inputs[0]]
    counts = cells_inside(source.shape[:-1], operation.pool, operation.strides, operation.padding)
    largest = int(counts.max())
    finer = max(0, operation.format.fraction - source.format.fraction)
    total = largest * graph.ranges[source.name].largest_magnitude
    if np.any(counts & (counts - 1)):
        return 2 << bits if bits == FLOAT32_BITS else 2 * largest * total << finer
    return total << finer

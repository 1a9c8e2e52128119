"""Where float32, in which ONNX executors compute, could round a tensor of the integer graph."""

from __future__ import annotations

import numpy as np

from trigml.fixedpoint import FixedPoint, Rounding
from trigml.graph import Graph, Operation
from trigml.graph import operations as ops
from trigml.graph.ranges import linear_range
from trigml.graph.windows import windows_of

LARGEST = 1 << 24
"""float32 holds every integer up to this one."""

SMALLEST_EXPONENT, LARGEST_EXPONENT = -120, 120
"""Powers of two that float32 multiplies and divides by without leaving its normal numbers."""


def where_float32_may_round(graph: Graph) -> tuple[str, ...]:
    """Tensors whose words, or sums on the way to them, could be beyond what float32 holds exactly.

    Empty if the network is provably exact in float32, in any order of its sums.
    """
    return tuple(operation.name for operation in graph.operations if not _is_exact(graph, operation))


def _is_exact(graph: Graph, operation: Operation) -> bool:
    if not _exponents_fit(operation.format):
        return False
    if _reach(graph, operation.name) > LARGEST:
        return False
    match operation:
        case ops.Linear():
            source = operation.inputs[0]
            _, partial = linear_range(operation, graph[source].format, graph.ranges[source])
            return partial.largest_magnitude <= LARGEST
        case ops.Add() | ops.Subtract():
            return _reach_of_sum(graph, operation) <= LARGEST
        case ops.Sum():
            source_range = graph.ranges[operation.inputs[0]]
            magnitudes = np.maximum(np.abs(source_range.low), np.abs(source_range.high))
            return int(magnitudes.sum(axis=operation.axes).max()) <= LARGEST
        case ops.AveragePool():
            return _reach_of_pool(graph, operation) <= LARGEST
        case ops.Quantize():
            return _reach_of_rounding(graph, operation) <= LARGEST
    return True


def _exponents_fit(format_: FixedPoint) -> bool:
    return -format_.fraction >= SMALLEST_EXPONENT and format_.integer <= LARGEST_EXPONENT


def _reach(graph: Graph, name: str) -> int:
    return graph.ranges[name].largest_magnitude


def _reach_of_sum(graph: Graph, operation: Operation) -> int:
    """Largest partial sum in any order, in LSB of the result."""
    return sum(
        _reach(graph, name) << (operation.format.fraction - graph[name].format.fraction)
        for name in operation.inputs
    )


def _reach_of_pool(graph: Graph, operation: ops.AveragePool) -> int:
    source = graph.ranges[operation.inputs[0]]
    magnitudes = np.maximum(np.abs(source.low), np.abs(source.high))
    cells = windows_of(magnitudes[None], operation.pool, strides=operation.strides, padding=operation.padding)
    return int(cells.sum(axis=-2).max())


def _reach_of_rounding(graph: Graph, operation: ops.Quantize) -> int:
    """Steps of the finer grid that the value takes; ties away from zero add half of an LSB first."""
    source = graph[operation.inputs[0]].format
    fraction = max(source.fraction, operation.format.fraction)
    reach = max(-operation.format.min_word, operation.format.max_word)  # the ends of the clamp
    if operation.format.rounding in (Rounding.RND_INF, Rounding.RND_ZERO) and source.fraction > (
        operation.format.fraction
    ):
        reach = max(
            reach,
            _reach(graph, operation.inputs[0]) + (1 << (source.fraction - operation.format.fraction - 1)),
        )
    coarse = _reach(graph, operation.inputs[0]) << (fraction - source.fraction)
    return max(reach, coarse if source.fraction >= fraction else _reach(graph, operation.inputs[0]))

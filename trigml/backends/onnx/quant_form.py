"""What QONNX can express: ``Quant`` nodes for formats, and the reasons where there is none."""

from __future__ import annotations

import math

import numpy as np

from trigml.errors import BadInput
from trigml.fixedpoint import Overflow, Rounding
from trigml.fixedpoint.words import rounded
from trigml.graph import Graph, Operation
from trigml.graph import operations as ops
from trigml.graph.ranges import averaged
from trigml.graph.windows import cells_inside, windows_of
from trigml.problems import Problem

ROUNDING_MODES = {
    Rounding.RND_CONV: "ROUND",
    Rounding.TRN: "FLOOR",
    Rounding.TRN_ZERO: "DOWN",
    Rounding.RND_INF: "HALF_UP",
    Rounding.RND_ZERO: "HALF_DOWN",
}
"""Rounding modes of qonnx by those of the fixed-point types; its HALF_UP is away from zero."""

MAX_QUANT_BITS = 24
"""Widest ``Quant``: qonnx computes the ends of its range in float32."""


class NoQonnxForm(BadInput):
    """A graph that QONNX cannot express; ``problems`` has all the reasons."""

    def __init__(self, graph: str, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "the network has no exact QONNX form:\n  - " + "\n  - ".join(map(str, problems)),
            where=f"network {graph!r}",
        )


def quant_problem(graph: Graph, operation: ops.Quantize | ops.AveragePool) -> Problem | None:
    """Why the rounding and the overflow of an operation have no ``Quant`` node; ``None`` if they have."""
    target = operation.format
    if target.width > MAX_QUANT_BITS:
        return _problem(
            operation,
            f"{target} is wider than {MAX_QUANT_BITS} bits",
            "Quant computes the ends of its range in float32",
            f"use at most {MAX_QUANT_BITS} bits",
        )
    if target.signed and target.width == 1:
        return _problem(
            operation, f"{target} has one bit", "a signed Quant of one bit is -1 or +1", "use two bits"
        )
    if drops_bits(graph, operation) and target.rounding not in ROUNDING_MODES:
        return _problem(
            operation,
            f"rounds by {target.rounding}",
            "Quant has no such rounding",
            "use RND_CONV (half to even), RND_INF, RND_ZERO, TRN or TRN_ZERO",
        )
    if target.overflow in (Overflow.WRAP, Overflow.SAT_ZERO) and overflows(graph, operation):
        return _problem(
            operation,
            f"may overflow by {target.overflow}",
            "Quant always saturates",
            "let the quantiser saturate (SAT), or give it the bits that the proven range needs",
        )
    return None


def pool_problem(graph: Graph, operation: ops.AveragePool) -> Problem | None:
    """Why a mean computed in float32 could be another one; ``None`` if it provably is not.

    Means of 1, 2, 4, … cells are exact. Others are rounded by the division; behind a rounding to nearest
    that never shows where no mean lies on a tie (odd counts) and float32 is finer than the distance of
    any mean from a tie, ``1 / (2 * count)`` LSB.
    """
    size = graph[operation.inputs[0]].shape[:-1]
    counts = np.unique(cells_inside(size, operation.pool, operation.strides, operation.padding))
    inexact = [int(count) for count in counts if count & (count - 1)]
    if not inexact:
        return quant_problem(graph, operation) if needs_quant(graph, operation) else None
    to_nearest = operation.format.rounding not in (Rounding.TRN, Rounding.TRN_ZERO)
    low, high = graph.ranges[operation.inputs[0]].bounds
    left = operation.format.fraction - graph[operation.inputs[0]].format.fraction
    largest = math.ldexp(max(-low, high, 1), left)  # in LSB of the result
    steps = math.ldexp(1, max(0, -left))  # a finer source: means lie closer to ties
    if not to_nearest or any(c % 2 == 0 for c in inexact) or largest * max(inexact) * steps >= 1 << 21:
        return _problem(
            operation,
            f"averages {inexact[0]} cells, and rounds by {operation.format.rounding}",
            "float32 rounds the mean before the quantiser does",
            "use windows of 1, 2, 4, … cells without padding",
        )
    return quant_problem(graph, operation)


def needs_quant(graph: Graph, operation: ops.AveragePool) -> bool:
    """Whether the mean is rounded, or may overflow."""
    return drops_bits(graph, operation) or overflows(graph, operation)


def drops_bits(graph: Graph, operation: ops.Quantize | ops.AveragePool) -> bool:
    """Whether the operation has bits to round away."""
    source = graph[operation.inputs[0]]
    fraction = source.format.fraction
    if isinstance(operation, ops.AveragePool):
        counts = cells_inside(source.shape[:-1], operation.pool, operation.strides, operation.padding)
        if any(int(count) & (int(count) - 1) for count in np.unique(counts)):
            return True
        fraction += int(counts.max()).bit_length() - 1
    return fraction > operation.format.fraction


def overflows(graph: Graph, operation: ops.Quantize | ops.AveragePool) -> bool:
    """Whether the overflow rule could act on the proven range."""
    source = graph.ranges[operation.inputs[0]]
    fraction, target = graph[operation.inputs[0]].format.fraction, operation.format
    if isinstance(operation, ops.Quantize):
        low, high = (rounded(side, fraction, target) for side in (source.low, source.high))
    else:
        counts = cells_inside(
            graph[operation.inputs[0]].shape[:-1], operation.pool, operation.strides, operation.padding
        )
        low, high = (
            averaged(
                windows_of(
                    side[None], operation.pool, strides=operation.strides, padding=operation.padding
                ).sum(axis=-2)[0],
                counts[..., None],
                fraction,
                target,
            )
            for side in (source.low, source.high)
        )
    return not target.holds(int(low.min()), int(high.max()))


def _problem(operation: Operation, what: str, why: str, remedy: str) -> Problem:
    return Problem(operation.name, type(operation).__name__, what, why, remedy)

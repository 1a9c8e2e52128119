"""C++ for the operations on single words: ReLU, clip, quantiser, and chains of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trigml.fixedpoint import FixedPoint, Interval, Overflow
from trigml.fixedpoint.format import MAX_WIDTH
from trigml.fixedpoint.words import rounded
from trigml.graph import Graph
from trigml.graph import operations as ops

WordOperation = ops.Relu | ops.LeakyRelu | ops.Clip | ops.Quantize
"""Operations that look at one word at a time, and that vectors of lanes can do."""


@dataclass(frozen=True)
class WordCode:
    """Code that changes one word ``x``.

    Attributes:
        statements: C++ statements, in order.
        extremes: the largest and smallest words that occur on the way; the lane has to hold them.
    """

    statements: tuple[str, ...]
    extremes: tuple[int, ...]


def word_code(graph: Graph, operation: WordOperation | ops.AveragePool) -> WordCode:
    """C++ of one operation on words in the proven range of its input; of a mean, its overflow rule."""
    source = graph[operation.inputs[0]].format
    before, after = graph.ranges[operation.inputs[0]], graph.ranges[operation.name]
    ends = (*before.bounds, *after.bounds)
    match operation:
        case ops.Relu():
            return WordCode(("x = relu(x);",), ends)
        case ops.LeakyRelu(shift=shift):
            return WordCode((f"x = leaky_relu<{shift}>(x);",), (*ends, 1 << shift))
        case ops.Clip(low=low, high=high):
            return WordCode((f"x = clipped(x, {literal(low)}, {literal(high)});",), (*ends, low, high))
        case ops.Quantize():
            return _quantised(before, source.fraction, operation.format)
        case ops.AveragePool():  # the mean of words lies between the smallest and the largest
            return _fitted(
                (), (), _rounded(before.bounds, source.fraction, operation.format), operation.format
            )


def chained(codes: Sequence[WordCode]) -> WordCode:
    """One code after the other."""
    return WordCode(
        tuple(line for code in codes for line in code.statements),
        tuple(word for code in codes for word in code.extremes),
    )


def literal(word: int) -> str:
    """A C++ constant."""
    return str(word) if -(1 << 31) < word < 1 << 31 else f"std::int64_t{{{word}}}"


def _quantised(before: Interval, fraction: int, target: FixedPoint) -> WordCode:
    low, high = before.bounds
    shift = fraction - target.fraction
    if shift < 0:
        return _moved_left(low, high, -shift, target)
    statements, extremes = [], [low, high]
    if shift > MAX_WIDTH:  # a word is below half an LSB then: only its sign can matter
        statements.append("x = clipped(x, -1, 1);")
        low, high, shift = max(low, -1), min(high, 1), MAX_WIDTH
    if shift:
        statements.append(f"x = rounded<{shift}, Rounding::{target.rounding}>(x);")
        extremes += [low - (1 << shift), high + (1 << shift), 1 << shift]
    return _fitted(statements, extremes, _rounded((low, high), fraction, target), target)


def _rounded(ends: tuple[int, int], fraction: int, target: FixedPoint) -> tuple[int, int]:
    low, high = rounded(np.array(ends), fraction, target).tolist()
    return low, high


def _moved_left(low: int, high: int, left: int, target: FixedPoint) -> WordCode:
    """More fractional bits: exact, but for the overflow rule."""
    statements, extremes = [], [low, high]
    if target.overflow is Overflow.WRAP:
        moved = (low << left, high << left)
        statements.append(f"x = times_power<{left}>(x);")
        extremes += [1 << (target.width - 1)] if target.width < 64 else []
        if lane_bits(moved) <= 64:
            return _fitted(statements, [*extremes, *moved], moved, target)
        return _fitted(statements, [*extremes, 1 << MAX_WIDTH], moved, target)
    if lane_bits((low << min(left, 128), high << min(left, 128))) > MAX_WIDTH:
        left = min(left, MAX_WIDTH)
        beyond = (max(-target.min_word, target.max_word) >> left) + 1
        statements.append(f"x = clipped(x, {literal(-beyond)}, {literal(beyond)});")
        low, high = max(low, -beyond), min(high, beyond)
    moved = (low << left, high << left)
    statements.append(f"x = times_power<{left}>(x);")
    return _fitted(statements, [*extremes, *moved], moved, target)


def _fitted(
    statements: Sequence[str], extremes: Sequence[int], ends: tuple[int, int], target: FixedPoint
) -> WordCode:
    """The overflow rule of ``target`` on words from ``ends[0]`` to ``ends[1]``, where it can act at all."""
    if target.holds(*ends):
        return WordCode(tuple(statements), (*extremes, *ends))
    low, high = target.min_word, target.max_word
    match target.overflow:
        case Overflow.SAT | Overflow.SAT_SYM:
            fit = _saturated(ends, low, high)
        case Overflow.SAT_ZERO:
            fit = f"x = zero_outside(x, {literal(low)}, {literal(high)});"
        case Overflow.WRAP:
            fit = f"x = wrapped<{target.width}, {'true' if target.signed else 'false'}>(x);"
    seen = [*extremes, low, high]
    if lane_bits(ends) <= 64:
        seen += ends
    return WordCode((*statements, fit), tuple(seen))


def _saturated(ends: tuple[int, int], low: int, high: int) -> str:
    if ends[0] >= low:
        return f"x = clipped_above(x, {literal(high)});"
    if ends[1] <= high:
        return f"x = clipped_below(x, {literal(low)});"
    return f"x = clipped(x, {literal(low)}, {literal(high)});"


def lane_bits(words: Sequence[int]) -> int:
    """Bits of the narrowest two's complement that holds these words."""
    return max((word if word >= 0 else -word - 1).bit_length() + 1 for word in words)

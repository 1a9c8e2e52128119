"""Layers whose products go two at a time: how their inputs, weights and sums are laid out.

``trigml_pairs.h`` multiplies pairs of neighbouring words. Here is decided, from the proven ranges, whether
the words are bytes or 16 bits wide and how wide the sums are; a layer that fits none of these ways is left to
``products`` of ``trigml_rows.h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trigml.emulation.native import tables
from trigml.emulation.native.lanes import Lane
from trigml.emulation.native.steps import Step
from trigml.emulation.native.tables import NO_ROW
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.graph.ranges import shifted_left
from trigml.graph.shapes import Shape
from trigml.graph.windows import windows_of

TILE = 4
"""Outputs that are summed together; as in ``trigml_pairs.h``."""

PAIRS_PER_SEGMENT = 8
"""A dense layer whose sums have to be widened on the way is cut into segments of so many pairs."""

WORTH_WIDENING = 8
"""Widening 16-bit sums pays off if they hold at least so many pairs."""


@dataclass(frozen=True)
class Arrangement:
    """Which pairs of input words meet which weights.

    Attributes:
        rows: (rows, 2) the words of each row of pairs, or ``NO_ROW`` for zero.
        base: (places, taps) row of the first pair under each tap.
        step: distance of a tap's pairs.
        weights: (taps, pairs, 2, outputs).
    """

    rows: IntArray
    base: IntArray
    step: int
    weights: IntArray

    def ordered_rows(self, count: int) -> int:
        """How many rows hold just ``count`` words in their order, zeros behind them; 0 if they do not."""
        length = -(-count // 2)
        plain = np.full(2 * length, NO_ROW)
        plain[:count] = np.arange(count)
        begins = len(self.rows) >= length and np.array_equal(self.rows[:length].ravel(), plain)
        return length if begins and np.all(self.rows[length:] == NO_ROW) else 0


@dataclass(frozen=True)
class PairLayer:
    """A layer in pairs.

    Attributes:
        operation: the layer.
        arrangement: its pairs.
        target: C++ type that writes its input as pairs.
        offset: what is added to the words to make them unsigned bytes.
        sums: C++ type of the way it is summed.
        word: type of a row's elements.
        bias_lane: type of the biases.
        bias: the biases, with what the offset adds taken off, modulo their type.
    """

    operation: ops.Linear
    arrangement: Arrangement
    target: str
    offset: int
    sums: str
    word: Lane
    bias_lane: Lane
    bias: IntArray

    @property
    def packed_weights(self) -> IntArray:
        """Per tile of outputs (taps, pairs, outputs of the tile), each pair as one 32-bit word."""
        first, second = (self.arrangement.weights[:, :, i, :] for i in range(2))
        if self.word is Lane.INT16:
            pair = (first & 0xFF) | ((second & 0xFF) << 8)
            words = pair | (pair << 16)
        else:
            words = (first & 0xFFFF) | ((second & 0xFFFF) << 16)
        starts = range(0, words.shape[-1], TILE)
        return modulo(np.concatenate([words[..., s : s + TILE].ravel() for s in starts]), Lane.INT32)


def pair_layer(graph: Graph, step: Step) -> PairLayer | None:
    """The layer in pairs, or ``None`` if its words are too wide for all ways."""
    operation = step.head
    if not isinstance(operation, ops.Dense | ops.Convolution):
        return None
    source = graph[operation.inputs[0]]
    fraction = operation.format.fraction
    left = fraction - source.format.fraction - operation.weight_format.fraction
    weight = shifted_left(operation.weight, left)
    bias = shifted_left(operation.bias, fraction - operation.bias_format.fraction)
    arrangement = _arrangement(operation, weight, source.shape)
    inputs = graph.ranges[source.name].with_zero().bounds
    results = (*graph.ranges[operation.name].bounds, *step.code.extremes)
    return _in_bytes(operation, arrangement, bias, inputs, results) or _in_words(
        operation, arrangement, bias, inputs, results
    )


def modulo(words: IntArray, lane: Lane) -> IntArray:
    """Words as the lane holds them, its upper bits dropped."""
    half = 1 << (lane - 1)
    return np.asarray(((words + half) & ((1 << lane) - 1)) - half) if lane < Lane.INT64 else words


def _in_bytes(
    operation: ops.Linear,
    arrangement: Arrangement,
    bias: IntArray,
    inputs: tuple[int, int],
    results: Sequence[int],
) -> PairLayer | None:
    offset = 0 if inputs[0] >= 0 else 128
    low, high = inputs[0] + offset, inputs[1] + offset
    weights = arrangement.weights
    if low < 0 or high > 255 or weights.min() < -128 or weights.max() > 127:
        return None
    lowest = np.minimum(weights * low, weights * high).sum(axis=2)  # (taps, pairs, outputs)
    highest = np.maximum(weights * low, weights * high).sum(axis=2)
    if not Lane.INT16.holds(int(lowest.min()), int(highest.max())):
        return None  # the sum of two products would saturate
    bias = bias - offset * weights.sum(axis=(0, 1, 2))
    target = f"ToBytes<{offset}>"
    if Lane.INT16.holds(*results):
        return PairLayer(
            operation,
            arrangement,
            target,
            offset,
            "ByteSums",
            Lane.INT16,
            Lane.INT16,
            modulo(bias, Lane.INT16),
        )
    if not Lane.INT32.holds(*results):
        return None
    arrangement = _cut(arrangement)
    chunk = _chunk(arrangement.weights, low, high)
    if chunk * arrangement.weights.shape[1] < WORTH_WIDENING:
        return None
    sums = f"WideByteSums<{chunk}>"
    return PairLayer(
        operation, arrangement, target, offset, sums, Lane.INT16, Lane.INT32, modulo(bias, Lane.INT32)
    )


def _in_words(
    operation: ops.Linear,
    arrangement: Arrangement,
    bias: IntArray,
    inputs: tuple[int, int],
    results: Sequence[int],
) -> PairLayer | None:
    weights = arrangement.weights
    fits = Lane.INT16.holds(*inputs, int(weights.min()), int(weights.max())) and Lane.INT32.holds(*results)
    if not fits:
        return None
    bias = modulo(bias, Lane.INT32)
    return PairLayer(operation, arrangement, "ToPairs", 0, "WordSums", Lane.INT32, Lane.INT32, bias)


def _chunk(weights: IntArray, low: int, high: int) -> int:
    """The largest number of taps over which sums fit 16 bits, wherever they begin; 0 if none."""
    lowest = np.minimum(weights * low, weights * high).sum(axis=(1, 2))  # (taps, outputs)
    highest = np.maximum(weights * low, weights * high).sum(axis=(1, 2))
    for taps in range(len(weights), 0, -1):
        chunks = [slice(start, start + taps) for start in range(0, len(weights), taps)]
        ends = [int(lowest[chunk].sum(axis=0).min()) for chunk in chunks]
        ends += [int(highest[chunk].sum(axis=0).max()) for chunk in chunks]
        if Lane.INT16.holds(*ends):
            return taps
    return 0


def _cut(arrangement: Arrangement) -> Arrangement:
    """The pairs of a single tap cut into segments; the last one begins early enough to be full."""
    taps, pairs = arrangement.weights.shape[:2]
    if taps > 1 or pairs <= PAIRS_PER_SEGMENT:
        return arrangement
    starts = [*range(0, pairs - PAIRS_PER_SEGMENT, PAIRS_PER_SEGMENT), pairs - PAIRS_PER_SEGMENT]
    segments = [arrangement.weights[0, start : start + PAIRS_PER_SEGMENT] for start in starts]
    weights = np.stack(segments)
    weights[-1, : starts[-2] + PAIRS_PER_SEGMENT - starts[-1]] = 0  # those were in the segment before
    base = arrangement.base + np.array(starts) * arrangement.step
    return Arrangement(arrangement.rows, base, arrangement.step, weights)


def _arrangement(operation: ops.Linear, weight: IntArray, source: Shape) -> Arrangement:
    if isinstance(operation, ops.Convolution):
        kernel, dilation = weight.shape[:-2], operation.dilation
        if source[-1] % 2 and kernel[-1] > 1 and dilation[-1] == 1:
            return _along_lines(operation, weight, source)
        taps = tables.taps_of(operation, source)
    else:
        taps = tables.indices(source).reshape(-1, source[-1])[:, :1]
    channels, outputs = weight.shape[-2:]
    pairs = -(-channels // 2)
    rows = _in_twos(tables.indices(source).reshape(-1, channels)).reshape(-1, 2)
    base = np.where(taps == NO_ROW, len(rows), taps // channels * pairs)
    if np.any(taps == NO_ROW):
        rows = np.concatenate([rows, np.full((pairs, 2), NO_ROW)])
    by_tap = weight.reshape(-1, channels, outputs)
    if channels % 2:
        by_tap = np.pad(by_tap, ((0, 0), (0, 1), (0, 0)))
    return Arrangement(rows, base, 1, by_tap.reshape(-1, pairs, 2, outputs))


def _in_twos(lines: IntArray) -> IntArray:
    """The last axis in pairs, filled up with ``NO_ROW``."""
    if lines.shape[-1] % 2:
        lines = np.pad(lines, ((0, 0), (0, 1)), constant_values=NO_ROW)
    return lines.reshape(*lines.shape[:-1], -1, 2)


def _along_lines(operation: ops.Convolution, weight: IntArray, source: Shape) -> Arrangement:
    """An odd number of channels: pairs begin at every word, and a tap is a line of the window."""
    *spatial, channels = source
    *kernel, _, outputs = weight.shape
    padding = operation.padding
    grid = np.pad(tables.indices(source), (*padding, (0, 0)), constant_values=NO_ROW)
    flat = grid.ravel()
    rows = np.stack([flat, np.append(flat[1:], NO_ROW)], axis=1)
    starts = np.arange(flat.size).reshape(grid.shape)[..., 0]
    lines = (*kernel[:-1], 1)  # a window of one column: where each line of the whole window begins
    reach = kernel[-1] - 1
    columns = starts if reach == 0 else starts[..., :-reach]
    base = windows_of(
        columns[None, ..., None],
        lines,
        strides=operation.strides,
        padding=((0, 0),) * len(spatial),
        dilation=operation.dilation,
    )[0]
    length = kernel[-1] * channels
    by_line = weight.reshape(-1, length, outputs)
    by_line = np.pad(by_line, ((0, 0), (0, length % 2), (0, 0)))
    pairs = by_line.shape[1] // 2
    return Arrangement(rows, base.reshape(-1, base.shape[-2]), 2, by_line.reshape(-1, pairs, 2, outputs))

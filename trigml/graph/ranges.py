"""Proven ranges: for each operation the interval in which every word lies, from the actual weights.

Interval arithmetic over integers: each element of a tensor has its own smallest and largest word.
Padding counts as zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray, Interval, divide_rounded, fit_into
from trigml.fixedpoint.format import MAX_WIDTH, Overflow
from trigml.graph import operations as ops
from trigml.graph.windows import cells_inside, windows_of


def range_after(
    operation: ops.Operation, formats: Mapping[str, FixedPoint], ranges: Mapping[str, Interval]
) -> Interval:
    """Proven interval of one operation, its ``shape`` the operation's.

    Args:
        operation: any operation; of its ``format`` only the fraction counts, and of a quantiser the rest.
        formats: formats of the tensors that it reads, by name.
        ranges: their proven intervals.

    Raises:
        BadInput: a word could need more than 62 bits.
    """
    sources = [ranges[name] for name in operation.inputs]
    match operation:
        case ops.Input():
            return Interval.of_format(operation.format, operation.shape)
        case ops.Linear():
            return linear_range(operation, formats[operation.inputs[0]], sources[0])[0]
        case ops.Add() | ops.Subtract() | ops.Multiply() | ops.Concatenate():
            return _of_several(operation, [formats[name] for name in operation.inputs], sources)
        case ops.Quantize():
            return sources[0].requantized(formats[operation.inputs[0]].fraction, operation.format)
        case ops.AveragePool():
            return _average(operation, formats[operation.inputs[0]], sources[0])
        case ops.Table():
            return _looked_up(operation, sources[0])
        case ops.ArgMax():
            last = sources[0].low.shape[-1] - 1
            return Interval(np.zeros(operation.shape, np.int64), np.full(operation.shape, last, np.int64))
    (source,) = sources
    return Interval(
        monotone(operation, source.low).reshape(operation.shape),
        monotone(operation, source.high).reshape(operation.shape),
    )


def monotone(operation: ops.Operation, words: IntArray) -> IntArray:
    """The operations that never fall when their input rises, on words of one event.

    For these the interval of the result is the result of the interval's ends. The emulator uses its own
    implementation, which a test compares with this one.
    """
    match operation:
        case ops.Relu():
            return np.maximum(words, 0)
        case ops.LeakyRelu():
            return np.where(words >= 0, shifted_left(words, operation.shift), words)
        case ops.Clip():
            return np.clip(words, operation.low, operation.high)
        case ops.MaxPool():
            lowest = int(words.min())
            cells = windows_of(
                words[None], operation.pool, strides=operation.strides, padding=operation.padding, fill=lowest
            )
            return np.asarray(cells.max(axis=-2))
        case ops.Sum():
            reach = np.abs(words).astype(np.float64).sum()
            _require_62_bits(float(reach))
            return np.asarray(words.sum(axis=operation.axes))
        case ops.Maximum():
            return np.asarray(words.max(axis=operation.axes))
        case ops.Reshape():
            return words.reshape(operation.shape)
        case ops.Permute():
            return words.transpose(operation.axes)
        case ops.Slice():
            return words[block_of(operation)]
        case ops.ZeroPad():
            return np.pad(words, (*operation.padding, (0, 0)))
    raise BadInput("an operation without a range", found=type(operation).__name__)


def block_of(operation: ops.Slice) -> tuple[slice, ...]:
    """The block of a slice as an index of NumPy."""
    return tuple(slice(begin, begin + n) for begin, n in zip(operation.begin, operation.shape, strict=True))


def linear_range(operation: ops.Linear, source: FixedPoint, inputs: Interval) -> tuple[Interval, Interval]:
    """Range of the results of sums of products, and of every partial sum on the way.

    Args:
        operation: its ``format`` gives the fraction to which everything is aligned.
        source: format of the tensor that it reads.
        inputs: proven range of that tensor.

    Returns:
        Both in units of the LSB of ``operation.format``, of the shape of the result. The second one
        contains zero and holds the partial sums in any order, the bias added first or last.
    """
    fraction = operation.format.fraction
    bias = shifted_left(operation.bias, fraction - operation.bias_format.fraction)
    left = fraction - source.fraction - operation.weight_format.fraction
    weight = shifted_left(operation.weight, left)
    result = _products(operation, inputs, weight).shifted(bias)
    sums = _products(operation, inputs.with_zero(), weight)
    partial = Interval(np.minimum(sums.low, sums.low + bias), np.maximum(sums.high, sums.high + bias))
    return result.reshaped(operation.shape), partial.with_zero().reshaped(operation.shape)


def _products(operation: ops.Linear, inputs: Interval, weight: IntArray) -> Interval:
    match operation:
        case ops.Dense():
            return inputs.matmul(weight)
        case ops.Scale():
            return inputs.times(weight)
        case ops.Convolution():
            cells = _interval_windows(operation, inputs)
            flat = cells.reshaped((*cells.low.shape[:-2], -1))
            return flat.matmul(weight.reshape(-1, weight.shape[-1]))
        case ops.DepthwiseConvolution():
            cells = _interval_windows(operation, inputs)
            taps = weight.reshape(-1, *weight.shape[-2:])
            products = Interval(cells.low[..., None], cells.high[..., None]).times(taps)
            return products.summed(-3).reshaped(operation.shape)
    raise BadInput("sums of products without a range", found=type(operation).__name__)


def _interval_windows(operation: ops.Windowed, inputs: Interval) -> Interval:
    kernel = operation.weight.shape[:-2]
    low, high = (
        windows_of(
            side[None],
            kernel,
            strides=operation.strides,
            padding=operation.padding,
            dilation=operation.dilation,
        )[0]
        for side in (inputs.low, inputs.high)
    )
    return Interval(low, high)


def _of_several(operation: ops.Operation, formats: list[FixedPoint], sources: list[Interval]) -> Interval:
    if isinstance(operation, ops.Multiply):
        return sources[0].times_interval(sources[1])
    aligned = [
        Interval(
            shifted_left(source.low, operation.format.fraction - format_.fraction),
            shifted_left(source.high, operation.format.fraction - format_.fraction),
        )
        for format_, source in zip(formats, sources, strict=True)
    ]
    if isinstance(operation, ops.Concatenate):
        return Interval(
            np.concatenate([source.low for source in aligned], axis=operation.axis),
            np.concatenate([source.high for source in aligned], axis=operation.axis),
        )
    _require_62_bits(float(sum(source.largest_magnitude for source in aligned)))
    if isinstance(operation, ops.Subtract):
        first, second = aligned
        return Interval(first.low - second.high, first.high - second.low)
    low, high = aligned[0].low, aligned[0].high
    for source in aligned[1:]:
        low, high = low + source.low, high + source.high
    return Interval(low, high)


def _average(operation: ops.AveragePool, source: FixedPoint, inputs: Interval) -> Interval:
    sides = []
    for side in (inputs.low, inputs.high):
        cells = windows_of(side[None], operation.pool, strides=operation.strides, padding=operation.padding)
        _require_62_bits(float(np.abs(cells).astype(np.float64).sum(axis=-2).max()))
        counts = cells_inside(side.shape[:-1], operation.pool, operation.strides, operation.padding)
        sides.append(averaged(cells.sum(axis=-2)[0], counts[..., None], source.fraction, operation.format))
    low, high = sides
    target = operation.format
    if target.overflow in (Overflow.SAT, Overflow.SAT_SYM):
        return Interval(fit_into(low, target), fit_into(high, target))
    return Interval(low, high).wrapped_into(target)


def averaged(sums: IntArray, counts: IntArray, fraction: int, target: FixedPoint) -> IntArray:
    """``sums / counts`` in units of ``target.lsb``, rounded by its rule, the overflow rule not applied."""
    left = target.fraction - fraction
    return divide_rounded(
        shifted_left(sums, max(0, left)), shifted_left(counts, max(0, -left)), target.rounding
    )


def _looked_up(operation: ops.Table, source: Interval) -> Interval:
    last = operation.low + len(operation.table) - 1
    lowest, highest = source.bounds
    if lowest < operation.low or highest > last:
        raise BadInput(
            f"the table of {operation.name!r} lacks entries",
            expected=f"entries for the words from {lowest} to {highest}",
            found=f"entries for {operation.low} to {last}",
        )
    pairs = np.stack([source.low.ravel(), source.high.ravel()], axis=1) - operation.low
    distinct, places = np.unique(pairs, axis=0, return_inverse=True)
    slices = [operation.table[low : high + 1] for low, high in distinct.tolist()]
    low = np.array([part.min() for part in slices], dtype=np.int64)[places.ravel()]
    high = np.array([part.max() for part in slices], dtype=np.int64)[places.ravel()]
    return Interval(low, high).reshaped(source.low.shape)


def shifted_left(words: IntArray, left: int) -> IntArray:
    """Words times ``2**left``, exact; ``left`` is not negative.

    Raises:
        BadInput: the result needs more than 62 bits.
    """
    largest = max(-int(words.min()), int(words.max()), 0) if words.size else 0
    if largest << left >= 1 << MAX_WIDTH:
        raise BadInput(
            f"words whose least significant bits are 2**{left} apart do not fit one sum",
            remedy="give weights, biases and activations more similar numbers of fractional bits",
        )
    return words << min(left, MAX_WIDTH)


def _require_62_bits(reach: float) -> None:
    if reach >= 2.0**MAX_WIDTH:
        raise BadInput("a sum could need more than 62 bits", remedy="use fewer bits in the tensors before it")

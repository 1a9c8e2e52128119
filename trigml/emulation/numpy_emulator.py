"""The reference emulator: the meaning of each operation of the graph, in NumPy, on integer words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray, divide_rounded, fit_into, requantize
from trigml.graph import BrokenInvariant, Graph, Operation
from trigml.graph import operations as ops
from trigml.graph.ranges import block_of
from trigml.graph.windows import Number, cells_inside, windows_of

CHUNK_WORDS = 1 << 21
"""Words of the largest tensor that are computed at a time."""


def emulate(graph: Graph, words: IntArray) -> IntArray:
    """Output words (events, n_out) int64 of input words (events, n_in) int64.

    Raises:
        BadInput: the input has another shape, or a word is outside the input format.
    """
    return np.concatenate([graph.output_rows(trace) for trace in _traces(graph, words)])


def emulate_tensors(graph: Graph, words: IntArray) -> dict[str, IntArray]:
    """The words of every tensor of the graph, by name, each (events, *shape); for few events."""
    traces = list(_traces(graph, words))
    return {
        operation.name: np.concatenate([trace[operation.name] for trace in traces])
        for operation in graph.operations
    }


def continued(graph: Graph, known: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Known tensors (events, *shape) int64, and every tensor of the graph that follows from them alone."""
    tensors = dict(known)
    for operation in graph.operations:
        if operation.name not in tensors and operation.inputs and tensors.keys() >= set(operation.inputs):
            sources = [tensors[name] for name in operation.inputs]
            tensors[operation.name] = _evaluated(graph, operation, sources)
    return tensors


def check_words(graph: Graph, words: IntArray) -> None:
    """Refuse input words that the network cannot receive.

    Raises:
        BadInput: the input has another shape or type, or a word is outside the input format.
    """
    if words.ndim != 2 or words.shape[1] != graph.n_in or words.dtype != np.int64:
        raise BadInput(
            "input words do not fit the network",
            expected=f"int64 (events, {graph.n_in})",
            found=f"{words.dtype} {words.shape}",
        )
    for name, tensor in graph.input_tensors(words).items():
        format_ = graph[name].format
        if tensor.size and not format_.holds(int(tensor.min()), int(tensor.max())):
            raise BadInput(
                "an input word is outside the range of the input format",
                where=name,
                expected=f"{format_}: {format_.min_word} to {format_.max_word}",
                found=f"{tensor.min()} to {tensor.max()}",
            )


def _traces(graph: Graph, words: IntArray) -> Iterator[dict[str, IntArray]]:
    check_words(graph, words)
    largest = max(int(np.prod(operation.shape)) for operation in graph.operations)
    chunk = max(1, CHUNK_WORDS // largest)
    for start in range(0, max(1, len(words)), chunk):  # no events are one empty chunk
        inputs = graph.input_tensors(words[start : start + chunk])
        tensors: dict[str, IntArray] = {}
        for operation in graph.operations:
            tensors[operation.name] = (
                inputs[operation.name]
                if isinstance(operation, ops.Input)
                else _evaluated(graph, operation, [tensors[name] for name in operation.inputs])
            )
        yield tensors


def _evaluated(graph: Graph, operation: Operation, sources: list[IntArray]) -> IntArray:
    x, fraction = sources[0], graph[operation.inputs[0]].format.fraction
    events = len(x)
    match operation:
        case ops.Linear():
            product_fraction = fraction + operation.weight_format.fraction
            aligned = _products(operation, x) << (operation.format.fraction - product_fraction)
            return aligned + (operation.bias << (operation.format.fraction - operation.bias_format.fraction))
        case ops.Relu():
            return np.maximum(x, 0)
        case ops.LeakyRelu():
            return np.where(x < 0, x, x << operation.shift)
        case ops.Clip():
            return np.minimum(np.maximum(x, operation.low), operation.high)
        case ops.Quantize():
            return requantize(x, fraction, operation.format)
        case ops.Table():
            return np.asarray(operation.table[x - operation.low])
        case ops.MaxPool():
            cells = _windows(x, operation, fill=np.iinfo(np.int64).min)
            return np.asarray(cells.max(axis=-2))
        case ops.AveragePool():
            return _averaged(operation, x, fraction)
        case ops.Sum() | ops.Maximum():
            axes = tuple(axis + 1 for axis in operation.axes)
            reduced = x.sum(axis=axes) if isinstance(operation, ops.Sum) else x.max(axis=axes)
            return np.asarray(reduced).reshape(events, *operation.shape)
        case ops.ArgMax():
            return np.asarray(x.argmax(axis=-1)).reshape(events, *operation.shape).astype(np.int64)
        case ops.Reshape():
            return x.reshape(events, *operation.shape)
        case ops.Permute():
            return x.transpose(0, *(axis + 1 for axis in operation.axes))
        case ops.Slice():
            return x[(slice(None), *block_of(operation))]
        case ops.ZeroPad():
            return np.pad(x, ((0, 0), *operation.padding, (0, 0)))
    return _of_several(graph, operation, sources)


def _of_several(graph: Graph, operation: Operation, sources: list[IntArray]) -> IntArray:
    formats = [graph[name].format for name in operation.inputs]
    match operation:
        case ops.Concatenate():
            aligned = _aligned(operation, formats, sources)
            return np.concatenate(aligned, axis=operation.axis + 1)
        case ops.Add():
            terms = _aligned(operation, formats, sources)
            total = np.zeros((len(terms[0]), *operation.shape), dtype=np.int64)
            for term in terms:
                total += _of_rank(term, len(operation.shape))
            return total
        case ops.Subtract():
            first, second = _aligned(operation, formats, sources)
            return np.asarray(_of_rank(first, len(operation.shape)) - _of_rank(second, len(operation.shape)))
        case ops.Multiply():
            first, second = (_of_rank(source, len(operation.shape)) for source in sources)
            return np.asarray(first * second)
    raise BrokenInvariant("an operation without a meaning", found=type(operation).__name__)


def _aligned(operation: Operation, formats: list[FixedPoint], sources: list[IntArray]) -> list[IntArray]:
    return [
        source << (operation.format.fraction - format_.fraction)
        for format_, source in zip(formats, sources, strict=True)
    ]


def _of_rank(tensor: IntArray, rank: int) -> IntArray:
    """Axes of length 1 between the events and the others: shapes are broadcast from the last axis on."""
    return tensor.reshape(len(tensor), *(1,) * (rank + 1 - tensor.ndim), *tensor.shape[1:])


def _products(operation: ops.Linear, x: IntArray) -> IntArray:
    """Sums of products, in float64: integers are exact there, the graph holds accumulators below 2**53."""
    values, weight = x.astype(np.float64), operation.weight.astype(np.float64)
    match operation:
        case ops.Dense():
            sums = values @ weight
        case ops.Scale():
            sums = values * weight
        case ops.Convolution():
            cells = _windows(values, operation)
            taps = weight.reshape(-1, weight.shape[-1])
            sums = cells.reshape(*cells.shape[:-2], len(taps)) @ taps
        case ops.DepthwiseConvolution():
            cells = _windows(values, operation)
            taps = weight.reshape(-1, *weight.shape[-2:])
            sums = np.einsum("...kc,kcm->...cm", cells, taps).reshape(len(x), *operation.shape)
        case _:
            raise BrokenInvariant("sums of products without a meaning", found=type(operation).__name__)
    return np.asarray(sums).astype(np.int64)


def _windows(
    x: NDArray[Number], operation: ops.Windowed | ops.MaxPool | ops.AveragePool, fill: int = 0
) -> NDArray[Number]:
    if isinstance(operation, ops.Windowed):
        kernel, dilation = operation.weight.shape[:-2], operation.dilation
    else:
        kernel, dilation = operation.pool, None
    return windows_of(
        x, kernel, strides=operation.strides, padding=operation.padding, dilation=dilation, fill=fill
    )


def _averaged(operation: ops.AveragePool, x: IntArray, fraction: int) -> IntArray:
    target = operation.format
    counts = cells_inside(x.shape[1:-1], operation.pool, operation.strides, operation.padding)[..., None]
    left = target.fraction - fraction
    sums = _windows(x, operation).sum(axis=-2) << max(0, left)
    return fit_into(divide_rounded(sums, counts << max(0, -left), target.rounding), target)

"""The reference emulator: the meaning of each operation of the graph, in NumPy, on integer words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trigml.errors import BadInput
from trigml.fixedpoint import IntArray, requantize
from trigml.graph import BrokenInvariant, Dense, Graph, Input, Operation, Quantize, Relu

CHUNK_EVENTS = 16384


def emulate(graph: Graph, words: IntArray) -> IntArray:
    """Output words (events, n_out) int64 of input words (events, n_in) int64.

    Raises:
        BadInput: the input has another shape, or a word is outside the input format.
    """
    return np.concatenate([trace[graph.outputs[0]] for trace in _traces(graph, words)])


def emulate_tensors(graph: Graph, words: IntArray) -> dict[str, IntArray]:
    """The words of every tensor of the graph, by name, each (events, ...); for few events."""
    traces = list(_traces(graph, words))
    return {
        operation.name: np.concatenate([trace[operation.name] for trace in traces])
        for operation in graph.operations
    }


def _traces(graph: Graph, words: IntArray) -> Iterator[dict[str, IntArray]]:
    expected = graph.input
    if words.ndim != 1 + len(expected.shape) or words.shape[1:] != expected.shape or words.dtype != np.int64:
        raise BadInput(
            "input words do not fit the network",
            expected=f"int64 (events, {', '.join(map(str, expected.shape))})",
            found=f"{words.dtype} {words.shape}",
        )
    if words.size and not expected.format.holds(int(words.min()), int(words.max())):
        raise BadInput(
            "an input word is outside the range of the input format",
            expected=f"{expected.format}: {expected.format.min_word} to {expected.format.max_word}",
            found=f"{words.min()} to {words.max()}",
        )
    for start in range(0, max(1, len(words)), CHUNK_EVENTS):  # no events are one empty chunk
        tensors: dict[str, IntArray] = {}
        for operation in graph.operations:
            tensors[operation.name] = _evaluated(
                graph, operation, tensors, words[start : start + CHUNK_EVENTS]
            )
        yield tensors


def _evaluated(
    graph: Graph, operation: Operation, tensors: dict[str, IntArray], inputs: IntArray
) -> IntArray:
    match operation:
        case Input():
            return inputs
        case Dense():
            source = graph[operation.inputs[0]].format
            # float64 products of integers are exact here: the graph holds accumulators below 2**53.
            sums = tensors[operation.inputs[0]].astype(np.float64) @ operation.weight.astype(np.float64)
            product_fraction = source.fraction + operation.weight_format.fraction
            aligned = sums.astype(np.int64) << (operation.format.fraction - product_fraction)
            return aligned + (operation.bias << (operation.format.fraction - operation.bias_format.fraction))
        case Relu():
            return np.maximum(tensors[operation.inputs[0]], 0)
        case Quantize():
            source = graph[operation.inputs[0]].format
            return requantize(tensors[operation.inputs[0]], source.fraction, operation.format)
    raise BrokenInvariant("an operation without a meaning", found=type(operation).__name__)

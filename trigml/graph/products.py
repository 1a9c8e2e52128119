"""Counting: weights, those that are zero, and the products that one event needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trigml.fixedpoint import IntArray
from trigml.graph import operations as ops
from trigml.graph.network import Graph, words_in
from trigml.graph.windows import windows_of


@dataclass(frozen=True, slots=True)
class Products:
    """What one operation multiplies.

    Attributes:
        weights: words of the weights, shared ones once.
        zeros: how many of them are zero.
        biases: words of the biases that are not zero.
        products: products of a weight and a word per event; those with the zeros of a padding do not count.
        multiplications: those of them that need a multiplier: the weight is not 0 and no power of two. For
            the product of two tensors, all.
    """

    weights: int = 0
    zeros: int = 0
    biases: int = 0
    products: int = 0
    multiplications: int = 0


def products_of(graph: Graph, operation: ops.Operation) -> Products:
    """Counts for one operation of a graph; zeros for one without products."""
    if isinstance(operation, ops.Multiply):
        count = words_in(operation.shape)
        return Products(products=count, multiplications=count)
    if not isinstance(operation, ops.Linear):
        return Products()
    uses = _uses_of_weights(operation, graph[operation.inputs[0]].shape)
    return Products(
        weights=operation.weight.size,
        zeros=int(np.count_nonzero(operation.weight == 0)),
        biases=int(np.count_nonzero(operation.bias)),
        products=int(uses.sum()),
        multiplications=int(uses[_needs_multiplier(operation.weight)].sum()),
    )


def products_per_event(graph: Graph) -> int:
    """Products of all operations, for one event."""
    return sum(products_of(graph, operation).products for operation in graph.operations)


def _needs_multiplier(weight: IntArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    magnitude = np.abs(weight)
    return np.asarray((magnitude & (magnitude - 1)) != 0)


def _uses_of_weights(operation: ops.Linear, source: tuple[int, ...]) -> IntArray:
    """Per weight, at how many places of one event it meets a word that is not padding."""
    weight = operation.weight
    if not isinstance(operation, ops.Windowed):
        return np.full(weight.shape, words_in(source[:-1]), dtype=np.int64)
    kernel = weight.shape[:-2]
    inside = windows_of(
        np.ones((1, *source[:-1], 1), dtype=np.int64),
        kernel,
        strides=operation.strides,
        padding=operation.padding,
        dilation=operation.dilation,
    )
    per_tap = inside.reshape(-1, words_in(kernel)).sum(axis=0).reshape(*kernel, 1, 1)
    return np.broadcast_to(per_tap, weight.shape)

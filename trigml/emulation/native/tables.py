"""Which rows an operation reads: index tables, made by moving the indices as the operation moves words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trigml.fixedpoint import IntArray
from trigml.graph import operations as ops
from trigml.graph.shapes import Shape
from trigml.graph.windows import windows_of

NO_ROW = -1


def indices(shape: Shape) -> IntArray:
    """The row of every word of a tensor."""
    return np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)


def taps_of(operation: ops.Windowed, source: Shape) -> IntArray:
    """(places, taps): the first row of the channels under each tap, or ``NO_ROW``."""
    pixels = indices(source[:-1])[None, ..., None]
    taps = windows_of(
        pixels,
        operation.weight.shape[:-2],
        strides=operation.strides,
        padding=operation.padding,
        dilation=operation.dilation,
        fill=NO_ROW,
    )
    taps = taps.reshape(-1, taps.shape[-2])
    return np.where(taps == NO_ROW, NO_ROW, taps * source[-1])


def cells_of(operation: ops.MaxPool | ops.AveragePool, source: Shape) -> IntArray:
    """(rows, cells): the rows of each window; those that are padding are ``NO_ROW``, behind the others."""
    cells = windows_of(
        indices(source)[None],
        operation.pool,
        strides=operation.strides,
        padding=operation.padding,
        fill=NO_ROW,
    )
    cells = np.moveaxis(cells, -1, -2).reshape(-1, cells.shape[-2])
    return -np.sort(-cells, axis=1)


def reduced_of(axes: Sequence[int], source: Shape) -> IntArray:
    """(rows, words): the rows over which a reduction goes."""
    rows = indices(source)
    kept = [axis for axis in range(len(source)) if axis not in axes]
    count = int(np.prod([source[axis] for axis in axes]))
    return rows.transpose(*kept, *axes).reshape(-1, count)


def repeated(source: Shape, shape: Shape) -> IntArray:
    """(rows,): the row of ``source`` for every word of ``shape``, axes of length 1 repeated."""
    return np.broadcast_to(indices(source), shape).ravel()


def joined(sources: Sequence[Shape], axis: int) -> list[IntArray]:
    """Per source, the rows of the result in which its words go."""
    shape = list(sources[0])
    shape[axis] = sum(source[axis] for source in sources)
    ends = np.cumsum([source[axis] for source in sources])[:-1]
    return [part.ravel() for part in np.split(indices(tuple(shape)), ends, axis=axis)]

"""Windows of convolutions and pools: which cells of the input belong to which cell of the output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import IntArray
from trigml.graph.operations import Padding

Number = TypeVar("Number", np.int64, np.float64)


def output_size(size: int, kernel: int, *, stride: int, padding: tuple[int, int], dilation: int = 1) -> int:
    """How many windows fit along one axis (0 if none does)."""
    reach = dilation * (kernel - 1) + 1
    return max(0, (size + sum(padding) - reach) // stride + 1)


def same_padding(
    size: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int] | None = None
) -> Padding:
    """What ``padding="same"`` adds per axis (TensorFlow's rule: the odd cell goes behind)."""
    padding = []
    for n, k, stride, d in zip(size, kernel, strides, dilation or [1] * len(size), strict=True):
        total = max(0, (-(-n // stride) - 1) * stride + d * (k - 1) + 1 - n)
        padding.append((total // 2, total - total // 2))
    return tuple(padding)


def windows_of(
    tensor: NDArray[Number],
    kernel: Sequence[int],
    *,
    strides: Sequence[int],
    padding: Padding,
    dilation: Sequence[int] | None = None,
    fill: int = 0,
) -> NDArray[Number]:
    """The cells of every window.

    Args:
        tensor: (events, *spatial, channels).
        kernel: size of the window per spatial axis.
        strides: steps per spatial axis.
        padding: cells around the input, which hold ``fill``.
        dilation: distance of the window's cells, default 1.
        fill: word of the padding.

    Returns:
        (events, *positions, cells of the window, channels); the cells with the last spatial axis fastest.
    """
    apart = list(dilation or [1] * len(kernel))
    rank = len(kernel)
    padded = np.pad(tensor, ((0, 0), *padding, (0, 0)), constant_values=fill)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, apart, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=tuple(range(1, 1 + rank)))
    # view: (events, *positions, channels, *reach)
    every: list[slice] = [slice(None), *(slice(None, None, step) for step in strides), slice(None)]
    every += [slice(None, None, step) for step in apart]
    cells = np.moveaxis(view[tuple(every)], 1 + rank, -1)
    # The count is given: NumPy cannot infer it where there are no events.
    return cells.reshape(*cells.shape[: 1 + rank], math.prod(kernel), tensor.shape[-1])


def cells_inside(
    size: Sequence[int], pool: Sequence[int], strides: Sequence[int], padding: Padding
) -> IntArray:
    """How many cells of each window are not padding; (*positions,)."""
    ones = np.ones((1, *size, 1), dtype=np.int64)
    return np.asarray(windows_of(ones, pool, strides=strides, padding=padding).sum(axis=(-1, -2))[0])

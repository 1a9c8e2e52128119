"""Shapes: what an operation yields, given the shapes that it reads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from trigml.graph import operations as ops
from trigml.graph.windows import output_size

Shape = tuple[int, ...]


class BadShape(Exception):
    """Shapes that do not go together; the message says what was expected."""


def shape_after(operation: ops.Operation, sources: Sequence[Shape]) -> Shape:
    """Shape of the tensor that ``operation`` yields; of its own ``shape`` only free choices count.

    Those are the shape of an input, of a reshape and of a slice, and whether a reduction keeps its axes.

    Raises:
        BadShape: the shapes do not go together, or the number of inputs is wrong.
    """
    _check_count(operation, len(sources))
    match operation:
        case ops.Input():
            _expect(len(operation.shape) > 0 and min(operation.shape) > 0, "a shape of positive lengths")
            return operation.shape
        case ops.Concatenate():
            return _concatenated(operation, sources)
        case ops.Add() | ops.Subtract() | ops.Multiply():
            try:
                return tuple(map(int, np.broadcast_shapes(*sources)))
            except ValueError as error:
                raise BadShape("shapes that are equal but for axes of length 1") from error
        case ops.Linear():
            return _linear(operation, sources[0])
    (source,) = sources
    match operation:
        case ops.MaxPool() | ops.AveragePool():
            return (*_positions(source, operation.pool, operation), source[-1])
        case ops.Sum() | ops.Maximum():
            return _reduced(operation, source)
        case ops.ArgMax():
            return source[:-1] or (1,)
        case ops.Reshape():
            words = math.prod(source)
            positive = len(operation.shape) > 0 and min(operation.shape) > 0
            _expect(positive and math.prod(operation.shape) == words, f"{words} words")
            return operation.shape
        case ops.Permute():
            _expect(sorted(operation.axes) == list(range(len(source))), f"each of {len(source)} axes once")
            return tuple(source[axis] for axis in operation.axes)
        case ops.Slice():
            _expect(len(operation.begin) == len(operation.shape) == len(source), f"{len(source)} axes")
            ends = [begin + n for begin, n in zip(operation.begin, operation.shape, strict=True)]
            inside = all(end <= n for end, n in zip(ends, source, strict=True))
            _expect(inside and min(operation.begin) >= 0 < min(operation.shape), f"a block inside {source}")
            return operation.shape
        case ops.ZeroPad():
            _expect(len(operation.padding) == len(source) - 1, f"{len(source) - 1} spatial axes")
            _expect(min(map(min, operation.padding), default=0) >= 0, "no negative padding")
            padded = (n + sum(p) for n, p in zip(source, operation.padding, strict=False))
            return (*padded, source[-1])
    return source


def _check_count(operation: ops.Operation, count: int) -> None:
    match operation:
        case ops.Input():
            _expect(count == 0, "an input reads nothing")
        case ops.Add() | ops.Concatenate():
            _expect(count >= 2, "it reads two tensors or more")
        case ops.Subtract() | ops.Multiply():
            _expect(count == 2, "it reads two tensors")
        case _:
            _expect(count == 1, "it reads one tensor")


def _linear(operation: ops.Linear, source: Shape) -> Shape:
    weight = operation.weight.shape
    match operation:
        case ops.Dense():
            _expect(len(weight) == 2, "a matrix of weights")
            _expect(source[-1] == weight[0], f"a last axis of length {weight[0]}")
            shape = (*source[:-1], weight[1])
        case ops.Scale():
            _expect(weight == source[-1:], "one weight per channel")
            shape = source
        case ops.Windowed():
            _expect(len(weight) == len(source) + 1 and len(weight) in (3, 4), "one or two spatial axes")
            _expect(source[-1] == weight[-2], f"{weight[-2]} channels")
            channels = weight[-1]
            if isinstance(operation, ops.DepthwiseConvolution):
                channels *= weight[-2]
            positions = _positions(source, weight[:-2], operation, operation.dilation)
            shape = (*positions, channels)
        case _:
            raise BadShape("a known kind of sums of products")
    _expect(operation.bias.shape == shape[-1:], "one bias per channel")
    return shape


def _positions(
    source: Shape,
    kernel: Sequence[int],
    operation: ops.Windowed | ops.MaxPool | ops.AveragePool,
    dilation: Sequence[int] | None = None,
) -> Shape:
    rank = len(source) - 1
    dilation = dilation or (1,) * rank
    counts = {len(kernel), len(operation.strides), len(operation.padding), len(dilation)}
    _expect(rank > 0 and counts == {rank}, f"{rank} spatial axes" if rank else "a spatial axis or more")
    _expect(min((*kernel, *operation.strides, *dilation)) > 0, "positive sizes, strides and dilations")
    _expect(min(map(min, operation.padding)) >= 0, "no negative padding")
    positions = tuple(
        output_size(n, k, stride=s, padding=p, dilation=d)
        for n, k, s, p, d in zip(source, kernel, operation.strides, operation.padding, dilation, strict=False)
    )
    _expect(min(positions) > 0, f"an input larger than the window {tuple(kernel)}")
    if not isinstance(operation, ops.Windowed):
        narrow = all(max(p) < k for k, p in zip(kernel, operation.padding, strict=True))
        _expect(narrow, "less padding than the window, so that no window is empty")
    return positions


def _reduced(operation: ops.Sum | ops.Maximum, source: Shape) -> Shape:
    axes = set(operation.axes)
    _expect(len(axes) == len(operation.axes) > 0, "each axis once")
    _expect(axes <= set(range(len(source))), f"axes from 0 to {len(source) - 1}")
    kept = tuple(1 if axis in axes else n for axis, n in enumerate(source))
    dropped = tuple(n for axis, n in enumerate(source) if axis not in axes) or (1,)
    return kept if operation.shape == kept else dropped


def _concatenated(operation: ops.Concatenate, sources: Sequence[Shape]) -> Shape:
    axis, first = operation.axis, sources[0]
    _expect(0 <= axis < len(first), f"an axis from 0 to {len(first) - 1}")
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in sources}
    _expect(len(rest) == 1 and len({len(s) for s in sources}) == 1, f"equal shapes but for axis {axis}")
    return (*first[:axis], sum(shape[axis] for shape in sources), *first[axis + 1 :])


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise BadShape(what)

"""Nodes that move values about: reshapes, transposes, padding; and reductions over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trigml.frontends.onnx.file import LARGEST_TENSOR, Node
from trigml.frontends.onnx.reader import Reader, axis_of
from trigml.frontends.onnx.values import Tensor, exact_constants
from trigml.frontends.refusals import refused

_ALL = 2**31 - 1
"""As the end of a slice: to the last one, however many there are (exporters write this number or more)."""


def read_reshape(reader: Reader, node: Node) -> None:
    """Reshape to a constant shape that keeps the events apart."""
    source = reader.tensor(node)
    wanted = reader.integers_of(node, 1, "shape") or []
    shape = _resolved(wanted, (reader.batch, *source.shape), allow_zero=bool(node.integer("allowzero", 0)))
    if len(wanted) < 2 or shape[0] != reader.batch:
        raise refused(
            f"reshapes (events, {', '.join(map(str, source.shape))}) to {wanted}",
            "events are independent of each other",
            "keep the first axis for the events",
        )
    _reshape(reader, node, source, shape[1:])


def _resolved(wanted: Sequence[int], found: tuple[int, ...], *, allow_zero: bool) -> tuple[int, ...]:
    """ONNX's rule: 0 copies a length, -1 takes what is left."""
    shape = [
        found[place] if length == 0 and not allow_zero and place < len(found) else length
        for place, length in enumerate(wanted)
    ]
    rest = math.prod(length for length in shape if length != -1)
    if shape.count(-1) == 1 and rest > 0:
        shape[shape.index(-1)] = math.prod(found) // rest
    if not shape or min(shape) < 1 or math.prod(shape) != math.prod(found):
        raise refused(
            f"reshapes {found} to {list(wanted)}", "the number of words changes", "correct the shape"
        )
    return tuple(shape)


def read_flatten(reader: Reader, node: Node) -> None:
    """Flatten all axes but that of the events."""
    source = reader.tensor(node)
    if node.integer("axis", 1) not in (1, -source.rank):
        raise refused(f"flattens at axis {node.integer('axis', 1)}", "", "use axis=1")
    _reshape(reader, node, source, (math.prod(source.shape),))


def _reshape(reader: Reader, node: Node, source: Tensor, shape: tuple[int, ...]) -> None:
    """Another shape; the executor gets one that leaves the number of events free."""
    if shape == source.shape:
        reader.put(node, source, keep=False)
    else:
        name = reader.name_for(node)
        made = reader.graph.reshape(name, reader.plain(source), shape or (1,))
        axes = tuple(range(len(shape)))
        reader.put(node, replace(source, name=made, shape=shape, axes=axes), keep=False)
    reader.keep_reshape(node, shape)


def read_squeeze(reader: Reader, node: Node) -> None:
    """Axes of length 1 away, or new ones: Squeeze and Unsqueeze."""
    source = reader.tensor(node)
    axes = reader.integers_of(node, 1, "axes")
    if node.kind == "Unsqueeze":
        rank = source.rank + len(axes or [])
        places = sorted(axis_of(axis, rank) for axis in axes or [])
        lengths = list(source.shape)
        for place in places:
            lengths.insert(place, 1)
        shape = tuple(lengths)
        kept = [axis for axis in range(rank) if axis not in places]
    else:
        if axes is None:
            axes = [axis + 1 for axis, length in enumerate(source.shape) if length == 1]
        dropped = {axis_of(axis, source.rank) for axis in axes}
        if any(source.shape[axis] != 1 for axis in dropped):
            raise refused(
                f"squeezes axes {axes} of {source.shape}", "their length is not 1", "correct the axes"
            )
        kept = [axis for axis in range(source.rank) if axis not in dropped]
        shape = tuple(source.shape[axis] for axis in kept)
    _unit_axes(reader, node, source, shape, kept)


def _unit_axes(reader: Reader, node: Node, source: Tensor, shape: tuple[int, ...], kept: list[int]) -> None:
    """Another number of axes of length 1; the order of the others in the graph stays."""
    if node.kind == "Unsqueeze":  # axis i of the source is axis kept[i] of the result
        old = tuple(kept[axis] for axis in source.axes)
        axes = (*(axis for axis in range(len(shape)) if axis not in old), *old)
    else:  # axis kept[i] of the source is axis i of the result
        axes = tuple(kept.index(axis) for axis in source.axes if axis in kept)
    graph_shape = tuple(shape[axis] for axis in axes) or (1,)
    name = source.name
    if graph_shape != reader.graph[name].shape:
        name = reader.graph.reshape(reader.name_for(node), name, graph_shape)
    reader.put(node, replace(source, name=name, shape=shape, axes=axes), keep=False)
    reader.keep_reshape(node, shape)


def read_transpose(reader: Reader, node: Node) -> None:
    """Axes in another order: only what axes are called changes, until somebody reads them."""
    source = reader.tensor(node)
    perm = node.integers("perm", list(range(source.rank, -1, -1)))
    if sorted(perm) != list(range(source.rank + 1)) or perm[0] != 0:
        raise refused(
            f"perm={perm}", "events are independent of each other", "leave the first axis in its place"
        )
    moved = [axis - 1 for axis in perm[1:]]  # axis i of the result is axis moved[i] of the source
    shape = tuple(source.shape[axis] for axis in moved)
    axes = tuple(moved.index(axis) for axis in source.axes)
    reader.put(node, replace(source, shape=shape, axes=axes))


def read_slice(reader: Reader, node: Node) -> None:
    """A block of a tensor: Slice with constant ends and steps of 1; of the events, all."""
    source = reader.tensor(node)
    starts, ends = (reader.integers_of(node, index, name) for index, name in ((1, "starts"), (2, "ends")))
    starts, ends = starts or [], ends or []
    wanted = reader.integers_of(node, 3, "axes")
    places = list(range(len(starts))) if wanted is None else wanted
    steps = reader.integers_of(node, 4, "steps") or [1] * len(starts)
    if not len(starts) == len(ends) == len(places) == len(steps):
        given = f"starts={starts}, ends={ends}, axes={places}, steps={steps}"
        raise refused(given, "they differ in length", "give one of each per axis")
    if set(steps) - {1}:
        raise refused(f"steps={steps}", "a slice is a block of neighbours here", "use steps of 1")
    begin, shape = [0] * source.rank, list(source.shape)
    seen: set[int] = set()
    for start, end, place in zip(starts, ends, places, strict=True):
        if place in (0, -source.rank - 1) and start == 0 and end >= _ALL:
            continue
        axis = axis_of(place, source.rank)
        if axis in seen:
            raise refused(f"axes={places}", "an axis stands there twice", "name each axis once")
        seen.add(axis)
        first, last, _ = slice(start, end).indices(source.shape[axis])
        begin[axis], shape[axis] = first, last - first
    if min(shape) < 1:
        raise refused(f"takes {tuple(shape)} of {source.shape}", "nothing is left", "correct its ends")
    moved = [tuple(numbers[axis] for axis in source.axes) for numbers in (begin, shape)]
    made = reader.graph.slice(reader.name_for(node), source.name, moved[0], moved[1])
    reader.put(node, Tensor(made, tuple(shape), source.axes, source.quantised))


def read_pad(reader: Reader, node: Node) -> None:
    """Zeros around a tensor."""
    source = reader.tensor(node)
    pads = reader.integers_of(node, 1, "pads") or []
    value = reader.optional(node, 2)
    filled = node.number("value", 0.0) if value is None else float(np.abs(value.array).max(initial=0))
    if reader.optional(node, 3) is not None or node.text("mode", "constant") != "constant" or filled != 0:
        raise refused("pads with something else than zeros, or along some axes only", "", "pad with zeros")
    rank = source.rank
    if len(pads) != 2 * (rank + 1) or min(pads) < 0 or pads[0] or pads[rank + 1]:
        raise refused(f"pads={pads}", "events are independent of each other", "pad the other axes, from 0 on")
    around = [(pads[axis + 1], pads[rank + 2 + axis]) for axis in range(rank)]
    shape = tuple(n + sum(p) for n, p in zip(source.shape, around, strict=True))
    if math.prod(shape) > LARGEST_TENSOR:
        raise refused(f"pads={pads}", "too many cells", "use less padding")
    free = [axis for axis in source.axes if around[axis] == (0, 0)]
    name = reader.name_for(node)
    if free:
        moved = reader.with_last(source, free[-1])
        made = reader.graph.zero_pad(name, moved.name, tuple(around[axis] for axis in moved.axes[:-1]))
        axes = moved.axes
    else:  # the graph pads all axes but the last one: an axis of length 1 takes its place
        axes = source.axes
        graph_shape = reader.graph[source.name].shape
        longer = reader.graph.reshape(reader.fresh(f"{name}_longer"), source.name, (*graph_shape, 1))
        padded = reader.graph.zero_pad(
            reader.fresh(f"{name}_padded"), longer, tuple(around[axis] for axis in axes)
        )
        made = reader.graph.reshape(name, padded, reader.graph[padded].shape[:-1])
    reader.put(node, Tensor(made, shape, axes, source.quantised))


def read_reduction(reader: Reader, node: Node) -> None:
    """ReduceSum, ReduceMax, and ReduceMean over a power of two of words."""
    source = reader.tensor(node)
    wanted = reader.integers_of(node, 1, "axes")
    if not wanted:
        raise refused("reduces over all axes", "events are independent of each other", "name the axes")
    axes = [axis_of(axis, source.rank) for axis in wanted]
    places = sorted(source.axes.index(axis) for axis in axes)
    name = reader.name_for(node)
    quantised = source.quantised and node.kind == "ReduceMax"
    if node.kind == "ReduceMax":
        made = reader.graph.maximum(name, source.name, places, keep_axes=True)
    elif node.kind == "ReduceSum":
        made = reader.graph.sum(name, source.name, places, keep_axes=True)
    else:
        made = _mean(reader, name, source, places)
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(source.shape))
    tensor = Tensor(made, shape, source.axes, quantised)
    _put_reduced(reader, node, tensor, axes, keep=bool(node.integer("keepdims", 1)))


def _mean(reader: Reader, name: str, source: Tensor, places: list[int]) -> str:
    count = math.prod(reader.graph[source.name].shape[place] for place in places)
    if count & (count - 1):
        raise refused(
            f"averages {count} words",
            "the mean has no finite binary form",
            "average 2, 4, 8, … words, or sum",
        )
    total = reader.graph.sum(reader.fresh(f"{name}_sum"), source.name, places, keep_axes=True)
    factor = exact_constants(np.full(reader.graph[total].shape[-1], 1 / count))
    assert factor is not None
    return reader.graph.scale(name, total, factor)


def _put_reduced(reader: Reader, node: Node, tensor: Tensor, axes: list[int], *, keep: bool) -> None:
    """The result with its axes of length 1, or without them."""
    if keep:
        reader.put(node, tensor)
        return
    kept = [axis for axis in range(tensor.rank) if axis not in axes]
    order = tuple(kept.index(axis) for axis in tensor.axes if axis in kept)
    shape = tuple(tensor.shape[axis] for axis in kept)
    graph_shape = tuple(shape[axis] for axis in order) or (1,)
    made = reader.graph.reshape(reader.fresh(f"{tensor.name}_squeezed"), tensor.name, graph_shape)
    reader.put(node, Tensor(made, shape, order, tensor.quantised))


def read_argmax(reader: Reader, node: Node) -> None:
    """Index of the largest word, the first one of equal words."""
    source = reader.tensor(node)
    if node.integer("select_last_index", 0):
        raise refused(
            "takes the last one of equal words", "ArgMax takes the first one", "set select_last_index=0"
        )
    axis = axis_of(node.integer("axis", 0), source.rank)
    moved = reader.with_last(source, axis)
    made = reader.graph.argmax(reader.name_for(node), moved.name)
    axes = moved.axes[:-1]
    reader.integers.add(node.output)
    keep = bool(node.integer("keepdims", 1))
    if keep:
        shape = tuple(1 if a == axis else n for a, n in enumerate(source.shape))
        longer = tuple(shape[a] for a in (*axes, axis))
        if reader.graph[made].shape != longer:
            made = reader.graph.reshape(reader.fresh(f"{made}_kept"), made, longer)
        reader.put(node, Tensor(made, shape, (*axes, axis)))
        return
    rest = [a for a in range(source.rank) if a != axis]
    shape = tuple(source.shape[a] for a in rest)
    reader.put(node, Tensor(made, shape, tuple(rest.index(a) for a in axes)))

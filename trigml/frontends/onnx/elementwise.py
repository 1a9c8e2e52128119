"""Nodes that treat every number alike, or that join several tensors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trigml.frontends.onnx.file import Node
from trigml.frontends.onnx.linear import append_affine, constant_for, read_factor, words_of
from trigml.frontends.onnx.reader import Reader, axis_of, number_of
from trigml.frontends.onnx.values import Known, Tensor, power_of_two
from trigml.frontends.refusals import refused
from trigml.graph.softmax import SOFTMAX_ERROR, softmax

_FLOAT_TYPES = (1, 10, 11, 16)  # float, float16, double, bfloat16 of onnx.TensorProto
_WHOLE_TYPES = (2, 3, 4, 5, 6, 7, 12, 13)


_FARTHEST = 1 << 40
"""Limits beyond it are as good as none: no tensor that float32 holds reaches so far."""


def read_relu(reader: Reader, node: Node) -> None:
    """``max(x, 0)``."""
    source = reader.tensor(node)
    reader.put(node, source.named(reader.graph.relu(reader.name_for(node), source.name)))


def read_leaky_relu(reader: Reader, node: Node) -> None:
    """LeakyRelu and PRelu with a slope that is a power of two."""
    source = reader.tensor(node)
    slope = node.number("alpha", 0.01)
    if node.kind == "PRelu":
        slopes = np.unique(reader.known(node, 1).array.astype(np.float64))
        if len(slopes) != 1:
            raise refused("a slope per channel", "a tensor has one slope", "use one slope for all channels")
        slope = float(slopes[0])
    if slope == 0:
        reader.put(node, source.named(reader.graph.relu(reader.name_for(node), source.name)))
        return
    exponent = power_of_two(slope)
    if exponent is None or not -32 <= exponent <= 0:
        raise refused(
            f"the slope is {slope:.9g}", "its products are no short words", "use 0.5, 0.25, 0.125, …"
        )
    name = reader.graph.leaky_relu(reader.name_for(node), source.name, -exponent)
    reader.put(node, source.named(name))


def read_clip(reader: Reader, node: Node) -> None:
    """``min(max(x, low), high)``; the limits have to be on the grid of the tensor."""
    source = reader.tensor(node)
    lowest, highest = reader.graph.ranges[source.name].bounds
    ends = []
    for index, attribute, default in ((1, "min", lowest), (2, "max", highest)):
        limit = reader.optional(node, index)
        value = node.attributes.get(attribute) if limit is None else number_of(limit, "limit")
        if value is None or abs(float(value)) > 1e30:  # exporters write the largest float for none
            ends.append(default)
            continue
        word = np.ldexp(float(value), reader.fraction(source))
        if word != np.rint(word):
            raise refused(
                f"the limit {float(value):.9g} is no multiple of 2**{-reader.fraction(source)}",
                "the clipped tensor has the same grid",
                "use a limit on the grid, or put a Quant node in place of the Clip",
            )
        ends.append(int(np.clip(word, -_FARTHEST, _FARTHEST)))
    low, high = ends
    if low > high:
        raise refused("limits in the wrong order", "", "give min <= max")
    reader.put(node, source.named(reader.graph.clip(reader.name_for(node), source.name, low, high)))


def read_arithmetic(reader: Reader, node: Node) -> None:
    """Add, Sub, Mul and Div, of tensors or with a constant; Sum of two or more tensors."""
    if len(node.inputs) == 1 and node.kind == "Sum":
        read_identity(reader, node)
        return
    constants = [index for index, name in enumerate(node.inputs) if isinstance(reader.values[name], Known)]
    if not constants:
        _of_tensors(reader, node)
        return
    if len(node.inputs) != 2:
        raise refused("adds constants and several tensors", "", "add them one after the other")
    (constant,) = constants
    if node.kind == "Mul":
        read_factor(reader, node, constant)
        return
    source = reader.tensor(node, 1 - constant)
    known, array = constant_for(reader, node, constant, source)
    match node.kind:
        case "Add" | "Sum":
            append_affine(reader, node, source, offset=(known, array))
        case "Sub" if constant == 1:
            append_affine(reader, node, source, offset=(Known(known.array), -array))
        case "Sub":
            minus = -np.ones_like(array)
            append_affine(reader, node, source, factor=(Known(minus), minus), offset=(known, array))
        case _:
            _divided(reader, node, source, constant, known)


def _divided(reader: Reader, node: Node, source: Tensor, constant: int, known: Known) -> None:
    values = np.unique(known.array.astype(np.float64))
    if constant != 1 or any(power_of_two(abs(value)) is None for value in values):
        raise refused(
            "a division by something else than powers of two",
            "a quotient has no finite binary form",
            "divide by powers of two",
        )
    _, array = constant_for(reader, node, constant, source)
    append_affine(reader, node, source, factor=(Known(known.array), 1 / array))


def _of_tensors(reader: Reader, node: Node) -> None:
    sources = [reader.tensor(node, index) for index in range(len(node.inputs))]
    if node.kind == "Div" or len({source.rank for source in sources}) != 1:
        raise refused(
            "a quotient of tensors" if node.kind == "Div" else "tensors with different numbers of axes",
            "events are independent of each other" if node.kind != "Div" else "it has no finite binary form",
            "Unsqueeze the one with fewer axes" if node.kind != "Div" else "multiply instead",
        )
    names, axes = _in_one_order(reader, sources)
    shape = tuple(map(int, np.broadcast_shapes(*(source.shape for source in sources))))
    name = reader.name_for(node)
    match node.kind:
        case "Add" | "Sum":
            made = reader.graph.add(name, names)
        case "Sub":
            made = reader.graph.subtract(name, names)
        case _:
            made = reader.graph.multiply(name, names)
    quantised = node.kind != "Mul" and all(source.quantised for source in sources)
    reader.put(node, Tensor(made, shape, axes, quantised))


def _in_one_order(reader: Reader, sources: list[Tensor]) -> tuple[list[str], tuple[int, ...]]:
    orders = {source.axes for source in sources}
    axes = orders.pop() if len(orders) == 1 else tuple(range(sources[0].rank))
    return [reader.ordered(source, axes) for source in sources], axes


def read_negative(reader: Reader, node: Node) -> None:
    """``-x``."""
    source = reader.tensor(node)
    minus = np.full((1,) * source.rank, -1.0)
    append_affine(reader, node, source, factor=(Known(minus), minus))


def read_concat(reader: Reader, node: Node) -> None:
    """Tensors one after the other."""
    sources = [reader.tensor(node, index) for index in range(len(node.inputs))]
    if len(sources) == 1:
        read_identity(reader, node)
        return
    if len({source.rank for source in sources}) != 1:
        raise refused("tensors with different numbers of axes", "", "give them the same number of axes")
    axis = axis_of(node.integer("axis", 1), sources[0].rank)
    names, axes = _in_one_order(reader, sources)
    made = reader.graph.concatenate(reader.name_for(node), names, axes.index(axis))
    shape = list(sources[0].shape)
    shape[axis] = sum(source.shape[axis] for source in sources)
    reader.put(node, Tensor(made, tuple(shape), axes, all(source.quantised for source in sources)))


def read_identity(reader: Reader, node: Node) -> None:
    """Nodes that do nothing when a network is used: Identity, Dropout."""
    reader.leave_away(node)


def read_cast(reader: Reader, node: Node) -> None:
    """A Cast that changes no value: to a float, or of whole numbers to an integer."""
    source, target = reader.tensor(node), node.integer("to", 1)
    if target in _WHOLE_TYPES:
        low, high = reader.graph.ranges[source.name].bounds
        if (
            reader.fraction(source) > 0
            or (target in (2, 4, 12, 13) and low < 0)
            or max(-low, high) >= 1 << 24
        ):
            raise refused(
                "casts values that are no small whole numbers", "a cast cuts digits off", "use a Quant node"
            )
        if target not in (6, 7):
            raise refused("casts to a short integer", "it wraps", "cast to int64")
        reader.integers.add(node.output)
    elif target not in _FLOAT_TYPES[:1] + _FLOAT_TYPES[2:3]:
        raise refused("casts to another type than float32", "it rounds", "use a Quant node")
    reader.put(node, source)


def read_gather(reader: Reader, node: Node) -> None:
    """A constant table, indexed by the words of a tensor."""
    table, source = reader.known(node, 0), reader.tensor(node, 1)
    if table.array.ndim != 1 or node.integer("axis", 0) != 0 or reader.fraction(source) != 0:
        raise refused("gathers something else than entries of one table", "", "use a flat table of constants")
    entries = words_of(reader, node, table, "entries")
    low, high = reader.graph.ranges[source.name].bounds
    if low < 0 or high >= len(entries.words):
        raise refused(
            f"a table of {len(entries.words)} entries for indices from {low} to {high}",
            "an index may lie outside",
            "give the table an entry for every word",
        )
    name = reader.graph.table(reader.name_for(node), source.name, 0, entries.words, entries.format)
    reader.put(node, replace(source, name=name, quantised=True))


def read_softmax(reader: Reader, node: Node) -> None:
    """A softmax at the end of the network: left away, or made of tables."""
    source = reader.tensor(node)
    if node.output not in reader.outputs or reader.readers.get(node.output):
        raise refused(
            f"a {node.kind} inside of the network",
            "its values are floats",
            "leave it away, or use operations with integers",
        )
    if not reader.softmax_tables:
        reader.notes.append(f"{node.name} ({node.kind}) is left away: the outputs are the logits")
        reader.leave_away(node)
        return
    axis = axis_of(node.integer("axis", -1), source.rank)
    if node.kind != "Softmax" or axis != source.rank - 1:
        raise refused(
            f"{node.kind} along axis {axis + 1}", "tables are for the last axis", "use a Softmax there"
        )
    name = softmax(reader.graph, reader.name_for(node), reader.plain(source), reader.fresh)
    reader.notes.append(
        f"{node.name} ({node.kind}) is made of tables, within {SOFTMAX_ERROR:g} of the real one; the "
        "executor is compared up to its logits"
    )
    reader.leave_away(node)
    reader.values[node.output] = replace(source, name=name, axes=tuple(range(source.rank)))
    reader.shapes[node.output] = source.shape
    reader.own.add(name)

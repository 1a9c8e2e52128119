"""Sums of products with constants: MatMul, Gemm, Conv, and factors and offsets per channel."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import FixedPoint
from trigml.frontends.onnx.file import LARGEST_TENSOR, Node
from trigml.frontends.onnx.reader import Reader, broadcast_against
from trigml.frontends.onnx.values import Known, Tensor, exact_constants
from trigml.frontends.onnx.windows import padding_of, spatial_numbers
from trigml.frontends.refusals import Reason, refused
from trigml.graph import Constants
from trigml.graph.float32 import LARGEST

Floats = NDArray[np.float64]


def words_of(reader: Reader, node: Node, known: Known, what: str, array: Floats | None = None) -> Constants:
    """Constants as words; float ones are refused, and zeros stand for them so that reading goes on."""
    values = known.array.astype(np.float64) if array is None else array
    constants = exact_constants(values, known.format)
    if constants is not None:
        return constants
    reader.refuse(node, _float_constants(what))
    return Constants(np.zeros(values.shape, dtype=np.int64), FixedPoint(True, 1, 1))


def _float_constants(what: str) -> Reason:
    return Reason(
        f"its {what} are floats",
        "the hardware has fixed-point constants",
        f"put a Quant node on the {what}, or give a format with --quantizers FILE",
    )


def read_matmul(reader: Reader, node: Node) -> None:
    """``x @ W`` along the last axis, with an Add of a constant behind it as its bias."""
    source, weight = reader.tensor(node), reader.known(node, 1)
    if weight.array.ndim != 2 or not source.shape or source.shape[-1] != weight.array.shape[0]:
        raise refused(
            f"multiplies (…, {source.shape[-1:]}) by constants of shape {weight.array.shape}",
            "",
            "use a matrix of constants (n_in, n_out)",
        )
    words = words_of(reader, node, weight, "weights")
    follower, bias = _bias_behind(reader, node, words.words.shape[1], axis=source.rank - 1, rank=source.rank)
    _append_dense(reader, node, follower, source=source, weight=words, bias=bias)


def read_gemm(reader: Reader, node: Node) -> None:
    """``alpha * x @ W + beta * c``."""
    source, weight = reader.tensor(node), reader.known(node, 1)
    if source.rank != 1 or weight.array.ndim != 2 or node.integer("transA", 0):
        raise refused("a Gemm of more than one row per event", "", "use MatMul")
    matrix = weight.array.astype(np.float64)
    matrix = matrix.T if node.integer("transB", 0) else matrix
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    given = weight if alpha == 1 else Known(weight.array)
    if matrix.shape[0] != source.shape[0]:
        raise refused(f"multiplies {source.shape[0]} numbers by {matrix.shape}", "", "export the model again")
    words = words_of(reader, node, given, "weights", alpha * matrix)
    addend = reader.optional(node, 2)
    if addend is None:
        follower, bias = _bias_behind(reader, node, matrix.shape[1], axis=0, rank=1)
    else:
        vector = beta * np.broadcast_to(addend.array.astype(np.float64).reshape(-1), matrix.shape[1])
        given = addend if beta == 1 else Known(addend.array)
        follower, bias = node, words_of(reader, node, given, "biases", vector)
    _append_dense(reader, node, follower, source=source, weight=words, bias=bias)


def _append_dense(
    reader: Reader,
    node: Node,
    follower: Node,
    *,
    source: Tensor,
    weight: Constants,
    bias: Constants | None,
) -> None:
    shape = (*source.shape[:-1], weight.words.shape[1])
    plain = reader.plain(source)
    name = reader.graph.dense(reader.name_for(follower), plain, weight, bias)
    made = Tensor(name, shape, tuple(range(source.rank)), quantised=False)
    check_source(reader, node, source, made)
    _put_both(reader, node, follower, made)


def check_source(reader: Reader, node: Node, source: Tensor, made: Tensor) -> None:
    """Sums of products of sums of products: only as far as they can be checked."""
    refused_already = any(problem.layer == node.name for problem in reader.problems)
    too_wide = reader.graph.ranges[made.name].largest_magnitude > LARGEST
    if not source.quantised and (refused_already or too_wide):
        reader.refuse(
            node,
            Reason(
                "its input is not quantised",
                "sums of sums grow beyond what float32 can check",
                "put a Quant node between the layers",
            ),
        )


def _put_both(reader: Reader, node: Node, follower: Node, made: Tensor) -> None:
    """Note the result of a node, or of the Add behind it that is its bias."""
    if follower is not node:
        reader.kept.append(node.proto)
        reader.shapes[node.output] = made.shape
        reader.done.add(follower.output)
    reader.put(follower, made)


def _bias_behind(
    reader: Reader, node: Node, channels: int, *, axis: int, rank: int
) -> tuple[Node, Constants | None]:
    """The Add of one constant per channel that alone reads a node's result, and these constants.

    Args:
        reader: the conversion.
        node: a node that yields sums of products.
        channels: length of the axis of the channels.
        axis: that axis in the result, the events' not counted.
        rank: number of axes of the result, the events' not counted.
    """
    follower = reader.only_reader(node.output, "Add")
    if follower is None:
        return node, None
    known = reader.values.get(next(name for name in follower.inputs if name != node.output))
    if not isinstance(known, Known):
        return node, None
    full = (1,) * (rank + 1 - known.array.ndim) + known.array.shape
    others = [length for place, length in enumerate(full) if place != axis + 1]
    if len(full) != rank + 1 or set(others) != {1} or full[axis + 1] not in (1, channels):
        return node, None
    vector = np.broadcast_to(known.array.astype(np.float64).reshape(-1), channels)
    return follower, words_of(reader, follower, known, "biases", vector)


def read_conv(reader: Reader, node: Node) -> None:
    """A convolution, channels in front; groups other than one per channel become zeros in the weights."""
    source, weight = reader.tensor(node), reader.known(node, 1)
    array = weight.array.astype(np.float64)
    rank = source.rank - 1
    group = node.integer("group", 1)
    if rank not in (1, 2) or array.ndim != rank + 2 or group < 1:
        raise refused(f"a convolution over {rank} axes", "", "use one or two spatial axes")
    n_out, per_group, *kernel = array.shape
    channels = source.shape[0]
    if per_group * group != channels or n_out % group:
        raise refused(f"weights of shape {array.shape} for {channels} channels", "", "export the model again")
    if n_out * channels * math.prod(kernel) > LARGEST_TENSOR:
        raise refused(f"weights of shape {array.shape}", "too many", "use a smaller layer")
    strides = spatial_numbers(node, "strides", rank)
    dilation = spatial_numbers(node, "dilations", rank)
    padding = padding_of(node, source.shape[1:], kernel, strides, dilation)
    depthwise = group == channels and group > 1
    words = words_of(reader, node, weight, "weights", _channels_last(array, group, depthwise=depthwise))
    addend = reader.optional(node, 2)
    if addend is None:
        follower, bias = _bias_behind(reader, node, n_out, axis=0, rank=rank + 1)
    else:
        follower, bias = node, words_of(reader, node, addend, "biases")
    order = (*range(1, source.rank), 0)
    made = reader.graph.convolution(
        reader.name_for(follower),
        reader.ordered(source, order),
        words,
        bias,
        strides=strides,
        padding=padding,
        dilation=dilation,
        depthwise=depthwise,
    )
    shape = (n_out, *reader.graph[made].shape[:-1])
    tensor = Tensor(made, shape, order, quantised=False)
    check_source(reader, node, source, tensor)
    _put_both(reader, node, follower, tensor)


def _channels_last(array: Floats, group: int, *, depthwise: bool) -> Floats:
    """(n_out, n_in / group, *kernel) as (*kernel, n_in, n_out), or (*kernel, channels, m) if depthwise."""
    n_out, per_group, *kernel = array.shape
    if depthwise:
        return np.moveaxis(array.reshape(group, n_out // group, *kernel), (0, 1), (-2, -1))
    full = np.zeros((n_out, per_group * group, *kernel))
    for number in range(group):
        outputs = slice(number * (n_out // group), (number + 1) * (n_out // group))
        full[outputs, number * per_group : (number + 1) * per_group] = array[outputs]
    return np.moveaxis(full, (0, 1), (-1, -2))


def append_affine(
    reader: Reader,
    node: Node,
    source: Tensor,
    *,
    factor: tuple[Known, Floats] | None = None,
    offset: tuple[Known, Floats] | None = None,
) -> None:
    """``x * factor + offset`` with constants of the shape of the value or broadcast to it.

    Constants that differ along one axis at most are one per channel of that axis; others are one per word
    of the flattened tensor.
    """
    arrays = [np.broadcast_to(pair[1], source.shape) for pair in (factor, offset) if pair is not None]
    varying = [a for a in range(source.rank) if any(_varies(array, a) for array in arrays)]
    if source.rank and len(varying) <= 1:
        axis = varying[0] if varying else source.axes[-1]
        moved = reader.with_last(source, axis)
        name = moved.name
        rest = tuple(0 for _ in range(source.rank - 1))
        picked = [np.moveaxis(array, axis, -1)[rest] for array in arrays]
    else:
        moved = replace(source, name=reader.plain(source), axes=tuple(range(source.rank)))
        name = moved.name
        if source.rank > 1:
            name = reader.graph.reshape(reader.fresh(f"{name}_flat"), name, (math.prod(source.shape),))
        picked = [array.reshape(-1) for array in arrays]
    constants = [
        words_of(reader, node, pair[0], what, array)
        for (pair, what), array in zip(
            [(p, w) for p, w in ((factor, "factors"), (offset, "offsets")) if p is not None],
            picked,
            strict=True,
        )
    ]
    channels = reader.graph[name].shape[-1]
    one = Constants(np.ones(channels, dtype=np.int64), FixedPoint(False, 1, 1))
    weight = constants[0] if factor is not None else one
    bias = constants[-1] if offset is not None else None
    scaled = reader.graph.scale(reader.name_for(node), name, weight, bias)
    if name != moved.name:
        graph_shape = tuple(source.shape)
        scaled = reader.graph.reshape(reader.fresh(f"{scaled}_reshaped"), scaled, graph_shape)
    reader.put(node, replace(moved, name=scaled, quantised=False))


def read_factor(reader: Reader, node: Node, constant: int) -> None:
    """A product with a constant, with an Add of another one behind it if both belong to one axis."""
    source = reader.tensor(node, 1 - constant)
    factor = constant_for(reader, node, constant, source)
    follower = reader.only_reader(node.output, "Add")
    known = None
    if follower is not None:
        known = reader.values.get(next(name for name in follower.inputs if name != node.output))
    if follower is None or not isinstance(known, Known):
        append_affine(reader, node, source, factor=factor)
        return
    offset = known, broadcast_against(known.array, source)
    both = [np.broadcast_to(array, source.shape) for _, array in (factor, offset)]
    if sum(any(_varies(array, axis) for array in both) for axis in range(source.rank)) > 1:
        append_affine(reader, node, source, factor=factor)
        return
    reader.kept.append(node.proto)
    reader.shapes[node.output] = source.shape
    reader.done.add(follower.output)
    append_affine(reader, follower, source, factor=factor, offset=offset)


def _varies(array: Floats, axis: int) -> bool:
    first = np.take(array, [0], axis=axis)
    return bool(np.any(array != first))


def constant_for(reader: Reader, node: Node, index: int, tensor: Tensor) -> tuple[Known, Floats]:
    """A constant of a node, with its numbers broadcast against a tensor."""
    known = reader.known(node, index)
    return known, broadcast_against(known.array, tensor)


def read_batchnorm(reader: Reader, node: Node) -> None:
    """A batch normalisation whose parameters were rounded before (mean 0, variance 1, epsilon 0)."""
    source = reader.tensor(node)
    scale, offset, mean, variance = (reader.known(node, index) for index in range(1, 5))
    exact = not np.any(mean.array) and np.all(variance.array == 1) and node.number("epsilon", 1e-5) == 0
    if not exact:
        raise refused(
            "a batch normalisation with float parameters",
            "its factors and offsets are no words",
            "round them: --batchnorm-type 'fixed<16,6>'",
        )
    shape = (-1, *(1,) * (source.rank - 1))
    append_affine(
        reader,
        node,
        source,
        factor=(scale, scale.array.astype(np.float64).reshape(shape)),
        offset=(offset, offset.array.astype(np.float64).reshape(shape)),
    )

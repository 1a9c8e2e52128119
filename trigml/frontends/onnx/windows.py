"""Windows of convolutions and pools, as the attributes of ONNX nodes say them; and the pools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trigml.fixedpoint import FixedPoint, IntArray
from trigml.frontends.onnx.file import LARGEST_TENSOR, Node
from trigml.frontends.onnx.quantisers import is_quantiser, quantiser_of
from trigml.frontends.onnx.reader import Reader
from trigml.frontends.onnx.values import Tensor
from trigml.frontends.refusals import refused
from trigml.graph.operations import Padding
from trigml.graph.windows import cells_inside, same_padding


def spatial_numbers(node: Node, name: str, rank: int) -> list[int]:
    """Strides, dilations or kernel per spatial axis, default 1."""
    numbers = node.integers(name, [1] * rank)
    if len(numbers) != rank or min(numbers) < 1 or max(numbers) > LARGEST_TENSOR:
        raise refused(f"{name}={numbers} over {rank} axes", "", f"give {rank} positive numbers")
    return numbers


def padding_of(
    node: Node, size: Sequence[int], kernel: Sequence[int], strides: list[int], dilation: list[int]
) -> Padding:
    """Cells before and after, per spatial axis."""
    rank, automatic = len(size), node.text("auto_pad", "NOTSET")
    if automatic == "SAME_UPPER":
        padding = same_padding(size, kernel, strides, dilation)
    elif automatic == "SAME_LOWER":
        padding = tuple((after, before) for before, after in same_padding(size, kernel, strides, dilation))
    elif automatic == "VALID":
        padding = ((0, 0),) * rank
    else:
        pads = node.integers("pads", [0] * 2 * rank)
        if len(pads) != 2 * rank or min(pads) < 0:
            raise refused(f"pads={pads} over {rank} axes", "", f"give {2 * rank} numbers from 0 on")
        padding = tuple(zip(pads[:rank], pads[rank:], strict=True))
    padded = math.prod(n + sum(p) for n, p in zip(size, padding, strict=True))
    if padded * math.prod(kernel) > LARGEST_TENSOR:
        raise refused(f"windows of {list(kernel)} over {padded:,} cells", "too many", "use smaller windows")
    return padding


def read_pool(reader: Reader, node: Node) -> None:
    """MaxPool and AveragePool."""
    source = reader.tensor(node)
    rank = source.rank - 1
    if rank not in (1, 2):
        raise refused(f"a pool over {rank} axes", "", "use one or two spatial axes")
    kernel = spatial_numbers(node, "kernel_shape", rank)
    strides = spatial_numbers(node, "strides", rank)
    dilation = spatial_numbers(node, "dilations", rank)
    padding = padding_of(node, source.shape[1:], kernel, strides, dilation)
    if set(dilation) != {1}:
        raise refused(f"dilations={dilation}", "windows of pools are dense", "use dilations of 1")
    if node.integer("ceil_mode", 0) and _ceil_matters(source.shape[1:], kernel, strides, padding):
        raise refused("ceil_mode=1", "windows would reach beyond the padding", "set ceil_mode=0, and pads")
    if len(node.outputs) > 1 and any(node.outputs[1:]):
        raise refused("yields the indices, too", "", "leave its second output away")
    if node.kind == "AveragePool" and node.integer("count_include_pad", 0):
        source = _padded(reader, node, source, padding)
        padding = ((0, 0),) * rank
    _append_pool(reader, node, source, kernel=kernel, strides=strides, padding=padding)


def read_global_pool(reader: Reader, node: Node) -> None:
    """GlobalMaxPool and GlobalAveragePool: one window over all spatial axes, which stay with length 1."""
    source = reader.tensor(node)
    rank = source.rank - 1
    if rank not in (1, 2):
        raise refused(f"a pool over {rank} axes", "", "use one or two spatial axes")
    _append_pool(
        reader,
        node,
        source,
        kernel=list(source.shape[1:]),
        strides=[1] * rank,
        padding=((0, 0),) * rank,
    )


def _ceil_matters(size: Sequence[int], kernel: list[int], strides: list[int], padding: Padding) -> bool:
    return any(
        (n + sum(p) - k) % stride for n, k, stride, p in zip(size, kernel, strides, padding, strict=True)
    )


def _padded(reader: Reader, node: Node, source: Tensor, padding: Padding) -> Tensor:
    order = (*range(1, source.rank), 0)
    name = reader.graph.zero_pad(
        reader.fresh(f"{node.output}_padded"), reader.ordered(source, order), padding
    )
    shape = (source.shape[0], *reader.graph[name].shape[:-1])
    return Tensor(name, shape, order, source.quantised)


def _append_pool(
    reader: Reader,
    node: Node,
    source: Tensor,
    *,
    kernel: list[int],
    strides: list[int],
    padding: Padding,
) -> None:
    order = (*range(1, source.rank), 0)
    last = reader.ordered(source, order)
    follower = node
    if node.kind in ("MaxPool", "GlobalMaxPool"):
        name = reader.graph.max_pool(reader.name_for(node), last, kernel, strides=strides, padding=padding)
    else:
        counts = np.unique(cells_inside(source.shape[1:], kernel, strides, padding))
        format_ = None
        if any(int(count) & (int(count) - 1) for count in counts):
            follower, format_ = _quantiser_behind(reader, node, counts)
        name = reader.graph.average_pool(
            reader.name_for(follower), last, kernel, strides=strides, padding=padding, format_=format_
        )
    shape = (source.shape[0], *reader.graph[name].shape[:-1])
    if follower is not node:
        reader.kept.append(node.proto)
        reader.shapes[node.output] = shape
        reader.done.add(follower.output)
    reader.put(follower, replace(source, name=name, shape=shape, axes=order))


def _quantiser_behind(reader: Reader, node: Node, counts: IntArray) -> tuple[Node, FixedPoint]:
    """The quantiser that alone reads a mean without a finite binary form: it rounds the exact mean."""
    follower = next(iter(reader.readers.get(node.output, [])), None)
    alone = follower is not None and reader.only_reader(node.output, follower.kind) is follower
    if follower is None or not alone or not is_quantiser(follower):
        raise refused(
            f"averages {max(counts)} cells",
            "the mean has no finite binary form",
            "put a Quant node directly behind it, or average 2, 4, 8, … cells",
        )
    quantiser = quantiser_of(reader, follower)
    if quantiser.bipolar or quantiser.top is not None:
        raise refused(
            "a mean behind which a sign is taken", "", "put a Quant node of 2 bits or more behind it"
        )
    return follower, quantiser.format

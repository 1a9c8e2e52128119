"""Shapes: what each operation yields, and each way in which shapes do not go together."""

from typing import Any

import numpy as np
import pytest

from trigml.fixedpoint import FixedPoint
from trigml.graph import operations as ops
from trigml.graph.shapes import BadShape, Shape, shape_after

FORMAT = FixedPoint(True, 8, 8)


def made(kind: type[ops.Operation], **changes: Any) -> ops.Operation:
    """An operation with what it needs; ``weight`` and ``bias`` are given as shapes."""
    fields: dict[str, Any] = {"name": "it", "inputs": (), "shape": (), "format": FORMAT} | changes
    if issubclass(kind, ops.Linear):
        fields["bias"] = np.zeros(fields.get("bias", fields["weight"][-1:]), dtype=np.int64)
        fields["weight"] = np.zeros(fields["weight"], dtype=np.int64)
        fields |= {"weight_format": FORMAT, "bias_format": FORMAT}
    return kind(**fields)


def window(kernel: Shape, **changes: Any) -> dict[str, Any]:
    """A window without padding, step by step."""
    rank = len(kernel)
    return {"strides": (1,) * rank, "padding": ((0, 0),) * rank, "dilation": (1,) * rank} | changes


def convolution(weight: Shape, **changes: Any) -> ops.Operation:
    return made(ops.Convolution, weight=weight, **window(weight[:-2], **changes))


def pool(size: Shape, **changes: Any) -> ops.Operation:
    chosen = window(size, **changes)
    del chosen["dilation"]
    return made(ops.MaxPool, pool=size, **chosen)


FINE: list[tuple[ops.Operation, list[Shape], Shape]] = [
    (made(ops.Input, shape=(4, 2)), [], (4, 2)),
    (made(ops.Dense, weight=(3, 5)), [(3,)], (5,)),
    (made(ops.Dense, weight=(3, 5)), [(7, 2, 3)], (7, 2, 5)),
    (made(ops.Scale, weight=(3,)), [(7, 3)], (7, 3)),
    (convolution((3, 2, 5)), [(8, 2)], (6, 5)),
    (convolution((3, 2, 2, 5), strides=(2, 1), padding=((1, 0), (0, 2))), [(7, 6, 2)], (3, 7, 5)),
    (convolution((3, 2, 5), dilation=(2,)), [(5, 2)], (1, 5)),
    (
        made(ops.DepthwiseConvolution, weight=(3, 2, 4), bias=(8,), **window((3,))),
        [(8, 2)],
        (6, 8),
    ),
    (made(ops.Relu), [(4, 2)], (4, 2)),
    (made(ops.LeakyRelu, shift=2), [(4,)], (4,)),
    (made(ops.Clip, low=0, high=1), [(4,)], (4,)),
    (made(ops.Quantize), [(4, 3, 2)], (4, 3, 2)),
    (made(ops.Table, low=0, table=np.zeros(3, dtype=np.int64)), [(4,)], (4,)),
    (pool((2, 2), strides=(2, 2)), [(5, 4, 3)], (2, 2, 3)),
    (pool((3,), strides=(2,), padding=((1, 1),)), [(5, 3)], (3, 3)),
    (made(ops.AveragePool, pool=(4,), strides=(4,), padding=((0, 0),)), [(9, 1)], (2, 1)),
    (made(ops.Sum, axes=(0,)), [(4, 3, 2)], (3, 2)),
    (made(ops.Sum, axes=(2, 0)), [(4, 3, 2)], (3,)),
    (made(ops.Sum, axes=(0,), shape=(1, 3)), [(4, 3)], (1, 3)),
    (made(ops.Maximum, axes=(0, 1)), [(4, 3)], (1,)),
    (made(ops.Maximum, axes=(0, 1), shape=(1, 1)), [(4, 3)], (1, 1)),
    (made(ops.ArgMax), [(4, 3)], (4,)),
    (made(ops.ArgMax), [(3,)], (1,)),
    (made(ops.Reshape, shape=(2, 6)), [(4, 3)], (2, 6)),
    (made(ops.Permute, axes=(2, 0, 1)), [(4, 3, 2)], (2, 4, 3)),
    (made(ops.Slice, begin=(1, 0, 1), shape=(3, 3, 1)), [(4, 3, 2)], (3, 3, 1)),
    (made(ops.ZeroPad, padding=((1, 0), (0, 3))), [(4, 3, 2)], (5, 6, 2)),
    (made(ops.ZeroPad, padding=()), [(4,)], (4,)),
    (made(ops.Concatenate, axis=0), [(4, 3), (2, 3), (1, 3)], (7, 3)),
    (made(ops.Concatenate, axis=1), [(4, 3), (4, 1)], (4, 4)),
    (made(ops.Add), [(4, 3), (1, 3), (4, 3)], (4, 3)),
    (made(ops.Add), [(4, 1), (3,)], (4, 3)),
    (made(ops.Subtract), [(3,), (4, 3)], (4, 3)),
    (made(ops.Multiply), [(4, 1), (1, 3)], (4, 3)),
]


@pytest.mark.parametrize(("operation", "sources", "shape"), FINE, ids=lambda value: str(value)[:40])
def test_what_an_operation_yields(operation: ops.Operation, sources: list[Shape], shape: Shape) -> None:
    """Protects the shape rule of each operation, as its docstring states it."""
    assert shape_after(operation, sources) == shape


def test_every_operation_is_here() -> None:
    """Protects the list above: no kind of operation is left out."""
    assert {type(operation) for operation, *_ in FINE} == set(ops.KINDS)


BAD: list[tuple[ops.Operation, list[Shape], str]] = [
    (made(ops.Input, shape=()), [], "positive lengths"),
    (made(ops.Input, shape=(3, 0)), [], "positive lengths"),
    (made(ops.Input, shape=(3,)), [(3,)], "reads nothing"),
    (made(ops.Dense, weight=(3, 5)), [(4,)], "a last axis of length 3"),
    (made(ops.Dense, weight=(3, 5)), [], "reads one tensor"),
    (made(ops.Dense, weight=(3, 5)), [(3,), (3,)], "reads one tensor"),
    (made(ops.Dense, weight=(3,), bias=(3,)), [(3,)], "a matrix"),
    (made(ops.Dense, weight=(3, 5), bias=(4,)), [(3,)], "one bias per channel"),
    (made(ops.Dense, weight=(3, 5), bias=(1, 5)), [(3,)], "one bias per channel"),
    (made(ops.Scale, weight=(1,)), [(4, 3)], "one weight per channel"),
    (convolution((3, 2, 5)), [(8, 3)], "2 channels"),
    (convolution((3, 2, 5)), [(8, 8, 2)], "one or two spatial axes"),
    (convolution((2, 5), bias=(5,)), [(2,)], "one or two spatial axes"),
    (convolution((2, 2, 2, 2, 5)), [(4, 4, 4, 2)], "one or two spatial axes"),
    (convolution((3, 2, 5), strides=(1, 1)), [(8, 2)], "1 spatial axes"),
    (convolution((3, 2, 5), padding=()), [(8, 2)], "1 spatial axes"),
    (convolution((3, 2, 5), dilation=(1, 1)), [(8, 2)], "1 spatial axes"),
    (convolution((3, 2, 5), strides=(0,)), [(8, 2)], "positive sizes"),
    (convolution((3, 2, 5), dilation=(0,)), [(8, 2)], "positive sizes"),
    (convolution((3, 2, 5), padding=((-1, 2),)), [(8, 2)], "no negative padding"),
    (convolution((3, 2, 5)), [(2, 2)], "an input larger than the window"),
    (convolution((3, 2, 5), dilation=(2,)), [(4, 2)], "an input larger than the window"),
    (
        made(ops.DepthwiseConvolution, weight=(3, 2, 4), bias=(4,), **window((3,))),
        [(8, 2)],
        "one bias per channel",
    ),
    (pool((2,)), [(4, 4, 1)], "2 spatial axes"),
    (pool(()), [(4,)], "a spatial axis"),
    (pool((2,), padding=((2, 0),)), [(4, 1)], "no window is empty"),
    (pool((5,)), [(4, 1)], "an input larger than the window"),
    (made(ops.Sum, axes=()), [(4, 3)], "each axis once"),
    (made(ops.Sum, axes=(0, 0)), [(4, 3)], "each axis once"),
    (made(ops.Sum, axes=(2,)), [(4, 3)], "axes from 0 to 1"),
    (made(ops.Maximum, axes=(-1,)), [(4, 3)], "axes from 0 to 1"),
    (made(ops.Reshape, shape=(5,)), [(4, 3)], "12 words"),
    (made(ops.Reshape, shape=(-3, -4)), [(4, 3)], "12 words"),
    (made(ops.Reshape, shape=()), [(1,)], "1 words"),
    (made(ops.Permute, axes=(0, 0)), [(4, 3)], "each of 2 axes once"),
    (made(ops.Permute, axes=(1, 2)), [(4, 3)], "each of 2 axes once"),
    (made(ops.Slice, begin=(1, 0), shape=(4, 3)), [(4, 3)], r"a block inside \(4, 3\)"),
    (made(ops.Slice, begin=(-1, 0), shape=(4, 3)), [(4, 3)], "a block inside"),
    (made(ops.Slice, begin=(1, 0), shape=(0, 3)), [(4, 3)], "a block inside"),
    (made(ops.Slice, begin=(1,), shape=(3, 3)), [(4, 3)], "2 axes"),
    (made(ops.ZeroPad, padding=((1, 1),)), [(4, 3, 2)], "2 spatial axes"),
    (made(ops.ZeroPad, padding=((-1, 1),)), [(4, 3)], "no negative padding"),
    (made(ops.Concatenate, axis=0), [(4, 3)], "two tensors or more"),
    (made(ops.Concatenate, axis=0), [(4, 3), (4, 2)], "equal shapes but for axis 0"),
    (made(ops.Concatenate, axis=0), [(4, 3), (4,)], "equal shapes but for axis 0"),
    (made(ops.Concatenate, axis=2), [(4, 3), (4, 3)], "an axis from 0 to 1"),
    (made(ops.Concatenate, axis=-1), [(4, 3), (4, 3)], "an axis from 0 to 1"),
    (made(ops.Add), [(4,)], "two tensors or more"),
    (made(ops.Add), [(4,), (3,)], "equal but for axes of length 1"),
    (made(ops.Subtract), [(4,)] * 3, "two tensors"),
    (made(ops.Multiply), [(4,)] * 3, "two tensors"),
]


@pytest.mark.parametrize(("operation", "sources", "message"), BAD, ids=lambda value: str(value)[:40])
def test_what_does_not_go_together(operation: ops.Operation, sources: list[Shape], message: str) -> None:
    """Protects against tensors that only fit by accident: each mismatch is refused."""
    with pytest.raises(BadShape, match=message):
        shape_after(operation, sources)

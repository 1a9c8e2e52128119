"""Each operation of the graph as alkaid's variables: fully unrolled, one variable per word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trigml.backends.rtl.constants import raised
from trigml.backends.rtl.rounding import requantized
from trigml.backends.rtl.signs import resigned
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray, to_values
from trigml.fixedpoint.words import FloatArray
from trigml.graph import Operation
from trigml.graph import operations as ops
from trigml.graph.ranges import block_of
from trigml.graph.windows import cells_inside, windows_of

MAX_TABLE_BITS = 24
"""alkaid keeps the values of a table in single precision."""


def traced(operation: Operation, sources: Sequence[Any], formats: Sequence[FixedPoint]) -> Any:
    """The operation on alkaid's arrays.

    Args:
        operation: anything but an input, a layer with weights or a quantiser.
        sources: an array of variables per tensor that it reads, in the tensor's shape.
        formats: the formats of these tensors.

    Raises:
        BadInput: the operation has no form here.
    """
    x = sources[0]
    match operation:
        case ops.Relu():
            return np.maximum(x, 0.0)
        case ops.LeakyRelu():
            return np.maximum(x, 0.0) + np.minimum(x, 0.0) * 2.0**-operation.shift
        case ops.Clip():
            lsb = operation.format.lsb
            return np.minimum(np.maximum(x, operation.low * lsb), operation.high * lsb)
        case ops.Table():
            return _looked_up(operation, x, formats[0])
        case ops.MaxPool():
            return _max_pooled(operation, x)
        case ops.AveragePool():
            return _averaged(operation, x)
        case ops.Sum():
            return _reduced(x, operation, lambda a, b: a + b)
        case ops.Maximum():
            return _reduced(x, operation, lambda a, b: a.max_of(b))
        case ops.ArgMax():
            return _argmax(operation, x)
        case ops.Reshape():
            return x.reshape(operation.shape)
        case ops.Permute():
            return x.transpose(operation.axes)
        case ops.Slice():
            return x[block_of(operation)]
        case ops.ZeroPad():
            return _gathered(x, np.pad(_places(x.shape), (*operation.padding, (0, 0)), constant_values=-1))
        case ops.Concatenate():
            return np.concatenate(list(sources), axis=operation.axis)
        case ops.Add():
            return sum(sources[1:], start=x)
        case ops.Subtract():
            return x - sources[1]
        case ops.Multiply():
            return x * sources[1]
    raise BadInput("this operation has no RTL form", where=f"{type(operation).__name__} {operation.name!r}")


@dataclass(frozen=True)
class WeightedSums:
    """Sums of products before their bias, which can still be added together with another constant.

    Attributes:
        products: the sums, in the shape of the result.
        inputs: what was multiplied.
        bias: values that broadcast to the shape.
    """

    products: Any
    inputs: Any
    bias: FloatArray

    @classmethod
    def of(cls, operation: ops.Linear, x: Any) -> WeightedSums:
        """Of a layer and the variables that it reads."""
        bias = to_values(operation.bias, operation.bias_format.fraction)
        return cls(resigned(_products(operation, x), x).reshape(operation.shape), x, bias)

    def plus(self, amounts: FloatArray | float) -> Any:
        """The results of the layer with something added to each."""
        amounts = np.broadcast_to(self.bias + amounts, self.products.shape)
        return raised(self.products, self.inputs, amounts)


def _products(operation: ops.Linear, x: Any) -> Any:
    weight = to_values(operation.weight, operation.weight_format.fraction)
    match operation:
        case ops.Dense():
            return x @ weight
        case ops.Scale():
            return x * weight
        case ops.Convolution():
            cells = _windows(x, operation, weight.shape[:-2], operation.dilation)
            return cells.reshape(-1, weight[..., 0].size) @ weight.reshape(-1, weight.shape[-1])
        case ops.DepthwiseConvolution():
            cells = _windows(x, operation, weight.shape[:-2], operation.dilation)
            cells = cells.reshape(-1, *cells.shape[-2:])  # (positions, cells, channels)
            taps = weight.reshape(-1, *weight.shape[-2:])
            channels = [cells[:, :, c] @ taps[:, c, :] for c in range(cells.shape[-1])]
            return np.concatenate(channels, axis=-1)
    raise BadInput("this operation has no RTL form", where=f"{type(operation).__name__} {operation.name!r}")


def _places(shape: tuple[int, ...]) -> IntArray:
    return np.arange(np.prod(shape), dtype=np.int64).reshape(shape)


def _gathered(x: Any, places: IntArray) -> Any:
    """The variables at flat ``places``; zero where the place is negative."""
    from alkaid.trace import FVArray

    flat = np.asarray(x).ravel()
    zero = type(flat[0]).from_const(0.0, hwconf=x.hwconf)
    chosen = np.array([zero if place < 0 else flat[place] for place in places.ravel()], dtype=object)
    return FVArray(chosen.reshape(places.shape), x.solver_options, hwconf=x.hwconf)


def _windows(
    x: Any,
    operation: ops.Windowed | ops.AveragePool,
    kernel: Sequence[int],
    dilation: Sequence[int] | None = None,
) -> Any:
    places = windows_of(
        _places(x.shape)[None],
        kernel,
        strides=operation.strides,
        padding=operation.padding,
        dilation=dilation,
        fill=-1,
    )
    return _gathered(x, places[0])


def _max_pooled(operation: ops.MaxPool, x: Any) -> Any:
    places = windows_of(
        _places(x.shape)[None], operation.pool, strides=operation.strides, padding=operation.padding, fill=-1
    )[0]
    flat = np.asarray(x).ravel()
    rows = np.moveaxis(places, -2, -1).reshape(-1, places.shape[-2])
    pooled = [_tree([flat[place] for place in row if place >= 0], lambda a, b: a.max_of(b)) for row in rows]
    return _array(pooled, operation.shape, x)


def _averaged(operation: ops.AveragePool, x: Any) -> Any:
    counts = cells_inside(x.shape[:-1], operation.pool, operation.strides, operation.padding)
    if odd := [int(count) for count in np.unique(counts) if count & (count - 1)]:
        raise BadInput(
            "this operation has no RTL form",
            where=f"AveragePool {operation.name!r}",
            expected="means of 2, 4, 8, … values",
            found=f"means of {odd[0]} values",
        )
    cells = _windows(x, operation, operation.pool)
    sums = _array(
        [
            _tree(list(cell), lambda a, b: a + b)
            for cell in np.moveaxis(np.asarray(cells), -2, -1).reshape(-1, cells.shape[-2])
        ],
        operation.shape,
        x,
    )
    means = sums * (1.0 / counts)[..., None]
    return requantized(means, operation.format)


def _reduced(x: Any, operation: ops.Sum | ops.Maximum, combine: Callable[[Any, Any], Any]) -> Any:
    kept = [axis for axis in range(x.ndim) if axis not in operation.axes]
    rows = np.asarray(x).transpose(*kept, *operation.axes)
    rows = rows.reshape(int(np.prod([x.shape[axis] for axis in kept])), -1)
    return _array([_tree(list(row), combine) for row in rows], operation.shape, x)


def _argmax(operation: ops.ArgMax, x: Any) -> Any:
    def better(first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[Any, Any]:
        keeps = first[0] >= second[0]  # of equal words the first one
        return keeps.msb_mux(first[0], second[0]), keeps.msb_mux(first[1], second[1])

    rows = np.asarray(x).reshape(-1, x.shape[-1])
    constant = type(rows.flat[0]).from_const
    found = [
        _tree([(v, constant(float(i), hwconf=x.hwconf)) for i, v in enumerate(row)], better)[1]
        for row in rows
    ]
    return _array(found, operation.shape, x)


def _tree(terms: list[Any], combine: Callable[[Any, Any], Any]) -> Any:
    """Neighbours combined in pairs, in their order, until one is left."""
    while len(terms) > 1:
        pairs = [combine(*terms[i : i + 2]) for i in range(0, len(terms) - 1, 2)]
        terms = pairs + terms[len(pairs) * 2 :]
    return terms[0]


def _array(variables: list[Any], shape: tuple[int, ...], like: Any) -> Any:
    from alkaid.trace import FVArray

    flat = np.empty(len(variables), dtype=object)
    flat[:] = variables
    return FVArray(flat.reshape(shape), like.solver_options, hwconf=like.hwconf)


def _looked_up(operation: ops.Table, x: Any, source: FixedPoint) -> Any:
    if operation.format.width > MAX_TABLE_BITS:
        raise BadInput(
            "this table has no RTL form",
            where=f"Table {operation.name!r}",
            expected=f"values of at most {MAX_TABLE_BITS} bits",
            found=str(operation.format),
        )
    values = to_values(operation.table, operation.format.fraction)

    def entry(variable: Any) -> Any:
        low, high = float(variable.low), float(variable.high)
        first, last = (round(end / source.lsb) - operation.low for end in (low, high))
        # alkaid's interval can be wider than the proven one, as behind a rounding half to even: what the
        # table gets for that is never looked up
        entries = values[np.clip(np.arange(first, last + 1), 0, len(values) - 1)]
        if len(entries) == 1:  # a constant: nothing to look up
            return type(variable).from_const(float(entries[0]), hwconf=x.hwconf)
        return variable.lookup(entries, original_qint=(low, high, source.lsb))

    return _array([entry(variable) for variable in np.asarray(x).ravel()], operation.shape, x)


def port(operation: ops.Input, words: Any) -> Any:
    """An input: its port holds words already."""
    from alkaid.trace.ops import quantize

    format_ = operation.format
    signed = int(format_.signed)
    return quantize(words.reshape(operation.shape), signed, format_.integer - signed, format_.fraction)

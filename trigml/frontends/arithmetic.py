"""Sums, differences and products of tensors; sums, largest words and means over axes; argmax.

As layers (``Add``, ``Subtract``, ``Multiply``), and as TensorFlow functions in a functional model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trigml.frontends.context import Context, Value
from trigml.frontends.keras_calls import Call
from trigml.frontends.pools import mean_over_places
from trigml.frontends.rearranging import concatenated
from trigml.frontends.refusals import refused
from trigml.frontends.softmaxes import append_softmax
from trigml.frontends.weights import constants_of

_USE = "use Add, Subtract, Multiply, Concatenate, tf.reduce_sum, tf.reduce_max, tf.argmax or QKeras layers"


def add_layer(context: Context, call: Call) -> Value:
    """``Add``."""
    return _combined(context, call, context.graph.add)


def subtract_layer(context: Context, call: Call) -> Value:
    """``Subtract``."""
    return _combined(context, call, context.graph.subtract)


def multiply_layer(context: Context, call: Call) -> Value:
    """``Multiply`` of two tensors or more."""
    sources = context.read(call)
    _check_factors(sources)
    _check_ranks(context, sources)
    product = sources[0].tensor
    for number, source in enumerate(sources[1:], start=2):
        last = number == len(sources)
        name = call.name if last else context.network.fresh(f"{call.name}_of_{number}")
        product = context.graph.multiply(name, [product, source.tensor])
    return Value(product)


def _combined(context: Context, call: Call, append: Callable[[str, Sequence[str]], str]) -> Value:
    sources = context.read(call)
    _check_ranks(context, sources)
    tensor = append(call.name, [source.tensor for source in sources])
    return Value(tensor, quantised=all(source.quantised for source in sources))


def _check_factors(sources: Sequence[Value]) -> None:
    if not all(source.quantised for source in sources):
        raise refused(
            "multiplies sums of products that are not quantised",
            "Keras would multiply unrounded sums in float32",
            "put a QActivation('quantized_bits(...)') between the layers",
        )


def _check_ranks(context: Context, sources: Sequence[Value]) -> None:
    # With the event axis, Keras aligns shapes from their ends; a shorter one would meet the events.
    shapes = [context.graph[source.tensor].shape for source in sources]
    if len({len(shape) for shape in shapes}) > 1:
        raise refused(
            f"combines tensors of shapes {' and '.join(map(str, shapes))}",
            "their axes do not stand for the same things",
            "give both the same number of axes, with Reshape",
        )


def function_layer(context: Context, call: Call) -> Value:
    """A TensorFlow function in a functional model (``TFOpLambda``)."""
    function = _FUNCTIONS.get(str(call.layer.symbol))
    if function is None:
        raise refused(f"the function {call.layer.symbol} is not supported", "", _USE)
    return function(context, call)


def _binary(
    layer: Callable[[Context, Call], Value], factor: float, offset_sign: float
) -> Callable[[Context, Call], Value]:
    """Two tensors, or one and a number: then ``y = factor * x + offset_sign * number``."""

    def append(context: Context, call: Call) -> Value:
        if len(call.inputs) == 2:
            return layer(context, call)
        number, tensor_first = _number(call)
        if layer is multiply_layer:
            return _affine(context, call, number, 0.0)
        if tensor_first:
            return _affine(context, call, 1.0, offset_sign * number)
        return _affine(context, call, factor, number)

    return append


def _number(call: Call) -> tuple[float, bool]:
    """The number that a function gets beside its tensor, and whether the tensor comes first."""
    args, kwargs = call.arguments(lambda key: _Tensor())
    operands = [*args, *(value for name, value in kwargs.items() if name in ("x", "y"))][:2]
    numbers = [operand for operand in operands if not isinstance(operand, _Tensor)]
    if len(operands) != 2 or len(numbers) != 1 or np.size(numbers[0]) != 1:
        raise refused(
            "combines a tensor with an array of numbers", "", "use one number, or a QDense with fixed weights"
        )
    value = float(np.asarray(numbers[0], dtype=np.float32).reshape(()))
    return value, isinstance(operands[0], _Tensor)


class _Tensor:
    """Stands for a tensor among the arguments of a call."""


def _affine(context: Context, call: Call, factor: float, offset: float) -> Value:
    source = context.read_one(call)
    for value in (factor, offset):
        mantissa = np.ldexp(np.frexp(value)[0], 12)
        if not np.isfinite(value) or mantissa != np.rint(mantissa):
            raise refused(f"has the number {value!r}", "that is no short binary fraction", "round it first")
    count = context.graph[source.tensor].shape[-1]
    weight, bias = constants_of(np.full(count, factor)), constants_of(np.full(count, offset))
    # A number is no trained weight: the rule about unquantised tensors does not see it.
    return Value(context.graph.scale(call.name, source.tensor, weight, bias), quantised=source.quantised)


def _relu(context: Context, call: Call) -> Value:
    source = context.read_one(call)
    return Value(context.graph.relu(call.name, source.tensor), quantised=source.quantised)


def _softmax(context: Context, call: Call) -> Value:
    axis = _option(call, "axis", 1, -1)
    if axis not in (None, -1, len(call.shapes[0])):
        raise refused(f"is a softmax along axis {axis}", "", "take it along the last axis")
    return append_softmax(context, call, context.read_one(call), call.name)


def softmax_layer(context: Context, call: Call) -> Value:
    """``Softmax`` along the last axis."""
    if call.layer.axis not in (-1, len(call.shapes[0])):
        raise refused(f"is a softmax along axis {call.layer.axis}", "", "take it along the last axis")
    return append_softmax(context, call, context.read_one(call), call.name)


def _sum(context: Context, call: Call) -> Value:
    return _reduced(context, call, context.graph.sum)


def _largest(context: Context, call: Call) -> Value:
    return _reduced(context, call, context.graph.maximum)


def _reduced(context: Context, call: Call, append: Callable[..., str]) -> Value:
    source = context.read_one(call)
    tensor = append(
        call.name, source.tensor, _axes(context, call, source), keep_axes=bool(_option(call, "keepdims", 2))
    )
    return Value(tensor, quantised=source.quantised)


def _mean(context: Context, call: Call) -> Value:
    source = context.read_one(call)
    places = list(range(len(context.graph[source.tensor].shape) - 1))
    if _axes(context, call, source) != places:
        raise refused(
            "averages over other axes than all but the last", "", "use AveragePooling or tf.reduce_sum"
        )
    return mean_over_places(context, call, source, keep=bool(_option(call, "keepdims", 2)))


def _axes(context: Context, call: Call, source: Value) -> list[int]:
    """Axes of a reduction, without the event axis, from 0."""
    given, rank = _option(call, "axis", 1), len(context.graph[source.tensor].shape)
    if given is None:
        raise refused("reduces over the events, too", "", "give the axes, for example axis=1")
    axes = sorted((int(axis) % (rank + 1)) - 1 for axis in np.ravel(given))
    if axes[0] < 0:
        raise refused("reduces over the events", "", "give another axis, for example axis=1")
    return axes


def _option(call: Call, name: str, position: int, default: Any = None) -> Any:
    args, kwargs = call.arguments(lambda key: _Tensor())
    return kwargs.get(name, args[position] if len(args) > position else default)


def _argmax(context: Context, call: Call) -> Value:
    # The logits have their maximum where the softmax behind them has it.
    source = context.values[call.inputs[0]]
    source = source if source.softmax else context.read_one(call)
    rank = len(context.graph[source.tensor].shape)
    if _option(call, "axis", 1) not in (-1, rank):
        raise refused("takes the argmax along another axis than the last", "", "write axis=-1")
    return Value(context.graph.argmax(call.name, source.tensor))


def _concat(context: Context, call: Call) -> Value:
    axis = _option(call, "axis", 1)
    return concatenated(context, call, int(axis))


_FUNCTIONS: dict[str, Callable[[Context, Call], Value]] = {
    "math.add": _binary(add_layer, 1.0, 1.0),
    "__operators__.add": _binary(add_layer, 1.0, 1.0),
    "math.subtract": _binary(subtract_layer, -1.0, -1.0),
    "__operators__.sub": _binary(subtract_layer, -1.0, -1.0),
    "math.multiply": _binary(multiply_layer, 1.0, 0.0),
    "__operators__.mul": _binary(multiply_layer, 1.0, 0.0),
    "math.negative": lambda context, call: _affine(context, call, -1.0, 0.0),
    "math.reduce_sum": _sum,
    "math.reduce_max": _largest,
    "math.reduce_mean": _mean,
    "math.argmax": _argmax,
    "nn.relu": _relu,
    "nn.softmax": _softmax,
    "concat": _concat,
}

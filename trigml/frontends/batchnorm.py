"""Batch normalisation as a factor and an offset per channel, folded into the sums before it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Interval, to_values, to_words
from trigml.frontends.context import Context, Value
from trigml.frontends.keras_calls import Call
from trigml.frontends.options import rounding_half_even
from trigml.frontends.refusals import Reasons, refused
from trigml.frontends.weights import constants_of
from trigml.graph import Constants
from trigml.graph import operations as ops
from trigml.graph.ranges import shifted_left
from trigml.legacy_keras import load

Array = NDArray[np.float64]


def batchnorm_layer(context: Context, call: Call) -> Value:
    """``BatchNormalization`` and ``QBatchNormalization``: ``y = x * factor + offset`` per channel."""
    source, layer = context.read_one(call), call.layer
    shape = context.graph[source.tensor].shape
    axis = [int(entry) for entry in np.ravel(layer.axis)]
    if axis not in ([len(shape)], [-1]):
        raise refused(
            f"normalises along axis {axis[0] if len(axis) == 1 else axis}",
            "factors belong to the channels, which are the last axis",
            "write axis=-1",
        )
    factor, offset = _words(context, call)
    context.batchnorm[id(layer)] = factor, offset
    context.in_float64.append(f"{layer.name}: its batch normalisation is compared as a factor and an offset")
    tensor = _folded(context, call, source, constants_of(factor), constants_of(offset))
    return Value(tensor, quantised=False)


def _words(context: Context, call: Call) -> tuple[Array, Array]:
    """Factor and offset per channel, as they will be: exact, or rounded to the format of the options."""
    gamma, beta, mean, variance = _parameters(call.layer)
    root = np.sqrt(variance + float(call.layer.epsilon))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = gamma / root
        offset = beta - mean * factor
    if not (np.all(np.isfinite(factor)) and np.all(np.isfinite(offset))):
        raise refused("has parameters that are NaN or infinite", "", "train the model again")
    if call.kind == "QBatchNormalization" and _is_exact(call.layer, root, factor, offset):
        return factor, offset
    target = context.options.batchnorm_type
    if target is None:
        raise refused(
            "is a batch normalisation with float factors",
            "gamma / sqrt(variance + epsilon) is no binary fraction",
            "give a format for them (--batchnorm-type 'fixed<16,6>'), or train with QConv2DBatchnorm",
        )
    target = rounding_half_even(target)
    rounded_factor = _rounded("factor", factor, target)
    exact_offset = beta - mean * rounded_factor
    rounded_offset = _rounded("offset", exact_offset, target)
    context.note(
        f"{call.layer.name} ({call.kind}): factors and offsets rounded to {target}: "
        f"a factor changes by at most {_change(factor, rounded_factor, target)}, "
        f"an offset by at most {_change(exact_offset, rounded_offset, target)}"
    )
    return rounded_factor, rounded_offset


def _parameters(layer: Any) -> tuple[Array, Array, Array, Array]:
    """Gamma, beta, mean and variance as the layer uses them at inference, in float64."""
    count = int(layer.moving_mean.shape[0])
    quantised = type(layer).__name__ == "QBatchNormalization"
    values = []
    for name, default in (("gamma", 1.0), ("beta", 0.0), ("moving_mean", 0.0), ("moving_variance", 1.0)):
        variable = getattr(layer, name)
        if variable is None:
            values.append(np.full(count, default))
            continue
        quantiser = getattr(layer, f"{name.removeprefix('moving_')}_quantizer_internal", None)
        tensor = load().tensorflow.convert_to_tensor(variable)
        if quantised and quantiser is not None:
            tensor = quantiser(tensor)
        values.append(np.asarray(tensor.numpy(), dtype=np.float64))
    return values[0], values[1], values[2], values[3]


def _is_exact(layer: Any, root: Array, factor: Array, offset: Array) -> bool:
    """Whether root, factor and offset are the rational numbers that they stand for, not roundings of them."""
    gamma, beta, mean, variance = _parameters(layer)
    columns = np.stack([gamma, beta, mean, variance, root, factor, offset]).T.tolist()
    for g, b, m, v, r, f, o in ([Fraction(value) for value in row] for row in columns):
        if r * r != v + Fraction(float(layer.epsilon)) or g != f * r or o != b - m * f:
            return False
    return True


def _rounded(what: str, values: Array, target: FixedPoint) -> Array:
    beyond = np.argmax(np.abs(values))
    reach = np.rint(np.ldexp(values, target.fraction))
    if reach.min() < target.min_word or reach.max() > target.max_word:
        raise refused(
            f"has {what}s up to {values[beyond]:g}",
            f"that is beyond the range of {target}",
            "give a batchnorm type with more integer bits (--batchnorm-type)",
        )
    return to_values(to_words(values, target), target.fraction)


def _change(before: Array, after: Array, target: FixedPoint) -> str:
    change = np.abs(after - before)
    worst = int(np.argmax(change))
    relative = change[worst] / abs(before[worst]) if before[worst] else 0.0
    return f"{change[worst] / target.lsb:.2f} LSB ({relative:.2%} of it)"


def _folded(context: Context, call: Call, source: Value, factor: Constants, offset: Constants) -> str:
    """Fold factor and offset into the sums before them if nothing else reads these; else a scale."""
    graph = context.graph
    before = graph[source.tensor]
    alone = context.network.only_reader(call.inputs[0]) is call
    read = any(before.name in operation.inputs for operation in graph.operations.values())
    if not isinstance(before, ops.Linear) or not alone or read or source.quantised:
        return graph.scale(call.name, source.tensor, factor, offset)
    # The unfolded form is appended first: it refuses what Keras, which computes that form, cannot compute
    # exactly in float64.
    graph.scale(call.name, source.tensor, factor, offset)
    for name in (call.name, before.name):
        del graph.operations[name], graph.ranges[name]
    weight = _times(before.weight, before.weight_format, _per_weight(before, factor))
    bias = _plus(_times(before.bias, before.bias_format, factor), offset)
    return _again(context, call.name, before, weight, bias)


def _per_weight(operation: ops.Linear, factor: Constants) -> Constants:
    if isinstance(operation, ops.DepthwiseConvolution):
        return replace(factor, words=factor.words.reshape(operation.weight.shape[-2:]))
    return factor


def _again(context: Context, name: str, before: ops.Linear, weight: Constants, bias: Constants) -> str:
    graph, (source,) = context.graph, before.inputs
    match before:
        case ops.Dense():
            return graph.dense(name, source, weight, bias)
        case ops.Scale():
            return graph.scale(name, source, weight, bias)
        case ops.Windowed():
            return graph.convolution(
                name,
                source,
                weight,
                bias,
                strides=before.strides,
                padding=before.padding,
                dilation=before.dilation,
                depthwise=isinstance(before, ops.DepthwiseConvolution),
            )
    raise BadInput("sums that no factor can be folded into", found=type(before).__name__)


def _times(words: NDArray[np.int64], format_: FixedPoint, factor: Constants) -> Constants:
    reasons = Reasons()
    wide = format_.width + factor.format.width > 62
    reasons.expect(
        not wide,
        "makes weights of more than 62 bits",
        f"{format_} times {factor.format}",
        "use a narrower batchnorm type",
    )
    reasons.raise_any()
    return _smallest(words * factor.words, format_.fraction + factor.format.fraction)


def _plus(one: Constants, other: Constants) -> Constants:
    fraction = max(one.format.fraction, other.format.fraction)
    words = shifted_left(one.words, fraction - one.format.fraction) + shifted_left(
        other.words, fraction - other.format.fraction
    )
    return _smallest(words, fraction)


def _smallest(words: NDArray[np.int64], fraction: int) -> Constants:
    """The words with the zeros at their ends left away, in the smallest format."""
    together = int(np.bitwise_or.reduce(np.ravel(words)))
    zeros = (together & -together).bit_length() - 1 if together else fraction
    words, fraction = (words >> zeros, fraction - zeros) if together else (words, 0)
    return Constants(words, Interval(words, words).smallest_format(fraction))

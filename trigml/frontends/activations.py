"""Quantisers and activation functions between layers, as operations of the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trigml.fixedpoint import FixedPoint, IntArray, Overflow, Rounding, to_values
from trigml.frontends.context import Context, Value
from trigml.frontends.keras_calls import Call
from trigml.frontends.quantisers import (
    check_no_scale,
    check_relu,
    common_reasons,
    internal_sigmoid,
    is_quantiser,
    kind_of,
    plain_format,
    quantiser_format,
    upper_bound,
)
from trigml.frontends.refusals import Reasons, refused
from trigml.frontends.weights import constants_of
from trigml.graph import Constants

LONGEST_TABLE = 1 << 16
"""Entries of a table: a function of at most 16 bits."""

_LIMIT_BITS = 16

_SUPPORTED = "use quantized_bits, quantized_relu, quantized_tanh, quantized_sigmoid, binary or ternary"


@dataclass(frozen=True)
class Activation:
    """An activation to be appended to the graph.

    Attributes:
        context: of the conversion.
        source: tensor that it reads.
        name: name of its result.
        quantiser: the QKeras quantiser.
    """

    context: Context
    source: str
    name: str
    quantiser: Any

    @property
    def fraction(self) -> int:
        """Fractional bits of the source."""
        return self.context.graph[self.source].format.fraction

    def internal(self, what: str) -> str:
        """Name of a tensor between source and result."""
        return self.context.network.fresh(f"{self.name}_{what}")


def is_linear(activation: Any) -> bool:
    """Whether a layer's ``activation`` does nothing."""
    return activation is None or _is_function(activation, "linear")


def is_softmax(activation: Any) -> bool:
    """Whether a layer's ``activation`` is a softmax."""
    return _is_function(activation, "softmax", "softmax_v2")


def _is_function(activation: Any, *names: str) -> bool:
    """Whether it is a function of Keras or TensorFlow with one of these names, not one of a user's own."""
    module = str(getattr(activation, "__module__", "")).split(".", maxsplit=1)[0]
    return kind_of(activation) in names and module in ("tf_keras", "keras", "tensorflow")


def activation_reasons(activation: Any) -> Reasons:
    """What is wrong with an activation by itself, whatever it reads."""
    reasons = Reasons()
    if is_linear(activation) or is_softmax(activation) or _is_function(activation, "relu"):
        return reasons
    if is_quantiser(activation):
        reasons.found.extend(common_reasons(activation))
    if is_quantiser(activation) and kind_of(activation) in _HANDLERS:
        reasons.attempt(lambda: _check(activation))
    elif not reasons.found:
        reasons.expect(
            False, f"{kind_of(activation)} is not supported", "its results are no words", _SUPPORTED
        )
    return reasons


def _check(quantiser: Any) -> None:
    kind = kind_of(quantiser)
    if kind in ("quantized_bits", "quantized_hswish"):
        check_no_scale(quantiser)
    if kind == "quantized_relu":
        check_relu(quantiser)
    if kind in ("binary", "stochastic_binary", "ternary", "stochastic_ternary"):
        alpha = quantiser.alpha
        if alpha is None or isinstance(alpha, str) or np.size(alpha) != 1:
            raise refused(
                f"{kind} has alpha={alpha!r}",
                "an activation is then mixed with tanh(x), or scaled by the batch of events",
                "write alpha=1",
            )
        constants_of(np.float64(np.float32(alpha)).reshape(1))


def append_activation(context: Context, call: Call, source: Value, activation: Any, name: str) -> Value:
    """Append the operations of an activation; its result is called ``name``.

    Raises:
        Refused: it has no exact form, or not behind this tensor.
    """
    reasons = activation_reasons(activation)
    reasons.raise_any()
    if is_softmax(activation):
        from trigml.frontends.softmaxes import append_softmax

        return append_softmax(context, call, source, name)
    if _is_function(activation, "relu"):
        return Value(context.graph.relu(name, source.tensor), quantised=source.quantised)
    if source.mean is not None:
        return _fused_mean(context, source, activation, name)
    append = _HANDLERS[kind_of(activation)]
    append(Activation(context, source.tensor, name, activation))
    return Value(name)


def _fused_mean(context: Context, source: Value, quantiser: Any, name: str) -> Value:
    mean, graph = source.mean, context.graph
    assert mean is not None
    # An unsigned format saturates at zero, as the ReLU before the rounding does.
    pooled = graph.average_pool(
        context.network.fresh(f"{name}_mean") if mean.flat else name,
        mean.tensor,
        mean.window.pool,
        strides=mean.window.strides,
        padding=mean.window.padding,
        format_=quantiser_format(quantiser),
    )
    return Value(graph.reshape(name, pooled, graph[pooled].shape[-1:]) if mean.flat else pooled)


def _bits(a: Activation) -> None:
    if int(a.quantiser.bits) - bool(a.quantiser.keep_negative) < 1:
        _sign(a, low=-1, high=1)
        return
    a.context.graph.quantize(a.name, a.source, plain_format(a.quantiser))


def _relu(a: Activation) -> None:
    """``quantized_relu`` with its options.

    A negative slope ``2**-s`` at ``n`` bits, one of them the sign: below zero the value times the slope is
    rounded, and limited to ``-2**(integer-s)``.
    """
    graph, slope, bound = a.context.graph, float(a.quantiser.negative_slope), upper_bound(a.quantiser)
    bits, integer = int(a.quantiser.bits), int(a.quantiser.integer)
    if slope == 0.0:
        target = FixedPoint(False, bits, integer, Rounding.RND_CONV, Overflow.SAT)
        rounded = a.name if bound is None else a.internal("rounded")
        graph.quantize(rounded, graph.relu(a.internal("positive"), a.source), target)
        if bound is not None:
            graph.clip(a.name, rounded, 0, _bound_word(bound, target))
        return
    shift = int(-np.log2(slope))
    if shift < 0 or shift > bits - 1:
        raise refused(
            f"quantized_relu has a negative slope of {slope}",
            "only slopes from one bit of the result to 1 are whole steps of its format",
            f"use a power of two from {2.0 ** (1 - bits)} to 1",
        )
    target = FixedPoint(True, bits, integer + 1, Rounding.RND_CONV, Overflow.SAT)
    high = target.max_word if bound is None else _bound_word(bound, target)
    leaky = graph.leaky_relu(a.internal("leaky"), a.source, shift)
    rounded = graph.quantize(a.internal("rounded"), leaky, target)
    graph.clip(a.name, rounded, -(1 << (bits - 1 - shift)), high)


def _bound_word(bound: float, target: FixedPoint) -> int:
    word = np.ldexp(bound, target.fraction)
    if word != np.rint(word):
        raise refused(
            f"quantized_relu is limited at {bound}",
            f"that is no multiple of its LSB of {target.lsb}",
            f"use relu_upper_bound={float(np.rint(word)) * target.lsb}",
        )
    return int(word)


def _tanh(a: Activation) -> None:
    """Hard: ``2 * clip(x/2 + 1/2, 0, 1) - 1`` is x limited to ±1; the format limits it anyway."""
    sigmoid = internal_sigmoid()
    if a.quantiser.use_real_tanh or sigmoid == "real":
        _tabulated(a)
        return
    overflow = Overflow.SAT_SYM if a.quantiser.symmetric else Overflow.SAT
    source = a.source
    if sigmoid == "smooth":  # 2 * (3/16 x + 1/2) - 1
        source = _affine(a, factor=0.375, offset=0.0)
    bits = int(a.quantiser.bits)
    a.context.graph.quantize(a.name, source, FixedPoint(True, bits, 1, Rounding.RND_CONV, overflow))


def _sigmoid(a: Activation) -> None:
    """Hard: ``clip(x/2 + 1/2, 0, 1)``, rounded; symmetric: without the word 0."""
    sigmoid = internal_sigmoid()
    if a.quantiser.use_real_sigmoid or sigmoid == "real":
        _tabulated(a)
        return
    graph, bits = a.context.graph, int(a.quantiser.bits)
    shifted = _affine(a, factor=0.5 if sigmoid == "hard" else 0.1875, offset=0.5)
    target = FixedPoint(False, bits, 0, Rounding.RND_CONV, Overflow.SAT)
    if not a.quantiser.symmetric:
        graph.quantize(a.name, shifted, target)
        return
    rounded = graph.quantize(a.internal("rounded"), shifted, target)
    graph.clip(a.name, rounded, 1, target.max_word)


def _affine(a: Activation, *, factor: float, offset: float) -> str:
    channels = a.context.graph[a.source].shape[-1]
    return a.context.graph.scale(
        a.internal("shifted"),
        a.source,
        constants_of(np.full(channels, factor)),
        constants_of(np.full(channels, offset)),
    )


def _binary(a: Activation) -> None:
    alpha = float(np.float32(a.quantiser.alpha))
    _sign(a, low=0.0 if getattr(a.quantiser, "use_01", False) else -alpha, high=alpha)


def _sign(a: Activation, *, low: float, high: float) -> None:
    """``high`` where x >= 0, else ``low``: words are limited to -1 … 0, and looked up."""
    graph = a.context.graph
    negative = graph.clip(a.internal("negative"), a.source, -1, 0)
    values = constants_of(np.array([low, high]))
    graph.table(a.name, negative, -1, values.words, values.format)


def _ternary(a: Activation) -> None:
    """``alpha * sign(x)`` where ``abs(x)`` reaches the threshold, else 0."""
    threshold = a.quantiser.threshold
    threshold = float(np.float32(a.quantiser.default_threshold if threshold is None else threshold))
    reach = int(np.ceil(np.ldexp(threshold, a.fraction)))
    alpha = float(np.float32(a.quantiser.alpha))
    if not 0 < 2 * reach < LONGEST_TABLE:
        raise refused(
            f"ternary compares with {threshold} a tensor of {a.fraction} fractional bits",
            f"the table for it would have {2 * reach + 1} entries",
            "put a QActivation('quantized_bits(...)') before it",
        )
    graph = a.context.graph
    near = graph.clip(a.internal("near"), a.source, -reach, reach)
    signs = np.zeros(2 * reach + 1)
    signs[0], signs[-1] = -alpha, alpha
    values = constants_of(signs)
    graph.table(a.name, near, -reach, values.words, values.format)


def _tabulated(a: Activation) -> None:
    """Any other function of one narrow word: a table of what QKeras' own formula gives in float64.

    In float32 the real functions depend on where in a vector a value stands (TensorFlow's sigmoid does);
    in float64 an error could only matter within 1e-15 of a tie.
    """
    from trigml.frontends.float_types import quantised_exactly

    graph = a.context.graph
    low, high = graph.ranges[a.source].bounds
    if high - low >= LONGEST_TABLE:
        raise refused(
            f"{kind_of(a.quantiser)} of a tensor with {graph[a.source].format.width} bits",
            f"a table for the {high - low + 1} words that can occur is too long",
            "put a QActivation('quantized_bits(...)') of at most 16 bits before it",
        )
    words: IntArray = np.arange(low, high + 1, dtype=np.int64)
    values = constants_of(quantised_exactly(a.quantiser, to_values(words, a.fraction)))
    graph.table(a.name, a.source, low, values.words, values.format)


_HANDLERS: dict[str, Callable[[Activation], None]] = {
    "quantized_bits": _bits,
    "quantized_relu": _relu,
    "quantized_tanh": _tanh,
    "quantized_sigmoid": _sigmoid,
    "binary": _binary,
    "stochastic_binary": _binary,
    "ternary": _ternary,
    "stochastic_ternary": _ternary,
    "quantized_po2": _tabulated,
    "quantized_relu_po2": _tabulated,
    "quantized_hswish": _tabulated,
}


def activation_layer(context: Context, call: Call) -> Value:
    """``QActivation`` and ``Activation``."""
    layer = call.layer
    function = layer.quantizer if call.kind == "QActivation" else layer.activation
    if call in context.input_quantisers:
        return replace(context.values[call.inputs[0]], raw=False)
    source = context.read_one(call)
    if is_linear(function):
        return source
    return append_activation(context, call, source, function, call.name)


def relu_layer(context: Context, call: Call) -> Value:
    """``ReLU`` with its options."""
    layer, graph, source = call.layer, context.graph, context.read_one(call)
    reasons = Reasons()
    slope = float(layer.negative_slope)
    reasons.expect(float(layer.threshold) == 0, "ReLU with a threshold is not supported", "", "leave it at 0")
    reasons.expect(_is_slope(slope), *_slope_reason("ReLU", slope, "negative_slope"))
    limit = None if layer.max_value is None else constants_of(np.array([np.float32(layer.max_value)]))
    reasons.expect(
        limit is None or limit.format.width <= _LIMIT_BITS,
        f"ReLU is limited at {layer.max_value}",
        "that is no short binary fraction",
        "use another max_value",
    )
    reasons.raise_any()
    if limit is None:
        return _leaky(context, source, slope, call.name)
    bent = _leaky(context, source, slope, context.network.fresh(f"{call.name}_unlimited"))
    fine = _refined(context, bent.tensor, limit.format.fraction, f"{call.name}_finer")
    high = int(limit.words[0]) << (graph[fine].format.fraction - limit.format.fraction)
    low = min(graph.ranges[fine].bounds[0], high)
    return Value(graph.clip(call.name, fine, low, high), quantised=source.quantised)


def _refined(context: Context, tensor: str, fraction: int, name: str) -> str:
    """The same values with at least so many fractional bits."""
    graph = context.graph
    finer = fraction - graph[tensor].format.fraction
    if finer <= 0:
        return tensor
    ones = np.full(graph[tensor].shape[-1], 1 << finer, dtype=np.int64)
    one = Constants(ones, FixedPoint(False, finer + 1, 1))
    return graph.scale(context.network.fresh(name), tensor, one)


def leaky_relu_layer(context: Context, call: Call) -> Value:
    """``LeakyReLU`` with a slope that is a power of two."""
    slope = float(call.layer.alpha)
    source = context.read_one(call)
    reasons = Reasons()
    reasons.expect(_is_slope(slope), *_slope_reason("LeakyReLU", slope, "alpha"))
    reasons.raise_any()
    return _leaky(context, source, slope, call.name)


def _leaky(context: Context, source: Value, slope: float, name: str) -> Value:
    if slope == 0.0:
        tensor = context.graph.relu(name, source.tensor)
    else:
        tensor = context.graph.leaky_relu(name, source.tensor, int(-np.log2(slope)))
    return Value(tensor, quantised=source.quantised)


def _is_slope(slope: float) -> bool:
    return slope == 0.0 or (2.0**-20 <= slope <= 1.0 and float(np.log2(slope)).is_integer())


def _slope_reason(kind: str, slope: float, option: str) -> tuple[str, str, str]:
    return (
        f"{kind} has a slope of {slope:g} below zero",
        "only a power of two up to 1 is a shift",
        f"write {option}=0.25 or another power of two",
    )

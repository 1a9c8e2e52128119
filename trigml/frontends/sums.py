"""Layers that are sums of products with quantised weights: dense, convolutions and their kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trigml.frontends.activations import activation_reasons, append_activation, is_linear, is_softmax
from trigml.frontends.context import Context, Installed, Value
from trigml.frontends.keras_calls import Call
from trigml.frontends.options import Softmax
from trigml.frontends.refusals import Reasons, Refused
from trigml.frontends.weights import Weights, quantised_weights
from trigml.graph import Constants
from trigml.graph.operations import Padding
from trigml.graph.windows import same_padding

_UNQUANTISED = (
    "its input is not quantised: it is a sum of products",
    "Keras would multiply unrounded sums in float32",
    "put a QActivation('quantized_bits(8,3,alpha=1)') or quantized_relu between the layers",
)


def check_products(context: Context, call: Call, reasons: Reasons) -> Value | None:
    """The tensor that a layer multiplies; a reason if no quantiser has rounded it."""
    source = reasons.attempt(lambda: context.read_one(call))
    if source is not None:
        reasons.expect(source.quantised, *_UNQUANTISED)
    return source


@dataclass(frozen=True)
class _Parameters:
    """Names of a layer's parameters: the weights, their quantisers; the bias is called alike everywhere."""

    weights: tuple[str, ...]

    def read(self, layer: Any, reasons: Reasons) -> dict[str, Weights]:
        """The quantised parameters that can be read; reasons for the others."""
        found = {}
        for name in (*self.weights, "bias"):
            if name == "bias" and not layer.use_bias:
                continue
            what = name.removesuffix("_kernel")
            read = reasons.attempt(lambda name=name, what=what: _read(layer, name, what))  # type: ignore[misc]
            if read is not None:
                found[name] = read
        return found


def _read(layer: Any, name: str, what: str) -> Weights:
    given = getattr(layer, f"{what}_quantizer", None)
    quantiser = getattr(layer, f"{what}_quantizer_internal", None) if given else None
    values = _variable(layer, name)
    if type(layer).__name__ == "QSeparableConv1D" and name != "bias":
        weights = quantised_weights(what, values[None], quantiser, given)
        return replace(weights, values=weights.values[0])
    return quantised_weights(what, values, quantiser, given)


def _variable(layer: Any, name: str) -> Any:
    variable = getattr(layer, name)
    return np.asarray(variable.numpy() if hasattr(variable, "numpy") else variable)


Append = Callable[[str, str, Mapping[str, Constants]], str]
"""Appends the operations of a layer: name, source, parameters; the name of the sums."""


def _sum_layer(
    context: Context,
    call: Call,
    read: Callable[[Reasons], dict[str, Weights]],
    append: Append,
    reasons: Reasons,
) -> Value:
    """What all layers of this module do: read the parameters, append the sums and the activation."""
    layer = call.layer
    source = check_products(context, call, reasons)
    parameters = read(reasons)
    activation = getattr(layer, "activation", None)
    reasons.found.extend(activation_reasons(activation).found)
    if reasons.found or source is None:
        raise Refused(*reasons.found)
    context.installed[id(layer)] = Installed(
        {name: weights.values for name, weights in parameters.items()},
        noisy=any(weights.noisy for weights in parameters.values()),
    )
    left_away = is_softmax(activation) and context.options.softmax is Softmax.LOGITS
    name = call.name if is_linear(activation) or left_away else context.network.fresh(f"{call.name}_sum")
    constants = {name: weights.constants for name, weights in parameters.items()}
    sums = Value(append(name, source.tensor, constants), quantised=False)
    return sums if is_linear(activation) else append_activation(context, call, sums, activation, call.name)


def dense_layer(context: Context, call: Call) -> Value:
    """``QDense``, also along the last axis of more axes."""

    def append(name: str, source: str, constants: Mapping[str, Constants]) -> str:
        return context.graph.dense(name, source, constants["kernel"], constants.get("bias"))

    layer = call.layer
    return _sum_layer(context, call, lambda r: _Parameters(("kernel",)).read(layer, r), append, Reasons())


def convolution_layer(context: Context, call: Call) -> Value:
    """``QConv1D``, ``QConv2D``."""
    return _convolution(context, call, _Parameters(("kernel",)), depthwise=False)


def depthwise_layer(context: Context, call: Call) -> Value:
    """``QDepthwiseConv2D``."""
    return _convolution(context, call, _Parameters(("depthwise_kernel",)), depthwise=True)


def _convolution(context: Context, call: Call, parameters: _Parameters, *, depthwise: bool) -> Value:
    (kernel,) = parameters.weights

    def append(name: str, source: str, constants: Mapping[str, Constants]) -> str:
        return context.graph.convolution(
            name,
            source,
            constants[kernel],
            constants.get("bias"),
            depthwise=depthwise,
            **_window(context, call, source),
        )

    reasons = _option_reasons(call.layer)
    return _sum_layer(context, call, lambda r: parameters.read(call.layer, r), append, reasons)


def separable_layer(context: Context, call: Call) -> Value:
    """``QSeparableConv1D``, ``QSeparableConv2D``: depthwise, then pointwise on the unrounded sums."""

    def append(name: str, source: str, constants: Mapping[str, Constants]) -> str:
        spatial = context.graph.convolution(
            context.network.fresh(f"{name}_depthwise"),
            source,
            constants["depthwise_kernel"],
            depthwise=True,
            **_window(context, call, source),
        )
        pointwise = constants["pointwise_kernel"]
        matrix = pointwise.words.reshape(pointwise.words.shape[-2:])
        bias = constants.get("bias")
        return context.graph.dense(name, spatial, Constants(matrix, pointwise.format), bias)

    parameters = _Parameters(("depthwise_kernel", "pointwise_kernel"))
    reasons = _option_reasons(call.layer)
    return _sum_layer(context, call, lambda r: parameters.read(call.layer, r), append, reasons)


def folded_convolution_layer(context: Context, call: Call) -> Value:
    """``QConv2DBatchnorm``, ``QDepthwiseConv2DBatchnorm``: QKeras quantises what it has folded in float32."""
    layer = call.layer
    depthwise = call.kind == "QDepthwiseConv2DBatchnorm"
    kernel = "depthwise_kernel" if depthwise else "kernel"
    what = kernel.removesuffix("_kernel")

    def read(reasons: Reasons) -> dict[str, Weights]:
        folded = [np.asarray(values) for values in layer.get_folded_weights()]
        found = {}
        for name, whose, values in zip((kernel, "bias"), (what, "bias"), folded, strict=True):
            quantiser = getattr(layer, f"{whose}_quantizer_internal")
            given = getattr(layer, f"{whose}_quantizer")
            weights = reasons.attempt(
                lambda whose=whose, v=values, q=quantiser, g=given: quantised_weights(whose, v, q, g)  # type: ignore[misc]
            )
            if weights is not None:
                found[name] = weights
        return found

    def append(name: str, source: str, constants: Mapping[str, Constants]) -> str:
        window = _window(context, call, source)
        weight, bias = constants[kernel], constants["bias"]
        return context.graph.convolution(name, source, weight, bias, depthwise=depthwise, **window)

    return _sum_layer(context, call, read, append, _option_reasons(layer))


def _option_reasons(layer: Any) -> Reasons:
    reasons = Reasons()
    channels_last = layer.data_format == "channels_last"
    reasons.expect(
        channels_last,
        "has its channels first",
        "the last axis is that of the channels here",
        "use data_format='channels_last', and a Permute layer after the input if needed",
    )
    groups = int(getattr(layer, "groups", 1))
    depthwise = hasattr(layer, "depth_multiplier")
    reasons.expect(
        groups == 1 or depthwise, f"has {groups} groups", "", "use QDepthwiseConv2D, or one layer per group"
    )
    return reasons


def _window(context: Context, call: Call, source: str) -> dict[str, Any]:
    """Strides, padding and dilation of a convolution."""
    layer = call.layer
    kernel, strides, dilation = _tuple(layer.kernel_size), _tuple(layer.strides), _tuple(layer.dilation_rate)
    size = context.graph[source].shape[:-1]
    if len(size) != len(kernel):
        reasons = Reasons()
        reasons.expect(
            False,
            f"reads a tensor of shape {context.graph[source].shape}",
            f"it has {len(kernel)} spatial axes",
            "put a Reshape before it",
        )
        reasons.raise_any()
    padding: Padding = ((0, 0),) * len(kernel)
    if layer.padding.lower() == "same":
        padding = same_padding(size, kernel, strides, dilation)
    elif layer.padding.lower() == "causal":
        padding = ((dilation[0] * (kernel[0] - 1), 0),)
    return {"strides": strides, "padding": padding, "dilation": dilation}


def _tuple(value: Any) -> tuple[int, ...]:
    return (int(value),) if isinstance(value, int) else tuple(int(entry) for entry in value)

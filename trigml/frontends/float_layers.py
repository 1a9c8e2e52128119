"""One call of a Keras layer as a function of tensors, in the float type in which it is exact.

In float32 that is the layer itself. In float64 it is the layer's own ``call`` on a twin of the layer: the
weights are the words that its quantisers made in float32, and the quantisers of the weights are gone, so
that no scale can come out differently. In either type, a batch normalisation is the factor and the offset
that the graph has, and a softmax that the graph leaves away is the identity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from trigml.frontends.activations import is_softmax
from trigml.frontends.context import Context
from trigml.frontends.float_types import in_float64
from trigml.frontends.keras_calls import Call
from trigml.legacy_keras import load

Function = Callable[..., Any]


def function_of(context: Context, call: Call, float_type: str) -> Function | None:
    """What a call computes, up to a softmax that the graph has as tables; ``None`` if nothing is before it.

    Args:
        context: of the finished conversion.
        call: one of its calls.
        float_type: ``float32`` or ``float64``.
    """
    if _is_softmax(call):
        return _without_softmax(context, call, float_type)
    if id(call.layer) in context.batchnorm:
        return _affine(context, call)
    if getattr(call.layer, "average_quantizer", None):
        return _summed_average(context, call)
    if float_type == "float32":
        layer: Function = call.layer
        return layer
    return _twin(context, call)


def _is_softmax(call: Call) -> bool:
    if call.kind == "TFOpLambda":
        return str(call.layer.symbol) == "nn.softmax"
    return call.kind == "Softmax" or is_softmax(_activation(call))


def _activation(call: Call) -> Any:
    return getattr(call.layer, "quantizer" if call.kind == "QActivation" else "activation", None)


def _without_softmax(context: Context, call: Call, float_type: str) -> Function | None:
    if id(call.layer) in context.installed:
        return _twin(context, call, float_type)
    return None if call in context.logits else lambda x, *_, **__: x


def _affine(context: Context, call: Call) -> Function:
    factor, offset = context.batchnorm[id(call.layer)]
    return lambda x, *_, **__: x * factor + offset


def _summed_average(context: Context, call: Call) -> Function:
    """``QAveragePooling2D`` and its global kin with an ``average_quantizer``.

    QKeras takes the mean and multiplies it with the area again, which need not give the sum back: in
    float64 ``1 / 49 * 49`` is not 1. Here the sum is one of integers, as it is meant.
    """
    layer, tensorflow = call.layer, load().tensorflow
    mean = _call_of(type(layer).__mro__[1], layer)
    steps = 2.0 ** context.graph[context.values[call.inputs[0]].tensor].format.fraction

    def average(x: Any) -> Any:
        area = int(np.prod(layer.pool_size)) if hasattr(layer, "pool_size") else x.shape[1] * x.shape[2]
        inverse = layer.average_quantizer_internal(tensorflow.constant([1.0 / area], dtype="float32"))
        total = tensorflow.round(mean(x) * area * steps) / steps
        result = total * tensorflow.cast(inverse, x.dtype)
        return result if layer.activation is None else in_float64(layer.activation)(result)

    return average


def _twin(context: Context, call: Call, float_type: str = "float64") -> Function:
    """The layer's ``call`` on a copy whose parameters are words."""
    layer, tensorflow = call.layer, load().tensorflow
    if call.kind == "TFOpLambda":
        return _function_in_float64(layer.function)
    if call.kind == "QActivation":
        return _one_argument(in_float64(layer.quantizer))
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    activation = getattr(layer, "activation", None)
    if activation is not None:
        twin.__dict__["activation"] = None if is_softmax(activation) else in_float64(activation)
    installed = context.installed.get(id(layer))
    if installed is None:
        return _one_argument(_call_of(type(layer), twin))
    for name, values in installed.values.items():
        twin.__dict__[name] = tensorflow.constant(values, dtype=float_type)
    for name in ("kernel", "depthwise", "pointwise", "bias"):
        for suffix in ("quantizer", "quantizer_internal"):
            if f"{name}_{suffix}" in twin.__dict__:
                twin.__dict__[f"{name}_{suffix}"] = None
    kind = type(layer)
    if call.kind in ("QConv2DBatchnorm", "QDepthwiseConv2DBatchnorm"):
        twin.__dict__["use_bias"] = True
        kind = kind.__mro__[1]  # the convolution, with what was folded into it
    return _one_argument(_call_of(kind, twin))


def _call_of(kind: Any, layer: Any) -> Function:
    """The ``call`` of a class of layers, on a layer; without what Keras does around it (casts to float32)."""
    method: Function = kind.call.__get__(layer)
    return method


def _one_argument(function: Function) -> Function:
    """Of a layer's arguments only its tensors count; ``training`` and ``mask`` do nothing at inference."""
    return lambda x, *_, **__: function(x)


def _function_in_float64(function: Function) -> Function:
    tensorflow = load().tensorflow

    def cast(value: Any) -> Any:
        is_float = isinstance(value, tensorflow.Tensor | np.ndarray) and value.dtype == "float32"
        return tensorflow.cast(value, "float64") if is_float else value

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(
            *tensorflow.nest.map_structure(cast, args), **tensorflow.nest.map_structure(cast, kwargs)
        )

    return call

"""Pooling layers: largest word, mean or sum of windows, or over all places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trigml.fixedpoint import IntArray
from trigml.frontends.activations import activation_reasons, append_activation, is_linear
from trigml.frontends.context import Context, Mean, Value, Window
from trigml.frontends.keras_calls import Call
from trigml.frontends.quantisers import is_quantiser, kind_of, quantiser_format
from trigml.frontends.refusals import Reasons, Refused, refused
from trigml.frontends.weights import quantised_weights
from trigml.graph import Constants
from trigml.graph.network import words_in
from trigml.graph.operations import Padding
from trigml.graph.windows import cells_inside, same_padding


def max_pool_layer(context: Context, call: Call) -> Value:
    """``MaxPooling1D``, ``MaxPooling2D``."""
    source = context.read_one(call)
    window = _window(context, call, source)
    tensor = context.graph.max_pool(
        call.name, source.tensor, window.pool, strides=window.strides, padding=window.padding
    )
    return replace(source, tensor=tensor)


def average_pool_layer(context: Context, call: Call) -> Value:
    """``AveragePooling1D``, ``AveragePooling2D``, ``QAveragePooling2D``."""
    source = context.read_one(call)
    return _averaged(context, call, source, _window(context, call, source))


def global_max_pool_layer(context: Context, call: Call) -> Value:
    """``GlobalMaxPooling1D``, ``GlobalMaxPooling2D``."""
    source = context.read_one(call)
    _check_channels_last(call)
    axes = range(len(context.graph[source.tensor].shape) - 1)
    keep = bool(getattr(call.layer, "keepdims", False))
    tensor = context.graph.maximum(call.name, source.tensor, list(axes), keep_axes=keep)
    return replace(source, tensor=tensor)


def global_average_pool_layer(context: Context, call: Call) -> Value:
    """``GlobalAveragePooling1D``, ``GlobalAveragePooling2D``, ``QGlobalAveragePooling2D``."""
    _check_channels_last(call)
    return mean_over_places(
        context, call, context.read_one(call), keep=bool(getattr(call.layer, "keepdims", False))
    )


def mean_over_places(context: Context, call: Call, source: Value, *, keep: bool) -> Value:
    """Mean over all axes but the last."""
    size = context.graph[source.tensor].shape[:-1]
    if not 1 <= len(size) <= 2:
        raise refused(f"averages over {len(size)} axes", "", "average over one or two axes")
    window = Window(size, size, ((0, 0),) * len(size))
    return _averaged(context, call, source, window, flat=not keep)


def _averaged(context: Context, call: Call, source: Value, window: Window, *, flat: bool = False) -> Value:
    layer, graph = call.layer, context.graph
    activation = getattr(layer, "activation", None) if call.kind.startswith("Q") else None
    reasons = activation_reasons(activation)
    if getattr(layer, "average_quantizer", None):
        weight = reasons.attempt(lambda: _average_weight(context, call, source, window))
        if weight is None or reasons.found:
            raise Refused(*reasons.found)
        name = context.network.fresh(f"{call.name}_sum") if flat or not is_linear(activation) else call.name
        tensor = graph.convolution(
            name, source.tensor, weight, strides=window.strides, padding=window.padding, depthwise=True
        )
        context.in_float64.append(f"{layer.name}: QKeras divides by the count and multiplies with it again")
        return _finished(context, call, Value(tensor, quantised=False), activation, flat=flat)
    reasons.raise_any()
    counts = _counts(context, source, window)
    if not np.any(counts & (counts - 1)):
        name = context.network.fresh(f"{call.name}_mean") if flat or not is_linear(activation) else call.name
        tensor = graph.average_pool(
            name, source.tensor, window.pool, strides=window.strides, padding=window.padding
        )
        return _finished(context, call, replace(source, tensor=tensor), activation, flat=flat)
    mean = Value(source.tensor, mean=Mean(source.tensor, window, flat))
    if is_linear(activation):
        _check_quantiser_behind(context, call, counts)
        return mean
    if kind_of(activation) not in ("quantized_bits", "quantized_relu") or not is_quantiser(activation):
        raise _no_finite_mean(counts)
    return append_activation(context, call, mean, activation, call.name)


def _finished(context: Context, call: Call, value: Value, activation: Any, *, flat: bool) -> Value:
    """Leave the pooled axes of length 1 away if the layer does, and append its activation."""
    if flat:
        linear = is_linear(activation)
        name = call.name if linear else context.network.fresh(f"{call.name}_flat")
        channels = context.graph[value.tensor].shape[-1]
        value = replace(value, tensor=context.graph.reshape(name, value.tensor, (channels,)))
    return value if is_linear(activation) else append_activation(context, call, value, activation, call.name)


def _average_weight(context: Context, call: Call, source: Value, window: Window) -> Constants:
    """One quantised ``1/area`` per cell of the window: the mean is the sum times that."""
    layer = call.layer
    area, counts = words_in(window.pool), _counts(context, source, window)
    reasons = Reasons()
    reasons.expect(source.quantised, "its input is not quantised", "", "put a QActivation before it")
    reasons.expect(
        bool(np.all(counts == area)),
        "pads its windows",
        "QKeras multiplies the mean of the cells inside with the area of the whole window",
        "use padding='valid'",
    )
    inverse = np.full((1,), 1.0 / area, dtype=np.float32)
    weight = reasons.attempt(
        lambda: quantised_weights(
            "average", inverse, layer.average_quantizer_internal, layer.average_quantizer
        )
    )
    if weight is None or reasons.found:
        raise Refused(*reasons.found)
    constants = weight.constants
    shape = (*window.pool, context.graph[source.tensor].shape[-1], 1)
    return replace(constants, words=np.full(shape, constants.words[0], dtype=np.int64))


def _counts(context: Context, source: Value, window: Window) -> IntArray:
    """Cells of the input in each window."""
    size = context.graph[source.tensor].shape[:-1]
    return cells_inside(size, window.pool, window.strides, window.padding)


def _check_quantiser_behind(context: Context, call: Call, counts: IntArray) -> None:
    key = call.outputs[0]
    readers = context.network.readers(key)
    behind = readers and all(
        reader.kind == "QActivation"
        and kind_of(reader.layer.quantizer) in ("quantized_bits", "quantized_relu")
        for reader in readers
    )
    if not behind or key in context.network.outputs:
        raise _no_finite_mean(counts)
    for reader in readers:
        quantiser_format(reader.layer.quantizer)


def _no_finite_mean(counts: IntArray) -> Refused:
    odd = next(int(count) for count in np.unique(counts) if count & (count - 1))
    return refused(
        f"makes the mean of {odd} values",
        "it has no finite binary form",
        "put QActivation('quantized_bits(...)') directly behind it",
    )


def _window(context: Context, call: Call, source: Value) -> Window:
    layer = call.layer
    _check_channels_last(call)
    size = context.graph[source.tensor].shape[:-1]
    pool, strides = _tuple(layer.pool_size), _tuple(layer.strides)
    if len(pool) != len(size):
        raise refused(f"reads a tensor with {len(size)} spatial axes", f"it has {len(pool)}", "use Reshape")
    padding: Padding = ((0, 0),) * len(pool)
    if layer.padding.lower() == "same":
        padding = same_padding(size, pool, strides)
    return Window(pool, strides, padding)


def _check_channels_last(call: Call) -> None:
    if call.layer.data_format != "channels_last":
        raise refused(
            "has its channels first",
            "the last axis is that of the channels here",
            "use data_format='channels_last'",
        )


def _tuple(value: int | Sequence[int]) -> tuple[int, ...]:
    return (int(value),) if isinstance(value, int) else tuple(int(entry) for entry in value)

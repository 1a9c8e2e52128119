"""Layers that only move words: flatten, reshape, permute, crop, pad, concatenate; and identities."""

from __future__ import annotations

from dataclasses import replace

from trigml.frontends.context import Context, Value
from trigml.frontends.keras_calls import Call
from trigml.frontends.refusals import refused


def identity_layer(context: Context, call: Call) -> Value:
    """``Dropout`` and its kin, which do nothing at inference; a softmax may still be left away behind it."""
    if call.node.call_kwargs.get("training"):
        raise refused("is told to act at inference, too", "it is random", "leave training=True away")
    return context.values[call.inputs[0]]


def reshape_layer(context: Context, call: Call) -> Value:
    """``Flatten``, ``Reshape``."""
    source = context.read_one(call)
    if getattr(call.layer, "data_format", "channels_last") != "channels_last":
        raise refused(
            "flattens with its channels first",
            "the last axis is that of the channels here",
            "use data_format='channels_last'",
        )
    return replace(source, tensor=context.graph.reshape(call.name, source.tensor, call.shape))


def permute_layer(context: Context, call: Call) -> Value:
    """``Permute``; Keras counts the axes from 1."""
    source = context.read_one(call)
    axes = [int(axis) - 1 for axis in call.layer.dims]
    return replace(source, tensor=context.graph.permute(call.name, source.tensor, axes))


def zero_padding_layer(context: Context, call: Call) -> Value:
    """``ZeroPadding1D``, ``ZeroPadding2D``."""
    source, layer = context.read_one(call), call.layer
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise refused("has its channels first", "", "use data_format='channels_last'")
    given = layer.padding if call.kind == "ZeroPadding2D" else [layer.padding]
    padding = tuple((int(before), int(after)) for before, after in given)
    return replace(source, tensor=context.graph.zero_pad(call.name, source.tensor, padding))


def cropping_layer(context: Context, call: Call) -> Value:
    """``Cropping1D``, ``Cropping2D``: words left out before and after, per spatial axis."""
    source, layer = context.read_one(call), call.layer
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise refused("has its channels first", "", "use data_format='channels_last'")
    given = layer.cropping if call.kind == "Cropping2D" else [layer.cropping]
    begin = [int(before) for before, _ in given] + [0]
    return replace(source, tensor=context.graph.slice(call.name, source.tensor, begin, call.shape))


def concatenate_layer(context: Context, call: Call) -> Value:
    """``Concatenate`` along any axis but that of the events."""
    return concatenated(context, call, int(call.layer.axis))


def concatenated(context: Context, call: Call, axis: int) -> Value:
    """Tensors along ``axis``, counted by Keras: 0 is that of the events, negative from the end."""
    sources = context.read(call)
    rank = len(context.graph[sources[0].tensor].shape)
    axis = axis + rank if axis < 0 else axis - 1
    if not 0 <= axis < rank:
        raise refused("concatenates events", "", "concatenate along another axis")
    names = [source.tensor for source in sources]
    tensor = context.graph.concatenate(call.name, names, axis) if len(names) > 1 else names[0]
    return Value(tensor, quantised=all(source.quantised for source in sources))

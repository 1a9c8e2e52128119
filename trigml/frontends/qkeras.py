"""Keras and QKeras models (tf-keras) as exact graphs, or all the reasons why not, in one go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.frontends import arithmetic, pools, rearranging, sums
from trigml.frontends.activations import activation_layer, leaky_relu_layer, relu_layer
from trigml.frontends.batchnorm import batchnorm_layer
from trigml.frontends.context import Context, Value
from trigml.frontends.inputs import IDENTITIES, add_inputs
from trigml.frontends.keras_calls import Call, Network, network_of
from trigml.frontends.names import identifier
from trigml.frontends.options import Conversion, ConversionOptions
from trigml.frontends.refusals import Reason, Refused, reason_of, refused
from trigml.graph import Graph, GraphBuilder
from trigml.graph.network import words_in
from trigml.problems import NoExactForm, Problem

Handler = Callable[[Context, Call], Value]

_SUMS: dict[str, Handler] = {
    "QDense": sums.dense_layer,
    "QConv1D": sums.convolution_layer,
    "QConv2D": sums.convolution_layer,
    "QDepthwiseConv2D": sums.depthwise_layer,
    "QSeparableConv1D": sums.separable_layer,
    "QSeparableConv2D": sums.separable_layer,
    "QConv2DBatchnorm": sums.folded_convolution_layer,
    "QDepthwiseConv2DBatchnorm": sums.folded_convolution_layer,
    "BatchNormalization": batchnorm_layer,
    "QBatchNormalization": batchnorm_layer,
}
"""Layers whose results have to be quantised before other weights."""

_LAYERS: dict[str, Handler] = _SUMS | {
    **dict.fromkeys(IDENTITIES, rearranging.identity_layer),
    "QActivation": activation_layer,
    "Activation": activation_layer,
    "ReLU": relu_layer,
    "LeakyReLU": leaky_relu_layer,
    "Softmax": arithmetic.softmax_layer,
    "MaxPooling1D": pools.max_pool_layer,
    "MaxPooling2D": pools.max_pool_layer,
    "AveragePooling1D": pools.average_pool_layer,
    "AveragePooling2D": pools.average_pool_layer,
    "QAveragePooling2D": pools.average_pool_layer,
    "GlobalMaxPooling1D": pools.global_max_pool_layer,
    "GlobalMaxPooling2D": pools.global_max_pool_layer,
    "GlobalAveragePooling1D": pools.global_average_pool_layer,
    "GlobalAveragePooling2D": pools.global_average_pool_layer,
    "QGlobalAveragePooling2D": pools.global_average_pool_layer,
    "Flatten": rearranging.reshape_layer,
    "Reshape": rearranging.reshape_layer,
    "Permute": rearranging.permute_layer,
    "Cropping1D": rearranging.cropping_layer,
    "Cropping2D": rearranging.cropping_layer,
    "ZeroPadding1D": rearranging.zero_padding_layer,
    "ZeroPadding2D": rearranging.zero_padding_layer,
    "Concatenate": rearranging.concatenate_layer,
    "Add": arithmetic.add_layer,
    "Subtract": arithmetic.subtract_layer,
    "Multiply": arithmetic.multiply_layer,
    "TFOpLambda": arithmetic.function_layer,
}

_WITH_FLOAT_WEIGHTS = ("Dense", "Conv1D", "Conv2D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
_REMEDIES = {
    **dict.fromkeys(
        _WITH_FLOAT_WEIGHTS,
        "use Q{kind} with kernel_quantizer and bias_quantizer, or give quantisers (--quantizers)",
    ),
    "Lambda": "use layers instead: its code cannot be read",
    "QAdaptiveActivation": "use QActivation with the bits that it has learned: quantized_bits(…,alpha=1)",
    "SlicingOpLambda": "use a Cropping1D or Cropping2D layer instead of a slice",
}
_OF_KERAS = ("tf_keras.", "keras.", "qkeras.", "trigml.")


def graph_from_keras(model: Any, options: ConversionOptions | None = None) -> Conversion:
    """The integer network that a Keras or QKeras model computes.

    Args:
        model: a built tf-keras model, functional or Sequential.
        options: what the model does not say by itself.

    Raises:
        NoExactForm: the model has parts without an exact meaning; all of them are named.
    """
    options = options or ConversionOptions()
    context, problems = _looked_at(model, options)
    if context is None or problems:
        raise NoExactForm(model.name, problems)
    return Conversion(finished(context), tuple(context.notes))


def problems_of(model: Any, options: ConversionOptions | None = None) -> tuple[Problem, ...]:
    """Every rule that a model breaks; empty if it can be converted."""
    return _looked_at(model, options or ConversionOptions())[1]


def graph_from_qkeras(
    model: Any, contract: InputContract, *, name: str | None = None, output_labels: Sequence[str] = ()
) -> Graph:
    """The integer network of a model with one input, whose contract is known.

    Raises:
        NoExactForm: the model has parts without an exact meaning; all of them are named.
    """
    options = ConversionOptions(contracts=(contract,), name=name, output_labels=output_labels)
    return graph_from_keras(model, options).graph


def finished(context: Context) -> Graph:
    """The checked graph of a conversion without problems.

    Raises:
        BadInput: an output stands twice.
    """
    outputs = [context.values[key].tensor for key in context.network.outputs]
    return context.graph.finish(outputs, context.options.output_labels)


def converted(model: Any, options: ConversionOptions) -> Context:
    """A conversion with everything that it knows about the layers.

    Raises:
        NoExactForm: the model has parts without an exact meaning.
    """
    context, problems = _looked_at(model, options)
    if context is None or problems:
        raise NoExactForm(model.name, problems)
    return context


def _looked_at(model: Any, options: ConversionOptions) -> tuple[Context | None, tuple[Problem, ...]]:
    try:
        network = network_of(model)
    except Refused as error:
        name = getattr(model, "name", type(model).__name__)
        return None, tuple(Problem(name, "model", r.what, r.why, r.remedy) for r in error.reasons)
    context = Context(options, network, GraphBuilder(identifier(options.name or model.name)))
    if not network.calls:
        context.problem(model.name, "model", Reason("no layers", "", "add layers"))
    add_inputs(context)
    for call in network.calls:
        _convert(context, call)
    _check_outputs(context)
    return context, tuple(context.problems)


def _convert(context: Context, call: Call) -> None:
    try:
        context.append(call, _handler(call)(context, call))
        return
    except Refused as error:
        context.refuse(call, error.reasons)
    except BadInput as error:
        context.refuse(call, [reason_of(error)])
    # The layers behind are looked at, too, with something harmless in the place of this one's result.
    for key, shape in zip(call.outputs, call.shapes, strict=True):
        tensor = context.placeholder(call.name, tuple(n or 1 for n in shape) or (1,))
        context.values[key] = Value(tensor, quantised=call.kind not in _SUMS)


def _handler(call: Call) -> Handler:
    kind, module = call.kind, type(call.layer).__module__
    handler = _LAYERS.get(kind)
    if not module.startswith(_OF_KERAS):
        raise refused(f"is a layer of your own ({module})", "its code cannot be read", "use QKeras layers")
    if handler is None:
        remedy = _REMEDIES.get(kind, "use layers that docs/models.md lists")
        if kind in _WITH_FLOAT_WEIGHTS:
            raise refused("has float weights", "a float is no word", remedy.format(kind=kind))
        raise refused("is not supported", "it has no exact form here", remedy.format(kind=kind))
    return handler


def _check_outputs(context: Context) -> None:
    network: Network = context.network
    tensors = [context.values[key].tensor for key in network.outputs]
    if len(set(tensors)) != len(tensors):
        context.problem(
            network.model.name,
            "model",
            Reason("two outputs are the same tensor", "", "give each tensor as an output once"),
        )
    labels = context.options.output_labels
    if not context.problems and labels:
        count = sum(words_in(context.graph[tensor].shape) for tensor in tensors)
        if count != len(labels):
            context.problem(
                network.model.name,
                "model",
                Reason(f"{len(labels)} output labels for {count} output words", "", "give one per word"),
            )

"""The Keras models of a spec: the float reference, and the QKeras model whose numbers are the hardware's.

Both have layers of the same names, those of ``hidden_layers`` and of the head. Quantisers always have
``alpha=1`` (left out, QKeras scales the weights by a power of two that changes while it trains), and
those of activations are written as text, because tf-keras cannot reload a model that has them as objects.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.legacy_keras import load
from trigml.spec import Spec
from trigml.training.formats import LayerFormats, signed_text
from trigml.training.heads import float_head, head_name, quantized_head
from trigml.training.hidden_layers import hidden_layers, hidden_names

INPUT = "features"
INPUT_QUANTIZER = "input_quantizer"
Weights = list[NDArray[np.float32]]


def weighted_names(spec: Spec) -> list[str]:
    """Names of the convolutions and dense layers, the last one being that of the head."""
    return [*hidden_names(spec), head_name(spec)]


def float_model(spec: Spec) -> Any:
    """The float reference: its weights are all zero."""
    keras = load().keras
    inputs = keras.layers.Input((len(spec.inputs.names),), name=INPUT)
    return keras.Model(inputs, float_head(spec, hidden_layers(spec, inputs), inputs), name=spec.name)


def quantized_model(spec: Spec, contract: InputContract) -> Any:
    """The QKeras model of a spec whose integer bits are numbers; its weights are all zero.

    Raises:
        BadInput: a number of integer bits is still ``auto``.
    """
    modules = load()
    keras, qkeras = modules.keras, modules.qkeras
    formats = LayerFormats.of(spec)
    inputs = keras.layers.Input((len(contract.features),), name=INPUT)
    words = qkeras.QActivation(signed_text(contract.format), name=INPUT_QUANTIZER)(inputs)
    hidden = hidden_layers(spec, words, formats)
    return keras.Model(inputs, quantized_head(spec, formats, hidden, words), name=spec.name)


def initial_weights(model: Any, seed: int) -> Weights:
    """Seeded weights in the order of ``model.get_weights()``: kernels after He, biases zero.

    He et al., arXiv:1502.01852, eq. 10: a normal distribution with the variance 2 / n_in, where n_in is the
    number of inputs of one sum (of a convolution: window times channels).
    """
    rng = np.random.default_rng([seed, 0])
    weights: Weights = []
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) == 1:
            weights.append(np.zeros(shape, np.float32))
        else:
            weights.append(
                (rng.standard_normal(shape) * np.sqrt(2 / math.prod(shape[:-1]))).astype(np.float32)
            )
    return weights


def copy_weights(source: Any, target: Any) -> None:
    """Give the layers of a model the weights of those of the same name in another."""
    for layer in source.layers:
        if layer.weights:
            target.get_layer(layer.name).set_weights(layer.get_weights())

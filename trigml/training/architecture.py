"""The Keras models of a spec: the float reference, and the QKeras model whose numbers are the hardware's.

Both have layers of the same names: ``dense_1``, ``relu_1``, … and ``logits``. Quantisers always have
``alpha=1`` (left out, QKeras scales the weights by a power of two that changes while it trains), and
those of activations are written as text, because tf-keras cannot reload a model that has them as objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow
from trigml.legacy_keras import load
from trigml.spec import Spec

INPUT = "features"
INPUT_QUANTIZER = "input_quantizer"
LOGITS = "logits"
Weights = list[NDArray[np.float32]]


def dense_names(hidden_layers: int) -> list[str]:
    """Names of the dense layers, the last one being the logits."""
    return [f"dense_{index + 1}" for index in range(hidden_layers)] + [LOGITS]


def relu_name(index: int) -> str:
    """Name of the activation of the hidden layer ``index`` (from 0)."""
    return f"relu_{index + 1}"


def float_model(spec: Spec) -> Any:
    """The float reference: Dense and ReLU in turn, then Dense logits; its weights are all zero."""
    keras = load().keras
    inputs = keras.layers.Input((len(spec.inputs.names),), name=INPUT)
    tensor = inputs
    names = dense_names(len(spec.model.hidden))
    for index, (name, width) in enumerate(zip(names, spec.model.hidden, strict=False)):
        tensor = keras.layers.Dense(width, kernel_initializer="zeros", name=name)(tensor)
        tensor = keras.layers.ReLU(name=relu_name(index))(tensor)
    outputs = keras.layers.Dense(len(spec.data.classes), kernel_initializer="zeros", name=LOGITS)(tensor)
    return keras.Model(inputs, outputs, name=spec.name)


def quantized_model(spec: Spec, contract: InputContract) -> Any:
    """The QKeras model of a spec whose integer bits are numbers; its weights are all zero.

    Raises:
        BadInput: a number of integer bits is still ``auto``.
    """
    modules = load()
    keras, qkeras = modules.keras, modules.qkeras
    formats = LayerFormats.of(spec)
    inputs = keras.layers.Input((len(contract.features),), name=INPUT)
    tensor = qkeras.QActivation(_signed_text(contract.format), name=INPUT_QUANTIZER)(inputs)
    widths = [*spec.model.hidden, len(spec.data.classes)]
    for index, (name, width) in enumerate(zip(dense_names(len(spec.model.hidden)), widths, strict=True)):
        tensor = qkeras.QDense(
            width,
            kernel_quantizer=_signed_quantizer(formats.weights[index]),
            bias_quantizer=_signed_quantizer(formats.biases[index]),
            kernel_initializer="zeros",
            name=name,
        )(tensor)
        if name != LOGITS:
            activation = formats.activations[index]
            text = f"quantized_relu({activation.width},{activation.integer})"
            tensor = qkeras.QActivation(text, name=relu_name(index))(tensor)
    return keras.Model(inputs, tensor, name=spec.name)


@dataclass(frozen=True, slots=True)
class LayerFormats:
    """Formats of a resolved spec, layer by layer.

    Attributes:
        weights: one per dense layer.
        biases: one per dense layer.
        activations: one per hidden layer.
    """

    weights: tuple[FixedPoint, ...]
    biases: tuple[FixedPoint, ...]
    activations: tuple[FixedPoint, ...]

    @classmethod
    def of(cls, spec: Spec) -> LayerFormats:
        """The formats that a resolved spec asks for.

        Raises:
            BadInput: a number of integer bits is still ``auto``.
        """
        bits = spec.quantization
        hidden = len(spec.model.hidden)
        return cls(
            tuple(FixedPoint(True, bits.weight_bits, i) for i in _numbers(bits.weight_integer, hidden + 1)),
            tuple(FixedPoint(True, bits.bias_bits, i) for i in _numbers(bits.bias_integer, hidden + 1)),
            tuple(
                FixedPoint(False, bits.activation_bits, i) for i in _numbers(bits.activation_integer, hidden)
            ),
        )


def initial_weights(model: Any, seed: int) -> Weights:
    """Seeded weights in the order of ``model.get_weights()``: kernels after He, biases zero.

    He et al., arXiv:1502.01852, eq. 10: a normal distribution with the variance 2 / n_in.
    """
    rng = np.random.default_rng([seed, 0])
    weights: Weights = []
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) == 1:
            weights.append(np.zeros(shape, np.float32))
        else:
            weights.append((rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32))
    return weights


def _numbers(value: int | tuple[int, ...] | str, layers: int) -> tuple[int, ...]:
    if isinstance(value, str):
        raise BadInput("the spec is not resolved: its integer bits are still 'auto'")
    return value if isinstance(value, tuple) else (value,) * layers


def _signed_text(format_: FixedPoint) -> str:
    symmetric = ",symmetric=1" if format_.overflow is Overflow.SAT_SYM else ""
    return f"quantized_bits({format_.width},{format_.integer - 1},alpha=1{symmetric})"


def _signed_quantizer(format_: FixedPoint) -> Any:
    return load().qkeras.quantized_bits(format_.width, format_.integer - 1, alpha=1)

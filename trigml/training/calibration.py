"""Choosing the integer bits that a spec leaves to ``auto``, from the float reference and training events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.legacy_keras import load
from trigml.spec import AUTO, QuantizationSpec, Spec
from trigml.spec.schema import MAX_BITS
from trigml.training.architecture import dense_names, relu_name

CALIBRATION_EVENTS = 20_000
"""Training events whose activations are looked at; the choice is between powers of two."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is quantised: how many bits, whether there is a sign, and the fewest integer bits."""

    bits: int
    signed: bool
    least: int


def resolve_integer_bits(spec: Spec, float_model: Any, inputs: NDArray[np.float32]) -> Spec:
    """The spec with a number for each ``auto``: one per layer, with the least mean squared error.

    Args:
        spec: the spec.
        float_model: the trained float reference.
        inputs: model inputs (n, features) of training events; the first 20,000 are used.
    """
    asked = spec.quantization
    names = dense_names(len(spec.model.hidden))
    layers = [float_model.get_layer(name) for name in names]
    chosen: dict[str, tuple[int, ...]] = {}
    if asked.weight_integer == AUTO:
        weights = _Kind(asked.weight_bits, signed=True, least=1)
        chosen["weight_integer"] = tuple(_best(layer.kernel.numpy(), weights) for layer in layers)
    if asked.bias_integer == AUTO:
        biases = _Kind(asked.bias_bits, signed=True, least=1)
        chosen["bias_integer"] = tuple(_best(layer.bias.numpy(), biases) for layer in layers)
    if asked.activation_integer == AUTO:
        activations = _Kind(asked.activation_bits, signed=False, least=0)
        tensors = hidden_activations(float_model, inputs[:CALIBRATION_EVENTS], len(spec.model.hidden))
        chosen["activation_integer"] = tuple(_best(tensor, activations) for tensor in tensors)
    if not chosen:
        return spec
    resolved = QuantizationSpec(**{**asked.model_dump(), **chosen})
    return spec.model_copy(update={"quantization": resolved})


def hidden_activations(
    float_model: Any, inputs: NDArray[np.float32], hidden_layers: int
) -> list[NDArray[np.float32]]:
    """Outputs (n, width) of each hidden layer's ReLU."""
    keras = load().keras
    tensors = [float_model.get_layer(relu_name(index)).output for index in range(hidden_layers)]
    results = keras.Model(float_model.inputs, tensors)(inputs, training=False)
    return [np.asarray(result) for result in (results if isinstance(results, list) else [results])]


def quantization_error(values: NDArray[Any], format_: FixedPoint) -> float:
    """Mean squared error of bringing values into a format that rounds half to even and saturates."""
    scaled = np.ldexp(values.astype(np.float64), format_.fraction)
    words = np.clip(np.rint(scaled), format_.min_word, format_.max_word)
    return float(np.mean(np.square(np.ldexp(words - scaled, -format_.fraction))))


def _best(values: NDArray[Any], kind: _Kind) -> int:
    """Integer bits with the least error; the fewest of equal ones."""
    largest = float(np.max(np.abs(values), initial=0.0))
    enough = max(kind.least, int(np.ceil(np.log2(largest))) + 1 + kind.signed) if largest else kind.least
    candidates = range(kind.least, min(enough, MAX_BITS) + 1)
    errors = [
        quantization_error(
            values, FixedPoint(kind.signed, kind.bits, integer, Rounding.RND_CONV, Overflow.SAT)
        )
        for integer in candidates
    ]
    return candidates[int(np.argmin(errors))]

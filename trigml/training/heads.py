"""Everything behind the last hidden layer: the logits of a classification, the prediction of a regression.

A regression's prediction is in the unit of its target. With ``model.linear`` it is the sum of two paths: one
from the hidden layers, and a linear one from the inputs, which starts as the plain sum of the inputs that
have the target's unit. So the hidden layers learn only how the truth departs from the sum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trigml.contract import InputContract
from trigml.legacy_keras import load
from trigml.spec import Spec
from trigml.training.formats import LayerFormats, signed_quantizer, unsigned_text

LOGITS = "logits"
HIDDEN_PATH = "prediction"
LINEAR_PATH = "linear"
TOTAL = "total"
WORD = "word"


def head_name(spec: Spec) -> str:
    """Name of the dense layer behind the last hidden one."""
    return LOGITS if spec.output is None else HIDDEN_PATH


def head_width(spec: Spec) -> int:
    """Outputs of the network."""
    return len(spec.data.classes) if spec.output is None else 1


def output_labels(spec: Spec) -> tuple[str, ...]:
    """What the outputs mean: the classes, or the target."""
    return spec.data.classes if spec.data.target is None else (spec.data.target,)


def float_head(spec: Spec, hidden: Any, inputs: Any) -> Any:
    """Logits (n, classes), or the prediction (n, 1), neither rounded nor saturated; weights all zero.

    Args:
        spec: the spec.
        hidden: activations of the last hidden layer.
        inputs: the model's inputs (n, inputs).
    """
    layers = load().keras.layers
    tensor = layers.Dense(head_width(spec), kernel_initializer="zeros", name=head_name(spec))(hidden)
    if not spec.model.linear:
        return tensor
    linear = layers.Dense(1, use_bias=False, kernel_initializer="zeros", name=LINEAR_PATH)(inputs)
    return layers.Add(name=TOTAL)([tensor, linear])


def quantized_head(spec: Spec, formats: LayerFormats, hidden: Any, inputs: Any) -> Any:
    """As ``float_head`` with quantised weights; a prediction is rounded to its word, and saturates.

    Args:
        spec: the spec.
        formats: of its layers; those of the head are the last ones.
        hidden: quantised activations of the last hidden layer.
        inputs: quantised inputs of the model (n, inputs).
    """
    modules = load()
    qkeras = modules.qkeras
    tensor = qkeras.QDense(
        head_width(spec),
        kernel_quantizer=signed_quantizer(formats.weights[-1]),
        bias_quantizer=signed_quantizer(formats.biases[-1]),
        kernel_initializer="zeros",
        name=head_name(spec),
    )(hidden)
    if formats.linear is not None:
        linear = qkeras.QDense(
            1,
            use_bias=False,
            kernel_quantizer=signed_quantizer(formats.linear),
            kernel_initializer="zeros",
            name=LINEAR_PATH,
        )(inputs)
        tensor = modules.keras.layers.Add(name=TOTAL)([tensor, linear])
    if spec.output is None:
        return tensor
    return qkeras.QActivation(unsigned_text(spec.output.fixed_point), name=WORD)(tensor)


def start_as_sum(model: Any, contract: InputContract, unit: str) -> None:
    """Make a float regressor with a linear path give the plain sum of its inputs in the target's unit.

    A model input is (value − offset) / 2^shift, so its weight is 2^shift, and the offsets go into the bias.
    The hidden layers have no effect until the training changes their weights at the output, which are 0.
    Without any input in that unit, the model stays as it is.

    Args:
        model: the float reference, its weights drawn.
        contract: of its inputs.
        unit: of the target.
    """
    summed = [feature for feature in contract.features if feature.unit == unit]
    if not summed:
        return
    weights = [2.0**feature.shift if feature.unit == unit else 0.0 for feature in contract.features]
    hidden, linear = model.get_layer(HIDDEN_PATH), model.get_layer(LINEAR_PATH)
    bias = math.fsum(feature.offset for feature in summed)
    hidden.set_weights([np.zeros(hidden.kernel.shape, np.float32), np.array([bias], np.float32)])
    linear.set_weights([np.array(weights, np.float32)[:, np.newaxis]])

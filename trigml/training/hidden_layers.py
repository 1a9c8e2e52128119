"""The hidden layers of a spec: convolutions on the image of cells, if any, then dense layers.

Both models of a spec have layers of the same names: ``conv_1``, ``conv_relu_1``, ``pool_1``, …, ``dense_1``,
``relu_1``, …. The depth segments of the image are the channels of the first convolution. The inputs that are
not in the image join its features at the first dense layer.
"""

from __future__ import annotations

import math
from typing import Any

from trigml.legacy_keras import load
from trigml.spec import ConvolutionSpec, Spec
from trigml.spec.inputs import Image
from trigml.training.formats import LayerFormats, signed_quantizer, unsigned_text


def hidden_names(spec: Spec) -> list[str]:
    """Names of the hidden layers with weights, convolutions first."""
    convolutions = [f"conv_{number}" for number, _ in enumerate(spec.model.convolutions, start=1)]
    return convolutions + [f"dense_{number}" for number, _ in enumerate(spec.model.hidden, start=1)]


def activation_names(spec: Spec) -> list[str]:
    """Names of the activations of these layers."""
    convolutions = [f"conv_relu_{number}" for number, _ in enumerate(spec.model.convolutions, start=1)]
    return convolutions + dense_activation_names(spec)


def dense_activation_names(spec: Spec) -> list[str]:
    """Names of the activations of the hidden dense layers."""
    return [f"relu_{number}" for number, _ in enumerate(spec.model.hidden, start=1)]


def hidden_layers(spec: Spec, inputs: Any, formats: LayerFormats | None = None) -> Any:
    """Activations of the last hidden layer; weights all zero.

    Args:
        spec: the spec.
        inputs: the model's inputs (n, inputs); quantised ones for a quantised model.
        formats: of the layers of a quantised model; ``None`` for the float reference.
    """
    names = list(zip(hidden_names(spec), activation_names(spec), strict=True))
    convolutions = len(spec.model.convolutions)
    tensor = _convolved(spec, inputs, formats, names[:convolutions]) if convolutions else inputs
    for index, (width, (name, activation)) in enumerate(
        zip(spec.model.hidden, names[convolutions:], strict=True), start=convolutions
    ):
        tensor = _weighted(width, name, formats, index)(tensor)
        tensor = _activation(activation, formats, index)(tensor)
    return tensor


def _convolved(spec: Spec, inputs: Any, formats: LayerFormats | None, names: list[tuple[str, str]]) -> Any:
    """Features of the first image of the cells, behind them the inputs that are not in it; (n, features)."""
    layers = load().keras.layers
    cells = spec.inputs.cells
    assert cells is not None
    image: Image = cells.images[0]
    before, size = len(spec.inputs.features), math.prod(image)
    after = len(spec.inputs.names) - before - size
    tensor = layers.Reshape(image, name="image")(_part(inputs, before, after, "image_words"))
    tensor = layers.Permute((2, 3, 1), name="channels_last")(tensor)
    for index, (wanted, (name, activation)) in enumerate(zip(spec.model.convolutions, names, strict=True)):
        tensor = _weighted(wanted, name, formats, index)(tensor)
        tensor = _activation(activation, formats, index)(tensor)
        if wanted.pool > 1:
            tensor = layers.MaxPooling2D(wanted.pool, name=f"pool_{index + 1}")(tensor)
    parts = [layers.Flatten(name="image_features")(tensor)]
    if before:
        parts.append(_part(inputs, 0, size + after, "features_beside"))
    if after:
        parts.append(_part(inputs, before + size, 0, "cells_beside"))
    return layers.Concatenate(name="joined")(parts) if len(parts) > 1 else parts[0]


def _part(inputs: Any, before: int, after: int, name: str) -> Any:
    """The inputs without the first and the last so many; (n, inputs)."""
    if not before and not after:
        return inputs
    layers = load().keras.layers
    column = layers.Reshape((-1, 1), name=f"{name}_column")(inputs)
    block = layers.Cropping1D((before, after), name=f"{name}_block")(column)
    return layers.Flatten(name=name)(block)


def _weighted(wanted: int | ConvolutionSpec, name: str, formats: LayerFormats | None, index: int) -> Any:
    """A convolution, or a dense layer of a width."""
    modules = load()
    makers = modules.keras.layers if formats is None else modules.qkeras
    prefix = "" if formats is None else "Q"
    options: dict[str, Any] = {"kernel_initializer": "zeros", "name": name}
    if formats is not None:
        options["kernel_quantizer"] = signed_quantizer(formats.weights[index])
        options["bias_quantizer"] = signed_quantizer(formats.biases[index])
    if isinstance(wanted, ConvolutionSpec):
        window = {"strides": wanted.stride, "padding": wanted.padding}
        return getattr(makers, f"{prefix}Conv2D")(wanted.filters, wanted.size, **window, **options)
    return getattr(makers, f"{prefix}Dense")(wanted, **options)


def _activation(name: str, formats: LayerFormats | None, index: int) -> Any:
    modules = load()
    if formats is None:
        return modules.keras.layers.ReLU(name=name)
    return modules.qkeras.QActivation(unsigned_text(formats.activations[index]), name=name)

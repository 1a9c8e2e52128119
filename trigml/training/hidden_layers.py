"""The hidden layers of a spec: convolutions on the image of cells, if any, then dense layers.

Both models of a spec have layers of the same names: ``conv_1``, ``conv_relu_1``, ``pool_1``, …, ``dense_1``,
``relu_1``, …. The depth segments of the image are the channels of the first convolution.
"""

from __future__ import annotations

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
    convolutions = spec.model.convolutions
    widths: list[int | ConvolutionSpec] = [*convolutions, *spec.model.hidden]
    tensor = _image_of(spec, inputs) if convolutions else inputs
    names = zip(widths, hidden_names(spec), activation_names(spec), strict=True)
    for index, (wanted, name, activation) in enumerate(names):
        if convolutions and index == len(convolutions):
            tensor = load().keras.layers.Flatten(name="flat")(tensor)
        tensor = _weighted(wanted, name, formats, index)(tensor)
        tensor = _activation(activation, formats, index)(tensor)
        if isinstance(wanted, ConvolutionSpec) and wanted.pool > 1:
            tensor = load().keras.layers.MaxPooling2D(wanted.pool, name=f"pool_{index + 1}")(tensor)
    return tensor


def _image_of(spec: Spec, inputs: Any) -> Any:
    """The first image of the cells, (n, y, x, segment)."""
    layers = load().keras.layers
    assert spec.inputs.cells is not None
    image: Image = spec.inputs.cells.images[0]
    return layers.Permute((2, 3, 1), name="channels_last")(layers.Reshape(image, name="image")(inputs))


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

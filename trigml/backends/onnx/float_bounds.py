"""How far two float32 programs of the same network can be apart on given inputs: a running error bound.

With the unit roundoff u = 2**-24 of float32, a sum of n products, in any order, with fused products or not,
is off by at most ``gamma(n) * sum |w||x|``, where ``gamma(n) = n * u / (1 - n * u)`` (Higham, Accuracy and
Stability of Numerical Algorithms, section 3.1); zeros do not count. So a layer ``y = W x + b`` whose input is
known to ``e`` yields

    |float32 - exact| <= gamma(n + 1) * (|W| (|x| + e) + |b|) + |W| e

per element and per event, with the actual ``x``. A ReLU that is certainly off hands no error on. All of it
is computed in float64, whose own roundings are 2**29 times smaller. Two programs are at most twice the error
apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput

Array: TypeAlias = NDArray[np.float64]

UNIT_ROUNDOFF = 2.0**-24
SMALLEST_NORMAL = 2.0**-126
"""What a program that treats smaller numbers as zero loses at most, per operation."""
OWN_ROUNDING = 1 + 2.0**-20
"""Covers what float64 rounds here."""

_SUMS = ("Dense", "Conv1D", "Conv2D", "DepthwiseConv2D")
_MEANS = ("AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D")
_SELECTIONS = (
    *("Dropout", "Flatten", "Reshape", "Permute", "Concatenate"),
    *("Cropping1D", "Cropping2D", "ZeroPadding1D", "ZeroPadding2D"),
    *("MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
)
"""Layers that compute nothing: an error of the result is one of the inputs."""
_OTHERS = ("InputLayer", "ReLU", "Activation", "BatchNormalization", "Add")
_NORMALISATION = 8
"""Roundings of a normalisation: root, division, three products and sums, either way of writing it."""
_FOLDED = 5
"""More roundings of a sum into whose weights a converter multiplied the normalisation behind it."""


@dataclass(frozen=True)
class Bounded:
    """A tensor for some events: its value, and how far a float32 program can be from that."""

    value: Array
    error: Array

    @property
    def reach(self) -> Array:
        """The largest absolute value that a program can have."""
        return np.abs(self.value) + self.error

    def through_relu(self) -> Bounded:
        """``max(x, 0)``: exactly 0 where no program can be above it."""
        return Bounded(np.maximum(self.value, 0), np.where(self.value + self.error <= 0, 0, self.error))


Step = Callable[[Sequence[Bounded]], Bounded]


class FloatBounds:
    """The error analysis of one float Keras model.

    Args:
        model: a functional model with one input and one output, each layer used once.

    Raises:
        BadInput: a layer has no bound.
    """

    def __init__(self, model: Any) -> None:
        self._sources = {layer.name: _sources(layer) for layer in model.layers}
        self._steps = {layer.name: _step(layer) for layer in model.layers if self._sources[layer.name]}
        self._output = model.output_names[0]

    def apart(self, inputs: NDArray[np.float32]) -> Array:
        """How far two float32 programs can be apart, per output, for inputs (events, *shape)."""
        tensors: dict[str, Bounded] = {}
        for name, sources in self._sources.items():
            if sources:
                found = self._steps[name]([tensors[source] for source in sources])
                tensors[name] = Bounded(found.value, found.error * OWN_ROUNDING)
            else:
                exact = inputs.astype(np.float64)
                tensors[name] = Bounded(exact, np.zeros_like(exact))
        return 2 * tensors[self._output].error


def gamma(count: Array | float) -> Array:
    """Largest relative error of ``count`` roundings in float32."""
    product = np.asarray(count, dtype=np.float64) * UNIT_ROUNDOFF
    return np.asarray(product / (1 - product))


def _sources(layer: Any) -> tuple[str, ...]:
    """Names of the layers that a layer reads."""
    if len(layer.inbound_nodes) != 1:
        raise _no_bound(layer, "it is used more than once")
    return tuple(node.outbound_layer.name for node in layer.inbound_nodes[0].parent_nodes)


def _step(layer: Any) -> Step:
    kind = type(layer).__name__
    if kind in _SUMS:
        return _with_activation(layer, _sum(layer))
    if kind in _MEANS:
        return _mean(layer)
    if kind in _SELECTIONS:
        copy = _in_float64(layer, np.asarray)
        return lambda x: Bounded(copy([t.value for t in x]), copy([t.error for t in x]))
    if kind == "BatchNormalization":
        return _normalisation(layer)
    if kind == "Add":
        return _added
    if kind == "ReLU" and not (float(layer.negative_slope) or float(layer.threshold) or layer.max_value):
        return lambda x: x[0].through_relu()
    if kind == "Activation":
        return _with_activation(layer, lambda x: x[0])
    raise _no_bound(layer, kind)


def _with_activation(layer: Any, step: Step) -> Step:
    activation = getattr(layer.activation, "__name__", str(layer.activation))
    if activation == "linear":
        return step
    if activation == "relu":
        return lambda x: step(x).through_relu()
    raise _no_bound(layer, f"activation {activation}")


def _sum(layer: Any) -> Step:
    values = _in_float64(layer, np.asarray)
    magnitudes = _in_float64(layer, np.abs)
    of_error = _in_float64(layer, lambda array: np.abs(array) if array.ndim > 1 else np.zeros_like(array))
    counts = _in_float64(layer, lambda array: (array != 0) if array.ndim > 1 else np.zeros_like(array))
    readers = {type(node.outbound_layer).__name__ for node in layer.outbound_nodes}
    more = 1 + (_FOLDED if "BatchNormalization" in readers else 0)

    def step(inputs: Sequence[Bounded]) -> Bounded:
        source = inputs[0]
        roundings = counts([(source.reach > 0).astype(np.float64)]) + more
        rounding = gamma(roundings) * magnitudes([source.reach]) + roundings * SMALLEST_NORMAL
        return Bounded(values([source.value]), rounding + of_error([source.error]))

    return step


def _mean(layer: Any) -> Step:
    copy = _in_float64(layer, np.asarray)
    size = getattr(layer, "pool_size", None) or layer.input_shape[1:-1]
    roundings = int(np.prod(size)) + 2

    def step(inputs: Sequence[Bounded]) -> Bounded:
        source = inputs[0]
        rounding = gamma(roundings) * copy([source.reach]) + roundings * SMALLEST_NORMAL
        return Bounded(copy([source.value]), rounding + copy([source.error]))

    return step


def _normalisation(layer: Any) -> Step:
    copy = _in_float64(layer, np.asarray)
    channels = layer.input_shape[-1]
    if layer.axis not in (-1, [-1], [len(layer.input_shape) - 1]):
        raise _no_bound(layer, f"normalises axis {layer.axis}")
    scale = np.ones(channels) if layer.gamma is None else np.abs(layer.gamma.numpy().astype(np.float64))
    shift = np.zeros(channels) if layer.beta is None else np.abs(layer.beta.numpy().astype(np.float64))
    scale = scale / np.sqrt(layer.moving_variance.numpy().astype(np.float64) + layer.epsilon)
    mean = np.abs(layer.moving_mean.numpy().astype(np.float64))

    def step(inputs: Sequence[Bounded]) -> Bounded:
        source = inputs[0]
        magnitude = scale * (source.reach + mean) + shift
        rounding = gamma(_NORMALISATION) * magnitude + _NORMALISATION * SMALLEST_NORMAL
        return Bounded(copy([source.value]), rounding + scale * source.error)

    return step


def _added(inputs: Sequence[Bounded]) -> Bounded:
    reach = sum(tensor.reach for tensor in inputs)
    error = sum(tensor.error for tensor in inputs) + gamma(len(inputs) - 1) * reach
    return Bounded(np.asarray(sum(tensor.value for tensor in inputs)), np.asarray(error))


def _in_float64(layer: Any, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[list[Array]], Array]:
    """The linear part of a layer in float64, with changed weights; its input is a list of tensors."""
    config = layer.get_config() | {"dtype": "float64"}
    if "activation" in config:
        config["activation"] = "linear"
    copy = type(layer).from_config(config)
    copy.build(layer.input_shape)
    copy.set_weights([change(array.astype(np.float64)) for array in layer.get_weights()])

    def run(inputs: list[Array]) -> Array:
        return np.asarray(copy(inputs if len(inputs) > 1 else inputs[0], training=False), dtype=np.float64)

    return run


def _no_bound(layer: Any, found: str) -> BadInput:
    return BadInput(
        "there is no bound for the float arithmetic of this layer",
        where=f"{layer.name} ({type(layer).__name__})",
        expected=f"one of {', '.join((*_SUMS, *_MEANS, *_SELECTIONS, *_OTHERS))}, with ReLU or no activation",
        found=found,
    )

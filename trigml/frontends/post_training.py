"""Post-training quantisation: a plain Keras model and formats make the QKeras model of the same weights.

Weights keep their trained floats; QKeras's quantisers round them. Activation functions become layers of
their own, each with its quantiser behind it. Where a quantiser stands is said in docs/models.md:

- at each input;
- behind each activation function;
- behind each other layer that computes, unless only batch normalisation or an activation function reads
  its result (they have a quantiser themselves), or it is an output of the model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trigml.frontends.keras_calls import Call, Network, network_of
from trigml.frontends.quantizers_file import Format, Quantizers
from trigml.frontends.refusals import Refused
from trigml.legacy_keras import load
from trigml.problems import NoExactForm, Problem

_KERNELS = {
    "Dense": ("kernel",),
    "Conv1D": ("kernel",),
    "Conv2D": ("kernel",),
    "DepthwiseConv2D": ("depthwise",),
    "SeparableConv1D": ("depthwise", "pointwise"),
    "SeparableConv2D": ("depthwise", "pointwise"),
}
"""Layers that get quantised weights, and how QKeras calls the quantisers of their kernels."""

_KEPT_SETTINGS = """
name trainable units filters kernel_size strides padding data_format dilation_rate depth_multiplier use_bias
""".split()

_OTHERS_THAT_COMPUTE = """
BatchNormalization Add Subtract Multiply AveragePooling1D AveragePooling2D GlobalAveragePooling1D
GlobalAveragePooling2D TFOpLambda
""".split()
_PASSING = """
Dropout SpatialDropout1D SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout ActivityRegularization
Flatten Reshape Permute Cropping1D Cropping2D ZeroPadding1D ZeroPadding2D MaxPooling1D MaxPooling2D
GlobalMaxPooling1D GlobalMaxPooling2D
""".split()
"""They hand on values as they are: a quantiser behind them is as good as one before."""

_ACTIVATION_LAYERS = ("Activation", "ReLU", "LeakyReLU", "Softmax")
_QUANTISED_BY_ITSELF = (*_ACTIVATION_LAYERS, "BatchNormalization")
_TABLES = ("tanh", "sigmoid")
_FUNCTIONS = ("linear", "relu", "softmax", *_TABLES)


class MissingFormats(NoExactForm):
    """A model and a file of formats that do not fit each other; ``problems`` has every place."""


def quantised_model(model: Any, quantizers: Quantizers, source: str) -> Any:
    """The QKeras model with the formats of ``quantizers`` and the weights of ``model``.

    Args:
        model: a built functional or Sequential model of plain Keras layers.
        quantizers: the formats.
        source: what messages call the file of the formats.

    Raises:
        BadInput: the file names a layer or an input that the model does not have.
        MissingFormats: a format is missing, or a layer is quantised already; all such places are named.
    """
    try:
        network = network_of(model)
    except Refused as error:
        problems = [Problem(model.name, type(model).__name__, r.what, r.why, r.remedy) for r in error.reasons]
        raise NoExactForm(model.name, problems) from error
    names = list(dict.fromkeys(call.layer.name for call in network.calls))
    quantizers.refuse_strangers(names, [port.name for port in network.ports], source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Keras does not know QKeras's constraints
        return _Rebuilding(network, quantizers, source).model()


@dataclass
class _Rebuilding:
    """A model while it is built anew, call by call.

    Attributes:
        network: the calls of the plain model.
        quantizers: the formats.
        source: what messages call the file of the formats.
        made: layers of the new model, by the layer that they come from and what they are; a shared layer is
            made once.
        tensors: tensors of the new model by the key of the plain one.
        problems: what is missing.
    """

    network: Network
    quantizers: Quantizers
    source: str
    made: dict[tuple[int, str], Any] = field(default_factory=dict)
    tensors: dict[int, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _originals: list[tuple[Any, Any]] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def model(self) -> Any:
        """The new model with its weights.

        Raises:
            MissingFormats: something is missing.
        """
        for call in self.network.calls:
            self._look_at(call)
        if self.problems:
            raise MissingFormats(self.network.model.name, tuple(dict.fromkeys(self.problems)))
        keras = load().keras
        inputs = []
        for port in self.network.ports:
            inputs.append(keras.Input(port.shape, name=self._fresh(port.name)))
            format_ = self.quantizers.input_format(port.name)
            tensor = inputs[-1]
            if format_ is not None:
                name = self._fresh(f"{port.name}_quantizer")
                tensor = load().qkeras.QActivation(format_.quantiser(), name=name)(tensor)
            self.tensors[port.key] = tensor
        for call in self.network.calls:
            self._rebuild(call)
        outputs = [self.tensors[key] for key in self.network.outputs]
        model = keras.Model(inputs, outputs, name=self.network.model.name)
        for new, old in self._originals:
            new.set_weights(old.get_weights())
        return model

    # What a call needs, all of it looked at before anything is made.

    def _look_at(self, call: Call) -> None:
        kind = call.kind
        if kind.startswith("Q") and type(call.layer).__module__.startswith("qkeras"):
            self._problem(call, "it is quantised already", "leave --quantizers out, or give the float model")
            return
        own = self.quantizers.of(call.layer.name)
        has_weights = kind in _KERNELS
        if not has_weights and (own.weights or own.biases):
            self._problem(
                call, f"{self.source} gives it weights, but it has none to quantise", "leave them out there"
            )
        if has_weights:
            self._needed(call, self._weights(call), "weights", "weights: fixed<8,auto>")
            if call.layer.use_bias:
                self._needed(call, self._biases(call), "biases", "biases: fixed<8,auto>")
        function = _function_of(call)
        if function not in _FUNCTIONS and kind in (*_KERNELS, "Activation"):
            known = ", ".join(_FUNCTIONS)
            self._problem(call, f"its activation {function} cannot be quantised here", f"use one of: {known}")
        elif getattr(call.layer, "groups", 1) != 1 and has_weights:
            self._problem(call, f"it has {call.layer.groups} groups", "use groups=1; QKeras has no others")
        if function in _TABLES:
            self._needed(call, self._table_input(call), "table_inputs", "table_inputs: fixed<10,4>")
        if self._is_quantised(call):
            self._look_at_activation(call, function)

    def _look_at_activation(self, call: Call, function: str) -> None:
        positive = _is_positive(call, function)
        line = "activations: ufixed<8,3>" if positive else "signed_activations: fixed<8,3>"
        format_ = self._activation(call)
        self._needed(call, format_, "activations", line)
        if format_ is not None and not format_.signed and not positive:
            self._problem(
                call,
                f"{self.source} gives it {format_}, but its results can be negative",
                f"write activations: fixed<{format_.bits},{format_.integer}> for {call.layer.name}",
            )
        if format_ is not None and format_.signed and function == "sigmoid":
            self._problem(
                call,
                f"{self.source} gives it {format_}, but a sigmoid is never negative",
                f"write activations: ufixed<{format_.bits},0> for {call.layer.name}",
            )

    def _needed(self, call: Call, format_: Format | None, what: str, line: str) -> None:
        if format_ is None:
            self._problem(
                call,
                f"{self.source} has no format for its {what}",
                f"add it under default or layers.{call.layer.name}: {line}",
            )

    def _problem(self, call: Call, what: str, remedy: str) -> None:
        self.problems.append(Problem(call.layer.name, call.kind, what, "", remedy))

    def _weights(self, call: Call) -> Format | None:
        return self.quantizers.of(call.layer.name).weights or self.quantizers.default.weights

    def _biases(self, call: Call) -> Format | None:
        return self.quantizers.of(call.layer.name).biases or self.quantizers.default.biases

    def _table_input(self, call: Call) -> Format | None:
        return self.quantizers.of(call.layer.name).table_inputs or self.quantizers.default.table_inputs

    def _activation(self, call: Call) -> Format | None:
        default = self.quantizers.default
        usual = default.activations if _is_positive(call, _function_of(call)) else default.signed_activations
        return self.quantizers.of(call.layer.name).activations or usual

    def _is_quantised(self, call: Call) -> bool:
        """Whether a quantiser stands behind a call."""
        if self.quantizers.of(call.layer.name).activations is not None:
            return True
        function = _function_of(call)
        if function == "softmax" or call.kind == "Softmax":
            return False
        if function in _TABLES:
            return True
        activates = function == "relu" or call.kind in ("ReLU", "LeakyReLU")
        computes = activates or call.kind in _KERNELS or call.kind in _OTHERS_THAT_COMPUTE
        if not computes:
            return False
        readers = self._readers(call)
        if not readers:
            return False  # an output
        return activates or not all(reader.kind in _QUANTISED_BY_ITSELF for reader in readers)

    def _readers(self, call: Call) -> list[Call]:
        """The calls that read a result, looking through those that hand it on."""
        found: list[Call] = []
        for reader in self.network.readers(call.outputs[0]):
            found += self._readers(reader) if reader.kind in _PASSING else [reader]
        return found

    # Making the new model.

    def _rebuild(self, call: Call) -> None:
        args, kwargs = call.arguments(lambda key: self.tensors[key])
        if call.kind in _ACTIVATION_LAYERS:
            tensor = args[0]
        else:
            tensor = self._layer(call, "", lambda name: self._new_layer(call, name))(*args, **kwargs)
        self.tensors.update(zip(call.outputs, _flat(self._behind(call, tensor)), strict=True))

    def _new_layer(self, call: Call, name: str) -> Any:
        settings = {**call.layer.get_config(), "name": name}
        if call.kind not in _KERNELS:
            new = type(call.layer).from_config(settings)
        else:
            kept = {key: settings[key] for key in _KEPT_SETTINGS if key in settings}
            weights, biases = self._weights(call), self._biases(call)
            assert weights is not None
            for kernel in _KERNELS[call.kind]:
                values = getattr(call.layer, "kernel" if kernel == "kernel" else f"{kernel}_kernel").numpy()
                kept[f"{kernel}_quantizer"] = weights.quantiser(values)
            if call.layer.use_bias and biases is not None:
                kept["bias_quantizer"] = biases.quantiser(call.layer.bias.numpy())
            new = getattr(load().qkeras, f"Q{call.kind}")(**kept)
        if call.layer.weights:
            self._originals.append((new, call.layer))
        return new

    def _behind(self, call: Call, tensor: Any) -> Any:
        """The activation function of a call, and its quantiser."""
        function = _function_of(call)
        own = call.kind in _ACTIVATION_LAYERS
        format_ = self._activation(call) if self._is_quantised(call) else None
        if function in _TABLES:
            before = self._table_input(call)
            assert before is not None
            assert format_ is not None
            tensor = self._activated(call, "table_input", before.quantiser(), tensor)
            text = f"quantized_{function}({format_.bits},use_real_{function}=1)"
            return self._activated(call, "" if own else function, text, tensor)
        if function == "relu" and format_ is not None and not format_.signed:
            return self._activated(call, "" if own else "relu", format_.quantiser(keras_relu=True), tensor)
        if own and function != "linear":
            tensor = self._layer(call, "", lambda name: self._new_layer(call, name))(tensor)
        elif function != "linear":
            activation = load().keras.layers.Activation
            tensor = self._layer(call, function, lambda name: activation(function, name=name))(tensor)
        if format_ is None:
            return tensor
        return self._activated(call, "quantizer", format_.quantiser(), tensor)

    def _activated(self, call: Call, part: str, quantiser: str, tensor: Any) -> Any:
        layer = load().qkeras.QActivation
        return self._layer(call, part, lambda name: layer(quantiser, name=name))(tensor)

    def _layer(self, call: Call, part: str, make: Callable[[str], Any]) -> Any:
        """One of the layers that a layer becomes, made at its first call; the empty part bears its name."""
        key = (id(call.layer), part)
        if key not in self.made:
            own = call.layer.name
            self.made[key] = make(
                self._fresh(f"{own}_{part}" if part else own, taken_by=None if part else own)
            )
        return self.made[key]

    def _fresh(self, name: str, taken_by: str | None = None) -> str:
        """``name``, or with a number behind it where another layer of either model bears it."""
        taken = self._names | {call.layer.name for call in self.network.calls} - {taken_by}
        chosen, number = name, 0
        while chosen in taken:
            number += 1
            chosen = f"{name}_{number}"
        self._names.add(chosen)
        return chosen


def _function_of(call: Call) -> str:
    """Name of the activation function of a call; ``linear`` for layers that have none."""
    activation = getattr(call.layer, "activation", None)
    if call.kind == "Softmax":
        return "softmax"
    if call.kind == "ReLU":
        plain = call.layer.max_value is None and not call.layer.negative_slope and not call.layer.threshold
        return "relu" if plain else "bent relu"
    if call.kind == "LeakyReLU":
        return "leaky relu"
    return "linear" if activation is None else str(getattr(activation, "__name__", type(activation).__name__))


def _is_positive(call: Call, function: str) -> bool:
    if function == "bent relu":
        return not call.layer.negative_slope
    return function in ("relu", "sigmoid")


def _flat(result: Any) -> Sequence[Any]:
    return result if isinstance(result, list | tuple) else [result]

"""QKeras model → graph.

Reads chains of QDense, QActivation (quantized_bits, quantized_relu), ReLU and Dropout. Everything
that has no exact meaning is listed in one error, layer by layer, with what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.fixedpoint import to_values, to_words
from trigml.frontends.names import identifier
from trigml.frontends.quantisers import NoExactFormat, quantiser_format
from trigml.graph import Constants, Graph, GraphBuilder

_IDENTITIES = ("InputLayer", "Dropout", "ActivityRegularization")


def graph_from_qkeras(
    model: Any, contract: InputContract, *, name: str | None = None, output_labels: Sequence[str] = ()
) -> Graph:
    """The integer network that a QKeras model computes.

    Args:
        model: a built tf-keras model, one input and one output, without branches.
        contract: how physical features become the input words; its format has to be that of the
            model's input quantiser.
        name: name of the network, default the model's.
        output_labels: meaning of the outputs, for example class names.

    Raises:
        BadInput: the model has parts without an exact meaning; all of them are named.
    """
    builder = _Builder(contract, GraphBuilder(identifier(name or model.name)))
    layers = _chain(model)
    builder.expect_input(model)
    for layer in layers:
        builder.add(layer)
    builder.finish(model)
    return builder.graph.finish([builder.last], output_labels)


def _chain(model: Any) -> list[Any]:
    if not model.inputs or not model.outputs:
        raise BadInput(
            "the model has no inputs and outputs yet",
            where=f"model {model.name!r}",
            expected="a functional or Sequential model that knows its input shape",
            remedy="begin it with keras.Input(shape)",
        )
    layers = list(model.layers)
    branched = [
        layer.name for layer in layers if len(layer.inbound_nodes) != 1 or len(layer.outbound_nodes) > 1
    ]
    if branched or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise BadInput(
            "only networks without branches are supported",
            where=", ".join(branched) or f"{len(model.inputs)} inputs, {len(model.outputs)} outputs",
            expected="one input, one output, each layer used once",
        )
    return layers


@dataclass
class _Builder:
    """Collects operations layer by layer, and the problems met on the way."""

    contract: InputContract
    graph: GraphBuilder
    last: str = ""
    problems: list[str] = field(default_factory=list)
    exact: bool = False  # whether a quantiser made the latest tensor (not a sum of products)

    def add(self, layer: Any) -> None:
        kind = type(layer).__name__
        if kind in _IDENTITIES:
            return
        try:
            if kind == "QDense":
                self._add_dense(layer)
            elif kind == "QActivation":
                self._add_quantiser(identifier(layer.name), layer.quantizer)
            elif _is_relu(layer):
                self._append_relu(identifier(layer.name))
            else:
                self.problems.append(
                    f"{layer.name} ({kind}): not supported; use QDense, QActivation, ReLU or Dropout"
                )
        except NoExactFormat as error:
            self.problems.append(f"{layer.name} ({kind}): {error}")

    def finish(self, model: Any) -> None:
        if not self.last and not self.problems:
            self.problems.append(f"{model.name}: no layers")
        if self.problems:
            raise BadInput(
                "the model has no exact integer form:\n  - " + "\n  - ".join(self.problems),
                where=f"model {model.name!r}",
            )

    def expect_input(self, model: Any) -> None:
        shape = tuple(model.inputs[0].shape[1:])
        if shape != (len(self.contract.features),):
            self.problems.append(
                f"the model's input has shape {shape}, but the input contract has "
                f"{len(self.contract.features)} features"
            )

    def _add_quantiser(self, name: str, quantiser: Any) -> None:
        is_input = not self.last
        if is_input:
            self._append_input(name)
        self.exact = True  # also if it is refused now: one problem is enough
        format_ = quantiser_format(quantiser)
        if is_input:
            if format_ != self.contract.format:
                raise NoExactFormat(
                    f"quantises the input to {format_}, but the input contract says {self.contract.format}"
                )
            return
        if type(quantiser).__name__ == "quantized_relu":
            self._append_relu(f"{name}_positive")
        self._append(name, lambda: self.graph.quantize(name, self.last, format_))

    def _append_input(self, name: str) -> None:
        shape = (len(self.contract.features),)
        self._append(name, lambda: self.graph.input(name, shape, self.contract))

    def _append_relu(self, name: str) -> None:
        if not self.last:
            self._append_input(f"{name}_input")
            raise NoExactFormat(
                "stands before the input quantiser; put QActivation('quantized_bits(...)') first"
            )
        self._append(name, lambda: self.graph.relu(name, self.last))

    def _add_dense(self, layer: Any) -> None:
        if not self.last:
            self._append_input(f"{identifier(layer.name)}_input")
            self.problems.append(
                f"{layer.name} (QDense): its input is not quantised; "
                "put QActivation('quantized_bits(...)') after the input"
            )
        elif not self.exact:
            self.problems.append(
                f"{layer.name} (QDense): its input is not quantised; put a QActivation between the layers"
            )
        self.exact = False
        if layer.kernel_quantizer_internal is None or (
            layer.use_bias and layer.bias_quantizer_internal is None
        ):
            raise NoExactFormat("has float weights; give kernel_quantizer and bias_quantizer")
        weight = _words(layer.kernel.numpy(), layer.kernel_quantizer_internal)
        bias = _words(layer.bias.numpy(), layer.bias_quantizer_internal) if layer.use_bias else None
        name = identifier(layer.name)
        activation = getattr(layer, "activation", None)
        has_activation = activation is not None and getattr(activation, "__name__", "") != "linear"
        if self.graph[self.last].shape != weight.words.shape[:1]:
            # A layer before it has been refused; that problem is listed, and this layer's own are looked for.
            if has_activation:
                self.exact = True
                quantiser_format(activation)
            return
        own = f"{name}_sum" if has_activation else name
        self._append(own, lambda: self.graph.dense(own, self.last, weight, bias))
        if has_activation:
            self._add_quantiser(name, activation)

    def _append(self, name: str, make: Callable[[], str]) -> None:
        if name in self.graph.operations:
            raise NoExactFormat(f"another layer is called {name!r}, too, as a C++ name; rename one")
        self.last = make()


def _is_relu(layer: Any) -> bool:
    kind = type(layer).__name__
    if kind == "ReLU":
        plain = layer.max_value is None and float(layer.negative_slope) == 0 and float(layer.threshold) == 0
        if not plain:
            raise NoExactFormat("ReLU with a limit, slope or threshold is not supported; use a plain ReLU")
        return True
    return kind == "Activation" and getattr(layer.activation, "__name__", "") == "relu"


def _words(values: Any, quantiser: Any) -> Constants:
    """Words of trained float weights, checked against what the quantiser itself makes of them."""
    from trigml.frontends.keras_reference import quantised_exactly

    format_ = quantiser_format(quantiser)
    words = to_words(np.asarray(values, dtype=np.float64), format_)
    if not np.array_equal(to_values(words, format_.fraction), quantised_exactly(quantiser, values)):
        raise NoExactFormat(f"{quantiser} makes other weights than {format_}; please report this")
    return Constants(words, format_.exact())

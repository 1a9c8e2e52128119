"""The Keras model as an exact reference: evaluated where its float arithmetic cannot round.

In float32 a sum of products rounds as soon as it needs more than 24 bits, and the model then differs
from its own exact meaning. In float64 every accumulator that the graph admits (below 2**53) is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import to_values, to_words
from trigml.frontends.context import Context
from trigml.frontends.float_layers import Function, function_of
from trigml.frontends.float_proofs import FLOAT64_BITS, float32_is_exact, places_that_round
from trigml.frontends.float_types import float_type
from trigml.frontends.keras_calls import Call
from trigml.frontends.options import ConversionOptions
from trigml.frontends.qkeras import converted
from trigml.graph import Graph
from trigml.legacy_keras import load

BATCH_EVENTS = 8192
_BATCH_WORDS = 1 << 22


class KerasReference:
    """A Keras model in a float type in which its sums of products are exact.

    That is float32, every layer as it was trained, where no accumulator and no quantiser can round; else
    float64, with the weights that the layers' quantisers make in float32. The layers compute: each tensor
    is the result of Keras' or QKeras' own code.

    Args:
        model: the Keras model that the graph was made from.
        graph: its integer network.
        options: those of the conversion; without them, as for a model that needed none.

    Attributes:
        float_type: ``float32`` or ``float64``.
        may_round: tensors at which not even that type provably is exact.
        not_compared: tensors that Keras has no exact form of: a softmax by tables, and what follows it.
    """

    def __init__(self, model: Any, graph: Graph, options: ConversionOptions | None = None) -> None:
        self.graph = graph
        self._context = _conversion(model, graph, options)
        self.float_type = "float64" if self._context.in_float64 or _is_noisy(self._context) else "float32"
        if not float32_is_exact(graph):
            self.float_type = "float64"
        self.may_round = places_that_round(graph, FLOAT64_BITS) if self.float_type == "float64" else ()
        self._steps, self.not_compared = _steps(self._context, self.float_type)
        self._keys = _keys(self._context, graph, self._steps)

    def outputs(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """The model's outputs in units of the graph's output LSB.

        Args:
            inputs: normalised inputs (events, n_in), on the grid of the input formats or off it; exact in
                float32.

        Returns:
            (events, n_out) float64; integers wherever the model is exact.

        Raises:
            ValueError: the inputs have another shape, or an output is not compared.
        """
        missing = [name for name in self.graph.outputs if name not in self._keys]
        if missing:
            raise ValueError(f"Keras has no exact form of {', '.join(missing)}")
        return np.asarray(self.graph.output_rows(self._predicted(inputs, self.graph.outputs)))

    def tensors(self, inputs: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
        """Like ``outputs`` for every layer that has a tensor of its name in the graph; (events, *shape)."""
        return self._predicted(inputs, tuple(self._keys))

    def _predicted(self, inputs: NDArray[Any], names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
        if inputs.ndim != 2 or inputs.shape[1] != self.graph.n_in:
            raise ValueError(f"expected inputs of the shape (events, {self.graph.n_in}), not {inputs.shape}")
        largest = max(int(np.prod(operation.shape)) for operation in self.graph.operations)
        batch = max(1, min(BATCH_EVENTS, _BATCH_WORDS // largest))
        parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
        for start in range(0, max(1, len(inputs)), batch):
            rows = self._arriving(inputs[start : start + batch])
            with float_type(self.float_type):
                values = self._evaluated(rows)
            for name in names:
                operation = self.graph[name]
                tensor = values[name].numpy().astype(np.float64)
                parts[name].append(
                    np.ldexp(tensor, operation.format.fraction).reshape(len(tensor), *operation.shape)
                )
        return {name: np.concatenate(part) for name, part in parts.items()}

    def _arriving(self, inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """The inputs as the model receives them: brought to words where it has no quantiser of its own."""
        arriving = []
        tensors = self.graph.input_tensors(inputs)
        for operation, quantises in zip(self.graph.inputs, self._context.quantises, strict=True):
            values = tensors[operation.name]
            if not quantises:
                values = to_values(to_words(values, operation.format), operation.format.fraction)
            arriving.append(values.astype(self.float_type))
        return arriving

    def _evaluated(self, inputs: list[NDArray[Any]]) -> dict[str, Any]:
        """Tensors by name; the layers are called one by one, without tracing them."""
        convert = load().tensorflow.convert_to_tensor
        ports = self._context.network.ports
        tensors = {port.key: convert(values) for port, values in zip(ports, inputs, strict=True)}
        for call, function in self._steps.items():
            args, kwargs = call.arguments(tensors.__getitem__)
            tensors[call.outputs[0]] = function(*args, **kwargs)
        return {name: tensors[key] for name, key in self._keys.items()}


def _conversion(model: Any, graph: Graph, options: ConversionOptions | None) -> Context:
    """The conversion again, for what it knows about the layers; the inputs are those of the graph."""
    options = options or ConversionOptions()
    formats = {operation.format for operation in graph.inputs}
    if options.input_type is None and options.contracts is None and len(formats) == 1:
        options = replace(options, input_type=next(iter(formats)))
    return converted(model, replace(options, contracts=graph.contracts, output_labels=()))


def _is_noisy(context: Context) -> bool:
    return any(installed.noisy for installed in context.installed.values())


def _steps(context: Context, type_: str) -> tuple[dict[Call, Function], tuple[str, ...]]:
    """The calls that Keras computes exactly; and the tensors that it does not, nor what reads them."""
    steps: dict[Call, Function] = {}
    unknown: set[int] = set()
    left_out = []
    for call in context.network.calls:
        function = None if unknown & set(call.inputs) else function_of(context, call, type_)
        if function is not None:
            steps[call] = function
        if function is None or call in context.logits:
            unknown.update(call.outputs)
            left_out.append(context.values[call.outputs[0]].tensor)
    return steps, tuple(left_out)


def _keys(context: Context, graph: Graph, steps: Mapping[Call, Function]) -> dict[str, int]:
    """For each tensor of the graph that is the result of a layer, the key of that result."""
    names = {operation.name for operation in graph.operations}
    keys = {}
    for port in context.network.ports:
        if not context.values[port.key].raw:
            keys[context.values[port.key].tensor] = port.key
    for call in steps:
        value = context.values[call.outputs[0]]
        if not value.raw and value.mean is None:
            keys[context.logits.get(call, value.tensor)] = call.outputs[0]
    return {name: key for name, key in keys.items() if name in names}

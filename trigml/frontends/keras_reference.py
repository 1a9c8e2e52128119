"""The QKeras model as an exact reference: evaluated where its float arithmetic cannot round.

In float32 a sum of products rounds as soon as it needs more than 24 bits, and the model then differs
from its own exact meaning. In float64 every accumulator that the graph admits (below 2**53) is exact.
One place remains: QKeras's ``quantized_relu`` casts to float32 whatever the setting;
``where_keras_may_round`` says when that, or a quantiser too fine even for float64, could matter.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.frontends.names import identifier
from trigml.graph import Graph
from trigml.graph.operations import Dense, Quantize, Relu
from trigml.legacy_keras import load

FLOAT32_BITS = 24
FLOAT64_BITS = 53
BATCH_EVENTS = 8192


class KerasReference:
    """A QKeras model in a float type in which its sums of products are exact.

    That is float32, the model as it was trained, where every proven accumulator stays within 2**24 and no
    quantiser needs more; else the model rebuilt in float64 with the same weights.

    Args:
        model: a built tf-keras/QKeras model with float32 weights.
        graph: its integer network; layers and tensors of the same name are the same thing.
    """

    def __init__(self, model: Any, graph: Graph) -> None:
        self.graph = graph
        self.float_type = "float32" if float32_is_exact(graph) else "float64"
        self.may_round = where_keras_may_round(graph)
        with _float_type(self.float_type):
            keras = load().keras
            self._model = model
            if self.float_type == "float64":
                self._model = _in_float64(model)
            names = {operation.name for operation in graph.operations}
            self._traced = keras.Model(
                self._model.inputs,
                {
                    name: layer.output
                    for layer in self._model.layers
                    if (name := identifier(layer.name)) in names
                },
            )

    def outputs(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """The model's outputs in units of the graph's output LSB.

        Args:
            inputs: normalised inputs (events, n_in), on the grid of the input format or off it; exact in
                float32.

        Returns:
            (events, n_out) float64; integers wherever the model is exact.
        """
        return self._scaled(self._predict(self._model, inputs), self.graph.outputs[0])

    def tensors(self, inputs: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
        """Like ``outputs`` for every layer that has a tensor of its name in the graph."""
        values = self._predict(self._traced, inputs)
        return {name: self._scaled(value, name) for name, value in values.items()}

    def _scaled(self, values: NDArray[Any], name: str) -> NDArray[np.float64]:
        return np.asarray(np.ldexp(values.astype(np.float64), self.graph[name].format.fraction))

    def _predict(self, model: Any, inputs: NDArray[Any]) -> Any:
        with _float_type(self.float_type):  # QKeras asks for the float type when it is traced
            return model.predict(inputs.astype(self.float_type), batch_size=BATCH_EVENTS, verbose=0)


def float32_is_exact(graph: Graph) -> bool:
    """Whether every sum of products, in any order, and every quantiser is exact in float32."""
    sums = [operation.format for operation in graph.operations if isinstance(operation, Dense)]
    quantisers = [operation for operation in graph.operations if isinstance(operation, Quantize)]
    return all(-format_.min_word <= 1 << FLOAT32_BITS for format_ in sums) and all(
        _steps_into(graph, quantiser) <= 1 << FLOAT32_BITS for quantiser in quantisers
    )


def quantised_exactly(quantiser: Any, values: NDArray[Any]) -> NDArray[np.float64]:
    """What a QKeras quantiser makes of values, evaluated in float64."""
    with _float_type("float64"):
        tensor = load().tensorflow.constant(values, dtype="float64")
        return np.asarray(quantiser(tensor).numpy(), dtype=np.float64)


def where_keras_may_round(graph: Graph) -> tuple[str, ...]:
    """Tensors at which QKeras's own float arithmetic could change a word; empty if it provably cannot.

    Before a ``quantized_relu`` an accumulator is cast to float32. Words below 2**24 survive that. So do
    larger ones if 2**24 already saturates: rounding is monotone, and they saturate before and after.
    """
    suspects = []
    for operation in graph.operations:
        if not isinstance(operation, Quantize):
            continue
        source = graph[operation.inputs[0]]
        if _steps_into(graph, operation) > 1 << FLOAT64_BITS:
            suspects.append(operation.name)
        if not isinstance(source, Relu):
            continue
        largest = graph.ranges[source.name].largest_magnitude
        saturated_above = (operation.format.max_word + 1) << max(
            0, source.format.fraction - operation.format.fraction
        )
        if largest > 1 << FLOAT32_BITS and saturated_above > 1 << FLOAT32_BITS:
            suspects.append(operation.name)
    return tuple(dict.fromkeys(suspects))


def _steps_into(graph: Graph, quantiser: Quantize) -> int:
    """How many steps of the finer of two grids lie below the largest value that enters a quantiser.

    QKeras computes ``x + (quantised(x) - x)``, for its gradient. That is exact while ``x``, in steps of
    either grid, fits the significand. The source's own grid is bounded elsewhere; this is the target's.
    """
    source = graph[quantiser.inputs[0]]
    finer = max(0, quantiser.format.fraction - source.format.fraction)
    return graph.ranges[source.name].largest_magnitude << finer if finer else 0


def _in_float64(model: Any) -> Any:
    def rebuilt(layer: Any) -> Any:
        return type(layer).from_config({**layer.get_config(), "dtype": "float64"})

    with warnings.catch_warnings():
        # Keras does not know QKeras's constraints, and these initial weights are replaced at once.
        warnings.simplefilter("ignore", UserWarning)
        clone = load().keras.models.clone_model(model, clone_function=rebuilt)
    clone.set_weights([weights.astype(np.float64) for weights in model.get_weights()])
    return clone


@contextmanager
def _float_type(name: str) -> Iterator[None]:
    keras = load().keras
    before = keras.backend.floatx(), keras.mixed_precision.global_policy()
    keras.backend.set_floatx(name)
    keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        keras.backend.set_floatx(before[0])
        keras.mixed_precision.set_global_policy(before[1])

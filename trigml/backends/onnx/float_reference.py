"""The float reference as ONNX, through tf2onnx; and how far another float arithmetic may be from it.

Two programs that add the same floats in another order get other last bits, so nothing is exact here.
Instead there is a bound that follows from the arithmetic alone. With the unit roundoff u = 2**-24 of
float32, a sum of n products is off by at most ``((1 + u)**(n + 1) - 1) * sum |w||x|`` in any order. Layers
behind it hand errors on at most as their absolute weights do, and ReLU makes none larger. So, per output,

    |float32 - exact| <= ((1 + u)**N - 1) * M(|x|),

where M is the same network with absolute weights, biases and inputs, and N counts the roundings on the way
(the fan-in of each layer plus one, and some for the parts of a normalisation). Two float32 programs are at
most twice that apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import trigml
from trigml.backends.onnx.assembly import PRODUCER, serialised
from trigml.errors import BadInput, NotBitExact
from trigml.legacy_keras import load
from trigml.qonnx_model import IR_VERSION, OPSET

UNIT_ROUNDOFF = 2.0**-24

_SUMS = ("Dense", "Conv1D", "Conv2D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
_NEVER_LARGER = (
    *("InputLayer", "ReLU", "Dropout", "Flatten", "Reshape", "Permute", "ZeroPadding1D", "ZeroPadding2D"),
    *("MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Concatenate", "Add"),
    *("AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D"),
)
"""Layers without weights of which the bound's argument holds as it stands."""

BATCH_EVENTS = 8192


@dataclass(frozen=True)
class FloatCheck:
    """The exported float reference against Keras.

    Attributes:
        events: compared.
        numbers: compared.
        largest_deviation: largest difference of an output.
        relative: that, as a fraction of the largest output of all.
        ulp: that, in units of the last place of the larger of the two numbers.
        used: largest fraction of its bound that a difference takes; at most 1.
        bound: the bound of the output that takes most of it.
        tool: versions.
    """

    events: int
    numbers: int
    largest_deviation: float
    relative: float
    ulp: float
    used: float
    bound: float
    tool: str


def float_onnx(model: Any) -> bytes:
    """A float Keras model as an ONNX file; the same bytes for the same model.

    Raises:
        BadInput: tf2onnx cannot express a layer.
    """
    import tf2onnx

    modules = load()
    specs = [
        modules.tensorflow.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name=tensor.name.split(":")[0])
        for tensor in model.inputs
    ]
    try:
        proto, _ = tf2onnx.convert.from_keras(model, input_signature=specs, opset=OPSET)
    except Exception as error:  # tf2onnx raises plain Exceptions
        raise BadInput(
            "tf2onnx cannot write this model", where=str(model.name), found=str(error).splitlines()[0]
        ) from error
    _name_anew(proto, model.name)
    return serialised(proto)


def _name_anew(proto: Any, name: str) -> None:
    """Names that do not count what the process converted before; no other program's version, no date."""
    graph = proto.graph
    ports = {value.name for value in (*graph.input, *graph.output)}
    names = {tensor.name: f"constant_{index}" for index, tensor in enumerate(graph.initializer)}
    for index, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{index}"
        names |= {
            output: f"{node.name}_{number}"
            for number, output in enumerate(node.output)
            if output not in ports
        }
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
    for node in graph.node:
        node.input[:] = [names.get(value, value) for value in node.input]
        node.output[:] = [names.get(value, value) for value in node.output]
        node.doc_string = ""
    del graph.value_info[:]
    graph.name = name
    graph.doc_string = proto.doc_string = ""
    proto.producer_name, proto.producer_version = PRODUCER, trigml.__version__
    proto.ir_version = IR_VERSION


def check_float_onnx(model: Any, content: bytes, inputs: NDArray[np.float32]) -> FloatCheck:
    """Compare an ONNX file with the Keras model that it was made from, both in float32.

    Args:
        model: a float Keras model with one input and one output.
        content: the file.
        inputs: (events, *shape).

    Raises:
        BadInput: onnxruntime refuses the file, or the model has a layer without a bound.
        NotBitExact: a difference is beyond the bound of float32 arithmetic: the file is another network.
    """
    import onnxruntime

    bounds = _bounds(model, inputs)
    expected = _predicted(model, inputs)
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        port = session.get_inputs()[0].name
        parts = [
            session.run(None, {port: inputs[start : start + BATCH_EVENTS]})[0]
            for start in range(0, len(inputs), BATCH_EVENTS)
        ]
    except Exception as error:  # onnxruntime's errors have no common class
        raise BadInput("onnxruntime cannot run the exported model", found=str(error)) from error
    found = np.concatenate(parts).astype(np.float64)
    deviation = np.abs(found - expected)
    used = np.divide(deviation, bounds, out=np.where(deviation > 0, np.inf, 0.0), where=bounds > 0)
    place = np.unravel_index(int(np.argmax(used)), used.shape)
    if not np.all(np.isfinite(found)) or used[place] > 1:
        raise NotBitExact(
            "the exported model differs from Keras by more than float32 arithmetic can",
            where=f"event {place[0]}, output {place[1:]}",
            expected=f"{expected[place]:.9g} ± {bounds[place]:.3g} (Keras)",
            found=f"{found[place]:.9g} (onnxruntime)",
        )
    largest = np.maximum(np.abs(found), np.abs(expected))
    return FloatCheck(
        len(inputs),
        found.size,
        float(deviation.max()),
        float(deviation.max() / max(float(largest.max()), np.finfo(np.float64).tiny)),
        float((deviation / np.spacing(largest.astype(np.float32))).max()),
        float(used[place]),
        float(bounds[place]),
        f"onnxruntime {onnxruntime.__version__}, tf-keras {load().versions['tf-keras']}",
    )


def _predicted(model: Any, inputs: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(model.predict(inputs, batch_size=BATCH_EVENTS, verbose=0), dtype=np.float64)


def _bounds(model: Any, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far two float32 programs can be apart, per output."""
    roundings = sum(_roundings(layer) for layer in model.layers)
    keras = load().keras
    absolute = keras.models.clone_model(model)
    absolute.set_weights(_majorants(model))
    # The majorant is itself computed in float32, and by these roundings too small at most.
    majorant = _predicted(absolute, np.abs(inputs)) * (1 + UNIT_ROUNDOFF) ** (2 * roundings)
    return np.asarray(2 * np.expm1(roundings * np.log1p(UNIT_ROUNDOFF)) * majorant)


def _roundings(layer: Any) -> int:
    """Roundings between a layer's input and its output."""
    kind = type(layer).__name__
    linear = getattr(getattr(layer, "activation", None), "__name__", "linear") in ("linear", "relu")
    if kind in _SUMS and linear:
        kernels = [weight for weight in layer.weights if len(weight.shape) > 1]
        return sum(int(np.prod(kernel.shape[:-1])) + 2 for kernel in kernels)
    if kind == "BatchNormalization":
        return 8  # sqrt, division, three products and sums, either way of writing it
    if kind == "Activation" and linear:
        return 0
    if kind in _NEVER_LARGER:
        size = getattr(layer, "pool_size", None)
        if kind.startswith("GlobalAverage"):
            size = layer.input.shape[1:-1]
        return int(np.prod(size)) + 1 if size is not None and "Average" in kind else 1
    raise BadInput(
        "there is no bound for the float arithmetic of this layer",
        where=f"{layer.name} ({kind})",
        expected=", ".join((*_SUMS, "BatchNormalization", *_NEVER_LARGER)),
    )


def _majorants(model: Any) -> list[NDArray[np.float32]]:
    """Weights of a network whose outputs are at least as large as every sum of absolute terms."""
    arrays = []
    for variable, array in zip(model.weights, model.get_weights(), strict=True):
        name = variable.name.rpartition("/")[2]
        arrays.append(-np.abs(array) if name.startswith("moving_mean") else np.abs(array))
    return arrays

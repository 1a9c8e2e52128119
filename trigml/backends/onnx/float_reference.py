"""The float reference as ONNX, through tf2onnx; and how far another float arithmetic may be from it.

Two programs that add the same floats in another order get other last bits, so nothing is exact here.
Instead every output of every event has a bound that follows from the arithmetic alone (``float_bounds``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import trigml
from trigml.backends.onnx.assembly import PRODUCER, serialised
from trigml.backends.onnx.float_bounds import FloatBounds
from trigml.errors import BadInput, NotBitExact
from trigml.legacy_keras import load
from trigml.qonnx_model import IR_VERSION, OPSET

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
    _order_anew(graph)
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
    for value in (*graph.input, *graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.WhichOneof("value") != "dim_value":  # the only free size
                dim.dim_param = "events"
    del graph.value_info[:]
    graph.name = name
    graph.doc_string = proto.doc_string = ""
    proto.producer_name, proto.producer_version = PRODUCER, trigml.__version__
    proto.ir_version = IR_VERSION


def _order_anew(graph: Any) -> None:
    """Nodes and constants in the order in which the outputs need them; tf2onnx's own depends on hashes."""
    made_by = {output: index for index, node in enumerate(graph.node) for output in node.output}
    order: dict[int, None] = {}

    def need(value: str) -> None:
        index = made_by.get(value)
        if index is None or index in order:
            return
        for source in graph.node[index].input:
            need(source)
        order[index] = None

    for value in graph.output:
        need(value.name)
    nodes = [graph.node[index] for index in order]
    used = list(dict.fromkeys(name for node in nodes for name in node.input))
    constants = sorted(graph.initializer, key=lambda tensor: used.index(tensor.name))
    for field, content in ((graph.node, nodes), (graph.initializer, constants)):
        kept = [type(item).FromString(item.SerializeToString(deterministic=True)) for item in content]
        del field[:]
        field.extend(kept)


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

    analysis = FloatBounds(model)
    starts = range(0, len(inputs), BATCH_EVENTS)
    bounds = np.concatenate([analysis.apart(inputs[start : start + BATCH_EVENTS]) for start in starts])
    expected = _predicted(model, inputs)
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        port = session.get_inputs()[0].name
        parts = [session.run(None, {port: inputs[start : start + BATCH_EVENTS]})[0] for start in starts]
    except Exception as error:  # onnxruntime's errors have no common class
        raise BadInput("onnxruntime cannot run the exported model", found=str(error)) from error
    found = np.concatenate(parts).astype(np.float64)
    deviation = np.abs(found - expected)
    used = np.divide(deviation, bounds, out=np.where(deviation > 0, np.inf, 0.0), where=bounds > 0)
    place = np.unravel_index(int(np.argmax(used)), used.shape)
    if not np.all(np.isfinite(found)) or not used[place] <= 1:
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

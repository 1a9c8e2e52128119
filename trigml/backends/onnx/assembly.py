"""An ONNX graph that grows node by node, and becomes a model with reproducible bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import trigml
from trigml.qonnx_model import IR_VERSION, OPSET

PRODUCER = "trigml"

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the ONNX graph.

    Attributes:
        name: its name.
        shape: without the axis of the events.
        integer: int64 instead of float32.
        constant: it has no axis of the events.
    """

    name: str
    shape: Shape
    integer: bool = False
    constant: bool = False


@dataclass
class Assembly:
    """Nodes, constants and values so far."""

    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)

    def constant(self, name: str, content: NDArray[Any]) -> str:
        """A constant: float32, or int64 if ``content`` is of integers."""
        kind = np.int64 if content.dtype.kind == "i" else np.float32
        self.constants[name] = np.asarray(content, dtype=kind)
        self.values[name] = Value(name, content.shape, kind is np.int64, constant=True)
        return name

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        output: str,
        shape: Shape,
        *,
        domain: str = "",
        integer: bool = False,
        constant: bool = False,
        **attributes: Any,
    ) -> Value:
        """A node with one output."""
        from onnx import helper

        self.nodes.append(
            helper.make_node(
                kind, list(inputs), [output], name=f"{output}.{kind}", domain=domain, **attributes
            )
        )
        value = self.values[output] = Value(output, shape, integer, constant)
        return value

    def model(
        self,
        name: str,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        metadata: Mapping[str, Any],
    ) -> Any:
        """The ``onnx.ModelProto``; ``metadata`` becomes JSON in its ``metadata_props``.

        Its values are those of one event.
        """
        from onnx import helper, numpy_helper

        ports = {value.name for value in (*inputs, *outputs)}
        graph = helper.make_graph(
            self.nodes,
            name,
            [_described(value) for value in inputs],
            [_described(value) for value in outputs],
            initializer=[numpy_helper.from_array(array, key) for key, array in self.constants.items()],
            value_info=[_described(value) for key, value in self.values.items() if key not in ports],
        )
        domains = sorted({node.domain for node in self.nodes} | {""})
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(domain, 1 if domain else OPSET) for domain in domains],
            ir_version=IR_VERSION,
            producer_name=PRODUCER,
            producer_version=trigml.__version__,
        )
        helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
        return model


def _described(value: Value) -> Any:
    from onnx import TensorProto, helper

    kind = TensorProto.INT64 if value.integer else TensorProto.FLOAT
    return helper.make_tensor_value_info(
        value.name, kind, value.shape if value.constant else (1, *value.shape)
    )


def serialised(model: Any) -> bytes:
    """The same bytes for the same model."""
    return bytes(model.SerializeToString(deterministic=True))

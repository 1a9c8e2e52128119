"""Post-training quantisation: a plain ONNX model and formats (docs/models.md) make a QONNX model.

The same file and the same places as for Keras models: at each input; on weights and biases; behind each
activation function; behind each other node that computes, unless only batch normalisation or an activation
function reads its result, or it is an output.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.fixedpoint.fitting import signed_integer_bits
from trigml.frontends.onnx.conversion import Port
from trigml.frontends.onnx.file import Node, constants_of_file, nodes_of
from trigml.frontends.onnx.preparation import Preparation
from trigml.frontends.quantizers_file import Format, Quantizers
from trigml.problems import Problem

_SUMS = ("MatMul", "Gemm", "Conv")
_ACTIVATIONS = ("Relu", "LeakyRelu", "PRelu", "Clip")
_COMPUTE = (
    *("BatchNormalization", "Add", "Sub", "Mul", "Div", "Sum", "AveragePool", "GlobalAveragePool"),
    *("ReduceSum", "ReduceMean"),
)
_PASSING = (
    *("Identity", "Dropout", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Pad"),
    *("MaxPool", "GlobalMaxPool", "ReduceMax"),
)
_QUANTISED_BY_ITSELF = (*_ACTIVATIONS, "BatchNormalization")


def quantise_model(preparation: Preparation, quantizers: Quantizers, ports: list[Port], source: str) -> None:
    """Write the formats into a plain model as Quant nodes; what is missing becomes a problem.

    Args:
        preparation: the model.
        quantizers: the formats; their layers are called as the nodes of the model.
        ports: inputs of the model.
        source: what messages call the file of the formats.

    Raises:
        BadInput: the file names a layer or an input that the model does not have.
    """
    nodes = nodes_of(preparation.model)
    quantizers.refuse_strangers([node.name for node in nodes], [port.name for port in ports], source)
    _Quantising(preparation, quantizers, source, nodes).run(ports)


@dataclass
class _Quantising:
    preparation: Preparation
    quantizers: Quantizers
    source: str
    nodes: list[Node]
    constants: dict[str, Any] = field(default_factory=dict)

    def run(self, ports: list[Port]) -> None:
        self.constants = constants_of_file(self.preparation.model, self.preparation.where)
        outputs = {value.name for value in self.preparation.model.graph.output}
        biases = {id(node): follower for node in self.nodes if (follower := self._bias_add(node, outputs))}
        followers = {id(follower) for follower in biases.values()}
        for node in self.nodes:
            if node.kind in ("Quant", "IntQuant", "BipolarQuant", "Trunc"):
                self._problem(node, "it is a quantiser already", "leave --quantizers out")
            if node.kind in _SUMS:
                self._constants(node, biases.get(id(node)))
        for node in self.nodes:
            last = biases.get(id(node), node)
            if id(node) not in followers and last.output not in outputs and self._is_quantised(node, last):
                self._behind(node, last)
        for port in ports:
            format_ = self.quantizers.input_format(port.name)
            if format_ is not None:
                self.preparation.quantise_input(port, _fixed(format_, None))

    def _constants(self, node: Node, follower: Node | None) -> None:
        """Weights and biases."""
        own, default = self.quantizers.of(node.name), self.quantizers.default
        self._constant(node, node, 1, own.weights or default.weights, "weights")
        biased, index = (node, 2) if follower is None else (follower, self._constant_index(follower))
        if len(biased.inputs) > index and biased.inputs[index]:
            self._constant(node, biased, index, own.biases or default.biases, "biases")

    def _constant(self, layer: Node, node: Node, index: int, format_: Format | None, what: str) -> None:
        if len(node.inputs) <= index or node.inputs[index] not in self.constants:
            return
        if format_ is None:
            self._needed(layer, what, f"{what}: fixed<8,auto>")
            return
        values = self.constants[node.inputs[index]]
        self.preparation.quantise_input_of(node, index, _fixed(format_, values))

    def _bias_add(self, node: Node, outputs: set[str]) -> Node | None:
        """The Add of a constant that alone reads a sum of products."""
        readers = [other for other in self.nodes if node.output in other.inputs]
        if node.kind not in _SUMS or len(readers) != 1 or node.output in outputs:
            return None
        constant = readers[0].kind == "Add" and any(name in self.constants for name in readers[0].inputs)
        return readers[0] if constant else None

    def _constant_index(self, node: Node) -> int:
        return next(index for index, name in enumerate(node.inputs) if name in self.constants)

    def _readers(self, value: str) -> list[Node]:
        """The nodes that read a value, looking through those that hand it on."""
        found: list[Node] = []
        for node in self.nodes:
            if value in node.inputs:
                found += self._readers(node.output) if node.kind in _PASSING else [node]
        return found

    def _is_quantised(self, node: Node, last: Node) -> bool:
        if self.quantizers.of(node.name).activations is not None:
            return True
        if node.kind in _ACTIVATIONS:
            return bool(self._readers(last.output))
        if node.kind not in (*_SUMS, *_COMPUTE) or all(name in self.constants for name in node.inputs):
            return False
        readers = self._readers(last.output)
        by_themselves = all(reader.kind in (*_QUANTISED_BY_ITSELF, "Softmax") for reader in readers)
        return bool(readers) and not by_themselves

    def _behind(self, node: Node, last: Node) -> None:
        default = self.quantizers.default
        positive = node.kind == "Relu"
        usual = default.activations if positive else default.signed_activations
        format_ = self.quantizers.of(node.name).activations or usual
        if format_ is None:
            line = "activations: ufixed<8,3>" if positive else "signed_activations: fixed<8,3>"
            self._needed(node, "activations", line)
            return
        self.preparation.quantise(last.output, _fixed(format_, None))

    def _needed(self, node: Node, what: str, line: str) -> None:
        self._problem(
            node,
            f"{self.source} has no format for its {what}",
            f"add it under default or layers.{node.name}: {line}",
        )

    def _problem(self, node: Node, what: str, remedy: str) -> None:
        self.preparation.problems.append(Problem(node.name, node.kind, what, "", remedy))


def _fixed(format_: Format, values: Any) -> FixedPoint:
    """The format with half to even and saturation; ``auto`` takes the integer bits that suit the values."""
    integer = format_.integer
    if integer is None:
        integer = signed_integer_bits(np.asarray(values, dtype=np.float32), format_.bits)
    overflow = Overflow.SAT_SYM if format_.symmetric else Overflow.SAT
    return FixedPoint(format_.signed, format_.bits, integer, Rounding.RND_CONV, overflow)

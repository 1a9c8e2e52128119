"""What options ask for, written into the ONNX graph itself: afterwards it says by itself what it computes.

So graph and executor get the same network: input quantisers as Quant nodes, batch normalisation with rounded
factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import FixedPoint, Overflow, Rounding, to_values, to_words
from trigml.frontends.onnx.conversion import Port
from trigml.frontends.onnx.file import QUANT_DOMAINS, QUANT_KINDS, Node, constants_of_file, nodes_of
from trigml.problems import Problem
from trigml.qonnx_model import QUANT_DOMAIN

_MODES = {Rounding.RND_CONV: "ROUND", Rounding.TRN: "FLOOR"}


@dataclass
class Preparation:
    """A model while options are written into it.

    Attributes:
        model: the ``onnx.ModelProto``, changed in place.
        where: how messages call the file.
        problems: what cannot be done.
        notes: what was done, for people.
    """

    model: Any
    where: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def normalise_domains(self) -> None:
        """One domain for Quant and its kin, whatever the exporter called it; and its version."""
        versions = {entry.domain: entry.version for entry in self.model.opset_import}
        found = [node for node in self.model.graph.node if node.op_type in QUANT_KINDS]
        version = next((versions[domain] for domain in QUANT_DOMAINS if versions.get(domain)), 1)
        if any(node.op_type == "Trunc" and len(node.input) > 5 for node in found):
            version = 2
        for node in self.model.graph.node:
            node.domain = QUANT_DOMAIN if node.op_type in QUANT_KINDS else ""
        kept = [(e.domain, e.version) for e in self.model.opset_import if e.domain in ("", "ai.onnx")]
        del self.model.opset_import[:]
        self.model.opset_import.add(domain="", version=kept[0][1] if kept else 13)
        self.model.opset_import.add(domain=QUANT_DOMAIN, version=max(1, version))

    def quantise_input(self, port: Port, format_: FixedPoint) -> None:
        """A Quant node at an input that has none of its own, or another one behind the wanted format."""
        quantised = self.quantise(port.name, format_, at_start=True)
        for value in self.model.graph.output:
            if value.name == port.name:
                value.name = quantised

    def quantise(self, value: str, format_: FixedPoint, *, at_start: bool = False) -> str:
        """A Quant node behind a value, read by all that read the value until now; its output's name."""
        quantised = self.fresh(f"{value}_quantised")
        for node in self.model.graph.node:
            for index, name in enumerate(node.input):
                if name == value:
                    node.input[index] = quantised
        node = self._quant_node(value, quantised, format_)
        places = [i for i, other in enumerate(self.model.graph.node) if value in other.output]
        self.model.graph.node.insert(0 if at_start or not places else places[0] + 1, node)
        return quantised

    def quantise_input_of(self, node: Node, index: int, format_: FixedPoint) -> None:
        """A Quant node at one input of one node, for constants."""
        quantised = self.fresh(f"{node.output}_{node.inputs[index]}_quantised")
        made = self._quant_node(node.inputs[index], quantised, format_)
        place = next(i for i, other in enumerate(self.model.graph.node) if node.output in other.output)
        self.model.graph.node[place].input[index] = quantised
        self.model.graph.node.insert(place, made)

    def _quant_node(self, source: str, quantised: str, format_: FixedPoint) -> Any:
        """A Quant node from ``source`` to ``quantised``, whose name it has, with its constants."""
        from onnx import helper

        return helper.make_node(
            "Quant",
            [source, *self._parameters(quantised, format_)],
            [quantised],
            name=quantised,
            domain=QUANT_DOMAIN,
            signed=int(format_.signed),
            narrow=int(format_.overflow is Overflow.SAT_SYM and format_.signed),
            rounding_mode=_MODES[format_.rounding],
        )

    def _parameters(self, name: str, format_: FixedPoint) -> list[str]:
        values = {"scale": format_.lsb, "zero_point": 0.0, "bits": float(format_.width)}
        return [self.constant(f"{name}_{what}", np.array(value)) for what, value in values.items()]

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """A new float32 constant."""
        from onnx import numpy_helper

        name = self.fresh(name)
        self.model.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def fresh(self, name: str) -> str:
        """A name that no value has yet."""
        graph = self.model.graph
        taken = {entry.name for entry in (*graph.initializer, *graph.input)}
        taken.update(output for node in graph.node for output in node.output)
        while name in taken:
            name += "_"
        return name

    def round_batchnorms(self, target: FixedPoint) -> None:
        """Batch normalisations with factors and offsets rounded half to even, as parameters of their own."""
        constants = constants_of_file(self.model, self.where)
        for node in nodes_of(self.model):
            if node.kind == "BatchNormalization" and all(name in constants for name in node.inputs[1:5]):
                self._round_batchnorm(node, [constants[name] for name in node.inputs[1:5]], target)

    def _round_batchnorm(self, node: Node, parameters: Sequence[NDArray[Any]], target: FixedPoint) -> None:
        from onnx import helper

        scale, bias, mean, variance = (array.astype(np.float64) for array in parameters)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = scale / np.sqrt(variance + node.number("epsilon", 1e-5))
        if not np.all(np.isfinite(factor)):
            self._problem(node, "its factors are NaN or infinite", "train the model again")
            return
        rounded = self._rounded(node, "factors", factor, target)
        offset = bias - mean * rounded
        shifted = self._rounded(node, "offsets", offset, target)
        self.notes.append(
            f"{node.name} ({node.kind}): factors and offsets rounded to {target}: a factor changes by "
            f"at most {np.abs(rounded - factor).max() / target.lsb:.2f} LSB, "
            f"an offset by {np.abs(shifted - offset).max() / target.lsb:.2f} LSB"
        )
        arrays = {"scale": rounded, "B": shifted, "mean": 0 * mean, "var": 0 * mean + 1}
        proto = next(other for other in self.model.graph.node if node.output in other.output)
        proto.input[1:5] = [self.constant(f"{node.output}_{what}", array) for what, array in arrays.items()]
        kept = [attribute for attribute in proto.attribute if attribute.name != "epsilon"]
        del proto.attribute[:]
        proto.attribute.extend([*kept, helper.make_attribute("epsilon", 0.0)])

    def _rounded(
        self, node: Node, what: str, values: NDArray[np.float64], target: FixedPoint
    ) -> NDArray[np.float64]:
        steps = np.rint(np.ldexp(values, target.fraction))
        if steps.min() < target.min_word or steps.max() > target.max_word:
            worst = values[np.argmax(np.abs(values))]
            self._problem(
                node,
                f"has {what} up to {worst:g}, beyond the range of {target}",
                "give a type with more integer bits: --batchnorm-type",
            )
        return to_values(to_words(values, target), target.fraction)

    def _problem(self, node: Node, what: str, remedy: str) -> None:
        self.problems.append(Problem(node.name, node.kind, what, "", remedy))

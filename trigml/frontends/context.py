"""What a conversion knows while it goes from layer to layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.frontends.keras_calls import Call, Network
from trigml.frontends.options import ConversionOptions
from trigml.frontends.refusals import Reason, refused
from trigml.graph import GraphBuilder
from trigml.graph.network import words_in
from trigml.graph.operations import Padding
from trigml.graph.shapes import Shape
from trigml.problems import Problem

_ONE_BIT = FixedPoint(False, 1, 1, Rounding.RND_CONV, Overflow.SAT)


@dataclass(frozen=True)
class Window:
    """The window of a pooling layer: its size, its steps and the cells around the input, per spatial axis."""

    pool: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding


@dataclass(frozen=True)
class Mean:
    """A mean over windows whose count is no power of two: it needs the quantiser behind it.

    Attributes:
        tensor: what is averaged.
        window: over what.
        flat: whether the pooled axes, of length 1, are left away.
    """

    tensor: str
    window: Window
    flat: bool = False


@dataclass(frozen=True)
class Value:
    """A Keras tensor as a tensor of the graph.

    Attributes:
        tensor: name in the graph.
        quantised: whether sums of products may read it: no sum of products made it since a quantiser.
        raw: whether it is the model's input before the model's own quantiser (in the graph it is
            quantised already).
        softmax: whether a softmax behind it was left away.
        mean: what has to be averaged first, by the quantiser that follows.
    """

    tensor: str
    quantised: bool = True
    raw: bool = False
    softmax: bool = False
    mean: Mean | None = None


@dataclass(frozen=True)
class Installed:
    """Quantised parameters of one layer, by attribute, as float64 values that are words.

    Attributes:
        values: for example ``kernel`` and ``bias``.
        noisy: whether QKeras in float32 makes values that are a rounding beside these.
    """

    values: dict[str, NDArray[np.float64]]
    noisy: bool = False


@dataclass
class Context:
    """A conversion under way.

    Attributes:
        options: of the conversion.
        network: the calls of the model.
        graph: the graph so far.
        values: per key of a Keras tensor, what it is in the graph.
        problems: broken rules so far.
        notes: decisions so far.
        input_quantisers: calls that quantise the model's inputs, which the graph's inputs stand for.
        quantises: per port, whether the model itself brings its values to words.
        installed: per layer (its ``id``), the quantised parameters.
        batchnorm: per layer, factor and offset of its batch normalisation, as words.
        logits: per call with a softmax that is made of tables, what the softmax reads.
        in_float64: reasons to compare with Keras in float64, whatever the accumulators need.
    """

    options: ConversionOptions
    network: Network
    graph: GraphBuilder
    values: dict[int, Value] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    input_quantisers: set[Call] = field(default_factory=set)
    quantises: list[bool] = field(default_factory=list)
    installed: dict[int, Installed] = field(default_factory=dict)
    batchnorm: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)
    logits: dict[Call, str] = field(default_factory=dict)
    in_float64: list[str] = field(default_factory=list)

    def refuse(self, call: Call, reasons: Sequence[Reason]) -> None:
        """Note the problems of a layer, each once, however often the layer is called."""
        for reason in reasons:
            self.problem(call.layer.name, call.kind, reason)

    def problem(self, layer: str, kind: str, reason: Reason) -> None:
        """Note a problem, once."""
        problem = Problem(layer, kind, reason.what, reason.why, reason.remedy)
        if problem not in self.problems:
            self.problems.append(problem)

    def note(self, text: str) -> None:
        """Note a decision, once."""
        if text not in self.notes:
            self.notes.append(text)

    def placeholder(self, name: str, shape: Shape) -> str:
        """A tensor in the place of one that was refused, so that the layers behind it are looked at.

        It has one bit, so that nothing behind it seems too wide.
        """
        name = name if name not in self.graph.operations else self.network.fresh(name)
        return self.graph.input(name, shape, InputContract.plain(name, words_in(shape), _ONE_BIT))

    def read(self, call: Call) -> list[Value]:
        """The tensors that a call reads.

        Raises:
            Refused: one of them is only there for the end of the network.
        """
        values = [self.values[key] for key in call.inputs]
        for value in values:
            if value.softmax:
                raise refused(
                    "reads the result of a softmax",
                    "a softmax is left away only where it is the last thing of an output",
                    "ask for the softmax as tables (--softmax table), or take the logits",
                )
        return values

    def read_one(self, call: Call) -> Value:
        """The tensor that a call reads.

        Raises:
            Refused: it reads several, or one that is only there for the end of the network.
        """
        values = self.read(call)
        if len(values) != 1:
            raise refused("reads several tensors", "", "give it one tensor")
        return values[0]

    def append(self, call: Call, value: Value) -> None:
        """Note the result of a call."""
        self.values[call.outputs[0]] = value

"""What a Keras model does not say by itself, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from trigml.contract import InputContract
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.graph import Graph


class Softmax(StrEnum):
    """What becomes of a softmax."""

    LOGITS = "logits"  # left away at the end of a network: a decision does not need it
    TABLE = "table"  # tables with an exact integer meaning (trigml.graph.softmax)


@dataclass(frozen=True)
class ConversionOptions:
    """How to convert a Keras model.

    Attributes:
        contracts: per input, how physical features become its words, as a run gives them; else the inputs
            are plain words, whose format is that of the model's input quantisers or ``input_type``.
        input_type: format in which the inputs arrive, for models without an input quantiser; values are
            rounded half to even into it, and saturate.
        batchnorm_type: format to which the factors and offsets of batch normalisations with float
            parameters are rounded (half to even).
        softmax: what becomes of a softmax.
        name: name of the network, default the model's.
        output_labels: what the output words mean, for example class names.
    """

    contracts: Sequence[InputContract] | None = None
    input_type: FixedPoint | None = None
    batchnorm_type: FixedPoint | None = None
    softmax: Softmax = Softmax.LOGITS
    name: str | None = None
    output_labels: Sequence[str] = ()

    @property
    def input_format(self) -> FixedPoint | None:
        """``input_type`` with the rounding and the overflow of inputs."""
        return None if self.input_type is None else rounding_half_even(self.input_type)


@dataclass(frozen=True)
class Conversion:
    """A Keras model as an exact graph.

    Attributes:
        graph: the integer network.
        notes: what was decided on the way (a softmax left away, rounded batch normalisation), for people.
    """

    graph: Graph
    notes: tuple[str, ...]


def rounding_half_even(format_: FixedPoint) -> FixedPoint:
    """The format, with rounding half to even and saturation."""
    overflow = format_.overflow if format_.overflow is Overflow.SAT_SYM else Overflow.SAT
    return replace(format_, rounding=Rounding.RND_CONV, overflow=overflow)

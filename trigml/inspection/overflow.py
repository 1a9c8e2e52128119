"""Where a network's types can overflow: proven, shown by an input, or neither."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from trigml.data.names import did_you_mean
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray, Interval, Overflow, fit_into
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.graph.ranges import linear_range
from trigml.inspection.before_overflow import (
    network_before_overflow,
    network_into_type,
    range_before_overflow,
)
from trigml.inspection.idle_bits import proven_low_zeros
from trigml.inspection.witnesses import FoundInput, Inputs, Outcome, search
from trigml.progress import Progress, Silent

_LOSING = (Overflow.WRAP, Overflow.SAT_ZERO)


class Verdict(StrEnum):
    """What can be said of an overflow rule."""

    FITS = "never overflows"
    SATURATES = "may saturate"
    SHOWN = "overflows"
    POSSIBLE = "could overflow, not shown"


@dataclass(frozen=True)
class Witness:
    """An input with which a word leaves its type's range.

    Attributes:
        origin: an event, a corner, or how it was constructed.
        words: the input words.
        features: the physical features that become these words: name, value and unit.
        element: index in the tensor.
        exact: the word that the type would need, in its LSB.
        stored: the word that the overflow rule makes of it.
    """

    origin: str
    words: tuple[int, ...]
    features: tuple[tuple[str, float, str], ...]
    element: tuple[int, ...]
    exact: int
    stored: int


@dataclass(frozen=True)
class OverflowFinding:
    """What can be said of one overflow rule.

    Attributes:
        tensor: the tensor that bears the type.
        format: the type.
        needed: proven smallest and largest word before the rule, in the type's LSB.
        verdict: what follows.
        exactly: the verdict rests on exact extremes, where the interval alone would not say it.
        witness: an input with which the rule changes a word; not looked for where the type saturates in
            the network itself.
    """

    tensor: str
    format: FixedPoint
    needed: tuple[int, int]
    verdict: Verdict
    exactly: bool = False
    witness: Witness | None = None

    @property
    def needed_width(self) -> int:
        """Bits with which the type holds the proven range."""
        ends = Interval(np.array([self.needed[0]]), np.array([self.needed[1]]))
        return ends.smallest_format(self.format.fraction, signed=self.format.signed or None).width

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self) | {"format": str(self.format), "needed_width": self.needed_width}


@dataclass(frozen=True)
class DeclaredFinding:
    """A type that somebody would give to a layer's result, held against the network.

    Attributes:
        overflow: whether the result leaves its range.
        dropped_bits: low bits of the exact result that the type does not keep and that are not proven zero.
        partial_sums: smallest and largest word of any partial sum, in the LSB of the exact result, and the
            exact result's format; ``None`` for a layer without sums of products.
    """

    overflow: OverflowFinding
    dropped_bits: int
    partial_sums: tuple[int, int, FixedPoint] | None

    @property
    def exact(self) -> bool:
        """Whether the layer's result would be the same in this type."""
        return self.overflow.verdict is Verdict.FITS and self.dropped_bits == 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        partial = None
        if self.partial_sums is not None:
            low, high, format_ = self.partial_sums
            partial = {"low": low, "high": high, "format": str(format_)}
        return self.overflow.to_json() | {"dropped_bits": self.dropped_bits, "partial_sums": partial}


def overflow_findings(
    graph: Graph, at_hand: Sequence[Inputs], progress: Progress | None = None
) -> tuple[OverflowFinding, ...]:
    """One finding per quantiser and mean of a network.

    Everything else in a checked graph never overflows. A type that saturates is only held against the proof;
    for one that wraps or goes to zero, an input that shows it is looked for.

    Args:
        graph: a checked graph.
        at_hand: inputs to try first: events, corners, random vectors.
        progress: listener.
    """
    rules = [o for o in graph.operations if isinstance(o, ops.Quantize | ops.AveragePool)]
    findings = []
    with (progress or Silent()).task("Looking for overflows", len(rules)) as task:
        for rule in rules:
            needed = range_before_overflow(graph, rule).bounds
            if rule.format.overflow in _LOSING:
                network = network_before_overflow(graph, rule)
                findings.append(_finding(network, rule.name, rule.format, needed, at_hand))
            else:
                fits = rule.format.holds(*needed)
                verdict = Verdict.FITS if fits else Verdict.SATURATES
                findings.append(OverflowFinding(rule.name, rule.format, needed, verdict))
            task.advance()
    return tuple(findings)


def declared_finding(
    graph: Graph, tensor: str, format_: FixedPoint, at_hand: Sequence[Inputs]
) -> DeclaredFinding:
    """Hold a type against a layer's result (and, in hls4ml's terms, its accumulator).

    Args:
        graph: a checked graph.
        tensor: name of the layer.
        format_: the type that somebody would give it.
        at_hand: inputs to try first.

    Raises:
        BadInput: the network has no such layer.
    """
    require_layers(graph, [tensor])
    operation = graph[tensor]
    network = network_into_type(graph, tensor, format_)
    needed = network.ranges[network.outputs[0]].bounds
    dropped = operation.format.fraction - format_.fraction - proven_low_zeros(graph)[tensor]
    partial = None
    if isinstance(operation, ops.Linear):
        source = operation.inputs[0]
        _, sums = linear_range(operation, graph[source].format, graph.ranges[source])
        partial = (*sums.bounds, operation.format)
    return DeclaredFinding(_finding(network, tensor, format_, needed, at_hand), max(0, dropped), partial)


def require_layers(graph: Graph, names: Iterable[str]) -> None:
    """Refuse names that no layer of the network bears.

    Raises:
        BadInput: one of them, with the nearest names.
    """
    known = [operation.name for operation in graph.operations]
    for name in names:
        if name not in known:
            raise BadInput(
                f"the network has no layer {name!r}",
                expected="one of " + ", ".join(known),
                remedy=did_you_mean(name, known),
            )


def _finding(
    network: Graph, tensor: str, format_: FixedPoint, needed: tuple[int, int], at_hand: Sequence[Inputs]
) -> OverflowFinding:
    if format_.holds(*needed):
        return OverflowFinding(tensor, format_, needed, Verdict.FITS)
    outcome: Outcome = search(network, format_, at_hand)
    if outcome.found is not None:
        witness = _witness(network, format_, outcome.found)
        return OverflowFinding(tensor, format_, needed, Verdict.SHOWN, witness=witness)
    verdict = Verdict.FITS if outcome.impossible else Verdict.POSSIBLE
    return OverflowFinding(tensor, format_, needed, verdict, exactly=outcome.impossible)


def _witness(network: Graph, format_: FixedPoint, found: FoundInput) -> Witness:
    row: IntArray = np.array([found.words], dtype=np.int64)
    start = 0
    features: list[tuple[str, float, str]] = []
    for contract in network.contracts:
        end = start + len(contract.features)
        values = contract.physical(row[:, start:end])[0].tolist()
        features += [(f.name, v, f.unit) for f, v in zip(contract.features, values, strict=True)]
        start = end
    return Witness(
        found.origin,
        found.words,
        tuple(features),
        tuple(int(i) for i in np.unravel_index(found.element, network.output.shape)),
        found.exact,
        int(fit_into(np.array([found.exact]), format_)[0]),
    )

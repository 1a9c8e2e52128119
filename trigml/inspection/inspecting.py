"""``trigml inspect``: what a network needs, layer by layer, and what its events make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trigml.fixedpoint import FixedPoint, IntArray
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.graph.products import Products, products_of
from trigml.inspection.idle_bits import idle_top_bits, proven_low_zeros
from trigml.inspection.overflow import (
    DeclaredFinding,
    OverflowFinding,
    declared_finding,
    overflow_findings,
    require_layers,
)
from trigml.inspection.seen import Seen, seen_in
from trigml.inspection.witnesses import Inputs
from trigml.opening import OpenedModel
from trigml.progress import Progress, Silent
from trigml.verify.events import EventStream
from trigml.verify.vectors import Vectors, corner_vectors, event_vectors, random_vectors

RANDOM_VECTORS = 20_000
MOST_RANDOM_WORDS = 1 << 22
"""Random vectors, if there are no events: as many as do not have more words together."""
WITNESS_EVENTS = 5_000
"""How many of the first events, and how many random vectors, are tried as inputs that overflow a type."""


@dataclass(frozen=True)
class LayerInspection:
    """One operation of the network.

    Attributes:
        name: of the operation.
        operation: its kind.
        shape: of its tensor.
        format: of its words.
        proven: smallest and largest word that the proof admits.
        seen: smallest and largest word in the events.
        idle_top: upper bits that the proven range does not need.
        idle_top_seen: upper bits that the events did not need.
        low_zeros: lowest bits that are proven to be zero always.
        low_zeros_seen: lowest bits that were zero in all events.
        constant: elements with the same word in all events.
        saturated: fraction of the words that the overflow rule changed; quantisers, and inputs if the events
            came as features.
        to_zero: of a quantiser: fraction of the words before it, if not zero, that became zero.
        counts: weights and products.
    """

    name: str
    operation: str
    shape: tuple[int, ...]
    format: FixedPoint
    proven: tuple[int, int]
    seen: tuple[int, int]
    idle_top: int
    idle_top_seen: int
    low_zeros: int
    low_zeros_seen: int
    constant: int
    saturated: float | None
    to_zero: float | None
    counts: Products

    def values(self, words: tuple[int, int]) -> tuple[float, float]:
        """Words as values."""
        low, high = (float(np.ldexp(word, -self.format.fraction)) for word in words)
        return low, high

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the ranges as words and as values."""
        content = asdict(self) | {"format": str(self.format), "shape": list(self.shape)}
        for name, words in (("proven", self.proven), ("seen", self.seen)):
            content[name] = {"words": list(words), "values": list(self.values(words))}
        return content


@dataclass(frozen=True)
class Inspection:
    """A whole network.

    Attributes:
        model: what it is called.
        digest: of the graph.
        inputs: which events were looked at, or that they were random vectors.
        events: how many.
        layers: its operations in order.
        overflows: what can be said of each overflow rule.
        declared: the same of the types that somebody would give to layers.
        notes: what was decided when the model was opened.
    """

    model: str
    digest: str
    inputs: str
    events: int
    layers: tuple[LayerInspection, ...]
    overflows: tuple[OverflowFinding, ...]
    declared: tuple[DeclaredFinding, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "model": self.model,
            "graph": self.digest,
            "inputs": self.inputs,
            "events": self.events,
            "layers": [layer.to_json() for layer in self.layers],
            "overflows": [finding.to_json() for finding in self.overflows],
            "declared": [finding.to_json() for finding in self.declared],
            "notes": list(self.notes),
        }


def inspect(
    model: OpenedModel,
    *,
    events: EventStream | None = None,
    declared: Mapping[str, FixedPoint] | None = None,
    seed: int = 1,
    progress: Progress | None = None,
) -> Inspection:
    """Look into a model's network.

    Args:
        model: an opened model.
        events: what the seen ranges are of; ``None`` for random vectors, every word equally likely.
        declared: types that somebody would give to layers, by the layer's name.
        seed: of the random vectors.
        progress: listener.

    Raises:
        BadInput: events that the network cannot read; a type for a layer that is not there.
    """
    graph, listener, types = model.graph, progress or Silent(), declared or {}
    require_layers(graph, types)
    on_grid, _ = random_vectors(graph, 2 * min(RANDOM_VECTORS, MOST_RANDOM_WORDS // graph.n_in), seed)
    first: list[IntArray] = []
    if events is None:
        found = seen_in(graph, [on_grid], len(on_grid), listener)
    else:
        found = seen_in(graph, _words_of(graph, events, first), events.n_events, listener)
    at_hand = [Inputs(f"an event ({events.name})", words) for words in first] if events else []
    at_hand += [
        Inputs("a corner", corner_vectors(graph).words),
        Inputs("a random vector", on_grid.words[:WITNESS_EVENTS]),
    ]
    return Inspection(
        model.name,
        graph.digest,
        "random vectors, every word equally likely" if events is None else events.name,
        found.events,
        tuple(layers_of(graph, found.tensors, with_features=events is not None)),
        overflow_findings(graph, at_hand, listener),
        tuple(declared_finding(graph, tensor, format_, at_hand) for tensor, format_ in types.items()),
        model.notes,
    )


def _words_of(graph: Graph, events: EventStream, first: list[IntArray]) -> Iterator[Vectors]:
    """The events as words; those of the first chunk are kept in ``first``."""
    for features in events.chunks:
        vectors = event_vectors(graph, features, events.name)
        if not first:
            first.append(vectors.words[:WITNESS_EVENTS])
        yield vectors


def layers_of(graph: Graph, tensors: Mapping[str, Seen], *, with_features: bool) -> Iterator[LayerInspection]:
    """What there is to say of every operation."""
    zeros = proven_low_zeros(graph)
    for operation in graph.operations:
        seen = tensors[operation.name]
        proven = graph.ranges[operation.name].bounds
        quantises = isinstance(operation, ops.Quantize)
        overflows = quantises or (with_features and isinstance(operation, ops.Input))
        width = operation.format.width
        yield LayerInspection(
            operation.name,
            type(operation).__name__,
            operation.shape,
            operation.format,
            proven,
            seen.bounds,
            idle_top_bits(operation.format, *proven),
            idle_top_bits(operation.format, *seen.bounds),
            min(width, zeros[operation.name]),
            min(width, seen.low_zeros),
            seen.constant,
            seen.overflow_rate if overflows else None,
            seen.to_zero_rate if quantises else None,
            products_of(graph, operation),
        )

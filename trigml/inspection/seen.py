"""What a network's words do in events: ranges, bits, saturation; gathered chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from trigml.emulation.numpy_emulator import emulate_tensors
from trigml.fixedpoint import IntArray, fit_into
from trigml.fixedpoint.words import rounded
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.graph.network import words_in
from trigml.inspection.idle_bits import low_zeros
from trigml.network_events import ports
from trigml.progress import Progress, Silent
from trigml.verify.vectors import Vectors

CHUNK_WORDS = 1 << 22
"""Words of all tensors together that are looked at at a time."""


@dataclass
class Seen:
    """One tensor over the events.

    Attributes:
        low: smallest word of each element.
        high: largest word of each element.
        used: bits that are one in any word (as a bitwise or).
        words: how many words there were.
        overflowed: of a quantiser, or of an input where features are known: words that the overflow rule
            changed.
        not_zero: of a quantiser: words before it that were not zero.
        to_zero: how many of these it made zero.
    """

    low: IntArray
    high: IntArray
    used: int = 0
    words: int = 0
    overflowed: int = 0
    not_zero: int = 0
    to_zero: int = 0

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest word over all elements."""
        return int(self.low.min()), int(self.high.max())

    @property
    def low_zeros(self) -> int:
        """How many of the lowest bits were always zero."""
        return low_zeros(self.used)

    @property
    def constant(self) -> int:
        """Elements that had one and the same word in all events."""
        return int(np.count_nonzero(self.low == self.high))

    @property
    def overflow_rate(self) -> float:
        """Fraction of the words that the overflow rule changed."""
        return self.overflowed / self.words

    @property
    def to_zero_rate(self) -> float:
        """Fraction of the words before the quantiser, if not zero, that became zero."""
        return self.to_zero / max(1, self.not_zero)

    def add(self, words: IntArray) -> None:
        """Take more events (events, *shape) into account."""
        self.low = np.minimum(self.low, words.min(axis=0))
        self.high = np.maximum(self.high, words.max(axis=0))
        self.used |= int(np.bitwise_or.reduce(words, axis=None))
        self.words += words.size

    def add_quantised(
        self, before: IntArray, fraction: int, operation: ops.Quantize, after: IntArray
    ) -> None:
        """Take into account what a quantiser did to words with ``fraction`` fractional bits."""
        exact = rounded(before, fraction, operation.format)
        self.overflowed += int(np.count_nonzero(fit_into(exact, operation.format) != exact))
        self.not_zero += int(np.count_nonzero(before))
        self.to_zero += int(np.count_nonzero((before != 0) & (after == 0)))


@dataclass(frozen=True)
class SeenNetwork:
    """All tensors over the events.

    Attributes:
        events: how many there were.
        tensors: by name.
    """

    events: int
    tensors: dict[str, Seen]


def seen_in(
    graph: Graph, chunks: Iterable[Vectors], n_events: int | None = None, progress: Progress | None = None
) -> SeenNetwork:
    """Run events through a network and look at every tensor; memory does not grow with their number.

    Args:
        graph: a checked graph.
        chunks: the events, as many at a time as one likes.
        n_events: how many there are in all, for the progress.
        progress: listener.

    Raises:
        BadInput: words that the network cannot receive.
        ValueError: there are no events.
    """
    limit = np.iinfo(np.int64)
    tensors = {
        operation.name: Seen(np.full(operation.shape, limit.max), np.full(operation.shape, limit.min))
        for operation in graph.operations
    }
    count = 0
    with (progress or Silent()).task("Looking at the words of every layer", n_events) as task:
        for piece in _pieces(graph, chunks):
            words = emulate_tensors(graph, piece.words)
            for operation in graph.operations:
                seen = tensors[operation.name]
                seen.add(words[operation.name])
                if isinstance(operation, ops.Quantize):
                    (source,) = operation.inputs
                    fraction = graph[source].format.fraction
                    seen.add_quantised(words[source], fraction, operation, words[operation.name])
            if piece.features is not None:
                for port, (contract, part) in zip(graph.inputs, ports(graph, piece.features), strict=True):
                    outside = contract.saturated(part).sum() * len(part)
                    tensors[port.name].overflowed += int(np.rint(outside))
            count += len(piece)
            task.advance(len(piece))
    if count == 0:
        raise ValueError("no events")
    return SeenNetwork(count, tensors)


def _pieces(graph: Graph, chunks: Iterable[Vectors]) -> Iterator[Vectors]:
    size = max(1, CHUNK_WORDS // sum(words_in(operation.shape) for operation in graph.operations))
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield chunk.part(start, start + size)

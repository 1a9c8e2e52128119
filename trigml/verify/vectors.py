"""The inputs that stages are compared on: events, corners and random vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import IntArray, to_words
from trigml.graph import Graph

OFF_GRID_REACH = 0.25
"""How far random vectors go beyond either end of the input format, as a fraction of its range."""


@dataclass(frozen=True)
class Vectors:
    """One set of inputs, in both forms.

    Attributes:
        name: what they are, for the table.
        inputs: normalised inputs (events, n_in) float64, on the grid of the input format or off it;
            what the Keras model receives.
        words: the same as input words (events, n_in) int64; what everything else receives.
    """

    name: str
    inputs: NDArray[np.float64]
    words: IntArray

    def __len__(self) -> int:
        return len(self.words)


def event_vectors(graph: Graph, features: NDArray[Any], name: str) -> Vectors:
    """Physical features (events, n_in) brought to words by the input contracts."""
    ends = np.cumsum([len(contract.features) for contract in graph.contracts])[:-1]
    parts = np.split(features, ends, axis=1)
    words = np.concatenate(
        [contract.words(part) for contract, part in zip(graph.contracts, parts, strict=True)], axis=1
    )
    return _on_grid(graph, name, words)


def corner_vectors(graph: Graph) -> Vectors:
    """All inputs at their minimum, at their maximum, at zero and at one LSB either side of it; and each
    input at an end of its range while the others are at the other end.
    """
    low, high = _limits(graph)
    one_alone = np.eye(graph.n_in, dtype=bool)
    rows = [low[None], high[None], (0 * low)[None], (0 * low + 1)[None], np.maximum(-1, low)[None]]
    rows += [np.where(one_alone, low, high), np.where(one_alone, high, low)]
    return _on_grid(graph, "corners", np.concatenate(rows))


def random_vectors(graph: Graph, count: int, seed: int) -> tuple[Vectors, Vectors]:
    """Half of ``count`` on the grid, every word equally likely; half off the grid.

    Those off the grid are float32 values that reach beyond both ends of the format's range, some of them
    exact ties between two words, so that rounding and saturation of the input quantiser are met.
    """
    low, high = _limits(graph)
    random = np.random.default_rng(seed)
    half = count // 2
    on_grid = random.integers(low, high + 1, (half, graph.n_in), dtype=np.int64)
    margin = OFF_GRID_REACH * (high - low)
    scaled = random.uniform(low - margin, high + margin, (count - half, graph.n_in))
    ties = random.random(scaled.shape) < 0.25
    scaled = np.where(ties, np.floor(scaled) + 0.5, scaled).astype(np.float32).astype(np.float64)
    inputs = np.ldexp(scaled, -graph.input_fractions)
    words = [
        to_words(values.reshape(count - half, -1), graph[name].format)
        for name, values in graph.input_tensors(inputs).items()
    ]
    return (
        _on_grid(graph, "random, on the grid", on_grid),
        Vectors("random, off the grid", inputs, np.concatenate(words, axis=1)),
    )


def _on_grid(graph: Graph, name: str, words: IntArray) -> Vectors:
    return Vectors(name, np.ldexp(words.astype(np.float64), -graph.input_fractions), words)


def _limits(graph: Graph) -> tuple[IntArray, IntArray]:
    """Smallest and largest word of each input, (n_in,)."""
    counts = [len(contract.features) for contract in graph.contracts]
    low = np.array([operation.format.min_word for operation in graph.inputs], dtype=np.int64)
    high = np.array([operation.format.max_word for operation in graph.inputs], dtype=np.int64)
    return np.repeat(low, counts), np.repeat(high, counts)

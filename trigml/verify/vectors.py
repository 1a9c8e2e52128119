"""The inputs that stages are compared on: events, corners and random vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.network_events import ports

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
        features: the physical features (events, n_in) float32 that became these words, if there are any:
            what a stage with an input quantiser of its own receives.
    """

    name: str
    inputs: NDArray[np.float64]
    words: IntArray
    features: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.words)

    def part(self, start: int, end: int) -> Vectors:
        """The events from ``start`` to before ``end``."""
        features = None if self.features is None else self.features[start:end]
        return Vectors(self.name, self.inputs[start:end], self.words[start:end], features)


def event_vectors(graph: Graph, features: NDArray[np.float32], name: str) -> Vectors:
    """Physical features (events, n_in) brought to words by the input contracts."""
    words = np.concatenate([contract.words(part) for contract, part in ports(graph, features)], axis=1)
    return replace(_on_grid(graph, name, words), features=features)


def corner_vectors(graph: Graph) -> Vectors:
    """All inputs at their minimum, at their maximum, at zero and at one LSB either side of it; and each
    input at an end of its range while the others are at the other end.
    """
    low, high = input_limits(graph)
    one_alone = np.eye(graph.n_in, dtype=bool)
    rows = [low[None], high[None], (0 * low)[None], np.minimum(1, high)[None], np.maximum(-1, low)[None]]
    rows += [np.where(one_alone, low, high), np.where(one_alone, high, low)]
    return _on_grid(graph, "corners", np.concatenate(rows))


def random_vectors(graph: Graph, count: int, seed: int) -> tuple[Vectors, Vectors]:
    """Half of ``count`` on the grid, every word equally likely; half off the grid.

    Those off the grid are float32 features that reach beyond both ends of the format's range, some of them
    exact ties between two words, so that rounding and saturation of the input quantiser are met.
    """
    low, high = input_limits(graph)
    random = np.random.default_rng(seed)
    half = count // 2
    on_grid = random.integers(low, high + 1, (half, graph.n_in), dtype=np.int64)
    margin = OFF_GRID_REACH * (high - low)
    scaled = random.uniform(low - margin, high + margin, (count - half, graph.n_in))
    ties = random.random(scaled.shape) < 0.25
    scaled = np.where(ties, np.floor(scaled) + 0.5, scaled).astype(np.float32).astype(np.float64)
    return _on_grid(graph, "random, on the grid", on_grid), _off_grid(graph, scaled)


def _off_grid(graph: Graph, scaled: NDArray[np.float64]) -> Vectors:
    """Inputs in units of the LSB, as features.

    A feature that single precision cannot hold so finely is another feature, and its word is the contract's.
    Where its normalised value is finer than single precision, the Keras model gets the value of the word.
    """
    columns = []
    for contract, part in ports(graph, scaled):
        with np.errstate(over="ignore", under="ignore"):
            features = contract.physical(part).astype(np.float32)
        features = np.where(np.isfinite(features), features, np.float32(0))
        words, exact = contract.words(features), contract.normalise(features)
        fine = exact != exact.astype(np.float32)
        columns.append((np.where(fine, contract.model_inputs(words), exact), words, features))
    inputs, words, features = (np.concatenate(part, axis=1) for part in zip(*columns, strict=True))
    return Vectors("random, off the grid", inputs, words, features)


def _on_grid(graph: Graph, name: str, words: IntArray) -> Vectors:
    return Vectors(name, np.ldexp(words.astype(np.float64), -graph.input_fractions), words)


def input_limits(graph: Graph) -> tuple[IntArray, IntArray]:
    """Smallest and largest word of each input, (n_in,)."""
    counts = [len(contract.features) for contract in graph.contracts]
    low = np.array([operation.format.min_word for operation in graph.inputs], dtype=np.int64)
    high = np.array([operation.format.max_word for operation in graph.inputs], dtype=np.int64)
    return np.repeat(low, counts), np.repeat(high, counts)

"""The inputs that stages are compared on: events, corners and random vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.fixedpoint import IntArray, to_values, to_words

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


def event_vectors(contract: InputContract, features: NDArray[Any], name: str) -> Vectors:
    """Physical features (events, n_in) brought to words by the input contract."""
    words = contract.words(features)
    return Vectors(name, to_values(words, contract.format.fraction), words)


def corner_vectors(contract: InputContract) -> Vectors:
    """All inputs at their minimum, at their maximum, at zero and at one LSB either side of it; and each
    input at an end of its range while the others are at the other end.
    """
    format_, count = contract.format, len(contract.features)
    ends = (format_.min_word, format_.max_word)
    rows = [np.full(count, word) for word in (*ends, 0, 1, max(-1, format_.min_word))]
    for this, others in (ends, ends[::-1]):
        rows += list(np.where(np.eye(count, dtype=bool), this, others))
    words = np.array(rows, dtype=np.int64)
    return Vectors("corners", to_values(words, format_.fraction), words)


def random_vectors(contract: InputContract, count: int, seed: int) -> tuple[Vectors, Vectors]:
    """Half of ``count`` on the grid, every word equally likely; half off the grid.

    Those off the grid are float32 values that reach beyond both ends of the format's range, some of them
    exact ties between two words, so that rounding and saturation of the input quantiser are met.
    """
    format_, width = contract.format, len(contract.features)
    random = np.random.default_rng(seed)
    half = count // 2
    words = random.integers(format_.min_word, format_.max_word + 1, (half, width), dtype=np.int64)
    on_grid = Vectors("random, on the grid", to_values(words, format_.fraction), words)
    margin = OFF_GRID_REACH * (format_.max_word - format_.min_word)
    scaled = random.uniform(format_.min_word - margin, format_.max_word + margin, (count - half, width))
    ties = random.random(scaled.shape) < 0.25
    scaled = np.where(ties, np.floor(scaled) + 0.5, scaled).astype(np.float32).astype(np.float64)
    inputs = np.ldexp(scaled, -format_.fraction)
    off_grid = Vectors("random, off the grid", inputs, to_words(inputs, format_))
    return on_grid, off_grid

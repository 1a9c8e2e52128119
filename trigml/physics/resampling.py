"""Samples drawn with replacement, all at once: what a bootstrap needs (Efron, Ann. Statist. 7 (1979) 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.physics.uncertainties import FloatArray

FEWEST_RESAMPLES = 10


def check_resamples(resamples: int) -> None:
    """Refuse a bootstrap that says nothing.

    Raises:
        BadInput: fewer than ``FEWEST_RESAMPLES``.
    """
    if resamples < FEWEST_RESAMPLES:
        raise BadInput(f"a bootstrap needs at least {FEWEST_RESAMPLES} resamples", found=str(resamples))


def drawn_counts(n: int, resamples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(resamples, n), how often each of n events is in each resample of n events."""
    drawn = rng.integers(0, n, (resamples, n)) + n * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * n).reshape(resamples, n)


def drawn_ordered(values: FloatArray, counts: NDArray[np.int64]) -> FloatArray:
    """(resamples, n), the values (n,) that each resample has drawn, rising."""
    order = np.argsort(values)
    rows = np.broadcast_to(values[order], counts.shape)
    return np.repeat(rows.ravel(), counts[:, order].ravel()).reshape(counts.shape)

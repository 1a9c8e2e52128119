"""What one classifier gains over another."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.gains import WorkingPoint, gain
from trigml.physics.roc import roc_curve

POINT = WorkingPoint(background_efficiency=0.1, signal_efficiency=0.9)


def scores(rng: np.random.Generator, n: int, separation: float) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian scores of n signal and n background events, in a random order."""
    is_signal = rng.permutation(np.repeat([True, False], n))
    return rng.normal(size=2 * n) + separation * is_signal, is_signal


def test_values_by_hand() -> None:
    """Protects the definitions: ten events of each kind, whose order is written down."""
    is_signal = np.array([True] * 10 + [False] * 10)
    # One background event is above the lowest signal event; the candidate has none above.
    reference = np.array([*range(20, 11, -1), 5, 10, *range(4, -5, -1)])
    candidate = np.array([*range(20, 10, -1), *range(10, 0, -1)])
    found = gain(reference, candidate, is_signal, WorkingPoint(0.05, 0.95), resamples=50)
    # Reference: the ε_S at half a background event lies halfway between no and one event: always 0.9.
    assert found.signal_efficiency.value == pytest.approx(1.0 - 0.9)
    assert found.rejection.value == math.inf
    swapped = gain(candidate, reference, is_signal, WorkingPoint(0.05, 0.95), resamples=50)
    assert (swapped.signal_efficiency.value, swapped.rejection.value) == (pytest.approx(-0.1), 0.0)
    assert found.to_json()["rejection"]["value"] is None


def test_the_same_scores_gain_nothing_and_are_sure_of_it() -> None:
    """Protects the pairing: the same model, on another scale, has a gain of exactly nothing."""
    values, is_signal = scores(np.random.default_rng(1), 300, 1.5)
    found = gain(values, 3 * values + 1, is_signal, POINT)
    assert found.signal_efficiency.to_json() == {"value": 0.0, "lower": 0.0, "upper": 0.0}
    assert found.rejection.to_json() == {"value": 1.0, "lower": 1.0, "upper": 1.0}


def test_bounds_are_those_of_repeated_samples() -> None:
    """Protects the bootstrap: its half-width is the spread of the gain over independent samples."""
    rng = np.random.default_rng(2)
    point, values, widths = WorkingPoint(0.2, 0.7), [], []
    for _ in range(80):
        first, is_signal = scores(rng, 500, 1.2)
        second = first + 0.6 * rng.normal(size=first.size) + 0.3 * is_signal
        found = gain(first, second, is_signal, point, resamples=50)
        values.append((found.signal_efficiency.value, math.log(found.rejection.value)))
        widths.append(
            (
                (found.signal_efficiency.upper - found.signal_efficiency.lower) / 2,
                math.log(found.rejection.upper / found.rejection.lower) / 2,
            )
        )
    assert np.mean(widths, axis=0) == pytest.approx(np.std(values, axis=0), rel=0.25)


def test_points_and_resamples_are_checked() -> None:
    """Protects against a working point that no classifier has."""
    with pytest.raises(BadInput, match="above 0 and below 1"):
        WorkingPoint(0.0, 0.9)
    values, is_signal = scores(np.random.default_rng(1), 10, 1.0)
    with pytest.raises(BadInput, match="50 resamples"):
        gain(values, values, is_signal, POINT, resamples=10)
    with pytest.raises(BadInput, match="too few events"):
        gain(values, values, np.ones_like(is_signal), POINT)


def test_signal_efficiency_at_a_background_efficiency() -> None:
    """Protects reading a curve the other way: ends, ties, and points between two background events."""
    values = np.array([5, 4, 4, 3, 2, 2, 1])
    is_signal = np.array([True, True, False, True, False, True, False])
    curve = roc_curve(values, is_signal)
    # ε_B steps from 0 to 1/3 at the tie with ε_S from 1/4 to 2/4; then 3/4 at the same ε_B.
    assert curve.signal_efficiency_at([0, 1 / 6, 1 / 3, 1 / 2, 1]) == pytest.approx(
        [0.25, 0.375, 0.75, 0.875, 1]
    )
    inverse = curve.background_efficiency_at(curve.signal_efficiency_at([0.1, 0.2, 0.5]))
    assert inverse == pytest.approx([0.1, 0.2, 0.5])

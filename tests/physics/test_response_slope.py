"""Tests of trigml.physics.response_slope."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.physics.resolution import energy_bins
from trigml.physics.resolution_fit import resolution_formula
from trigml.physics.response_slope import CorrectedBin, corrected_bins, slope_matrix
from trigml.physics.uncertainties import Measured, NotMeasured

EDGES = np.geomspace(4, 60, 11)


def toys(n: int, terms: tuple[float, float, float], seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and true energies of a linear Gaussian estimator with known a, b, c."""
    random = np.random.default_rng(seed)
    true = np.exp(random.uniform(np.log(4), np.log(60), n))
    return true * (1 + resolution_formula(true, *terms) * random.normal(size=n)), true


def inner(bins: tuple[CorrectedBin, ...]) -> list[tuple[float, Measured, Measured]]:
    """Energy, slope and corrected resolution of the bins that are corrected."""
    found = []
    for one in bins:
        if isinstance(one.resolution, Measured):
            assert isinstance(one.slope, Measured)
            found.append((one.energy, one.slope, one.resolution))
    return found


def test_known_slopes_and_resolutions_come_back_within_their_uncertainties() -> None:
    """Protects both figures and the bootstrap: pulls as of a unit Gaussian, and all bins but two."""
    pulls = []
    for seed, power in enumerate((0.6, 1.0, 1.3)):
        predicted, true = toys(8000, (0.4, 0.2, 0.05), seed)
        found = inner(corrected_bins(2 * np.maximum(predicted, 0) ** power, true, EDGES, resamples=60))
        assert len(found) == len(EDGES) - 3
        for energy, slope, resolution in found:
            expected = float(resolution_formula(np.float64(energy), 0.4, 0.2, 0.05))
            pulls.append((slope.value - power) / slope.uncertainty)
            pulls.append((resolution.value - expected) / resolution.uncertainty)
    assert np.abs(pulls).max() < 4
    assert 0.6 < np.std(pulls) < 1.5


@settings(max_examples=10, deadline=None)
@given(power=st.floats(0.4, 2), scale=st.floats(0.01, 100), a=st.floats(0.1, 0.6), seed=st.integers(0, 50))
def test_a_rising_recalibration_changes_the_resolution_only_uncorrected(
    power: float, scale: float, a: float, seed: int
) -> None:
    """Protects the invariance, and that the uncorrected resolution lacks it: there it is off by the power.

    Quantiles lie between two events, and a power law bends what is between them: hence the tolerance.
    """
    predicted, true = toys(1500, (a, 0.0, 0.02), seed)
    predicted = np.maximum(predicted, 0.01 * true)
    recalibrated = scale * predicted**power
    before, after = (
        inner(corrected_bins(values, true, EDGES, resamples=10)) for values in (predicted, recalibrated)
    )
    for (_, slope, one), (_, steeper, other) in zip(before, after, strict=True):
        assert steeper.value == pytest.approx(power * slope.value, rel=0.01)
        assert other.value == pytest.approx(one.value, rel=0.01)
    # At one energy: in a wide bin, a response that is not linear adds its own spread.
    at_ten = 10 * (1 + 0.3 * a * np.random.default_rng(seed).normal(size=5000))
    (plain,), (bent,) = (
        energy_bins(values, np.full(5000, 10.0), [9, 11], resamples=10)
        for values in (at_ten, scale * at_ten**power)
    )
    assert bent.resolution.value == pytest.approx(power * plain.resolution.value, rel=0.04)


def test_an_estimator_that_is_pulled_to_the_middle_of_the_range_is_unmasked() -> None:
    """Protects from a regressor that adds what it knows of the sample to what it measures.

    The estimate of least squared error in ln E for a known flat spectrum: predictions never leave the range.
    """
    random = np.random.default_rng(4)
    log_true = random.uniform(np.log(4), np.log(60), 20_000)
    measured = log_true + 0.4 * random.normal(size=log_true.size)
    grid = np.linspace(np.log(4), np.log(60), 400)
    likelihood = np.exp(-0.5 * ((measured[:, None] - grid) / 0.4) ** 2)
    shrunk = likelihood @ grid / likelihood.sum(axis=1)
    assert np.exp(shrunk).min() > 4
    true = np.exp(log_true)
    honest, pulled = (corrected_bins(np.exp(log), true, EDGES, resamples=40) for log in (measured, shrunk))
    plain, cheating = (energy_bins(np.exp(log), true, EDGES, resamples=10) for log in (measured, shrunk))
    assert cheating[1].resolution.value < 0.7 * plain[1].resolution.value
    for (_, slope, one), (_, flatter, other) in zip(inner(honest), inner(pulled), strict=True):
        assert slope.value == pytest.approx(1, abs=4 * slope.uncertainty)
        assert flatter.value < 1.03
        assert other.value == pytest.approx(one.value, rel=0.12)


@given(st.integers(4, 12), st.integers(0, 99))
def test_the_slope_of_a_polynomial_is_exact(n_bins: int, seed: int) -> None:
    """Protects the derivative: no difference for curves of the fitted degree, whatever the weights."""
    random = np.random.default_rng(seed)
    at = np.log(4) + np.cumsum(random.uniform(0.1, 0.5, n_bins))
    curve = np.polynomial.Polynomial(random.normal(size=1 + min(5, n_bins // 2)))
    slopes = slope_matrix(at, random.uniform(0.01, 0.1, n_bins)) @ curve(at)
    np.testing.assert_allclose(slopes, curve.deriv()(at), rtol=1e-6, atol=1e-6 * np.abs(curve(at)).max())


def test_what_is_not_corrected_says_why() -> None:
    """Protects from figures at the ends of the range, of a flat output, and of too few bins."""
    predicted, true = toys(4000, (0.3, 0.0, 0.02))
    first, *_, last = corrected_bins(predicted, true, EDGES, resamples=20)
    for one in (first, last):
        assert isinstance(one.slope, Measured)
        assert "first and the last bin" in str(one.resolution)
    flat = np.random.default_rng(1).normal(10, 1, true.size)  # knows nothing
    for one in corrected_bins(flat, true, EDGES, resamples=20)[1:-1]:
        assert "not above 0 by 5 standard deviations" in str(one.resolution)
    few = corrected_bins(predicted, true, EDGES[:4], resamples=20)
    assert len(few) == 3
    assert all(isinstance(one.slope, NotMeasured) and one.resolution == one.slope for one in few)
    assert "too few bins for the slope of the response (3," in str(few[0].slope)
    assert corrected_bins(predicted[:60], true[:60], EDGES, resamples=20) == ()
    with pytest.raises(BadInput, match="at least 10 resamples"):
        corrected_bins(predicted, true, EDGES, resamples=9)


def test_the_same_seed_gives_the_same_figures() -> None:
    """Protects repeatability, and plain JSON without infinite numbers."""
    predicted, true = toys(3000, (0.3, 0.0, 0.02))
    one, again = (corrected_bins(predicted, true, EDGES, resamples=20) for _ in range(2))
    assert one == again != corrected_bins(predicted, true, EDGES, seed=2, resamples=20)
    stored = json.loads(json.dumps([found.to_json() for found in one], allow_nan=False))
    assert stored[0]["resolution"]["not_measured"].startswith("the first")
    assert stored[4]["slope"]["value"] == one[4].slope.value  # type: ignore[union-attr]

"""Tests of trigml.physics.resolution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.physics.resolution import FEWEST_EVENTS, energy_bins, gaussian_core, half_width, usable_bins


def test_a_gaussian_keeps_its_width_in_both_measures() -> None:
    """Protects the two widths: on a Gaussian both are its standard deviation."""
    sample = np.random.default_rng(2).normal(3.0, 0.5, 200_000)
    middle, width = gaussian_core(sample)
    assert half_width(sample) == pytest.approx(0.5, rel=0.005)
    low, high = np.quantile(sample, (0.158655253931457, 0.841344746068543))
    assert half_width(sample) == pytest.approx((high - low) / 2, rel=1e-12)
    assert middle == pytest.approx(3.0, abs=0.005)
    assert width == pytest.approx(0.5, rel=0.01)


def test_the_core_does_not_see_a_far_tail() -> None:
    """Protects robustness: 5 % of far outliers move a standard deviation a lot, the core hardly."""
    rng = np.random.default_rng(3)
    sample = np.concatenate([rng.normal(1.0, 0.1, 19_000), rng.uniform(-3, -2, 1000)])
    middle, width = gaussian_core(sample)
    assert sample.std() > 0.5
    assert middle == pytest.approx(1.0, abs=0.005)
    assert width == pytest.approx(0.1, rel=0.03)
    assert half_width(sample) == pytest.approx(0.11, rel=0.1)


@given(seed=st.integers(0, 50), scale=st.floats(0.1, 10), offset=st.floats(-5, 5))
def test_widths_scale_and_do_not_move(seed: int, scale: float, offset: float) -> None:
    """Protects both widths by the transformations that they must follow."""
    sample = np.random.default_rng(seed).normal(1, 0.3, 300)
    middle, width = gaussian_core(sample)
    moved_middle, moved_width = gaussian_core(scale * sample + offset)
    assert moved_middle == pytest.approx(scale * middle + offset, abs=1e-6)
    assert moved_width == pytest.approx(scale * width, rel=1e-6)
    assert half_width(scale * sample + offset) == pytest.approx(scale * half_width(sample), rel=1e-9)


def test_bins_recover_response_and_resolution_within_their_uncertainties() -> None:
    """Protects the figures and the bootstrap: 40 measured values, pulls as of a unit Gaussian."""
    rng = np.random.default_rng(4)
    true = np.exp(rng.uniform(np.log(4), np.log(60), 20_000))
    sigma = 0.3 / np.sqrt(true)
    reconstructed = 0.9 * true * (1 + sigma * rng.normal(size=true.size))
    bins = energy_bins(reconstructed, true, np.geomspace(4, 60, 11), resamples=60)
    assert sum(energy_bin.n_events for energy_bin in bins) == 20_000
    pulls = []
    for energy_bin in bins:
        expected = 0.3 / np.sqrt(energy_bin.energy)
        assert energy_bin.lower < energy_bin.energy < energy_bin.upper
        for figure, value in (
            (energy_bin.median, 0.9),
            (energy_bin.mean, 0.9),
            (energy_bin.resolution, expected),
            (energy_bin.core_resolution, expected),
        ):
            assert 0 < figure.uncertainty < 0.05 * value
            pulls.append((figure.value - value) / figure.uncertainty)
    assert np.abs(pulls).max() < 4
    assert 0.6 < np.std(pulls) < 1.5


def test_resolutions_do_not_depend_on_the_scale_and_repeat() -> None:
    """Protects comparisons of models with different calibrations, and repeatable uncertainties."""
    rng = np.random.default_rng(5)
    true = rng.uniform(5, 10, 400)
    reconstructed = true * rng.normal(1, 0.1, 400)
    one, again, twice = (
        energy_bins(factor * reconstructed, true, [5, 10], resamples=20)[0] for factor in (1, 1, 2)
    )
    assert one == again
    assert twice.resolution.value == pytest.approx(one.resolution.value, rel=1e-12)
    assert twice.core_resolution.uncertainty == pytest.approx(one.core_resolution.uncertainty, rel=1e-4)
    assert twice.median.value == pytest.approx(2 * one.median.value, rel=1e-12)
    assert set(one.to_json()) == {
        *("lower", "upper", "energy", "n_events", "median", "mean", "resolution", "rms", "core_resolution")
    }


def test_the_last_edge_belongs_to_the_last_bin() -> None:
    """Protects events at the borders from being lost or counted twice."""
    true = np.repeat([1.0, 2.0, 3.0, 4.0], FEWEST_EVENTS)
    bins = energy_bins(
        true * np.random.default_rng(1).normal(1, 0.1, true.size), true, [1, 2, 3], resamples=10
    )
    assert [energy_bin.n_events for energy_bin in bins] == [FEWEST_EVENTS, 2 * FEWEST_EVENTS]


@pytest.mark.parametrize(
    ("reconstructed", "true", "edges", "problem"),
    [
        (np.linspace(0.9, 1.1, 60), np.ones(60), [0.5, 2, 4], "too few events"),
        (np.ones(60), np.ones(60), [0.5, 2], "the same response"),
        (np.zeros(60), np.ones(60), [0.5, 2], "response above 0"),
        (np.ones(60), np.ones(61), [0.5, 2], "do not fit together"),
        (np.full(60, np.nan), np.ones(60), [0.5, 2], "not finite"),
        (np.ones(60), np.zeros(60), [0.5, 2], "not above 0"),
        (np.ones(60), np.ones(60), [2, 1], "rise"),
        (np.ones(60), np.ones(60), [-1, 1], "rise"),
    ],
)
def test_samples_that_make_no_resolution_are_refused(
    reconstructed: np.ndarray, true: np.ndarray, edges: list[float], problem: str
) -> None:
    """Protects from figures that hang on a handful of events or on NaN."""
    with pytest.raises(BadInput, match=problem):
        energy_bins(reconstructed, true, edges)


def test_unusable_bins_are_left_out_and_told() -> None:
    """Protects samples with gaps: the other bins are measured as if the gap were not there."""
    true = np.repeat([1.5, 3.5, 5.5], [60, 20, 60])
    reconstructed = true * np.random.default_rng(1).normal(1, 0.1, true.size)
    reconstructed[true > 5] *= -1
    bins, left_out = usable_bins(reconstructed, true, [1, 2, 3, 4, 6], resamples=10)
    assert [(one.lower, one.n_events) for one in bins] == [(1, 60)]
    assert [(one.lower, one.n_events) for one in left_out] == [(2, 0), (3, 20), (4, 60)]
    assert "too few events (20" in left_out[1].reason
    assert "above 0" in left_out[2].reason
    assert left_out[0].to_json()["reason"].startswith("too few events (0")


def test_heaps_of_equal_responses_do_not_stop_the_core() -> None:
    """Protects integer words with few values from a division by no events at all."""
    middle, width = gaussian_core(np.repeat([0.0, 1.0, 2.0], [30, 1, 30]))
    assert np.isfinite([middle, width]).all()
    assert 0 <= middle <= 2

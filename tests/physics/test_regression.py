"""Tests of trigml.physics.regression."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.physics.regression import energy_edges, regressor_performance
from trigml.physics.resolution import EnergyBin
from trigml.physics.resolution_fit import ResolutionFit, resolution_formula
from trigml.physics.uncertainties import Measured, NotMeasured

TERMS = {"narrow": (0.2, 0.3, 0.02), "wide": (0.8, 0.5, 0.1)}
SCALES = np.array([0.98, 0.85])
EDGES = np.geomspace(4, 60, 9)


def toys(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicted and true energies and types of Gaussian toys with the resolutions of ``TERMS``."""
    random = np.random.default_rng(seed)
    true = np.exp(random.uniform(np.log(4), np.log(60), n))
    types = random.integers(0, 2, n)
    width = np.where(types == 0, *(resolution_formula(true, *terms) for terms in TERMS.values()))
    return SCALES[types] * true * (1 + width * random.normal(size=n)), true, types


def test_terms_and_responses_of_toys_come_back() -> None:
    """Protects all figures of both types, within their uncertainties, against the terms of the toys."""
    predicted, true, types = toys(40_000)
    found = regressor_performance(predicted, true, types, list(TERMS), bins=EDGES, resamples=40)
    assert (found.n_events, len(found.groups)) == (40_000, 3)
    assert sum(kind.n_events for kind in found.types) == found.overall.n_events == 40_000
    for kind, scale in zip(found.types, SCALES, strict=True):
        assert isinstance(kind.whole, EnergyBin)
        assert isinstance(kind.fit, ResolutionFit)
        assert kind.whole.median.value == pytest.approx(scale, abs=4 * kind.whole.median.uncertainty)
        assert kind.whole.n_events == kind.n_events
        for term, expected in zip(
            (kind.fit.stochastic, kind.fit.noise, kind.fit.constant), TERMS[kind.name], strict=True
        ):
            pull = (term.value - expected) / term.uncertainty if isinstance(term, Measured) else 0.0
            assert abs(pull) < 4
            assert isinstance(term, Measured) or term.value > expected
        assert kind.fit.p_value > 1e-3
        for energy_bin in kind.bins:
            expected = resolution_formula(np.float64(energy_bin.energy), *TERMS[kind.name])
            for width in (energy_bin.resolution, energy_bin.rms):
                assert width.value == pytest.approx(expected, rel=0.1)


def test_a_worse_regressor_is_seen() -> None:
    """Protects against figures that do not depend on the predictions: a scale and a smearing are found."""
    predicted, true, types = toys(8000)
    smeared = 1.1 * predicted * np.random.default_rng(7).normal(1, 0.2, predicted.size)
    good, bad = (
        regressor_performance(values, true, types, list(TERMS), bins=EDGES, resamples=20)
        for values in (predicted, smeared)
    )
    for one, other in zip(good.types, bad.types, strict=True):
        assert isinstance(one.whole, EnergyBin)
        assert isinstance(other.whole, EnergyBin)
        assert other.whole.median.value == pytest.approx(1.1 * one.whole.median.value, rel=0.03)
        for before, after in zip(one.bins, other.bins, strict=True):
            assert after.resolution.value > before.resolution.value
    assert isinstance(bad.types[0].fit, ResolutionFit)
    constant = bad.types[0].fit.constant
    assert isinstance(constant, Measured)
    assert constant.value == pytest.approx(np.hypot(0.2, 0.02), abs=4 * constant.uncertainty)
    assert constant.uncertainty < 0.03


def test_the_resolution_in_true_energy_does_not_hang_on_the_calibration() -> None:
    """Protects the corrected figures: a power law of the output changes σ/E and its a, not the corrected."""
    random = np.random.default_rng(6)
    true = np.exp(random.uniform(np.log(4), np.log(60), 20_000))
    linear = true * (1 + resolution_formula(true, 0.3, 0, 0.02) * random.normal(size=true.size))
    types = np.zeros(true.size, dtype=int)
    bent = 3 * np.sign(linear) * np.abs(linear) ** 0.6
    one, other = (
        regressor_performance(
            values, true, types, ("toy",), bins=np.geomspace(4, 60, 11), resamples=40
        ).overall
        for values in (linear, bent)
    )
    for found in (one, other):
        assert isinstance(found.corrected_fit, ResolutionFit)
        assert found.corrected_fit.noise is None
        a, c = found.corrected_fit.stochastic, found.corrected_fit.constant
        assert isinstance(a, Measured)
        assert isinstance(c, Measured)
        assert a.value == pytest.approx(0.3, abs=4 * a.uncertainty)
        assert a.uncertainty < 0.01
        assert c.value == pytest.approx(0.02, abs=4 * c.uncertainty)
    assert isinstance(one.fit, ResolutionFit)
    assert isinstance(other.fit, ResolutionFit)
    assert other.fit.values[0] < 0.75 * one.fit.values[0]
    stored = json.loads(json.dumps(other.to_json(), allow_nan=False))
    assert stored["fit_corrected_for_slope_without_b"] == other.corrected_fit.to_json()  # type: ignore[union-attr]
    assert len(stored["corrected_for_slope"]) == len(stored["bins"]) == 10


def test_types_with_few_events_are_not_measured() -> None:
    """Protects from numbers that hang on a handful of events, and from losing the others because of them."""
    predicted, true, types = toys(4000)
    types[types == 1] = np.where(np.arange((types == 1).sum()) < 30, 1, 2)
    names = ("narrow", "rare", "wide", "absent")
    found = regressor_performance(predicted, true, types, names, bins=EDGES, resamples=10)
    narrow, rare, wide, absent = found.types
    assert isinstance(narrow.fit, ResolutionFit)
    assert isinstance(wide.fit, ResolutionFit)
    assert isinstance(rare.whole, NotMeasured)
    assert "too few events (30" in str(rare.whole)
    assert (rare.bins, len(rare.left_out)) == ((), len(EDGES) - 1)
    assert str(rare.fit).startswith("not measured: too few bins")
    assert str(rare.corrected_fit).startswith("not measured: too few bins")
    assert (absent.n_events, str(absent.whole)) == (0, "not measured: no events")
    stored = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert stored["types"][1]["fit"] == rare.fit.to_json()
    assert stored["types"][1]["whole"]["not_measured"].startswith("too few")
    assert stored["types"][0]["fit"]["stochastic"]["value"] == narrow.fit.values[0]


def test_a_regressor_without_answers_is_not_measured() -> None:
    """Protects from a resolution of a dead output, whose words are all 0 or all the same."""
    _, true, types = toys(1000)
    dead = regressor_performance(np.zeros(1000), true, types, list(TERMS), resamples=10)
    assert "no energy" in str(dead.overall.whole)
    assert isinstance(dead.overall.fit, NotMeasured)
    perfect = regressor_performance(true, true, types, list(TERMS), resamples=10)
    assert "the same response" in str(perfect.overall.whole)


@given(
    n=st.integers(1, 3000),
    n_types=st.integers(1, 5),
    scale=st.floats(1e-3, 1e6),
    spread=st.sampled_from([0.0, 1e-4, 0.5, 3.0]),
    seed=st.integers(0, 1000),
)
def test_automatic_bins_hold_every_event(
    n: int, n_types: int, scale: float, spread: float, seed: int
) -> None:
    """Protects the default bins at any scale: they rise, take all events, and are not too many."""
    true = scale * np.exp(spread * np.random.default_rng(seed).normal(size=n))
    edges = energy_edges(true, n_types)
    assert 2 <= len(edges) <= 11
    assert (np.diff(edges) > 0).all()
    assert edges[0] <= true.min()
    assert true.max() <= edges[-1]
    assert len(edges) <= 2 or n >= 50 * n_types * (len(edges) - 1)


def test_automatic_bins_are_evenly_filled() -> None:
    """Protects the default bins of a usual sample: ten, with round edges and a tenth of the events each."""
    _, true, types = toys(8000)
    edges = energy_edges(true, 4)
    assert len(edges) == 11
    np.testing.assert_allclose(np.histogram(true, edges)[0], 800, rtol=0.1)
    assert all(float(f"{edge:.3g}") == edge for edge in edges)
    found = regressor_performance(true * 1.0, true, types, list(TERMS), resamples=10)
    assert found.edges == tuple(energy_edges(true, 2))


ONES = np.ones(100)
NONE = np.zeros(100, dtype=int)


@pytest.mark.parametrize(
    ("predicted", "true", "types", "names", "problem"),
    [
        (ONES, ONES[:99], NONE, ("a",), "do not fit together"),
        (ONES[:0], ONES[:0], NONE[:0], ("a",), "at least one event"),
        (ONES, ONES, NONE + 1, ("a",), "out of range"),
        (ONES, ONES, ONES, ("a",), "out of range"),
        (ONES, ONES, NONE, (), "different names"),
        (ONES, ONES, NONE, ("a", "a"), "different names"),
        (ONES * np.nan, ONES, NONE, ("a",), "predicted energy is not a finite number"),
        (ONES, np.append(ONES[:99], 0), NONE, ("a",), "above 0\n  where:    event 99"),
        (ONES, -ONES, NONE, ("a",), "and 99 more"),
    ],
)
def test_samples_that_cannot_be_measured_are_refused(
    predicted: np.ndarray, true: np.ndarray, types: np.ndarray, names: tuple[str, ...], problem: str
) -> None:
    """Protects the messages: what does not fit, and the first event that is wrong."""
    with pytest.raises(BadInput, match=problem):
        regressor_performance(predicted, true, types, names)

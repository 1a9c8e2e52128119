"""Tests of trigml.physics.resolution_fit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.resolution import EnergyBin
from trigml.physics.resolution_fit import (
    ResolutionFit,
    UpperLimit,
    fit_bins,
    fit_resolution,
    resolution_formula,
)
from trigml.physics.uncertainties import Measured

ENERGY = np.geomspace(4, 60, 10)


def fit_of(a: float, b: float, c: float, relative: float = 0.02, seed: int | None = None) -> ResolutionFit:
    """The fit of points on the curve, or scattered around it, with uncertainties of 2 %."""
    points = resolution_formula(ENERGY, a, b, c)
    errors = relative * points
    if seed is not None:
        points = points + errors * np.random.default_rng(seed).normal(size=len(points))
    return fit_resolution(ENERGY, points, errors)


@pytest.mark.parametrize(
    "terms", [(0.18, 0.3, 0.01), (0.84, 1.0, 0.13), (18.0, 30.0, 1.0), (0.02, 0.05, 0.002)]
)
def test_points_on_the_curve_give_back_its_terms(terms: tuple[float, float, float]) -> None:
    """Protects the fit at any scale: χ² is 0 and the terms are exact."""
    fit = fit_of(*terms)
    np.testing.assert_allclose(fit.values, terms, rtol=1e-3)
    assert (fit.chi2, fit.ndf) == (pytest.approx(0, abs=1e-4), 7)
    np.testing.assert_allclose(fit.at(ENERGY), resolution_formula(ENERGY, *terms), rtol=1e-5)
    assert fit.p_value == pytest.approx(1)


def test_the_uncertainties_are_those_of_the_linear_fit() -> None:
    """Protects the covariance by an independent calculation: σ² is linear in the squares of the terms."""
    terms = np.array([0.18, 0.4, 0.02])
    fit = fit_of(*terms)
    points = resolution_formula(ENERGY, *terms)
    slopes = np.stack([1 / ENERGY, 1 / ENERGY**2, np.ones_like(ENERGY)], axis=1) * terms / points[:, None]
    expected = np.linalg.inv(slopes.T @ (slopes / (0.02 * points[:, None]) ** 2))
    np.testing.assert_allclose(fit.covariance, expected, rtol=0.02)
    assert isinstance(fit.stochastic, Measured)
    assert fit.stochastic.uncertainty == pytest.approx(np.sqrt(expected[0, 0]), rel=0.01)


def test_scattered_points_give_unit_pulls_and_a_chi2_of_its_ndf() -> None:
    """Protects uncertainties and χ² together, over 60 toy experiments."""
    terms = np.array([0.3, 0.6, 0.03])
    fits = [fit_of(*terms, relative=0.01, seed=seed) for seed in range(60)]
    pulls = np.array([(fit.values - terms) / np.sqrt(np.diag(fit.covariance)) for fit in fits])
    assert (np.abs(pulls.mean(axis=0)) < 0.45).all()
    assert ((pulls.std(axis=0) > 0.75) & (pulls.std(axis=0) < 1.3)).all()
    assert np.mean([fit.chi2 for fit in fits]) == pytest.approx(7, abs=2)


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ((0.2, 0.0, 0.01), ["noise"]),
        ((0.2, 0.5, 0.0), ["constant"]),
        ((0.0, 0.5, 0.02), ["stochastic"]),
        ((0.2, 0.0, 0.0), ["noise", "constant"]),
        ((0.0, 0.0, 0.05), ["stochastic", "noise"]),
    ],
)
def test_terms_that_are_not_there_get_upper_limits(
    terms: tuple[float, float, float], names: list[str]
) -> None:
    """Protects the bounds: no value below 0, no meaningless uncertainty, the other terms right."""
    fit = fit_of(*terms)
    at_bound = [
        name for name in ("stochastic", "noise", "constant") if isinstance(getattr(fit, name), UpperLimit)
    ]
    assert at_bound == names
    assert fit.ndf == 7 + len(names)
    np.testing.assert_allclose(fit.values, terms, rtol=1e-3, atol=1e-12)
    for name in names:
        index = ("stochastic", "noise", "constant").index(name)
        assert getattr(fit, name).value > 0
        assert not fit.covariance[index].any()


@pytest.mark.parametrize(("deviations", "is_limit"), [(0.35, True), (0.65, False)])
def test_a_term_counts_from_half_a_standard_deviation_of_its_square(
    deviations: float, is_limit: bool
) -> None:
    """Protects the border between limit and measurement, with the uncertainty from the linear fit."""
    points = resolution_formula(ENERGY, 0.2, 0.0, 0.02)
    parts = (
        np.stack([1 / ENERGY, 1 / ENERGY**2, np.ones_like(ENERGY)], axis=1)
        / (2 * points * 0.02 * points)[:, None]
    )
    noise = np.sqrt(deviations * np.sqrt(np.linalg.inv(parts.T @ parts)[1, 1]))
    found = fit_of(0.2, noise, 0.02).noise
    assert isinstance(found, UpperLimit) == is_limit
    assert found.value > noise if is_limit else found.value == pytest.approx(noise, rel=1e-3)


def test_an_upper_limit_is_where_chi2_has_risen_by_2_71() -> None:
    """Protects the limit's meaning, in a case with one other free term that is minimised by a scan."""
    fit = fit_of(0.0, 0.0, 0.05)
    assert isinstance(fit.noise, UpperLimit)
    points = np.full_like(ENERGY, 0.05)

    def lowest_chi2(noise: float) -> float:
        """Over the constant term; the stochastic term is free too, and best at 0."""
        constants = np.linspace(0.045, 0.05, 20_001)[:, None]
        curve = resolution_formula(ENERGY[None], 0.0, noise, constants)
        return float((((points - curve) / (0.02 * points)) ** 2).sum(axis=1).min())

    assert lowest_chi2(fit.noise.value) == pytest.approx(2.7055, abs=0.02)
    assert str(fit.noise).startswith("< 0.")


def test_two_models_can_be_compared_with_the_same_terms() -> None:
    """Protects comparisons: terms left out on request are left out, and all others are fitted."""
    points = resolution_formula(ENERGY, 0.2, 0.5, 0.02)
    whole = fit_resolution(ENERGY, points, 0.02 * points, without=())
    fit = fit_resolution(ENERGY, points, 0.02 * points, without=("b",))
    assert (fit.noise, fit.to_json()["noise"], fit.values[1]) == (None, None, 0)
    assert (fit.ndf, whole.ndf) == (8, 7)
    assert fit.chi2 > whole.chi2 + 5
    np.testing.assert_allclose(whole.values, (0.2, 0.5, 0.02), rtol=1e-3)
    small = fit_resolution(ENERGY, resolution_formula(ENERGY, 0.2, 0.01, 0.02), 0.02 * points, without=())
    assert isinstance(small.noise, Measured)
    only = fit_resolution(ENERGY, 0.3 / np.sqrt(ENERGY), 0.01 / np.sqrt(ENERGY), without=("b", "c"))
    assert only.values == (pytest.approx(0.3), 0, 0)
    assert only.ndf == 9
    with pytest.raises(BadInput, match="at least one term"):
        fit_resolution(ENERGY, points, 0.02 * points, without=("a", "b", "c"))


def test_limits_cover_terms_that_are_there_but_small() -> None:
    """Protects the coverage of the upper limits: at most a few of 40 are below the true noise."""
    fits = [fit_of(0.2, 0.05, 0.01, seed=seed) for seed in range(40)]
    limits = [fit.noise.value for fit in fits if isinstance(fit.noise, UpperLimit)]
    assert len(limits) > 10
    assert np.mean(np.array(limits) < 0.05) < 0.15


def test_bins_are_fitted_with_the_width_that_is_asked_for() -> None:
    """Protects the choice between half-width and core, and the JSON of a run."""
    one = Measured(1.0, 0.01)
    bins = [
        EnergyBin(
            lower=energy * 0.9,
            upper=energy * 1.1,
            energy=float(energy),
            n_events=100,
            median=one,
            mean=one,
            resolution=Measured(float(resolution_formula(energy, 0.2, 0.3, 0.02)), 0.001),
            rms=one,
            core_resolution=Measured(float(resolution_formula(energy, 0.1, 0.2, 0.01)), 0.001),
        )
        for energy in ENERGY
    ]
    np.testing.assert_allclose(fit_bins(bins).values, (0.2, 0.3, 0.02), rtol=1e-3)
    np.testing.assert_allclose(fit_bins(bins, core=True).values, (0.1, 0.2, 0.01), rtol=1e-3)
    stored = json.loads(json.dumps(fit_bins(bins).to_json()))
    assert stored["stochastic"]["value"] == pytest.approx(0.2, rel=1e-3)
    assert np.shape(stored["covariance"]) == (3, 3)


@pytest.mark.parametrize(
    ("energy", "resolution", "uncertainty", "problem"),
    [
        (ENERGY[:3], np.ones(3), np.ones(3), "too few bins"),
        (np.array([4.0, 4, 4, 4, 5]), np.ones(5), np.ones(5), "too few bins"),
        (ENERGY, np.ones(9), np.ones(10), "do not fit together"),
        (ENERGY, np.ones(10), np.zeros(10), "uncertainty of bin 0"),
        (ENERGY, np.append(np.ones(9), np.nan), np.ones(10), "resolution of bin 9"),
        (-ENERGY, np.ones(10), np.ones(10), "energy of bin 0"),
    ],
)
def test_points_that_cannot_be_fitted_are_refused(
    energy: np.ndarray, resolution: np.ndarray, uncertainty: np.ndarray, problem: str
) -> None:
    """Protects from fits without a degree of freedom and from infinite weights."""
    with pytest.raises(BadInput, match=problem):
        fit_resolution(energy, resolution, uncertainty)


def test_a_fit_without_a_term_can_have_limits_on_the_others() -> None:
    """Protects from a term of 0 whose uncertainty says nothing, in fits that leave one out for comparison."""
    energy = np.geomspace(5, 50, 8)
    exact = resolution_formula(energy, 0.2, 0.0, 0.0)
    held = fit_resolution(energy, exact, 0.03 * exact, without=("b",), limits=True)
    free = fit_resolution(energy, exact, 0.03 * exact, without=("b",))
    assert held.noise is free.noise is None
    assert isinstance(held.constant, UpperLimit)
    assert isinstance(free.constant, Measured)
    assert isinstance(held.stochastic, Measured)
    assert held.stochastic.value == pytest.approx(0.2, rel=1e-6)
    assert (held.ndf, free.ndf) == (7, 6)
    needed = resolution_formula(energy, 0.2, 0.0, 0.05)
    both = fit_resolution(energy, needed, 0.03 * needed, without=("b",), limits=True)
    assert isinstance(both.constant, Measured)
    assert both.constant.value == pytest.approx(0.05, rel=1e-3)

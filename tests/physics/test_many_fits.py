"""Tests of trigml.physics.many_fits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls  # type: ignore[import-untyped]

from trigml.physics.many_fits import _non_negative, squared_terms
from trigml.physics.resolution_fit import fit_resolution, resolution_formula, term_shapes

Terms = tuple[float, float, float]


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(st.floats(0.1, 1), st.floats(0, 1), st.floats(0, 0.1)), st.floats(0, 0.05), st.integers(0, 99)
)
def test_the_quick_fit_is_that_of_minuit(terms: Terms, noise: float, seed: int) -> None:
    """Protects the fit of the bootstrap: the same minimum as ``fit_resolution`` with all terms."""
    energy = np.geomspace(4, 60, 10)
    exact = resolution_formula(energy, *terms)
    widths = exact * (1 + noise * np.random.default_rng(seed).normal(size=10))
    errors = 0.03 * exact

    def chi2(squares: np.ndarray) -> float:
        return float((((widths - np.sqrt(squares @ term_shapes(energy))) / errors) ** 2).sum())

    slow = fit_resolution(energy, widths, errors, without=())
    (quick,) = squared_terms(term_shapes(energy), widths[None], errors)
    assert chi2(quick) == pytest.approx(slow.chi2, abs=1e-3)
    assert (quick >= 0).all()
    np.testing.assert_allclose(np.sqrt(quick @ term_shapes(energy)), slow.at(energy), rtol=2e-3)


@given(unknowns=st.integers(1, 4), seed=st.integers(0, 999))
def test_the_linear_step_is_that_of_lawson_and_hanson(unknowns: int, seed: int) -> None:
    """Protects the choice of the terms that are 0, for all samples at once: the same as one by one."""
    random = np.random.default_rng(seed)
    rows = random.uniform(0, 1, (8, 6, unknowns))
    values = np.einsum("smk,sk->sm", rows, random.normal(size=(8, unknowns))) + 0.1 * random.normal(
        size=(8, 6)
    )
    found = _non_negative(rows, values)
    for one, columns, value in zip(found, rows, values, strict=True):
        np.testing.assert_allclose(one, nnls(columns, value)[0], rtol=1e-6, atol=1e-8)


def test_each_sample_has_its_own_fit() -> None:
    """Protects from samples that disturb each other: together they give what each gives alone."""
    energy = np.geomspace(4, 60, 8)
    terms = np.array([[0.3, 0.2, 0.05], [0.5, 0.0, 0.1], [0.0, 0.4, 0.0]])
    widths = np.stack([resolution_formula(energy, *one) for one in terms])
    together = squared_terms(term_shapes(energy), widths, 0.01 * widths[0])
    np.testing.assert_allclose(np.sqrt(together), terms, atol=1e-4)
    for one, width in zip(together, widths, strict=True):
        alone = squared_terms(term_shapes(energy), width[None], 0.01 * widths[0])[0]
        np.testing.assert_allclose(alone, one, rtol=1e-9, atol=1e-12)

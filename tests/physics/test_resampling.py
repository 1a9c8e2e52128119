"""Tests of trigml.physics.resampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.physics.resampling import check_resamples, drawn_counts, drawn_ordered


@given(n=st.integers(1, 200), resamples=st.integers(1, 20), seed=st.integers(0, 99))
def test_each_resample_holds_n_of_the_events(n: int, resamples: int, seed: int) -> None:
    """Protects the bootstrap: rising values of the sample, each as often as it was drawn."""
    random = np.random.default_rng(seed)
    counts = drawn_counts(n, resamples, random)
    assert counts.shape == (resamples, n)
    assert (counts.sum(axis=1) == n).all()
    values = random.normal(size=n)
    ordered = drawn_ordered(values, counts)
    for row, drawn in zip(ordered, counts, strict=True):
        np.testing.assert_array_equal(row, np.sort(np.repeat(values, drawn)))


def test_resamples_spread_as_samples_do() -> None:
    """Protects from resamples that are too much alike: the means spread by σ/√n."""
    values = np.random.default_rng(1).normal(size=400)
    counts = drawn_counts(400, 2000, np.random.default_rng(2))
    means = counts @ values / 400
    assert means.std() == pytest.approx(values.std() / 20, rel=0.05)
    assert means.mean() == pytest.approx(values.mean(), abs=0.005)
    assert counts.var() == pytest.approx(1, rel=0.02)


def test_too_few_resamples_are_refused() -> None:
    """Protects from an uncertainty of a handful of resamples."""
    check_resamples(10)
    with pytest.raises(BadInput, match="at least 10 resamples"):
        check_resamples(9)

"""Bins of turn-on curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.evaluation.bins import Binning, parse_binning, round_edges


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 40))
def test_round_edges_cover_the_range(low: float, length: float, count: int) -> None:
    """Protects against bins that leave events out, that do not rise, or that are far more than asked for."""
    high = low + length
    edges = round_edges(low, high, count)
    assert (np.diff(edges) > 0).all()
    slack = 1e-9 * max(abs(low), abs(high))
    assert edges[0] <= low + slack
    assert edges[-1] >= high - slack
    assert len(edges) - 1 <= count + 1


def test_edges_are_numbers_that_people_choose() -> None:
    """Protects the look of axes and tables."""
    assert round_edges(3.2, 98.0, 12).tolist() == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert round_edges(0.11, 0.29, 4).tolist() == [0.1, 0.15, 0.2, 0.25, 0.3]


def test_outliers_do_not_stretch_the_bins() -> None:
    """Protects against one far event that leaves all others in a single bin."""
    values = np.append(np.linspace(0, 10, 1000), 1e6)
    assert Binning().of(values, "pt")[-1] <= 12


def test_a_column_that_is_the_same_everywhere_is_refused() -> None:
    """Protects against a turn-on curve of one point."""
    with pytest.raises(BadInput, match="same value"):
        Binning().of(np.full(10, 3.0), "pt")


def test_what_is_given_counts() -> None:
    """Protects --bins in both forms."""
    assert parse_binning("0, 2.5,10").of(np.zeros(3), "pt").tolist() == [0, 2.5, 10]
    assert parse_binning("7") == Binning(count=7)
    assert parse_binning(None) == Binning()


@pytest.mark.parametrize("text", ["", "0", "-3", "1001", "a", "1,1", "2,1", "0,nan", "0,inf", "1,", "2.5"])
def test_what_are_no_bins(text: str) -> None:
    """Protects against bins that do not rise."""
    with pytest.raises(BadInput, match="no bins"):
        parse_binning(text)

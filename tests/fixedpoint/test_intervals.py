"""Intervals contain what can happen, and are not wider than the arithmetic demands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Interval, Overflow, Rounding, requantize


@st.composite
def intervals(draw: st.DrawFn, reach: int = 2**50) -> tuple[Interval, np.ndarray]:
    """An interval of a few elements, and words inside of it (its ends among them)."""
    count = draw(st.integers(1, 4))
    ends = [
        sorted((draw(st.integers(-reach, reach)), draw(st.integers(-reach, reach)))) for _ in range(count)
    ]
    low, high = (np.array(side, dtype=np.int64) for side in zip(*ends, strict=True))
    inside = [[draw(st.integers(a, b)) for a, b in ends] for _ in range(3)]
    return Interval(low, high), np.array([low, high, *inside], dtype=np.int64)


def contains(interval: Interval, words: np.ndarray) -> bool:
    return bool(((interval.low <= words) & (words <= interval.high)).all())


@given(
    intervals(),
    st.integers(-20, 30),
    st.builds(
        FixedPoint,
        signed=st.booleans(),
        width=st.integers(2, 62),
        integer=st.integers(-10, 60),
        rounding=st.sampled_from(Rounding),
        overflow=st.sampled_from(Overflow),
    ),
)
def test_requantized_contains_every_word(
    given_: tuple[Interval, np.ndarray], fraction: int, target: FixedPoint
) -> None:
    """Protects the proven ranges behind quantisers of every mode, up to the ends of int64."""
    interval, words = given_
    result = interval.requantized(fraction, target)
    assert contains(result, requantize(words, fraction, target))
    if target.overflow in (Overflow.SAT, Overflow.SAT_SYM):  # monotone: the ends are reached
        np.testing.assert_array_equal(result.low, requantize(interval.low, fraction, target))
        np.testing.assert_array_equal(result.high, requantize(interval.high, fraction, target))


def test_requantized_knows_that_a_shift_to_the_left_leaves_the_word() -> None:
    """Protects against an interval that wraps at 62 bits itself (2**52 words, 9 bits to the left)."""
    interval = Interval(np.array([0]), np.array([2**52]))
    wrapping = FixedPoint(True, 62, 53)
    assert interval.requantized(0, wrapping).bounds == (wrapping.min_word, wrapping.max_word)
    saturating = FixedPoint(True, 62, 53, Rounding.TRN, Overflow.SAT)
    assert interval.requantized(0, saturating).bounds == (0, saturating.max_word)


@given(intervals(2**20), st.data())
def test_matmul_contains_and_is_reached(given_: tuple[Interval, np.ndarray], data: st.DataObject) -> None:
    """Protects the ranges of sums of products: none outside, and both ends occur."""
    interval, words = given_
    n_in = len(interval.low)
    weight = np.array(
        data.draw(
            st.lists(st.lists(st.integers(-999, 999), min_size=2, max_size=2), min_size=n_in, max_size=n_in)
        ),
        dtype=np.int64,
    )
    offset = np.array([data.draw(st.integers(-(2**30), 2**30)), 0], dtype=np.int64)
    result = interval.matmul(weight).shifted(offset)
    assert contains(result, words @ weight + offset)
    for column in range(2):
        best = np.where(weight[:, column] > 0, interval.high, interval.low)
        worst = np.where(weight[:, column] > 0, interval.low, interval.high)
        assert result.high[column] == best @ weight[:, column] + offset[column]
        assert result.low[column] == worst @ weight[:, column] + offset[column]


def test_matmul_refuses_sums_beyond_62_bits() -> None:
    """Protects against a silent overflow of int64 in the proof itself."""
    wide = Interval.of_format(FixedPoint(True, 40, 40), (4,))
    with pytest.raises(BadInput, match="more than 62 bits") as error:
        wide.matmul(np.full((4, 1), 2**30, dtype=np.int64))
    assert "fewer bits" in str(error.value.remedy)


@given(intervals(2**60), st.integers(-9, 9))
def test_smallest_format_holds_and_is_minimal(given_: tuple[Interval, np.ndarray], fraction: int) -> None:
    """Protects that a derived accumulator is wide enough, and that one bit less is not."""
    interval, _ = given_
    found = interval.smallest_format(fraction)
    assert found.fraction == fraction
    assert found.signed == (interval.bounds[0] < 0)
    assert found.holds(*interval.bounds)
    if found.width > 1:
        narrower = FixedPoint(found.signed, found.width - 1, found.integer - 1)
        assert not narrower.holds(*interval.bounds)
    signed = interval.smallest_format(fraction, signed=True)
    assert signed.holds(*interval.bounds)
    assert signed.width == found.width + (not found.signed) or interval.bounds == (0, 0)


@pytest.mark.parametrize(
    ("low", "high", "width"),
    [(0, 0, 1), (-1, 0, 1), (-1, 1, 2), (-2, 1, 2), (-128, 127, 8), (-128, 128, 9), (0, 255, 8)],
)
def test_smallest_format_by_hand(low: int, high: int, width: int) -> None:
    """Protects the widths at powers of two."""
    assert Interval(np.array([low]), np.array([high])).smallest_format(0).width == width


@given(intervals(1000))
def test_with_zero(given_: tuple[Interval, np.ndarray]) -> None:
    """Protects the hull with zero."""
    interval, words = given_
    hull = interval.with_zero()
    assert contains(hull, words)
    assert contains(hull, np.zeros_like(words))
    assert interval.largest_magnitude == np.abs(words).max()

"""Integer-word arithmetic against exact fractions, for every rounding and overflow mode."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.fixedpoint import (
    FixedPoint,
    Overflow,
    Rounding,
    fit_into,
    requantize,
    round_shift,
    to_values,
    to_words,
)

HALF = Fraction(1, 2)
WORDS = st.one_of(
    st.integers(-40, 40),
    st.integers(-(2**62) + 1, 2**62 - 1),
    st.sampled_from([2**61, -(2**61), 2**62 - 1, -(2**62) + 1, 2**61 - 1]),
)


def rounded_exactly(value: Fraction, rounding: Rounding) -> int:
    """The meaning of each mode, written down once more, in plain fractions."""
    down, up = math.floor(value), math.ceil(value)
    towards_zero, away = (down, up) if value > 0 else (up, down)
    if rounding is Rounding.TRN:
        return down
    if rounding is Rounding.TRN_ZERO:
        return towards_zero
    if value - down != HALF:
        return math.floor(value + HALF)
    return {
        Rounding.RND: up,
        Rounding.RND_MIN_INF: down,
        Rounding.RND_ZERO: towards_zero,
        Rounding.RND_INF: away,
        Rounding.RND_CONV: down if down % 2 == 0 else up,
    }[rounding]


def fitted_exactly(word: int, target: FixedPoint) -> int:
    """The overflow rules in plain integers."""
    lowest = -(2 ** (target.width - 1)) if target.signed else 0
    highest = 2 ** (target.width - target.signed) - 1
    match target.overflow:
        case Overflow.WRAP:
            wrapped = word % 2**target.width
            return wrapped - 2**target.width if wrapped > highest else wrapped
        case Overflow.SAT_ZERO:
            return word if lowest <= word <= highest else 0
        case Overflow.SAT_SYM:
            lowest = -highest if target.signed else 0
    return min(max(word, lowest), highest)


def formats(max_width: int = 62) -> st.SearchStrategy[FixedPoint]:
    """Formats of any mode, with the point inside the word, left of it and right of it."""
    return (
        st.tuples(
            st.booleans(),
            st.integers(1, max_width),
            st.integers(-70, 130),
            st.sampled_from(Rounding),
            st.sampled_from(Overflow),
        )
        .filter(is_meaningful)
        .map(lambda arguments: FixedPoint(*arguments))
    )


def is_meaningful(arguments: tuple[bool, int, int, Rounding, Overflow]) -> bool:
    signed, width, _, _, overflow = arguments
    return not (signed and width == 1 and overflow is Overflow.SAT_SYM)


@given(words=st.lists(WORDS, min_size=1), shift=st.integers(0, 130), rounding=st.sampled_from(Rounding))
def test_round_shift_is_the_exact_quotient_rounded(words: list[int], shift: int, rounding: Rounding) -> None:
    """Protects every rounding mode, shifts beyond the word, and the ends of the admitted range."""
    result = round_shift(np.array(words, dtype=np.int64), shift, rounding)
    assert result.dtype == np.int64
    assert result.tolist() == [rounded_exactly(Fraction(word, 2**shift), rounding) for word in words]


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        (Rounding.TRN, [-3, -2, -1, 0, 1, 2]),
        (Rounding.TRN_ZERO, [-2, -1, 0, 0, 1, 2]),
        (Rounding.RND, [-2, -1, 0, 1, 2, 3]),
        (Rounding.RND_ZERO, [-2, -1, 0, 0, 1, 2]),
        (Rounding.RND_INF, [-3, -2, -1, 1, 2, 3]),
        (Rounding.RND_MIN_INF, [-3, -2, -1, 0, 1, 2]),
        (Rounding.RND_CONV, [-2, -2, 0, 0, 2, 2]),
    ],
)
def test_ties_by_hand(rounding: Rounding, expected: list[int]) -> None:
    """Protects the direction of ties (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5) in each mode, known without code."""
    halves = np.array([-5, -3, -1, 1, 3, 5], dtype=np.int64)
    assert round_shift(halves, 1, rounding).tolist() == expected
    assert round_shift(halves << 7, 8, rounding).tolist() == expected
    values = halves / 2
    assert to_words(values, FixedPoint(True, 8, 8, rounding, Overflow.SAT)).tolist() == expected


@given(words=st.lists(st.integers(-40, 40), min_size=1), left=st.integers(0, 50))
def test_a_negative_shift_multiplies(words: list[int], left: int) -> None:
    """Protects moving the point to the right."""
    result = round_shift(np.array(words, dtype=np.int64), -left, Rounding.RND_CONV)
    assert result.tolist() == [word * 2**left for word in words]


@given(words=st.lists(st.one_of(WORDS, st.integers(-(2**63), 2**63 - 1)), min_size=1), target=formats())
def test_fit_into_follows_the_overflow_rule(words: list[int], target: FixedPoint) -> None:
    """Protects all overflow rules on any int64 word, the most negative one included."""
    result = fit_into(np.array(words, dtype=np.int64), target)
    assert result.tolist() == [fitted_exactly(word, target) for word in words]
    assert all(target.holds(word, word) for word in result.tolist()) or target.overflow is Overflow.SAT_SYM


@given(words=st.lists(WORDS, min_size=1), fraction=st.integers(-60, 80), target=formats())
def test_requantize_is_exact_rounding_then_overflow(
    words: list[int], fraction: int, target: FixedPoint
) -> None:
    """Protects the meaning of a quantiser, also where the shifted word would not fit into 64 bits."""
    result = requantize(np.array(words, dtype=np.int64), fraction, target)
    for word, found in zip(words, result.tolist(), strict=True):
        exact = Fraction(word) * Fraction(2) ** (target.fraction - fraction)
        assert found == fitted_exactly(rounded_exactly(exact, target.rounding), target)


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("signed", [True, False])
def test_requantize_far_to_the_left(overflow: Overflow, signed: bool) -> None:
    """Protects shifts by more than 62 bits, where int64 holds nothing of the result."""
    words = np.array([-3, -1, 0, 1, 2**40], dtype=np.int64)
    for width in (1, 8, 62):
        if signed and width == 1 and overflow is Overflow.SAT_SYM:
            continue
        for left in (22, 23, 61, 62, 63, 64, 100):
            target = FixedPoint(signed, width, width - left, Rounding.RND_CONV, overflow)
            expected = [fitted_exactly(word << left, target) for word in words.tolist()]
            assert requantize(words, 0, target).tolist() == expected, (width, left)


def test_requantize_of_nothing() -> None:
    """Protects empty batches."""
    assert requantize(np.empty((0, 3), dtype=np.int64), 5, FixedPoint(True, 4, 2)).shape == (0, 3)


FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-(2.0**200), max_value=2.0**200),
    st.builds(lambda n, e: (n + 0.5) * 2.0**e, st.integers(-(2**20), 2**20), st.integers(-80, 80)),  # ties
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)


@given(values=st.lists(FLOATS, min_size=1), target=formats())
def test_to_words_is_exact(values: list[float], target: FixedPoint) -> None:
    """Protects the way from floats to words: as if the value were a fraction of infinite precision."""
    assume(all(value == 0 or abs(value) > 2.0**-600 for value in values))
    exact = [
        rounded_exactly(Fraction(value) * Fraction(2) ** target.fraction, target.rounding) for value in values
    ]
    array = np.array(values, dtype=np.float64)
    if target.overflow is Overflow.WRAP and any(abs(word) > 2**62 for word in exact):
        with pytest.raises(OverflowError, match="too large to be wrapped"):
            to_words(array, target)
        return
    assert to_words(array, target).tolist() == [fitted_exactly(word, target) for word in exact]


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_float32_and_float64_give_the_same_words(values: list[float]) -> None:
    """Protects against arithmetic in float32: the type of the array does not matter."""
    target = FixedPoint(True, 30, 4, Rounding.RND_CONV, Overflow.SAT)
    single = np.array(values, dtype=np.float32)
    assert to_words(single, target).tolist() == to_words(single.astype(np.float64), target).tolist()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_without_a_word_are_refused(value: float) -> None:
    """Protects against an undefined cast of NaN and infinity."""
    with pytest.raises(BadInput, match="NaN or infinite"):
        to_words(np.array([0.0, value]), FixedPoint(True, 8, 4, Rounding.RND_CONV, Overflow.SAT))


@pytest.mark.filterwarnings("error")
def test_the_largest_floats_saturate_in_silence() -> None:
    """Protects against infinities inside of the arithmetic for values at the end of float64."""
    values = np.array([1e308, -1e308])
    for rounding in Rounding:
        fine = FixedPoint(True, 8, -200, rounding, Overflow.SAT)
        assert to_words(values, fine).tolist() == [127, -128]


@given(words=st.lists(st.integers(-(2**53), 2**53), min_size=1), fraction=st.integers(-100, 100))
def test_values_and_words_are_inverse(words: list[int], fraction: int) -> None:
    """Protects the exactness of ``to_values`` up to 2**53."""
    array = np.array(words, dtype=np.int64)
    values = to_values(array, fraction)
    assert [Fraction(value) for value in values.tolist()] == [
        Fraction(word) * Fraction(2) ** -fraction for word in words
    ]
    wide = FixedPoint(True, 60, 60 - fraction, Rounding.TRN, Overflow.SAT)
    assert to_words(values, wide).tolist() == words

"""The integer bits that are chosen from data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.fixedpoint import FixedPoint, Overflow, Rounding, to_values, to_words
from trigml.fixedpoint.fitting import quantization_error, signed_integer_bits
from trigml.training.calibration import activation_integer_bits


def brute_force(values: np.ndarray, bits: int) -> dict[int, float]:
    """Mean squared error for each number of integer bits, through the words themselves."""
    errors = {}
    for integer in range(1, 17):
        format_ = FixedPoint(True, bits, integer, Rounding.RND_CONV, Overflow.SAT)
        words = to_words(values.astype(np.float64), format_)
        errors[integer] = float(np.mean((to_values(words, format_.fraction) - values) ** 2))
    return errors


@given(st.floats(1e-3, 200), st.integers(2, 10), st.integers(0, 2**31))
def test_weights_get_the_least_error(scale: float, bits: int, seed: int) -> None:
    """No other number of integer bits would have been better, and of equal ones the fewest are taken."""
    values = np.random.default_rng(seed).standard_t(3, size=50) * scale
    errors = brute_force(values, bits)
    chosen = signed_integer_bits(values, bits)
    assert errors[chosen] == min(errors.values())
    assert all(errors[integer] > errors[chosen] for integer in range(1, chosen))


def test_zero_weights_need_one_bit() -> None:
    """A bias that never moved is no special case."""
    assert signed_integer_bits(np.zeros(4), 6) == 1


def test_the_error_is_that_of_the_words() -> None:
    """Rounding half to even and saturation are in it."""
    format_ = FixedPoint(True, 3, 2, Rounding.RND_CONV, Overflow.SAT)  # steps of 0.5 from -2 to 1.5
    assert quantization_error(np.array([0.25, 0.75, 5.0, -2.5]), format_) == pytest.approx(
        (0.25**2 + 0.25**2 + 3.5**2 + 0.5**2) / 4
    )


@pytest.mark.parametrize(("largest", "expected"), [(0.6, 0), (1.0, 0), (1.01, 1), (8.0, 3), (8.1, 4)])
def test_activations_below_a_power_of_two_are_held(largest: float, expected: int) -> None:
    """The fewest integer bits whose range holds the 99 % level."""
    assert activation_integer_bits(np.full(100, largest)) == expected


def test_a_tail_of_activations_may_saturate() -> None:
    """Less than 1 % of the positive activations, however far out, cost no resolution; zeros do not count."""
    values = np.concatenate([np.zeros(100_000), np.full(999, 1.5), [1e6] * 5])
    assert activation_integer_bits(values) == 1
    assert activation_integer_bits(np.zeros(10)) == 0

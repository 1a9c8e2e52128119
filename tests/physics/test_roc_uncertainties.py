"""How measured values and limits are printed and kept."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trigml.physics.uncertainties import Estimate, LowerLimit, Measured


@pytest.mark.parametrize(
    ("value", "uncertainty", "text"),
    [
        (0.94123, 0.00109, "0.9412 ± 0.0011"),
        (0.94123, 0.000996, "0.9412 ± 0.0010"),
        (0.00031, 0.00012, "0.00031 ± 0.00012"),
        (-0.00004, 0.0012, "0.0000 ± 0.0012"),
        (153.24, 8.42, "153.2 ± 8.4"),
        (153.24, 9.96, "153 ± 10"),
        (153.24, 12.3, "153 ± 12"),
        (1534.2, 123.0, "1530 ± 120"),
        (0.5, 0.0, "0.5 ± 0"),
        (0.0, 0.0, "0 ± 0"),
        (2.0, 3.4e-9, "2.0000000000 ± 0.0000000034"),
    ],
)
def test_two_digits_of_the_uncertainty(value, uncertainty, text):
    """A value is cut where its uncertainty ends, and the uncertainty at two significant digits."""
    assert str(Measured(value, uncertainty)) == text


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (337.9, "> 330"),
        (1.0, "> 1"),
        (6.599999, "> 6.5"),
        (6675.0, "> 6600"),
        (2.3, "> 2.3"),
        (0.03, "> 0.03"),
    ],
)
def test_limits_are_rounded_down(limit, text):
    """A printed lower limit never claims more than was found."""
    assert str(LowerLimit(limit)) == f"{text} (95 % CL)"


@pytest.mark.parametrize(
    "pair", [(math.nan, 0.1), (1.0, math.inf), (math.inf, 1.0), (1.0, -0.1), (1.0, math.nan)]
)
def test_what_is_no_measurement_is_refused(pair):
    """NaN and infinity cannot slip into a report as a measured value."""
    with pytest.raises(ValueError, match="not a measured value"):
        Measured(*pair)


def test_json_forms_differ():
    """A limit cannot be mistaken for a value by a program that reads the JSON."""
    assert Measured(1.5, 0.5).to_json() == {"value": 1.5, "uncertainty": 0.5}
    assert LowerLimit(7.0).to_json() == {"lower_limit": 7.0, "confidence": 0.95}


def test_estimates_combine_with_their_covariance():
    """Var(a − b) = Var(a) + Var(b) − 2 Cov(a, b) holds for the contributions."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 50))
    a, b = Estimate(3.0, x), Estimate(1.0, x + 0.1 * y)
    variance = a.covariance(a) + b.covariance(b) - 2 * a.covariance(b)
    difference = a.minus(b).measured()
    assert difference.value == 2.0
    assert difference.uncertainty == pytest.approx(math.sqrt(variance))

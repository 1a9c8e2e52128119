"""ROC curves, working points and background rejection."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trigml.errors import BadInput
from trigml.physics.roc import RocCurve, background_rejection, roc_curve
from trigml.physics.uncertainties import LowerLimit, Measured

events = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=40).filter(
    lambda sample: len({is_signal for _, is_signal in sample}) == 2
)


def arrays(sample):
    return np.array([score for score, _ in sample]), np.array([is_signal for _, is_signal in sample])


def curve_of(signal, background):
    scores = np.concatenate((signal, background))
    return roc_curve(scores, np.arange(scores.size) < len(signal))


@settings(deadline=None)
@given(events)
def test_points_are_the_distinct_scores_with_events_at_or_above_them(sample):
    """A threshold passes all events with score >= threshold, tied events only together."""
    scores, is_signal = arrays(sample)
    curve = roc_curve(scores, is_signal)
    assert curve.thresholds.tolist() == [np.inf, *sorted(set(scores.tolist()), reverse=True)]
    for point, threshold in enumerate(curve.thresholds):
        passed = scores >= threshold
        assert curve.signal_passed[point] == np.sum(passed & is_signal)
        assert curve.background_passed[point] == np.sum(passed & ~is_signal)


@settings(deadline=None)
@given(events)
def test_area_is_that_of_sklearn_with_ties(sample):
    """The area under the curve gives half credit to ties, as scikit-learn does."""
    scores, is_signal = arrays(sample)
    assert roc_curve(scores, is_signal).area == pytest.approx(roc_auc_score(is_signal, scores), abs=1e-14)


def test_working_point_takes_the_lowest_background_and_is_linear_across_ties():
    """The stated interpolation rules hold on a curve that is small enough to do by hand."""
    # From the top: signal 9; background 8; then 2 signal and 2 background tied at 5; signal 1.
    curve = curve_of([9, 5, 5, 1], [8, 5, 5, 0])
    at = curve.background_efficiency_at([0, 0.125, 0.25, 0.5, 0.75, 1])
    # 0.125 lies before the first signal event; at 0.25 the tighter of two points counts; 0.25 to 0.75 is a
    # tie that rises from 1/4 to 3/4, of which 0.5 is the middle.
    assert at.tolist() == [0, 0, 0, 0.5, 0.75, 0.75]


def test_unsigned_words_are_ordered_as_numbers():
    """Hardware words of an unsigned type do not wrap around when they are sorted downwards."""
    scores = np.array([0, 200, 255, 1], dtype=np.uint8)
    curve = roc_curve(scores, np.array([False, True, True, False]))
    assert curve.area == 1
    assert curve.thresholds.tolist() == [np.inf, 255, 200, 1, 0]


def test_rejection_of_a_hand_made_curve():
    """1/ε_B and its two-term uncertainty are those of the formula, computed by hand."""
    # 100 signal events at 100, 99 … 1 and a background event below every second of them: ε_B = ε_S / 2.
    curve = curve_of(np.arange(100, 0, -1), [*np.arange(100, 0, -2) - 1.5, *[-5.0] * 50])
    rejection = background_rejection(curve, 0.5)
    assert isinstance(rejection, Measured)
    efficiency = 0.24  # 24 of 100 lie at or above the 50th signal event
    assert rejection.value == pytest.approx(1 / efficiency)
    delta = np.sqrt(0.25 / 100)
    (right, left) = curve.background_efficiency_at([0.5 + 2 * delta, 0.5 - 2 * delta])
    assert (right, left) == (pytest.approx(0.29), pytest.approx(0.19))
    sigma = np.sqrt(efficiency * (1 - efficiency) / 100 + ((right - left) / (4 * delta) * delta) ** 2)
    assert rejection.uncertainty == pytest.approx(sigma / efficiency**2)


def test_no_passing_background_is_a_lower_limit():
    """When no background passes, the result is a limit from the sample's size and never infinity."""
    rejection = background_rejection(curve_of(np.full(10, 5), np.zeros(1000, int)), 0.3)
    assert isinstance(rejection, LowerLimit)
    # Zero of n events seen: (1 − ε)^n = 0.05 gives ε = 0.0029913.
    assert rejection.value == pytest.approx(1 / 0.0029913, rel=2e-3)
    assert str(rejection) == "> 330 (95 % CL)"


def test_less_than_one_passing_event_is_a_weaker_limit():
    """A part of an event, got by interpolation in a tie, counts as one event seen."""
    # One background event tied with 10 signal events: at ε_S = 0.3 the interpolation gives 0.3 events.
    curve = curve_of(np.full(10, 5), [5, *[0] * 999])
    assert curve.background_efficiency_at(0.3) == pytest.approx(0.0003)
    rejection = background_rejection(curve, 0.3)
    assert isinstance(rejection, LowerLimit)
    assert rejection.value == pytest.approx(1000 / 4.744)
    # At ε_S = 1 the whole event passes, which is a measurement with more than 100 % uncertainty or so.
    measured = background_rejection(curve, 1.0)
    assert isinstance(measured, Measured)
    assert measured.value == pytest.approx(1000)
    assert measured.uncertainty == pytest.approx(1000, rel=1e-3)


def test_limit_of_a_tiny_sample_is_not_below_one():
    """A rejection is never below 1, whatever the sample."""
    assert background_rejection(curve_of([1, 1], [0, 0]), 0.5) == LowerLimit(1.0)


def gaussian_toys(n_toys=400, n_signal=400, n_background=4000, shift=1.5, at=0.3):
    """Pulls of ε_B at fixed ε_S on Gaussian scores; also with the signal term left out."""
    rng = np.random.default_rng(20)
    truth = 1 - NormalDist().cdf(NormalDist(shift).inv_cdf(1 - at))
    pulls, without = [], []
    for _ in range(n_toys):
        curve = curve_of(rng.normal(shift, 1, n_signal), rng.normal(0, 1, n_background))
        efficiency = float(curve.background_efficiency_at(at))
        pulls.append((efficiency - truth) / float(curve.background_uncertainty_at(at)))
        without.append((efficiency - truth) / np.sqrt(efficiency * (1 - efficiency) / n_background))
    return np.array(pulls), np.array(without)


def test_background_efficiency_pulls_are_standard_normal():
    """The uncertainty covers what toys scatter, and it would not without the signal sample's term."""
    pulls, without = gaussian_toys()
    # The width of 400 pulls is known to 3.5 %.
    assert abs(pulls.mean()) < 0.25
    assert 0.87 < pulls.std() < 1.13
    assert without.std() > 1.3


def test_uncertainty_is_finite_along_the_whole_curve():
    """Neither end of the curve nor the last steps before it give NaN or a negative uncertainty."""
    rng = np.random.default_rng(1)
    curve = curve_of(rng.normal(1, 1, 30), rng.normal(0, 1, 50))
    sigma = curve.background_uncertainty_at(np.linspace(0, 1, 1001))
    assert np.isfinite(sigma).all()
    assert (sigma >= 0).all()
    assert sigma[-1] == 0 or curve.background_efficiency_at(1.0) < 1


@pytest.mark.parametrize("efficiency", [0, -0.1, 1.01, float("nan")])
def test_signal_efficiency_out_of_range(efficiency):
    """A signal efficiency outside (0, 1] is refused."""
    with pytest.raises(BadInput, match="signal efficiency"):
        background_rejection(curve_of([1, 2], [0, 1]), efficiency)


@pytest.mark.parametrize(
    ("scores", "is_signal", "message"),
    [
        (np.array([1.0, np.nan]), np.array([True, False]), "not a finite number"),
        (np.array([1.0, np.inf]), np.array([True, False]), "not a finite number"),
        (np.array([1.0, 2.0]), np.array([True, True]), "2 signal, 0 background"),
        (np.array([1.0, 2.0]), np.array([False, False]), "0 signal, 2 background"),
        (np.array([]), np.array([], dtype=bool), "0 signal, 0 background"),
        (np.array([1.0, 2.0]), np.array([True]), "do not fit"),
        (np.array([1.0, 2.0]), np.array([1, 0]), "boolean"),
    ],
)
def test_bad_samples(scores, is_signal, message):
    """What cannot have a ROC curve gets a message that says why."""
    with pytest.raises(BadInput, match=message):
        roc_curve(scores, is_signal)


def test_counts_stay_exact():
    """The curve ends at the full counts, from which the efficiencies are made."""
    curve = curve_of([3, 1, 1], [2, 1])
    assert isinstance(curve, RocCurve)
    assert (curve.n_signal, curve.n_background) == (3, 2)
    assert curve.signal_efficiency.tolist() == [0, 1 / 3, 1 / 3, 1]
    assert curve.background_efficiency.tolist() == [0, 0, 0.5, 1]

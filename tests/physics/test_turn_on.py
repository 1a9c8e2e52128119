"""Tests of trigml.physics.turn_on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from trigml.errors import BadInput
from trigml.physics.turn_on import ONE_SIGMA, binomial_interval, efficiency, threshold_scan, turn_on

scores_and_flags = st.lists(st.tuples(st.integers(-8, 8), st.booleans()), min_size=2, max_size=60).filter(
    lambda events: len({flag for _, flag in events}) == 2
)


def arrays(events: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    scores, flags = zip(*events, strict=True)
    return np.array(scores), np.array(flags)


@given(total=st.integers(1, 300), part=st.floats(0, 1), confidence=st.floats(0.1, 0.99))
def test_bounds_are_where_the_tails_of_the_binomial_say(total: int, part: float, confidence: float) -> None:
    """Protects the Clopper-Pearson interval by its definition, with scipy's binomial as the judge."""
    passed = round(part * total)
    lower, upper = (float(bound) for bound in binomial_interval(passed, total, confidence))
    tail = (1 - confidence) / 2
    assert 0 <= lower <= passed / total <= upper <= 1
    if passed > 0:
        assert binom.sf(passed - 1, total, lower) == pytest.approx(tail, rel=1e-6)
    else:
        assert lower == 0
    if passed < total:
        assert binom.cdf(passed, total, upper) == pytest.approx(tail, rel=1e-6)
    else:
        assert upper == 1


def test_the_interval_covers_at_least_as_often_as_it_says() -> None:
    """Protects the coverage, summed exactly over all outcomes of 20 events."""
    outcomes = np.arange(21)
    lower, upper = binomial_interval(outcomes, 20)
    for true in np.linspace(0.01, 0.99, 33):
        covered = binom.pmf(outcomes[(lower <= true) & (true <= upper)], 20, true).sum()
        assert covered >= ONE_SIGMA


def test_a_turn_on_curve_known_by_hand() -> None:
    """Protects binning and comparison: score >= threshold, lower edges in, the last upper edge in."""
    truth = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 0.5, 9.0])
    scores = np.array([4, 5, 5, 4, 7, 5, 9, 9])
    curve = turn_on(scores, truth, 5, [1, 2, 3, 4, 8])
    assert curve.passed.tolist() == [1, 1, 1, 1]
    assert curve.total.tolist() == [2, 2, 1, 1]
    found = curve.to_json()
    assert found["efficiency"] == [0.5, 0.5, 1.0, 1.0]
    assert turn_on(scores, truth, 5, [1, 2, 2.2, 2.4]).to_json()["efficiency"] == [0.5, 1.0, None]
    assert turn_on(scores, truth, 5, [3, 4]).total.tolist() == [2]


@given(seed=st.integers(0, 100), threshold=st.integers(-5, 40))
def test_a_higher_threshold_never_passes_more(seed: int, threshold: int) -> None:
    """Protects the order of turn-on curves in every bin."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 10, 200)
    scores = np.rint(3 * truth + rng.normal(0, 4, 200)).astype(int)
    edges = np.linspace(0, 10, 6)
    looser, tighter = (turn_on(scores, truth, value, edges) for value in (threshold, threshold + 1))
    assert (tighter.passed <= looser.passed).all()
    np.testing.assert_array_equal(tighter.total, looser.total)


@given(scores_and_flags, st.integers(-10, 10))
def test_a_scan_counts_every_integer_threshold(events: list[tuple[int, bool]], threshold: int) -> None:
    """Protects the counting, also between and beyond the scores, and that rates fall with the threshold."""
    scores, flags = arrays(events)
    scan = threshold_scan(scores, flags, input_rate=40e3)
    point = scan.at_threshold(threshold)
    assert point.threshold == threshold
    assert point.signal_efficiency.value == np.mean(scores[flags] >= threshold)
    assert point.background_efficiency.value == np.mean(scores[~flags] >= threshold)
    assert point.rate is not None
    assert point.rate.value == point.background_efficiency.value * 40e3
    assert point.rate.lower <= point.rate.value <= point.rate.upper
    assert (np.diff(scan.thresholds) < 0).all()
    assert (np.diff(scan.background_rates) >= 0).all()
    assert scan.background_rates[0] == 0


@given(scores_and_flags, st.floats(0.001, 1))
def test_the_working_point_of_a_signal_efficiency_is_the_highest(
    events: list[tuple[int, bool]], target: float
) -> None:
    """Protects the tie-aware search: the target is kept, and one LSB higher it is not."""
    scores, flags = arrays(events)
    point = threshold_scan(scores, flags).for_signal_efficiency(target)
    assert np.mean(scores[flags] >= point.threshold) >= target
    assert np.mean(scores[flags] >= point.threshold + 1) < target


@given(scores_and_flags, st.floats(0, 1))
def test_the_working_point_of_a_rate_is_the_lowest_score_or_refused(
    events: list[tuple[int, bool]], target: float
) -> None:
    """Protects the tie-aware search: the target is kept, and by no lower score; never by rejecting all."""
    scores, flags = arrays(events)
    scan = threshold_scan(scores, flags, input_rate=1.0)
    allowed = [value for value in set(scores) if np.mean(scores[~flags] >= value) <= target]
    if not allowed:
        with pytest.raises(BadInput, match="without rejecting every event"):
            scan.for_rate(target)
        return
    assert scan.for_rate(target).threshold == min(allowed)
    assert scan.for_background_efficiency(target).threshold == min(allowed)


@pytest.mark.parametrize("total", [10, 47, 49, 93, 107])
def test_targets_that_are_exact_counts_are_met_exactly(total: int) -> None:
    """Protects from floating point: k / n times n is not always k, but the target k / n means k events."""
    scores = np.concatenate([np.arange(total), np.arange(total)])
    scan = threshold_scan(scores, np.arange(2 * total) < total)
    for count in range(1, total + 1):
        assert scan.for_signal_efficiency(count / total).threshold == total - count
        assert scan.for_background_efficiency(count / total).threshold == total - count


def test_a_working_point_is_stored_as_an_integer() -> None:
    """Protects what a run keeps: the threshold is a Python integer, without a rate where none is known."""
    scores = np.array([1, 2, 2, 3], np.int16)
    stored = threshold_scan(scores, np.array([False, False, True, True])).for_signal_efficiency(1.0).to_json()
    assert (stored["threshold"], type(stored["threshold"])) == (2, int)
    assert stored["signal_efficiency"] == efficiency(2, 2).to_json()
    assert stored["background_efficiency"]["value"] == 0.5
    assert stored["rate"] is None


@pytest.mark.parametrize(
    ("action", "problem"),
    [
        (lambda: threshold_scan(np.array([0.5, 1.0]), np.array([True, False])), "integer scores"),
        (lambda: threshold_scan(np.array([1, 2**60]), np.array([True, False])), "2\\^53"),
        (lambda: threshold_scan(np.array([1, 2]), np.array([True, True])), "too few events"),
        (lambda: threshold_scan(np.array([1, 2]), np.array([True, False]), 0.0), "above 0"),
        (lambda: threshold_scan(np.array([1, 2]), np.array([True, False])).for_rate(1.0), "needs the rate"),
        (lambda: threshold_scan(np.array([1, 2]), np.array([True, False]), 2.0).for_rate(3.0), "target rate"),
        (
            lambda: threshold_scan(np.array([1, 2]), np.array([True, False])).for_signal_efficiency(0),
            "target",
        ),
        (lambda: turn_on(np.array([1]), np.array([5.0]), 1, [3, 2]), "rise"),
        (lambda: turn_on(np.array([1]), np.array([5.0]), 1, [1, 2]), "no event"),
        (lambda: turn_on(np.array([1]), np.array([np.nan]), 1, [1, 2]), "finite"),
        (lambda: turn_on(np.array([1.0]), np.array([1.0]), 1, [1, 2]), "integer scores"),
        (lambda: binomial_interval(3, 2), "passed <= total"),
        (lambda: binomial_interval(1, 2, 1.0), "confidence"),
        (lambda: efficiency(0, 0), "at least one event"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(action: object, problem: str) -> None:
    """Protects from working points on floats, and from targets that cannot be."""
    assert callable(action)
    with pytest.raises(BadInput, match=problem):
        action()

"""The area under the ROC curve with DeLong's variance and covariance."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trigml.errors import BadInput
from trigml.physics.roc import auc, roc_curve
from trigml.physics.uncertainties import mean


def delong_by_definition(first, second, is_signal):
    """Areas and covariance from all signal-background pairs: equations 3 to 6 of DeLong et al. (1988)."""

    def components(scores):
        x, y = scores[is_signal], scores[~is_signal]
        psi = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
        return psi.mean(), psi.mean(axis=1), psi.mean(axis=0)

    (a, a10, a01), (b, b10, b01) = components(first), components(second)
    s10 = np.sum((a10 - a) * (b10 - b)) / (a10.size - 1)
    s01 = np.sum((a01 - a) * (b01 - b)) / (a01.size - 1)
    return a, b, s10 / a10.size + s01 / a01.size


samples = st.lists(
    st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.booleans()), min_size=4, max_size=40
).filter(lambda sample: 2 <= sum(e[2] for e in sample) <= len(sample) - 2)


@settings(deadline=None)
@given(samples)
def test_variance_and_covariance_are_those_of_the_definition(sample):
    """The fast version equals the O(n²) definition of DeLong, ties included, also between two scores."""
    first, second = (np.array([event[i] for event in sample]) for i in (0, 1))
    is_signal = np.array([event[2] for event in sample])
    a, b, covariance = delong_by_definition(first, second, is_signal)
    ours, theirs = auc(first, is_signal), auc(second, is_signal)
    assert ours.value == pytest.approx(a, abs=1e-14)
    assert theirs.value == pytest.approx(b, abs=1e-14)
    assert ours.value == pytest.approx(roc_auc_score(is_signal, first), abs=1e-14)
    assert ours.value == pytest.approx(roc_curve(first, is_signal).area, abs=1e-14)
    assert ours.covariance(theirs) == pytest.approx(covariance, abs=1e-14)
    variance = [delong_by_definition(s, s, is_signal)[2] for s in (first, second)]
    assert ours.covariance(ours) == pytest.approx(variance[0], abs=1e-14)
    difference = ours.minus(theirs).measured()
    assert difference.value == pytest.approx(a - b, abs=1e-14)
    assert difference.uncertainty**2 == pytest.approx(sum(variance) - 2 * covariance, abs=1e-14)


def correlated_scores(rng, n_signal=300, n_background=500, noise=0.5):
    """Two scores on the same events, on a coarse grid, with known areas that are equal."""
    is_signal = np.arange(n_signal + n_background) < n_signal
    common = rng.normal(size=is_signal.size) + 1.0 * is_signal
    return [np.round((common + rng.normal(0, noise, common.size)) * 8) for _ in range(2)], is_signal


def test_uncertainties_agree_with_a_bootstrap():
    """DeLong's uncertainty of an area and of a paired difference is what resampling the events gives."""
    rng = np.random.default_rng(5)
    (first, second), is_signal = correlated_scores(rng)
    signal, background = np.flatnonzero(is_signal), np.flatnonzero(~is_signal)
    resampled = []
    for _ in range(800):
        pick = np.concatenate((rng.choice(signal, signal.size), rng.choice(background, background.size)))
        resampled.append([roc_curve(s[pick], is_signal[pick]).area for s in (first, second)])
    a, b = np.array(resampled).T
    # 800 resamplings know a width to 2.5 %.
    assert auc(first, is_signal).measured().uncertainty == pytest.approx(a.std(), rel=0.1)
    paired = auc(first, is_signal).minus(auc(second, is_signal)).measured().uncertainty
    assert paired == pytest.approx((a - b).std(), rel=0.1)
    assert paired < 0.8 * np.hypot(a.std(), b.std())


def test_pulls_of_toys_are_standard_normal():
    """Area and paired difference scatter around the truth as their uncertainties say."""
    rng = np.random.default_rng(6)
    differences, areas = [], []
    # A grid of 1/8 moves the area of Gaussian scores by far less than the toys' mean can see.
    truth = NormalDist().cdf(1 / np.sqrt(2 * 1.25))
    for _ in range(400):
        (first, second), is_signal = correlated_scores(rng)
        a, b = auc(first, is_signal), auc(second, is_signal)
        areas.append((a.value - truth) / a.measured().uncertainty)
        difference = a.minus(b).measured()
        differences.append(difference.value / difference.uncertainty)
    for pulls in (areas, differences):
        assert abs(np.mean(pulls)) < 0.2
        assert 0.87 < np.std(pulls) < 1.13


def test_perfect_reversed_and_constant_scores():
    """The extremes are exact: 1, 0, and ½ when all events are tied."""
    is_signal = np.array([True, True, False, False, False])
    perfect = np.array([3, 2, 1, 1, 0])
    assert auc(perfect, is_signal).measured().to_json() == {"value": 1.0, "uncertainty": 0.0}
    assert auc(-perfect, is_signal).measured().to_json() == {"value": 0.0, "uncertainty": 0.0}
    assert auc(np.zeros(5), is_signal).value == 0.5


def test_random_scores_are_near_one_half():
    """A score that knows nothing has ½, within its uncertainty, which is √((m+n+1)/12mn)."""
    rng = np.random.default_rng(7)
    is_signal = rng.random(20_000) < 0.2
    measured = auc(rng.random(20_000), is_signal).measured()
    assert abs(measured.value - 0.5) < 4 * measured.uncertainty
    m, n = is_signal.sum(), (~is_signal).sum()
    assert measured.uncertainty == pytest.approx(np.sqrt((m + n + 1) / (12 * m * n)), rel=0.03)


def test_difference_of_equal_scores_is_exactly_zero():
    """A model and its copy, or a monotone function of it, differ by 0 ± 0, not by rounding."""
    rng = np.random.default_rng(8)
    is_signal = rng.random(5000) < 0.5
    score = np.round(rng.normal(size=5000) + is_signal, 1)
    copy = auc(np.exp(score), is_signal)
    assert auc(score, is_signal).minus(copy).measured().to_json() == {"value": 0.0, "uncertainty": 0.0}
    changed = score.copy()
    changed[np.flatnonzero(is_signal)[0]] -= 1
    planted = auc(score, is_signal).minus(auc(changed, is_signal)).measured()
    assert planted.value > 0
    assert planted.uncertainty > 0


def test_mean_of_one_area_twice_is_that_area():
    """Fully correlated estimates gain nothing from being averaged."""
    rng = np.random.default_rng(9)
    (first, _), is_signal = correlated_scores(rng)
    one = auc(first, is_signal)
    assert mean([one, one]).measured().uncertainty == pytest.approx(one.measured().uncertainty, rel=1e-12)


def test_one_event_of_a_kind_has_no_variance():
    """A single signal event is refused: the spread of its kind cannot be known."""
    with pytest.raises(BadInput, match="at least 2"):
        auc(np.array([1.0, 0.0, 0.5]), np.array([True, False, False]))

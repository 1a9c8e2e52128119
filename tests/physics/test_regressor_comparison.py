"""Tests of trigml.physics.regressor_comparison."""

from __future__ import annotations

import json

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.regressor_comparison import TypeComparison, compare_regressors
from trigml.physics.resolution_fit import term_shapes
from trigml.physics.uncertainties import Measured, NotMeasured

EDGES = np.geomspace(4, 60, 7)
Terms = tuple[float, float, float]


def pair(reference: Terms, candidate: Terms, n: int = 3000, seed: int = 1) -> TypeComparison:
    """Toys in which both models see the same fluctuation of each term, each with its own terms."""
    random = np.random.default_rng(seed)
    true = np.exp(random.uniform(np.log(4), np.log(60), n))
    parts = random.normal(size=(3, n)) * np.sqrt(term_shapes(true))
    ours, theirs = (true * (1 + np.array(terms) @ parts) for terms in (reference, candidate))
    types = np.zeros(n, dtype=int)
    compared = compare_regressors(ours, theirs, true, types, ("toy",), bins=EDGES, resamples=40)
    (found,) = compared.groups
    return found


def value(figure: Measured | NotMeasured) -> Measured:
    assert isinstance(figure, Measured), str(figure)
    return figure


def test_a_higher_stochastic_term_is_found_with_the_right_uncertainty() -> None:
    """Protects value and coverage: pulls of 20 toy experiments with a planted loss of 10 %."""
    found = [pair((0.3, 0.3, 0.02), (0.33, 0.3, 0.02), seed=seed) for seed in range(20)]
    for figures in ([one.stochastic for one in found], [one.free for one in found]):
        measured = [value(figure) for figure in figures]
        pulls = np.array([(figure.value - 1.1) / figure.uncertainty for figure in measured])
        assert abs(pulls.mean()) < 0.8
        assert 0.6 < pulls.std() < 1.5
    uncertainties = [[value(f).uncertainty for f in (one.stochastic, one.free)] for one in found]
    common, free = np.mean(uncertainties, axis=0)
    assert common < free < 0.05
    assert all(value(one.stochastic).value > 1.03 for one in found)


def test_a_loss_in_another_term_is_put_down_to_the_stochastic_one() -> None:
    """Protects the gate's figure from missing a loss that has gone into noise or constant term."""
    worse = pair((0.3, 0.3, 0.02), (0.3, 0.3, 0.06))
    assert value(worse.stochastic).value - 1 > 5 * value(worse.stochastic).uncertainty
    assert value(worse.width).value - 1 > 5 * value(worse.width).uncertainty
    assert abs(value(worse.free).value - 1) < 4 * value(worse.free).uncertainty
    assert worse.bins[0].ratio.value < worse.bins[-1].ratio.value


def test_equal_models_are_exactly_equal() -> None:
    """Protects "no loss": the ratio of a model to itself is 1 ± 0, in whatever unit it measures."""
    random = np.random.default_rng(1)
    true = random.uniform(4, 60, 4000)
    predicted = true * random.normal(1, 0.3 / np.sqrt(true))
    types = random.integers(0, 2, 4000)
    for factor in (1, 4):  # powers of two, so that responses scale without rounding
        compared = compare_regressors(predicted, factor * predicted, true, types, "ab", resamples=20)
        for group in compared.groups:
            figures = (group.width, group.corrected, group.stochastic, group.free)
            of_bins = [ratio for one in group.bins for ratio in (one.ratio, one.corrected)]
            measured = [figure for figure in (*figures, *of_bins) if isinstance(figure, Measured)]
            assert set(figures) == {Measured(1.0, 0.0)} == set(measured)
            assert len(measured) == 4 + 2 * len(group.bins) - 2  # all but the corrected ratios of both ends
    assert [group.name for group in compared.groups] == ["a", "b", "all"]
    assert sum(one.n_events for one in compared.types) == compared.overall.n_events


def test_pairing_makes_small_differences_visible() -> None:
    """Protects the pairing: models on the same fluctuations are compared far better than separate ones."""
    same = pair((0.3, 0.3, 0.02), (0.303, 0.303, 0.0202))
    assert value(same.width).value == pytest.approx(1.01, abs=1e-3)
    assert value(same.width).uncertainty < 1e-3
    random = np.random.default_rng(5)
    true = np.exp(random.uniform(np.log(4), np.log(60), 3000))
    ours, theirs = (true * random.normal(1, 0.3 / np.sqrt(true)) for _ in range(2))
    types = np.zeros(3000, dtype=int)
    separate = compare_regressors(ours, theirs, true, types, ("toy",), bins=EDGES, resamples=40).overall
    assert value(separate.width).uncertainty > 0.01


def test_a_model_that_knows_the_range_is_unmasked() -> None:
    """Protects the fair measure: pulling predictions together gains in σ/E, but nothing once corrected."""
    random = np.random.default_rng(3)
    true = np.exp(random.uniform(np.log(4), np.log(60), 6000))
    ours = true * np.maximum(random.normal(1, 0.8 / np.sqrt(true)), 0.05)
    pulled = 15 * (ours / 15) ** 0.7
    better = true + 0.8 * (ours - true)
    types = np.zeros(6000, dtype=int)
    by_knowing, by_measuring = (
        compare_regressors(ours, theirs, true, types, ("toy",), bins=EDGES, resamples=40).overall
        for theirs in (pulled, better)
    )
    assert value(by_knowing.width).value < 0.8
    assert value(by_knowing.corrected).value == pytest.approx(1, abs=1e-3)
    assert value(by_measuring.corrected).value == pytest.approx(0.8, abs=0.01)
    assert 0 < value(by_measuring.corrected).uncertainty < 0.01
    first, second, *_, last = by_measuring.bins
    assert "first and the last bin" in str(first.corrected)
    assert first.to_json()["ratio_corrected_for_slope"] == last.corrected.to_json()
    assert value(second.corrected).value == pytest.approx(0.8, abs=0.02)


def test_the_corrected_ratio_has_the_right_uncertainty() -> None:
    """Protects its coverage: pulls of 20 toy experiments with different fluctuations of both models."""
    pulls = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        true = np.exp(random.uniform(np.log(4), np.log(60), 2000))
        ours, theirs = (
            true**power * random.normal(1, power * a / np.sqrt(true))
            for a, power in ((0.3, 1.0), (0.27, 0.8))
        )
        types = np.zeros(2000, dtype=int)
        found = compare_regressors(ours, theirs, true, types, ("toy",), bins=EDGES, resamples=40).overall
        pulls.append((value(found.corrected).value - 0.9) / value(found.corrected).uncertainty)
    assert abs(np.mean(pulls)) < 0.8
    assert 0.6 < np.std(pulls) < 1.5


def test_what_cannot_be_compared_says_why() -> None:
    """Protects from ratios of terms that may be 0, of too few bins, and of no bins at all."""
    no_stochastic = pair((0.0, 1.0, 0.05), (0.0, 1.1, 0.05))
    assert "may be 0" in str(no_stochastic.free)
    assert value(no_stochastic.width).value > 1
    few = pair((0.3, 0.3, 0.02), (0.3, 0.3, 0.02), n=300)
    assert 0 < len(few.bins) < 4
    assert value(few.width) == Measured(1.0, 0.0)
    assert "at least 4 are needed" in str(few.stochastic)
    assert "too few bins for the slope" in str(few.corrected) == str(few.bins[0].corrected)
    none = pair((0.3, 0.3, 0.02), (0.3, 0.3, 0.02), n=60)
    assert none.bins == ()
    assert "no bin of true energy" in str(none.width)
    content = json.loads(json.dumps(none.to_json(), allow_nan=False))
    assert content["stochastic"]["not_measured"] == content["width"]["not_measured"]


def test_comparisons_repeat_and_follow_the_order_of_the_models() -> None:
    """Protects the seed, and which of the two models is the reference."""
    one, again = (pair((0.3, 0.3, 0.02), (0.4, 0.3, 0.02)) for _ in range(2))
    assert one.to_json() == again.to_json()
    swapped = pair((0.4, 0.3, 0.02), (0.3, 0.3, 0.02))
    assert value(swapped.stochastic).value == pytest.approx(1 / value(one.stochastic).value, rel=1e-6)
    assert value(swapped.width).value == pytest.approx(1 / value(one.width).value, rel=1e-9)


def test_models_of_other_events_are_refused() -> None:
    """Protects from comparing unlike samples, and from a bootstrap without resamples."""
    ones, none = np.ones(100), np.zeros(100, dtype=int)
    with pytest.raises(BadInput, match="do not fit together"):
        compare_regressors(ones, ones[:99], ones, none, ("a",))
    with pytest.raises(BadInput, match="at least 10 resamples"):
        compare_regressors(ones, ones, ones, none, ("a",), resamples=1)

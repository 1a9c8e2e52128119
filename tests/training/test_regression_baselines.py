"""The calibrated sum and the boosted trees of a regression."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from trigml.data.layout import Column
from trigml.errors import BadInput
from trigml.spec import InputsSpec
from trigml.training.regression_baselines import calibrated_sum, regression_trees

FORMAT = "ap_fixed<8,4,RND_CONV,SAT>"
COLUMNS = (Column("width", "mm"), *(Column(f"energy[{i}]", "GeV") for i in range(10)))


def inputs(**cells: Any) -> InputsSpec:
    given = {"format": FORMAT, "features": ["width"], "cells": {"column": "energy", **cells}}
    return InputsSpec.model_validate_json(json.dumps(given))


IMAGES = inputs(images=[[1, 2, 3], [1, 2, 2]])


def events(n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Features of showers whose energy is 1.25 × the first image + 3 × the second one; and that energy."""
    rng = np.random.default_rng(4)
    features = rng.exponential(1, (n, 11)).astype(np.float32)
    truth = 1.25 * features[:, 1:7].sum(axis=1) + 3 * features[:, 7:].sum(axis=1)
    return features, truth.astype(np.float32)


def test_each_image_gets_its_own_factor() -> None:
    """Factors that make the truth are found; the width in mm is left out of the sum."""
    features, truth = events()
    fitted = calibrated_sum(features, truth, IMAGES, COLUMNS, "GeV")
    assert fitted is not None
    assert fitted.factors == pytest.approx((1.25, 3.0), rel=1e-5)
    assert [group.tolist() for group in fitted.groups] == [list(range(1, 7)), list(range(7, 11))]
    np.testing.assert_allclose(fitted.predictions(features), truth, rtol=1e-5)


def test_without_images_there_is_one_factor_of_the_least_relative_error() -> None:
    """The factor is Σ r / Σ r² with r = sum / truth, the minimum of the squared relative error."""
    features, truth = events()
    fitted = calibrated_sum(features, truth, inputs(), COLUMNS, "GeV")
    assert fitted is not None
    ratio = features[:, 1:].sum(axis=1, dtype=np.float64) / truth
    assert fitted.factors == pytest.approx((ratio.sum() / (ratio**2).sum(),), rel=1e-6)


def test_there_is_no_sum_without_energies() -> None:
    """Inputs of other units cannot be summed to the target."""
    features, truth = events()
    assert calibrated_sum(features, truth, IMAGES, COLUMNS, "TeV") is None


def test_an_image_without_energy_gets_the_factor_0() -> None:
    """Photons that never reach the HCAL say nothing of it, and can be calibrated all the same."""
    features, _ = events()
    features[:, 7:] = 0
    fitted = calibrated_sum(features, 2 * features[:, 1:].sum(axis=1), IMAGES, COLUMNS, "GeV")
    assert fitted is not None
    assert fitted.factors == pytest.approx((2.0, 0.0), rel=1e-5)


@pytest.fixture(scope="module")
def trees() -> Any:
    features, truth = events(1200)
    train, held = (features[:600], truth[:600]), (features[600:800], truth[600:800])
    return regression_trees(train, held, features[800:], seed=2)


def test_trees_learn_and_stop_at_the_lowest_validation_loss(trees: Any) -> None:
    """They are far better than a constant, and say how many rounds and events made them."""
    _, truth = events(1200)
    errors = trees.predictions / truth[800:] - 1
    best_constant = (1 / truth).sum() / (1 / truth**2).sum()
    assert np.mean(errors**2) < 0.5 * np.mean((best_constant / truth - 1) ** 2)
    assert np.mean(errors**2) == pytest.approx(trees.validation_loss, rel=0.3)
    assert trees.n_events == 600
    assert 1 < trees.n_rounds <= 300


def test_the_same_seed_gives_the_same_trees(trees: Any) -> None:
    """Runs are reproducible; with fewer events the trees are others."""
    features, truth = events(1200)
    train, held = (features[:600], truth[:600]), (features[600:800], truth[600:800])
    again = regression_trees(train, held, features[800:], seed=2)
    np.testing.assert_array_equal(again.predictions, trees.predictions)
    fewer = regression_trees(train, held, features[800:], seed=2, max_events=200)
    assert fewer.n_events == 200
    assert not np.array_equal(fewer.predictions, trees.predictions)


def test_trees_refuse_a_feature_that_is_not_finite() -> None:
    """Scikit-learn would take it as missing without a word."""
    features, truth = events()
    bad = features.copy()
    bad[7, 3] = np.nan
    with pytest.raises(BadInput, match="event 7 of the split, feature 3"):
        regression_trees((features, truth), (bad, truth), features)


def test_trees_make_the_relative_error_small() -> None:
    """Where the features say nothing, the best guess is Σ(1/E) / Σ(1/E²), far below the mean energy."""
    rng = np.random.default_rng(5)
    features = rng.normal(size=(900, 2)).astype(np.float32)
    truth = np.exp(rng.uniform(0, 3, 900)).astype(np.float32)
    train, held = (features[:600], truth[:600]), (features[600:], truth[600:])
    guess = float((1 / truth).sum() / (1 / truth**2).sum())
    assert truth.mean() > 3 * guess
    found = regression_trees(train, held, features)
    assert np.median(found.predictions) == pytest.approx(guess, rel=0.3)

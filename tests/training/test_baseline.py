"""The boosted-trees baseline."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from trigml.errors import BadInput
from trigml.training.baseline import train_trees

NAMES = ("a", "b", "c")


def toy(seed, n, n_classes=3):
    """Events of Gaussian classes in two features, with a third that means nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    centres = np.array([[0, 0], [1.5, 0], [0, 1.5]])[labels]
    features = np.hstack((centres + rng.normal(size=(n, 2)), rng.normal(size=(n, 1))))
    return features.astype(np.float32), labels.astype(np.uint8)


def best_accuracy(features, labels):
    """Accuracy of the true densities on these events."""
    centres = np.array([[0, 0], [1.5, 0], [0, 1.5]])
    distances = ((features[:, None, :2] - centres) ** 2).sum(axis=2)
    return np.mean(distances.argmin(axis=1) == labels)


@pytest.fixture(scope="module")
def trees():
    return train_trees(*toy(1, 6000), *toy(2, 2000), NAMES, seed=3)


def test_trees_come_near_the_best_possible(trees):
    """The baseline is an honest one: within 2 points of the true densities on Gaussian classes."""
    features, labels = toy(4, 5000)
    reached = np.mean(trees.scores(features).argmax(axis=1) == labels)
    assert best_accuracy(features, labels) - 0.02 < reached


def test_scores_are_log_probabilities_of_the_best_round(trees):
    """Scores are normalised, and equal those of a plain scikit-learn fit stopped after that round."""
    features, _ = toy(4, 500)
    scores = trees.scores(features)
    assert scores.shape == (500, 3)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-12)
    plain = HistGradientBoostingClassifier(max_iter=trees.n_rounds, early_stopping=False, random_state=3)
    plain.fit(*toy(1, 6000))
    np.testing.assert_allclose(scores, np.log(plain.predict_proba(features)), rtol=1e-6, atol=1e-9)


def test_the_validation_events_stop_the_training(trees):
    """The loss that is reported is the given validation split's, lowest at the rounds that are used."""
    features, labels = toy(2, 2000)
    loss = -trees.scores(features)[np.arange(labels.size), labels].mean()
    assert loss == pytest.approx(trees.validation_loss, rel=1e-9)
    assert 1 < trees.n_rounds < 150
    for rounds in (trees.n_rounds - 1, trees.n_rounds + 1):
        plain = HistGradientBoostingClassifier(max_iter=rounds, early_stopping=False, random_state=3)
        plain.fit(*toy(1, 6000))
        nearby = -np.log(plain.predict_proba(features))[np.arange(labels.size), labels].mean()
        assert nearby > loss


def test_labels_without_meaning_stop_it_early():
    """On noise the validation loss never falls for long: few rounds, and no better than chance."""
    rng = np.random.default_rng(0)
    noise = [(rng.normal(size=(n, 3)), rng.integers(0, 3, n)) for n in (3000, 3000)]
    trees = train_trees(*noise[0], *noise[1], NAMES)
    assert trees.n_rounds < 10
    assert trees.validation_loss == pytest.approx(np.log(3), abs=0.02)


def test_same_seed_same_scores():
    """The seed decides everything: equal bits for the same, other events chosen for another."""
    split = (*toy(1, 3000), *toy(2, 1000))
    features, _ = toy(4, 200)
    first, second, other = (
        train_trees(*split, NAMES, seed=seed, max_events=1500).scores(features) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_max_events_limits_the_training_events():
    """A large sample is cut to what was asked for; a small one is used whole."""
    assert train_trees(*toy(1, 2000), *toy(2, 500), NAMES, max_events=700).n_events == 700
    assert train_trees(*toy(1, 700), *toy(2, 500), NAMES, max_events=2000).n_events == 700


def test_two_classes_have_two_scores():
    """With two classes there are still two normalised columns, the second for the second class."""
    trees = train_trees(*toy(1, 2000, 2), *toy(2, 500, 2), NAMES[:2])
    features, labels = toy(4, 1000, 2)
    scores = trees.scores(features)
    assert scores.shape == (1000, 2)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-12)
    assert np.mean(scores.argmax(axis=1) == labels) > 0.7


def test_no_events_have_no_scores(trees):
    """An empty array of events is scored as such."""
    assert trees.scores(np.empty((0, 3))).shape == (0, 3)


def test_progress_is_told():
    """The listener hears of the training and of its result."""
    heard = []

    class Listener:
        @contextmanager
        def task(self, title, total=None):
            heard.append(title)
            yield None

        def say(self, text):
            heard.append(text)

        def detail(self, text):
            heard.append(text)

    train_trees(*toy(1, 1000), *toy(2, 300), NAMES, progress=Listener())
    assert heard[0] == "boosted trees on 1,000 events"
    assert "rounds, validation loss" in heard[-1]


def bad(**changes):
    features, labels = toy(1, 60)
    given = {
        "features": features,
        "labels": labels,
        "validation_features": features,
        "validation_labels": labels,
    }
    given |= {name: change(given[name]) for name, change in changes.items()}
    return given


def with_nan(features):
    features = features.copy()
    features[7, 1] = np.nan
    return features


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": lambda y: y % 2}, "none of class 'c' in 60 events"),
        ({"labels": lambda y: y + 1}, "training events is out of range"),
        ({"validation_labels": lambda y: y + 1}, "validation events is out of range"),
        ({"labels": lambda y: y[:-1]}, "training events do not fit together"),
        ({"validation_features": lambda x: x[:, :2]}, "validation events do not fit together"),
        ({"features": lambda x: x[:, 0]}, "training events do not fit together"),
        ({"labels": lambda y: y.astype(float)}, "have to be integers"),
        ({"features": with_nan}, "event 7 of the split, feature 1"),
        ({"validation_features": with_nan}, "event 7 of the split, feature 1"),
        (
            {"validation_features": lambda x: x[:0], "validation_labels": lambda y: y[:0]},
            "no validation events",
        ),
        ({"features": lambda x: x[:0], "labels": lambda y: y[:0]}, "no training events"),
    ],
)
def test_bad_events(changes, message):
    """Each kind of unusable events is refused with a message that names the split."""
    with pytest.raises(BadInput, match=message):
        train_trees(**bad(**changes), class_names=NAMES)


def test_scoring_unlike_features_is_refused(trees):
    """Features of another number, or not finite, are refused."""
    with pytest.raises(BadInput, match=r"shape \(n, 3\)"):
        trees.scores(np.zeros((5, 4)))
    with pytest.raises(BadInput, match="not a finite number"):
        trees.scores(np.full((5, 3), np.inf))

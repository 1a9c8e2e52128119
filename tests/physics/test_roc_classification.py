"""Measuring classifiers of several classes, and losses between two of them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from trigml.errors import BadInput
from trigml.physics.classification import accuracy, class_scores, compare, measure_classifier
from trigml.physics.uncertainties import LowerLimit, Measured

NAMES = ("g", "q", "W", "Z", "t")


def toy(seed=0, n=3000, spread=1.0):
    """Logits of five classes that are right about half of the time."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, n)
    logits = rng.normal(0, spread, (n, 5)) + 1.2 * np.eye(5)[labels]
    return logits.astype(np.float32), labels.astype(np.uint8)


def softmax(logits):
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_figures_are_those_of_sklearn():
    """Accuracy and each class's AUC agree with scikit-learn on softmax probabilities."""
    logits, labels = toy()
    performance = measure_classifier(logits, labels, NAMES)
    correct = accuracy_score(labels, logits.argmax(axis=1))
    assert performance.accuracy.value == pytest.approx(correct)
    assert performance.accuracy.uncertainty == pytest.approx(math.sqrt(correct * (1 - correct) / labels.size))
    p = softmax(logits)
    expected = [roc_auc_score(labels == c, p[:, c]) for c in range(5)]
    assert [one.auc.value for one in performance.classes] == pytest.approx(expected, abs=1e-12)
    assert performance.macro_auc.value == pytest.approx(np.mean(expected), abs=1e-12)
    assert [one.n_events for one in performance.classes] == np.bincount(labels).tolist()
    assert [one.name for one in performance.classes] == list(NAMES)
    assert performance.n_events == 3000


def test_rejections_are_those_of_the_events():
    """1/ε_B at ε_S = 30 % counts the others above the score that 30 % of the class reach."""
    logits, labels = toy(n=5000)
    labels[:2000], logits[:2000] = 1, np.roll(logits[:2000], 1, axis=0)
    p = softmax(logits)[:, 1]
    signal, others = np.sort(p[labels == 1])[::-1], p[labels != 1]
    for rejection in measure_classifier(logits, labels, NAMES, (0.3, 0.5)).classes[1].rejections:
        assert isinstance(rejection.rejection, Measured)
        k = rejection.signal_efficiency * signal.size
        low, high = (np.sum(others >= signal[round_(k) - 1]) for round_ in (math.floor, math.ceil))
        assert low <= others.size / rejection.rejection.value * (1 + 1e-12)
        assert others.size / rejection.rejection.value <= high * (1 + 1e-12)


def test_scores_are_log_odds_of_softmax():
    """A class's score is ln(p / (1 − p)), so that it orders events as softmax does."""
    logits, _ = toy(spread=2.0)
    p = softmax(logits)
    np.testing.assert_allclose(class_scores(logits.astype(np.float64)), np.log(p / (1 - p)), rtol=1e-9)


def test_confident_events_do_not_become_ties():
    """Scores go on rising where a float64 softmax has long become 1."""
    logits = np.array([[50.0, 0, 0], [60.0, 0, 0]])
    assert len(set(softmax(logits)[:, 0])) == 1
    scores = class_scores(logits)[:, 0]
    assert scores[0] < scores[1]


def test_permuted_and_shifted_words_stay_tied():
    """Events with the same logits but for order and a common shift get bit-equal scores: ties of hardware."""
    rng = np.random.default_rng(4)
    others = rng.integers(-128, 128, (200, 4)) / 64
    own = rng.integers(-128, 128, (200, 1)) / 64
    reference = class_scores(np.hstack((own, others)))[:, 0]
    for order in ([3, 1, 0, 2], [1, 2, 3, 0]):
        shift = rng.integers(-500, 500, (200, 1)) / 64
        assert np.array_equal(class_scores(np.hstack((own, others[:, order])) + shift)[:, 0], reference)


def test_macro_auc_uncertainty_agrees_with_a_bootstrap():
    """The mean of AUCs that share their events has the uncertainty that resampling gives."""
    logits, labels = toy(n=800)
    rng = np.random.default_rng(11)
    scores = class_scores(logits.astype(np.float64))
    means = []
    for _ in range(300):
        pick = rng.integers(0, labels.size, labels.size)
        means.append(np.mean([roc_auc_score(labels[pick] == c, scores[pick, c]) for c in range(5)]))
    # 300 resamplings know a width to 4 %.
    measured = measure_classifier(logits, labels, NAMES).macro_auc
    assert measured.uncertainty == pytest.approx(np.std(means), rel=0.15)


def test_accuracy_difference_has_mcnemars_uncertainty():
    """Only events that one of the two models gets right contribute to the difference."""
    logits, labels = toy()
    other = logits + np.random.default_rng(1).normal(0, 0.3, logits.shape).astype(np.float32)
    right, other_right = logits.argmax(axis=1) == labels, other.argmax(axis=1) == labels
    b, c, n = np.sum(right & ~other_right), np.sum(~right & other_right), labels.size
    loss = compare(logits, other, labels, NAMES).accuracy
    assert loss.value == pytest.approx((b - c) / n)
    assert loss.uncertainty == pytest.approx(math.sqrt(b + c - (b - c) ** 2 / n) / n)
    assert (
        loss.uncertainty
        < 0.7 * accuracy(logits.astype(np.float64), labels.astype(np.int64)).measured().uncertainty
    )


def test_equal_models_lose_exactly_nothing_and_a_planted_loss_is_seen():
    """0 ± 0 means equality: one event that is classified worse already shows."""
    logits, labels = toy()
    nothing = compare(logits, logits.copy(), labels, NAMES)
    for loss in (nothing.accuracy, nothing.macro_auc, *(one.auc for one in nothing.classes)):
        assert loss == Measured(0.0, 0.0)
    worse = logits.copy()
    event = int(np.flatnonzero((logits.argmax(axis=1) == labels) & (labels == 2))[0])
    worse[event, 2] -= 10
    planted = compare(logits, worse, labels, NAMES)
    assert planted.accuracy.value == pytest.approx(1 / labels.size)
    assert planted.classes[2].auc.value > 0
    assert planted.macro_auc.value > 0
    assert planted.n_events == labels.size


def test_losses_are_reference_minus_candidate():
    """A positive loss means that the candidate is worse, for every quantity."""
    logits, labels = toy()
    coarse = np.round(logits) + np.random.default_rng(3).normal(0, 1, logits.shape).astype(np.float32)
    ours, theirs = (measure_classifier(z, labels, NAMES) for z in (logits, coarse))
    loss = compare(logits, coarse, labels, NAMES)
    assert loss.accuracy.value == pytest.approx(ours.accuracy.value - theirs.accuracy.value, abs=1e-12)
    assert loss.accuracy.value > 0
    assert loss.macro_auc.value == pytest.approx(ours.macro_auc.value - theirs.macro_auc.value, abs=1e-12)
    for one, a, b in zip(loss.classes, ours.classes, theirs.classes, strict=True):
        assert one.auc.value == pytest.approx(a.auc.value - b.auc.value, abs=1e-12)
        assert one.auc.value > 0


def test_pulls_of_multiclass_toys():
    """Over many samples, accuracy and macro AUC of two equally good models scatter as their losses say."""
    rng = np.random.default_rng(12)
    pulls = []
    for _ in range(200):
        labels = rng.integers(0, 3, 400)
        common = rng.normal(size=(400, 3)) + np.eye(3)[labels]
        first, second = (common + rng.normal(0, 0.5, common.shape) for _ in range(2))
        loss = compare(first, second, labels, ("a", "b", "c"))
        pulls.append([each.value / each.uncertainty for each in (loss.accuracy, loss.macro_auc)])
    # The width of 200 pulls is known to 5 %.
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.3)
    assert np.all(np.abs(np.std(pulls, axis=0) - 1) < 0.2)


def test_a_perfect_classifier_gets_limits():
    """Perfect separation gives AUC 1 and a lower limit on the rejection, and JSON without infinities."""
    labels = np.arange(3000) % 3
    performance = measure_classifier(20.0 * np.eye(3)[labels], labels, ("a", "b", "c"))
    assert performance.accuracy == Measured(1.0, 0.0)
    for one in performance.classes:
        assert one.auc.value == 1
        assert all(isinstance(each.rejection, LowerLimit) for each in one.rejections)
    text = json.dumps(performance.to_json(), allow_nan=False)
    assert '"lower_limit"' in text


def test_json_of_performance_and_loss():
    """The JSON holds what the dataclasses hold, under names that say what it is."""
    logits, labels = toy()
    performance = measure_classifier(logits, labels, NAMES, (0.5,))
    content = performance.to_json()
    assert content["n_events"] == 3000
    assert content["accuracy"] == performance.accuracy.to_json()
    top = content["classes"][4]
    assert (top["name"], top["auc"]) == ("t", performance.classes[4].auc.to_json())
    assert top["background_rejection"][0]["signal_efficiency"] == 0.5
    loss = compare(logits, np.round(logits), labels, NAMES)
    assert loss.to_json()["classes"][0] == {"name": "g", "auc": loss.classes[0].auc.to_json()}
    json.dumps(loss.to_json(), allow_nan=False)


def changed_labels(label):
    labels = np.arange(12) % 3
    labels[5] = label
    return labels


GOOD = np.zeros((12, 3))
ABC = ("a", "b", "c")


@pytest.mark.parametrize(
    ("logits", "labels", "names", "message"),
    [
        (GOOD, changed_labels(3), ABC, r"out of range[\s\S]*event 5[\s\S]*0 to 2 \(a, b, c\)[\s\S]*3"),
        (GOOD, changed_labels(-1), ABC, "out of range"),
        (GOOD, np.arange(12) % 2, ABC, "holds 0 events of class 'c'"),
        (GOOD, np.array([0, 1] * 5 + [0, 2]), ABC, "holds 1 events of class 'c'"),
        (GOOD[:11], np.arange(12) % 3, ABC, r"\(11, 3\) and \(12,\)"),
        (GOOD[:, :2], np.arange(12) % 3, ABC, "do not fit together"),
        (GOOD[:0], np.arange(0), ABC, "holds 0 events"),
        (GOOD.astype(int), np.arange(12) % 3, ABC, "word × LSB"),
        (GOOD, np.arange(12.0) % 3, ABC, "labels have to be integers"),
        (GOOD, np.arange(12) % 3, ("a", "b", "a"), "different names"),
        (GOOD[:, :1], np.zeros(12, int), ("a",), "two or more classes"),
        (
            np.where(np.arange(12)[:, None] == 7, np.nan, GOOD),
            np.arange(12) % 3,
            ABC,
            r"finite[\s\S]*event 7",
        ),
        (np.where(np.arange(12)[:, None] == 7, np.inf, GOOD), np.arange(12) % 3, ABC, "finite"),
    ],
)
def test_bad_samples(logits, labels, names, message):
    """Each kind of unusable sample is refused with a message that says what is wrong, by both functions."""
    with pytest.raises(BadInput, match=message):
        measure_classifier(logits, labels, names)
    if logits.dtype == np.float64:
        with pytest.raises(BadInput):
            compare(np.zeros((12, 3)), logits, labels, names)

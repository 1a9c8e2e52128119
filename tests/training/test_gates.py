"""Gates: what they are held against and what they say."""

from __future__ import annotations

import pytest

from trigml.errors import GateBroken
from trigml.physics.classification import ClassifierPerformance, PerformanceLoss
from trigml.physics.uncertainties import Measured
from trigml.spec import GateSpec
from trigml.training.gates import classifier_gates, enforce


def performance(accuracy: float, auc: float) -> ClassifierPerformance:
    return ClassifierPerformance(1000, Measured(accuracy, 0.01), Measured(auc, 0.005), ())


LOSS = PerformanceLoss(1000, Measured(0.02, 0.004), Measured(0.01, 0.002), ())
EVERYTHING = GateSpec(max_auc_loss=0.004, max_accuracy_loss=0.03, min_auc=0.9, min_accuracy=0.8)


def test_each_gate_is_held_against_its_quantity() -> None:
    """Losses against the paired difference, minima against the quantised model."""
    results = classifier_gates(EVERYTHING, performance(0.82, 0.91), performance(0.80, 0.90), LOSS)
    assert {r.name: (r.measured.value, r.broken) for r in results} == {
        "max_auc_loss": (0.01, True),
        "max_accuracy_loss": (0.02, False),
        "min_auc": (0.90, False),
        "min_accuracy": (0.80, False),
    }


def test_without_a_quantised_model_the_minima_are_those_of_the_float_one() -> None:
    """A float-only training cannot break a gate on losses."""
    results = classifier_gates(EVERYTHING, performance(0.7, 0.95), None, None)
    assert {r.name: r.broken for r in results} == {"min_auc": False, "min_accuracy": True}


def test_a_broken_gate_says_by_how_much() -> None:
    """Name, limit, value with its uncertainty, excess and significance stand in the message; exit code 3."""
    results = classifier_gates(EVERYTHING, performance(0.82, 0.91), performance(0.79, 0.90), LOSS)
    with pytest.raises(GateBroken) as caught:
        enforce(results, "runs/toy")
    assert caught.value.exit_code == 3
    for part in (
        "breaks 2 gates of the spec: gate.max_auc_loss, gate.min_accuracy",
        "runs/toy",
        "AUC of float − quantised at most 0.004",
        "AUC of float − quantised is 0.0100 ± 0.0020; broken by 0.006 (3.0 standard deviations)",
        "accuracy of the quantised model at least 0.8",
        "is 0.790 ± 0.010; broken by 0.01 (1.0 standard deviations)",
    ):
        assert part in str(caught.value)


def test_kept_gates_and_no_gates_are_silent() -> None:
    """A limit that is exactly reached is kept."""
    kept = classifier_gates(GateSpec(max_auc_loss=0.01), performance(0.8, 0.9), performance(0.8, 0.9), LOSS)
    assert [r.broken for r in kept] == [False]
    enforce(kept, "x")
    enforce(classifier_gates(GateSpec(), performance(0, 0), performance(0, 0), LOSS), "x")

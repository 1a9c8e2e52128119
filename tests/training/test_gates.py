"""Gates: what they are held against and what they say."""

from __future__ import annotations

from dataclasses import fields

import pytest

from trigml.errors import GateBroken
from trigml.physics.classification import ClassifierPerformance, PerformanceLoss
from trigml.physics.regression import RegressorPerformance, TypePerformance
from trigml.physics.regressor_comparison import RegressorComparison, TypeComparison
from trigml.physics.resolution import EnergyBin
from trigml.physics.uncertainties import Measured, NotMeasured
from trigml.spec import GateSpec
from trigml.training.gates import classifier_gates, enforce, regressor_gates


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


def bins(median: float) -> EnergyBin:
    names = [field.name for field in fields(EnergyBin)]
    figures = dict.fromkeys(names[4:], Measured(0.1, 0.01)) | {"median": Measured(median, 0.01)}
    return EnergyBin(0, 60, 20, 1000, **figures)


def regressor(*medians: float | NotMeasured) -> RegressorPerformance:
    """One particle type per median response; only what the gates look at is meant."""
    nothing = NotMeasured("no bins")
    types = tuple(
        TypePerformance(
            f"type{place}",
            1000,
            median if isinstance(median, NotMeasured) else bins(median),
            (),
            (),
            nothing,
            (),
            nothing,
        )
        for place, median in enumerate(medians)
    )
    return RegressorPerformance(1000, (0, 60), types[0], types)


def comparison(*ratios: Measured | NotMeasured) -> RegressorComparison:
    """One particle type per ratio of stochastic terms."""
    nothing = NotMeasured("not asked for")
    types = tuple(
        TypeComparison(f"type{place}", 1000, nothing, nothing, ratio, nothing, ())
        for place, ratio in enumerate(ratios)
    )
    return RegressorComparison(1000, (0, 60), types[0], types)


def test_the_worst_particle_type_decides_about_a_regression() -> None:
    """The largest rise of the stochastic term, and the median response farthest from 1, on either side."""
    results = regressor_gates(
        GateSpec(max_stochastic_loss=0.05, max_bias=0.1),
        regressor(1.0, 1.0, 1.0),
        regressor(1.04, 0.88, 1.02),
        comparison(Measured(1.01, 0.01), Measured(0.9, 0.01), Measured(1.08, 0.02)),
    )
    assert [(r.name, round(r.measured.value, 9), r.broken) for r in results] == [
        ("max_stochastic_loss", 0.08, True),
        ("max_bias", 0.12, True),
    ]
    assert "for type2 is 0.080 ± 0.020; broken by 0.03 (1.5 standard deviations)" in str(results[0])
    assert "the quantised model's median response from 1 for type1" in str(results[1])


def test_without_a_quantised_regressor_the_bias_is_that_of_the_float_one() -> None:
    """A float-only training has no rise of the stochastic term that could be judged."""
    gates = GateSpec(max_stochastic_loss=0.05, max_bias=0.1)
    (bias,) = regressor_gates(gates, regressor(0.93), None, None)
    assert (bias.name, bias.broken) == ("max_bias", False)
    assert "float model" in bias.what


def test_what_cannot_be_measured_breaks_its_gate() -> None:
    """A gate is a promise: without a figure nobody knows that it is kept, and the reason is told."""
    nothing = NotMeasured("2 bins of true energy")
    results = regressor_gates(
        GateSpec(max_stochastic_loss=0.05, max_bias=0.1),
        regressor(1.0),
        regressor(1.5, NotMeasured("no events")),
        comparison(Measured(1.3, 0.01), nothing),
    )
    assert [r.broken for r in results] == [True, True]
    with pytest.raises(GateBroken) as caught:
        enforce(results, "runs/toy")
    for reason in ("2 bins of true energy", "no events"):
        assert f"for type1 is not measured: {reason}; broken" in str(caught.value)
    assert results[0].to_json()["measured"] == {"not_measured": "2 bins of true energy"}

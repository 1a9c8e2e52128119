"""Trigger quantities of regressors, counted again in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trigml.atomic import write_json
from trigml.data.splits import Split, SplitFractions, assign
from trigml.emulation.stage import EmulationStage
from trigml.errors import BadInput
from trigml.evaluation import (
    EvaluationOptions,
    Target,
    TargetKind,
    TriggerQuantities,
    evaluate_run,
    load_working_points,
)
from trigml.evaluation.bins import Binning
from trigml.evaluation.regressor_quantities import RegressorQuantities, reached_at
from trigml.evaluation.stored import working_points_json
from trigml.evaluation.targets import parse_threshold, parse_value
from trigml.physics.turn_on import TurnOn
from trigml.physics.uncertainties import NotMeasured
from trigml.runs import names, open_run
from trigml.training.standing import SUM

ABOVE = Target(TargetKind.VALUE, 20.0, "GeV")
NINETY, RATE = Target(TargetKind.EFFICIENCY, 0.9), Target(TargetKind.RATE, 100e3)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory, toy_regressor: ModuleType) -> Any:
    return toy_regressor.toy_measurements(tmp_path_factory.mktemp("energies") / "events.h5")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, events: Any, toy_regressor: ModuleType) -> Path:
    made: Path = toy_regressor.toy_energy_run(tmp_path_factory.mktemp("runs") / "run", events)
    return made


@pytest.fixture
def other(tmp_path: Path, toy_regressor: ModuleType) -> Callable[..., Any]:
    """Makes a file of other events."""
    return lambda **options: toy_regressor.toy_measurements(tmp_path / "other.h5", 300, seed=7, **options)


def evaluated(run: Path, **options: Any) -> TriggerQuantities:
    return evaluate_run(open_run(run), EvaluationOptions(**({"stage": EmulationStage.NUMPY} | options)))


def regressor_of(found: TriggerQuantities) -> RegressorQuantities:
    assert found.regressor is not None
    return found.regressor


def test_working_points_are_the_best_thresholds_there_are(run: Path, events: Any) -> None:
    """Protects the integers: an LSB tighter would lose the efficiency, an LSB looser exceed the rate."""
    found = evaluated(run, target_above=ABOVE, targets=(NINETY, RATE), input_rate=400e3)
    ids = np.arange(len(events.labels), dtype=np.uint64)
    in_test = assign(ids, SplitFractions(0.25, 0.25, 0.5)) == Split.TEST
    signal = events.words[in_test & (events.energy >= 20)]
    background = events.words[in_test & (events.energy < 20)]
    (quantities,) = found.discriminants
    assert (quantities.scan.curve.n_signal, quantities.scan.curve.n_background) == (
        len(signal),
        len(background),
    )
    ninety, rate = quantities.points
    assert np.mean(signal >= ninety.point.threshold) == ninety.point.signal_efficiency.value >= 0.9
    assert np.mean(signal > ninety.point.threshold) < 0.9
    assert ninety.tied_signal == np.sum(signal == ninety.point.threshold) > 0
    assert rate.point.rate is not None
    assert rate.point.rate.value == np.mean(background >= rate.point.threshold) * 400e3 <= 100e3
    assert np.mean(background >= rate.point.threshold - 1) * 400e3 > 100e3
    assert any("not of collisions" in remark for remark in found.remarks)


def test_words_that_are_an_lsb_higher_have_thresholds_an_lsb_higher(
    run: Path, other: Callable[..., Any]
) -> None:
    """Protects against thresholds that are rounded, or found from energies instead of words."""
    options = {"target_above": ABOVE, "targets": (NINETY, RATE), "input_rate": 400e3}
    thresholds = []
    for shift in (0, 1):
        (quantities,) = evaluated(run, files=(other(shift=shift).path,), **options).discriminants
        thresholds.append([point.point.threshold for point in quantities.points])
    assert thresholds[1] == [threshold + 1 for threshold in thresholds[0]]


def test_classes_are_signal_and_background_as_they_are_named(run: Path, other: Callable[..., Any]) -> None:
    """Protects --signal and --background, with and without --target-above."""
    made = other()
    gamma, electron, pion = (made.labels == place for place in range(3))
    high = made.energy >= 20
    for options, signal, background in (
        ({"background": "pion"}, gamma | electron, pion),
        ({"background": "pion", "signals": ("gamma",)}, gamma, pion),
        ({"background": "pion", "target_above": ABOVE}, (gamma | electron) & high, pion),
        ({"signals": ("electron",), "target_above": ABOVE}, electron & high, ~high),
    ):
        found = evaluated(run, files=(made.path,), targets=(Target(TargetKind.THRESHOLD, 80),), **options)
        (quantities,) = found.discriminants
        point = quantities.points[0].point
        assert point.signal_efficiency.value == np.mean(made.words[signal] >= 80), options
        assert point.background_efficiency.value == np.mean(made.words[background] >= 80), options


def test_values_become_integers_that_are_not_below_them(run: Path) -> None:
    """Protects --threshold '25 GeV': 100 LSBs; what lies between two LSBs is rounded up, and said."""
    targets = tuple(parse_threshold(text) for text in ("100", "25 GeV", "25.01 GeV"))
    found = evaluated(run, targets=targets)
    assert [threshold for _, threshold in regressor_of(found).thresholds] == [100, 100, 101]
    assert found.discriminants == ()
    assert found.remarks == ("25.01 GeV lies between two LSBs: rounded up to 101 = 25.25 GeV",)


def test_thresholds_end_where_the_word_ends(run: Path) -> None:
    """Protects the edge: the highest word is a threshold, the next integer is not, in LSB or in GeV."""
    low, high = regressor_of(evaluated(run)).word.bounds
    assert low >= 0
    for given in (0, high):
        found = evaluated(run, targets=(Target(TargetKind.THRESHOLD, given),))
        assert [threshold for _, threshold in regressor_of(found).thresholds] == [given]
    beyond = (Target(TargetKind.THRESHOLD, high + 1), Target(TargetKind.VALUE, (high + 1) * 0.25, "GeV"))
    for target in beyond:
        with pytest.raises(BadInput, match="beyond") as refused:
            evaluated(run, targets=(target,))
        assert refused.value.expected == f"0 to {high} LSB (0 to {high * 0.25:g} GeV)"
        assert refused.value.found == f"{high + 1} LSB ({(high + 1) * 0.25:g} GeV)"


def test_turn_on_curves_are_those_of_the_types(run: Path, other: Callable[..., Any]) -> None:
    """Protects the curves: per type and all together, against the true energy or another column."""
    made = other()
    found = evaluated(
        run,
        files=(made.path,),
        signals=("gamma", "pion"),
        targets=(Target(TargetKind.THRESHOLD, 100),),
        binning=Binning((5, 20, 30, 45)),
    )
    assert found.column is not None
    assert found.column.name == "true_energy"
    (turn_on,) = regressor_of(found).turn_ons
    gamma, pion = made.labels == 0, made.labels == 2
    assert [one.name for one in turn_on.types] == ["gamma", "pion", "all"]
    for one, of_type in zip(turn_on.types, (gamma, pion, gamma | pion), strict=True):
        for place, (low, high) in enumerate(((5, 20), (20, 30), (30, 45))):
            inside = of_type & (made.energy >= low) & (made.energy < high)
            assert one.curve.total[place] == inside.sum()
            assert one.curve.passed[place] == np.sum(made.words[inside] >= 100)
    assert regressor_of(found).outside == np.sum((gamma | pion) & (made.energy > 45))
    against = evaluated(run, files=(made.path,), targets=turn_on_targets(), against="depth")
    assert against.column is not None
    assert against.column.unit == "mm"


def turn_on_targets() -> tuple[Target, ...]:
    return (Target(TargetKind.THRESHOLD, 100),)


def test_where_a_curve_reaches_an_efficiency() -> None:
    """Protects the interpolation, past a bin that falls back below, and that it says where there is none."""
    edges, total = np.arange(6) * 10.0, np.array([10, 10, 10, 0, 10])
    half, most = reached_at(TurnOn(1, edges, np.array([0, 6, 4, 0, 9]), total))
    assert half == 25 + 20 * (0.5 - 0.4) / (0.9 - 0.4)
    assert most == NotMeasured("below 0.95 in the last bin with events")
    (always,) = reached_at(TurnOn(1, edges, total, total), (0.5,))
    assert always == NotMeasured("at least 0.5 in every bin")


def test_response_is_that_of_the_words(run: Path, other: Callable[..., Any]) -> None:
    """Protects the figures: words times LSB over true energy, beside the sum with the run's factor."""
    made = other()
    figures = regressor_of(evaluated(run, files=(made.path,))).figures
    assert figures is not None
    words, total = (figures.models[name].types[0].whole for name in ("words (numpy)", SUM))
    assert not isinstance(words, NotMeasured)
    assert not isinstance(total, NotMeasured)
    gamma = made.labels == 0
    expected = np.mean(made.words[gamma] * 0.25 / made.energy[gamma])
    assert words.mean.value == pytest.approx(expected, rel=1e-12)
    assert total.mean.value == pytest.approx(1.25 * expected, rel=1e-6)


def test_both_stages_give_the_same(run: Path) -> None:
    """Protects the default stage; the output says which it was."""
    options = {"target_above": ABOVE, "targets": (NINETY,)}
    native, numpy_ = (evaluated(run, stage=stage, **options) for stage in EmulationStage)
    assert numpy_.sample.stage == "numpy"
    assert native.sample.stage == "native"
    assert native.to_json()["discriminants"] == numpy_.to_json()["discriminants"]


@pytest.mark.parametrize("options", [{"target_above": ABOVE, "targets": (NINETY,)}, {"targets": (ABOVE,)}])
def test_stored_thresholds_are_applied_to_other_events(
    run: Path, tmp_path: Path, other: Callable[..., Any], toy_regressor: ModuleType, options: dict[str, Any]
) -> None:
    """Protects the round trip, with and without a background, and its refusal for another network."""
    first = evaluated(run, **options)
    path = tmp_path / "working_points.json"
    write_json(path, working_points_json(first, "0" * 64))
    graph = toy_regressor.toy_energy_graph()
    stored = load_working_points(path, graph.digest)
    made = other()
    again = evaluated(run, files=(made.path,), stored=stored)
    assert regressor_of(again).word.division == regressor_of(first).word.division
    (threshold,) = [threshold for _, threshold in regressor_of(first).thresholds]
    assert [value for _, value in regressor_of(again).thresholds] == [threshold]
    for quantities in again.discriminants:
        passes = made.words[made.energy >= 20] >= threshold
        assert quantities.points[0].point.signal_efficiency.value == passes.mean()
    with pytest.raises(BadInput, match="leave them out"):
        evaluated(run, stored=stored, signals=("gamma",))
    with pytest.raises(BadInput, match="another network"):
        load_working_points(path, toy_regressor.toy_energy_graph(offset=1.0).digest)


def test_events_without_a_true_energy(run: Path, other: Callable[..., Any]) -> None:
    """Protects scans against a class where nothing else is known, and the remedy where that is asked for."""
    made = other(truth=False)
    found = evaluated(run, files=(made.path,), background="pion", targets=(NINETY,))
    assert len(found.discriminants) == 1
    assert regressor_of(found).figures is None
    assert regressor_of(found).turn_ons == ()
    assert any("no column 'true_energy'" in remark for remark in found.remarks)
    for options in ({}, {"target_above": ABOVE}):
        with pytest.raises(BadInput, match="--background CLASS"):
            evaluated(run, files=(made.path,), **options)


def test_a_file_of_some_classes_is_enough(run: Path, other: Callable[..., Any]) -> None:
    """Protects evaluations on files of one particle type."""
    found = evaluated(run, files=(other(classes=("electron",)).path,), target_above=ABOVE, targets=(NINETY,))
    assert found.classes == (("electron", 300),)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": (NINETY,)}, "needs signal and background"),
        ({"input_rate": 1e6}, "needs a background"),
        ({"targets": (RATE,), "target_above": ABOVE}, "--input-rate"),
        ({"targets": (parse_threshold("25 MeV"),)}, "another unit"),
        ({"targets": (parse_threshold("25.5"),)}, "another unit"),
        ({"targets": (parse_threshold("2500 GeV"),)}, "beyond what energy"),
        ({"targets": (parse_threshold("-1"),)}, "beyond what energy"),
        ({"target_above": parse_value("3 mm", "--target-above")}, "--target-above"),
        ({"target_above": parse_value("300 GeV", "--target-above")}, "the highest in the sample"),
        ({"target_above": parse_value("0 GeV", "--target-above")}, "the lowest in the sample"),
        ({"signals": ("gamna",)}, "did you mean 'gamma'"),
        ({"signals": ("pion",), "background": "pion"}, "at once"),
    ],
)
def test_what_cannot_be_evaluated(run: Path, options: dict[str, Any], message: str) -> None:
    """Protects the messages for thresholds, units and classes that make no sense for this run."""
    with pytest.raises(BadInput, match=message):
        evaluated(run, **options)


def test_a_sum_of_other_inputs_is_refused(tmp_path: Path, events: Any, toy_regressor: ModuleType) -> None:
    """Protects against factors that were found for other inputs; a run without any says so."""
    run = toy_regressor.toy_energy_run(tmp_path / "run", events)
    write_json(run / names.HISTORY, {"calibrated_sum": {"parts": [{"inputs": 2, "factor": 1.0}]}})
    with pytest.raises(BadInput, match="other inputs"):
        evaluated(run)
    (run / names.HISTORY).unlink()
    assert evaluated(run).remarks == ("no calibrated sum beside the words: the run holds no factors for it",)

"""From events to trigger quantities, counted again in plain Python."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.data.splits import Split, SplitFractions, assign
from trigml.emulation.stage import EmulationStage
from trigml.errors import BadInput
from trigml.evaluation import EvaluationOptions, Target, TargetKind, TriggerQuantities, evaluate_run
from trigml.evaluation.bins import Binning
from trigml.runs import open_run

HALF, RATE = Target(TargetKind.EFFICIENCY, 0.5), Target(TargetKind.RATE, 100e3)


def evaluated(run: Path, **options: Any) -> TriggerQuantities:
    return evaluate_run(open_run(run), EvaluationOptions(**({"stage": EmulationStage.NUMPY} | options)))


@pytest.fixture
def in_test(events: Any) -> np.ndarray:
    """(n,) whether an event is in the test split."""
    ids = np.arange(len(events.labels), dtype=np.uint64)
    return assign(ids, SplitFractions(0.25, 0.25, 0.5)) == Split.TEST


@pytest.mark.parametrize("signal", [0, 1, 2])
def test_working_points_are_the_best_thresholds_there_are(
    run: Path, events: Any, in_test: np.ndarray, signal: int
) -> None:
    """Protects the thresholds: an LSB tighter would lose the efficiency, an LSB looser exceed the rate."""
    found = evaluated(run, signals=("abc"[signal],), targets=(HALF, RATE), input_rate=400e3)
    assert found.sample.events == in_test.sum()
    scores = events.differences(signal)[in_test]
    is_signal = events.labels[in_test] == signal
    (quantities,) = found.discriminants
    half, rate = quantities.points
    threshold = half.point.threshold
    assert np.mean(scores[is_signal] >= threshold) == half.point.signal_efficiency.value >= 0.5
    assert np.mean(scores[is_signal] >= threshold + 1) < 0.5
    assert half.tied_signal == np.sum(scores[is_signal] == threshold)
    assert half.tied_background == np.sum(scores[~is_signal] == threshold)
    threshold = rate.point.threshold
    assert rate.point.rate is not None
    assert rate.point.rate.value == np.mean(scores[~is_signal] >= threshold) * 400e3 <= 100e3
    assert np.mean(scores[~is_signal] >= threshold - 1) * 400e3 > 100e3


def test_a_rate_that_few_events_tell_comes_with_a_caution(run: Path) -> None:
    """Protects against a rate that looks met because the sample is too small to see it."""
    targets = (Target(TargetKind.RATE, 4e3), Target(TargetKind.RATE, 100e3))
    (quantities,) = evaluated(run, signals=("b",), targets=targets, input_rate=400e3).discriminants
    few, many = quantities.points
    assert few.point.rate is not None
    assert few.passed_background < 10 <= many.passed_background
    assert few.point.rate.upper > 4e3
    assert f"only {few.passed_background} background events" in few.caution
    assert many.caution == ""


def test_one_background_leaves_the_other_classes_out(run: Path, events: Any, in_test: np.ndarray) -> None:
    """Protects --background: word differences, on the events of the two classes only."""
    (quantities,) = evaluated(run, signals=("a",), background="c").discriminants
    kept = in_test & (events.labels != 1)
    scores = (events.words[:, 0] - events.words[:, 2])[kept]
    threshold = quantities.points[0].point.threshold
    background = events.labels[kept] == 2
    assert quantities.scan.curve.n_background == background.sum()
    assert quantities.points[0].point.background_efficiency.value == np.mean(scores[background] >= threshold)
    assert quantities.auc_log_odds is None


def test_turn_on_curves_are_those_of_the_column(run: Path, events: Any, in_test: np.ndarray) -> None:
    """Protects the column's values: in the order of the events, of the signal and of the background."""
    found = evaluated(run, signals=("b",), against="energy", binning=Binning((0, 25, 50, 90)))
    (quantities,) = found.discriminants
    point = quantities.points[0]
    passes = events.differences(1) >= point.point.threshold
    for curve, of_kind in (
        (point.signal_turn_on, events.labels == 1),
        (point.background_turn_on, events.labels != 1),
    ):
        kept = in_test & of_kind
        assert curve is not None
        for place, (low, high) in enumerate(((0, 25), (25, 50), (50, 90))):
            inside = kept & (events.energy >= low) & (events.energy < high)
            assert (curve.total[place], curve.passed[place]) == (inside.sum(), (inside & passes).sum())
    assert quantities.outside == (in_test & (events.labels == 1) & (events.energy > 90)).sum()
    assert found.column is not None
    assert found.column.unit == "GeV"


def test_both_stages_give_the_same(run: Path) -> None:
    """Protects the default stage; the output says which it was."""
    options = {"targets": (HALF,), "against": "energy"}
    native, numpy_ = (evaluated(run, stage=stage, **options) for stage in EmulationStage)
    assert (numpy_.sample.stage, native.sample.stage) == ("numpy", "native")
    assert numpy_.to_json()["discriminants"] == native.to_json()["discriminants"]


def test_files_are_taken_whole(run: Path, tmp_path: Path, toy_classifier: ModuleType, events: Any) -> None:
    """Protects --events: all events of the files, classes by name, and a note if they were trained on."""
    other = toy_classifier.toy_events(tmp_path / "other.h5", 300, 5, ("c", "a", "b"))
    found = evaluated(run, files=(other.path,), signals=("a",))
    assert found.sample.events == 300
    assert found.sample.note == ""
    assert dict(found.classes)["a"] == np.sum(other.labels == 1)
    assert "training" in evaluated(run, files=(events.path,)).sample.note


def test_classes_that_do_not_count_need_not_be_there(
    run: Path, tmp_path: Path, toy_classifier: ModuleType
) -> None:
    """Protects a signal and a background from files of their own, numbered as in each file."""
    files = [toy_classifier.toy_events(tmp_path / f"{name}.h5", 100, 4, (name,)) for name in "ca"]
    found = evaluated(run, files=tuple(file.path for file in files), signals=("a",), background="c")
    assert found.classes == (("a", 100), ("c", 100))
    (point,) = found.discriminants[0].points
    background, signal = (file.words[:, 0] - file.words[:, 2] for file in files)
    assert point.point.signal_efficiency.value == np.mean(signal >= point.point.threshold)
    assert point.point.background_efficiency.value == np.mean(background >= point.point.threshold)


def _nan(path: Path, name: str) -> None:
    with h5py.File(path, "r+") as file:
        values = file[f"features/{name}"][:]
        values[7] = np.nan
        del file[f"features/{name}"]
        file[f"features/{name}"] = values


def test_values_that_are_not_finite_are_refused(
    run: Path, tmp_path: Path, toy_classifier: ModuleType
) -> None:
    """Protects against a NaN counted as an event that fails, in an input or in the column."""
    for name in ("energy", "x1"):
        other = toy_classifier.toy_events(tmp_path / f"{name}.h5", 100)
        _nan(other.path, name)
        with pytest.raises(BadInput, match=r"NaN|finite"):
            evaluated(run, files=(other.path,), against="energy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"against": "enrgy"}, "did you mean 'energy'"),
        ({"against": "flat"}, "same value"),
        ({"against": "energy", "binning": Binning((200, 300))}, "no event lies in any bin"),
        ({"signals": ("d",)}, "no class 'd'"),
        ({"targets": (RATE,)}, "--input-rate"),
        ({"target_above": Target(TargetKind.VALUE, 20.0, "GeV")}, "--target-above"),
        ({"targets": (Target(TargetKind.VALUE, 20.0, "GeV"),)}, "tells classes apart"),
        ({"targets": (RATE,), "input_rate": 50e3}, "higher than the rate that enters"),
    ],
)
def test_what_cannot_be_evaluated(run: Path, options: dict[str, Any], message: str) -> None:
    """Protects the messages for columns, classes and rates that are not there or cannot be reached."""
    with pytest.raises(BadInput, match=message):
        evaluated(run, **options)


def test_thresholds_end_where_the_discriminant_ends(run: Path) -> None:
    """Protects the edges: both proven bounds are thresholds, the integers next to them are not."""
    (quantities,) = evaluated(run, signals=("b",)).discriminants
    low, high = quantities.discriminant.bounds
    evaluated(run, signals=("b",), targets=tuple(Target(TargetKind.THRESHOLD, end) for end in (low, high)))
    for beyond in (low - 1, high + 1):
        with pytest.raises(BadInput, match="beyond"):
            evaluated(run, signals=("b",), targets=(Target(TargetKind.THRESHOLD, beyond),))


def test_a_rate_that_no_threshold_reaches_is_refused(
    run: Path, tmp_path: Path, toy_classifier: ModuleType
) -> None:
    """Protects against a threshold that nothing passes: here the highest scores are background."""
    other = toy_classifier.toy_events(tmp_path / "other.h5", 400, 2, ("b", "a", "c"))
    target = Target(TargetKind.RATE, 1.0)
    with pytest.raises(BadInput, match="without rejecting every event") as caught:
        evaluated(run, files=(other.path,), signals=("a",), targets=(target,), input_rate=40e6)
    assert "a against the rest" in str(caught.value)


def test_a_sample_without_background_is_refused(
    run: Path, tmp_path: Path, toy_classifier: ModuleType
) -> None:
    """Protects against efficiencies of no events: of a class, and of all classes of the run."""
    with pytest.raises(BadInput, match="class"):
        evaluated(run, files=(toy_classifier.toy_events(tmp_path / "one.h5", 50, 1, ("a",)).path,))
    with pytest.raises(BadInput, match=r"class|no events"):
        evaluated(run, files=(toy_classifier.toy_events(tmp_path / "none.h5", 50, 1, ("x", "y")).path,))


def test_the_test_split_of_changed_files_is_refused(
    run: Path, events: Any, toy_classifier: ModuleType
) -> None:
    """Protects against thresholds found on events that may have been trained on."""
    toy_classifier.toy_events(events.path, 1200, 99)
    with pytest.raises(BadInput, match="not those of the training"):
        evaluated(run)


def test_another_network_gives_other_thresholds(
    tmp_path: Path, events: Any, toy_classifier: ModuleType
) -> None:
    """Protects that the scores are the network's: with its scale the thresholds change."""
    same = evaluated(toy_classifier.toy_run(tmp_path / "one", toy_classifier.toy_graph(), events))
    other = evaluated(toy_classifier.toy_run(tmp_path / "two", toy_classifier.toy_graph(2), events))
    assert same.graph != other.graph
    assert same.to_json()["discriminants"] != other.to_json()["discriminants"]

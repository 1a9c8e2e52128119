"""Working points as they are stored in a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trigml.atomic import write_json
from trigml.emulation.stage import EmulationStage
from trigml.errors import BadInput
from trigml.evaluation import (
    EvaluationOptions,
    StoredPoint,
    Target,
    TargetKind,
    evaluate_run,
    load_working_points,
)
from trigml.evaluation.stored import working_points_json
from trigml.runs import names, open_run


@pytest.fixture
def points(run: Path) -> Path:
    """Working points of the toy run."""
    options = EvaluationOptions(
        signals=("b", "a"),
        targets=(Target(TargetKind.EFFICIENCY, 0.5), Target(TargetKind.RATE, 100e3)),
        input_rate=40e6 / 100,
        stage=EmulationStage.NUMPY,
    )
    found = evaluate_run(open_run(run), options)
    path = run / names.EVALUATION / "working_points.json"
    write_json(path, working_points_json(found, "0" * 64))
    return path


def test_what_is_stored_comes_back(points: Path, run: Path, toy_classifier: ModuleType) -> None:
    """Protects the integers that go to firmware, in the file and when read again."""
    graph = toy_classifier.toy_graph()
    content = json.loads(points.read_text())
    assert all(type(entry["threshold"]) is int for entry in content["points"])
    assert content["graph"] == graph.digest
    assert content["stage"] == "numpy"
    stored = load_working_points(points, graph.digest)
    assert [(point.signal, point.background, point.target.kind.value) for point in stored.points] == [
        ("b", None, "efficiency"),
        ("b", None, "rate"),
        ("a", None, "efficiency"),
        ("a", None, "rate"),
    ]
    assert [point.threshold for point in stored.points] == [entry["threshold"] for entry in content["points"]]
    assert stored.points[0] == StoredPoint(
        "b", None, content["points"][0]["threshold"], Target(TargetKind.EFFICIENCY, 0.5)
    )
    applied = evaluate_run(open_run(run), EvaluationOptions(stored=stored, stage=EmulationStage.NUMPY))
    assert [
        (found.discriminant.signal, point.point.threshold)
        for found in applied.discriminants
        for point in found.points
    ] == [(point.signal, point.threshold) for point in stored.points]


def test_thresholds_of_another_network_are_refused(points: Path, toy_classifier: ModuleType) -> None:
    """Protects firmware from thresholds that were found for other words."""
    with pytest.raises(BadInput, match="another network") as caught:
        load_working_points(points, toy_classifier.toy_graph(2).digest)
    assert toy_classifier.toy_graph().digest in str(caught.value)


def _without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.pop(key)


def _with_threshold(value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["points"][0].update(threshold=value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with_threshold(3.0), "damaged"),
        (_with_threshold("3"), "damaged"),
        (_with_threshold(True), "damaged"),
        (_without("points"), "damaged"),
        (_without("graph"), "damaged"),
        (lambda content: content.update(points=[]), "damaged"),
        (lambda content: content.update(points=[7]), "damaged"),
        (lambda content: content["points"][0].update(target={"kind": "mood", "value": 1}), "damaged"),
        (lambda content: content["points"][0].update(signal=None), "damaged"),
        (lambda content: content.update(version=2), "newer trigml"),
        (lambda content: content.update(version="1"), "damaged"),
        (_without("format"), "no working points"),
    ],
)
def test_damaged_files_are_refused(
    points: Path, toy_classifier: ModuleType, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """Protects against thresholds that are not what was found: floats, texts, missing ones."""
    content = json.loads(points.read_text())
    change(content)
    points.write_text(json.dumps(content))
    with pytest.raises(BadInput, match=message):
        load_working_points(points, toy_classifier.toy_graph().digest)


@pytest.mark.parametrize("text", ["", "[1]", "{", "null"])
def test_what_is_no_json_object_is_refused(points: Path, text: str) -> None:
    """Protects against a traceback for half a file."""
    points.write_text(text)
    with pytest.raises(BadInput, match="damaged"):
        load_working_points(points, "")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Protects the message."""
    with pytest.raises(BadInput, match="cannot read"):
        load_working_points(tmp_path / "none.json", "")

"""What projects are made from: runs and model files, their events, and where their projects go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.graph import Graph
from trigml.opening import OpenedModel, OpenOptions
from trigml.runs import Run
from trigml.spec import TargetSpec
from trigml.synthesis.subject import TESTBENCH_EVENTS, EventChoice, Inputs, Subject
from trigml.verify.building import DEFAULT_HLS, StageName
from trigml.verify.events import NamedEvents
from trigml.verify.stages import GraphStage
from trigml.verify.verification import vector_sets


def test_a_model_file_has_the_usual_target() -> None:
    """Protects one set of defaults: synth takes for a model file what verify takes for its HLS stage."""
    target = Subject(Path("model.h5"), OpenOptions(), None, EventChoice()).target
    assert target == TargetSpec()
    assert (target.backend, target.part, target.clock_ns) == (
        DEFAULT_HLS.backend.value,
        DEFAULT_HLS.part,
        DEFAULT_HLS.clock_ns,
    )
    assert (target.io, target.strategy, target.reuse_factor) == (
        DEFAULT_HLS.io.value,
        DEFAULT_HLS.strategy.value,
        DEFAULT_HLS.reuse_factor,
    )


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("models/jets.v2.h5", "jets.v2-rtl-verilog-2.5ns"),
        ("jets.onnx", "jets-rtl-verilog-2.5ns"),
        ("export.v1/", "export.v1-rtl-verilog-2.5ns"),
    ],
)
def test_projects_of_a_model_file_go_into_the_working_directory(
    path: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects folders of models: nothing is written into them; the project has the model's name."""
    monkeypatch.chdir(tmp_path)
    if path.endswith("/"):
        Path(path).mkdir()
    subject = Subject(Path(path), OpenOptions(), None, EventChoice())
    assert subject.folder("rtl", ["verilog", "2.5ns"]) == Path(folder)


@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("nope.h5", "there is no such file", None),
        ("taggr.onnx", "there is no such file", "did you mean tagger.onnx?"),
        ("tager", "there is no such run or model file", "did you mean tagger?"),
        ("nowhere/tagger", "there is no such run or model file", None),
    ],
)
def test_what_is_not_there_is_said_at_once(
    name: str, problem: str, remedy: str | None, tmp_path: Path
) -> None:
    """Protects who mistyped a MODEL: it is said before any work, with what can be given and what is there."""
    (tmp_path / "tagger").mkdir()
    (tmp_path / "tagger.onnx").write_bytes(b"")
    with pytest.raises(BadInput) as caught:
        Subject.at(tmp_path / name, OpenOptions(), EventChoice())
    assert (caught.value.problem, caught.value.remedy) == (problem, remedy)
    assert "trigml train makes one" in (caught.value.expected or "")
    assert ".json (with --weights), .onnx" in (caught.value.expected or "")


COLUMNS = ["pt", "eta"]


@pytest.mark.parametrize(
    ("choice", "is_run", "message"),
    [
        (EventChoice(data=["a.h5"]), False, "--data is for runs"),
        (EventChoice(events=["a.h5"]), True, "--events is for model files"),
        (
            EventChoice(features=COLUMNS, constituents=COLUMNS),
            True,
            "--features, --constituents are for model",
        ),
        (EventChoice(features=COLUMNS), False, "--features without events to read"),
        (EventChoice(constituents=COLUMNS), False, "--constituents without events to read"),
    ],
)
def test_events_that_have_no_meaning_are_refused(choice: EventChoice, is_run: bool, message: str) -> None:
    """Protects against events that are named and silently not compared."""
    run = Run.__new__(Run) if is_run else None
    with pytest.raises(BadInput, match=message):
        choice.require_for(run)


def test_the_usual_choices_are_not_refused() -> None:
    """The other half: what has a meaning passes."""
    EventChoice(data=["a.h5"]).require_for(Run.__new__(Run))
    EventChoice(events=["a.h5"], features=COLUMNS).require_for(None)
    EventChoice().require_for(None)


def _inputs(graph: Graph, n_events: int | None, random: int) -> Inputs:
    features = np.random.default_rng(0).normal(0, 4, (n_events or 0, graph.n_in)).astype(np.float32)
    events = None if n_events is None else NamedEvents("events", features)
    model = OpenedModel("model", graph, None, None, notes=("a softmax was left away",))
    return Inputs(model, None, vector_sets(graph, events, random, 1), with_events=events is not None)


@pytest.mark.parametrize("n_events", [None, 7, 3000])
def test_the_testbench_has_events_first(make_graph: Callable[..., Graph], n_events: int | None) -> None:
    """Protects the project's own testbench: real events before all, then corners and random vectors.

    A model file without events gets one, too, and its outputs are the graph's.
    """
    graph = make_graph(0)
    inputs = _inputs(graph, n_events, 400)
    given, expected = inputs.testbench
    every = np.concatenate([vectors.words for vectors in inputs.sets])
    assert len(given) == len(expected) == min(TESTBENCH_EVENTS, len(every))
    assert np.array_equal(given, every[:TESTBENCH_EVENTS])
    words = np.concatenate([GraphStage(graph).outputs(vectors) for vectors in inputs.sets])
    assert np.array_equal(expected, words[:TESTBENCH_EVENTS])


def test_it_is_said_that_no_events_were_compared(make_graph: Callable[..., Graph]) -> None:
    """Protects the reader of "0 differences": it says so when these were no events at all."""
    without, with_events = (_inputs(make_graph(0), n_events, 10) for n_events in (None, 7))
    assert with_events.notes == ("a softmax was left away",)
    assert without.notes[:1] == with_events.notes
    assert "no events were compared" in without.notes[1]
    assert without.original is StageName.QONNX

"""Whole trainings, from spec to run: results, reproducibility, interruptions, failures."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput, GateBroken, Interrupted
from trigml.fixedpoint import to_values
from trigml.runs import Workspace, names, open_run
from trigml.spec import Spec
from trigml.training import session
from trigml.training.events import gather_events
from trigml.training.loop import outputs
from trigml.training.model_files import load_model
from trigml.training.session import train_run

pytestmark = pytest.mark.slow

COMMAND = "trigml train toy.yml --quantize"
MakeSpec = Callable[..., Spec]


def files_of(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}


def features_of(path: Path, event_ids: np.ndarray) -> np.ndarray:
    """The features of events by id, read without trigml: the toy's ids are row numbers."""
    with h5py.File(path) as file:
        columns = [file[f"features/f{index}"][:] for index in range(4)]
    return np.column_stack(columns)[event_ids.astype(int)]


@pytest.fixture(scope="module")
def reference(toy_events: Path, toy_spec: MakeSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run of the toy spec, with boosted trees and a gate that is kept."""
    out = tmp_path_factory.mktemp("reference") / "toy"
    spec = toy_spec(toy_events, "baseline.kind=boosted_trees", "gate.max_auc_loss=0.5")
    train_run(spec, out, quantize=True, command=COMMAND)
    return out


def test_a_run_holds_what_it_promises(reference: Path, toy_events: Path) -> None:
    """All files are there, the manifest names them all, and the resolved spec has every number."""
    run = open_run(reference)
    expected = {
        *("spec.yml", "contract.json", "metrics.json", "history.json", "scores.npz"),
        *("graph.json", "graph_weights.npz", "plots/roc.png", "plots/roc.pdf"),
        *(f"{model}/{file}" for model in ("float", "quantized") for file in ("model.json", "weights.h5")),
    }
    assert run.manifest.files.keys() == expected
    assert files_of(reference).keys() == expected | {"manifest.json"}
    assert run.manifest.command == COMMAND
    assert run.manifest.data[0].name == str(toy_events)
    assert run.manifest.graph_digest == run.graph().digest
    assert all(feature.offset is not None for feature in run.spec.inputs.features)
    assert "auto" not in (reference / "spec.yml").read_text()
    assert [feature.unit for feature in run.contract.features] == ["GeV"] * 4
    assert run.graph().output_labels == ("a", "b", "c")


def test_the_figures_are_those_of_the_models(reference: Path, toy_events: Path) -> None:
    """The stored models, evaluated again on the same events, give the stored scores and accuracies."""
    run = open_run(reference)
    scores, metrics = run.scores(), run.metrics()
    assert metrics["test_events"] == metrics["available_test_events"] == len(scores.labels)
    assert scores.quantized_logits is not None
    assert scores.baseline is not None
    for name, logits in (
        ("float", scores.float_logits),
        ("quantised", scores.quantized_logits),
        ("boosted trees", scores.baseline),
    ):
        accuracy = np.mean(logits.argmax(axis=1) == scores.labels)
        assert metrics["models"][name]["accuracy"]["value"] == pytest.approx(accuracy, abs=1e-12)
        assert accuracy > 0.6
    features = features_of(toy_events, scores.event_id)
    words = run.contract.words(features)
    graph = run.graph()
    exact = to_values(emulate(graph, words), graph.output.format.fraction)
    np.testing.assert_array_equal(exact, scores.quantized_logits)
    keras = outputs(load_model(run.quantized_folder), run.contract.model_inputs(words))
    np.testing.assert_array_equal(keras, scores.quantized_logits)
    inputs = run.contract.normalise(features).astype(np.float32)
    np.testing.assert_array_equal(outputs(load_model(run.float_folder), inputs), scores.float_logits)


def test_the_same_command_gives_the_same_bytes(
    reference: Path, toy_events: Path, toy_spec: MakeSpec, tmp_path: Path
) -> None:
    """Every file of two trainings is equal, byte by byte; with another seed the weights are not."""
    spec = toy_spec(toy_events, "baseline.kind=boosted_trees", "gate.max_auc_loss=0.5")
    train_run(spec, tmp_path / "again", quantize=True, command=COMMAND)
    assert files_of(tmp_path / "again") == files_of(reference)
    other = toy_spec(toy_events, "training.seed=2")
    train_run(other, tmp_path / "other", quantize=True, command=COMMAND)
    for name in ("float/weights.h5", "quantized/weights.h5"):
        assert (tmp_path / "other" / name).read_bytes() != (reference / name).read_bytes()


def test_training_from_the_resolved_spec_repeats_the_run(reference: Path, tmp_path: Path) -> None:
    """The spec that a run keeps is enough to make its models again."""
    train_run(open_run(reference).spec, tmp_path / "again", quantize=True)
    for name in ("spec.yml", "contract.json", "float/weights.h5", "quantized/weights.h5", "graph.json"):
        assert (tmp_path / "again" / name).read_bytes() == (reference / name).read_bytes()


@pytest.mark.parametrize(
    ("stop_at", "after", "kept"),
    [
        ("Reading the events", -1, "nothing was trained yet"),
        ("Float reference", 1.5, "kept: 1 epoch of the float reference"),
        ("Quantised model", 2.0, "4 epochs of the float reference, 2 epochs of the quantised model"),
        ("Writing the run", -1, "4 epochs of the float reference, 3 epochs of the quantised model"),
    ],
)
def test_an_interrupted_run_ends_as_if_nothing_had_happened(
    reference: Path,
    toy_events: Path,
    toy_spec: MakeSpec,
    recorder: Any,
    tmp_path: Path,
    *,
    stop_at: str,
    after: float,
    kept: str,
) -> None:
    """Ctrl-C at any point: the message says what was kept, and the same command ends in the same bytes."""
    spec = toy_spec(toy_events, "baseline.kind=boosted_trees", "gate.max_auc_loss=0.5")
    stopped = tmp_path / "stopped"
    listener = recorder(stop_at=stop_at, after=after)
    with pytest.raises(Interrupted) as caught:
        train_run(spec, stopped, quantize=True, command=COMMAND, progress=listener)
    for part in ("the training was interrupted", kept, COMMAND):
        assert part in str(caught.value)
    assert not stopped.exists()
    with pytest.raises(
        BadInput, match="not finished" if after > 0 or "Writing" in stop_at else "no such run"
    ):
        open_run(stopped)
    train_run(spec, stopped, quantize=True, command=COMMAND)
    assert files_of(stopped) == files_of(reference)
    assert not (tmp_path / "stopped.unfinished").exists()


def test_an_interruption_after_the_last_step_does_not_hide_the_run(
    toy_events: Path, toy_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C when the run is already in its place: the message says so, and the run opens."""
    finish = Workspace.finish

    def finish_and_stop(workspace: Workspace) -> None:
        finish(workspace)
        raise KeyboardInterrupt

    monkeypatch.setattr(Workspace, "finish", finish_and_stop)
    with pytest.raises(Interrupted) as caught:
        train_run(toy_spec(toy_events, "training.epochs=1"), tmp_path / "toy", quantize=False)
    assert "the training was complete" in str(caught.value)
    assert "nothing was trained" not in str(caught.value)
    assert open_run(tmp_path / "toy").manifest.seed == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from trigml.progress import Silent
from trigml.spec import load_spec
from trigml.training.session import train_run

class Deadly(Silent):
    def task(self, title, total=None):
        class Task:
            done = 0.0
            def __enter__(self): return self
            def __exit__(self, *_): pass
            def advance(self, amount=1.0, note=""):
                self.done += amount
                if title.startswith("Quantised") and self.done > 1.5:
                    os.kill(os.getpid(), signal.SIGKILL)
        return Task()

train_run(load_spec(sys.argv[1]), Path(sys.argv[2]), quantize=True, command=sys.argv[3], progress=Deadly())
"""


def test_a_killed_run_ends_as_if_nothing_had_happened(
    reference: Path, toy_events: Path, toy_spec: MakeSpec, tmp_path: Path
) -> None:
    """SIGKILL in the middle of an epoch, and the rest in another process: the same bytes."""
    from trigml.spec import spec_text

    spec = toy_spec(toy_events, "baseline.kind=boosted_trees", "gate.max_auc_loss=0.5")
    (tmp_path / "toy.yml").write_text(spec_text(spec))
    out = tmp_path / "toy"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "toy.yml"), str(out), COMMAND],
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not out.exists()
    train_run(spec, out, quantize=True, command=COMMAND)
    assert files_of(out) == files_of(reference)


def test_streamed_training_works_and_repeats(
    toy_events: Path, toy_spec: MakeSpec, recorder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that do not fit into the budget are streamed: it is said, it learns, and it repeats."""
    monkeypatch.setattr(session, "gather_events", partial(gather_events, memory_budget=0))
    listener = recorder()
    for name in ("one", "other"):
        summary = train_run(toy_spec(toy_events), tmp_path / name, quantize=True, progress=listener)
    assert any("training events are streamed" in line for line in listener.lines)
    assert any("training events are streamed" in note for note in summary.notes)
    assert summary.evaluation.standing.models["quantised"].accuracy.value > 0.6
    assert files_of(tmp_path / "one") == files_of(tmp_path / "other")


def test_events_of_other_classes_are_left_out_aloud(
    toy_events: Path, toy_spec: Callable[..., Spec], tmp_path: Path
) -> None:
    """Protects against training on fewer events than the user thinks: what is left out is said."""
    spec = toy_spec(toy_events, "data.classes=[a, c]", "training.epochs=1")
    summary = train_run(spec, tmp_path / "run", quantize=False)
    told = [note for note in summary.notes if "of classes that the spec does not name" in note]
    assert len(told) == 1
    assert "of 1,500 events" in told[0]


def test_a_broken_gate_is_told_after_the_run_is_written(
    toy_events: Path, toy_spec: MakeSpec, tmp_path: Path
) -> None:
    """The run is complete, and the summary raises exit code 3 with the numbers."""
    spec = toy_spec(toy_events, "gate.min_accuracy=0.999", "gate.max_auc_loss=0.5")
    summary = train_run(spec, tmp_path / "toy", quantize=False)
    with pytest.raises(
        GateBroken, match=r"gate\.min_accuracy 0\.999: accuracy of the float model is 0\.\d+ ±"
    ):
        summary.enforce_gates()
    assert [gate["broken"] for gate in open_run(tmp_path / "toy").metrics()["gates"]] == [True]


def test_a_run_without_quantisation_is_float_only(
    toy_events: Path, toy_spec: MakeSpec, tmp_path: Path
) -> None:
    """Without --quantize there is no quantised model, no graph, and the integer bits stay open."""
    summary = train_run(toy_spec(toy_events), tmp_path / "toy", quantize=False)
    run = open_run(tmp_path / "toy")
    assert not run.manifest.quantized
    assert not (tmp_path / "toy" / names.GRAPH).exists()
    assert run.spec.quantization.weight_integer == "auto"
    assert list(summary.evaluation.standing.models) == ["float"]
    assert summary.evaluation.standing.comparison is None
    assert run.scores().quantized_logits is None
    assert json.dumps(summary.to_json())


def test_a_diverged_training_leaves_nothing(toy_events: Path, toy_spec: MakeSpec, tmp_path: Path) -> None:
    """A learning rate beyond reason is explained, and does not block the place."""
    with pytest.raises(BadInput, match="loss is no longer a number"):
        train_run(
            toy_spec(toy_events, "training.learning_rate=10", "training.weight_decay=1"),
            tmp_path / "toy",
            quantize=False,
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", ["float.npz", "weights.h5", "manifest.json"])
def test_a_full_disk_is_explained_and_the_run_can_go_on(
    reference: Path,
    toy_events: Path,
    toy_spec: MakeSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    at: str,
) -> None:
    """Whichever file does not fit, the run's place stays empty; with room again the run is finished."""
    spec = toy_spec(toy_events, "baseline.kind=boosted_trees", "gate.max_auc_loss=0.5")
    real_replace = Path.replace

    def full(self: Path, target: Any) -> Path:
        if Path(target).name == at:
            raise OSError(28, "No space left on device")
        return real_replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BadInput, match=rf"No space left on device[\s\S]*{at}[\s\S]*free some space"):
        train_run(spec, tmp_path / "toy", quantize=True, command=COMMAND)
    assert not (tmp_path / "toy").exists()
    monkeypatch.setattr(Path, "replace", real_replace)
    train_run(spec, tmp_path / "toy", quantize=True, command=COMMAND)
    assert files_of(tmp_path / "toy") == files_of(reference)


def test_occupied_places_are_refused_before_any_work(
    reference: Path, toy_events: Path, toy_spec: MakeSpec, tmp_path: Path
) -> None:
    """A finished run is only replaced with force, and then only by a complete one."""
    before = files_of(reference)
    with pytest.raises(BadInput, match="holds a finished run"):
        train_run(toy_spec(Path("no such file.h5")), reference, quantize=True)
    with pytest.raises(BadInput, match="there is no such file"):
        train_run(toy_spec(Path("no such file.h5")), reference, quantize=True, force=True)
    assert files_of(reference) == before


def test_wrong_events_are_refused_before_training(
    toy_events: Path, toy_spec: MakeSpec, tmp_path: Path
) -> None:
    """Unknown columns and classes, and offsets off the grid, leave nothing behind that blocks the place."""
    for overrides, message in (
        (["inputs.features=[f0, f9]"], r"no feature 'f9'[\s\S]*one of f0, f1, f2, f3"),
        (["data.classes=[a, d]"], "no class 'd'"),
        (["inputs.features=[{name: f0, offset: 0.1, shift: 0}]"], "not a multiple of its LSB"),
    ):
        with pytest.raises(BadInput, match=message):
            train_run(toy_spec(toy_events, *overrides), tmp_path / "toy", quantize=True)
        assert list(tmp_path.iterdir()) == []


def test_saturated_inputs_are_reported(toy_events: Path, toy_spec: MakeSpec, tmp_path: Path) -> None:
    """A scale that cuts off much of a feature is said, with the fraction."""
    spec = toy_spec(toy_events, "inputs.features=[f0, f1, {name: f2, offset: 0.0, shift: -2}, f3]")
    summary = train_run(spec, tmp_path / "toy", quantize=False)
    told = [note for note in summary.notes if "% of the test events saturate the input 'f2'" in note]
    assert len(told) == 1
    assert told[0].endswith("whose words reach from -1 to 0.998047 GeV")
    assert summary.evaluation.saturated["f2"] > 0.1

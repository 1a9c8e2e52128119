"""The run folder: opening it, the rules of its place, and what interrupted commands leave."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trigml.atomic import write_json, write_text
from trigml.contract import InputContract, InputFeature
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, save_graph
from trigml.graph.operations import Input
from trigml.runs import (
    DataFile,
    Identity,
    Manifest,
    TestScores,
    Workspace,
    names,
    open_run,
    open_workspace,
    refuse_occupied,
)
from trigml.runs.manifest import hashes_of_folder
from trigml.spec import spec_from_text

SPEC = """\
trigml: 1
name: toy
data: {files: [events.h5], classes: [a, b]}
inputs: {format: "ap_fixed<10,3,RND_CONV,SAT>", features: [{name: x, offset: 0.0, shift: 1}]}
model: {hidden: [4]}
"""


def identity(**changes: Any) -> Identity:
    given: dict[str, Any] = {
        "trigml": "0.1.0",
        "quantize": False,
        "spec": {"training": {"epochs": 3, "seed": 1}},
        "data": (DataFile("events.h5", "12ab", 10),),
        "versions": {"numpy": "2"},
        "command": "trigml train toy.yml",
    }
    return Identity(**(given | changes))


def fill(workspace: Workspace, **changes: Any) -> None:
    """Write a small complete run."""
    folder = workspace.folder
    write_text(folder / names.SPEC, SPEC)
    contract = InputContract(
        (InputFeature("x", "GeV", 0.0, 1),), FixedPoint.parse("ap_fixed<10,3,RND_CONV,SAT>")
    )
    write_json(folder / names.CONTRACT, contract.to_json())
    write_json(folder / names.METRICS, {"models": {}})
    manifest: dict[str, Any] = Manifest(
        trigml_run=1,
        trigml="0.1.0",
        command="trigml train toy.yml",
        seed=1,
        quantized=False,
        data=(DataFile("events.h5", "12ab", 10),),
        spec_sha256="00",
        graph_digest="",
        versions={},
        files=hashes_of_folder(folder),
    ).to_json()
    write_json(folder / names.MANIFEST, manifest | changes)


def finished(out: Path, **changes: Any) -> Path:
    with open_workspace(out, identity(), force=True) as workspace:
        fill(workspace, **changes)
        workspace.finish()
    return out


def test_a_finished_run_opens_with_its_spec_and_contract(tmp_path: Path) -> None:
    """What training wrote is what is read, and nothing of the unfinished run is left."""
    run = open_run(finished(tmp_path / "runs" / "toy"))
    assert run.spec == spec_from_text(SPEC, "spec")
    assert run.contract.names == ("x",)
    assert run.manifest.command == "trigml train toy.yml"
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["toy"]
    assert not (tmp_path / "runs" / "toy" / names.PROGRESS).exists()


def test_a_run_without_quantised_model_says_so(tmp_path: Path) -> None:
    """synth on a float-only run gets the option that is missing, not a missing file."""
    run = open_run(finished(tmp_path / "toy"))
    for ask in (run.graph, lambda: run.quantized_folder):
        with pytest.raises(BadInput, match=r"no quantised model[\s\S]*--quantize"):
            ask()


def test_what_is_not_a_run_is_refused(tmp_path: Path) -> None:
    """A missing path, a file, an empty folder and a folder of something else each get their message."""
    with pytest.raises(BadInput, match=r"no such run[\s\S]*trigml train SPEC"):
        open_run(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="a run is a folder"):
        open_run(tmp_path / "file")
    with pytest.raises(BadInput, match="not a run of trigml"):
        open_run(tmp_path)
    for content in ("[]", "{}", '{"trigml_run": true}', '{"trigml_run": "1"}'):
        (tmp_path / names.MANIFEST).write_text(content)
        with pytest.raises(BadInput, match="not a run of trigml"):
            open_run(tmp_path)


def test_an_unfinished_run_is_refused_with_the_command_that_goes_on(tmp_path: Path) -> None:
    """Whoever opens a run too early, under either name, is told how to finish it."""
    out = tmp_path / "toy"
    with open_workspace(out, identity(), force=False):
        pass
    for path in (out, tmp_path / "toy.unfinished"):
        with pytest.raises(BadInput, match=r"not finished[\s\S]*trigml train toy\.yml"):
            open_run(path)


def test_a_run_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """A format of the future is named, not guessed at."""
    with pytest.raises(BadInput, match=r"made by a newer trigml[\s\S]*run format 2, written by trigml 9\.0"):
        open_run(finished(tmp_path / "toy", trigml_run=2, trigml="9.0"))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("{", "manifest is damaged"),
        ('{"trigml_run": 1}', "manifest is damaged"),
        ("\xff", "manifest is damaged"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: str, part: str) -> None:
    """Half a manifest is an error with the file's name."""
    out = finished(tmp_path / "toy")
    (out / names.MANIFEST).write_bytes(content.encode("latin-1"))
    with pytest.raises(BadInput, match=part):
        open_run(out)


def test_missing_and_changed_files_are_refused(tmp_path: Path) -> None:
    """A run is what its manifest says: one changed byte is noticed."""
    out = finished(tmp_path / "toy")
    (out / names.METRICS).write_text('{"models": {"a": 1}}\n')
    with pytest.raises(BadInput, match=r"changed after the training[\s\S]*metrics\.json[\s\S]*SHA-256"):
        open_run(out)
    (out / names.METRICS).unlink()
    with pytest.raises(BadInput, match=r"file of this run is missing[\s\S]*metrics\.json"):
        open_run(out)


def test_a_manifest_cannot_name_files_outside_the_run(tmp_path: Path) -> None:
    """A run that was made to look elsewhere is refused before anything is read there."""
    out = finished(tmp_path / "toy")
    content = json.loads((out / names.MANIFEST).read_text())
    for name in ("../secret", "/etc/hostname"):
        write_json(out / names.MANIFEST, content | {"files": content["files"] | {name: "00"}})
        with pytest.raises(BadInput, match="outside the run"):
            open_run(out)


def test_files_added_later_do_not_disturb_a_run(tmp_path: Path) -> None:
    """synth and report put their results into the run."""
    out = finished(tmp_path / "toy")
    (out / "hls").mkdir()
    (out / "hls" / "report.json").write_text("{}")
    assert open_run(out).manifest.seed == 1


def test_an_occupied_place_is_refused(tmp_path: Path) -> None:
    """Nothing that is not a run is ever replaced, and a finished run only with force."""
    refuse_occupied(tmp_path / "free", force=False)
    (tmp_path / "empty").mkdir()
    refuse_occupied(tmp_path / "empty", force=False)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    for force in (False, True):
        with pytest.raises(BadInput, match=r"holds something else[\s\S]*thesis\.tex"):
            refuse_occupied(tmp_path / "other", force=force)
        with pytest.raises(BadInput, match="output folder is a file"):
            refuse_occupied(tmp_path / "other" / "thesis.tex", force=force)
        with pytest.raises(BadInput, match=r"does not end in \.unfinished"):
            refuse_occupied(tmp_path / "a.unfinished", force=force)
    out = finished(tmp_path / "toy")
    with pytest.raises(BadInput, match=r"holds a finished run[\s\S]*--force"):
        refuse_occupied(out, force=False)
    refuse_occupied(out, force=True)


def test_force_does_not_take_what_others_put_into_a_run(tmp_path: Path) -> None:
    """Protects a physicist's notes in a run's folder; HLS projects in it are trigml's own."""
    out = finished(tmp_path / "run")
    (out / names.HLS / "vitis").mkdir(parents=True)
    refuse_occupied(out, force=True)
    (out / "notes.txt").write_text("seed 7 was better")
    with pytest.raises(BadInput, match="files that trigml did not make") as error:
        refuse_occupied(out, force=True)
    assert error.value.found == "notes.txt"


def test_the_working_directory_is_no_place_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is renamed into its place, which cannot be where the shell stands."""
    monkeypatch.chdir(tmp_path)
    for out in (Path("."), tmp_path):
        with pytest.raises(BadInput, match="a folder of its own"):
            refuse_occupied(out, force=True)


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """A place made beforehand (mkdir, mktemp -d) is used."""
    (tmp_path / "toy").mkdir()
    assert open_run(finished(tmp_path / "toy")).spec.name == "toy"


def test_the_same_training_is_resumed(tmp_path: Path) -> None:
    """An interrupted run is picked up, its checkpoints are kept, and half-written results go."""
    with open_workspace(tmp_path / "toy", identity(), force=False) as workspace:
        assert not workspace.resumed
        (workspace.progress / "float.npz").write_text("checkpoint")
        (workspace.folder / "float").mkdir()
        (workspace.folder / "float" / ".weights.h5.abc").write_text("half")
    with open_workspace(tmp_path / "toy", identity(command="typed otherwise"), force=False) as workspace:
        assert workspace.resumed
        assert (workspace.progress / "float.npz").read_text() == "checkpoint"
        assert [path.name for path in workspace.folder.iterdir()] == [names.PROGRESS]


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"spec": {"training": {"epochs": 4, "seed": 1}}}, "training.epochs: 3, now 4"),
        ({"spec": {"training": {"epochs": 3, "seed": 2}}}, "training.seed: 1, now 2"),
        ({"data": (DataFile("events.h5", "34cd", 10),)}, "data:"),
        ({"quantize": True}, "quantize: false, now true"),
        ({"versions": {"numpy": "3"}}, 'versions.numpy: "2", now "3"'),
        ({"trigml": "0.2.0"}, 'trigml: "0.1.0", now "0.2.0"'),
    ],
)
def test_another_training_is_not_mixed_in(tmp_path: Path, changes: dict[str, Any], difference: str) -> None:
    """An unfinished run is only gone on with if nothing differs; what differs is named; force begins anew."""
    with open_workspace(tmp_path / "toy", identity(), force=False) as workspace:
        (workspace.progress / "float.npz").write_text("checkpoint")
    with (
        pytest.raises(BadInput) as caught,
        open_workspace(tmp_path / "toy", identity(**changes), force=False),
    ):
        pass
    for part in ("unfinished run of another kind", difference, "trigml train toy.yml", "--force"):
        assert part in str(caught.value)
    assert (workspace.progress / "float.npz").exists()
    with open_workspace(tmp_path / "toy", identity(**changes), force=True) as workspace:
        assert not workspace.resumed
        assert not (workspace.progress / "float.npz").exists()


def test_an_unfinished_run_without_a_checkpoint_is_in_nobodys_way(tmp_path: Path) -> None:
    """What was killed before its first epoch is replaced by another training without force."""
    with place(tmp_path):
        pass
    with open_workspace(tmp_path / "toy", identity(quantize=True), force=False) as workspace:
        assert not workspace.resumed
        assert json.loads((workspace.progress / names.IDENTITY).read_text())["quantize"] is True
        workspace.discard_if_untouched()
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_folder_of_the_unfinished_name_is_refused(tmp_path: Path) -> None:
    """Files that trigml did not put there are not removed, even with force."""
    (tmp_path / "toy.unfinished").mkdir()
    (tmp_path / "toy.unfinished" / "notes.txt").write_text("x")
    with pytest.raises(BadInput, match="would grow holds something else"), place(tmp_path, force=True):
        pass
    assert (tmp_path / "toy.unfinished" / "notes.txt").exists()


@pytest.mark.parametrize("lock", [None, "", "pid 17", '{"host": "a"}'])
@pytest.mark.parametrize("force", [False, True])
def test_a_foreign_folder_with_a_progress_folder_is_refused(
    tmp_path: Path, lock: str | None, *, force: bool
) -> None:
    """A folder of someone's own progress notes, even with a lock or an identity in it, is not wiped."""
    folder = tmp_path / "toy.unfinished"
    (folder / "progress").mkdir(parents=True)
    (folder / "progress" / "chapter1.tex").write_text("x")
    (folder / "thesis.tex").write_text("x")
    (folder / "progress" / names.IDENTITY).write_text('{"name": "me"}')
    if lock is not None:
        (folder / "progress" / names.LOCK).write_text(lock)
    before = sorted(folder.rglob("*"))
    with pytest.raises(BadInput, match="would grow holds something else"), place(tmp_path, force=force):
        pass
    assert sorted(folder.rglob("*")) == before
    assert lock is None or (folder / "progress" / names.LOCK).read_text() == lock


def test_a_progress_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Files elsewhere are not removed through a link."""
    with place(tmp_path / "other") as workspace:
        (workspace.progress / "float.npz").write_text("checkpoint")
    (tmp_path / "toy.unfinished").mkdir()
    (tmp_path / "toy.unfinished" / names.PROGRESS).symlink_to(workspace.progress)
    with pytest.raises(BadInput, match="would grow holds something else"), place(tmp_path, force=True):
        pass
    assert (workspace.progress / "float.npz").exists()


def test_a_command_that_died_before_its_first_note_is_in_nobodys_way(tmp_path: Path) -> None:
    """An empty progress folder, or one with an empty lock, holds nothing to lose."""
    progress = tmp_path / "toy.unfinished" / names.PROGRESS
    progress.mkdir(parents=True)
    with place(tmp_path) as workspace:
        workspace.discard()
    progress.mkdir(parents=True)
    (progress / names.LOCK).touch()
    with place(tmp_path) as workspace:
        assert not workspace.resumed


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    """A second command for the same place stops at once."""
    with (
        place(tmp_path),
        pytest.raises(BadInput, match="another trigml is training into this folder"),
        place(tmp_path, force=True),
    ):
        pass


def test_force_keeps_the_old_run_until_the_new_one_is_complete(tmp_path: Path) -> None:
    """An interrupted replacement leaves the finished run as it was."""
    out = finished(tmp_path / "toy")
    (out / "hls").mkdir()
    before = (out / names.MANIFEST).read_bytes()
    with open_workspace(out, identity(), force=True):
        pass  # interrupted
    assert (out / names.MANIFEST).read_bytes() == before
    with open_workspace(out, identity(), force=True) as workspace:
        fill(workspace, seed=7)
        assert open_run(out).manifest.seed == 1
        workspace.finish()
    assert open_run(out).manifest.seed == 7
    assert not (out / "hls").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_damaged_note_of_an_unfinished_run_is_no_dead_end(tmp_path: Path) -> None:
    """After a crash of the file system, force still begins anew."""
    with place(tmp_path) as workspace:
        (workspace.progress / "float.npz").write_text("checkpoint")
    (workspace.progress / names.IDENTITY).write_text("{")
    with pytest.raises(BadInput, match="unfinished run of another kind"), place(tmp_path):
        pass
    with place(tmp_path, force=True) as workspace:
        assert not workspace.resumed


def test_a_place_that_cannot_be_written_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file where a folder is needed, and a full disk when the run is moved, are explained."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot write: Not a directory"), place(tmp_path / "file"):
        pass

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with place(tmp_path) as workspace:
        fill(workspace)
        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(BadInput, match="cannot move the finished run"):
            workspace.finish()
    assert not (tmp_path / "toy").exists()


def test_a_replacement_that_fails_half_way_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old run comes back to its place if the new one cannot be moved there, and the new one is kept."""
    out = finished(tmp_path / "toy")
    rename = os.rename

    def failing(source: Any, target: Any) -> None:
        if str(source).endswith(names.UNFINISHED_SUFFIX):
            raise OSError(5, "Input/output error")
        rename(source, target)

    with open_workspace(out, identity(), force=True) as workspace:
        fill(workspace, seed=7)
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", failing)
            patch.setattr(os, "replace", failing)
            with pytest.raises(BadInput, match=r"cannot move the finished run[\s\S]*toy\.unfinished"):
                workspace.finish()
        assert not workspace.finished
        assert open_run(out).manifest.seed == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["toy", "toy.unfinished"]
        workspace.finish()
        assert workspace.finished
    assert open_run(out).manifest.seed == 7


def test_leftovers_that_cannot_be_removed_do_not_hide_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the run is in its place, trouble with clearing up is told as such, and the run is good."""

    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with place(tmp_path) as workspace:
        fill(workspace)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", failing)
            with pytest.raises(BadInput, match=r"run is complete, but .* cannot be removed"):
                workspace.finish()
        assert workspace.finished
    assert open_run(tmp_path / "toy").manifest.seed == 1


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"format": "ap_fixed<10,3,RND_CONV,SAT>", "features": 3},
        {"format": "ap_fixed<10,3,RND_CONV,SAT>", "features": ["x"]},
        {"format": 3, "features": []},
    ],
)
def test_a_damaged_contract_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    """A contract that was damaged before its hash was taken is an error with the file's name."""
    out = finished(tmp_path / "toy")
    write_json(out / names.CONTRACT, content)
    rehash(out)
    with pytest.raises(BadInput, match=r"input contract is damaged[\s\S]*contract\.json"):
        open_run(out)


def test_a_graph_of_another_contract_is_refused(tmp_path: Path) -> None:
    """The firmware's inputs are those of contract.json: a graph that says otherwise is not used."""
    out = finished(tmp_path / "toy")
    contract = open_run(out).contract
    operation = Input(name="features", inputs=(), shape=(1,), format=contract.format)
    graph = Graph("toy", (operation,), ("features",), (contract,)).check()
    save_graph(graph, out)
    rehash(out, quantized=True, graph_digest=graph.digest)
    assert open_run(out).graph().digest == graph.digest
    other = InputContract((InputFeature("x", "GeV", 0.5, 1),), contract.format)
    write_json(out / names.CONTRACT, other.to_json())
    rehash(out, quantized=True, graph_digest=graph.digest)
    with pytest.raises(BadInput, match=r"input contract[\s\S]*contract\.json"):
        open_run(out).graph()


def rehash(out: Path, **changes: Any) -> None:
    """Make the manifest fit the files."""
    content = json.loads((out / names.MANIFEST).read_text())
    write_json(out / names.MANIFEST, content | changes | {"files": hashes_of_folder(out)})


def huge_npz(path: Path, name: str) -> None:
    """An archive whose array claims 10^11 numbers and holds none."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**11,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.npy", header.getvalue())


def test_scores_that_claim_to_be_huge_are_refused(tmp_path: Path) -> None:
    """The size is checked before memory is asked for."""
    huge_npz(tmp_path / "huge.npz", "event_id")
    with pytest.raises(BadInput, match=r"test scores cannot be read[\s\S]*event_id"):
        TestScores.load(tmp_path / "huge.npz")


def test_scores_of_different_lengths_are_refused(tmp_path: Path) -> None:
    """Columns of a table have one entry per event."""
    np.savez(
        tmp_path / "a.npz",
        event_id=np.arange(5, dtype=np.uint64),
        labels=np.arange(4),
        float_logits=np.zeros((5, 2), np.float32),
    )
    with pytest.raises(BadInput, match="test scores cannot be read"):
        TestScores.load(tmp_path / "a.npz")


def test_scores_survive_the_disk(tmp_path: Path) -> None:
    """The outputs on the test split come back unchanged, with and without the optional ones, same bytes."""
    rng = np.random.default_rng(0)
    scores = TestScores(
        event_id=np.arange(5, dtype=np.uint64),
        labels=np.arange(5, dtype=np.int64),
        float_logits=rng.normal(size=(5, 2)).astype(np.float32),
        quantized_logits=rng.normal(size=(5, 2)),
        baseline=None,
    )
    scores.save(tmp_path / "a.npz")
    scores.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = TestScores.load(tmp_path / "a.npz")
    assert again.baseline is None
    for name in ("event_id", "labels", "float_logits", "quantized_logits"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scores, name))
        assert getattr(again, name).dtype == getattr(scores, name).dtype
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04half")
    with pytest.raises(BadInput, match="test scores cannot be read"):
        TestScores.load(tmp_path / "a.npz")


def test_a_copied_run_is_still_a_run(tmp_path: Path) -> None:
    """Runs are moved to other machines: no path of their own place is in them."""
    out = finished(tmp_path / "toy")
    shutil.copytree(out, tmp_path / "elsewhere")
    assert open_run(tmp_path / "elsewhere").manifest == open_run(out).manifest


@contextmanager
def place(folder: Path, *, force: bool = False) -> Iterator[Workspace]:
    with open_workspace(folder / "toy", identity(), force=force) as workspace:
        yield workspace

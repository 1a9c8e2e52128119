"""``trigml emulate``: from a run and events to a file of scores, also when it is killed on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest

from trigml.cli.main import exit_code_of
from trigml.data.layout import Column, EventsWriter
from trigml.emulation.numpy_emulator import emulate
from trigml.graph import Graph
from trigml.runs.manifest import sha256_of
from trigml.scores.growing import JOURNAL, unfinished_folder

SPEC = """\
trigml: 1
name: toy
data: {files: [events.h5], classes: [a, b]}
inputs: {format: "ap_fixed<8,3,RND_CONV,SAT>", features: [{name: x0}, {name: x1}, {name: x2}]}
model: {hidden: [5, 4]}
"""


def write_events(path: Path, n: int, seed: int = 0) -> np.ndarray:
    """Events for the toy run; their features."""
    values = np.random.default_rng(seed).normal(0, 3, (n, 3)).astype(np.float32)
    units = ("", "GeV", "")
    with EventsWriter(
        path,
        title="test",
        features=[Column(f"x{place}", unit) for place, unit in enumerate(units)],
        compression=None,
    ) as writer:
        writer.append(event_id=np.arange(n), features={f"x{place}": values[:, place] for place in range(3)})
    return values


@pytest.fixture
def graph(make_graph: Callable[..., Graph]) -> Graph:
    return make_graph(3)


@pytest.fixture
def run(tmp_path: Path, graph: Graph, toy_classifier: ModuleType) -> Path:
    return Path(toy_classifier.graph_run(tmp_path / "runs" / "toy", graph, SPEC))


def test_the_scores_of_several_files(
    run: Path, graph: Graph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the whole way: the reference's words in the files' order, and a next step that runs."""
    values = [write_events(tmp_path / f"e{seed}.h5", 500, seed) for seed in (1, 2)]
    out = tmp_path / "new" / "it's.h5"
    command = ["emulate", str(run), str(tmp_path / "e*.h5"), "-o", str(out), "--stage", "numpy"]
    assert exit_code_of(command) == 0
    captured = capsys.readouterr()
    with h5py.File(out) as file:
        expected = emulate(graph, graph.contract.words(np.concatenate(values)))
        np.testing.assert_array_equal(file["scores"][:], expected)
        shown = file["scores"][:5] * file["outputs/lsb"][:]
    assert "1,000 events × 2 words" in captured.out
    assert f"numpy ({'numpy ' + np.__version__})" in captured.out
    assert "events/s" in captured.out
    step = next(line for line in captured.err.splitlines() if line.strip().startswith("python -c"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(step, shell=True, capture_output=True, text=True, env={"PATH": path}, check=True)
    assert done.stdout.strip() == str(shown)


@pytest.mark.slow
def test_the_default_stage_is_native_and_gives_the_same_words(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the default, and the summary as JSON."""
    write_events(tmp_path / "e.h5", 20_000)
    command = ["emulate", str(run), str(tmp_path / "e.h5"), "--json", "-o"]
    assert exit_code_of([*command, str(tmp_path / "native.h5"), "--threads", "2"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["stage"] == "native"
    assert (summary["events"], summary["resumed"]) == (20_000, 0)
    assert exit_code_of([*command, str(tmp_path / "numpy.h5"), "--stage", "numpy"]) == 0
    with h5py.File(tmp_path / "native.h5") as native, h5py.File(tmp_path / "numpy.h5") as numpy:
        np.testing.assert_array_equal(native["scores"][:], numpy["scores"][:])
        assert native.attrs["tool"] == summary["tool"]


def test_the_example_of_the_docs_runs(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the Python that docs/scores.md tells people to write."""
    write_events(tmp_path / "e.h5", 300)
    out = tmp_path / "scores.h5"
    assert exit_code_of(["emulate", str(run), str(tmp_path / "e.h5"), "-o", str(out), "--stage=numpy"]) == 0
    page = (Path(__file__).parents[2] / "docs" / "scores.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    found: dict[str, np.ndarray] = {}
    exec(code, found)
    assert found["words"].shape == found["values"].shape == (300, 2)
    assert found["event_id"].tolist() == list(range(300))
    assert set(found["decision"]) <= set(found["labels"])
    with h5py.File(out) as file:
        place, shape, dtype = file["scores"].id.get_offset(), file["scores"].shape, file["scores"].dtype
    np.testing.assert_array_equal(np.memmap(out, dtype, "r", place, shape), found["words"])


def _start(run: Path, events: Path, out: Path, *, file_limit: int | None = None) -> subprocess.Popen[str]:
    code = "import sys; from trigml.cli.main import main; main()"
    if file_limit is not None:
        code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({file_limit},) * 2); {code}"
    command = [sys.executable, "-c", code, "emulate", str(run), str(events), "-o", str(out)]
    command += ["--stage", "numpy", "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _pieces(out: Path) -> int:
    """Pieces of rows that an unfinished file has."""
    journal = unfinished_folder(out) / JOURNAL
    return max(0, journal.read_bytes().count(b"\n") - 1) if journal.is_file() else 0


def _wait_for_rows(process: subprocess.Popen[str], out: Path) -> None:
    before, deadline = _pieces(out), time.monotonic() + 120
    while process.poll() is None and _pieces(out) <= before and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.mark.slow
def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(run: Path, tmp_path: Path) -> None:
    """Protects the promise of the command with real processes and real SIGKILLs, several on one file."""
    events, out = tmp_path / "e.h5", tmp_path / "s.h5"
    write_events(events, 400_000)
    process = _start(run, events, tmp_path / "undisturbed.h5")
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 0, messages
    moments = random.Random()
    kills = 0
    for _ in range(2):
        process = _start(run, events, out)
        _wait_for_rows(process, out)
        time.sleep(moments.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        kills += process.returncode == -signal.SIGKILL
        if out.exists():
            break
    assert kills >= 1
    if not out.exists():
        process = _start(run, events, out)
        summary, messages = process.communicate(timeout=300)
        assert process.returncode == 0, messages
        assert 0 < json.loads(summary)["resumed"] <= 400_000
    assert sha256_of(out) == sha256_of(tmp_path / "undisturbed.h5")
    assert not unfinished_folder(out).exists()


@pytest.mark.slow
def test_ctrl_c_says_what_was_kept_and_ends_with_130(run: Path, tmp_path: Path) -> None:
    """Protects the exit code and the message of an interrupted command."""
    events, out = tmp_path / "e.h5", tmp_path / "s.h5"
    write_events(events, 400_000)
    process = _start(run, events, out)
    _wait_for_rows(process, out)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130, messages
    assert "of 400,000 events" in messages
    assert "same command again" in messages
    assert "Traceback" not in messages


def test_a_full_disk_is_one_message_and_nothing_is_left(run: Path, tmp_path: Path) -> None:
    """Protects against finding out after hours that the scores do not fit."""
    events = tmp_path / "e.h5"
    write_events(events, 20_000)
    process = _start(run, events, tmp_path / "out" / "s.h5", file_limit=100_000)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "File too large" in messages
    assert "Traceback" not in messages
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "none.h5"], "no such file"),
        (["RUN", "*.root"], "no file matches"),
        (["RUN", "sample:jetz"], "no packaged sample"),
        (["RUN", "sample:jets"], "lack 3 of the 3 columns"),
        (["none", "EVENTS"], "none"),
        (["RUN", "EVENTS", "--features", "x0,x1"], "3 columns, in the order of the inputs"),
        (["RUN", "EVENTS", "--features", "x0,x1,y"], "--features a,b,c"),
        (["RUN", "EVENTS", "--features", "x0,x1,x2", "--constituents", "pt"], "not both"),
        (["RUN", "EVENTS", "EVENTS"], "the same file is named twice"),
        (["RUN", "EVENTS", "--threads", "0"], "--threads"),
        (["RUN", "EVENTS", "--stage", "magic"], "'magic' is not one of"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.usefixtures("run")
def test_bad_input_is_one_message_and_nothing_is_left(
    tmp_path: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Protects the folder of the output and the user's time: refused before any work, with what to do."""
    write_events(tmp_path / "EVENTS", 100)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    replaced = ["runs/toy" if argument == "RUN" else argument for argument in arguments]
    assert exit_code_of(["emulate", "--stage", "numpy", *replaced, "-o", "out/s.h5"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_finished_file_is_replaced_only_with_force(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects scores that are there already."""
    write_events(tmp_path / "e.h5", 100)
    out = tmp_path / "s.h5"
    out.write_text("precious")
    command = ["emulate", str(run), str(tmp_path / "e.h5"), "-o", str(out), "--stage", "numpy"]
    assert exit_code_of(command) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert exit_code_of([*command, "--force"]) == 0
    assert h5py.is_hdf5(out)

"""``trigml synth`` with model files: projects without a run, exact, judged by a budget file, reported on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trigml.backends.onnx.assembly import serialised
from trigml.backends.onnx.qonnx_writer import qonnx_model
from trigml.cli.main import exit_code_of
from trigml.data.layout import Column, EventsWriter
from trigml.graph import Graph
from trigml.project import PROJECT_FILE

COLUMNS = ("pt", "eta", "phi")
SIZES = (3, 4, 2)
QUICK = ["--random", "200"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's folder."""
    return tmp_path_factory.mktemp("someone")


@pytest.fixture(scope="module")
def qkeras(folder: Path, make_qkeras: Callable[..., Any]) -> str:
    """A QKeras file as people have it, without a contract."""
    path = folder / "tagger.h5"
    make_qkeras(4, sizes=SIZES).model.save(path)
    return str(path)


@pytest.fixture(scope="module")
def qonnx(folder: Path, make_graph: Callable[..., Graph]) -> str:
    """A QONNX file."""
    path = folder / "trigger.onnx"
    path.write_bytes(serialised(qonnx_model(make_graph(0, sizes=SIZES)).proto))
    return str(path)


@pytest.fixture(scope="module")
def events(folder: Path) -> str:
    """300 events."""
    path = folder / "jets.h5"
    values = np.random.default_rng(0).normal(0, 4, (300, 3)).astype(np.float32)
    with EventsWriter(path, title="jets", features=[Column(name) for name in COLUMNS]) as writer:
        writer.append(
            event_id=np.arange(300), features={name: values[:, i] for i, name in enumerate(COLUMNS)}
        )
    return str(path)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stages_of(report: dict[str, Any]) -> list[str]:
    """The stages that were compared, all of them exact."""
    stages = report["verification"]["stages"]
    assert [stage["differences"] for stage in stages] == [0] * len(stages)
    assert report["bit_exact"] is True
    return [stage["stage"] for stage in stages]


@pytest.mark.slow
def test_a_qkeras_file_keeps_its_budget(
    qkeras: str, events: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects networks without a run: exact with events of theirs, mapped, judged, and reported on."""
    (workspace / "limits.yml").write_text("latency: 4 BX\nresources: {LUT: 5000, DSP: 0}\n")
    read = ["--events", events, "--features", ",".join(COLUMNS), "--budget", "limits.yml"]
    assert exit_code_of(["synth", qkeras, "--backend", "rtl", *QUICK, *read, "--require-tier", "mapped"]) == 0
    shown = capsys.readouterr()
    assert "the budget is kept" in shown.out
    assert "trigml report tagger-rtl-verilog" in shown.out + shown.err
    project = workspace / "tagger-rtl-verilog"
    assert sorted(path.name for path in workspace.iterdir()) == ["limits.yml", project.name]
    assert not (project / "plots").exists()
    assert len((project / "tb" / "inputs.hex").read_text().splitlines()) == 300 + 11 + 200
    (workspace / "strict.yml").write_text("resources: {LUT: 3}\n")
    assert exit_code_of(["report", project.name, "--budget", "strict.yml"]) == 3
    assert "the budget is that of the file strict.yml" in capsys.readouterr().out
    assert exit_code_of(["report", project.name, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["budget_file"] == "limits.yml"
    assert stages_of(report) == ["graph", "QKeras", "logic (alkaid)", "rtl", "netlist"]
    sets = {entry["name"]: entry["events"] for entry in report["verification"]["vectors"]}
    assert sets["events of jets.h5"] == 300
    verdicts = {row["metric"]: (row["tier"], row["broken"]) for row in report["budget"]["limits"]}
    assert verdicts == {"latency": ("mapped", False), "LUT": ("mapped", False), "DSP": ("mapped", False)}
    assert not any("no events were compared" in note for note in report["notes"])
    assert any("part xcvu13p-flga2577-2-e" in note and "5 ns" in note for note in report["notes"])


@pytest.mark.slow
def test_a_qonnx_file_breaks_its_budget(
    qonnx: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects CI: a broken limit is 3, from ``synth`` and ``report``; the project stands nevertheless."""
    (workspace / "limits.yml").write_text("resources: {LUT: 3}\n")
    options = ["--backend", "rtl", "--part", "vu9p", "--clock-ns", "2.5", "--budget", "limits.yml", *QUICK]
    assert exit_code_of(["synth", qonnx, *options, "--out", "firmware"]) == 3
    shown = capsys.readouterr()
    assert "the firmware breaks a limit of the budget: LUT" in shown.err
    assert "QONNX" in shown.out
    assert "note: no events were compared, only corners and random vectors" in shown.out
    assert "names no device" not in shown.out
    assert exit_code_of(["report", "firmware", "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert stages_of(report) == ["graph", "QONNX", "logic (alkaid)", "rtl", "netlist"]
    assert report["options"]["part"] == "vu9p"
    assert report["options"]["clock_ns"] == 2.5
    assert report["budget"]["broken"] is True
    assert len((workspace / "firmware" / "tb" / "inputs.hex").read_text().splitlines()) == 11 + 200


@pytest.mark.slow
def test_a_qonnx_file_as_an_hls_project(
    qonnx: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the HLS projects of model files: the compiled C++ has the words of qonnx's own executor."""
    assert exit_code_of(["synth", qonnx, *QUICK, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert stages_of(report) == ["graph", "QONNX", "HLS C++ (vitis, parallel)"]
    assert report["budget"] is None
    project = workspace / "trigger-hls-vitis-parallel-latency"
    assert (project / PROJECT_FILE).is_file()
    assert not (project / "plots").exists()


def test_a_budget_of_a_file_is_not_forgotten(
    qonnx: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects CI from a limit that nobody holds any more: the next ``synth`` knows the budget of the last.

    oneAPI projects have no figures, so that every limit is broken, and there is nothing to compile.
    """
    (workspace / "limits.yml").write_text("resources: {LUT: 3}\n")
    (workspace / "other.yml").write_text("latency: 4 BX\npart: vu9p\n")
    command = ["synth", qonnx, "--backend", "oneapi", "--random", "10", "--out", "project"]
    report = workspace / "project" / "report.json"
    assert exit_code_of([*command, "--budget", "limits.yml"]) == 3
    stored = report.read_bytes()
    capsys.readouterr()
    assert exit_code_of(command) == 3
    shown = capsys.readouterr()
    assert "held against the budget of limits.yml, and is again" in shown.err
    assert "the budget is that of the file limits.yml" in shown.out
    assert report.read_bytes() == stored
    assert exit_code_of(["report", "project", "--budget", "other.yml"]) == 3
    assert "the budget was not judged" in capsys.readouterr().err
    assert report.read_bytes() == stored
    assert exit_code_of([*command, "--budget", "other.yml"]) == 3
    assert json.loads(report.read_text())["budget_file"] == "other.yml"
    report.write_text("{")
    capsys.readouterr()
    assert exit_code_of(command) == 0
    assert "replaced without knowing its budget" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "jets.h5"], "--data is for runs"),
        (["--features", "pt,eta,phi"], "--features without events"),
        (["--events", "nowhere.h5"], "nowhere.h5"),
        (["--budget", "nowhere.yml"], "cannot read the budget"),
        (["--budget", "share.yml", "--part", "xc0"], "the budget's device is not known"),
        (["--backend", "rtl", "--part", "xcvu31p"], "did you mean xcvu13p"),
        (["--backend", "rtl", "--part", "xc0"], "--no-map leaves the cells out"),
        (["--part", "serenity-s1"], "--part xcvu13p"),
        (["--input-type", "float"], "--input-type float"),
        (["--out", "taken"], "the output folder holds something else"),
        (["--out", "share.yml/project"], "share.yml is a file, not a folder"),
    ],
)
def test_bad_input_is_explained(
    qkeras: str, workspace: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the one who typed it: what is wrong is said, nothing is written."""
    (workspace / "share.yml").write_text("resources: {LUT: 5 %}\n")
    (workspace / "taken").mkdir()
    (workspace / "taken" / "thesis.tex").write_text("years of work")
    before = sorted(workspace.rglob("*"))
    assert exit_code_of(["synth", qkeras, *options]) == 2
    assert message in capsys.readouterr().err
    assert sorted(workspace.rglob("*")) == before


def test_a_model_without_input_format_asks_for_it(
    folder: Path, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects exactness: ``synth`` guesses no format of the inputs, and says what ``verify`` says."""
    from trigml.legacy_keras import load

    modules = load()
    path = folder / "plain.h5"
    layer = modules.qkeras.QDense(
        2, kernel_quantizer="quantized_bits(4,0,alpha=1)", bias_quantizer="quantized_bits(4,0,alpha=1)"
    )
    modules.keras.Sequential([modules.keras.Input((3,)), layer]).save(path)
    messages = []
    for command in ("synth", "verify"):
        assert exit_code_of([command, str(path), *QUICK]) == 2
        messages.append(capsys.readouterr().err.split("trigml: ", 1)[1])
    assert messages[0] == messages[1]
    assert "--input-type" in messages[0]
    assert list(workspace.iterdir()) == []

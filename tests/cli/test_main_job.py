"""The main job through the command line: train, synth, report, with the files and codes they promise."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trigml.backends.hls import layers as hls_layers_module
from trigml.backends.hls import writer
from trigml.backends.hls.layers import HlsLayer
from trigml.backends.hls.options import HlsBackend, options_from
from trigml.cli.main import exit_code_of
from trigml.fixedpoint import Rounding
from trigml.graph import Graph
from trigml.opening import OpenOptions
from trigml.synthesis.hls import hls_folder
from trigml.synthesis.subject import EventChoice, Subject

pytestmark = pytest.mark.slow

SHORT = [
    *("--set", "training.epochs=2"),
    *("--set", "training.quantized.epochs=1"),
    *("--set", "training.batch_size=4096"),
    *("--set", "baseline.kind=none"),
    *("--set", "gate.max_accuracy_loss=null"),
    *("--set", "gate.max_auc_loss=null"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training of the shipped spec on the packaged jets."""
    run = tmp_path_factory.mktemp("main_job") / "run"
    assert exit_code_of(["train", "jet_tagger_hlf", "--quantize", "--out", str(run), *SHORT]) == 0
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may add to."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_the_main_job_is_bit_exact_and_reported(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the README promises: 0 differing words in all stages on real jets, and figures with their tier."""
    assert exit_code_of(["synth", str(run), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    stages = result["verification"]["stages"]
    assert [stage["stage"] for stage in stages] == ["graph", "QKeras", "HLS C++ (vitis, parallel)"]
    assert all(stage["differences"] == 0 and stage["words"] > 600_000 for stage in stages)
    assert {vectors["name"] for vectors in result["verification"]["vectors"]} == {
        "test split",
        "corners",
        "random, on the grid",
        "random, off the grid",
    }
    assert all(row["tier"] == "estimate" and row["tool"] == "trigml's HLS model" for row in result["figures"])
    project = Path(result["project"])
    assert (project / "plots" / "roc.png").stat().st_size > 10_000
    assert (project / "firmware" / "jet_tagger_hlf.cpp").is_file()

    assert exit_code_of(["report", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "accuracy" in shown
    assert "estimate" in shown
    assert str(project) in shown

    stored = (project / "report.json").read_bytes()
    assert exit_code_of(["synth", str(run)]) == 0
    assert "it was there already, unchanged" in capsys.readouterr().err
    assert (project / "report.json").read_bytes() == stored


def test_a_run_is_verified_and_inspected(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The test split of a run is what verify and inspect look at if nothing else is said."""
    command = ["verify", str(run), "--stages", "keras,native,logic", "--random", "1000", "--json"]
    assert exit_code_of(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["verification"]["vectors"][0] == {"name": "test split", "events": 19_986}
    assert [stage["differences"] for stage in result["verification"]["stages"]] == [0] * 4
    assert exit_code_of(["inspect", str(run), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["inputs"], result["events"]) == ("test split", 19_986)
    assert result["layers"][0]["saturated"] > 0
    assert sum(layer["counts"]["products"] for layer in result["layers"]) == 4256


def _planted(change: Callable[[HlsLayer], HlsLayer]) -> Callable[[Graph], Sequence[HlsLayer]]:
    def layers(graph: Graph) -> Sequence[HlsLayer]:
        return [change(layer) for layer in hls_layers_module.hls_layers(graph)]

    return layers


def _wrong_rounding(layer: HlsLayer) -> HlsLayer:
    if layer.name != "relu_2":
        return layer
    return replace(layer, precisions={"result": replace(layer.precisions["result"], rounding=Rounding.TRN)})


def _wrong_weight(layer: HlsLayer) -> HlsLayer:
    if layer.name != "dense_3":
        return layer
    weights = layer.description["weight_data"].copy()
    weights[0, 0] += layer.precisions["weight"].lsb * (1 if weights[0, 0] < 0 else -1)
    return replace(layer, description={**layer.description, "weight_data": weights})


@pytest.mark.parametrize(
    ("change", "layer"), [(_wrong_rounding, "relu_2"), (_wrong_weight, "dense_3")], ids=["rounding", "weight"]
)
def test_a_planted_fault_is_found_and_its_layer_named(
    run: Path,
    change: Callable[[HlsLayer], HlsLayer],
    layer: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong precision or weight in the HLS project ends in exit code 4, located; nothing is released."""
    monkeypatch.setattr(writer, "hls_layers", _planted(change))
    assert exit_code_of(["synth", str(run), "--random", "1000"]) == 4
    message = capsys.readouterr().err
    assert "HLS C++ (vitis, parallel) differs from the graph" in message
    assert f"layer {layer!r}" in message
    folder = run / "hls" / "vitis-parallel-latency"
    assert not folder.exists()
    report = json.loads((folder.with_name(folder.name + ".not-exact") / "report.json").read_text())
    assert report["bit_exact"] is False


def test_a_project_that_cannot_be_run_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """oneAPI projects are written, and nobody is told that they were emulated."""
    assert exit_code_of(["synth", str(run), "--backend", "oneapi", "--random", "100"]) == 0
    shown = capsys.readouterr().out
    assert "was written, but not run" in shown
    assert "one strategy for dense layers, resource; latency has no effect" in shown
    assert "HLS C++" not in shown
    assert not (run / "hls" / "oneapi-parallel-latency" / "plots").exists()


def test_without_a_compiler_nothing_is_begun(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without g++ gets the command that installs it, and no project."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert exit_code_of(["synth", str(run)]) == 2
    assert "apt-get install g++" in capsys.readouterr().err
    assert not (run / "hls").exists()


def test_folders_of_others_are_left_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with something else in it is refused, even with --force; a changed project without it."""
    other = run.parent / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("years of work")
    assert exit_code_of(["synth", str(run), "--out", str(other), "--force"]) == 2
    assert "the output folder holds something else" in capsys.readouterr().err
    assert (other / "thesis.tex").read_text() == "years of work"

    beside = run / "hls" / "vitis-parallel-latency.not-exact"
    beside.mkdir(parents=True)
    (beside / "diary.txt").write_text("dear diary")
    assert exit_code_of(["synth", str(run), "--force"]) == 2
    assert (beside / "diary.txt").is_file()

    project = run.parent / "project"
    fast = ["synth", str(run), "--backend", "oneapi", "--random", "10", "--out", str(project)]
    assert exit_code_of(fast) == 0
    (project / "contract.json").write_text("{}")
    assert exit_code_of(fast) == 2
    assert "holds another project, or a changed one" in capsys.readouterr().err
    assert exit_code_of([*fast, "--force"]) == 0
    assert json.loads((project / "contract.json").read_text())["features"]


def test_options_out_of_range_are_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A zero is an answer, not a missing one; and no part name reaches a Tcl script that Tcl would run."""
    for options, message in (
        (["--clock-ns", "0"], "the clock period is out of range"),
        (["--reuse-factor", "0"], "the reuse factor is out of range"),
        (["--part", "x[exec id]"], "not the name of an FPGA part"),
    ):
        assert exit_code_of(["synth", str(run), *options]) == 2
        assert message in capsys.readouterr().err
    assert not (run / "hls").exists()


def test_other_options_have_a_folder_of_their_own(trained: Path) -> None:
    """Two choices never ask for the same folder; the spec's own target has the short name."""
    subject = Subject.at(trained, OpenOptions(), EventChoice())
    usual = options_from(
        "vitis", part="xcvu13p-flga2577-2-e", clock_ns=5.0, io="parallel", strategy="latency", reuse_factor=1
    )
    choices = [
        usual,
        replace(usual, clock_ns=2.5),
        replace(usual, part="xcvu9p-flga2104-2-e"),
        replace(usual, reuse_factor=2),
        replace(usual, backend=HlsBackend.QUARTUS, part="Arria10"),
    ]
    names = [hls_folder(subject, choice).name for choice in choices]
    assert len(set(names)) == len(choices)
    assert names[0] == "vitis-parallel-latency"
    assert names[4] == "quartus-parallel-latency"


def test_a_run_can_be_named_by_a_dot(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stands in a run's folder names it with a dot."""
    monkeypatch.chdir(run)
    assert exit_code_of(["report", "."]) == 0
    assert "accuracy" in capsys.readouterr().out


def test_a_budget_needs_a_project(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects a CI from a green light for a run without firmware: nothing was held against the budget."""
    limits = run.parent / "limits.yml"
    limits.write_text("latency: 4 BX\n")
    assert exit_code_of(["report", str(run), "--budget", str(limits)]) == 2
    shown = capsys.readouterr()
    assert "there is no project to hold against the budget" in shown.err
    assert shown.out == ""


def test_missing_events_are_asked_for(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other events than the training's can be named, and a file that is not there gives one clear error."""
    assert exit_code_of(["synth", str(run), "--data", "nowhere.h5"]) == 2
    assert "nowhere.h5" in capsys.readouterr().err


def test_a_vendor_report_in_the_project_is_shown_first(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once the vendor's tool has run in the project folder, its figures lead the report, with its tier."""
    project = run / "hls" / "vitis-parallel-latency"
    assert exit_code_of(["synth", str(run), "--random", "10"]) == 0
    report = project / "jet_tagger_hlf_prj" / "solution1" / "syn" / "report" / "jet_tagger_hlf_csynth.xml"
    report.parent.mkdir(parents=True)
    report.write_text(_CSYNTH)
    capsys.readouterr()
    assert exit_code_of(["report", str(run), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["projects"][0]["figures"]
    assert [(row["metric"], row["tier"]) for row in figures[:4]] == [
        *(("LUT", "vendor"), ("LUT", "estimate"), ("FF", "vendor"), ("FF", "estimate")),
    ]
    assert figures[0]["value"] == 41234
    assert {row["part"] for row in figures if row["tier"] == "vendor"} == {"xcvu13p-flga2577-2-e"}

    assert exit_code_of(["report", str(project)]) == 0
    assert "41,234  vendor" in capsys.readouterr().out

    report.write_text(_CSYNTH[:300])
    assert exit_code_of(["report", str(run)]) == 2
    assert "the vendor report cannot be read" in capsys.readouterr().err
    report.unlink()

    for damaged in ("{}", '{"verification": {"stages": [{"stage": "x"}], "vectors": []}}', "nothing"):
        (project / "report.json").write_text(damaged)
        assert exit_code_of(["report", str(run)]) == 2
        assert "no readable report" in capsys.readouterr().err


_CSYNTH = """<profile>
<ReportVersion><Version>2023.1</Version></ReportVersion>
<UserAssignments><unit>ns</unit><ProductFamily>virtexuplus</ProductFamily><Part>xcvu13p-flga2577-2-e</Part>
<TopModelName>jet_tagger_hlf</TopModelName><TargetClockPeriod>5.00</TargetClockPeriod></UserAssignments>
<PerformanceEstimates>
<SummaryOfTimingAnalysis><EstimatedClockPeriod>3.612</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><Best-caseLatency>9</Best-caseLatency><Worst-caseLatency>9</Worst-caseLatency>
<Interval-min>1</Interval-min><Interval-max>1</Interval-max></SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates><Resources><LUT>41234</LUT><FF>5120</FF><DSP>12</DSP><BRAM_18K>0</BRAM_18K></Resources>
</AreaEstimates>
</profile>
"""


def _trigml(*arguments: str, file_limit: int | None = None) -> subprocess.Popen[str]:
    # Whoever runs the tests in the background may ignore Ctrl-C, and so would the command.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heed}; from trigml.cli.main import main; main()"
    if file_limit is not None:
        limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({file_limit}, {file_limit}))"
        ignore = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
        code = f"import resource, signal; {ignore}; {limit}; {code}"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_a_full_disk_leaves_no_half_written_project(run: Path) -> None:
    """When a file cannot be written in full, there is one message, exit code 2, and no project."""
    process = _trigml("synth", str(run), "--backend", "oneapi", "--random", "10", file_limit=40_000)
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 2, messages
    assert "Traceback" not in messages
    assert not list(run.glob("hls/*"))


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """An interrupted training goes on, and gives the same bytes as an undisturbed one."""
    command = ["train", "jet_tagger_hlf", "--quantize", *SHORT, "--set", "training.epochs=4", "--out"]
    disturbed, undisturbed = tmp_path / "disturbed", tmp_path / "undisturbed"
    process = _trigml(*command, str(disturbed))
    checkpoint = disturbed.with_name("disturbed.unfinished") / "progress" / "float.npz"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=120)
    assert process.returncode == 130, messages
    assert "Traceback" not in messages
    assert not disturbed.exists()
    assert exit_code_of([*command, str(disturbed)]) == 0
    assert exit_code_of([*command, str(undisturbed)]) == 0
    for name in ("float/weights.h5", "quantized/weights.h5", "graph_weights.npz", "metrics.json"):
        assert (disturbed / name).read_bytes() == (undisturbed / name).read_bytes(), name


def test_a_broken_gate_gives_exit_code_3_and_a_complete_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gate that training does not keep is named with limit and value; the run can still be looked at."""
    run = tmp_path / "run"
    gates = ["--set", "gate.min_accuracy=0.99"]
    assert exit_code_of(["train", "jet_tagger_hlf", "--out", str(run), *SHORT, *gates]) == 3
    message = capsys.readouterr().err
    assert "min_accuracy" in message
    assert "0.99" in message
    assert exit_code_of(["report", str(run)]) == 0
    assert np.load(run / "scores.npz", allow_pickle=False)["labels"].size > 10_000
    assert exit_code_of(["synth", str(run)]) == 2
    assert "--quantize" in capsys.readouterr().err

"""RTL projects of a run: exact, measured, reported; what is wrong with one is seen before it is released."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trigml.backends.rtl import RtlProject
from trigml.cli.main import exit_code_of
from trigml.errors import MissingTool
from trigml.progress import Silent
from trigml.project import PROJECT_FILE
from trigml.reports.stored import read_report
from trigml.synthesis import rtl, rtl_checks
from trigml.synthesis.vendor import run_vendor
from trigml.toolchains.yosys import MappedDesign

TOP = "src/top.v"

pytestmark = pytest.mark.slow

SMALL = {
    "model.hidden": "[5]",
    "training.epochs": "1",
    "training.quantized.epochs": "1",
    "training.batch_size": "4096",
    "baseline.kind": "none",
    "gate.max_accuracy_loss": "null",
    "gate.max_auc_loss": "null",
    "target.backend": "rtl",
}
QUICK = ["--random", "200"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training of a small network on the packaged jets, with RTL as its target."""
    run = tmp_path_factory.mktemp("rtl") / "run"
    settings = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    assert exit_code_of(["train", "jet_tagger_hlf", "--quantize", "--out", str(run), *settings]) == 0
    return run


@pytest.fixture(scope="module")
def project(trained: Path) -> Path:
    """Its RTL project, made as the spec says."""
    assert exit_code_of(["synth", str(trained), *QUICK]) == 0
    return trained / "rtl" / "verilog"


@pytest.fixture
def copied(trained: Path, project: Path, tmp_path: Path) -> Path:
    """A copy of the run with its project, that a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def reported(place: Path, capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert exit_code_of(["report", str(place), "--json"]) == code
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_the_project_is_exact_and_its_latency_measured(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the promise: 0 differing words in Verilator, latency and interval as measured there."""
    report = reported(project, capsys)
    assert (report["backend"], report["bit_exact"]) == ("rtl", True)
    stages = report["verification"]["stages"]
    names = [stage["stage"] for stage in stages]
    assert names == ["graph", "QKeras", "logic (alkaid)", "rtl", "netlist"]
    assert all(stage["differences"] == 0 for stage in stages)
    assert all(stage["events"] > (1000 if stage["stage"] == "netlist" else 20_000) for stage in stages)
    rows = {(row["metric"], row["unit"], row["tool"]): row for row in report["figures"]}
    cycles = json.loads((project / PROJECT_FILE).read_text())["latency_cycles"]
    latency = rows["latency", "cycles", "Verilator"]
    assert (latency["value"], latency["tier"]) == (cycles, "mapped")
    assert "20,000 events back to back, with gaps, through a reset; the same in the mapped" in latency["note"]
    assert rows["latency", "ns", "Verilator"]["value"] == 5 * cycles
    assert "timing not verified" in rows["latency", "ns", "Verilator"]["note"]
    assert rows["initiation interval", "cycles", "Verilator"]["value"] == 1
    assert rows["events per bunch crossing", "", "Verilator"]["value"] == 5
    assert rows["LUT", "", "alkaid"]["tier"] == "estimate"
    mapped = {metric: row for (metric, _, tool), row in rows.items() if tool == "Yosys"}
    assert {row["tier"] for row in mapped.values()} == {"mapped"}
    for metric in ("LUT", "FF", "DSP"):
        of_modules = [row["instances"] * row["counts"][metric] for row in report["modules"]]
        assert sum(of_modules) == mapped[metric]["value"]
    assert mapped["LUT"]["value"] > 100
    assert len(report["modules"]) > 2
    used = {(row["metric"], row["tier"]): row for row in report["utilisation"]}
    assert used["LUT", "mapped"]["of_region"] == pytest.approx(mapped["LUT"]["value"] / 432_000)
    assert report["budget"]["broken"] is False
    assert list((project / "netlist").glob("*.v"))
    assert (project / "plots" / "roc.png").stat().st_size > 10_000
    assert len((project / "tb" / "inputs.hex").read_text().splitlines()) == 1000


def test_the_same_project_is_kept(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects what tools have added to a project: the same command leaves it, and reports the same bytes."""
    (project / "notes.txt").write_text("placed by hand")
    stored = (project / "report.json").read_bytes()
    assert exit_code_of(["synth", str(project.parent.parent), *QUICK]) == 0
    assert "it was there already, unchanged" in capsys.readouterr().err
    assert (project / "report.json").read_bytes() == stored
    assert (project / "notes.txt").is_file()


def test_the_report_as_markdown(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the page for a merge request: performance, bit-exactness, and every figure with its tier."""
    page = tmp_path / "report.md"
    assert exit_code_of(["report", str(project.parent.parent), "--markdown", str(page)]) == 0
    shown = capsys.readouterr().out
    text = page.read_text()
    assert "### rtl project `verilog`" in text
    assert "Cells by module" in text
    (figures,) = [part for part in text.split("#### ") if part.startswith("Latency and resources")]
    rows = [line for line in figures.splitlines() if line.startswith("| latency")]
    assert len({line.replace(r"\|", "").count("|") for line in rows}) == 1
    assert any("mapped" in line and "Verilator" in line for line in rows)
    assert "Latency and resources" in shown
    assert "| latency" not in shown


def test_figures_of_a_netlist_that_was_changed_are_not_shown(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects mapped figures and their 0 differences: they belong to the netlist that was simulated."""
    project = copied / "rtl" / "verilog"
    (netlist,) = (project / "netlist").glob("*.v")
    text = netlist.read_text()
    netlist.write_text(text.replace("4'h8", "4'he", 1))
    assert netlist.read_text() != text
    assert exit_code_of(["report", str(project)]) == 2
    assert "netlist/ with digest" in capsys.readouterr().err
    shutil.rmtree(netlist.parent)
    assert exit_code_of(["report", str(project)]) == 2
    assert "no netlist/" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["synth", "report"])
def test_a_required_tier_needs_a_budget(
    command: str, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects a CI from a green light where no limit was held: it is said before anything is worked for."""
    spec = copied / "spec.yml"
    report = copied / "rtl" / "verilog" / "report.json"
    content = json.loads(report.read_text())
    report.write_text(json.dumps(content | {"budget": {}}))
    lines = spec.read_text().split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("budget:"))
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1] not in ("", " ", "-")), len(lines))
    spec.write_text("\n".join(lines[:start] + lines[end:]))
    manifest = json.loads((copied / "manifest.json").read_text())
    old = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    new = hashlib.sha256(spec.read_bytes()).hexdigest()
    (copied / "manifest.json").write_text(json.dumps(manifest).replace(old, new))
    assert exit_code_of([command, str(copied), "--require-tier", "mapped"]) == 2
    assert "there is no budget" in capsys.readouterr().err


def test_a_board_is_no_part(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects scripts from a part that no vendor's tool knows: the board's part is named instead."""
    out = tmp_path / "project"
    assert exit_code_of(["synth", str(trained), "--part", "serenity-s1", "--out", str(out)]) == 2
    assert "--part xcvu13p" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", ["src/top.v", "contract.json", "README.md"])
def test_an_old_report_is_not_shown_for_a_changed_project(
    copied: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects against figures of another design: the report belongs to the digest of the files."""
    changed = copied / "rtl" / "verilog" / name
    changed.write_text(changed.read_text() + " ")
    for place in (copied, copied / "rtl" / "verilog"):
        assert exit_code_of(["report", str(place)]) == 2
        captured = capsys.readouterr()
        assert "changed since its report was made" in captured.err
        assert captured.out == ""
    changed.unlink()
    assert exit_code_of(["report", str(copied)]) == 2
    assert f"no file {name}" in capsys.readouterr().err


def test_a_source_that_was_added_is_not_overlooked(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects against another module in the design: scripts read all of src; report and synth refuse it."""
    project = copied / "rtl" / "verilog"
    (project / "src" / "zz.v").write_text("module logic0; endmodule\n")
    assert exit_code_of(["report", str(project)]) == 2
    assert "another source: src/zz.v" in capsys.readouterr().err
    assert exit_code_of(["synth", str(copied), *QUICK]) == 2
    assert "another project, or a changed one" in capsys.readouterr().err


def planted(monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
    """Every RTL project has its files changed before it is checked."""
    made = rtl.rtl_project

    def changed(*arguments: Any, **options: Any) -> RtlProject:
        project = made(*arguments, **options)
        return dataclasses.replace(project, files=change(dict(project.files)))

    monkeypatch.setattr(rtl, "rtl_project", changed)


def _other_latency(files: dict[str, bytes]) -> dict[str, bytes]:
    claim = json.loads(files[PROJECT_FILE])
    claim["latency_cycles"] -= 1
    return files | {PROJECT_FILE: json.dumps(claim).encode()}


def _other_word(files: dict[str, bytes]) -> dict[str, bytes]:
    top = files[TOP].decode()
    (first, *_) = [line for line in top.splitlines() if line.strip().startswith("assign out_words[")]
    return files | {TOP: top.replace(first, first.replace("= {", "= ~{"), 1).encode()}


@dataclasses.dataclass(frozen=True)
class Fault:
    """A change of a project's files, what is said of it, and whether it stands in the report as a failure."""

    change: Callable[[dict[str, bytes]], dict[str, bytes]]
    message: str
    failure: bool


FAULTS = {
    "latency": Fault(_other_latency, "the RTL has another latency than its project says", True),
    "word": Fault(_other_word, "rtl differs from the graph", False),
}
NO_MAP = [*QUICK, "--no-map"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_not_released(
    trained: Path,
    tmp_path: Path,
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Protects the output folder: a wrong word or a wrong latency is exit code 4, and goes beside it."""
    fault = FAULTS[name]
    planted(monkeypatch, fault.change)
    folder = tmp_path / "project"
    assert exit_code_of(["synth", str(trained), "--out", str(folder), *NO_MAP]) == 4
    assert fault.message in capsys.readouterr().err
    assert not folder.exists()
    report = reported(folder.with_name("project.not-exact"), capsys, code=4)
    assert report["bit_exact"] is False
    assert report["figures"] == []
    assert (fault.message in report["failure"]) == fault.failure


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--reuse-factor", "2"], "--reuse-factor is for HLS projects"),
        (["--backend", "vitis", "--no-map"], "--map is for RTL projects"),
        (["--backend", "catapult", "--build"], "no vendor's tool for catapult"),
        (["--io", "stream", "--strategy", "latency"], "--strategy, --io are for HLS projects"),
        (["--backend", "vitis", "--language", "vhdl"], "--language is for RTL projects"),
        (["--backend", "quartus", "--stages", "0"], "--stages is for RTL projects"),
        (["--part", "xcvu31p"], "did you mean xcvu13p"),
        (["--part", "x[exec id]", "--no-map"], "not the name of an FPGA part"),
        (["--stages", "0"], "the number of pipeline stages is out of range"),
        (["--clock-ns", "0"], "the clock period is out of range"),
    ],
)
def test_options_that_cannot_be_are_refused(
    trained: Path, tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects against an option without effect, a mistyped part, a number out of range: nothing is begun."""
    assert exit_code_of(["synth", str(trained), *options, "--out", str(tmp_path / "x")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.fixture
def limited(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give the run's spec a budget, as if it had been trained with one."""

    def limit(**budget: Any) -> None:
        report = copied / "rtl" / "verilog" / "report.json"
        content = json.loads(report.read_text())
        content["budget"] |= budget
        report.write_text(json.dumps(content))

    return limit


def test_a_broken_budget_is_exit_code_3_after_everything_is_shown(
    copied: Path, limited: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects CI: the report is complete, the table names limit, figure and tier, and the code is 3."""
    page = tmp_path / "report.md"
    limited(latency="100 ns", resources={"LUT": 10})
    assert exit_code_of(["report", str(copied), "--markdown", str(page)]) == 3
    shown = capsys.readouterr()
    assert "the firmware breaks a limit of the budget: LUT" in shown.err
    assert "Budget for xcvu13p" in shown.out
    assert "BROKEN" in page.read_text()
    strict = tmp_path / "strict.yml"
    strict.write_text("resources: {FF: 1}\n")
    stored = (copied / "rtl" / "verilog" / "report.json").read_bytes()
    assert exit_code_of(["report", str(copied), "--budget", str(strict), "--require-tier", "mapped"]) == 3
    shown = capsys.readouterr()
    assert "the firmware breaks a limit of the budget: FF" in shown.err
    assert "the budget is that of the file strict.yml" in shown.out
    assert (copied / "rtl" / "verilog" / "report.json").read_bytes() == stored
    limited(latency="1000 ns", resources={"LUT": "1 % of a region"})
    assert exit_code_of(["report", str(copied)]) == 0
    assert exit_code_of(["report", str(copied / "rtl" / "verilog"), "--require-tier", "vendor"]) == 3
    assert "tier too low" in capsys.readouterr().out


def test_a_budget_file_stands_for_that_of_the_spec(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects ``--budget`` for a run: its limits are judged, and are those that ``report`` finds later."""
    limits = tmp_path / "limits.yml"
    limits.write_text("latency: 1 cycles\n")
    folder = tmp_path / "project"
    command = ["synth", str(trained), "--out", str(folder), *NO_MAP, "--budget", str(limits)]
    assert exit_code_of(command) == 3
    shown = capsys.readouterr()
    assert "the firmware breaks a limit of the budget: latency" in shown.err
    assert "the budget is that of the file limits.yml, not that of a spec" in shown.out
    assert exit_code_of(["report", str(folder), "--json"]) == 3
    (limit,) = json.loads(capsys.readouterr().out)["budget"]["limits"]
    assert (limit["metric"], limit["broken"], limit["tier"]) == ("latency", True, "mapped")


def test_a_mapping_that_takes_too_long_leaves_an_honest_report(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects figures from an ended tool: the project stands, without mapped rows, saying why; code 2."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    command = ["synth", str(trained), "--out", str(folder), *QUICK, "--map-time-limit", "1"]
    assert exit_code_of(command) == 2
    shown = capsys.readouterr()
    assert "did not end within the time limit" in shown.err
    assert "note: no mapped resources: mapping to cells did not end" in shown.out
    report = reported(folder, capsys)
    assert report["bit_exact"] is True
    assert {row["tool"] for row in report["figures"]} == {"Verilator", "alkaid"}
    assert report["modules"] == []
    assert not (folder / "netlist").exists()


def test_a_swapped_cell_of_the_netlist_is_not_released(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects mapped figures: a netlist that computes something else is exit code 4, and has no rows."""
    mapped = rtl_checks.map_design

    def faulty(*arguments: Any, **options: Any) -> MappedDesign:
        design = mapped(*arguments, **options)
        first, *others = design.modules
        assert "4'h8" in first.netlist  # and gates, which become or gates
        wrong = dataclasses.replace(first, netlist=first.netlist.replace("4'h8", "4'he"))
        return dataclasses.replace(design, modules=(wrong, *others))

    monkeypatch.setattr(rtl_checks, "map_design", faulty)
    folder = tmp_path / "project"
    assert exit_code_of(["synth", str(trained), "--out", str(folder), *QUICK]) == 4
    assert "netlist" in capsys.readouterr().err
    assert not folder.exists()
    assert reported(folder.with_name("project.not-exact"), capsys, code=4)["figures"] == []


def test_vendor_tools_that_are_not_there_are_named(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects those without a licence: a line says what was looked for, and what the report has instead."""
    report = read_report(copied / "rtl" / "verilog")
    monkeypatch.setenv("PATH", "")
    built = run_vendor(report, 10, Silent())
    assert built.failure is None
    assert built.report.figures == report.figures
    (note,) = set(built.report.notes) - set(report.notes)
    assert "Vivado is not installed (looked for vivado on PATH)" in note
    assert "mapped by Yosys" in note


def test_a_vendor_tool_that_fails_leaves_the_report(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects what was found without the vendor: a crash of its tool takes no figure away, and is said."""
    report = read_report(copied / "rtl" / "verilog")
    tool = copied / "bin" / "vivado"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'a stand-in for Vivado, made by a test of trigml'\nexit 3\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=os.pathsep)
    built = run_vendor(report, 10, Silent())
    assert built.failure is not None
    assert built.report.figures == report.figures
    assert any("a vendor's tool failed" in note for note in built.report.notes)


def test_vhdl_without_ghdl_is_written_and_said_not_to_have_run(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the word "measured": VHDL that nothing here can simulate has the latency of an estimate."""

    def missing() -> None:
        raise MissingTool("there is no GHDL on this machine, says a test")

    monkeypatch.setattr(rtl_checks, "find_ghdl", missing)
    folder = tmp_path / "project"
    assert exit_code_of(["synth", str(trained), "--language", "vhdl", "--out", str(folder), *QUICK]) == 0
    assert "neither simulated nor mapped: there is no GHDL" in capsys.readouterr().out
    report = reported(folder, capsys)
    assert [stage["stage"] for stage in report["verification"]["stages"]][-1] == "logic (alkaid)"
    assert {row["tier"] for row in report["figures"]} == {"estimate"}
    latency = [row for row in report["figures"] if row["metric"] == "latency" and row["unit"] == "cycles"]
    assert "not simulated" in latency[0]["note"]
    assert (folder / "src" / "top.vhd").is_file()


def test_a_report_that_names_no_files_is_not_shown(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects against reports of versions that did not bind figures to files; what to do is said."""
    stored = copied / "rtl" / "verilog" / "report.json"
    content = json.loads(stored.read_text())
    del content["digest"]
    stored.write_text(json.dumps(content))
    assert exit_code_of(["report", str(copied)]) == 2
    assert "does not say which files it is about" in capsys.readouterr().err

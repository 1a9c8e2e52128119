"""Running the vendors' tools, with stand-ins that replay report texts (no vendor's tool ran here)."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import ModuleType

import pytest

from trigml.errors import BadInput, Interrupted, ToolFailed
from trigml.reports.figures import Clock
from trigml.reports.vendor import vendor_clock, vendor_figures
from trigml.toolchains.vendor import building
from trigml.toolchains.vendor.building import build

pytestmark = pytest.mark.slow

SYSTEM = "/usr/bin:/bin"
XILINX = ("vitis-run", "vitis_hls", "vivado_hls", "vivado")


class Bench:
    """Stand-ins on PATH and a project for them."""

    def __init__(self, stand_ins: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stand_ins = stand_ins
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        monkeypatch.setenv("PATH", f"{self.bin}:{SYSTEM}")

    def install(self, *names: str) -> None:
        self.stand_ins.install(self.bin, *names)

    def project(self, kind: str, **options: object) -> Path:
        project = self.stand_ins.project(self.folder / "project", kind, **options)
        assert isinstance(project, Path)
        return project

    def behave(self, how: str, stage: str = "") -> None:
        self.stand_ins.behave(self.bin, how, stage=stage)

    def calls(self) -> list[str]:
        made = self.stand_ins.calls(self.bin)
        (self.bin / "calls").unlink(missing_ok=True)
        return list(made)


@pytest.fixture
def bench(vendor_stand_ins: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(vendor_stand_ins, tmp_path, monkeypatch)


def figures_of(project: Path) -> dict[tuple[str, str], float]:
    """Values by metric and unit, those of the latest stage."""
    found: dict[tuple[str, str], float] = {}
    for row in vendor_figures(project, "tagger"):
        found.setdefault((row.metric, row.unit), row.value)
    return found


def content_of(project: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and "vendor" not in path.relative_to(project).parts
    }


@pytest.mark.parametrize(
    ("kind", "tools", "ran"),
    [
        ("vitis", XILINX, "vitis-run"),
        ("vitis", ("vitis_hls", "vivado"), "vitis_hls"),
        ("vivado", XILINX, "vivado_hls"),
    ],
)
def test_an_hls_project(bench: Bench, kind: str, tools: tuple[str, ...], ran: str) -> None:
    """Protects the whole chain: C synthesis under its new and old name, logic synthesis, place and route."""
    bench.install(*tools)
    project = bench.project(kind)
    before = content_of(project)
    result = build(project, "tagger")
    assert bench.calls() == [ran, "vivado synth", "vivado route"]
    assert [step.name for step in result.steps] == ["csynth", "synth", "route"]
    assert (result.skipped, result.left_out) == ((), ())
    assert all("a stand-in that replays report texts" in log.read_text() for log in result.logs)
    assert content_of(project) == before
    found = figures_of(project)
    assert found["LUT", ""] == 41203 // 3
    assert (found["latency", "cycles"], found["latency", "ns"]) == (11, 55)
    assert (found["power", "W"], found["worst slack", "ns"]) == (3.412, 0.112)
    rows = vendor_figures(project, "tagger")
    assert vendor_clock(rows) is Clock.MET
    assert not any("by hand" in row.note for row in rows)


def test_an_rtl_project_with_vivado(bench: Bench) -> None:
    """Protects out-of-context synthesis, and then routing, with the project's own script."""
    bench.install("vivado")
    project = bench.project("rtl for vivado")
    assert [step.name for step in build(project, "tagger", route=False).steps] == ["synth"]
    assert bench.calls() == ["vivado synth"]
    assert vendor_clock(vendor_figures(project, "tagger")) is Clock.REQUESTED
    build(project, "tagger")
    assert bench.calls() == ["vivado route"]
    assert vendor_clock(vendor_figures(project, "tagger")) is Clock.MET
    assert ("latency", "cycles") not in figures_of(project)


def test_an_rtl_project_with_quartus(bench: Bench) -> None:
    """Protects Quartus: synthesis, fitting and timing with the project's own script."""
    bench.install("quartus_sh")
    project = bench.project("rtl for quartus")
    build(project, "tagger")
    assert bench.calls() == ["quartus_sh synth", "quartus_sh route"]
    found = figures_of(project)
    assert (found["ALM", ""], found["FF", ""], found["M20K", ""]) == (20731, 5612, 5)
    assert vendor_clock(vendor_figures(project, "tagger")) is Clock.MET


def test_an_intel_hls_project(bench: Bench) -> None:
    """Protects i++ by way of make: area, then the latency if a simulator is there, then Quartus if it is."""
    bench.install("i++")
    project = bench.project("quartus")
    result = build(project, "tagger")
    assert [step.name for step in result.steps] == ["csynth"]
    assert result.left_out == ("Intel HLS: simulation", "Intel HLS: compilation with Quartus")
    assert ("latency", "cycles") not in figures_of(project)
    bench.install("vsim", "quartus_sh")
    bench.calls()
    assert [step.name for step in build(project, "tagger").steps] == ["csynth", "simulation", "route"]
    assert bench.calls() == ["i++ route"]
    found = figures_of(project)
    assert (found["latency", "cycles"], found["ALUT", ""], found["ALM", ""]) == (11, 41203, 20732)
    assert {row.version for row in vendor_figures(project, "tagger")} == {"19.2.0"}
    assert vendor_clock(vendor_figures(project, "tagger")) is Clock.MET


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("vitis", "Vitis HLS is not installed (looked for vitis-run or vitis_hls on PATH): the report uses"),
        ("vivado", "Vivado HLS is not installed (looked for vivado_hls on PATH): the report uses estimates"),
        ("quartus", "Intel HLS is not installed (looked for i++ on PATH): the report uses estimates"),
        (
            "rtl for vivado",
            "Vivado is not installed (looked for vivado on PATH): the report uses cells mapped by",
        ),
        (
            "rtl for quartus",
            "Quartus is not installed (looked for quartus_sh on PATH): the report uses cells",
        ),
    ],
)
def test_nothing_is_installed(bench: Bench, kind: str, text: str) -> None:
    """Protects the one line on a machine without the tools: what was looked for, what is used instead."""
    project = bench.project(kind)
    result = build(project, "tagger")
    assert result.steps == ()
    assert len(result.skipped) == 1
    assert result.skipped[0].startswith(text)
    assert "\n" not in result.skipped[0]
    assert vendor_figures(project, "tagger") == []


def test_a_part_of_the_tools_is_installed(bench: Bench) -> None:
    """Protects machines with an HLS tool only: its figures, and a line on what was left out."""
    bench.install("vitis_hls")
    project = bench.project("vitis")
    result = build(project, "tagger")
    assert [step.name for step in result.steps] == ["csynth"]
    assert result.left_out == ("Vivado: out-of-context synthesis", "Vivado: place and route")
    assert [line.split(" is not")[0] for line in result.skipped] == ["Vivado"]
    assert figures_of(project)["LUT", ""] == 41203


def test_finished_steps_are_not_done_again(bench: Bench) -> None:
    """Protects hours of work: only what failed, and what builds on it, runs again."""
    bench.install(*XILINX)
    project = bench.project("vitis")
    bench.behave("fail", stage="route")
    with pytest.raises(ToolFailed, match="place and route failed"):
        build(project, "tagger")
    bench.calls()
    bench.behave("well")
    result = build(project, "tagger")
    assert bench.calls() == ["vivado route"]
    assert [step.resumed for step in result.steps] == [True, True, False]
    assert [step.resumed for step in build(project, "tagger").steps] == [True, True, True]
    assert bench.calls() == []


def test_changed_files_are_built_again(bench: Bench) -> None:
    """Protects against figures of an earlier version: they are refused until the project is built again."""
    bench.install(*XILINX)
    project = bench.project("vitis")
    build(project, "tagger")
    bench.calls()
    (project / "firmware" / "tagger.cpp").write_text("// another network\n")
    with pytest.raises(BadInput, match="made for other files than the project has now"):
        vendor_figures(project, "tagger")
    bench.behave("fail")
    with pytest.raises(ToolFailed):
        build(project, "tagger")
    assert vendor_figures(project, "tagger") == []
    bench.behave("well")
    bench.calls()
    build(project, "tagger")
    assert bench.calls() == ["vitis-run", "vivado synth", "vivado route"]
    assert len(vendor_figures(project, "tagger")) > 0


def test_a_changed_report_is_refused_and_made_again(bench: Bench) -> None:
    """Protects against a report or record that was edited or damaged after the tool wrote it."""
    bench.install("vivado")
    project = bench.project("rtl for vivado")
    build(project, "tagger")
    report = project / "vendor" / "synth" / "utilization_synth.rpt"
    report.write_text(report.read_text().replace(" 20601 ", " 10601 "))
    with pytest.raises(BadInput, match="is damaged") as error:
        vendor_figures(project, "tagger")
    assert error.value.found == "utilization_synth.rpt changed since"
    bench.calls()
    build(project, "tagger")
    assert bench.calls() == ["vivado synth", "vivado route"]
    for content in ("", "{}", "[1]", json.dumps({"step": "synth"})):
        (project / "vendor" / "synth" / "step.json").write_text(content)
        with pytest.raises(BadInput, match="is damaged"):
            vendor_figures(project, "tagger")


def test_the_copy_that_tools_work_in_may_be_removed(bench: Bench) -> None:
    """Protects disk space: figures stay without the work folder; what is missing is built afresh."""
    bench.install("vivado")
    project = bench.project("rtl for vivado")
    build(project, "tagger", route=False)
    subprocess.run(["rm", "-r", str(project / "vendor" / "work")], check=True)
    bench.calls()
    build(project, "tagger", route=False)
    assert bench.calls() == []
    build(project, "tagger")
    assert bench.calls() == ["vivado synth", "vivado route"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("fail", "C synthesis failed"),
        ("crash", "C synthesis failed"),
        ("no report", "ended without an error, but left no csynth XML report"),
        ("truncated", "cannot be used: the vendor report cannot be read"),
        ("other project", "cannot be used: the vendor report is of another project"),
        ("other part", "cannot be used: the vendor report is of another part"),
        ("other clock", "cannot be used: the vendor report is for another clock"),
    ],
)
def test_what_can_go_wrong_with_a_tool(bench: Bench, how: str, message: str) -> None:
    """Protects the report from a tool that goes wrong: a message, exit code 2, and no figure of it."""
    bench.install("vitis-run")
    project = bench.project("vitis")
    bench.behave(how)
    with pytest.raises(ToolFailed, match=message) as raised:
        build(project, "tagger")
    assert raised.value.exit_code == 2
    assert raised.value.where is not None
    assert vendor_figures(project, "tagger") == []


@pytest.mark.parametrize("how", ["fail", "crash", "no report", "truncated", "other project", "other part"])
@pytest.mark.parametrize(("kind", "tool"), [("rtl for vivado", "vivado"), ("rtl for quartus", "quartus_sh")])
def test_what_goes_wrong_after_synthesis(bench: Bench, kind: str, tool: str, how: str) -> None:
    """Protects the figures of the synthesis when routing goes wrong, and from any figure of the routing."""
    bench.install(tool)
    project = bench.project(kind)
    bench.behave(how, stage="route")
    with pytest.raises(ToolFailed):
        build(project, "tagger")
    rows = vendor_figures(project, "tagger")
    assert {row.note.split(";")[0].split(",")[0] for row in rows} == {"after logic synthesis"}
    assert vendor_clock(rows) is Clock.REQUESTED


def test_a_failure_after_a_success_leaves_no_old_figure(bench: Bench) -> None:
    """Protects against the figures of an earlier tool of the same step beside a newer one that failed."""
    bench.install("vitis_hls")
    project = bench.project("vitis")
    build(project, "tagger")
    bench.install("vitis-run")  # a newer version comes first
    bench.behave("fail")
    with pytest.raises(ToolFailed):
        build(project, "tagger")
    assert vendor_figures(project, "tagger") == []


def test_a_tool_that_hangs(bench: Bench) -> None:
    """Protects the machine: the tool ends in time with its children, and its half report is unused."""
    bench.install("vivado")
    project = bench.project("rtl for vivado")
    build(project, "tagger", route=False)
    bench.behave("hang", stage="route")
    with pytest.raises(ToolFailed, match="place and route did not end in time") as error:
        build(project, "tagger", time_limit_s=5.0)
    assert "a stand-in" in (error.value.remedy or "")
    for pid in (bench.bin / "pids").read_text().split():
        assert_ended(int(pid))
    assert not (project / "vendor" / "route").exists()
    assert len(vendor_figures(project, "tagger")) > 0


def assert_ended(pid: int) -> None:
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("a tool was left behind")


def test_ctrl_c(bench: Bench) -> None:
    """Protects Ctrl-C: exit code 130, no tool left behind, half a report unused, and work goes on."""
    bench.install("vitis-run", "vivado")
    project = bench.project("vitis")
    bench.behave("hang", stage="synth")
    program = f"""
        import sys
        from pathlib import Path
        from trigml.errors import Interrupted
        from trigml.toolchains.vendor.building import build
        try:
            build(Path({str(project)!r}), "tagger")
        except Interrupted as error:
            print(error)
            sys.exit(error.exit_code)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(400):
        if (bench.bin / "pids").is_file() and (bench.bin / "pids").read_text().count(" "):
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == Interrupted.exit_code == 130
    assert "interrupted: Vivado: out-of-context synthesis" in printed
    assert "after the steps that have ended (Vitis HLS: C synthesis)" in printed
    for pid in (bench.bin / "pids").read_text().split():
        assert_ended(int(pid))
    assert {row.note for row in vendor_figures(project, "tagger") if row.metric == "LUT"} == {
        "after HLS scheduling, before logic synthesis"
    }
    bench.behave("well")
    bench.calls()
    build(project, "tagger")
    assert bench.calls() == ["vivado synth", "vivado route"]


def test_one_build_at_a_time(bench: Bench) -> None:
    """Protects two builds in one project from writing over each other."""
    bench.install("vivado")
    project = bench.project("rtl for vivado")
    with building._alone(project / "vendor"), pytest.raises(BadInput, match="another build is under way"):
        build(project, "tagger")
    build(project, "tagger")


def test_what_cannot_be_built(bench: Bench) -> None:
    """Protects the messages for folders and projects that no vendor's tool of trigml's fits."""
    with pytest.raises(BadInput, match="holds no project of trigml"):
        build(bench.folder, "tagger")
    project = bench.project("catapult")
    with pytest.raises(BadInput, match="runs no vendor's tool for catapult projects") as error:
        build(project, "tagger")
    assert "vitis, vivado, quartus" in (error.value.expected or "")
    assert vendor_figures(project, "tagger") == []
    with pytest.raises(BadInput, match="of another top level"):
        build(project, "jets")
    (project / "trigml_project.json").write_text("{")
    with pytest.raises(BadInput, match="description of the project is damaged"):
        build(project, "tagger")


def test_the_limit_is_for_all_steps(bench: Bench) -> None:
    """Protects the limit: no step begins its time anew, and one without any left ends at once."""
    bench.install("vivado")
    project = bench.project("rtl for vivado")
    with pytest.raises(ToolFailed, match="did not end in time"):
        build(project, "tagger", time_limit_s=0.0)
    assert vendor_figures(project, "tagger") == []

"""What comes after ``trigml synth`` with a vendor's tool: its command, and whether it is on this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from trigml.project import PROJECT_FILE
from trigml.synthesis.vendor import by_hand


def _project(folder: Path, backend: str, part: str) -> Path:
    folder.mkdir()
    content = {"top": "net", "backend": backend, "options": {"part": part, "clock_ns": 5.0}}
    (folder / PROJECT_FILE).write_text(json.dumps(content), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Case:
    """A project, the tool that is for it, a program that the tool may be called, and the command then."""

    backend: str
    part: str
    tool: str
    program: str
    command: str


CASES = [
    Case("vitis", "xcvu13p", "Vitis HLS", "vitis-run", "vitis-run --mode hls --tcl build_prj.tcl"),
    Case("vitis", "xcvu13p", "Vitis HLS", "vitis_hls", "vitis_hls -f build_prj.tcl"),
    Case("vivado", "xcvu13p", "Vivado HLS", "vivado_hls", "vivado_hls -f build_prj.tcl 'reset=1 csim=0"),
    Case("quartus", "Arria10", "Intel HLS", "i++", "make net-fpga LOGGING_1=-v"),
    Case("rtl", "xcvu13p", "Vivado", "vivado", "vivado -mode batch -source vivado.tcl"),
    Case("rtl", "vu13p", "Vivado", "vivado", "vivado -mode batch -source vivado.tcl"),
    Case("rtl", "agf014", "Quartus", "quartus_sh", "quartus_sh -t quartus.tcl"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_installed_tool_is_offered(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the next step: the command of the program that is there, whatever its version calls it."""
    folder = _project(tmp_path / "my project", case.backend, case.part)
    (tmp_path / "bin").mkdir()
    for name in (case.program, "make"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (line,) = by_hand(folder, "net")
    assert line.startswith(f"cd '{folder}' && {case.command}")
    assert line.endswith(f"# or add --build: {case.tool} is on this machine")


@pytest.mark.parametrize("case", [case for case in CASES if case.program != "vitis_hls"], ids=str)
def test_a_tool_that_is_not_there_is_said_not_to_be(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects those without a licence from a next step that cannot be taken on their machine."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (line,) = by_hand(_project(tmp_path / "project", case.backend, case.part), "net")
    assert line.startswith(f"where {case.tool} is installed (there is no {case.program}")
    assert f"on PATH here): cd {tmp_path / 'project'} && {case.command}" in line


@pytest.mark.parametrize("backend", ["catapult", "oneapi"])
def test_a_tool_that_trigml_does_not_know_is_not_named(backend: str, tmp_path: Path) -> None:
    """Protects against a command that nobody has tried."""
    assert by_hand(_project(tmp_path / "project", backend, "Agilex7"), "net") == ()

"""The projects that trigml writes fit the calls of the tools: with stand-ins, no vendor's tool ran here."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from trigml.backends.hls.options import options_from
from trigml.backends.hls.writer import hls_project
from trigml.backends.rtl import RtlOptions, logic_of, rtl_project
from trigml.graph import Graph
from trigml.reports.figures import Clock
from trigml.reports.vendor import vendor_clock, vendor_figures
from trigml.toolchains.vendor.building import build
from trigml.toolchains.vendor.project import ProjectKind, describe, inputs_digest

pytestmark = pytest.mark.slow

Tools = Callable[[], list[str]]
AMD, ARRIA = "xcvu13p-flga2577-2-e", "10AX115N2F45I1SG"


@pytest.fixture
def tools(vendor_stand_ins: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Stand-ins for all tools on PATH; tells which ones ran."""
    folder = vendor_stand_ins.install(tmp_path / "bin", *vendor_stand_ins.TOOLS)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return lambda: vendor_stand_ins.calls(folder)  # type: ignore[no-any-return]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("backend", "calls"),
    [
        ("vitis", ["vitis-run", "vivado synth", "vivado route"]),
        ("vivado", ["vivado_hls", "vivado synth", "vivado route"]),
        ("quartus", ["i++", "i++ route"]),
    ],
)
def test_hls_projects(
    make_graph: Callable[..., Graph], tools: Tools, folder: Path, backend: str, calls: list[str]
) -> None:
    """Protects the fit of hls4ml's files and the calls: names of scripts, top level, part, clock."""
    options = options_from(
        backend, part=None, clock_ns=4.0, io="parallel", strategy="resource", reuse_factor=1
    )
    project = hls_project(make_graph(1), options)
    project.write_into(folder)
    digest = inputs_digest(folder)
    build(folder, project.top)
    assert tools() == calls
    assert inputs_digest(folder) == digest
    rows = vendor_figures(folder, project.top)
    assert vendor_clock(rows) is Clock.MET
    assert {row.clock_ns for row in rows} == {4.0}
    assert {row.metric for row in rows} >= {"latency", "initiation interval", "FF", "DSP", "Fmax"}


@pytest.mark.parametrize(("part", "kind"), [(AMD, ProjectKind.RTL_VIVADO), (ARRIA, ProjectKind.RTL_QUARTUS)])
def test_rtl_projects(
    make_graph: Callable[..., Graph], tools: Tools, folder: Path, part: str, kind: ProjectKind
) -> None:
    """Protects the fit of the RTL project's scripts and the calls, and the vendor that a part belongs to."""
    project = rtl_project(logic_of(make_graph(1), 4.0), RtlOptions(part, 4.0))
    project.write_into(folder)
    description = describe(folder)
    assert description is not None
    assert description.kind is kind
    build(folder, project.top)
    name = "vivado" if kind is ProjectKind.RTL_VIVADO else "quartus_sh"
    assert tools() == [f"{name} synth", f"{name} route"]
    rows = vendor_figures(folder, project.top)
    assert vendor_clock(rows) is Clock.MET
    assert {(row.part, row.clock_ns) for row in rows} == {(part, 4.0)}

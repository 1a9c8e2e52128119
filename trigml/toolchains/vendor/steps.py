"""The steps in which a project is built, one run of a tool each, and the reports that each has to leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trigml.toolchains.vendor.csynth_text import read_csynth_text
from trigml.toolchains.vendor.csynth_xml import read_csynth_xml
from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.intel_hls import read_intel_area, read_intel_fit, read_intel_latency
from trigml.toolchains.vendor.power import read_power
from trigml.toolchains.vendor.project import ProjectKind
from trigml.toolchains.vendor.quartus import read_fit, read_sta, read_synthesis
from trigml.toolchains.vendor.timing import read_timing
from trigml.toolchains.vendor.tools import Program, Tool
from trigml.toolchains.vendor.utilisation import read_utilisation
from trigml.toolchains.vendor.vivado_text import Stage


class ReportKind(StrEnum):
    """Formats of reports."""

    CSYNTH_XML = "csynth XML"
    CSYNTH_TEXT = "csynth text"
    UTILISATION = "utilisation"
    TIMING = "timing"
    POWER = "power"
    QUARTUS_SYNTHESIS = "Quartus synthesis"
    QUARTUS_FIT = "Quartus fitter"
    QUARTUS_STA = "Quartus timing"
    INTEL_AREA = "Intel HLS area"
    INTEL_LATENCY = "Intel HLS simulation"
    INTEL_FIT = "Intel HLS with Quartus"


_READERS: dict[ReportKind, Callable[[Path, Expected, Stage], object]] = {
    ReportKind.CSYNTH_XML: lambda path, expected, _: read_csynth_xml(path, expected),
    ReportKind.CSYNTH_TEXT: lambda path, expected, _: read_csynth_text(path, expected),
    ReportKind.UTILISATION: read_utilisation,
    ReportKind.TIMING: read_timing,
    ReportKind.POWER: read_power,
    ReportKind.QUARTUS_SYNTHESIS: lambda path, expected, _: read_synthesis(path, expected),
    ReportKind.QUARTUS_FIT: lambda path, expected, _: read_fit(path, expected),
    ReportKind.QUARTUS_STA: lambda path, expected, _: read_sta(path, expected),
    ReportKind.INTEL_AREA: lambda path, *_: read_intel_area(path),
    ReportKind.INTEL_LATENCY: lambda path, *_: read_intel_latency(path),
    ReportKind.INTEL_FIT: lambda path, *_: read_intel_fit(path),
}


@dataclass(frozen=True)
class Report:
    """A report that a step leaves.

    Attributes:
        kind: its format.
        stage: how far the design is then.
        places: where it may be, relative to where the tool ran, with ``{top}``; the first that is there.
        by_hand: more places where people who run the tool themselves have it.
        needed: whether the step fails without it.
    """

    kind: ReportKind
    stage: Stage
    places: tuple[str, ...]
    by_hand: tuple[str, ...] = ()
    needed: bool = True

    def find(self, folder: Path, top: str, *, by_hand: bool = False) -> Path | None:
        """Where it is in a folder, ``None`` if it is not there."""
        for place in (*self.places, *self.by_hand) if by_hand else self.places:
            found = sorted(folder.glob(place.replace("{top}", top)))
            if found:
                return found[0]
        return None

    def read(self, path: Path, expected: Expected) -> object:
        """Its content, in the dataclass of its format; BadInput if it is damaged or of something else."""
        return _READERS[self.kind](path, expected, self.stage)


@dataclass(frozen=True)
class Step:
    """One run of a tool.

    Attributes:
        name: short, names its folder and log.
        title: what is done, for people.
        tool: which tool.
        reports: what it leaves.
        clears: what is removed before, relative to where the tool runs, so that nothing old can be read.
        optional: whether the steps after it can do without.
    """

    name: str
    title: str
    tool: Tool
    reports: tuple[Report, ...]
    clears: tuple[str, ...]
    optional: bool = False


def steps_of(kind: ProjectKind, *, route: bool) -> tuple[Step, ...]:
    """The steps of a project, in their order.

    Args:
        kind: which tools it is for.
        route: place and route, too; without it no timing report supports the clock.
    """
    if kind is ProjectKind.QUARTUS_HLS:
        return _intel_steps(route)
    if kind is ProjectKind.RTL_QUARTUS:
        return _quartus_steps()[: 2 if route else 1]
    script = OOC_SCRIPT if kind.is_hls else "vivado.tcl"
    vivado = (
        _vivado_step(script, "synth", "Vivado: out-of-context synthesis", Stage.SYNTHESISED),
        _vivado_step(script, "route", "Vivado: place and route", Stage.ROUTED),
    )[: 2 if route else 1]
    if kind is ProjectKind.RTL_VIVADO:
        return vivado
    return (_csynth(_VITIS_HLS if kind is ProjectKind.VITIS_HLS else _VIVADO_HLS), *vivado)


OOC_SCRIPT = "vivado_ooc.tcl"
"""Vivado's script for what HLS makes; comes with trigml (``firmware/vendor``), not with the project."""


def _vivado_step(script: str, name: str, title: str, stage: Stage) -> Step:
    arguments = ("-mode", "batch", "-nojournal", "-nolog", "-source", script, "-tclargs", name)
    hls4ml = ("vivado_synth.rpt",) if stage is Stage.SYNTHESISED else ()
    reports = (
        Report(ReportKind.UTILISATION, stage, (f"reports/utilization_{name}.rpt",), hls4ml),
        Report(ReportKind.TIMING, stage, (f"reports/timing_{name}.rpt",)),
        Report(ReportKind.POWER, stage, (f"reports/power_{name}.rpt",)),
    )
    clears = (f"reports/*_{name}.rpt", f"checkpoints/{name}.dcp")
    return Step(name, title, Tool("Vivado", (Program("vivado", arguments),)), reports, clears)


_VITIS_HLS = Tool(
    "Vitis HLS",
    (
        Program("vitis-run", ("--mode", "hls", "--tcl", "build_prj.tcl")),
        Program("vitis_hls", ("-f", "build_prj.tcl")),
    ),
)
_CHOICES = "reset=1 csim=0 synth=1 cosim=0 validation=0 export=0 vsynth=0 fifo_opt=0"
_VIVADO_HLS = Tool("Vivado HLS", (Program("vivado_hls", ("-f", "build_prj.tcl", _CHOICES)),))


def _csynth(tool: Tool) -> Step:
    place = "{top}_prj/solution1/syn/report/{top}_csynth."
    elsewhere = "*_prj/solution*/syn/report/{top}_csynth."
    reports = (
        Report(ReportKind.CSYNTH_XML, Stage.SCHEDULED, (f"{place}xml",), (f"{elsewhere}xml",)),
        Report(ReportKind.CSYNTH_TEXT, Stage.SCHEDULED, (f"{place}rpt",), (f"{elsewhere}rpt",), needed=False),
    )
    return Step("csynth", f"{tool.title}: C synthesis", tool, reports, ("{top}_prj",))


def _quartus_steps() -> tuple[Step, Step]:
    def tool(stage: str) -> Tool:
        return Tool("Quartus", (Program("quartus_sh", ("-t", "quartus.tcl", stage)),))

    def report(kind: ReportKind, stage: Stage, *endings: str) -> Report:
        first, *others = (
            tuple(f"{folder}{{top}}.{ending}.rpt" for ending in endings)
            for folder in ("reports/", "output_files/", "")
        )
        return Report(kind, stage, first, tuple(place for places in others for place in places))

    synthesis = (report(ReportKind.QUARTUS_SYNTHESIS, Stage.SYNTHESISED, "map", "syn"),)
    routing = (
        report(ReportKind.QUARTUS_FIT, Stage.ROUTED, "fit"),
        report(ReportKind.QUARTUS_STA, Stage.ROUTED, "sta"),
    )
    databases = ("db", "qdb", "incremental_db")
    return (
        Step("synth", "Quartus: synthesis", tool("synth"), synthesis, ("reports/{top}.*", *databases)),
        Step(
            "route",
            "Quartus: fitting and timing",
            tool("route"),
            routing,
            ("reports/{top}.fit.*", "reports/{top}.sta.*"),
        ),
    )


def _intel_steps(route: bool) -> tuple[Step, ...]:
    library = "{top}-fpga.prj/reports/lib/"
    area = Report(ReportKind.INTEL_AREA, Stage.SCHEDULED, (f"{library}report_data.js",))
    latency = Report(ReportKind.INTEL_LATENCY, Stage.SCHEDULED, (f"{library}verification_data.js",))
    fit = Report(ReportKind.INTEL_FIT, Stage.ROUTED, (f"{library}quartus_data.js",))
    compiler = Tool("Intel HLS", (Program("make", ("{top}-fpga", "LOGGING_1=-v")),), also=("i++",))
    # The program that i++ makes runs the generated hardware in the simulator, which is found on PATH.
    simulator = Tool("the simulator of Intel HLS", (Program("sh", ("-c", "./{top}-fpga")),), also=("vsim",))
    everything = ("-B", "{top}-fpga", "LOGGING_1=-v", "QUARTUS_COMPILE=--quartus-compile")
    quartus = Tool("Quartus", (Program("make", everything),), also=("i++", "quartus_sh"))
    compiled = ("{top}-fpga", "{top}-fpga.prj")
    steps = (
        Step("csynth", "Intel HLS: C synthesis", compiler, (area,), compiled),
        Step("simulation", "Intel HLS: simulation", simulator, (latency,), (), optional=True),
        Step("route", "Intel HLS: compilation with Quartus", quartus, (fit,), compiled, optional=True),
    )
    return steps if route else steps[:2]

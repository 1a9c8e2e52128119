"""Figures from the vendors' reports that lie in a project folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trigml.errors import BadInput
from trigml.reports.figures import Clock, Figure, Tier, latency_figures
from trigml.toolchains.vendor.csynth import CsynthReport
from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.intel_hls import IntelArea, IntelFit, IntelLatency
from trigml.toolchains.vendor.lying import LyingReport, expected_of, lying_reports
from trigml.toolchains.vendor.power import Power
from trigml.toolchains.vendor.quartus import QuartusUsage
from trigml.toolchains.vendor.timing import TimingSummary
from trigml.toolchains.vendor.utilisation import Utilisation
from trigml.toolchains.vendor.vivado_text import Stage

FMAX = "Fmax"
SLACK = "worst slack"
POWER = "power"
BY_HAND = "the tool was run by hand: name, part and clock fit, the files were not compared"
UNCHECKED = "no trigml_project.json here: only the name of the top level was compared"
INTEL_HLS = "Intel HLS"

_TRUST = (Stage.ROUTED, Stage.PLACED, Stage.SYNTHESISED, Stage.SCHEDULED)
"""The order of the rows: what is nearest to the chip comes first."""


def vendor_figures(project: Path, top: str) -> list[Figure]:
    """Rows of tier ``vendor`` of an HLS or RTL project; empty where no vendor tool has run.

    Where a figure is there for several stages of the build, the row of the latest stage comes first.

    Args:
        project: its folder.
        top: its top level.

    Raises:
        BadInput: a report is truncated, lacks a figure, is of another project, part or clock, or older than
            the project's files.
    """
    reports, expected = lying_reports(project, top), expected_of(project, top)
    basis = _basis(expected, [report.content for report in reports])
    caution = BY_HAND if expected.part else UNCHECKED
    staged = [
        (_TRUST.index(_stage(report)), _noted(row, caution) if report.by_hand else row)
        for report in reports
        for row in _rows(report.content, basis)
    ]
    return [row for _, row in sorted(staged, key=lambda pair: pair[0])]


def vendor_clock(figures: Sequence[Figure]) -> Clock:
    """What the vendor's timing reports say of the requested clock; ``REQUESTED`` if there are none.

    Args:
        figures: as ``vendor_figures`` gives them.
    """
    return next((row.clock for row in figures if row.metric == FMAX), Clock.REQUESTED)


@dataclass(frozen=True)
class _Basis:
    """What all rows of a project rest on.

    Attributes:
        part: FPGA part as the project spells it; empty: each report's own spelling counts.
        clock_ns: requested clock period; ``None`` if no report and no description tells it.
        clock: what the timing report of the latest stage says of it.
        intel_version: of Intel HLS and the Quartus behind it, which only one of their reports gives.
    """

    part: str
    clock_ns: float | None
    clock: Clock
    intel_version: str

    def source(self, tool: str, version: str, part: str = "") -> _Source:
        """A tool's rows for this project."""
        if self.clock_ns is None:
            raise BadInput(
                "the clock that a vendor report is for is not known",
                expected="trigml_project.json or a timing report beside it",
                remedy="keep the reports in the folder of their project",
            )
        return _Source(tool, version, self.part or part, self.clock_ns)


@dataclass(frozen=True)
class _Source:
    """Where rows come from."""

    tool: str
    version: str
    part: str
    clock_ns: float

    def row(
        self, metric: str, value: float, unit: str, note: str, *, clock: Clock = Clock.REQUESTED
    ) -> Figure:
        return Figure(
            metric, value, unit, Tier.VENDOR, self.tool, self.part, self.clock_ns, note, self.version, clock
        )

    def counts(self, resources: Mapping[str, int], note: str) -> list[Figure]:
        return [self.row(name, count, "", note) for name, count in resources.items()]

    def latency(self, cycles: int, interval: int, note: str, clock: Clock, caution: str = "") -> list[Figure]:
        return latency_figures(
            cycles,
            interval,
            tier=Tier.VENDOR,
            tool=self.tool,
            version=self.version,
            part=self.part,
            clock_ns=self.clock_ns,
            clock=clock,
            note=note,
            caution=caution if clock is Clock.REQUESTED else "",
        )


def _basis(expected: Expected, contents: Sequence[object]) -> _Basis:
    timings = [content for content in contents if isinstance(content, TimingSummary)]
    latest = min(timings, key=lambda timing: _TRUST.index(timing.stage), default=None)
    clock_ns = expected.clock_ns or (latest.period_ns if latest else None)
    clock_ns = clock_ns or next((c.target_ns for c in contents if isinstance(c, CsynthReport)), None)
    clock = _clock(latest) if latest else Clock.REQUESTED
    for content in contents:
        if isinstance(content, IntelFit) and clock_ns is not None:
            clock = _reached(content, clock_ns)
    version = next((content.version for content in contents if isinstance(content, IntelArea)), "")
    return _Basis(expected.part or "", clock_ns, clock, version)


def _clock(timing: TimingSummary) -> Clock:
    """Met only after place and route: before, the delays of the wires are estimates; missed at any stage."""
    if not timing.met:
        return Clock.MISSED
    return Clock.MET if timing.stage is Stage.ROUTED else Clock.REQUESTED


def _reached(fit: IntelFit, clock_ns: float) -> Clock:
    return Clock.MET if fit.fmax_mhz * clock_ns >= 1000 else Clock.MISSED


def _stage(report: LyingReport) -> Stage:
    match report.content:
        case Utilisation() | TimingSummary() | Power() | QuartusUsage():
            return report.content.stage
    return report.stage


def _noted(row: Figure, caution: str) -> Figure:
    return replace(row, note=f"{row.note}; {caution}" if row.note else caution)


def _rows(content: object, basis: _Basis) -> list[Figure]:
    match content:
        case CsynthReport():
            return _scheduled(content, basis)
        case Utilisation():
            return _used(content, basis)
        case TimingSummary():
            return _timed(content, basis)
        case Power():
            return _powered(content, basis)
        case QuartusUsage():
            source = basis.source("Quartus", content.version, content.part)
            return source.counts(content.resources, content.stage.value)
        case IntelArea():
            return basis.source(INTEL_HLS, content.version).counts(content.resources, Stage.SCHEDULED.value)
        case IntelLatency():
            return basis.source(INTEL_HLS, basis.intel_version).latency(
                content.latency_cycles,
                content.interval_cycles,
                "measured in the simulation of Intel HLS, the longest",
                basis.clock,
            )
        case IntelFit():
            return _fitted(content, basis)
    raise TypeError(f"no rows for {type(content).__name__}")


def _scheduled(report: CsynthReport, basis: _Basis) -> list[Figure]:
    source = basis.source(report.tool, report.version, report.part)
    return source.counts(report.resources, Stage.SCHEDULED.value) + source.latency(
        report.latency_cycles,
        report.interval_cycles,
        "as scheduled by HLS, the longest",
        basis.clock,
        f"the HLS scheduler expects to reach {report.estimated_ns:g} ns",
    )


def _used(report: Utilisation, basis: _Basis) -> list[Figure]:
    source = basis.source("Vivado", report.version, report.part)
    manner = {None: "", 0: ", out of context"}.get(report.pins, f", with {report.pins} I/O pins")
    note = report.stage.value + manner
    return [
        source.row(name, count, "", f"{note}; {report.notes[name]}" if name in report.notes else note)
        for name, count in report.resources.items()
    ]


def _timed(timing: TimingSummary, basis: _Basis) -> list[Figure]:
    source, clock = basis.source(timing.tool, timing.version, timing.part), _clock(timing)
    verdict = {
        Clock.MET: "the requested clock is met",
        Clock.MISSED: "the requested clock is missed",
        Clock.REQUESTED: "the wires are estimated, the requested clock is not verified",
    }[clock]
    note = f"{timing.stage.value}; {verdict}"
    return [
        source.row(FMAX, timing.fmax_mhz, "MHz", note, clock=clock),
        source.row(SLACK, timing.slack_ns, "ns", note, clock=clock),
    ]


def _powered(power: Power, basis: _Basis) -> list[Figure]:
    notes = [
        power.stage.value,
        f"of the whole chip: dynamic {power.dynamic} W, static {power.static} W",
        f"confidence {power.confidence}",
        power.remark,
    ]
    source = basis.source("Vivado", power.version, power.part)
    return [source.row(POWER, power.total_w, "W", "; ".join(note for note in notes if note))]


def _fitted(fit: IntelFit, basis: _Basis) -> list[Figure]:
    source = basis.source("Quartus", basis.intel_version)
    clock = _reached(fit, source.clock_ns)
    note = f"{Stage.ROUTED.value}, compiled by Intel HLS"
    verdict = f"{note}; the requested clock is {clock.value}"
    return [
        *source.counts(fit.resources, note),
        source.row(FMAX, fit.fmax_mhz, "MHz", verdict, clock=clock),
    ]

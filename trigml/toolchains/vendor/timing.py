"""Reading the timing summary of Vivado (``report_timing_summary``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trigml.errors import BadInput
from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.report_text import ReportText
from trigml.toolchains.vendor.vivado_text import Stage, read_vivado

_RULE = re.compile(r"\s*-{3,}[-\s]*")


@dataclass(frozen=True)
class TimingSummary:
    """What the static timing analysis of one clock says.

    Attributes:
        tool: that analysed.
        version: of it.
        part: FPGA part, as the report spells it; empty if it does not.
        stage: how far the design was built; only after place and route are the wires those of the chip.
        period_ns: requested clock period.
        slack_ns: worst setup slack.
        met: whether all checks are met: setup, and after place and route hold and pulse width, too.
        fmax_mhz: 1 / (period − worst setup slack), in MHz.
    """

    tool: str
    version: str
    part: str
    stage: Stage
    period_ns: float
    slack_ns: float
    met: bool
    fmax_mhz: float


def read_timing(path: Path, expected: Expected, stage: Stage | None = None) -> TimingSummary:
    """Read one report.

    Args:
        path: its file.
        expected: what it has to be of.
        stage: as its file name says; its own 'Design State' counts where it is there.

    Raises:
        BadInput: it is truncated, of another project, part or clock; no clock was constrained.
    """
    found = read_vivado(path, expected, stage)
    report = found.report
    if "no user specified timing constraints" in report.text:
        raise BadInput(
            "the timing report is of a design without a clock constraint",
            where=str(path),
            remedy="read the project's clock constraint before synthesis",
        )
    period = _period(report)
    expected.require_clock(path, period)
    slacks = _table(report, "Design Timing Summary")
    if len(slacks) != 1:
        raise report.lacks("one row in the design timing summary")
    setup = report.number(slacks[0].get("WNS(ns)", ""), "WNS (worst setup slack)")
    checked = ["WNS(ns)"] if found.stage is not Stage.ROUTED else ["WNS(ns)", "WHS(ns)", "WPWS(ns)"]
    met = all(report.number(slacks[0].get(name, ""), name) >= 0 for name in checked)
    _heading(report, "Timing Details")  # what follows the tables; a report that is cut short lacks it
    if setup >= period:
        raise report.no_number(f"{setup:g}", "WNS: it is not below the clock period")
    return TimingSummary(
        "Vivado",
        found.version,
        found.part,
        found.stage,
        period,
        setup,
        met,
        1000 / (period - setup),
    )


def _period(report: ReportText) -> float:
    clocks = _table(report, "Clock Summary")
    if len(clocks) != 1:
        raise report.lacks("one clock", ", ".join(clock.get("Clock", "?") for clock in clocks) or "none")
    return report.number(clocks[0].get("Period(ns)", ""), "the clock period")


def _heading(report: ReportText, title: str) -> int:
    for number, line in enumerate(report.lines):
        if line.strip() == f"| {title}":
            return number
    raise report.lacks(f"the part {title!r}")


def _table(report: ReportText, title: str) -> list[dict[str, str]]:
    """The rows of a table without a frame: column heads, a rule below each, then the rows up to a blank."""
    lines = report.lines[_heading(report, title) + 2 :]
    rule = next(
        (number for number, line in enumerate(lines[:8]) if number > 1 and _RULE.fullmatch(line)), None
    )
    if rule is None or set(lines[rule - 1].strip()) <= {"-"}:
        raise report.lacks(f"the table below {title!r}")
    # Two blanks or more stand between columns; a column head has single blanks in it.
    heads = re.split(r"\s{2,}", lines[rule - 1].strip())
    rows = []
    for line in lines[rule + 1 :]:
        if not line.strip():
            break
        rows.append(dict(zip(heads, re.split(r"\s{2,}", line.strip()), strict=False)))
    return rows

"""Reading the text reports of Quartus (Standard and Pro): fitter and timing analyser.

Those of analysis and synthesis (``.map.rpt``, ``.syn.rpt``) give no ALMs before fitting, only registers, DSP
blocks and an estimate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trigml.errors import BadInput
from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.report_text import ReportText, Row, find_value, read_text, table_after, value_of
from trigml.toolchains.vendor.timing import TimingSummary
from trigml.toolchains.vendor.vivado_text import Stage

_VERSIONS = ("Quartus Prime Version", "Quartus Version", "Quartus II Version", "Quartus II 64-Bit Version")
_TIMING_TITLES = ("Timing Analyzer Summary", "TimeQuest Timing Analyzer Summary")


@dataclass(frozen=True)
class QuartusUsage:
    """Cells that a design uses.

    Attributes:
        version: of Quartus.
        part: device.
        stage: after analysis and synthesis, or after fitting.
        resources: after fitting ALM, FF, DSP, M20K (or M10K); after synthesis FF and DSP.
    """

    version: str
    part: str
    stage: Stage
    resources: Mapping[str, int]


def read_fit(path: Path, expected: Expected) -> QuartusUsage:
    """Read the fitter's report (``.fit.rpt``).

    Raises:
        BadInput: fitting failed; it is truncated, of another project or part, or lacks a figure.
    """
    report = read_text(path)
    rows, version, part = _summary(report, "Fitter Summary", "Fitter Status", expected)
    alms = _used(report, rows, ("Logic utilization (in ALMs)",))
    blocks = "M10K" if find_value(rows, ("M10K blocks",)) else "M20K"
    ram = _used(report, rows, ("Total RAM Blocks", "M20K blocks", "M10K blocks"))
    resources = {
        "ALM": alms,
        "FF": _used(report, rows, ("Total registers", "Total dedicated logic registers")),
        "DSP": _used(report, rows, ("Total DSP Blocks",)),
        blocks: ram,
    }
    _require_success(report, "Fitter")
    return QuartusUsage(version, part, Stage.ROUTED, resources)


def read_synthesis(path: Path, expected: Expected) -> QuartusUsage:
    """Read the report of analysis and synthesis (``.map.rpt``, Pro: ``.syn.rpt``).

    Raises:
        BadInput: synthesis failed; it is truncated, of another project, or lacks a figure.
    """
    report = read_text(path)
    pro = "Synthesis Summary" in _titles(report)
    title = "Synthesis Summary" if pro else "Analysis & Synthesis Summary"
    rows, version, _ = _summary(report, title, title.replace("Summary", "Status"), expected)
    resources = {
        "FF": _used(report, rows, ("Total registers", "Total dedicated logic registers")),
        "DSP": _used(report, rows, ("Total DSP Blocks",)),
    }
    _require_success(report, "Synthesis")
    # The device is chosen by the fitter; before, the summary may say only the family.
    part = find_value(rows, ("Device",)) or find_value(rows, ("Family",)) or ""
    return QuartusUsage(version, part, Stage.SYNTHESISED, resources)


def read_sta(path: Path, expected: Expected) -> TimingSummary:
    """Read the timing analyser's report (``.sta.rpt``), all corners.

    Raises:
        BadInput: it is truncated, of another project, part or clock, has more than one clock or none.
    """
    report = read_text(path)
    title = next((title for title in _titles(report) if title in _TIMING_TITLES), None)
    if title is None:
        raise report.lacks(f"the table {_TIMING_TITLES[0]!r}")
    rows = _table(report, title)
    expected.require_top(path, value_of(report, rows, ("Revision Name",)))
    part = value_of(report, rows, ("Device Name", "Device"))
    expected.require_part(path, part)
    period = _period(report)
    expected.require_clock(path, period)
    corners = _table(report, "Multicorner Timing Analysis Summary")
    setup = report.number(value_of(report, corners, ("Worst-case Slack",), 1), "the worst setup slack")
    checks = [value_of(report, corners, ("Worst-case Slack",), column) for column in (1, 2, 5)]
    met = all(report.number(text, "the worst slack") >= 0 for text in checks)
    _require_success(report, "Timing Analyzer")
    if setup >= period:
        raise report.no_number(f"{setup:g}", "the worst setup slack: it is not below the clock period")
    version = value_of(report, rows, _VERSIONS).removeprefix("Version ").split(" ")[0]
    return TimingSummary("Quartus", version, part, Stage.ROUTED, period, setup, met, 1000 / (period - setup))


def _summary(report: ReportText, title: str, status: str, expected: Expected) -> tuple[list[Row], str, str]:
    """A summary table, the version and the device, after checking its status and whose it is."""
    rows = _table(report, title)
    state = value_of(report, rows, (status,))
    if not state.startswith("Successful"):
        raise BadInput(
            "the vendor's tool did not succeed", where=str(report.path), found=f"{status}: {state}"
        )
    expected.require_top(report.path, value_of(report, rows, ("Top-level Entity Name",)))
    part = find_value(rows, ("Device",)) or ""
    if title == "Fitter Summary":
        part = value_of(report, rows, ("Device",))
    if part:
        expected.require_part(report.path, part)
    return rows, value_of(report, rows, _VERSIONS).split(" ")[0], part


def _titles(report: ReportText) -> list[str]:
    return [
        line.strip(" ;")
        for line in report.lines
        if line.startswith("; ") and line.endswith(";") and line.count(";") == 2
    ]


def _table(report: ReportText, title: str) -> list[Row]:
    for number, line in enumerate(report.lines):
        if line.startswith("; ") and line.count(";") <= 2 and line.strip(" ;") == title:
            return table_after(report, number + 1, ";", title)
    raise report.lacks(f"the table {title!r}")


def _used(report: ReportText, rows: list[Row], names: tuple[str, ...]) -> int:
    """The first number of ``1,234 / 427,200 ( < 1 % )``, or a number alone."""
    text = value_of(report, rows, names)
    return report.whole(text.split("/")[0], names[0])


def _period(report: ReportText) -> float:
    header, *clocks = _table(report, "Clocks")
    if len(clocks) != 1 or "Period" not in header:
        raise report.lacks("one clock", ", ".join(clock[0] for clock in clocks) or "none")
    return report.number(clocks[0][header.index("Period")], "the clock period")


def _require_success(report: ReportText, module: str) -> None:
    """A report ends with the messages of its module, the last of which says how it went."""
    if not re.search(rf"{module}\w* was successful\. 0 errors", report.text):
        raise report.lacks(f"the message '{module} was successful. 0 errors'")

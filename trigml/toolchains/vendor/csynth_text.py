"""Reading the ``csynth.rpt`` report of Vivado HLS and Vitis HLS: the same figures as in the XML, as text."""

from __future__ import annotations

from pathlib import Path

from trigml.toolchains.vendor.csynth import COLUMNS, MAY_BE_LEFT_OUT, CsynthReport
from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.report_text import ReportText, Row, read_text, table_after


def read_csynth_text(path: Path, expected: Expected) -> CsynthReport:
    """Read one report.

    Raises:
        BadInput: it is truncated, of another project, part or clock, or lacks a figure.
    """
    report = read_text(path)
    tool = report.search(r"^== (Vivado HLS|Vitis HLS) Report for '", "the head of an HLS report")
    expected.require_top(path, report.search(r"HLS Report for '([^']*)'", "the top level"))
    part = report.search(r"^\* Target device:(.*)$", "'Target device'")
    expected.require_part(path, part)
    target, estimated = _clock(report)
    expected.require_clock(path, target)
    latency, interval = _latency(report)
    resources = _resources(report)
    _require_end(report)
    return CsynthReport(
        tool=tool,
        version=report.search(r"^\* Version:\s*(\S+)", "'Version'"),
        part=part,
        target_ns=target,
        estimated_ns=estimated,
        latency_cycles=latency,
        interval_cycles=interval,
        resources=resources,
    )


def _summary(report: ReportText, heading: str) -> list[Row]:
    """The table below ``* Summary:`` of a part; its heading has the unit behind it in older versions."""
    for number, line in enumerate(report.lines):
        if line.startswith(heading):
            for later in range(number + 1, min(number + 4, len(report.lines))):
                if report.lines[later].strip() == "* Summary:":
                    return table_after(report, later + 1, "|", heading)
    raise report.lacks(f"the summary of {heading!r}")


def _clock(report: ReportText) -> tuple[float, float]:
    header, *rows = _summary(report, "+ Timing")
    if list(header[:3]) != ["Clock", "Target", "Estimated"] or len(rows) != 1:
        raise report.lacks("the target and the estimate of one clock", " ".join(header))
    return (
        _nanoseconds(report, rows[0][1], "the target clock"),
        _nanoseconds(report, rows[0][2], "the estimated clock"),
    )


def _nanoseconds(report: ReportText, text: str, what: str) -> float:
    number, _, unit = text.partition(" ")
    if unit.strip() == "us":
        return report.number(number, what) * 1000
    if unit.strip() not in ("ns", ""):
        raise report.no_number(text, what)
    return report.number(number, what)


def _latency(report: ReportText) -> tuple[int, int]:
    """Worst-case latency and interval; between them newer versions have the latency as a time, too."""
    rows = _summary(report, "+ Latency")
    columns = next((number for number, row in enumerate(rows) if row[-1] == "Type"), None)
    if columns is None or len(rows) <= columns + 1 or len(rows[columns + 1]) != len(rows[columns]):
        raise report.lacks("latency and interval")
    heads, row = list(rows[columns]), rows[columns + 1]
    if heads not in (["min", "max"] * 3 + ["Type"], ["min", "max"] * 2 + ["Type"]):
        raise report.lacks("the columns of latency and interval", " ".join(heads))
    return report.whole(row[1], "the worst-case latency"), report.whole(row[-2], "the worst-case interval")


def _resources(report: ReportText) -> dict[str, int]:
    heading = next(
        (number for number, line in enumerate(report.lines) if line == "== Utilization Estimates"), None
    )
    if heading is None:
        raise report.lacks("'== Utilization Estimates'")
    rows = table_after(report, heading + 3, "|", "Utilization Estimates")
    header, total = rows[0], next((row for row in rows if row[0] == "Total"), None)
    if total is None or len(total) != len(header):
        raise report.lacks("the row 'Total' of the utilisation")
    found: dict[str, int] = {}
    for name, spellings in COLUMNS.items():
        column = next((header.index(word) for word in spellings if word in header), None)
        if column is not None:
            found[name] = report.whole(total[column], name)
        elif name not in MAY_BE_LEFT_OUT:
            raise report.lacks(f"the column {spellings[0]!r}")
    return found


def _require_end(report: ReportText) -> None:
    """A report ends with the table of the ports; what is cut short may lack it."""
    heading = next((number for number, line in enumerate(report.lines) if line == "== Interface"), None)
    if heading is None:
        raise report.lacks("its last part, '== Interface'")
    table_after(report, heading + 3, "|", "Interface")

"""Reading the ``csynth.xml`` report of Vivado HLS and Vitis HLS.

Both write ``<project>_prj/solution1/syn/report/<top>_csynth.xml``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from trigml.errors import BadInput
from trigml.toolchains.vendor.csynth import COLUMNS, MAY_BE_LEFT_OUT, CsynthReport, tool_of
from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.report_text import RUN_AGAIN


def read_csynth_xml(path: Path, expected: Expected) -> CsynthReport:
    """Read one report.

    Raises:
        BadInput: it is truncated, of another project, part or clock, or lacks a figure.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:  # the last: its encoding
        raise BadInput(
            "the vendor report cannot be read", where=str(path), found=str(error), remedy=RUN_AGAIN
        ) from error
    report = _Report(root, path)
    expected.require_top(path, report.text("UserAssignments/TopModelName"))
    part = report.text("UserAssignments/Part")
    expected.require_part(path, part)
    target = report.number("UserAssignments/TargetClockPeriod")
    expected.require_clock(path, target)
    version = root.findtext("ReportVersion/Version", "").strip()
    return CsynthReport(
        tool=tool_of(version),
        version=version,
        part=part,
        target_ns=target,
        estimated_ns=report.number("PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod"),
        latency_cycles=int(report.number("PerformanceEstimates/SummaryOfOverallLatency/Worst-caseLatency")),
        interval_cycles=int(report.number("PerformanceEstimates/SummaryOfOverallLatency/Interval-max")),
        resources=report.resources(),
    )


@dataclass(frozen=True)
class _Report:
    root: ElementTree.Element
    path: Path

    def lacks(self, element: str) -> BadInput:
        return BadInput("the vendor report lacks an entry", where=str(self.path), expected=element)

    def text(self, element: str) -> str:
        found = self.root.findtext(element)
        if found is None or not found.strip():
            raise self.lacks(element)
        return found.strip()

    def number(self, element: str) -> float:
        text = self.text(element)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise BadInput(f"the vendor report has no number in {element}", where=str(self.path), found=text)
        return number

    def resources(self) -> dict[str, int]:
        entry = "AreaEstimates/Resources"
        used = self.root.find(entry)
        if used is None:
            raise self.lacks(entry)
        found: dict[str, int] = {}
        for name, spellings in COLUMNS.items():
            spelling = next((word for word in spellings if used.find(word) is not None), None)
            if spelling is not None:
                found[name] = int(self.number(f"{entry}/{spelling}"))
            elif name not in MAY_BE_LEFT_OUT:
                raise self.lacks(f"{entry}/{spellings[0]}")
        return found

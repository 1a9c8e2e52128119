"""Reading the ``csynth.xml`` report of Vivado HLS and Vitis HLS.

Both write ``<project>_prj/solution1/syn/report/<top>_csynth.xml``; the element names differ in places
(``DSP48E`` became ``DSP`` in 2020).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from trigml.errors import BadInput

_RESOURCES = {
    "LUT": ("LUT",),
    "FF": ("FF",),
    "DSP": ("DSP", "DSP48E"),
    "BRAM18": ("BRAM_18K",),
    "URAM": ("URAM",),
}


@dataclass(frozen=True)
class CsynthReport:
    """What the HLS scheduler reports (before logic synthesis, so resources are its own estimates).

    Attributes:
        tool: tool with version, as far as the report tells.
        part: FPGA part.
        target_ns: requested clock period.
        estimated_ns: clock period that the scheduler expects to reach.
        latency_cycles: worst-case latency.
        interval_cycles: initiation interval (worst case).
        resources: LUT, FF, DSP, BRAM18, URAM, as far as reported.
    """

    tool: str
    part: str
    target_ns: float
    estimated_ns: float
    latency_cycles: int
    interval_cycles: int
    resources: Mapping[str, int]


def find_csynth(project: Path, top: str) -> Path | None:
    """The report of a project folder, if the HLS tool has run there."""
    found = sorted(project.glob(f"*_prj/solution*/syn/report/{top}_csynth.xml"))
    return found[0] if found else None


def read_csynth(path: Path, top: str) -> CsynthReport:
    """Read one report.

    Raises:
        BadInput: it is truncated, of another project, or lacks a figure.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:  # the last: its encoding
        raise BadInput(
            "the vendor report cannot be read",
            where=str(path),
            found=str(error),
            remedy="run the HLS tool again, or remove the report",
        ) from error
    report = _Report(root, path)
    found_top = report.text("UserAssignments/TopModelName")
    if found_top != top:
        raise BadInput(
            "the vendor report is of another project", where=str(path), expected=top, found=found_top
        )
    product = root.findtext("ReportVersion/Version", "unknown version").strip()
    family = root.findtext("UserAssignments/ProductFamily", "").strip()
    return CsynthReport(
        tool=f"HLS {product}" + (f" ({family})" if family else ""),
        part=report.text("UserAssignments/Part"),
        target_ns=report.number("UserAssignments/TargetClockPeriod"),
        estimated_ns=report.number("PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod"),
        latency_cycles=int(report.number("PerformanceEstimates/SummaryOfOverallLatency/Worst-caseLatency")),
        interval_cycles=int(report.number("PerformanceEstimates/SummaryOfOverallLatency/Interval-max")),
        resources=report.resources(),
    )


@dataclass(frozen=True)
class _Report:
    root: ElementTree.Element
    path: Path

    def text(self, element: str) -> str:
        found = self.root.findtext(element)
        if found is None or not found.strip():
            raise BadInput("the vendor report lacks an entry", where=str(self.path), expected=element)
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
            raise BadInput("the vendor report lacks an entry", where=str(self.path), expected=entry)
        return {
            name: int(self.number(f"{entry}/{spelling}"))
            for name, spellings in _RESOURCES.items()
            for spelling in spellings
            if used.find(spelling) is not None
        }

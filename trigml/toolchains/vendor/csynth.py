"""What Vivado HLS and Vitis HLS report of a project; the same from the XML and from the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class CsynthReport:
    """What the HLS scheduler reports (before logic synthesis, so resources are its own estimates).

    Attributes:
        tool: which of the two tools.
        version: of the tool.
        part: FPGA part.
        target_ns: requested clock period.
        estimated_ns: clock period that the scheduler expects to reach.
        latency_cycles: worst-case latency.
        interval_cycles: initiation interval (worst case).
        resources: LUT, FF, DSP, BRAM18, URAM, as far as reported.
    """

    tool: str
    version: str
    part: str
    target_ns: float
    estimated_ns: float
    latency_cycles: int
    interval_cycles: int
    resources: Mapping[str, int]


COLUMNS: Mapping[str, tuple[str, ...]] = {
    "LUT": ("LUT",),
    "FF": ("FF",),
    "DSP": ("DSP", "DSP48E"),
    "BRAM18": ("BRAM_18K",),
    "URAM": ("URAM",),
}
"""What the reports call a resource (``DSP48E`` became ``DSP`` in 2020); URAM is left out by older ones."""

MAY_BE_LEFT_OUT = frozenset({"URAM"})


def tool_of(version: str) -> str:
    """Which tool wrote a report, where it says only the version: Vivado HLS ended with 2020.1."""
    if version[:6] == "2020.1" or not version[:4].isdigit():
        return "Vivado HLS or Vitis HLS"
    return "Vivado HLS" if version < "2020.1" else "Vitis HLS"

"""Latency and resource figures: none without its tier, tool and version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

BUNCH_CROSSING_NS = 25.0
"""Nominal time between proton bunches in the LHC (40 MHz)."""


class Tier(StrEnum):
    """Where a figure comes from, the most trustworthy first."""

    VENDOR = "vendor"  # read from a vendor tool's report
    MAPPED = "mapped"  # counted after technology mapping of the RTL
    ESTIMATE = "estimate"  # a model; its basis stands in the note


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of a report.

    Attributes:
        metric: what is measured, for example ``LUT`` or ``latency``.
        value: the figure.
        unit: its unit, empty for counts.
        tier: where it comes from.
        tool: tool with version.
        part: FPGA part that it is for, empty if it does not depend on one.
        clock_ns: clock period that it rests on.
        note: what the reader has to know to use it.
    """

    metric: str
    value: float
    unit: str
    tier: Tier
    tool: str
    part: str
    clock_ns: float
    note: str = ""

    @property
    def text(self) -> str:
        """Value and unit for people."""
        number = f"{self.value:,.0f}" if float(self.value).is_integer() else f"{self.value:,.4g}"
        return f"{number} {self.unit}".rstrip()


def figures_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Plain JSON."""
    return [asdict(figure) for figure in figures]


UNVERIFIED_CLOCK = "cycles × requested clock, timing not verified"
"""What stands beside nanoseconds that no timing analysis supports."""


def latency_figures(
    cycles: int, interval: int, *, tier: Tier, tool: str, part: str, clock_ns: float, caution: str
) -> list[Figure]:
    """Latency in cycles, ns and bunch crossings, and the initiation interval.

    ``caution``: what the reader has to know of the nanoseconds; they are cycles times the requested clock.
    """
    nanoseconds = cycles * clock_ns

    def row(metric: str, value: float, unit: str, note: str) -> Figure:
        return Figure(metric, value, unit, tier, tool, part, clock_ns, note)

    return [
        row("latency", cycles, "cycles", ""),
        row("latency", nanoseconds, "ns", caution),
        row("latency", nanoseconds / BUNCH_CROSSING_NS, "BX", caution),
        row("initiation interval", interval, "cycles", ""),
    ]

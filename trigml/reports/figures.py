"""Latency and resource figures: none without its tier, tool and version."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

BUNCH_CROSSING_NS = 25.0
"""Nominal time between proton bunches in the LHC (40 MHz)."""

WRITTEN_PERIOD = 1e-3
"""How exact a clock period is as people write it: 2.778 ns are 360 MHz, nine cycles of which are 25 ns."""


class Tier(StrEnum):
    """Where a figure comes from, the most trustworthy first."""

    VENDOR = "vendor"  # read from a vendor tool's report
    MAPPED = "mapped"  # from the RTL: counted after technology mapping, or measured cycle by cycle
    ESTIMATE = "estimate"  # a model; its basis stands in the note


class Clock(StrEnum):
    """What is known of the clock that a figure rests on."""

    REQUESTED = "requested"  # no timing analysis supports it
    MET = "met"  # a vendor's timing report says that the design reaches it
    MISSED = "missed"  # a vendor's timing report says that it does not


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of a report.

    Attributes:
        metric: what is measured, for example ``LUT`` or ``latency``.
        value: the figure.
        unit: its unit, empty for counts.
        tier: where it comes from.
        tool: the tool that gave it.
        part: FPGA part that it is for, empty if it does not depend on one.
        clock_ns: clock period that it rests on.
        note: what the reader has to know to use it.
        version: of the tool.
        clock: what is known of the clock.
        error: how far such figures are off, in the same unit, where that was measured (``None``: it was not,
            or the figure is a count).
    """

    metric: str
    value: float
    unit: str
    tier: Tier
    tool: str
    part: str
    clock_ns: float
    note: str = ""
    version: str = ""
    clock: Clock = Clock.REQUESTED
    error: float | None = None

    @property
    def text(self) -> str:
        """Value, error and unit for people."""
        error = "" if self.error is None else f" ± {_number(self.error)}"
        unit = "cycle" if (self.value, self.unit) == (1, "cycles") else self.unit
        return f"{_number(self.value)}{error} {unit}".rstrip()

    @property
    def tool_text(self) -> str:
        """Tool and version for people."""
        return f"{self.tool} {self.version}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


METRICS = (
    *("LUT", "FF", "CARRY", "ALM", "DSP", "BRAM18", "M20K", "URAM"),
    *("latency", "initiation interval", "events per bunch crossing", "time-multiplexing"),
    *("Fmax", "worst slack", "power"),
)
"""The quantities in the order of a report; others stand behind the resources, in their own order."""

TIMES = ("latency", "initiation interval", "events per bunch crossing", "time-multiplexing")
"""The quantities of ``latency_figures``: they hang on the clock, cells do not."""


def in_order(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """Rows of one quantity and unit side by side, the most trustworthy tier first."""
    resources, tiers = METRICS.index("latency"), list(Tier)
    first: dict[tuple[str, str], int] = {}
    for figure in figures:
        first.setdefault((figure.metric, figure.unit), len(first))

    def place(figure: Figure) -> tuple[int, int, int]:
        known = figure.metric in METRICS
        group = METRICS.index(figure.metric) if known else resources
        return 2 * group + known, first[figure.metric, figure.unit], tiers.index(figure.tier)

    return tuple(sorted(figures, key=place))


def figures_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Plain JSON: whole numbers without a point, so that a report that was read gives the same bytes."""
    return [asdict(figure) | {"value": _whole(figure.value)} for figure in figures]


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else value


UNVERIFIED_CLOCK = "cycles × requested clock, timing not verified"
"""What stands beside nanoseconds that no timing analysis supports."""

VERIFIED_CLOCK = "cycles × clock, met in the vendor's timing report"
"""What stands beside nanoseconds that a vendor's timing report supports."""

MISSED_CLOCK = "cycles × requested clock, which the vendor's timing report says is missed"
"""What stands beside nanoseconds that the design does not reach."""

_BASIS = {Clock.REQUESTED: UNVERIFIED_CLOCK, Clock.MET: VERIFIED_CLOCK, Clock.MISSED: MISSED_CLOCK}


def with_clock(figures: Sequence[Figure], clock: Clock) -> tuple[Figure, ...]:
    """Times of the RTL itself with what a vendor's timing report says of its clock; others as they are."""
    return tuple(
        replace(row, clock=clock, note=_BASIS[clock] if row.note in _BASIS.values() else row.note)
        if row.tier is Tier.MAPPED and row.metric in TIMES
        else row
        for row in figures
    )


@dataclass(frozen=True, slots=True)
class EventRate:
    """How often an event can enter, against the 40 MHz of the bunch crossings.

    Attributes:
        interval: cycles between events.
        clock_ns: clock period.
    """

    interval: int
    clock_ns: float

    @property
    def spacing_ns(self) -> float:
        """Time between events."""
        return self.interval * self.clock_ns

    @property
    def per_crossing(self) -> int:
        """Whole events that one copy of the network takes per bunch crossing; 0 if it takes longer."""
        return math.floor(BUNCH_CROSSING_NS / self.spacing_ns * (1 + WRITTEN_PERIOD))

    @property
    def multiplexing(self) -> int:
        """Copies that have to take turns so that every bunch crossing is looked at."""
        return max(1, math.ceil(self.spacing_ns / BUNCH_CROSSING_NS * (1 - WRITTEN_PERIOD)))

    @property
    def text(self) -> str:
        """The same as a sentence."""
        every = f"one event per {self.spacing_ns:g} ns"
        if self.multiplexing > 1:
            return f"{every}: needs time-multiplexing by {self.multiplexing} at 40 MHz"
        return f"{every}: {self.per_crossing} per bunch crossing of {BUNCH_CROSSING_NS:g} ns"


def latency_figures(
    cycles: int,
    interval: int,
    *,
    tier: Tier,
    tool: str,
    part: str,
    clock_ns: float,
    version: str = "",
    clock: Clock = Clock.REQUESTED,
    note: str = "",
    caution: str = "",
) -> list[Figure]:
    """Latency in cycles, ns and bunch crossings; the initiation interval, and what it means at 40 MHz.

    Args:
        cycles: latency.
        interval: cycles between events.
        tier: where both come from.
        tool: the tool that gave them.
        part: FPGA part, empty if they do not depend on one.
        clock_ns: clock period.
        version: of the tool.
        clock: what is known of the clock; says what stands beside the nanoseconds.
        note: what the reader has to know of the cycles.
        caution: what the reader has to know of the nanoseconds besides.
    """
    nanoseconds = cycles * clock_ns
    rate = EventRate(interval, clock_ns)
    beside = f"{_BASIS[clock]}; {caution}" if caution else _BASIS[clock]

    def row(metric: str, value: float, unit: str, remark: str) -> Figure:
        return Figure(metric, value, unit, tier, tool, part, clock_ns, remark, version, clock)

    return [
        row("latency", cycles, "cycles", note),
        row("latency", nanoseconds, "ns", beside),
        row("latency", nanoseconds / BUNCH_CROSSING_NS, "BX", beside),
        row("initiation interval", interval, "cycles", note),
        row("time-multiplexing", rate.multiplexing, "", rate.text)
        if rate.multiplexing > 1
        else row("events per bunch crossing", rate.per_crossing, "", rate.text),
    ]

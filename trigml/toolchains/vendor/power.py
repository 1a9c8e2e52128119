"""Reading the power report of Vivado (``report_power``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.report_text import value_of
from trigml.toolchains.vendor.vivado_text import Stage, read_vivado


@dataclass(frozen=True)
class Power:
    """What Vivado expects a design to draw, without activity from a simulation unless the user gave one.

    Attributes:
        version: of Vivado.
        part: FPGA part, as the report spells it.
        stage: how far the design was built.
        total_w: on-chip power in W: that of the design and the static one of the whole chip.
        remark: what stands beside the total ('Junction temp exceeded!').
        dynamic: the design's share, as the report writes it ('0.512', '<0.001').
        static: the chip's share, as the report writes it.
        confidence: Vivado's own word for how far to trust it (Low, Medium, High).
    """

    version: str
    part: str
    stage: Stage
    total_w: float
    remark: str
    dynamic: str
    static: str
    confidence: str


def read_power(path: Path, expected: Expected, stage: Stage | None = None) -> Power:
    """Read one report.

    Args:
        path: its file.
        expected: what it has to be of.
        stage: as its file name says; its own 'Design State' counts where it is there.

    Raises:
        BadInput: it is truncated, of another project or part, or lacks a figure.
    """
    found = read_vivado(path, expected, stage)
    found.require_contents()
    report, rows = found.report, found.table("Summary")
    total, _, remark = value_of(report, rows, ("Total On-Chip Power (W)",)).partition(" ")
    return Power(
        found.version,
        found.part,
        found.stage,
        report.number(total, "Total On-Chip Power"),
        remark.strip().strip("()"),
        value_of(report, rows, ("Dynamic (W)",)),
        value_of(report, rows, ("Device Static (W)",)),
        value_of(report, rows, ("Confidence Level",)),
    )

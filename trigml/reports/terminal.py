"""Comparisons and figures as aligned text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trigml.reports.figures import Figure
from trigml.verify.comparison import Comparison

if TYPE_CHECKING:
    from trigml.verify.verification import Verification


def comparison_text(comparison: Comparison) -> str:
    """Stages with their tool, the events and words compared, and the words that differ."""
    head = ["stage", "tool", "events", "words", "differences"]
    rows = [
        [
            result.stage,
            result.version,
            f"{result.events:,}",
            f"{result.words:,}",
            "reference" if index == 0 else f"{result.differences:,}",
        ]
        for index, result in enumerate(comparison.stages)
    ]
    sides = "<<>>>"
    if comparison.events_per_s:
        head.append("events/s")
        sides += ">"
        for row, rate in zip(rows, comparison.events_per_s, strict=True):
            row.append(f"{rate:,.0f}")
    inputs = ", ".join(f"{count:,} {name}" for name, count in comparison.vectors)
    lines = ["Bit-exactness", *aligned([head, *rows], sides), f"inputs: {inputs}"]
    lines += [f"remark: {result.stage}: {result.remark}" for result in comparison.stages if result.remark]
    return "\n".join(lines)


def verification_text(found: Verification) -> str:
    """The comparison of a model's stages, and what was left out."""
    lines = [f"{found.model}, graph {found.digest[:12]}", comparison_text(found.comparison)]
    lines += [f"note: {note}" for note in found.notes]
    return "\n".join([*lines, *found.left_out])


def figures_text(figures: Sequence[Figure]) -> str:
    """Latency and resources, each with tier, tool, part and clock; notes below."""
    notes = list(dict.fromkeys(figure.note for figure in figures if figure.note))
    rows = [("figure", "value", "tier", "tool", "part", "clock")]
    rows += [
        (
            figure.metric + (f" [{notes.index(figure.note) + 1}]" if figure.note else ""),
            figure.text,
            figure.tier.value,
            figure.tool,
            figure.part or "any",
            f"{figure.clock_ns:g} ns",
        )
        for figure in figures
    ]
    lines = ["Latency and resources", *aligned(rows, "<><<<>")]
    lines += [f"[{number}] {note}" for number, note in enumerate(notes, start=1)]
    return "\n".join(lines)


def percent(rate: float) -> str:
    """A rate in per cent; a tiny one is not written as zero."""
    return f"{100 * rate:.3g} %" if rate >= 1e-5 or rate == 0 else "< 0.001 %"


def aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Rows of equal length as lines with aligned columns, a rule below the first.

    Args:
        rows: the cells, the head first.
        sides: per column ``<`` for left or ``>`` for right.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            f"{cell:{side}{width}}" for cell, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "  ".join("─" * width for width in widths), *lines[1:]]

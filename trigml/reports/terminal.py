"""Comparisons and figures as tables: aligned text for the terminal, Markdown for pages."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trigml.reports.figures import Figure

if TYPE_CHECKING:
    from trigml.verify.comparison import Comparison
    from trigml.verify.verification import Verification

WIDTH = 120
"""Columns of the terminal that notes are wrapped to."""


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        title: above it.
        rows: the cells, the head first; all rows have the same length.
        sides: per column ``<`` for left or ``>`` for right.
        below: lines below it.
    """

    title: str
    rows: tuple[tuple[str, ...], ...]
    sides: str
    below: tuple[str, ...] = ()

    def text(self) -> str:
        """For the terminal, without a newline at the end."""
        return "\n".join([self.title, *aligned(self.rows, self.sides), *map(wrapped, self.below)])

    def markdown(self) -> str:
        """For a page, without a newline at the end."""
        below = ["", *(f"{_plain(line)}  " for line in self.below)] if self.below else []
        return "\n".join([f"#### {_plain(self.title)}", "", *markdown_table(self.rows, self.sides), *below])


def comparison_grid(comparison: Comparison) -> Grid:
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
    below = ["inputs: " + ", ".join(f"{count:,} {name}" for name, count in comparison.vectors)]
    below += [f"remark: {result.stage}: {result.remark}" for result in comparison.stages if result.remark]
    return Grid("Bit-exactness", tuple(map(tuple, [head, *rows])), sides, tuple(below))


def comparison_text(comparison: Comparison) -> str:
    """The same as text."""
    return comparison_grid(comparison).text()


def verification_text(found: Verification) -> str:
    """The comparison of a model's stages, and what was left out."""
    lines = [f"{found.model}, graph {found.digest[:12]}", comparison_text(found.comparison)]
    lines += [f"note: {note}" for note in found.notes]
    return "\n".join([*lines, *found.left_out])


def figures_grid(figures: Sequence[Figure]) -> Grid:
    """Latency and resources, each with tier, tool, part and clock; notes below."""
    notes = list(dict.fromkeys(figure.note for figure in figures if figure.note))
    rows = [("figure", "value", "tier", "tool", "part", "clock")]
    rows += [
        (
            figure.metric + (f" [{notes.index(figure.note) + 1}]" if figure.note else ""),
            figure.text,
            figure.tier.value,
            figure.tool_text,
            figure.part or "any",
            f"{figure.clock_ns:g} ns",
        )
        for figure in figures
    ]
    below = tuple(f"[{number}] {note}" for number, note in enumerate(notes, start=1))
    return Grid("Latency and resources", tuple(rows), "<><<<>", below)


def wrapped(note: str) -> str:
    """A note over as many lines as it takes, those after the first indented."""
    lines = textwrap.wrap(
        note, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
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
    widths = _widths(rows)
    lines = ["  ".join(_padded(row, widths, sides)).rstrip() for row in rows]
    return [lines[0], "  ".join("─" * width for width in widths), *lines[1:]]


def markdown_table(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """The same as lines of a Markdown table, its columns aligned in the source, too."""
    cells = [[_plain(cell) for cell in row] for row in rows]
    widths = [max(3, width) for width in _widths(cells)]
    rule = [
        "-" * width if side == "<" else "-" * (width - 1) + ":"
        for width, side in zip(widths, sides, strict=True)
    ]
    lines = [_padded(row, widths, sides) for row in cells]
    return [f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]]]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _padded(row: Sequence[str], widths: Sequence[int], sides: str) -> list[str]:
    return [f"{cell:{side}{width}}" for cell, width, side in zip(row, widths, sides, strict=True)]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: no bars that end a cell, no brackets, stars or tags."""
    return "".join(f"\\{sign}" if sign in "|*_[]<>`\\" else sign for sign in text)

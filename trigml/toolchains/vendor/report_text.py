"""Reports in text: their header, their tables, their numbers, and the errors where one is not there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trigml.errors import BadInput

Row = tuple[str, ...]

RUN_AGAIN = "run the vendor's tool again, or remove the report"


@dataclass(frozen=True)
class ReportText:
    """One report, as lines.

    Attributes:
        path: its file, for messages.
        text: its content.
    """

    path: Path
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Its lines, without the blanks at their ends."""
        return tuple(line.rstrip() for line in self.text.splitlines())

    def lacks(self, expected: str, found: str | None = None) -> BadInput:
        """The error for something that is not there."""
        return BadInput(
            "the vendor report lacks an entry: it is cut short, or another report",
            where=str(self.path),
            expected=expected,
            found=found,
            remedy=RUN_AGAIN,
        )

    def search(self, pattern: str, expected: str) -> str:
        """The first group of a pattern somewhere in the text; BadInput if it does not occur."""
        found = re.search(pattern, self.text, flags=re.MULTILINE)
        if found is None or not found[1].strip():
            raise self.lacks(expected)
        return found[1].strip()

    def whole(self, text: str, what: str) -> int:
        """A count, perhaps with thousands separators.

        Raises:
            BadInput: it is something else.
        """
        if not re.fullmatch(r"\d{1,3}(,\d{3})+|\d+", text.strip()):
            raise self.no_number(text, what)
        return int(text.replace(",", ""))

    def number(self, text: str, what: str) -> float:
        """A decimal number, perhaps with thousands separators.

        Raises:
            BadInput: it is something else, for example NA or ``<0.001``.
        """
        if not re.fullmatch(r"[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d*)?", text.strip()):
            raise self.no_number(text, what)
        return float(text.replace(",", ""))

    def no_number(self, text: str, what: str) -> BadInput:
        """The error for a text where a number has to be."""
        return BadInput(
            f"the vendor report has no number for {what}",
            where=str(self.path),
            found=repr(text.strip()),
            remedy=RUN_AGAIN,
        )


def read_text(path: Path) -> ReportText:
    """Read a report.

    Raises:
        BadInput: it cannot be read, or is no text.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadInput(
            "the vendor report cannot be read",
            where=str(path),
            found=error.strerror or str(error),
            remedy=RUN_AGAIN,
        ) from error
    report = ReportText(path, text)
    if not text.strip() or "\0" in text:
        raise report.lacks("a report in text", "nothing" if not text.strip() else "binary content")
    return report


def cells(line: str, separator: str) -> Row:
    """The cells of a row of a drawn table, empty if the line is none."""
    text = line.strip()
    if len(text) < 2 or text[0] != separator or text[-1] != separator:
        return ()
    return tuple(cell.strip() for cell in text[1:-1].split(separator))


def table_after(report: ReportText, start: int, separator: str, title: str) -> list[Row]:
    """The rows of the drawn table that begins at or after a line.

    Args:
        report: the report.
        start: number of the line to begin with.
        separator: between cells.
        title: of the table, for messages.

    Raises:
        BadInput: there is none, or it is cut short.
    """
    lines = report.lines
    at = start
    while at < len(lines) and not lines[at].lstrip().startswith("+-"):
        if lines[at].strip() and at > start + 8:
            break  # that is another part of the report
        at += 1
    rows: list[Row] = []
    end = at
    while end < len(lines) and lines[end].lstrip()[:1] in ("+", separator):
        if row := cells(lines[end], separator):
            rows.append(row)
        end += 1
    if not rows or not lines[end - 1].strip().endswith("-+"):
        raise report.lacks(f"the whole table {title!r}")
    return rows


def value_of(report: ReportText, rows: Sequence[Row], names: Sequence[str], column: int = 1) -> str:
    """The cell beside the first of some names that a table has.

    Raises:
        BadInput: it has none of them, or the cell is empty.
    """
    found = find_value(rows, names, column)
    if not found:
        raise report.lacks(f"a row {' or '.join(map(repr, names))}")
    return found


def find_value(rows: Sequence[Row], names: Sequence[str], column: int = 1) -> str | None:
    """Like ``value_of``, ``None`` if the table has none of the names."""
    for name in names:
        for row in rows:
            if row and row[0].rstrip("*").strip() == name and len(row) > column:
                return row[column]
    return None

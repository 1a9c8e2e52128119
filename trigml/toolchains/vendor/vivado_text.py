"""What the text reports of Vivado have in common: the header in a box, numbered parts, the design's state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.report_text import ReportText, Row, read_text, table_after


class Stage(StrEnum):
    """How far the design was built when a report was written; the text stands beside each figure."""

    SCHEDULED = "after HLS scheduling, before logic synthesis"
    SYNTHESISED = "after logic synthesis"
    PLACED = "after placement"
    ROUTED = "after place and route"


_STATES = {
    "synthesized": Stage.SYNTHESISED,
    "optimized": Stage.SYNTHESISED,
    "fully placed": Stage.PLACED,
    "physopt postplace": Stage.PLACED,
    "routed": Stage.ROUTED,
    "fully routed": Stage.ROUTED,
}


@dataclass(frozen=True)
class VivadoReport:
    """A report with its header.

    Attributes:
        report: the text.
        version: of Vivado.
        part: FPGA part, as this report spells it.
        stage: how far the design was built.
    """

    report: ReportText
    version: str
    part: str
    stage: Stage

    def sections(self) -> Iterator[tuple[str, int]]:
        """Headings of the numbered parts, and the lines on which their content begins."""
        lines = self.report.lines
        for number, (line, below) in enumerate(pairwise(lines)):
            if re.match(r"\d+(\.\d+)*\.? \S", line) and re.fullmatch(r"-{3,}", below):
                yield re.sub(r"^[\d.]+ ", "", line), number + 2

    def section(self, *titles: str) -> int:
        """The line on which a numbered part begins, known by one of its titles; BadInput if it is missing."""
        found = next((start for title, start in self.sections() if title in titles), None)
        if found is None:
            raise self.report.lacks(f"the part {' or '.join(map(repr, titles))}")
        return found

    def table(self, *titles: str) -> list[Row]:
        """The first table of a numbered part."""
        return table_after(self.report, self.section(*titles), "|", titles[0])

    def require_contents(self) -> None:
        """Refuse a report that lacks a part of its own table of contents (BadInput)."""
        lines = self.report.lines
        if "Table of Contents" not in lines:
            raise self.report.lacks("'Table of Contents'")
        promised = []
        for line in lines[lines.index("Table of Contents") + 2 :]:
            if not re.match(r"\d+(\.\d+)*\.? \S", line):
                break
            promised.append(re.sub(r"^[\d.]+ ", "", line))
        written = {title for title, _ in self.sections()}
        for title in promised:
            if title not in written:
                raise self.report.lacks(f"the part {title!r} of its table of contents")


def read_vivado(path: Path, expected: Expected, stage: Stage | None) -> VivadoReport:
    """Read a report and check that it is of a project.

    Args:
        path: its file.
        expected: what it has to be of.
        stage: as its file name says; the report's own state counts where it gives one.

    Raises:
        BadInput: it is cut short, or of another project or part; neither name nor state tell the stage.
    """
    report = read_text(path)
    version = report.search(r"^\| Tool Version\s*: Vivado v\.(\S+)", "'Tool Version : Vivado'")
    expected.require_top(path, report.search(r"^\| Design\s*:(.*)$", "'Design'"))
    part = report.search(r"^\| Device\s*:(.*)$", "'Device'")
    expected.require_part(path, part)
    state = re.search(r"^\| Design State\s*:(.*)$", report.text, flags=re.MULTILINE)
    written = stage if state is None else _STATES.get(state[1].strip().lower(), stage)
    if written is None:
        raise report.lacks("a design state that trigml knows", None if state is None else state[1].strip())
    return VivadoReport(report, version, part, written)

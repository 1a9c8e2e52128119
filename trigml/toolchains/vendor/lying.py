"""The reports that lie in a project: those of ``build``, and those of people who ran the tools themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trigml.errors import BadInput
from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.project import (
    BUILT,
    DESCRIPTION,
    ProjectKind,
    describe,
    inputs_digest,
    newest_input,
)
from trigml.toolchains.vendor.records import read_record
from trigml.toolchains.vendor.steps import Report, ReportKind, Step, steps_of
from trigml.toolchains.vendor.vivado_text import Stage


@dataclass(frozen=True)
class LyingReport:
    """A report that belongs to a project as it is now.

    Attributes:
        kind: its format.
        stage: how far the design was built, as its place says.
        path: its file.
        by_hand: somebody ran the tool without trigml; name, part, clock and time fit.
        content: in the dataclass of its format.
    """

    kind: ReportKind
    stage: Stage
    path: Path
    by_hand: bool
    content: object


def expected_of(project: Path, top: str) -> Expected:
    """What the reports of a project have to be of: part and clock from its description, if there is one.

    Raises:
        BadInput: the description is damaged, or of another top level.
    """
    description = describe(project)
    if description is None:
        return Expected(top)
    description.expected.require_top(project / DESCRIPTION, top)
    return description.expected


def lying_reports(project: Path, top: str) -> list[LyingReport]:
    """Read all the reports of a project.

    Args:
        project: its folder.
        top: its top level.

    Raises:
        BadInput: a report is damaged, of another project, part or clock, or older than the project's files.
    """
    expected = expected_of(project, top)
    description = describe(project)
    kinds = list(ProjectKind) if description is None else [description.kind] if description.kind else []
    found: dict[Path, LyingReport] = {}
    for kind in kinds:
        for step in steps_of(kind, route=True):
            for report, path, by_hand in _of_step(project, expected, step):
                if path not in found and not _in_xml(report, found):
                    content = report.read(path, expected)
                    if content is not None:
                        found[path] = LyingReport(report.kind, report.stage, path, by_hand, content)
    return list(found.values())


def _in_xml(report: Report, found: dict[Path, LyingReport]) -> bool:
    """Whether a text says the same as an XML file that was read already."""
    return report.kind is ReportKind.CSYNTH_TEXT and any(
        other.kind is ReportKind.CSYNTH_XML for other in found.values()
    )


def _of_step(project: Path, expected: Expected, step: Step) -> Iterator[tuple[Report, Path, bool]]:
    folder = project / BUILT / step.name
    record = read_record(folder)
    if record is None:
        yield from _by_hand(project, expected, step)
        return
    if record.inputs != inputs_digest(project):
        raise BadInput(
            "the vendor's reports were made for other files than the project has now",
            where=str(folder),
            remedy="build again (trigml synth --build), or remove this folder",
        )
    for report in step.reports:
        names = [Path(place.replace("{top}", expected.top)).name for place in report.places]
        name = next((name for name in names if name in record.reports), None)
        if name is not None:
            yield report, folder / name, False


def _by_hand(project: Path, expected: Expected, step: Step) -> Iterator[tuple[Report, Path, bool]]:
    newest = newest_input(project)
    for report in step.reports:
        path = report.find(project, expected.top, by_hand=True)
        if path is None:
            continue
        if newest is not None and path.stat().st_mtime < newest[1]:
            raise BadInput(
                "the vendor report is older than the project",
                where=str(path),
                found=f"{newest[0].relative_to(project)} was written after it",
                remedy="run the tool again, or remove the report (or touch it, if it is of these files)",
            )
        yield report, path, True

"""``trigml synth --build``: the vendor's tools on a project that has been written and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trigml.errors import BadInput, ToolFailed
from trigml.progress import Progress
from trigml.reports.stored import RTL, ProjectReport
from trigml.toolchains.vendor.building import build
from trigml.toolchains.vendor.project import ProjectKind


@dataclass(frozen=True)
class Built:
    """A report after the vendor's tools were run.

    Attributes:
        report: with their figures, as far as there are any.
        failure: what went wrong with a tool; the report stands without what it would have given.
    """

    report: ProjectReport
    failure: ToolFailed | None = None


def require_buildable(backend: str) -> None:
    """Refuse, before any work, a backend for which trigml runs no vendor's tool.

    Raises:
        BadInput: it is one.
    """
    kinds = [RTL, *(kind.value for kind in ProjectKind if kind.is_hls)]
    if backend not in kinds:
        raise BadInput(
            f"trigml runs no vendor's tool for {backend} projects",
            expected=f"--build with one of: {', '.join(kinds)}",
            remedy="leave --build out, and run the tool by hand in the project's folder",
        )


def run_vendor(report: ProjectReport, time_limit_s: float, progress: Progress) -> Built:
    """Run the vendor's tools on a project, as far as they are installed.

    What is not installed is said in one line, and noted in the report that is shown.

    Raises:
        BadInput: another build is under way, or a tool's report is of another project.
        Interrupted: by Ctrl-C; steps that have ended are kept.
    """
    try:
        done = build(report.folder, report.top, time_limit_s=time_limit_s, progress=progress)
    except ToolFailed as error:
        note = f"a vendor's tool failed: {error.problem}; the report is without its figures"
        return Built(replace(report, notes=(*report.notes, note)).with_vendor(), error)
    for line in done.skipped:
        progress.say(line)
    return Built(replace(report, notes=(*report.notes, *done.skipped)).with_vendor())

"""``trigml synth --build``: the vendor's tools on a project that has been written and checked."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from trigml.errors import BadInput, ToolFailed
from trigml.progress import Progress
from trigml.reports.stored import RTL, ProjectReport
from trigml.toolchains.vendor.building import build
from trigml.toolchains.vendor.project import ProjectKind, describe
from trigml.toolchains.vendor.steps import steps_of
from trigml.toolchains.vendor.tools import FoundTool, Program, find_tool


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


def by_hand(folder: Path, top: str) -> tuple[str, ...]:
    """How the vendor's tool is run by hand on a project, and whether it is on this machine.

    Returns:
        One line; none for a backend whose tool trigml does not know.
    """
    description = describe(folder)
    if description is None or description.kind is None:
        return ()
    tool = steps_of(description.kind, route=True)[0].tool
    found = find_tool(tool, "")
    program = found.program if isinstance(found, FoundTool) else tool.programs[0]
    command = f"cd {shlex.quote(str(folder))} && {_command(description.kind, program, top)}"
    if isinstance(found, FoundTool):
        return (f"{command}  # or add --build: {tool.title} is on this machine",)
    looked_for = " or ".join(found.looked_for)
    return (f"where {tool.title} is installed (there is no {looked_for} on PATH here): {command}",)


def _command(kind: ProjectKind, program: Program, top: str) -> str:
    """What runs all steps; ``--build`` takes them one by one where the script lets it."""
    if kind is ProjectKind.RTL_VIVADO:
        return "vivado -mode batch -source vivado.tcl"
    if kind is ProjectKind.RTL_QUARTUS:
        return "quartus_sh -t quartus.tcl"
    return shlex.join(program.command(program.name, top))

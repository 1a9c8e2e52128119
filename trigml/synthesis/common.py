"""What projects of every kind have in common: where they go, what is never overwritten, what lies in them.

What stands at the output folder was shown to agree with the graph in every word. A project that does not
agree goes to a folder ending in ``.not-exact``, for finding out why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from trigml.atomic import refuse_unwritable, replacing_folder, write_json
from trigml.errors import BadInput, ToolFailed
from trigml.fixedpoint import to_values
from trigml.progress import Progress, Silent
from trigml.project import PROJECT_FILE, Project, added_sources
from trigml.reports.stored import NETLIST, REPORT, ProjectReport, stored_content
from trigml.spec.budget_file import Limits
from trigml.synthesis.subject import Inputs, Subject
from trigml.verify.stages import GraphStage

PLOTS = "plots"
NOT_EXACT_SUFFIX = ".not-exact"


@dataclass(frozen=True)
class Request:
    """What is asked of a synthesis, whatever the kind of project.

    Attributes:
        subject: a run, or a model file.
        limits: what the firmware may take, and who says so.
        folder: where the project goes.
        random_count: random vectors, half of them on the grid (``None``: by the size of the network).
        seed: of the random vectors.
        force: replace another trigml project that stands in ``folder``.
        notes: what the reader of the report should know of these choices.
        progress: listener.
    """

    subject: Subject
    limits: Limits
    folder: Path
    random_count: int | None = None
    seed: int = 1
    force: bool = False
    notes: tuple[str, ...] = ()
    progress: Progress = Silent()

    def refuse_taken(self) -> None:
        """Refuse a folder that the project cannot go to, before any work.

        Raises:
            BadInput: a file is there, or a folder with anything but a project of trigml in it; or that is so
                of the place of a project that is not exact; or it cannot be written.
        """
        for place in (self.folder, not_exact(self.folder)):
            refuse_occupied(place, force=self.force)
        refuse_unwritable(self.folder)

    def inputs(self) -> Inputs:
        """The model, and what it is checked on.

        Raises:
            BadInput: as ``Subject.inputs``.
        """
        return self.subject.inputs(self.random_count, self.seed, self.progress)


@dataclass(frozen=True)
class Synthesis:
    """What was made.

    Attributes:
        report: where it is, and what is known of it.
        kept: the same project stood there already and was left as it was.
        failure: a tool that failed; project and report are complete without what it would have given.
    """

    report: ProjectReport
    kept: bool
    failure: ToolFailed | None = None


def not_exact(folder: Path) -> Path:
    """Where a project goes that is not exact."""
    return folder.with_name(folder.name + NOT_EXACT_SUFFIX)


def folder_word(text: str) -> str:
    """A part or another name as a piece of a folder's name."""
    return re.sub(r"[^A-Za-z0-9]+", "_", text)


def refuse_occupied(folder: Path, *, force: bool) -> None:
    """Refuse an output folder that holds anything but a project of trigml.

    Raises:
        BadInput: a file, or a folder with something else in it.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / PROJECT_FILE).is_file():
        raise BadInput(
            "the output folder holds something else" if folder.is_dir() else "the output folder is a file",
            where=str(folder),
            remedy="choose another --out" + (" (--force replaces only a trigml project)" if force else ""),
        )


def stands_already(folder: Path, project: Project, *, force: bool) -> bool:
    """Whether this very project is in the folder already.

    Raises:
        BadInput: another one is there, or a changed one (what ``--force`` replaces).
    """
    same = folder.is_dir() and all(
        (folder / name).is_file() and (folder / name).read_bytes() == content
        for name, content in project.files.items()
    )
    if same and not added_sources(folder, project.files):
        return True
    if not force and folder.exists() and any(folder.iterdir()):
        raise BadInput(
            "the output folder holds another project, or a changed one",
            where=str(folder),
            remedy="choose another --out, or replace it with --force",
        )
    return False


Addition: TypeAlias = Callable[[Path], object]
"""What writes into an empty folder of a project something that is not part of it."""


def write_project(
    project: Project,
    report: ProjectReport,
    additions: Mapping[str, Addition] = MappingProxyType({}),
    *,
    kept: bool = False,
) -> ProjectReport:
    """Write a project with its report.

    Args:
        project: the project.
        report: on it; says where it goes.
        additions: by the name of their folder in the project.
        kept: it stands there already: only the report and the additions are written.

    Returns:
        The report as written: it knows the netlist that is among the additions.

    Raises:
        BadInput: the place cannot be written.
    """
    if kept:
        for name, write in additions.items():
            with replacing_folder(report.folder / name) as beside:
                write(beside)
        report = _with_netlist(report, report.folder, additions)
        write_json(report.folder / REPORT, stored_content(report))
        return report
    with replacing_folder(report.folder) as beside:
        project.write_into(beside)
        for name, write in additions.items():
            (beside / name).mkdir()
            write(beside / name)
        report = _with_netlist(report, beside, additions)
        write_json(beside / REPORT, stored_content(report))
    return report


def _with_netlist(report: ProjectReport, folder: Path, additions: Mapping[str, Addition]) -> ProjectReport:
    """The report with the digest of the netlist that was added in ``folder``, if one was."""
    if NETLIST not in additions:
        return report
    return replace(report, contents=report.contents.with_netlist(folder))


def plots(request: Request, inputs: Inputs, name: str) -> dict[str, Addition]:
    """The plot of a run's models with the hardware's line, ``name``: its words are the graph's, as was shown.

    Nothing for a model file, whose events have no labels and no targets.
    """
    run, events = request.subject.run, inputs.split
    if run is None or events is None:
        return {}

    def draw(folder: Path) -> None:
        from trigml.training.evaluation import hardware_plot

        words = GraphStage(inputs.graph).outputs(inputs.sets[0])
        values = to_values(words, inputs.graph.output.format.fraction)
        hardware_plot(run, events, name, values).into(folder)

    return {PLOTS: draw}

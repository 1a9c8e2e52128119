"""Running the vendors' tools on a project: logged, limited in time, interruptible, and resumed where it was.

All happens in ``<project>/vendor``: ``work`` is a copy of the project's inputs in which the tools run,
``logs`` holds what they print, and each step that ended well has a folder with its reports and a record. A
report is read from such a folder only: what an interrupted tool leaves in ``work`` never becomes a result.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trigml.atomic import replacing_folder, write_text
from trigml.errors import BadInput, Interrupted, ToolFailed
from trigml.progress import Progress, Silent
from trigml.resources import shipped_folder
from trigml.toolchains.programs import stream
from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.project import BUILT, ProjectKind, describe, input_files, inputs_digest
from trigml.toolchains.vendor.records import Record, read_record, write_record
from trigml.toolchains.vendor.steps import OOC_SCRIPT, Report, Step, steps_of
from trigml.toolchains.vendor.tools import FoundTool, NotInstalled, find_tool

TIME_LIMIT_S = 4 * 3600.0
WORK = "work"
LOGS = "logs"
_INPUTS = "inputs.sha256"
_LOCK = "lock"
_SHOWN = 80


@dataclass(frozen=True)
class StepResult:
    """A step that has its reports.

    Attributes:
        name: of the step.
        title: what was done.
        seconds: how long the tool ran.
        log: what it printed.
        resumed: it had been done before, and was not done again.
    """

    name: str
    title: str
    seconds: float
    log: Path
    resumed: bool


@dataclass(frozen=True)
class BuildResult:
    """What ``build`` did.

    Attributes:
        steps: with reports, in their order.
        missing: tools that are not on this machine.
        left_out: titles of the steps that were not done because a tool is missing.
    """

    steps: tuple[StepResult, ...]
    missing: tuple[NotInstalled, ...]
    left_out: tuple[str, ...]

    @property
    def logs(self) -> tuple[Path, ...]:
        """What the tools printed."""
        return tuple(step.log for step in self.steps)

    @property
    def skipped(self) -> tuple[str, ...]:
        """One line for each tool that was looked for in vain."""
        return tuple(dict.fromkeys(tool.text for tool in self.missing))


def build(
    project: Path,
    top: str,
    kind: ProjectKind | None = None,
    *,
    time_limit_s: float = TIME_LIMIT_S,
    progress: Progress | None = None,
    route: bool = True,
) -> BuildResult:
    """Run the vendor's tools on a project, as far as they are installed.

    Steps that ended well for the same inputs with the same tools are not done again.

    Args:
        project: folder of an HLS or RTL project of trigml.
        top: its top level.
        kind: which tools it is for, default what its description says.
        time_limit_s: for all steps together; the tool that runs then is ended.
        progress: listener; the last line that a tool printed stands behind the bar.
        route: place and route, too.

    Raises:
        BadInput: no project of this top level, none that trigml runs a tool for, or another build is under
            way in it.
        ToolFailed: a tool crashed, failed or hung; it left no report, or one that is damaged or of another
            project, part or clock.
        Interrupted: by Ctrl-C; steps that have ended are kept.
    """
    listener = progress or Silent()
    kind, expected = _checked(project, top, kind)
    place = project / BUILT
    with _alone(place):
        built = _Build(
            project, place, expected, inputs_digest(project), listener, time.monotonic() + time_limit_s
        )
        return built.all(steps_of(kind, route=route), kind)


def _checked(project: Path, top: str, kind: ProjectKind | None) -> tuple[ProjectKind, Expected]:
    description = describe(project)
    if description is None:
        raise BadInput(
            "the folder holds no project of trigml", where=str(project), remedy="write one with trigml synth"
        )
    if description.expected.top != top:
        raise BadInput(
            "the project is of another top level",
            where=str(project),
            expected=top,
            found=description.expected.top,
        )
    chosen = kind or description.kind
    if chosen is None:
        raise BadInput(
            f"trigml runs no vendor's tool for {description.backend} projects",
            where=str(project),
            expected="a project for " + ", ".join(kind.value for kind in ProjectKind),
            remedy="run the tool by hand in the project's folder",
        )
    return chosen, description.expected


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Hold the folder of the results against a second build."""
    try:
        place.mkdir(exist_ok=True)
        lock = (place / _LOCK).open("w")
    except OSError as error:
        raise BadInput("cannot write in the project", where=str(place), found=error.strerror) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInput(
                "another build is under way in this project",
                where=str(place),
                remedy="wait for it, or interrupt it",
            ) from error
        yield


@dataclass(frozen=True)
class _Build:
    project: Path
    place: Path
    expected: Expected
    inputs: str
    listener: Progress
    end: float

    def all(self, steps: tuple[Step, ...], kind: ProjectKind) -> BuildResult:
        done: list[StepResult] = []
        missing: list[NotInstalled] = []
        left_out: list[str] = []
        runnable: list[tuple[Step, FoundTool]] = []
        blocked = False
        for step in steps:
            tool = None if blocked else find_tool(step.tool, kind.instead)
            if isinstance(tool, FoundTool):
                runnable.append((step, tool))
                continue
            left_out.append(step.title)
            missing += [] if tool is None else [tool]
            blocked = blocked or not step.optional
        kept = [self._kept(step, tool) for step, tool in runnable]
        if None in kept and not self._work_is_current():
            self._prepare(kind)
            kept = []
        # A step builds on what the one before it made, so all after the first that is missing run again.
        for result in kept:
            if result is None:
                break
            self.listener.say(f"{result.title}: done before on the same files, not done again")
            done.append(result)
        for step, tool in runnable[len(done) :]:
            done.append(self._run(step, tool, done))
        return BuildResult(tuple(done), tuple(missing), tuple(left_out))

    def _work_is_current(self) -> bool:
        marker = self.place / WORK / _INPUTS
        return marker.is_file() and marker.read_text(encoding="utf-8").strip() == self.inputs

    def _kept(self, step: Step, tool: FoundTool) -> StepResult | None:
        """The result of an earlier run of the same step on the same inputs, if all of it is there."""
        try:
            record = read_record(self.place / step.name)
        except BadInput as error:
            self.listener.say(f"{step.title}: done again, because {error.problem}")
            return None
        command = tuple(tool.program.command(tool.path, self.expected.top))
        if record is None or (record.inputs, record.command) != (self.inputs, command):
            return None
        return StepResult(step.name, step.title, record.seconds, self._log(step), resumed=True)

    def _prepare(self, kind: ProjectKind) -> None:
        """A fresh copy of the inputs; nothing of an earlier version of the project is left beside it."""
        for folder in self.place.iterdir():
            if folder.is_dir() and folder.name not in (WORK, LOGS):
                shutil.rmtree(folder)
        with replacing_folder(self.place / WORK) as work:
            for path in input_files(self.project):
                copy = work / path.relative_to(self.project)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            if kind in (ProjectKind.VITIS_HLS, ProjectKind.VIVADO_HLS):
                self._add_scripts(work)
            write_text(work / _INPUTS, self.inputs + "\n")

    def _add_scripts(self, work: Path) -> None:
        names = {
            "@TOP@": self.expected.top,
            "@PART@": str(self.expected.part),
            "@CLOCK_NS@": f"{self.expected.clock_ns:g}",
        }
        for name in ("build_opt.tcl", OOC_SCRIPT, "clock_ooc.xdc"):
            text = (shipped_folder("firmware") / "vendor" / name).read_text(encoding="utf-8")
            for word, value in names.items():
                text = text.replace(word, value)
            (work / name).write_text(text, encoding="utf-8")

    def _log(self, step: Step) -> Path:
        return self.place / LOGS / f"{step.name}.log"

    def _run(self, step: Step, tool: FoundTool, done: list[StepResult]) -> StepResult:
        work, log = self.place / WORK, self._log(step)
        for pattern in step.clears:
            for path in work.glob(pattern.replace("{top}", self.expected.top)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.place / step.name, ignore_errors=True)
        log.parent.mkdir(exist_ok=True)
        command = tool.program.command(tool.path, self.expected.top)
        begun = time.monotonic()
        try:
            with self.listener.task(step.title) as task:
                stream(
                    command,
                    what=step.title,
                    timeout_s=max(0.0, self.end - begun),
                    log=log,
                    on_line=lambda line: task.advance(0, note=line[:_SHOWN]),
                    folder=work,
                )
        except KeyboardInterrupt as error:
            raise Interrupted(
                f"interrupted: {step.title}", where=str(log), remedy=_go_on(done, "run it again")
            ) from error
        except ToolFailed:
            if done:
                self.listener.say(_go_on(done, "run it again"))
            raise
        seconds = time.monotonic() - begun
        written = [self._checked_report(step, report, log) for report in step.reports]
        record = Record(step.name, self.inputs, tuple(command), seconds)
        write_record(self.place / step.name, record, [path for path in written if path is not None])
        return StepResult(step.name, step.title, seconds, log, resumed=False)

    def _checked_report(self, step: Step, report: Report, log: Path) -> Path | None:
        """A report that the tool has just written, and that can be read; ``None``: it may be missing."""
        work = self.place / WORK
        path = report.find(work, self.expected.top)
        try:
            content = None if path is None else report.read(path, self.expected)
        except BadInput as error:
            raise ToolFailed(
                f"{step.title} left a report that cannot be used: {error.problem}",
                where=error.where,
                expected=error.expected,
                found=error.found,
                remedy=f"read the log, {log}",
            ) from error
        if content is None:
            if not report.needed:
                return None
            expected = str(path or work / report.places[0].replace("{top}", self.expected.top))
            raise ToolFailed(
                f"{step.title} ended without an error, but left no {report.kind.value} report",
                where=str(log),
                expected=expected,
                found="nothing in the log" if not log.stat().st_size else None,
                remedy="read the log",
            )
        return path


def _go_on(done: list[StepResult], again: str) -> str:
    if not done:
        return again
    return f"{again}: it goes on after the steps that have ended ({', '.join(step.title for step in done)})"

"""What projects of every kind have in common: where they go, what is never overwritten, what lies in them.

What stands at the output folder was shown to agree with the graph in every word. A project that does not
agree goes to a folder ending in ``.not-exact``, for finding out why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trigml.atomic import replacing_folder, write_json
from trigml.data.blocks import Chunk
from trigml.data.splits import Split
from trigml.errors import BadInput
from trigml.fixedpoint import IntArray, to_values
from trigml.graph import Graph
from trigml.opening import OpenedModel, open_model
from trigml.progress import Progress, Silent
from trigml.project import PROJECT_FILE, Project
from trigml.reports.stored import REPORT, ProjectReport, stored_content
from trigml.runs import Run
from trigml.spec import BudgetSpec
from trigml.verify.events import NamedEvents, events_of_split
from trigml.verify.stages import GraphStage
from trigml.verify.vectors import Vectors
from trigml.verify.verification import vector_sets

PLOTS = "plots"
NOT_EXACT_SUFFIX = ".not-exact"
TESTBENCH_EVENTS = 1000


@dataclass(frozen=True)
class Request:
    """What is asked of a synthesis, whatever the kind of project.

    Attributes:
        run: a finished run with a quantised model.
        folder: where the project goes.
        data: files of events to take the test split from, default those of the training.
        random_count: random vectors, half of them on the grid (``None``: by the size of the network).
        seed: of the random vectors.
        force: replace another trigml project that stands in ``folder``.
        progress: listener.
    """

    run: Run
    folder: Path
    data: Sequence[str] = ()
    random_count: int | None = None
    seed: int = 1
    force: bool = False
    progress: Progress = Silent()

    @property
    def budget(self) -> BudgetSpec:
        """What the run's spec allows, with the device that it is for."""
        return self.run.spec.firmware_budget

    @property
    def not_exact(self) -> Path:
        """Where a project goes that is not exact."""
        return self.folder.with_name(self.folder.name + NOT_EXACT_SUFFIX)

    def refuse_occupied(self) -> None:
        """Refuse to work for a place that holds something else.

        Raises:
            BadInput: a file, or a folder with anything but a project of trigml in it.
        """
        for place in (self.folder, self.not_exact):
            refuse_occupied(place, force=self.force)

    def inputs(self) -> Inputs:
        """The model, and what it is checked on.

        Raises:
            BadInput: there is no quantised model, or the events are not there.
        """
        model = open_model(self.run.path, progress=self.progress)
        with self.progress.task("Reading the test split") as task:
            events = events_of_split(self.run, Split.TEST, self.data)
            named = NamedEvents("test split", events.features)
            sets = vector_sets(model.graph, named, self.random_count, self.seed)
            words = GraphStage(model.graph).outputs(sets[0])
            task.advance()
        return Inputs(model, events, sets, words)


@dataclass(frozen=True)
class Inputs:
    """A model and what it is checked on.

    Attributes:
        model: the opened run.
        events: the test split.
        sets: inputs of the comparison; the first one is the test split.
        words: the graph's outputs (events, n_out) for the test split.
    """

    model: OpenedModel
    events: Chunk
    sets: tuple[Vectors, ...]
    words: IntArray

    @property
    def graph(self) -> Graph:
        """The model's graph."""
        return self.model.graph

    @property
    def testbench(self) -> tuple[IntArray, IntArray]:
        """Input and output words of the events that the project's own testbench gets."""
        return self.sets[0].words[:TESTBENCH_EVENTS], self.words[:TESTBENCH_EVENTS]


@dataclass(frozen=True)
class Synthesis:
    """What was made.

    Attributes:
        report: where it is, and what is known of it.
        kept: the same project stood there already and was left as it was.
        vendor_commands: how the vendor's tool is run on the project, for those who have it.
    """

    report: ProjectReport
    kept: bool
    vendor_commands: tuple[str, ...] = ()


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
    if folder.is_dir() and all(
        (folder / name).is_file() and (folder / name).read_bytes() == content
        for name, content in project.files.items()
    ):
        return True
    if not force and folder.exists() and any(folder.iterdir()):
        raise BadInput(
            "the output folder holds another project, or a changed one",
            where=str(folder),
            remedy="choose another --out, or replace it with --force",
        )
    return False


def write_project(
    project: Project, report: ProjectReport, plotted: Plotted | None = None, *, kept: bool = False
) -> None:
    """Write a project with its report and, if asked for, its ROC curves; one that stands there is kept."""
    if kept:
        write_json(report.folder / REPORT, stored_content(report))
        return
    with replacing_folder(report.folder) as beside:
        project.write_into(beside)
        if plotted is not None:
            plotted.draw(beside / PLOTS / "roc")
        write_json(beside / REPORT, stored_content(report))


@dataclass(frozen=True)
class Plotted:
    """ROC curves of a run with the hardware's line: its words are the graph's, as was shown before.

    Attributes:
        run: the run.
        inputs: its test split with the graph's words.
        name: what the hardware's line is called.
    """

    run: Run
    inputs: Inputs
    name: str

    def draw(self, stem: Path) -> None:
        """Write ``stem.png`` and ``stem.pdf`` into a new folder."""
        from trigml.reports.roc_plot import write_roc_plot
        from trigml.training.evaluation import models_of
        from trigml.training.events import labels_of

        scores, events = self.run.scores(), self.inputs.events
        models = models_of(scores) if np.array_equal(scores.event_id, events.event_id) else {}
        models[self.name] = to_values(self.inputs.words, self.inputs.graph.output.format.fraction)
        stem.parent.mkdir()
        spec = self.run.spec
        write_roc_plot(models, labels_of(events), spec.data.classes, stem, sample=spec.title)

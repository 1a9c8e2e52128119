"""What a project is made from, and what it is checked on: a run with its events, or somebody's model file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trigml.data.blocks import Chunk
from trigml.data.samples import resolve_files
from trigml.data.splits import Split
from trigml.errors import BadInput
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.network_events import columns_of
from trigml.opening import OpenedModel, OpenOptions, open_model, run_at
from trigml.progress import Progress
from trigml.runs import Run
from trigml.spec import TargetSpec
from trigml.verify.building import StageName
from trigml.verify.events import NamedEvents, events_of_model, events_of_split
from trigml.verify.stages import GraphStage
from trigml.verify.vectors import Vectors
from trigml.verify.verification import vector_sets

TESTBENCH_EVENTS = 1000


@dataclass(frozen=True)
class EventChoice:
    """Which events a project is checked on; empty: the test split of a run, none for a model file.

    Attributes:
        data: of a run: files to take the test split from, instead of those of the training.
        events: of a model file: files of events, all of which are taken.
        features: the columns that it reads, in the order of its inputs (``None``: those of its contract).
        constituents: instead of features, the columns of the constituents.
    """

    data: Sequence[str] = ()
    events: Sequence[str] = ()
    features: Sequence[str] | None = None
    constituents: Sequence[str] | None = None

    def require_for(self, run: Run | None) -> None:
        """Refuse options that have no meaning for a run, or for a model file.

        Raises:
            BadInput: one was given.
        """
        columns = {"--features": self.features, "--constituents": self.constituents}
        wrong = {"--data": self.data} if run is None else {"--events": self.events, **columns}
        if given := [name for name, value in wrong.items() if value]:
            raise BadInput(
                f"{', '.join(given)} {'are' if len(given) > 1 else 'is'} for "
                + ("runs, which have a test split" if run is None else "model files"),
                remedy="name events with --events FILE --features A,B"
                if run is None
                else "the test split of a run is taken from the files of its training, or of --data FILE",
            )
        if not self.events and (given := [name for name, value in columns.items() if value]):
            raise BadInput(
                f"{', '.join(given)} without events to read", remedy="name them, too: --events FILE"
            )


@dataclass(frozen=True)
class Subject:
    """A run or a model file.

    Attributes:
        path: of it.
        options: what a model file does not say by itself.
        run: the finished run that it is; ``None`` for a model file.
        choice: what it is checked on.
    """

    path: Path
    options: OpenOptions
    run: Run | None
    choice: EventChoice

    @classmethod
    def at(cls, path: Path, options: OpenOptions, choice: EventChoice) -> Subject:
        """The run or model file at a path; the file is not read yet.

        Raises:
            BadInput: neither is there, or events are chosen in the other one's way.
        """
        run = run_at(path)
        choice.require_for(run)
        return cls(path, options, run, choice)

    @property
    def target(self) -> TargetSpec:
        """The usual device and options: of the run's spec; for a model file, those of a spec without any."""
        return TargetSpec() if self.run is None else self.run.spec.target

    def folder(self, kind: str, choices: Sequence[str]) -> Path:
        """Where a project goes if nothing else is said: one folder per choice of options.

        It lies in the run; for a model file in the working directory, and has the file's name.
        """
        if self.run is not None:
            return self.run.path / kind / "-".join(choices)
        place = self.path.resolve()
        return Path("-".join([place.name if place.is_dir() else place.stem, kind, *choices]))

    def inputs(self, random_count: int | None, seed: int, progress: Progress) -> Inputs:
        """The model, and what it is checked on.

        Raises:
            BadInput: the model cannot be opened, has no exact form, or the events are not there.
        """
        model = open_model(self.path, self.options, progress)
        with progress.task("Reading the events") as task:
            split, events = self._events(model)
            sets = vector_sets(model.graph, events, random_count, seed)
            task.advance()
        return Inputs(model, split, sets, with_events=events is not None)

    def _events(self, model: OpenedModel) -> tuple[Chunk | None, NamedEvents | None]:
        choice = self.choice
        if self.run is not None:
            split = events_of_split(self.run, Split.TEST, choice.data)
            return split, NamedEvents("test split", split.features)
        columns = columns_of(model.graph, choice.features, choice.constituents)
        return None, events_of_model(model, resolve_files(choice.events), columns)


@dataclass(frozen=True)
class Inputs:
    """A model and what it is checked on.

    Attributes:
        model: the opened run or model file.
        split: the test split of a run, with labels; ``None`` for a model file.
        sets: inputs of the comparison; events come first, if there are any.
        with_events: whether there are.
    """

    model: OpenedModel
    split: Chunk | None
    sets: tuple[Vectors, ...]
    with_events: bool

    @property
    def graph(self) -> Graph:
        """The model's graph."""
        return self.model.graph

    @property
    def original(self) -> StageName:
        """The stage that the model was before it became a graph."""
        return StageName.QONNX if self.model.keras is None else StageName.KERAS

    @property
    def testbench(self) -> tuple[IntArray, IntArray]:
        """Input and output words for the project's own testbench: events, if there are any, go first."""
        parts = [vectors.part(0, TESTBENCH_EVENTS) for vectors in self.sets]
        few = Vectors(
            "testbench",
            np.concatenate([part.inputs for part in parts])[:TESTBENCH_EVENTS],
            np.concatenate([part.words for part in parts])[:TESTBENCH_EVENTS],
        )
        return few.words, GraphStage(self.graph).outputs(few)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided when a model file was opened, and that no events were compared."""
        if self.with_events:
            return self.model.notes
        return (
            *self.model.notes,
            "no events were compared, only corners and random vectors (events of yours: --events FILE)",
        )

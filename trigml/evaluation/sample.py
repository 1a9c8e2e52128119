"""The events on which trigger quantities are measured, with the integer scores that a stage gave them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trigml.data.header import read_header
from trigml.data.layout import Column
from trigml.data.names import did_you_mean
from trigml.data.samples import resolve_files
from trigml.data.splits import Split, SplitFractions
from trigml.emulating import emulation_of
from trigml.emulation.stage import EmulationStage
from trigml.errors import BadInput
from trigml.graph import Graph
from trigml.network_events import NetworkEvents
from trigml.progress import Progress
from trigml.runs import Run
from trigml.scores.layout import ScoredFile, smallest_type

if TYPE_CHECKING:
    from trigml.training.regression_baselines import CalibratedSum


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured on, and what computed the scores.

    Attributes:
        name: ``test split``, or the files.
        events: how many.
        files: where they come from.
        stage: ``native`` or ``numpy``.
        tool: the same with its version.
        note: what one has to know of the events; empty if nothing.
    """

    name: str
    events: int
    files: tuple[ScoredFile, ...]
    stage: str
    tool: str
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredEvents:
    """Events with their scores.

    Attributes:
        sample: what they are.
        words: (n, n_out) integers, the output words of the network.
        labels: (n,) int64, index into the run's classes.
        column: the column against which turn-on curves are drawn, if one was asked for.
        values: (n,) float64, its values.
        truth: (n,) float64, the target of a regressor, where it was asked for.
        calibrated_sum: (n,) float32, a yardstick in the target's unit, where it was asked for.
    """

    sample: Sample
    words: NDArray[np.integer[Any]]
    labels: NDArray[np.int64]
    column: Column | None
    values: NDArray[np.float64] | None
    truth: NDArray[np.float64] | None = None
    calibrated_sum: NDArray[np.float32] | None = None


def score_events(
    run: Run,
    graph: Graph,
    files: Sequence[Path],
    classes: Sequence[str],
    *,
    against: str | None,
    truth: str | None = None,
    calibrated: CalibratedSum | None = None,
    stage: EmulationStage,
    threads: int | None,
    progress: Progress,
) -> ScoredEvents:
    """Score all events of ``files``, or without files those of the run's test split.

    The features are read some at a time; the scores of all events are held in memory.

    Args:
        run: whose classes, splits and data count.
        graph: its network.
        files: in the layout ``trigml-events``, with labels.
        classes: those of the run that count; events of others are left out.
        against: a column to read beside the features.
        truth: the target of a regressor, to read as well.
        calibrated: the sum to compute for each event.
        stage: what computes the scores.
        threads: of the native emulator (``None``: one per processor).
        progress: who listens.

    Raises:
        BadInput: a file, column or class is not there; a value is NaN or infinite; there are no events; the
            files of the training are not what they were.
    """
    split = None if files else Split.TEST
    paths = files_of(run, files)
    column = None if against is None else column_of(against, paths)
    targets = tuple(dict.fromkeys(name for name in (against, truth) if name is not None))
    fractions = run.spec.data.split
    events = NetworkEvents(
        graph,
        paths,
        class_names=classes,
        targets=targets,
        fractions=SplitFractions(fractions.train, fractions.validation, fractions.test),
    )
    digests = [file.sha256 for file in events.source.file_digests(progress)]
    note = _checked_origin(run, paths, digests, split)
    count = events.source.count(split)
    if count == 0:
        raise BadInput(
            "there are no events to evaluate",
            where=", ".join(str(path) for path in paths),
            expected=f"events of {', '.join(classes)}",
        )
    emulation = emulation_of(graph, stage, threads, progress)
    words = np.empty((count, graph.n_out), dtype=smallest_type(graph))
    labels = np.empty(count, dtype=np.int64)
    values = np.empty((count, len(targets)), dtype=np.float64)
    sums = None if calibrated is None else np.empty(count, dtype=np.float32)
    place_in_run = np.array([run.spec.data.classes.index(name) for name in classes])
    at = 0
    with progress.task("Scoring the events", count) as task, closing(events.chunks(split)) as chunks:
        for chunk in chunks:
            rows = slice(at, at + len(chunk))
            inputs = events.inputs(chunk)
            words[rows] = emulation.predict(inputs)
            labels[rows] = place_in_run.take(np.asarray(chunk.labels))
            if targets:
                values[rows] = np.asarray(chunk.targets)
            if calibrated is not None and sums is not None:
                sums[rows] = calibrated.predictions(inputs)
            at += len(chunk)
            task.advance(len(chunk))
    scored = tuple(
        ScoredFile(path.name, header.n_events, path.stat().st_size, digest)
        for path, header, digest in zip(paths, events.source.headers, digests, strict=True)
    )
    name = "test split" if split is not None else ", ".join(path.name for path in paths)
    read = {name: values[:, place] for place, name in enumerate(targets)}
    return ScoredEvents(
        Sample(name, count, scored, stage.value, emulation.tool, note),
        words,
        labels,
        column,
        None if against is None else read[against],
        None if truth is None else read[truth],
        sums,
    )


def files_of(run: Run, files: Sequence[Path]) -> list[Path]:
    """The files of the events, those of the training where none are named.

    Raises:
        BadInput: they are not there.
    """
    return list(files) or resolve_files(run.spec.data.files)


def column_of(name: str, paths: Sequence[Path]) -> Column:
    """A column of one number per event that all files have.

    Raises:
        BadInput: one has not.
    """
    for path in paths:
        known = {column.name: column for column in read_header(path).features}
        if name not in known:
            raise BadInput(
                f"the events have no column {name!r} for the turn-on curves",
                where=f"{path}, --against",
                expected="one of " + ", ".join(known),
                remedy=did_you_mean(name, known),
            )
    return known[name]


def _checked_origin(run: Run, paths: Sequence[Path], digests: Sequence[str], split: Split | None) -> str:
    """Refuse a test split of other files than those of the training; a note if files were trained on."""
    trained = [file.sha256 for file in run.manifest.data]
    if split is None:
        if set(digests) & set(trained):
            return "these files were used in the training: the network knows part of their events"
        return ""
    if list(digests) != trained:
        raise BadInput(
            "the events are not those of the training: what the test split is cannot be told",
            where=", ".join(str(path) for path in paths),
            expected="SHA-256 " + ", ".join(digest[:12] for digest in trained),
            found="SHA-256 " + ", ".join(digest[:12] for digest in digests),
            remedy="restore them, or name events that were not trained on: --events FILE",
        )
    return ""

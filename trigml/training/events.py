"""Events on their way into training: held in memory where they fit, streamed again every epoch where not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.data.blocks import Chunk
from trigml.data.header import read_header
from trigml.data.names import did_you_mean
from trigml.data.reader import EventSource
from trigml.data.samples import resolve_files
from trigml.data.splits import Split, SplitFractions
from trigml.errors import BadInput
from trigml.spec import Spec
from trigml.training.loop import Batch, TrainingEvents

MEMORY_BUDGET = 256 * 2**20
"""Bytes that the training split may take, its features and the model's inputs together."""

MAX_SAMPLE_EVENTS = 200_000
"""Events of the training split for the input contract and the calibration, and of the validation split."""

MAX_TEST_EVENTS = 500_000
"""Events of the test split on which models are measured."""

_PIECE_EVENTS = 65_536

_TOO_MANY_OUTSIDE = 0.75
"""With so many targets above the highest word, or below half an LSB, a regression is a mistake."""

Floats: TypeAlias = NDArray[np.float32]
Preparation: TypeAlias = Callable[[Floats], Floats]
"""Physical features (n, features) → model inputs (n, features)."""


def float_inputs(contract: InputContract) -> Preparation:
    """What the float reference sees: normalised features, neither rounded nor saturated."""
    return lambda features: contract.normalise(features).astype(np.float32)


def quantized_inputs(contract: InputContract) -> Preparation:
    """What the quantised model sees: the values of the words that arrive at the FPGA."""
    return lambda features: contract.model_inputs(contract.words(features))


def in_pieces(prepare: Preparation, features: Floats) -> Floats:
    """Apply a preparation piece by piece, since it needs double precision in between."""
    inputs = np.empty_like(features)
    for start in range(0, len(features), _PIECE_EVENTS):
        inputs[start : start + _PIECE_EVENTS] = prepare(features[start : start + _PIECE_EVENTS])
    return inputs


def labels_of(events: Chunk) -> NDArray[np.int64]:
    """The labels, int64 (n,).

    Raises:
        BadInput: the events were read without labels.
    """
    if events.labels is None:
        raise BadInput("the events have no labels")
    return events.labels.astype(np.int64)


def truth_of(events: Chunk) -> NDArray[np.int64] | Floats:
    """What the network learns, (n,): the target if the events were read with one, else the labels.

    Raises:
        BadInput: a target is not above 0, so that nothing can be said relative to it.
    """
    if events.targets is None:
        return labels_of(events)
    truth: Floats = events.targets[:, 0]
    if len(truth) and truth.min() <= 0:
        worst = int(truth.argmin())
        raise BadInput(
            "a target is not above 0, and the losses of a regression are relative to it",
            where=f"the event with the id {events.event_id[worst]}",
            found=f"{truth[worst]:g}",
            remedy="leave such events out, or name another column as data.target",
        )
    return truth


def event_source(spec: Spec) -> EventSource:
    """The events that a spec names: inputs, labels in the order of its classes, the target of a regression.

    Raises:
        BadInput: a file, column, cell or class is not there, a file is damaged, or files have other cells
            than the first one where the spec makes images of them.
    """
    split = spec.data.split
    paths = resolve_files(spec.data.files)
    if spec.inputs.cells is not None and spec.inputs.cells.images:
        _refuse_other_cells(paths)
    return EventSource(
        paths,
        features=_input_names(spec, paths),
        class_names=spec.data.classes,
        targets=() if spec.data.target is None else (spec.data.target,),
        fractions=SplitFractions(train=split.train, validation=split.validation, test=split.test),
    )


def _refuse_other_cells(paths: Sequence[Path]) -> None:
    """Cells of files with another number of them do not lie at the same places of the images."""
    counts = [read_header(path).n_constituents for path in paths]
    for path, count in zip(paths, counts, strict=True):
        if count != counts[0]:
            raise BadInput(
                "the files differ in the number of cells per event, so that images cannot be made of them",
                where=str(path),
                expected=f"{counts[0]}, as in {paths[0]}",
                found=str(count),
                remedy="make all files with the same trigger cells",
            )


def _input_names(spec: Spec, paths: Sequence[Path]) -> tuple[str, ...]:
    """Columns and cells in the order of the inputs; without a number, all cells from the first one on."""
    cells = spec.inputs.cells
    if cells is None or cells.count is not None:
        return spec.inputs.names
    header = read_header(paths[0])
    count = header.n_constituents - cells.first
    if cells.column not in header.constituent_names or count < 1:
        raise BadInput(
            f"there is no column {cells.column!r} with more than {cells.first} numbers per event",
            where=f"{paths[0]}: constituents",
            expected=f"one of {', '.join(header.constituent_names)}, with {header.n_constituents} numbers"
            if header.constituent_names
            else "a file with columns of several numbers per event",
            remedy=did_you_mean(cells.column, header.constituent_names),
        )
    if cells.images and cells.image_cells != count:
        raise BadInput(
            f"the images of the spec do not hold the cells of {cells.column!r}",
            where=f"{paths[0]}: inputs.cells.images",
            expected=f"images with {count} cells together, those from {cells.first} on",
            found=f"{cells.image_cells} cells: {', '.join(' × '.join(map(str, i)) for i in cells.images)}",
            remedy="give inputs.cells.count, if the images are meant to hold fewer cells than the file",
        )
    return tuple(feature.name for feature in spec.inputs.features) + cells.names(count)


def sample_limit(source: EventSource) -> int:
    """Events of a split that are kept at most: 200,000, or as many as fit into 256 MB with their inputs."""
    return min(MAX_SAMPLE_EVENTS, max(1, MEMORY_BUDGET // _event_bytes(source)))


def measured_events(source: EventSource, seed: int) -> Chunk:
    """The events on which models are measured: the test split, at most 500,000 or what fits into 256 MB."""
    limit = min(MAX_TEST_EVENTS, max(1, MEMORY_BUDGET // _event_bytes(source)))
    return source.gather(Split.TEST, limit, seed=seed)


def _event_bytes(source: EventSource) -> int:
    """Of an event in memory: its features and the model's inputs, single precision, and the label."""
    return 2 * 4 * len(source.feature_names) + 8


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """Training events whose model inputs are held in memory."""

    inputs: Floats
    truth: NDArray[np.int64] | Floats
    seed: int

    @property
    def n_events(self) -> int:
        """Events of one epoch."""
        return len(self.truth)

    def epoch(self, epoch: int, batch_size: int) -> Iterator[Batch]:
        """All events in an order that depends on the seed and the epoch."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.n_events)
        for start in range(0, self.n_events, batch_size):
            rows = order[start : start + batch_size]
            yield self.inputs[rows], self.truth[rows]


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """Training events that are read from their files in every epoch."""

    source: EventSource
    prepare: Preparation
    seed: int

    @property
    def n_events(self) -> int:
        """Events of one epoch."""
        return self.source.count(Split.TRAIN)

    def epoch(self, epoch: int, batch_size: int) -> Iterator[Batch]:
        """All events in an order that depends on the seed and the epoch."""
        seed = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1, np.uint64)[0])
        rest: Batch | None = None
        for chunk in self.source.chunks(Split.TRAIN, seed=seed):
            inputs, truth = self.prepare(chunk.features), truth_of(chunk)
            if rest is not None:
                inputs, truth = np.concatenate([rest[0], inputs]), np.concatenate([rest[1], truth])
            whole = len(truth) - len(truth) % batch_size
            for start in range(0, whole, batch_size):
                yield inputs[start : start + batch_size], truth[start : start + batch_size]
            rest = inputs[whole:], truth[whole:]
        if rest is not None and len(rest[1]):
            yield rest


@dataclass(frozen=True, slots=True, eq=False)
class SplitEvents:
    """The events of a training, each split at most as many as are kept in memory.

    Attributes:
        source: the files.
        training: all training events if they fit into ``MEMORY_BUDGET``, else a random part of them.
        validation: at most 200,000 events.
        test: at most 500,000 events.
        streamed: whether the loop reads the training events from their files in every epoch.
    """

    source: EventSource
    training: Chunk
    validation: Chunk
    test: Chunk
    streamed: bool

    @property
    def sample(self) -> Chunk:
        """Training events for fits that need not see all: at most 200,000."""
        if len(self.training) <= MAX_SAMPLE_EVENTS:
            return self.training
        rng = np.random.default_rng(len(self.training))
        rows = np.sort(rng.choice(len(self.training), MAX_SAMPLE_EVENTS, replace=False))
        return self.training.take(rows)

    @property
    def target_unit(self) -> str:
        """Unit of what a regression learns; empty if it has none."""
        return "".join(column.unit for column in self.source.target_columns)

    def training_events(self, prepare: Preparation, seed: int) -> TrainingEvents:
        """The training split for the loop."""
        if self.streamed:
            return Streamed(self.source, prepare, seed)
        return InMemory(in_pieces(prepare, self.training.features), truth_of(self.training), seed)

    def validation_batch(self, prepare: Preparation) -> Batch:
        """Model inputs and truth of the validation events."""
        return in_pieces(prepare, self.validation.features), truth_of(self.validation)


def gather_events(source: EventSource, seed: int, memory_budget: int = MEMORY_BUDGET) -> SplitEvents:
    """Read what is kept in memory of each split.

    Args:
        source: the files.
        seed: of the random parts, where a split is not taken whole.
        memory_budget: bytes for the training split.

    Raises:
        BadInput: a split is empty, a class is absent from one, or a target cannot be learned: not above 0, or
            the same for all events.
    """
    _refuse_absent_classes(source)
    streamed = source.count(Split.TRAIN) * _event_bytes(source) > memory_budget
    limit = sample_limit(source)
    events = SplitEvents(
        source,
        training=source.gather(Split.TRAIN, limit if streamed else None, seed=seed),
        validation=source.gather(Split.VALIDATION, limit, seed=seed),
        test=measured_events(source, seed),
        streamed=streamed,
    )
    if source.target_names:
        _refuse_unlearnable(events)
    return events


def _refuse_unlearnable(events: SplitEvents) -> None:
    for chunk in (events.validation, events.test):
        truth_of(chunk)
    truth = truth_of(events.training)
    if truth.min() == truth.max():
        raise BadInput(
            f"the target {events.source.target_names[0]!r} is the same for all training events",
            where=", ".join(str(path) for path in events.source.paths),
            found=f"{truth[0]:g}",
            remedy="name another column as data.target",
        )


def refuse_unfit_word(spec: Spec, events: SplitEvents) -> None:
    """Refuse a regression whose output word cannot tell most of what it is to learn.

    Raises:
        BadInput: more than 75 % of the training events have a target above the highest word, or one that
            rounds to 0.
    """
    if spec.output is None:
        return
    truth, lsb, unit = truth_of(events.training), spec.output.lsb, events.target_unit
    highest = lsb * (2**spec.output.bits - 1)
    above, nothing = float(np.mean(truth > highest)), float(np.mean(truth <= lsb / 2))
    expected = f"a word for {float(np.median(truth)):g} {unit}, the median of the training events"
    if above > _TOO_MANY_OUTSIDE:
        raise BadInput(
            "the output word is too short for the target",
            where="output",
            expected=expected,
            found=f"at most {highest:g} {unit}; {100 * above:.0f} % of the training events are above",
            remedy="give output.bits or output.lsb a higher value",
        )
    if nothing > _TOO_MANY_OUTSIDE:
        raise BadInput(
            "the output word is too coarse for the target",
            where="output.lsb",
            expected=expected,
            found=f"steps of {lsb:g} {unit}; {100 * nothing:.0f} % of the training events round to 0",
            remedy="give output.lsb a lower value",
        )


def _refuse_absent_classes(source: EventSource) -> None:
    names = source.class_names or ()
    for split in Split:
        for name, count in zip(names, source.class_counts[split], strict=True):
            if count < 2:
                raise BadInput(
                    f"the {split.name.lower()} split has {count} events of class {name!r}",
                    where=", ".join(str(path) for path in source.paths),
                    expected="at least two events of each class in each split",
                    remedy="give more events, or change data.split or data.classes",
                )

"""The events that a model is checked on: those of its run's test split, or files that somebody names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigml.data.blocks import Chunk
from trigml.data.splits import Split
from trigml.errors import BadInput
from trigml.graph import Graph
from trigml.network_events import Columns, NetworkEvents
from trigml.opening import OpenedModel
from trigml.runs import Run
from trigml.spec import with_data_files

MAX_EVENTS = 500_000
MAX_BYTES = 1 << 28
"""What the events may take, as features, words and model inputs together."""

_BYTES_PER_INPUT = 4 + 8 + 8


@dataclass(frozen=True, eq=False)
class EventStream:
    """Events that may be too many for memory.

    Attributes:
        name: for tables.
        n_events: how many there are.
        chunks: physical features (events, n_in) float32, some events at a time.
    """

    name: str
    n_events: int
    chunks: Iterator[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class NamedEvents:
    """Events and what they are called.

    Attributes:
        name: for tables.
        features: physical features (events, n_in) float32.
    """

    name: str
    features: NDArray[np.float32]


def events_of_model(
    model: OpenedModel, files: Sequence[Path] = (), columns: Columns | None = None
) -> NamedEvents | None:
    """Events of ``files``, at most ``most_events``; without files, the test split of a run.

    Returns:
        ``None`` for a model without a run if no files are named.

    Raises:
        BadInput: events that the network cannot read, or that are not there.
    """
    if files:
        return _events_of_files(model.graph, files, columns)
    if model.run is None:
        return None
    return NamedEvents("test split", events_of_split(model.run, Split.TEST, ()).features)


def stream_of_model(
    model: OpenedModel, files: Sequence[Path] = (), columns: Columns | None = None
) -> EventStream | None:
    """Like ``events_of_model``, but with all events of the files, some at a time."""
    if not files:
        held = events_of_model(model)
        return None if held is None else EventStream(held.name, len(held.features), iter([held.features]))
    events = NetworkEvents(model.graph, files, columns)
    chunks = (events.inputs(chunk) for chunk in events.chunks_from(0))
    return EventStream(_name_of(files), events.n_events, chunks)


def _name_of(files: Sequence[Path]) -> str:
    return f"events of {files[0].name}" if len(files) == 1 else f"events of {len(files)} files"


def most_events(graph: Graph) -> int:
    """How many events are read into memory at most."""
    return max(1, min(MAX_EVENTS, MAX_BYTES // (_BYTES_PER_INPUT * graph.n_in)))


def _events_of_files(graph: Graph, files: Sequence[Path], columns: Columns | None) -> NamedEvents:
    events = NetworkEvents(graph, files, columns)
    limit = most_events(graph)
    name = _name_of(files)
    if events.n_events > limit:
        name += f" (drawn from {events.n_events:,})"
    return NamedEvents(name, events.inputs(events.source.gather(None, limit)))


def events_of_split(run: Run, split: Split, data: Sequence[str]) -> Chunk:
    """A split of a run's events, as far as the training looked at it: features and labels.

    Args:
        run: a finished run.
        split: the test split (at most 500,000 events) or another one (at most 200,000).
        data: files to take it from, default those of the training.

    Raises:
        BadInput: a file is not where the run says; name others with ``--data``.
    """
    from trigml.training.events import event_source, measured_events, sample_limit

    spec = with_data_files(run.spec, data)
    try:
        source = event_source(spec)
        if split is Split.TEST:
            return measured_events(source, spec.training.seed)
        return source.gather(split, sample_limit(source), seed=spec.training.seed)
    except BadInput as error:
        if data:
            raise
        raise BadInput(
            "the events of this run's training cannot be read: " + error.problem,
            where=error.where or ", ".join(run.spec.data.files),
            expected=error.expected,
            found=error.found,
            remedy="name others with an option (--events FILE; trigml synth: --data FILE)",
        ) from error

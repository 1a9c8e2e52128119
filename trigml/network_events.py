"""The events that a network reads: columns found by the names in its contracts, units compared."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract, InputFeature
from trigml.data.blocks import Chunk
from trigml.data.cells import find_feature
from trigml.data.header import read_header
from trigml.data.layout import EventsHeader
from trigml.data.names import did_you_mean
from trigml.data.reader import EventSource
from trigml.data.splits import Split, SplitFractions
from trigml.errors import BadInput
from trigml.graph import Graph

Number = TypeVar("Number", np.float32, np.float64)

MOST_CHUNK_EVENTS = 65_536
CHUNK_BYTES = 16 * 2**20
"""The features of a chunk (float32) and its scores (int64) take at most so much each."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of the events a network reads: features or constituents.

    Attributes:
        features: one column per input word, in the order of the inputs.
        constituents: instead of features, the numbers of each constituent; as many constituents, from the
            first, as the network has inputs for.
        named: whether a person named them, and not the network's contracts.
    """

    features: tuple[str, ...] = ()
    constituents: tuple[str, ...] = ()
    named: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.features or tuple(f"constituents/{name}" for name in self.constituents)


def columns_of(
    graph: Graph, features: Sequence[str] | None = None, constituents: Sequence[str] | None = None
) -> Columns:
    """The columns that a network reads: those of its contracts, unless others are named.

    Raises:
        BadInput: their number does not fit the network's inputs, or both kinds are named.
    """
    if features and constituents:
        raise BadInput("either features or constituents can be named, not both")
    if constituents:
        if graph.n_in % len(constituents):
            raise BadInput(
                "the constituents' columns do not fit the network's inputs",
                expected=f"a number of columns that divides {graph.n_in} inputs",
                found=f"{len(constituents)}: {', '.join(constituents)}",
            )
        return Columns(constituents=tuple(constituents), named=True)
    if features and len(features) != graph.n_in:
        raise BadInput(
            "the features do not fit the network's inputs",
            expected=f"{graph.n_in} columns, in the order of the inputs",
            found=f"{len(features)}: {', '.join(features)}",
        )
    if features:
        return Columns(tuple(features), named=True)
    return Columns(tuple(feature.name for feature in _inputs(graph)))


class NetworkEvents:
    """Files of events as rows of a network's inputs; labels are read only if classes are named.

    Args:
        graph: the network.
        files: in the layout ``trigml-events``.
        columns: what to read (``None``: what the contracts name).
        class_names: the classes to read; the labels are their places here (``None``: all events, no labels).
        targets: columns to read beside the inputs.
        fractions: how events divide into splits.

    Raises:
        BadInput: a file that cannot be read, columns that are not there, or another unit than the contract's.
    """

    def __init__(
        self,
        graph: Graph,
        files: Sequence[Path],
        columns: Columns | None = None,
        *,
        class_names: Sequence[str] | None = None,
        targets: Sequence[str] = (),
        fractions: SplitFractions | None = None,
    ) -> None:
        self.columns = columns or columns_of(graph)
        if self.columns.features:
            for path in files:
                _check_features(graph, read_header(path), self.columns)
        wanted = self.columns.constituents
        self.source = EventSource(
            files,
            features=tuple(dict.fromkeys(self.columns.features)),
            class_names=class_names,
            targets=targets,
            fractions=fractions,
            constituents=wanted,
            n_constituents=graph.n_in // len(wanted) if wanted else None,
            chunk_events=max(1, min(MOST_CHUNK_EVENTS, CHUNK_BYTES // max(4 * graph.n_in, 8 * graph.n_out))),
        )
        self._places = self._repeated()

    def _repeated(self) -> NDArray[np.intp] | None:
        """Per input its column in a chunk; ``None`` if no column is read twice."""
        names = self.source.feature_names
        if names == self.columns.features:
            return None
        return np.array([names.index(name) for name in self.columns.features], dtype=np.intp)

    @property
    def n_events(self) -> int:
        """Events in all files."""
        return sum(header.n_events for header in self.source.headers)

    def chunks(self, split: Split | None) -> Generator[Chunk, None, None]:
        """The events of a split (``None``: all) in the order of the files.

        Raises:
            BadInput: as ``chunks_from``.
        """
        yield from self.source.chunks(split)

    def chunks_from(self, first: int) -> Iterator[Chunk]:
        """All events in the order of the files, but for the ``first`` ones.

        Raises:
            BadInput: while reading: values that are not finite, a file that is damaged or was changed.
        """
        return self.source.chunks_from(first)

    def inputs(self, chunk: Chunk) -> NDArray[np.float32]:
        """The network's inputs, (n, n_in) float32, C-contiguous."""
        if chunk.constituents is not None:
            return chunk.constituents.reshape(len(chunk), -1)
        return chunk.features if self._places is None else chunk.features.take(self._places, axis=1)


def _check_features(graph: Graph, header: EventsHeader, columns: Columns) -> None:
    found = {name: find_feature(header, name) for name in dict.fromkeys(columns.features)}
    missing = [name for name, column in found.items() if column is None]
    if missing:
        near = did_you_mean(missing[0], header.feature_names)
        way = "or name the columns in the order of the inputs: --features a,b,c"
        raise BadInput(
            f"the events lack {len(missing)} of the {len(columns.features)} columns that the network reads",
            where=str(header.path),
            expected=_some(missing),
            found=_some(header.feature_names) or "no features",
            remedy=f"{near} {way}" if near else f"give events with these columns, {way}",
        )
    for name, feature in zip(columns.features, _inputs(graph), strict=True):
        column = found[name]
        unit = "" if column is None else column.unit
        if unit == feature.unit or (columns.named and not (unit and feature.unit)):
            continue
        raise BadInput(
            f"the events give the column {name!r} in another unit than the network was made for",
            where=str(header.path),
            expected=repr(feature.unit) if feature.unit else "a dimensionless column",
            found=repr(unit) if unit else "a dimensionless column (no unit)",
            remedy="convert the column and state its unit (trigml data convert --unit NAME=UNIT)",
        )


def ports(graph: Graph, rows: NDArray[Number]) -> list[tuple[InputContract, NDArray[Number]]]:
    """Each input's contract with its columns of ``rows`` (events, n_in)."""
    ends = np.cumsum([len(contract.features) for contract in graph.contracts])[:-1]
    return list(zip(graph.contracts, np.split(rows, ends, axis=1), strict=True))


def _inputs(graph: Graph) -> list[InputFeature]:
    return [feature for contract in graph.contracts for feature in contract.features]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f", … ({len(names)} in all)" if len(names) > 8 else "")

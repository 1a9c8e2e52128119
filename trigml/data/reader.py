"""Streaming events out of one or several files: only the columns asked for, in bounded memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trigml.data.blocks import Block, BlockReader, Chunk, FileColumns, filled, locate_columns
from trigml.data.cells import cell_named, find_feature
from trigml.data.header import read_header
from trigml.data.layout import CHUNK_EVENTS, Column, EventsHeader, check_unique
from trigml.data.mixing import (
    blocks_after,
    blocks_in_order,
    blocks_mixed,
    buffer_rows,
    mixed,
    mixing_block_rows,
    mixing_workers,
    read_ahead,
    recut,
    workers_in_order,
)
from trigml.data.names import did_you_mean
from trigml.data.splits import Split, SplitFractions, assign
from trigml.errors import BadInput
from trigml.progress import Progress, Silent

_HASHED_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class FileDigest:
    """A file and the SHA-256 of its bytes, in hexadecimal."""

    path: Path
    sha256: str


class EventSource:
    """The requested columns of the events in one or several files.

    Args:
        paths: the files; each may hold all classes or one, and its classes in any order.
        features: the columns of ``Chunk.features``, in this order; ``energy[17]`` is number 17, from 0, of
            the column ``constituents/energy``.
        class_names: the classes to read; the position here is the integer label, whatever the files number
            them. Events of other classes are left out. ``None``: no labels are read and all events are taken.
        constituents: the columns of ``Chunk.constituents``, in this order.
        n_constituents: how many constituents per event, from the first; ``None``: as many as the files have.
        targets: columns of the group ``features`` that go to ``Chunk.targets``, for a regression.
        fractions: how events divide into splits.
        chunk_events: the largest number of events in a chunk.

    Raises:
        BadInput: a file that ``read_header`` refuses, a column or class that is not there (with the nearest
            names), units or numbers of constituents that differ between files, the same file twice.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        features: Sequence[str],
        class_names: Sequence[str] | None = None,
        constituents: Sequence[str] = (),
        n_constituents: int | None = None,
        targets: Sequence[str] = (),
        fractions: SplitFractions | None = None,
        chunk_events: int = CHUNK_EVENTS,
    ) -> None:
        self.paths = tuple(Path(path) for path in paths)
        self.feature_names = tuple(features)
        self.class_names = None if class_names is None else tuple(class_names)
        self.constituent_names = tuple(constituents)
        self.target_names = tuple(targets)
        self.fractions = fractions or SplitFractions()
        self.chunk_events = chunk_events
        self._check_request()
        self.headers = tuple(read_header(path) for path in self.paths)
        self._check_same_file_twice()
        for header in self.headers:
            self._check_columns(header)
        self._check_units()
        self._check_classes()
        self.n_constituents = self._checked_n_constituents(n_constituents)
        self._files = tuple(
            locate_columns(
                header,
                features=self.feature_names,
                targets=self.target_names,
                constituents=self.constituent_names,
                n_constituents=self.n_constituents,
                class_names=self.class_names,
            )
            for header in self.headers
        )

    def _check_request(self) -> None:
        if not self.paths:
            raise BadInput("no files of events were named")
        if self.chunk_events < 1:
            raise BadInput("a chunk holds at least one event", found=str(self.chunk_events))
        if not self.feature_names and not self.constituent_names:
            raise BadInput("no columns were asked for", expected="features, constituents or both")
        check_unique(self.feature_names, "feature")
        check_unique(self.constituent_names, "constituent column")
        check_unique(self.target_names, "target")
        check_unique(self.class_names or (), "class")
        if self.class_names == ():
            raise BadInput("the list of classes is empty")

    def _check_same_file_twice(self) -> None:
        seen: dict[tuple[int, int], Path] = {}
        for path in self.paths:
            status = os.stat(path)
            first = seen.setdefault((status.st_dev, status.st_ino), path)
            if first is not path:
                raise BadInput("the same file is named twice", where=str(path), found=f"also as {first}")

    def _check_columns(self, header: EventsHeader) -> None:
        for name in self.feature_names:
            if find_feature(header, name) is None:
                _refuse_feature(name, header)
        for name in self.target_names:
            _require(name, header.feature_names, "feature", header.path)
        for name in self.constituent_names:
            _require(name, header.constituent_names, "constituent column", header.path)

    def _check_units(self) -> None:
        first = self.headers[0]
        for header in self.headers[1:]:
            for one, other in zip(self._requested(first), self._requested(header), strict=True):
                if one.unit != other.unit:
                    raise BadInput(
                        f"the files give the column {one.name!r} in different units",
                        where=str(header.path),
                        expected=f"{one.unit!r}, as in {first.path}",
                        found=repr(other.unit),
                    )

    def _requested(self, header: EventsHeader) -> list[Column]:
        features = {column.name: column for column in header.features}
        constituents = {column.name: column for column in header.constituents}
        columns = [find_feature(header, name) or Column(name) for name in self.feature_names]
        columns += [features[name] for name in self.target_names]
        return columns + [constituents[name] for name in self.constituent_names]

    def _check_classes(self) -> None:
        if self.class_names is None:
            return
        for header in self.headers:
            if header.class_names is None:
                raise BadInput(
                    "the file has no labels",
                    where=str(header.path),
                    expected="the dataset /labels with class names",
                )
        known = sorted({name for header in self.headers for name in header.class_names or ()})
        for name in self.class_names:
            _require(name, known, "class", *self.paths)

    def _checked_n_constituents(self, wanted: int | None) -> int:
        if not self.constituent_names:
            return 0
        for header in self.headers:
            if wanted is not None and not 1 <= wanted <= header.n_constituents:
                raise BadInput(
                    "the file does not have so many constituents per event",
                    where=str(header.path),
                    expected=f"1 to {header.n_constituents}",
                    found=str(wanted),
                )
            if wanted is None and header.n_constituents != self.headers[0].n_constituents:
                raise BadInput(
                    "the files differ in the number of constituents per event",
                    where=str(header.path),
                    expected=f"{self.headers[0].n_constituents}, as in {self.headers[0].path}",
                    found=str(header.n_constituents),
                    remedy="ask for at most as many as all files have",
                )
        return self.headers[0].n_constituents if wanted is None else wanted

    @property
    def columns(self) -> tuple[Column, ...]:
        """The feature columns with their units and descriptions, in the order of ``Chunk.features``."""
        return tuple(self._requested(self.headers[0])[: len(self.feature_names)])

    @property
    def target_columns(self) -> tuple[Column, ...]:
        """The columns of ``Chunk.targets`` in their order."""
        first = len(self.feature_names)
        return tuple(self._requested(self.headers[0])[first : first + len(self.target_names)])

    def chunks(self, split: Split | None, *, seed: int | None = None) -> Iterator[Chunk]:
        """Stream the events of a split (``None``: of all) in chunks of ``chunk_events``.

        The last chunk may be shorter.
        Without a seed: in the order of the files. With a seed: blocks of all files in a random order, in
        proportion, and their events shuffled in a buffer for 32 chunks or more of the files' events (fewer
        where they would take more than 64 MiB); there are two such buffers. The same seed gives the same
        order; take another one for each epoch.
        The iterator can be abandoned at any time; no file stays open.

        Raises:
            BadInput: while reading: values that are not finite, labels out of range, a file that is
                damaged or was changed since this source was made.
        """
        read = BlockReader(split, self.fractions)
        if seed is None:
            return self._in_order(blocks_in_order(self._files, self.chunk_events), read)
        rng = np.random.default_rng(seed)
        capacity = buffer_rows(self._files, self.chunk_events)
        blocks = blocks_mixed(self._files, mixing_block_rows(len(self._files), capacity), rng)
        stream = mixed(
            blocks,
            read,
            capacity=capacity,
            n_events=self.chunk_events,
            rng=rng,
            workers=mixing_workers(),
        )
        return recut(stream, self.chunk_events)

    def chunks_from(self, first: int) -> Iterator[Chunk]:
        """Stream all events in the order of the files but the ``first`` ones; otherwise as ``chunks``."""
        blocks = blocks_after(blocks_in_order(self._files, self.chunk_events), first)
        return self._in_order(blocks, BlockReader(None, self.fractions))

    def _in_order(self, blocks: Sequence[Block], read: BlockReader) -> Iterator[Chunk]:
        stream = _without_none(read_ahead(blocks, read, workers_in_order(self._files)))
        return recut(stream, self.chunk_events)

    @cached_property
    def class_counts(self) -> npt.NDArray[np.int64]:
        """Events per split and class, shape (3, classes), or (3, 1) without classes; read once."""
        counts = np.zeros((len(Split), len(self.class_names or ("all",))), dtype=np.int64)
        bare = [_without_columns(file) for file in self._files]
        blocks = blocks_in_order(bare, CHUNK_EVENTS)
        workers = workers_in_order(bare)
        for chunk in _without_none(read_ahead(blocks, BlockReader(None, self.fractions), workers)):
            codes = assign(chunk.event_id, self.fractions)
            labels = np.zeros(len(chunk), dtype=np.int32) if chunk.labels is None else chunk.labels
            cells = codes * counts.shape[1] + labels
            counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)
        return counts

    def count(self, split: Split | None) -> int:
        """The number of events in a split (``None``: in all)."""
        counts = self.class_counts
        return int(counts.sum() if split is None else counts[split].sum())

    def gather(self, split: Split | None, limit: int | None = None, *, seed: int = 0) -> Chunk:
        """All events of a split in memory, in the order of the files; or ``limit`` drawn by ``seed``.

        Raises:
            BadInput: the split has no events; or as ``chunks``.
        """
        n_events = self.count(split)
        if n_events == 0:
            raise BadInput(
                f"the {'' if split is None else split.name.lower() + ' '}split has no events",
                where=", ".join(str(path) for path in self.paths),
            )
        if limit is None or limit >= n_events:
            return filled(self.chunks(split), n_events)
        return filled(self.chunks(split, seed=seed), limit)

    def file_digests(self, progress: Progress | None = None) -> tuple[FileDigest, ...]:
        """The SHA-256 of each file's bytes, in the order of the files."""
        listener = progress or Silent()
        total = sum(os.path.getsize(path) for path in self.paths)
        digests: list[FileDigest] = []
        with listener.task("Hashing the events", total) as task:
            for path in self.paths:
                digest = hashlib.sha256()
                with path.open("rb") as file:
                    while piece := file.read(_HASHED_BYTES):
                        digest.update(piece)
                        task.advance(len(piece))
                digests.append(FileDigest(path, digest.hexdigest()))
        return tuple(digests)

    def digest(self, progress: Progress | None = None) -> str:
        """One SHA-256 over the digests of all files in their order; their names and places do not count."""
        both = "".join(file.sha256 for file in self.file_digests(progress))
        return hashlib.sha256(both.encode("ascii")).hexdigest()


def _require(name: str, known: Sequence[str], what: str, *paths: Path) -> None:
    if name not in known:
        raise BadInput(
            f"there is no {what} {name!r}",
            where=", ".join(str(path) for path in paths),
            expected="one of " + ", ".join(known) if known else f"a file with {what}s",
            remedy=did_you_mean(name, known),
        )


def _refuse_feature(name: str, header: EventsHeader) -> None:
    cell = cell_named(name)
    if cell is None or cell.column not in header.constituent_names:
        _require(name, header.feature_names, "feature", header.path)
    raise BadInput(
        f"the column has no cell {name!r}",
        where=f"{header.path}: constituents",
        expected=f"0 to {header.n_constituents - 1}",
        found=name,
    )


def _without_none(chunks: Iterator[Chunk | None]) -> Iterator[Chunk]:
    return (chunk for chunk in chunks if chunk is not None)


def _without_columns(file: FileColumns) -> FileColumns:
    return replace(file, features=(), cells=(), targets=(), constituents=(), n_constituents=0)

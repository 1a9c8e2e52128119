"""Reading one block of events: consecutive rows of one file, only the columns asked for, checked."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trigml.data.cells import feature_places
from trigml.data.hdf5 import open_hdf5
from trigml.data.layout import EventsHeader
from trigml.data.splits import Split, SplitFractions, assign
from trigml.data.stored import FileState, OpenEvents, StoredCells, StoredColumn, locate, open_events
from trigml.errors import BadInput

_PIECE_ROWS = 16384  # the rows of 16 columns then stay in a processor's second-level cache
_CACHE_LINE = 64  # bytes
_PAD = 16  # columns a power of two apart would compete for the same cache lines

Floats = npt.NDArray[np.float32]
Scratch = Callable[[int, int], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some events, read from one or several files; the arrays have n rows.

    Attributes:
        event_id: (n,) uint64.
        features: (n, F) float32, C-contiguous; F may be 0.
        labels: (n,) int32, index into the requested class names; ``None`` if none were requested.
        targets: (n, T) float32, C-contiguous; ``None`` if none were requested.
        constituents: (n, K, C) float32, C-contiguous; ``None`` if none were requested.
    """

    event_id: npt.NDArray[np.uint64]
    features: Floats
    labels: npt.NDArray[np.int32] | None
    targets: Floats | None
    constituents: Floats | None

    def __len__(self) -> int:
        return len(self.event_id)

    @property
    def arrays(self) -> tuple[npt.NDArray[Any] | None, ...]:
        """All columns in the order of the attributes."""
        return (self.event_id, self.features, self.labels, self.targets, self.constituents)

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Chunk:
        """The events at ``rows``; a slice shares memory with this chunk."""
        return Chunk(*(None if array is None else _rows(array, rows) for array in self.arrays))  # type: ignore[arg-type]

    def emptied(self, n_events: int) -> Chunk:
        """A chunk of ``n_events`` with the same columns; its values are not set."""
        columns = (None if a is None else np.empty((n_events, *a.shape[1:]), a.dtype) for a in self.arrays)
        return Chunk(*columns)  # type: ignore[arg-type]

    def put(self, start: int, events: Chunk) -> None:
        """Overwrite the events from ``start`` on by ``events``."""
        for target, source in zip(self.arrays, events.arrays, strict=True):
            if target is not None and source is not None:
                target[start : start + len(source)] = source


def _rows(array: npt.NDArray[Any], rows: npt.NDArray[np.intp] | slice) -> npt.NDArray[Any]:
    return array[rows] if isinstance(rows, slice) else array.take(rows, axis=0)


def filled(chunks: Iterable[Chunk], n_events: int) -> Chunk:
    """The first ``n_events`` events of ``chunks``, copied into one; there have to be as many."""
    whole: Chunk | None = None
    start = 0
    for chunk in chunks:
        if whole is None:
            whole = chunk.emptied(n_events)
        whole.put(start, chunk.take(slice(0, n_events - start)))
        start += len(chunk)
        if start >= n_events:
            return whole
    raise ValueError(f"{start} events where {n_events} were promised")


def concatenated(chunks: Sequence[Chunk]) -> Chunk:
    """The events of all ``chunks``, one after the other."""
    if len(chunks) == 1:
        return chunks[0]
    columns = zip(*(chunk.arrays for chunk in chunks), strict=True)
    return Chunk(*(None if pieces[0] is None else np.concatenate(pieces) for pieces in columns))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class FileColumns:
    """The requested columns of one file, and where they lie.

    ``features`` are those with a dataset of their own, which come to ``places`` among all features; the
    others are ``cells``.
    ``label_of`` maps the file's labels to the requested ones, shape (classes of the file,) int32, with -1 for
    a class that was not requested; ``None`` if no labels were requested.
    """

    path: Path
    state: FileState
    n_events: int
    event_id: StoredColumn
    features: tuple[StoredColumn, ...]
    places: npt.NDArray[np.intp]
    cells: tuple[StoredCells, ...]
    targets: tuple[StoredColumn, ...]
    constituents: tuple[StoredColumn, ...]
    n_constituents: int
    labels: StoredColumn | None
    label_of: npt.NDArray[np.int32] | None

    @property
    def chunk_rows(self) -> int:
        """Blocks should begin at multiples of so many rows; see ``whole_chunk_rows``."""
        return whole_chunk_rows(self._columns)

    @property
    def inflated(self) -> bool:
        """Whether some of the columns are compressed."""
        return any(column.deflate for column in self._columns)

    @property
    def _columns(self) -> tuple[StoredColumn, ...]:
        labels = () if self.labels is None else (self.labels,)
        several = (*(cells.column for cells in self.cells), *self.constituents)
        return (self.event_id, *labels, *self.features, *self.targets, *several)

    @property
    def n_features(self) -> int:
        """F, cells included."""
        return len(self.features) + sum(len(cells.places) for cells in self.cells)

    @property
    def same_labels(self) -> bool:
        """Whether the file numbers the classes as requested."""
        return self.label_of is not None and bool((self.label_of == np.arange(len(self.label_of))).all())

    @property
    def row_bytes(self) -> int:
        """Bytes of one event in memory."""
        return sum(array[0].nbytes for array in self.empty_chunk(1).arrays if array is not None)

    def empty_chunk(self, n_events: int) -> Chunk:
        """A chunk of ``n_events`` with the requested columns; its values are not set."""
        n = n_events
        constituents = (n, self.n_constituents, len(self.constituents))
        return Chunk(
            event_id=np.empty(n, dtype=np.uint64),
            features=_aligned((n, self.n_features)),
            labels=None if self.labels is None else np.empty(n, dtype=np.int32),
            targets=_aligned((n, len(self.targets))) if self.targets else None,
            constituents=_aligned(constituents) if self.constituents else None,
        )


def _aligned(shape: tuple[int, ...]) -> Floats:
    """Memory that begins with a cache line: a row of 16 columns then lies in one of them, not in two."""
    n_bytes = 4 * math.prod(shape)
    raw = np.empty(n_bytes + _CACHE_LINE, dtype=np.uint8)
    start = -raw.ctypes.data % _CACHE_LINE
    return raw[start : start + n_bytes].view(np.float32).reshape(shape)


def whole_chunk_rows(columns: Sequence[StoredColumn]) -> int:
    """The rows of the longest HDF5 chunk that can only be read as a whole; 1 if there is none."""
    whole = (column for column in columns if column.deflate or column.offsets is None)
    return max((min(column.chunk_rows, column.n_rows) for column in whole), default=1)


def rounded_rows(rows: int, unit: int) -> int:
    """``rows`` rounded down to a multiple of ``unit``, but at least ``unit``."""
    return max(rows // unit, 1) * unit


@dataclass(frozen=True, slots=True)
class Block:
    """The rows [start, stop) of a file."""

    file: FileColumns
    start: int
    stop: int

    @property
    def n_events(self) -> int:
        """How many events that is."""
        return self.stop - self.start


def locate_columns(
    header: EventsHeader,
    *,
    features: Sequence[str],
    targets: Sequence[str],
    constituents: Sequence[str],
    n_constituents: int,
    class_names: Sequence[str] | None,
) -> FileColumns:
    """Find where the requested columns of a validated file lie."""
    requested = feature_places(header, features)
    with open_hdf5(header.path) as file:
        return FileColumns(
            path=header.path,
            state=FileState.of(os.stat(header.path)),
            n_events=header.n_events,
            event_id=locate(file["event_id"]),
            features=tuple(locate(file[f"features/{name}"]) for name in requested.features),
            places=requested.places,
            cells=tuple(
                StoredCells(locate(file[f"constituents/{name}"]), indices, places)
                for name, (indices, places) in requested.cells.items()
            ),
            targets=tuple(locate(file[f"features/{name}"]) for name in targets),
            constituents=tuple(locate(file[f"constituents/{name}"]) for name in constituents),
            n_constituents=n_constituents,
            labels=None if class_names is None else locate(file["labels"]),
            label_of=None if class_names is None else _label_map(header, class_names),
        )


def _label_map(header: EventsHeader, class_names: Sequence[str]) -> npt.NDArray[np.int32]:
    requested = {name: label for label, name in enumerate(class_names)}
    return np.array([requested.get(name, -1) for name in header.class_names or ()], dtype=np.int32)


class BlockReader:
    """Reads blocks, on any number of threads; each thread keeps the memory that columns pass through."""

    def __init__(self, split: Split | None, fractions: SplitFractions) -> None:
        self._split = split
        self._fractions = fractions
        self._of_thread = threading.local()

    def __call__(self, block: Block) -> Chunk | None:
        """The events of the block that are in the split and of a requested class; ``None`` if there are none.

        Raises:
            BadInput: a label out of range, a value that is NaN or infinite, a file damaged or changed.
        """
        chunk = block.file.empty_chunk(block.n_events)
        rows = self.fill(block, chunk)
        if len(rows) == 0:
            return None
        return chunk if len(rows) == len(chunk) else chunk.take(rows)

    def fill(self, block: Block, chunk: Chunk) -> npt.NDArray[np.intp]:
        """Read all events of the block into ``chunk``, which holds as many.

        Returns:
            The rows, ascending, that are in the split and of a requested class. If there are none, some
            of the columns are not read.

        Raises:
            BadInput: as when called.
        """
        file = block.file
        with open_events(file.path, file.state) as opened:
            chunk.event_id[...] = opened.read(file.event_id, block.start, block.stop)
            requested: npt.NDArray[np.bool_] | None = None
            if chunk.labels is not None:
                _read_labels(opened, block, chunk.labels)
                requested = None if file.same_labels else chunk.labels >= 0
            keep = requested
            if self._split is not None:
                in_split = assign(chunk.event_id, self._fractions) == self._split
                keep = in_split if keep is None else in_split & keep
            rows = np.arange(len(chunk)) if keep is None else np.flatnonzero(keep)
            if len(rows):
                matrices = _Matrices(opened, block, requested)
                matrices.fill_features(chunk.features, self._scratch)
                if chunk.targets is not None:
                    matrices.fill(file.targets, chunk.targets, self._scratch)
                if chunk.constituents is not None:
                    matrices.fill(file.constituents, chunk.constituents, self._scratch)
        return rows

    def _scratch(self, columns: int, numbers: int) -> Floats:
        """Memory for ``numbers`` values of each of ``columns``, the same one every time; all of it finite."""
        kept: Floats | None = getattr(self._of_thread, "scratch", None)
        if kept is None or kept.size < columns * numbers:
            kept = np.zeros(columns * numbers, dtype=np.float32)
            self._of_thread.scratch = kept
        return kept[: columns * numbers].reshape(columns, numbers)


def _read_labels(opened: OpenEvents, block: Block, labels: npt.NDArray[np.int32]) -> None:
    """Fill ``labels`` with those that were requested, -1 for others."""
    file = block.file
    if file.labels is None or file.label_of is None:
        raise ValueError("no labels were requested")
    stored = opened.read(file.labels, block.start, block.stop)
    if stored.max() >= len(file.label_of):
        row = int(np.argmax(stored >= len(file.label_of)))
        raise BadInput(
            "a label is out of range",
            where=f"{file.path}: /labels, row {block.start + row}",
            expected=f"0 to {len(file.label_of) - 1}",
            found=str(stored[row]),
        )
    labels[...] = stored if file.same_labels else file.label_of.take(stored)


class _Matrices:
    """Reads columns of one block side by side into matrices."""

    def __init__(self, opened: OpenEvents, block: Block, requested: npt.NDArray[np.bool_] | None) -> None:
        self._opened = opened
        self._block = block
        self._requested = requested

    def fill_features(self, matrix: Floats, scratch: Scratch) -> None:
        """Fill ``matrix``, (n, F), with the features and cells of the block's file."""
        file = self._block.file
        if not file.cells:
            self.fill(file.features, matrix, scratch)
            return
        own = np.empty((len(matrix), len(file.features)), dtype=np.float32)
        self.fill(file.features, own, scratch)
        matrix[:, file.places] = own
        for cells in file.cells:
            if np.array_equal(cells.indices, np.arange(matrix.shape[1])):  # the first F cells, nothing else
                self.fill([cells.column], matrix[:, :, np.newaxis], scratch)
                continue
            column = np.empty((len(matrix), cells.indices.max() + 1, 1), dtype=np.float32)
            self.fill([cells.column], column, scratch)
            matrix[:, cells.places] = column[:, cells.indices, 0]

    def fill(self, columns: Sequence[StoredColumn], matrix: Floats, scratch: Scratch) -> None:
        """Fill ``matrix``, (n, columns) or, with the first K numbers of each column, (n, K, columns)."""
        if not columns:
            return
        n_rows, *shape = matrix.shape[:-1]
        width = math.prod(shape)
        piece_rows = rounded_rows(_PIECE_ROWS // width, whole_chunk_rows(columns))
        piece_rows = min(piece_rows, n_rows)
        # Column after column in one small buffer that the processor's cache holds, then turned: writing each
        # column straight into the matrix would touch all of the matrix's memory once per column.
        buffer = scratch(len(columns), piece_rows * width + _PAD)
        for first in range(0, n_rows, piece_rows):
            count = min(piece_rows, n_rows - first)
            used = buffer[:, : count * width].reshape(len(columns), count, *shape)
            self._read_piece(columns, first, used)
            if not _surely_finite(buffer):
                for values, column in zip(used, columns, strict=True):
                    self._refuse_not_finite(column, first, values.reshape(count, -1))
            matrix[first : first + count] = np.moveaxis(used, 0, -1)

    def _read_piece(self, columns: Sequence[StoredColumn], first: int, used: Floats) -> None:
        """Fill ``used``, (columns, n) or (columns, n, K), with the rows of the block from ``first`` on."""
        targets: list[npt.NDArray[Any]] = list(used)
        converted: list[int] = []
        for index, column in enumerate(columns):
            whole = used.ndim == 2 or used.shape[2] == column.width
            if not whole or column.dtype != np.float32 or not column.dtype.isnative:
                targets[index] = np.empty((used.shape[1], column.width), dtype=column.dtype)
                converted.append(index)
        self._opened.fill(columns, self._block.start + first, targets)
        with np.errstate(over="ignore"):
            for index in converted:
                wanted = used[index].reshape(used.shape[1], -1)
                wanted[...] = targets[index][:, : wanted.shape[1]]

    def _refuse_not_finite(self, column: StoredColumn, first: int, values: Floats) -> None:
        bad: npt.NDArray[np.bool_] = np.any(~np.isfinite(values), axis=1)
        if self._requested is not None:
            bad &= self._requested[first : first + len(bad)]
        if not bad.any():
            return
        row = self._block.start + first + int(np.argmax(bad))
        stored = self._opened.read(column, row, row + 1).ravel()
        with np.errstate(over="ignore"):
            worst = stored[np.argmax(~np.isfinite(stored.astype(np.float32)))]
        raise BadInput(
            "a value is NaN, infinite or too large for float32",
            where=f"{self._block.file.path}: {column.name}, row {row}",
            found=str(worst),
            remedy="leave such events out, or give them a finite value that says so, when the file is made",
        )


def _surely_finite(buffer: Floats) -> bool:
    """Whether all values are finite; ``False`` also for finite ones whose squares are too large to sum."""
    flat = buffer.ravel()
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.dot(flat, flat)))

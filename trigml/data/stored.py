"""Where the values of a dataset lie in its file, and reading rows from there.

The HDF5 library finds the values; they are then read and inflated here, without it, because it works on one
thread at a time, while zlib and the operating system work on several. Files that are stored in another way
than the usual ones (h5py's defaults, with or without gzip and shuffle) are read through the library.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from trigml.data.hdf5 import open_hdf5
from trigml.errors import BadInput

_DEFLATE, _SHUFFLE = 1, 2
_MOST_BUFFERS = 512  # of one call of preadv; POSIX systems take at least 1024 in practice


@dataclass(frozen=True, slots=True, eq=False)
class StoredColumn:
    """One dataset with ``width`` numbers per row.

    ``offsets`` and ``sizes`` (bytes) have one entry per chunk of ``chunk_rows`` rows; ``offsets`` is ``None``
    for a dataset that has to be read through the HDF5 library.
    """

    name: str
    dtype: np.dtype[Any]
    width: int
    n_rows: int
    chunk_rows: int
    row_bytes: int
    deflate: bool = False
    shuffle: bool = False
    offsets: tuple[int, ...] | None = None
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class StoredCells:
    """Cells of one column, ``indices`` in it, that are the features at ``places``."""

    column: StoredColumn
    indices: npt.NDArray[np.intp]
    places: npt.NDArray[np.intp]


def locate(dataset: h5py.Dataset) -> StoredColumn:
    """Find the values of a dataset of shape (N,) or (N, K) that ``read_header`` has validated."""
    n_rows = int(dataset.shape[0])
    width = int(dataset.shape[1]) if dataset.ndim == 2 else 1
    chunks = dataset.chunks
    through_library = StoredColumn(
        name=dataset.name,
        dtype=dataset.dtype,
        width=width,
        n_rows=n_rows,
        chunk_rows=n_rows if chunks is None else int(chunks[0]),
        row_bytes=width * dataset.dtype.itemsize,
    )
    filters = _filters(dataset)
    if dataset.file.userblock_size or filters not in ([], [_DEFLATE], [_SHUFFLE, _DEFLATE]):
        return through_library
    if chunks is None:
        start = dataset.id.get_offset()
        offsets, sizes = [0 if start is None else int(start)], [n_rows * through_library.row_bytes]
    elif dataset.ndim == 2 and chunks[1] != width:
        return through_library
    else:
        offsets, sizes = _chunk_index(dataset, n_rows, int(chunks[0]))
    if not all(offsets):  # values that were never written, or lie inside the header
        return through_library
    return replace(
        through_library,
        deflate=_DEFLATE in filters,
        shuffle=_SHUFFLE in filters,
        offsets=tuple(offsets),
        sizes=tuple(sizes),
    )


def _filters(dataset: h5py.Dataset) -> list[int]:
    creation = dataset.id.get_create_plist()
    return [creation.get_filter(index)[0] for index in range(creation.get_nfilters())]


def _chunk_index(dataset: h5py.Dataset, n_rows: int, chunk_rows: int) -> tuple[list[int], list[int]]:
    """Offset and size of each chunk; offset 0 for one that is missing or skipped a filter."""
    n_chunks = -(-n_rows // chunk_rows)
    offsets, sizes = [0] * n_chunks, [0] * n_chunks

    def note(info: Any) -> None:
        index = info.chunk_offset[0] // chunk_rows
        if info.filter_mask == 0 and index < n_chunks:
            offsets[index] = int(info.byte_offset)
            sizes[index] = int(info.size)

    dataset.id.chunk_iter(note)
    return offsets, sizes


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """A deflated chunk, of which ``count`` rows from ``skip`` on go to ``values``."""

    column: StoredColumn
    packed: memoryview
    skip: int
    values: npt.NDArray[Any]


class OpenEvents:
    """A file that is open for reading rows; it is checked to be the one that was validated."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def read(self, column: StoredColumn, start: int, stop: int) -> npt.NDArray[Any]:
        """The rows [start, stop) of a column in its stored type: shape (n,) or, if width > 1, (n, width).

        Raises:
            BadInput: the file is damaged or truncated.
        """
        shape = (stop - start,) if column.width == 1 else (stop - start, column.width)
        rows = np.empty(shape, dtype=column.dtype)
        self.fill([column], start, [rows])
        return rows

    def fill(self, columns: Sequence[StoredColumn], start: int, values: Iterable[npt.NDArray[Any]]) -> None:
        """Fill one array per column, contiguous and of its stored type, with its rows from ``start`` on.

        What lies side by side in the file is read at once.

        Raises:
            BadInput: the file is damaged or truncated.
        """
        pieces: list[tuple[int, memoryview]] = []
        packed: list[_Packed] = []
        for column, rows in zip(columns, values, strict=True):
            if column.offsets is None:
                self._fill_through_library(column, start, rows)
                continue
            done, n_rows = 0, len(rows)
            chunk, skip = divmod(start, column.chunk_rows)
            while done < n_rows:
                stop = min(done + column.chunk_rows - skip, n_rows)
                target = rows[done:stop]
                if column.deflate:
                    content = memoryview(bytearray(column.sizes[chunk]))
                    packed.append(_Packed(column, content, skip, target))
                    pieces.append((column.offsets[chunk], content))
                else:
                    pieces.append((column.offsets[chunk] + skip * column.row_bytes, target.data.cast("B")))
                done, chunk, skip = stop, chunk + 1, 0
        self._read_pieces(pieces)
        for item in packed:
            self._inflate(item)

    def _fill_through_library(self, column: StoredColumn, start: int, rows: npt.NDArray[Any]) -> None:
        with open_hdf5(self.path) as file:
            rows[...] = file[column.name][start : start + len(rows)].reshape(rows.shape)

    def _read_pieces(self, pieces: list[tuple[int, memoryview]]) -> None:
        pieces.sort(key=itemgetter(0))
        targets: list[memoryview] = []
        start = end = 0
        for offset, target in pieces:
            if offset != end or len(targets) == _MOST_BUFFERS:
                self._read_side_by_side(targets, start)
                targets, start, end = [], offset, offset
            targets.append(target)
            end += len(target)
        self._read_side_by_side(targets, start)

    def _read_side_by_side(self, targets: list[memoryview], offset: int) -> None:
        while targets:
            count = os.preadv(self._handle, targets, offset)
            if count == 0:
                raise self._damaged("", "the file ends before its values do")
            offset += count
            whole = 0
            while whole < len(targets) and count >= len(targets[whole]):
                count -= len(targets[whole])
                whole += 1
            targets = targets[whole:]
            if count:
                targets[0] = targets[0][count:]

    def _inflate(self, item: _Packed) -> None:
        column = item.column
        expected = column.chunk_rows * column.row_bytes
        try:
            # No more than expected and a byte: a damaged chunk cannot inflate to fill the memory.
            plain = zlib.decompressobj().decompress(item.packed, expected + 1)
        except zlib.error as error:
            raise self._damaged(column.name, str(error)) from error
        if len(plain) != expected:
            raise self._damaged(column.name, f"a chunk of {len(plain)} bytes instead of {expected}")
        begin = item.skip * column.width
        numbers = item.values.size
        if column.shuffle:
            # Shuffling stores the first bytes of all numbers, then the second bytes, …
            size = column.dtype.itemsize
            by_byte = np.frombuffer(plain, dtype=np.uint8).reshape(size, -1)
            item.values.view(np.uint8).reshape(numbers, size)[...] = by_byte[:, begin : begin + numbers].T
        else:
            values = np.frombuffer(plain, dtype=column.dtype)[begin : begin + numbers]
            item.values[...] = values.reshape(item.values.shape)

    def _damaged(self, name: str, found: str) -> BadInput:
        return BadInput(
            "the HDF5 file cannot be read; it seems to be damaged",
            where=f"{self.path}: {name}" if name else str(self.path),
            found=found,
            remedy="copy or make the file again",
        )


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells that a file was replaced or changed: device, inode, bytes, time of the last change (ns)."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileState:
        """The state in the operating system's answer to stat."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@contextmanager
def open_events(path: Path, state: FileState) -> Iterator[OpenEvents]:
    """Open a file to read rows from, if it still is what it was when ``state`` was taken.

    Raises:
        BadInput: the file is gone, was changed, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise BadInput(f"cannot read the file: {error.strerror}", where=str(path)) from error
    try:
        if FileState.of(os.fstat(handle)) != state:
            raise BadInput(
                "the file changed while it was in use",
                where=str(path),
                remedy="start again when nothing writes to it",
            )
        yield OpenEvents(path, handle)
    except OSError as error:
        raise BadInput(f"cannot read the file: {error.strerror}", where=str(path)) from error
    finally:
        os.close(handle)

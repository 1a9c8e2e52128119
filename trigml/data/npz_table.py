"""NPZ files as tables: each array a column, read piece by piece without unpacking the whole."""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from trigml.data.tables import Batch, Kind, TableColumn, Wanted, check_values, column_of
from trigml.errors import BadInput

_DAMAGE = (
    EOFError,
    OSError,
    RuntimeError,  # with NotImplementedError: encrypted, or compressed in a way that Python does not know
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class _Member:
    """One array of the archive."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class NpzTable:
    """An NPZ file whose arrays all have the same first dimension: (n,) columns and (n, K) nested columns.

    Arrays of objects would need pickle, which can run code: they are refused.

    Raises:
        BadInput: not NPZ, no arrays, arrays of different lengths, of objects, or of more than two dimensions.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as archive:
            self._members = {
                name.removesuffix(".npy"): self._header(archive, name) for name in archive.namelist()
            }
        lengths = {name: member.shape[0] for name, member in self._members.items()}
        if not lengths:
            raise BadInput("the file holds no arrays", where=str(path))
        if len(set(lengths.values())) > 1:
            raise BadInput(
                "the arrays differ in length",
                where=str(path),
                expected="one row per event in every array",
                found=", ".join(f"{name}: {length}" for name, length in lengths.items()),
            )
        self._n_rows = next(iter(lengths.values()))
        if self._n_rows <= 0:  # a damaged header may say -1
            raise BadInput("the arrays are empty", where=str(path))

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def n_rows(self) -> int | None:
        """The length of the arrays."""
        return self._n_rows

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """All arrays, in the file's order."""
        return tuple(
            TableColumn(
                name,
                numeric=member.dtype.kind in "iufb",
                nested=len(member.shape) == 2,
                dtype=stored_dtype(member.dtype),
            )
            for name, member in self._members.items()
        )

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self._path) as archive:
                yield archive
        except _DAMAGE as error:
            raise BadInput(
                "the file is not NPZ, or damaged", where=str(self._path), found=str(error)
            ) from error

    def _header(self, archive: zipfile.ZipFile, name: str) -> _Member:
        with archive.open(name) as file:
            return self._read_header(file, name)

    def _read_header(self, file: IO[bytes], name: str) -> _Member:
        where = f"{self._path}: {name}"
        try:
            version = np.lib.format.read_magic(file)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = read(file)
        except (ValueError, SyntaxError, TypeError, tokenize.TokenError) as error:
            raise BadInput("this is not an array of NumPy", where=where, found=str(error)) from error
        if dtype.hasobject:
            raise BadInput(
                "this array holds Python objects, which are not loaded: they can run code",
                where=where,
                remedy="save it as numbers or as text of fixed length: array.astype(str)",
            )
        if len(shape) not in (1, 2) or (fortran and len(shape) == 2):
            raise BadInput(
                "this array does not have the shape of a column",
                where=where,
                expected="(events,) or, for constituents, (events, K) in C order",
                found=f"{shape}{' in Fortran order' if fortran else ''}",
                remedy="save the columns of a matrix one by one: np.savez(FILE, pt=x[:, 0], eta=x[:, 1])",
            )
        return _Member(tuple(shape), dtype)

    def batches(self, wanted: Sequence[Wanted], n_rows: int, width: int) -> Iterator[Batch]:
        """The wanted arrays, at most ``n_rows`` rows at a time.

        Raises:
            BadInput: an array that is not of the wanted kind, a damaged file.
        """
        for want in wanted:
            self._check_kind(want)
        with self._opened() as archive, ExitStack() as stack:
            files: dict[str, IO[bytes]] = {}
            for want in wanted:
                files[want.name] = stack.enter_context(archive.open(f"{want.name}.npy"))
                self._read_header(files[want.name], want.name)
            for start in range(0, self._n_rows, n_rows):
                stop = min(start + n_rows, self._n_rows)
                yield {want.name: self._rows(files[want.name], want, start, stop, width) for want in wanted}

    def _check_kind(self, want: Wanted) -> None:
        column = column_of(self, want.name)
        fits = column.nested == (want.kind is Kind.NESTED) and (column.numeric or want.kind is Kind.TEXT)
        if not fits:
            member = self._members[want.name]
            raise BadInput(
                f"the array {want.name!r} cannot be used so",
                where=str(self._path),
                expected=want.kind.value,
                found=f"{member.dtype} of shape {member.shape}",
            )

    def _rows(self, file: IO[bytes], want: Wanted, start: int, stop: int, width: int) -> npt.NDArray[Any]:
        member = self._members[want.name]
        row_bytes = member.dtype.itemsize * int(np.prod(member.shape[1:]))
        content = file.read((stop - start) * row_bytes)
        if len(content) != (stop - start) * row_bytes:
            raise BadInput("the file ends before its arrays do", where=f"{self._path}: {want.name}")
        values = np.frombuffer(content, dtype=member.dtype).reshape(stop - start, *member.shape[1:])
        if want.kind is Kind.TEXT:
            return values.astype(str)
        check_values(values, want.kind, want.name, lambda row: f"{self._path}: row {start + row} (from 0)")
        if want.kind is Kind.INTEGER:
            return values.astype(np.uint64)
        return padded(values, width) if want.kind is Kind.NESTED else values


def stored_dtype(dtype: np.dtype[Any]) -> str:
    """The type in which a column of a table is stored: integers as they are, the rest as float32."""
    if dtype.kind in "iu":
        return str(dtype.newbyteorder("="))
    return "uint8" if dtype.kind == "b" else "float32"


def padded(values: npt.NDArray[Any], width: int) -> npt.NDArray[Any]:
    """The first ``width`` columns of ``values``, (n, any), with columns of zeros if there are fewer."""
    missing = max(0, width - values.shape[1])
    return np.pad(values[:, :width], ((0, 0), (0, missing)))

"""What the tables that events are converted from have in common: CSV, NPZ and ROOT files."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from trigml.data.names import did_you_mean
from trigml.errors import BadInput

Batch = dict[str, npt.NDArray[Any]]
"""Column name → values of some rows; see ``Kind``."""


class Kind(enum.Enum):
    """What a column is wanted as, and the array that it then is."""

    NUMBER = "finite numbers, (n,) of any numeric type"
    INTEGER = "whole numbers from 0 to 2^64 - 1, (n,) uint64"
    TEXT = "text, (n,) str; numbers are written out"
    NESTED = "finite numbers, (n, K), padded with zeros or cut to K"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table: numbers or text, one per row or several (``nested``).

    ``dtype`` is the NumPy name of a number's type: the type to store it in.
    """

    name: str
    numeric: bool
    nested: bool = False
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column that is asked for."""

    name: str
    kind: Kind


class Table(Protocol):
    """A file with columns that can be read some rows at a time."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """All columns, in the file's order."""

    @property
    def n_rows(self) -> int | None:
        """The number of rows, if it is known without reading them."""

    def batches(self, wanted: Sequence[Wanted], n_rows: int, width: int) -> Iterator[Batch]:
        """The wanted columns, at most ``n_rows`` rows at a time; K = ``width``.

        Raises:
            BadInput: a value that is not of the wanted kind, with its place; a damaged file.
        """


def open_table(path: Path, tree: str | None = None) -> Table:
    """Open a table by the ending of its name.

    Raises:
        BadInput: another ending, or a file that is not what its name says.
    """
    if not path.exists():
        raise BadInput("there is no such file", where=str(path))
    if path.is_dir():
        raise BadInput("this is a folder, not a file", where=str(path))
    if path.stat().st_size == 0:
        raise BadInput("the file is empty (0 bytes)", where=str(path))
    openers: dict[str, Callable[[], Table]] = {
        ".csv": lambda: _csv(path),
        ".npz": lambda: _npz(path),
        ".root": lambda: _root(path, tree),
    }
    opener = openers.get(path.suffix.lower())
    if opener is None:
        raise BadInput("this kind of file cannot be converted", where=str(path), expected=", ".join(openers))
    return opener()


def _csv(path: Path) -> Table:
    from trigml.data.csv_table import CsvTable

    return CsvTable(path)


def _npz(path: Path) -> Table:
    from trigml.data.npz_table import NpzTable

    return NpzTable(path)


def _root(path: Path, tree: str | None) -> Table:
    from trigml.data.root_table import RootTable

    return RootTable(path, tree)


def column_of(table: Table, name: str) -> TableColumn:
    """The column ``name``.

    Raises:
        BadInput: there is none; with the nearest names.
    """
    for column in table.columns:
        if column.name == name:
            return column
    names = [column.name for column in table.columns]
    raise BadInput(
        f"there is no column {name!r}",
        where=str(table.path),
        expected="one of " + ", ".join(names),
        remedy=did_you_mean(name, names),
    )


def check_values(values: npt.NDArray[Any], kind: Kind, column: str, place: Callable[[int], str]) -> None:
    """Refuse numbers that are not what ``kind`` says; ``place`` tells where row i of ``values`` stands.

    Raises:
        BadInput: NaN, infinite or too large for float32; for ``INTEGER``: negative or with a fraction.
    """
    bad = ~np.isfinite(values)
    expected = "a finite number"
    if kind is Kind.INTEGER:
        expected = "a whole number from 0 to 2^64 - 1"
        if values.dtype.kind == "f":
            bad |= (values != np.floor(values)) | (values < 0) | (values >= 2.0**53)
            expected = "a whole number from 0 to 2^53 (it is stored as a floating-point number)"
        else:
            bad |= values < 0
    elif values.dtype.kind == "f":
        bad |= np.abs(values) > np.finfo(np.float32).max
        expected = "a finite number that float32 can hold"
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        found = str(values[row] if values.ndim == 1 else values[row][bad[row]][0])
        raise BadInput(
            f"the column {column!r} has a value that cannot be used",
            where=place(row),
            expected=expected,
            found=found,
        )

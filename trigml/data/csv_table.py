"""CSV files as tables: a first line with names, then one line per event."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trigml.data.layout import check_unique
from trigml.data.tables import Batch, Kind, TableColumn, Wanted, check_values, column_of
from trigml.errors import BadInput

_DELIMITERS = ",;\t|"

Line = tuple[int, list[str]]
"""The number of a line and its cells."""


class CsvTable:
    """A CSV file in UTF-8; the delimiter is the commonest of comma, semicolon, tab and bar in its first line.

    A column counts as numeric if its value in the first row is a number. Blank lines are skipped.

    Raises:
        BadInput: no names, numbers instead of names, the same name twice, no rows, not text.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._delimiter = ","
        first_lines = list(itertools.islice(self._lines(), 1))
        if not first_lines:
            raise BadInput("the file has only blank lines", where=str(path))
        self._delimiter = max(_DELIMITERS, key=",".join(first_lines[0][1]).count)
        (_, header), *rows = itertools.islice(self._lines(), 2)
        names = [name.strip() for name in header]
        if any(_is_number(name) for name in names):
            raise BadInput(
                "the first line has numbers where the names of the columns should be",
                where=f"{path}: line 1",
                found=", ".join(names[:5]),
            )
        check_unique(names, "column", f"{path}: line 1")
        if not rows:
            raise BadInput("the file has no rows below the names of its columns", where=str(path))
        first = rows[0][1]
        self._columns = tuple(
            TableColumn(name, numeric=_is_number(cell))
            for name, cell in itertools.zip_longest(names, first[: len(names)], fillvalue="")
        )

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """All columns, in the file's order."""
        return self._columns

    @property
    def n_rows(self) -> int | None:
        """Not known without reading the file."""
        return None

    def _lines(self) -> Iterator[Line]:
        reader: Any = None
        try:
            with self._path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.reader(file, delimiter=self._delimiter, strict=True)
                for cells in reader:
                    if cells:
                        yield reader.line_num, cells
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadInput(
                "the file is not CSV text in UTF-8",
                where=f"{self._path}: after line {reader.line_num}",
                found=str(error),
            ) from error

    def batches(self, wanted: Sequence[Wanted], n_rows: int, width: int) -> Iterator[Batch]:
        """The wanted columns, at most ``n_rows`` rows at a time; numbers are float64.

        Raises:
            BadInput: a line with another number of cells, a cell that is not of the wanted kind.
        """
        places = [self._columns.index(column_of(self, want.name)) for want in wanted]
        lines = itertools.islice(self._lines(), 1, None)
        while batch := list(itertools.islice(lines, n_rows)):
            self._check_lengths(batch)
            yield {
                want.name: self._converted(want, [cells[place] for _, cells in batch], batch)
                for want, place in zip(wanted, places, strict=True)
            }

    def _check_lengths(self, batch: Sequence[Line]) -> None:
        for number, cells in batch:
            if len(cells) != len(self._columns):
                raise BadInput(
                    "a line has another number of cells than the first line",
                    where=f"{self._path}: line {number}",
                    expected=str(len(self._columns)),
                    found=str(len(cells)),
                )

    def _converted(self, want: Wanted, cells: Sequence[str], batch: Sequence[Line]) -> npt.NDArray[Any]:
        if want.kind is Kind.TEXT:
            return np.array([cell.strip() for cell in cells])
        if want.kind is Kind.NESTED:
            raise BadInput(
                f"the column {want.name!r} of a CSV file cannot hold constituents",
                where=str(self._path),
                remedy="use NPZ or ROOT, or name the columns one by one as features",
            )
        convert: Callable[[str], float] = int if want.kind is Kind.INTEGER else float
        dtype = np.uint64 if want.kind is Kind.INTEGER else np.float64
        if any("_" in cell for cell in cells):
            self._refuse_first_bad(want, cells, batch)
        try:
            values = np.array([convert(cell) for cell in cells], dtype=dtype)
        except (ValueError, OverflowError):
            self._refuse_first_bad(want, cells, batch)
            raise
        check_values(values, want.kind, want.name, lambda row: f"{self._path}: line {batch[row][0]}")
        return values

    def _refuse_first_bad(self, want: Wanted, cells: Sequence[str], batch: Sequence[Line]) -> None:
        for (number, _), cell in zip(batch, cells, strict=True):
            good = _is_id(cell) if want.kind is Kind.INTEGER else _is_number(cell)
            if not good:
                raise BadInput(
                    f"the column {want.name!r} has a cell that is not a number",
                    where=f"{self._path}: line {number}",
                    expected="a whole number from 0 to 2^64 - 1" if want.kind is Kind.INTEGER else "a number",
                    found=repr(cell),
                )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python takes 2_0 for 20; in a table it is a typing error


def _is_id(cell: str) -> bool:
    try:
        return "_" not in cell and 0 <= int(cell) < 2**64
    except ValueError:
        return False

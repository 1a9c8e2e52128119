"""ROOT trees as tables, through uproot: each branch of numbers a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trigml.data.names import did_you_mean
from trigml.data.npz_table import padded, stored_dtype
from trigml.data.tables import Batch, Kind, TableColumn, Wanted, check_values, column_of
from trigml.errors import BadInput

_NUMBERS = "iufb"


class RootTable:
    """A tree of a ROOT file; without a name, the file's only tree.

    Branches with one number per entry are columns; branches with a fixed or varying number of numbers are
    nested columns; others are left out.

    Raises:
        BadInput: not a ROOT file, no such tree (with the nearest names), several trees and none named, no
            entries, no branches of numbers.
    """

    def __init__(self, path: Path, tree: str | None = None) -> None:
        self._path = path
        with self._opened() as file:
            self._tree_name = self._choose(file, tree)
            found = file[self._tree_name]
            self._n_rows = int(found.num_entries)
            self._columns = tuple(
                column for branch in found.branches if (column := _column(branch)) is not None
            )
        if self._n_rows == 0:
            raise BadInput("the tree has no entries", where=f"{path}: {self._tree_name}")
        if not self._columns:
            raise BadInput("the tree has no branches of numbers", where=f"{path}: {self._tree_name}")

    def _opened(self) -> Any:
        import uproot

        try:
            return uproot.open(self._path)
        except (ValueError, OSError, KeyError, uproot.DeserializationError) as error:
            raise BadInput(
                "the file is not a ROOT file, or damaged",
                where=str(self._path),
                found=str(error).strip().splitlines()[0],
            ) from error

    def _choose(self, file: Any, tree: str | None) -> str:
        trees = sorted(file.keys(cycle=False, filter_classname="TTree"))
        trees = list(dict.fromkeys(trees))
        if tree is not None and tree not in trees:
            raise BadInput(
                f"there is no tree {tree!r}",
                where=str(self._path),
                expected="one of " + ", ".join(trees) if trees else "a file with trees",
                remedy=did_you_mean(tree, trees),
            )
        if tree is None and len(trees) != 1:
            raise BadInput(
                "the file has several trees" if trees else "the file has no tree",
                where=str(self._path),
                found=", ".join(trees) or None,
                remedy="name the tree to convert" if trees else None,
            )
        return tree or trees[0]

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def n_rows(self) -> int | None:
        """The number of entries."""
        return self._n_rows

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """The branches of numbers, in the file's order."""
        return self._columns

    def batches(self, wanted: Sequence[Wanted], n_rows: int, width: int) -> Iterator[Batch]:
        """The wanted branches, at most ``n_rows`` entries at a time.

        Raises:
            BadInput: a branch that is not of the wanted kind, a damaged file.
        """
        import awkward

        for want in wanted:
            column = column_of(self, want.name)
            if column.nested != (want.kind is Kind.NESTED):
                raise BadInput(
                    f"the branch {want.name!r} cannot be used so",
                    where=f"{self._path}: {self._tree_name}",
                    expected=want.kind.value,
                    found="several numbers per entry" if column.nested else "one number per entry",
                )
        names = [want.name for want in wanted]
        start = 0
        with self._opened() as file:
            tree = file[self._tree_name]
            for batch in tree.iterate(names, step_size=n_rows, library="ak"):
                yield {
                    want.name: self._values(awkward, batch[want.name], want, start, width) for want in wanted
                }
                start += len(batch)

    def _values(self, awkward: Any, branch: Any, want: Wanted, start: int, width: int) -> npt.NDArray[Any]:
        if want.kind is Kind.NESTED:
            cut = awkward.pad_none(branch, width, axis=1, clip=True)
            values = padded(np.asarray(awkward.to_numpy(awkward.fill_none(cut, 0))), width)
        else:
            values = np.asarray(awkward.to_numpy(branch))
        if want.kind is Kind.TEXT:
            return values.astype(str)
        check_values(values, want.kind, want.name, lambda row: f"{self._path}: entry {start + row} (from 0)")
        return values.astype(np.uint64) if want.kind is Kind.INTEGER else values


def _column(branch: Any) -> TableColumn | None:
    """What uproot says of a branch, as a column; ``None`` if it does not hold numbers."""
    import uproot

    nested = False
    interpretation = branch.interpretation
    if isinstance(interpretation, uproot.interpretation.jagged.AsJagged):
        nested = True
        interpretation = interpretation.content
    if not isinstance(interpretation, uproot.interpretation.numerical.AsDtype):
        return None
    dtype = interpretation.to_dtype
    if dtype.subdtype is not None:
        if nested or len(dtype.subdtype[1]) != 1:
            return None
        nested, dtype = True, dtype.subdtype[0]
    if dtype.kind not in _NUMBERS:
        return None
    return TableColumn(branch.name, numeric=True, nested=nested, dtype=stored_dtype(dtype))

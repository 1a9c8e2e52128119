"""ROOT trees as tables, through uproot: each branch (TTree) or field (RNTuple) of numbers a column."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trigml.data.names import did_you_mean
from trigml.data.npz_table import padded, stored_dtype
from trigml.data.tables import Batch, Kind, TableColumn, Wanted, check_values, column_of
from trigml.errors import BadInput

_NUMBERS = "iufb"
_DAMAGE = (
    AssertionError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # with NotImplementedError, and RecursionError in structures that contain themselves
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What uproot raises on damaged bytes besides its own errors, found by changing bytes of files."""


class RootTable:
    """A TTree or RNTuple of a ROOT file; without a name, the file's only one.

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
            self._columns = tuple(_columns(found))
        if self._n_rows == 0:
            raise BadInput("the tree has no entries", where=f"{path}: {self._tree_name}")
        if not self._columns:
            raise BadInput("the tree has no branches of numbers", where=f"{path}: {self._tree_name}")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """The open file; what damage makes uproot or awkward raise inside the block is explained."""
        import cramjam  # uproot unpacks with it
        import uproot

        try:
            with uproot.open(self._path) as file:
                yield file
        except (*_DAMAGE, uproot.DeserializationError, cramjam.DecompressionError) as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, found: str) -> BadInput:
        lines = found.strip().splitlines()
        return BadInput(
            "the file is not a ROOT file, or damaged",
            where=str(self._path),
            found=lines[0] if lines else None,
            remedy="copy or make the file again",
        )

    def _choose(self, file: Any, tree: str | None) -> str:
        kinds = file.classnames(cycle=False)
        trees = sorted(name for name, kind in kinds.items() if kind in {"TTree", "ROOT::RNTuple"})
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
                    want.name: self._values(awkward, _branch(batch, want.name), want, start, width)
                    for want in wanted
                }
                start += len(batch)
        if start != self._n_rows:
            raise self._damaged(f"{start} entries, where the tree says that it has {self._n_rows}")

    def _values(self, awkward: Any, branch: Any, want: Wanted, start: int, width: int) -> npt.NDArray[Any]:
        if want.kind is Kind.NESTED:
            wrong = awkward.validity_error(branch)
            if wrong:  # awkward would read outside the memory of the values
                raise self._damaged(str(wrong))
            cut = awkward.pad_none(branch, width, axis=1, clip=True)
            values = padded(np.asarray(awkward.to_numpy(awkward.fill_none(cut, 0))), width)
        else:
            values = np.asarray(awkward.to_numpy(branch))
        if want.kind is Kind.TEXT:
            return values.astype(str)
        check_values(values, want.kind, want.name, lambda row: f"{self._path}: entry {start + row} (from 0)")
        return values.astype(np.uint64) if want.kind is Kind.INTEGER else values


def _branch(batch: Any, name: str) -> Any:
    """A column of what ``iterate`` gave; a field of a field (``jet.pt`` of an RNTuple) lies inside it."""
    return batch[name] if name in batch.fields else batch[tuple(name.split("."))]


def _columns(tree: Any) -> Iterator[TableColumn]:
    """The branches or fields that hold one or several numbers per entry."""
    import uproot

    if isinstance(tree, uproot.TTree):
        for branch in tree.branches:
            column = _branch_column(branch)
            if column is not None:
                yield column
        return
    for name in tree.keys():  # noqa: SIM118 - not a dictionary
        column = _field_column(name, tree[name].array(entry_stop=0).type.content)
        if column is not None:
            yield column


def _branch_column(branch: Any) -> TableColumn | None:
    from uproot.interpretation.jagged import AsJagged
    from uproot.interpretation.numerical import AsDtype

    interpretation = branch.interpretation
    nested = isinstance(interpretation, AsJagged)
    if nested:
        interpretation = interpretation.content
    if not isinstance(interpretation, AsDtype):
        return None
    dtype = interpretation.to_dtype
    if dtype.subdtype is not None:
        if nested or len(dtype.subdtype[1]) != 1:
            return None
        nested, dtype = True, dtype.subdtype[0]
    if dtype.kind not in _NUMBERS:
        return None
    return TableColumn(branch.name, numeric=True, nested=nested, dtype=stored_dtype(dtype))


def _field_column(name: str, kind: Any) -> TableColumn | None:
    from awkward.types import ListType, NumpyType, RegularType

    nested = isinstance(kind, ListType | RegularType)
    if nested:
        kind = kind.content
    if not isinstance(kind, NumpyType) or kind.parameters:  # text is a list of numbers with a parameter
        return None
    return TableColumn(name, numeric=True, nested=nested, dtype=stored_dtype(np.dtype(kind.primitive)))

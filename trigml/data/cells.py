"""Cells: single numbers of a column that has several per event, named as features: ``energy[17]``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from trigml.data.layout import Column, EventsHeader

_CELL = re.compile(r"(.+)\[(0|[1-9][0-9]{0,8})\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of each event: the one at ``index`` (from 0) in the column ``constituents/COLUMN``."""

    column: str
    index: int

    @property
    def name(self) -> str:
        """What the cell is called as a feature."""
        return f"{self.column}[{self.index}]"


def cell_named(name: str) -> Cell | None:
    """The cell that a name stands for; ``None`` if it is not of the form ``COLUMN[INDEX]``."""
    found = _CELL.fullmatch(name)
    return None if found is None else Cell(found[1], int(found[2]))


def find_feature(header: EventsHeader, name: str) -> Column | None:
    """The column of a feature or cell with its unit; ``None`` if the file does not hold it.

    A feature that is really called ``x[0]`` goes before the cell of that name.
    """
    for column in header.features:
        if column.name == name:
            return column
    cell = cell_named(name)
    for column in header.constituents:
        if cell is not None and column.name == cell.column and cell.index < header.n_constituents:
            return replace(column, name=name)
    return None


@dataclass(frozen=True, slots=True, eq=False)
class FeaturePlaces:
    """Which of the requested features lie in datasets of their own, and which are cells.

    Attributes:
        features: names of the former.
        places: their positions among the requested features.
        cells: by the name of its column: the indices of the cells in it, and their positions.
    """

    features: tuple[str, ...]
    places: npt.NDArray[np.intp]
    cells: dict[str, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]


def feature_places(header: EventsHeader, names: Sequence[str]) -> FeaturePlaces:
    """Divide the names of features, all of which ``find_feature`` finds."""
    own = set(header.feature_names)
    cells: dict[str, tuple[list[int], list[int]]] = {}
    for place, name in enumerate(names):
        cell = None if name in own else cell_named(name)
        if cell is not None:
            indices, places = cells.setdefault(cell.column, ([], []))
            indices.append(cell.index)
            places.append(place)
    return FeaturePlaces(
        features=tuple(name for name in names if name in own),
        places=np.array([place for place, name in enumerate(names) if name in own], dtype=np.intp),
        cells={
            column: (np.array(indices, dtype=np.intp), np.array(places, dtype=np.intp))
            for column, (indices, places) in cells.items()
        },
    )

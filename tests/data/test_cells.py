"""Tests of trigml.data.cells: single numbers of a column that has several per event, read as features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.data.cells import Cell, cell_named, find_feature
from trigml.data.header import read_header
from trigml.data.layout import Column
from trigml.data.reader import EventSource
from trigml.data.splits import Split
from trigml.errors import BadInput

MakeEvents = Callable[..., Path]


def test_names_of_cells() -> None:
    """Only a column with an index in square brackets is a cell; its name leads back to it."""
    assert cell_named("energy[17]") == Cell("energy", 17)
    assert cell_named("a[1][0]") == Cell("a[1]", 0)
    assert Cell("energy", 17).name == "energy[17]"
    for name in ("energy", "energy[]", "energy[-1]", "energy[01]", "[3]", "energy[3] ", "energy[1.0]"):
        assert cell_named(name) is None, name


@pytest.mark.parametrize("compression", ["gzip", None])
@pytest.mark.parametrize(
    "names",
    [
        [f"pt[{i}]" for i in range(5)],  # the whole column
        [f"pt[{i}]" for i in range(3)],  # its first cells
        ["pt[4]", "mass", "deta[0]", "pt[1]", "tau21"],
        ["deta[2]"],
    ],
)
def test_cells_are_read_as_features(
    make_events: MakeEvents, compression: str | None, names: list[str]
) -> None:
    """Each cell has its column's values, in the order asked for, beside features, in order and mixed."""
    path = make_events(n_constituents=5, compression=compression)
    source = EventSource([path], features=names, class_names=["q"], chunk_events=77)
    with h5py.File(path) as file:
        columns = []
        for name in names:
            cell = cell_named(name)
            stored = file[f"features/{name}"] if cell is None else file[f"constituents/{cell.column}"]
            columns.append(stored[:] if cell is None else stored[:, cell.index])
        expected = np.stack(columns, axis=1).astype(np.float32)
    for chunk in (source.gather(None), source.gather(Split.TRAIN), source.gather(Split.TEST, 50, seed=1)):
        np.testing.assert_array_equal(chunk.features, expected[chunk.event_id.astype(int)])
        assert chunk.features.flags.c_contiguous
    assert [column.name for column in source.columns] == names


def test_cells_have_the_unit_of_their_column(make_events: MakeEvents) -> None:
    """The contract of a network on cells says what their words mean."""
    header = read_header(make_events(n_constituents=2))
    assert find_feature(header, "pt[1]") == Column("pt[1]", "GeV")
    assert find_feature(header, "deta[0]") == Column("deta[0]", "")
    assert find_feature(header, "pt[2]") is None


def test_a_feature_of_that_name_goes_first(make_events: MakeEvents) -> None:
    """A dataset that is really called ``pt[0]`` is not hidden by the cell."""
    path = make_events(n_constituents=2, features=(Column("mass"), Column("pt[0]", "MeV")))
    source = EventSource([path], features=["pt[0]", "pt[1]"])
    chunk = source.gather(None)
    base = 10 * chunk.event_id.astype(np.float32)
    np.testing.assert_array_equal(chunk.features, np.stack([base + 1, base + 1 / 64], axis=1))
    assert [column.unit for column in source.columns] == ["MeV", "GeV"]


def test_cells_that_are_not_there(make_events: MakeEvents) -> None:
    """An index beyond the column and an unknown column are told apart."""
    path = make_events(n_constituents=4)
    with pytest.raises(BadInput, match=r"no cell 'pt\[4\]'[\s\S]*0 to 3"):
        EventSource([path], features=["pt[0]", "pt[4]"])
    with pytest.raises(BadInput, match=r"no feature 'phi\[0\]'"):
        EventSource([path], features=["phi[0]"])
    other = make_events("b.h5", n_constituents=4, features=(Column("pt[0]", "MeV"), Column("mass")))
    with pytest.raises(BadInput, match="different units"):
        EventSource([path, other], features=["pt[0]"])


def test_a_cell_that_is_no_number_is_refused(make_events: MakeEvents) -> None:
    """NaN in a cell is an error with file, column and row, as in a feature."""
    path = make_events(n_constituents=3, compression=None)
    with h5py.File(path, "r+") as file:
        file["constituents/pt"][70, 1] = np.nan
    for names in (["pt[1]"], ["pt[0]", "pt[1]", "pt[2]"]):
        with pytest.raises(BadInput, match="constituents/pt, row 70"):
            EventSource([path], features=names).gather(None)

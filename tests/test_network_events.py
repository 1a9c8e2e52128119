"""The events that a network reads: names, units, order, and what is said if they do not fit."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.contract import InputContract, InputFeature
from trigml.data.layout import Column, EventsWriter
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder
from trigml.network_events import CHUNK_BYTES, MOST_CHUNK_EVENTS, NetworkEvents, columns_of

FORMAT = FixedPoint.parse("ap_fixed<10,4,RND_CONV,SAT>")


def network(*inputs: tuple[tuple[str, str], ...]) -> Graph:
    """A network that hands its inputs on; one input per list of (column, unit)."""
    builder = GraphBuilder("network")
    tensors = []
    for number, features in enumerate(inputs):
        contract = InputContract(tuple(InputFeature(n, u, 0.0, 0) for n, u in features), FORMAT)
        tensors.append(builder.input(f"in_{number}", (len(features),), contract))
    return builder.finish(tensors)


def write(path: Path, n: int = 40, **units: str) -> Path:
    """Events with the columns of ``units``; value = 100 × event + place of the column."""
    constituents = [Column("con_pt", "GeV"), Column("con_eta")]
    with EventsWriter(
        path,
        title="test",
        features=[Column(name, unit) for name, unit in units.items()],
        constituents=constituents,
        n_constituents=4,
        chunk_events=16,
    ) as writer:
        base = 100.0 * np.arange(n)
        writer.append(
            event_id=np.arange(n),
            features={name: base + place for place, name in enumerate(units)},
            constituents={
                column.name: base[:, None] + 10 * place + np.arange(4)
                for place, column in enumerate(constituents)
            },
        )
    return path


def rows(events: NetworkEvents, first: int = 0) -> np.ndarray:
    return np.concatenate([events.inputs(chunk) for chunk in events.chunks_from(first)])


def test_columns_come_in_the_order_of_the_inputs(tmp_path: Path) -> None:
    """Protects against features in the file's order, and against losing one that two inputs share."""
    graph = network((("c", ""), ("a", "GeV")), (("b", ""), ("a", "GeV")))
    events = NetworkEvents(graph, [write(tmp_path / "e.h5", a="GeV", b="", c="")])
    assert events.n_events == 40
    found = rows(events)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, 100.0 * np.arange(40)[:, None] + [2, 0, 1, 0])


@pytest.mark.parametrize("first", [0, 1, 15, 16, 39, 40, 41, 52, 79, 80])
def test_reading_begins_at_any_event(tmp_path: Path, first: int) -> None:
    """Protects going on in the middle of a chunk, at the border of files, and after the last event."""
    files = [write(tmp_path / f"{name}.h5", a="") for name in "xy"]
    events = NetworkEvents(network((("a", ""),)), files)
    whole = np.tile(100.0 * np.arange(40), 2)
    chunks = list(events.chunks_from(first))
    found = np.concatenate([np.empty((0, 1)), *(events.inputs(chunk) for chunk in chunks)])
    np.testing.assert_array_equal(found[:, 0], whole[first:])


def test_constituents_are_rows_of_the_first_ones(tmp_path: Path) -> None:
    """Protects the order of a network over particles: constituent after constituent, its numbers together."""
    graph = network(tuple((f"x_{i}", "") for i in range(6)))
    columns = columns_of(graph, constituents=["con_eta", "con_pt"])
    events = NetworkEvents(graph, [write(tmp_path / "e.h5", a="")], columns)
    expected = 100.0 * np.arange(40)[:, None] + [10, 0, 11, 1, 12, 2]
    np.testing.assert_array_equal(rows(events), expected)
    assert events.columns.names == ("constituents/con_eta", "constituents/con_pt")


def test_missing_columns_are_all_named_with_the_nearest(tmp_path: Path) -> None:
    """Protects the message: which columns, in which file, what there is, and how to name others."""
    path = write(tmp_path / "e.h5", jet_mass="GeV", jet_pt="GeV")
    with pytest.raises(BadInput, match="lack 2 of the 3 columns") as error:
        NetworkEvents(network((("jet_mas", "GeV"), ("jet_pt", "GeV"), ("z", ""))), [path])
    assert error.value.where == str(path)
    assert error.value.expected == "jet_mas, z"
    assert error.value.found == "jet_mass, jet_pt"
    assert "'jet_mass'" in str(error.value)
    assert "--features" in str(error.value)


@pytest.mark.parametrize(("stored", "wanted"), [("MeV", "GeV"), ("", "GeV"), ("GeV", "")])
def test_other_units_are_refused(tmp_path: Path, stored: str, wanted: str) -> None:
    """Protects against a factor of 1000 that no check of bits could find."""
    path = write(tmp_path / "e.h5", pt=stored)
    with pytest.raises(BadInput, match="another unit") as error:
        NetworkEvents(network((("pt", wanted),)), [path])
    assert (stored or "dimensionless") in (error.value.found or "")
    assert (wanted or "dimensionless") in (error.value.expected or "")


def test_named_columns_need_no_unit_but_must_not_contradict(tmp_path: Path) -> None:
    """Protects models without names: columns that a person names are taken unless the units differ."""
    path = write(tmp_path / "e.h5", pt="GeV", mass="MeV")
    plain, physical = network((("in_0", ""),)), network((("x", "GeV"),))
    for graph, name in ((plain, "pt"), (plain, "mass"), (physical, "pt")):
        assert len(rows(NetworkEvents(graph, [path], columns_of(graph, [name])))) == 40
    with pytest.raises(BadInput, match="another unit"):
        NetworkEvents(physical, [path], columns_of(physical, ["mass"]))


def test_columns_that_do_not_fit_the_inputs_are_refused() -> None:
    """Protects against too few, too many and two kinds of columns."""
    graph = network(tuple((f"x_{i}", "") for i in range(6)))
    with pytest.raises(BadInput, match=r"6 columns[\s\S]*2: a, b"):
        columns_of(graph, ["a", "b"])
    with pytest.raises(BadInput, match="divides 6 inputs"):
        columns_of(graph, constituents=["a", "b", "c", "d"])
    with pytest.raises(BadInput, match="not both"):
        columns_of(graph, ["a"], ["b"])
    assert columns_of(graph).names == tuple(f"x_{i}" for i in range(6))


def test_values_that_are_not_finite_are_placed(tmp_path: Path) -> None:
    """Protects the message of a NaN in the middle of a file: which file, column and row."""
    path = write(tmp_path / "e.h5", a="", b="")
    with h5py.File(path, "r+") as file:
        file["features/b"][23] = np.nan
    events = NetworkEvents(network((("a", ""), ("b", ""))), [path])
    with pytest.raises(BadInput, match="NaN") as error:
        rows(events)
    assert error.value.where == f"{path}: /features/b, row 23"


def test_chunks_are_small_enough_for_many_inputs_and_outputs(tmp_path: Path) -> None:
    """Protects memory: a network of few inputs and very many outputs gets few events at a time."""
    path = write(tmp_path / "e.h5", a="")
    builder = GraphBuilder("network")
    inputs = builder.input("in", (1,), InputContract((InputFeature("a", "", 0.0, 0),), FORMAT))
    many = builder.finish([builder.concatenate("wide", [inputs] * 20_000, axis=0)])
    assert 8 * many.n_out * NetworkEvents(many, [path]).source.chunk_events <= CHUNK_BYTES
    assert NetworkEvents(network((("a", ""),)), [path]).source.chunk_events == MOST_CHUNK_EVENTS

"""The graph on disk: it comes back the same, and nothing else is accepted."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput, TrigmlError
from trigml.graph import Graph, load_graph, save_graph


@pytest.fixture(scope="module")
def graph(make_graph: Callable[..., Graph]) -> Graph:
    return make_graph(3)


@pytest.fixture
def folder(graph: Graph, tmp_path: Path) -> Path:
    save_graph(graph, tmp_path)
    return tmp_path


def edited(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / "graph.json").read_text())
    change(content)
    (folder / "graph.json").write_text(json.dumps(content))


def test_round_trip(graph: Graph, folder: Path) -> None:
    """Protects that a loaded graph is the saved one, in every array and in its digest."""
    loaded = load_graph(folder)
    assert loaded.digest == graph.digest
    assert loaded.contracts == graph.contracts
    assert [type(operation) for operation in loaded.operations] == [type(o) for o in graph.operations]
    for ours, theirs in zip(graph.operations, loaded.operations, strict=True):
        assert ours.format == theirs.format
        assert (ours.name, ours.inputs, ours.shape) == (theirs.name, theirs.inputs, theirs.shape)
    np.testing.assert_array_equal(graph["dense_2"].weight, loaded["dense_2"].weight)  # type: ignore[attr-defined]


def assert_same(ours: Graph, theirs: Graph) -> None:
    """Every field of every operation, by value and type."""
    assert theirs.digest == ours.digest
    assert replace(ours, operations=()) == replace(theirs, operations=())
    for one, other in zip(ours.operations, theirs.operations, strict=True):
        assert type(one) is type(other)
        for field in fields(one):
            mine, read = getattr(one, field.name), getattr(other, field.name)
            assert type(mine) is type(read), (one.name, field.name)
            if isinstance(mine, np.ndarray):
                assert mine.dtype == read.dtype
                np.testing.assert_array_equal(mine, read)
            else:
                assert mine == read, (one.name, field.name)


def test_round_trip_of_every_operation(random_graphs: ModuleType, tmp_path: Path) -> None:
    """Protects that each parameter of each operation comes back, and the words that it computes."""
    graph = random_graphs.every_operation()
    save_graph(graph, tmp_path)
    loaded = load_graph(tmp_path)
    assert_same(graph, loaded)
    words = random_graphs.random_input_words(graph, 20)
    np.testing.assert_array_equal(emulate(graph, words), emulate(loaded, words))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_round_trip_of_random_graphs(
    random_graphs: ModuleType, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Protects graphs of any structure: several ports, any formats and shapes."""
    graph = data.draw(random_graphs.graphs())
    folder = tmp_path_factory.mktemp("graph")
    save_graph(graph, folder)
    assert_same(graph, load_graph(folder))


def test_the_same_graph_gives_the_same_bytes(graph: Graph, folder: Path, tmp_path_factory: Any) -> None:
    """Protects reproducible files: no time, no random name in them."""
    again = tmp_path_factory.mktemp("again")
    save_graph(graph, again)
    for name in ("graph.json", "graph_weights.npz"):
        assert (folder / name).read_bytes() == (again / name).read_bytes()
    with zipfile.ZipFile(folder / "graph_weights.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_missing_graph_is_named(tmp_path: Path) -> None:
    """Protects the message when the folder holds no graph."""
    with pytest.raises(BadInput, match="there is no graph here") as error:
        load_graph(tmp_path)
    assert str(tmp_path / "graph.json") in str(error.value)


def test_missing_weights_are_named(folder: Path) -> None:
    """Protects the message when only half of the graph is there."""
    (folder / "graph_weights.npz").unlink()
    with pytest.raises(BadInput, match="weights cannot be read"):
        load_graph(folder)


@pytest.mark.parametrize("name", ["graph.json", "graph_weights.npz"])
def test_truncated_files_are_refused(folder: Path, name: str) -> None:
    """Protects against a file that was cut anywhere: one clear error, whatever is left of it."""
    content = (folder / name).read_bytes()
    for end in {0, 1, 10, len(content) // 3, len(content) // 2, len(content) - 30, len(content) - 3}:
        (folder / name).write_bytes(content[:end])
        with pytest.raises(BadInput, match=r"damaged|cannot be read"):
            load_graph(folder)


def test_flipped_bits_are_refused(folder: Path) -> None:
    """Protects against silent corruption of the weights: any damaged byte of theirs is noticed."""
    path = folder / "graph_weights.npz"
    content = path.read_bytes()
    for position in range(0, len(content), 23):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        try:
            loaded = load_graph(folder)
        except TrigmlError:
            continue
        assert loaded.digest == json.loads((folder / "graph.json").read_text())["digest"], position


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a format": lambda c: c["operations"][3].update(format="ap_ufixed<6,1,RND_CONV,SAT>"),
    "a rounding": lambda c: c["operations"][3].update(format="ap_ufixed<6,2,TRN,SAT>"),
    "a name": lambda c: c.update(name="other"),
    "an offset of the contract": lambda c: c["contracts"][0]["features"][0].update(offset=8.0),
    "a label": lambda c: c.update(output_labels=["a", "b"]),
    "the digest": lambda c: c.update(digest="0" * 64),
    "an operation left out": lambda c: c["operations"].pop(),
    "a shape": lambda c: c["operations"][1].update(shape=[77]),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_graph_is_refused(folder: Path, what: str) -> None:
    """Protects against editing: whatever is changed, the digest tells, and the error says what to do."""
    edited(folder, EDITS[what])
    with pytest.raises(BadInput, match="its digest differs") as error:
        load_graph(folder)
    assert "train again" in (error.value.remedy or "")


def test_changed_weights_are_refused(graph: Graph, folder: Path) -> None:
    """Protects against weights of another training beside this graph.json."""
    with np.load(folder / "graph_weights.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["dense_1.weight"][0, 0] ^= 1
    np.savez(folder / "graph_weights.npz", **arrays)
    with pytest.raises(BadInput, match="its digest differs"):
        load_graph(folder)


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no digest": lambda c: c.pop("digest"),
    "no operations": lambda c: c.pop("operations"),
    "operations that are none": lambda c: c.update(operations=[1, 2]),
    "an unknown operation": lambda c: c["operations"][2].update(operation="Softmax"),
    "a format that is none": lambda c: c["operations"][2].update(format="float"),
    "a name that is a number": lambda c: c["operations"][1].update(name=5),
    "a contract that is none": lambda c: c.update(contracts=[None]),
    "a wrong feature": lambda c: c["contracts"][0]["features"][0].update(shift="x"),
    "weights renamed": lambda c: c["operations"][1].update(name="dense_9"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_graph_is_one_clear_error(folder: Path, what: str) -> None:
    """Protects against tracebacks from malformed files."""
    edited(folder, DAMAGES[what])
    with pytest.raises(BadInput):
        load_graph(folder)


@pytest.mark.parametrize("version", [1, 3, "2", None])
def test_another_version_is_refused(folder: Path, version: object) -> None:
    """Protects against reading a newer format wrongly."""
    edited(folder, lambda content: content.update(trigml_graph=version))
    with pytest.raises(BadInput, match="another version of the graph format") as error:
        load_graph(folder)
    assert error.value.expected == "2"


@pytest.mark.parametrize("text", ["[]", "null", "{", "\x00", '"graph"'])
def test_json_that_is_no_graph_is_refused(folder: Path, text: str) -> None:
    """Protects against files that are JSON, or not even that, but no graph."""
    (folder / "graph.json").write_text(text)
    with pytest.raises(BadInput, match="damaged"):
        load_graph(folder)


def test_pickled_arrays_are_never_executed(folder: Path) -> None:
    """Protects the rule that loading a model runs no code from it."""
    trap = np.array([{"dangerous": 1}], dtype=object)
    np.savez(folder / "graph_weights.npz", **{"dense_1.weight": trap}, allow_pickle=True)
    with pytest.raises(BadInput, match="weights cannot be read"):
        load_graph(folder)


def test_an_unwritable_place_is_one_clear_error(graph: Graph, tmp_path: Path) -> None:
    """Protects against a traceback when the folder's place is taken by a file."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(BadInput, match="cannot write"):
        save_graph(graph, tmp_path / "taken")

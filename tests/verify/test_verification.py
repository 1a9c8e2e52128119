"""What a verification runs on: events, corners, random vectors, and how many of each."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trigml.data.layout import Column, EventsWriter
from trigml.errors import BadInput
from trigml.graph import Graph
from trigml.opening import OpenedModel
from trigml.verify import comparison, events, verification
from trigml.verify.building import StageName
from trigml.verify.comparison import CHUNK_EVENTS, chunk_events
from trigml.verify.events import NamedEvents, events_of_model, most_events, stream_of_model
from trigml.verify.verification import default_random_count, vector_sets, verify

MakeGraph = Callable[..., Graph]


def model_of(graph: Graph) -> OpenedModel:
    return OpenedModel("somebody's", graph, None, None)


def test_random_vectors_are_fewer_for_large_networks(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the default: 100,000, then as many as a number of products allows, at least 1,000."""
    graph = make_graph(1)  # 3 * 5 + 5 * 4 + 4 * 2 = 43 products
    assert default_random_count(graph) == 100_000
    monkeypatch.setattr(verification, "RANDOM_PRODUCTS", 43 * 5000 + 1)
    assert default_random_count(graph) == 5000
    monkeypatch.setattr(verification, "RANDOM_PRODUCTS", 43)
    assert default_random_count(graph) == 1000


def test_events_at_a_time_depend_on_the_network(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects memory: the largest tensor decides how many events go through a stage at a time."""
    graph = make_graph(1)
    assert chunk_events(graph) == CHUNK_EVENTS
    monkeypatch.setattr(comparison, "CHUNK_WORDS", 5 * 700 + 4)
    assert chunk_events(graph) == 700
    monkeypatch.setattr(comparison, "CHUNK_WORDS", 1)
    assert chunk_events(graph) == 1


def test_the_sets_of_inputs(make_graph: MakeGraph) -> None:
    """Protects the order and the numbers: events first, if there are any, then corners and random ones."""
    graph = make_graph(1)
    features = np.zeros((7, 3), dtype=np.float32)
    sets = vector_sets(graph, NamedEvents("jets", features), 10, seed=3)
    assert [(vectors.name, len(vectors)) for vectors in sets] == [
        ("jets", 7),
        ("corners", 11),
        ("random, on the grid", 5),
        ("random, off the grid", 5),
    ]
    assert sets[0].features is features
    assert [vectors.name for vectors in vector_sets(graph, None, 0, seed=3)] == [
        vectors.name for vectors in sets[1:]
    ]


def test_verifying_a_graph_alone(make_graph: MakeGraph) -> None:
    """Protects the library function: reference and one stage, as JSON."""
    graph = make_graph(1)
    model = replace(model_of(graph), notes=("a softmax was left away",))
    found = verify(model, stages=[StageName.NUMPY, StageName.LOGIC], random_count=100)
    content = found.to_json()
    assert (content["model"], content["graph"], content["bit_exact"]) == ("somebody's", graph.digest, True)
    assert content["notes"] == ["a softmax was left away"]
    assert [stage["stage"] for stage in content["verification"]["stages"]] == ["graph", "logic (alkaid)"]


def test_the_reference_alone_proves_nothing(make_graph: MakeGraph) -> None:
    """Protects against 'bit-exact' where nothing was compared."""
    with pytest.raises(BadInput, match="no stage to compare with the graph"):
        verify(model_of(make_graph(1)), stages=[StageName.NUMPY], random_count=100)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """500 events for the networks of ``make_graph``."""
    path = tmp_path / "jets.h5"
    with EventsWriter(
        path, title="jets", features=[Column(f"x{i}", "GeV" if i % 2 else "") for i in range(3)]
    ) as writer:
        writer.append(event_id=np.arange(500), features={f"x{i}": np.arange(500.0) + i for i in range(3)})
    return path


def test_events_of_files(make_graph: MakeGraph, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects --events: all events in order, or some drawn from them where memory ends, and that is said."""
    model = model_of(make_graph(1))
    whole = events_of_model(model, [file])
    assert whole is not None
    assert whole.name == "events of jets.h5"
    np.testing.assert_array_equal(whole.features[:, 1], np.arange(500) + 1)
    monkeypatch.setattr(events, "MAX_BYTES", 20 * 3 * 40)
    assert most_events(model.graph) == 40
    some = events_of_model(model, [file])
    assert some is not None
    assert (some.name, len(some.features)) == ("events of jets.h5 (drawn from 500)", 40)
    assert len(np.unique(some.features[:, 0])) == 40


def test_streams_hold_all_events(make_graph: MakeGraph, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects trigml inspect on large files: every event once, whatever fits into memory."""
    model = model_of(make_graph(1))
    monkeypatch.setattr(events, "MAX_BYTES", 1)
    stream = stream_of_model(model, [file])
    assert stream is not None
    assert (stream.name, stream.n_events) == ("events of jets.h5", 500)
    np.testing.assert_array_equal(np.concatenate(list(stream.chunks))[:, 0], np.arange(500))
    assert events_of_model(model) is None
    assert stream_of_model(model) is None

"""The comparison counts every differing word and finds the first one. No tolerance, no C++ here."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.graph import Graph
from trigml.progress import Progress
from trigml.verify.comparison import CHUNK_EVENTS, compare
from trigml.verify.stages import GraphStage, KerasStage, Scaled
from trigml.verify.vectors import Vectors, random_vectors

MakeGraph = Callable[..., Graph]


@dataclass
class FaultyStage:
    """The graph's words as floats, changed where the input words are marked.

    ``changes`` maps a mark (the first input word of the event) to what is done with its output.
    """

    graph: Graph
    changes: dict[int, Callable[[np.ndarray], None]]
    name: str = "faulty"
    version: str = "1.0"
    shows: tuple[str, ...] = ()
    sizes: list[int] = field(default_factory=list)

    def outputs(self, vectors: Vectors) -> Scaled:
        self.sizes.append(len(vectors))
        outputs = emulate(self.graph, vectors.words).astype(np.float64)
        for mark, change in self.changes.items():
            for event in np.flatnonzero(vectors.words[:, 0] == mark):
                change(outputs[event])
        return outputs

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        shown = dict(emulate_tensors(self.graph, vectors.words))
        shown[self.graph.outputs[0]] = self.outputs(vectors)
        if "act_1" in self.shows:
            shown["act_1"] = shown["act_1"] + [0, 0, 3, 0, 1]
        return {name: tensor for name, tensor in shown.items() if name in (*self.shows, "dense_3")}


def marked(graph: Graph, name: str, count: int, marks: dict[int, int]) -> Vectors:
    """Random inputs whose first word is 0, but for the marked events (index → mark)."""
    words = np.random.default_rng(count).integers(-100, 100, (count, 3))
    words[:, 0] = 0
    for event, mark in marks.items():
        words[event, 0] = mark
    return Vectors(name, words / 32, words)


def add(element: int, amount: float) -> Callable[[np.ndarray], None]:
    def change(output: np.ndarray) -> None:
        output[element] += amount

    return change


@pytest.fixture(scope="module")
def graph(make_graph: MakeGraph) -> Graph:
    return make_graph(4)


def test_equal_stages(graph: Graph) -> None:
    """Protects the plain case and the numbers of the table: events, words, versions, no difference."""
    sets = [marked(graph, "a", 50, {}), marked(graph, "b", 7, {})]
    comparison = compare(GraphStage(graph), [FaultyStage(graph, {})], sets)
    reference, stage = comparison.stages
    assert (reference.stage, reference.events, reference.words, reference.differences) == (
        "graph",
        57,
        114,
        0,
    )
    assert (stage.stage, stage.version, stage.events, stage.words, stage.differences) == (
        "faulty",
        "1.0",
        57,
        114,
        0,
    )
    assert comparison.first_difference is None
    assert comparison.vectors == (("a", 50), ("b", 7))
    assert reference.version == f"numpy {np.__version__}"
    assert all(rate > 0 for rate in comparison.events_per_s)


def test_every_differing_word_counts_and_the_first_is_first(graph: Graph) -> None:
    """Protects count and place over several sets and chunks: set, event in the set, element, both values."""
    late = CHUNK_EVENTS + 123
    sets = [
        marked(graph, "clean", 30, {}),
        marked(graph, "dirty", CHUNK_EVENTS + 500, {late: 1, late + 5: 2}),
        marked(graph, "also dirty", 10, {0: 2}),
    ]
    stage = FaultyStage(graph, {1: add(1, 4.0), 2: lambda output: output.__iadd__(1)})
    result = compare(GraphStage(graph), [stage], sets).stages[1]
    assert result.differences == 1 + 2 + 2
    first = result.first
    assert first is not None
    assert (first.vectors, first.event, first.element, first.tensor) == ("dirty", late, 1, "dense_3")
    expected = emulate(graph, sets[1].words[late : late + 1])[0, 1]
    assert (first.graph, first.found) == (expected, str(expected + 4))
    assert first.inputs == tuple(sets[1].words[late])
    assert stage.sizes[:4] == [30, CHUNK_EVENTS, 500, 10]


@pytest.mark.parametrize(
    "amount", [1.0, -1.0, 0.5, 2.0**-20, np.nan, np.inf], ids=["1", "-1", "half", "tiny", "nan", "inf"]
)
def test_there_is_no_tolerance(graph: Graph, amount: float) -> None:
    """Protects exactness: a fraction of an LSB, NaN and infinity are differences like any other."""
    sets = [marked(graph, "one", 12, {7: 1})]
    comparison = compare(GraphStage(graph), [FaultyStage(graph, {1: add(0, amount)})], sets)
    assert comparison.stages[1].differences == 1
    first = comparison.first_difference
    assert first is not None
    assert (first.event, first.element) == (7, 0)
    assert first.found == f"{first.graph + amount:.17g}"
    assert json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    error = first.explained()
    assert error.exit_code == 4
    assert str(error.found).startswith(f"{first.graph + amount:.17g}")


def test_the_earliest_tensor_is_named(graph: Graph) -> None:
    """Protects the location: of the tensors that a stage shows, the first that differs."""
    stage = FaultyStage(graph, {1: add(1, 4.0)}, shows=("dense_1", "act_1"))
    sets = [marked(graph, "one", 12, {7: 1})]
    first = compare(GraphStage(graph), [stage], sets).first_difference
    assert first is not None
    assert (first.tensor, first.element) == ("act_1", 2)
    assert first.found == str(first.graph + 3)


def test_the_error_says_everything(graph: Graph) -> None:
    """Protects the message: stage, event, set, layer, element, both values and the input words."""
    sets = [marked(graph, "corners", 12, {7: 1})]
    first = compare(GraphStage(graph), [FaultyStage(graph, {1: add(1, 4.0)})], sets).first_difference
    assert first is not None
    text = str(first.explained())
    assert "faulty differs from the graph" in text
    assert "event 7 of corners, layer 'dense_3', element 1" in text
    assert f"{first.graph} (graph, in LSB)" in text
    assert f"{first.graph + 4} (faulty, in LSB)" in text
    assert str(list(first.inputs)) in text


def test_the_first_stage_with_a_difference_leads(graph: Graph) -> None:
    """Protects several stages: each has its own count, and the first faulty one gives the message."""
    stages = [
        FaultyStage(graph, {}, name="good"),
        FaultyStage(graph, {1: add(0, 1)}, name="bad"),
        FaultyStage(graph, {0: add(0, 1)}, name="worse"),
    ]
    comparison = compare(GraphStage(graph), stages, [marked(graph, "one", 12, {7: 1})])
    assert [result.differences for result in comparison.stages] == [0, 0, 1, 11]
    assert comparison.first_difference is not None
    assert comparison.first_difference.stage == "bad"
    assert comparison.stages[3].first is not None
    assert comparison.stages[3].first.event == 0


def test_json(graph: Graph) -> None:
    """Protects the machine-readable form."""
    sets = [marked(graph, "one", 12, {7: 1})]
    comparison = compare(GraphStage(graph), [FaultyStage(graph, {1: add(1, 4.0)})], sets)
    content = json.loads(json.dumps(comparison.to_json()))
    assert content["vectors"] == [{"name": "one", "events": 12}]
    assert [stage["differences"] for stage in content["stages"]] == [0, 1]
    assert content["stages"][1]["first"]["tensor"] == "dense_3"


def test_a_weight_bit_in_qkeras_is_located(make_qkeras: Callable[..., object]) -> None:
    """Protects the Keras side: one step in one weight of the second layer is found and named."""
    trained = make_qkeras(6)
    sets = list(random_vectors(trained.graph, 2000, seed=8))  # type: ignore[attr-defined]
    layer = trained.model.get_layer("dense_2")  # type: ignore[attr-defined]
    kernel, bias = layer.get_weights()
    step = np.float32(2.0**-5)
    changed = kernel.copy()
    changed[1, 4] += step if changed[1, 4] < 0 else -step
    layer.set_weights([changed, bias])
    graph = trained.graph  # type: ignore[attr-defined]
    comparison = compare(GraphStage(graph), [KerasStage(trained.model, graph)], sets)  # type: ignore[attr-defined]
    assert comparison.stages[1].differences > 0
    first = comparison.first_difference
    assert first is not None
    assert (first.stage, first.tensor, first.element) == ("QKeras", "dense_2", 4)
    assert first.explained().exit_code == 4
    layer.set_weights([kernel, bias])
    mended = compare(GraphStage(graph), [KerasStage(trained.model, graph)], sets)  # type: ignore[attr-defined]
    assert mended.first_difference is None

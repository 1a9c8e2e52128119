"""The graph's invariants, its proven ranges and its digest."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import BrokenInvariant, Constants, Graph, GraphBuilder
from trigml.graph.operations import Dense, Input, Relu

MakeGraph = Callable[..., Graph]


@pytest.fixture(scope="module")
def graph(make_graph: MakeGraph) -> Graph:
    return make_graph(7)


def with_operation(graph: Graph, which: str, /, **changes: Any) -> Graph:
    """The graph with one operation changed, not checked."""
    return replace(
        graph,
        operations=tuple(
            replace(operation, **changes) if operation.name == which else operation
            for operation in graph.operations
        ),
    )


def narrower(format_: FixedPoint) -> FixedPoint:
    return replace(format_, width=format_.width - 1, integer=format_.integer - 1)


def with_order(graph: Graph, *order: int) -> Graph:
    return replace(graph, operations=tuple(graph.operations[i] for i in order))


BROKEN: dict[str, tuple[Callable[[Graph], Graph], str, str]] = {
    "accumulator one bit too narrow": (
        lambda g: with_operation(g, "dense_1", format=narrower(g["dense_1"].format)),
        "dense_1",
        "holds the proven range|no partial sum overflows",
    ),
    "accumulator not signed": (
        lambda g: with_operation(g, "dense_1", format=replace(g["dense_1"].format, signed=False)),
        "dense_1",
        "holds the proven range",
    ),
    "accumulator with another fraction": (
        lambda g: with_operation(g, "dense_1", format=replace(g["dense_1"].format, width=40)),
        "dense_1",
        "fractional bits",
    ),
    "accumulator beyond float64": (
        lambda g: with_operation(
            g, "dense_1", format=FixedPoint(True, 54, 54 - g["dense_1"].format.fraction)
        ),
        "dense_1",
        "at most 53 bits",
    ),
    "weight outside its format": (
        lambda g: with_operation(g, "dense_2", weight=g["dense_2"].weight + 64),  # type: ignore[attr-defined]
        "dense_2",
        "weights are words of",
    ),
    "bias outside its format": (
        lambda g: with_operation(g, "dense_2", bias=g["dense_2"].bias - 128),  # type: ignore[attr-defined]
        "dense_2",
        "biases are words of",
    ),
    "weights that are not int64": (
        lambda g: with_operation(g, "dense_2", weight=g["dense_2"].weight * 1.0),  # type: ignore[attr-defined]
        "dense_2",
        "weights are int64",
    ),
    "weights that are no matrix": (
        lambda g: with_operation(g, "dense_2", weight=g["dense_2"].weight[0]),  # type: ignore[attr-defined]
        "dense_2",
        "a matrix",
    ),
    "a bias too many": (
        lambda g: with_operation(g, "dense_2", bias=np.zeros(9, dtype=np.int64)),
        "dense_2",
        "one bias per channel",
    ),
    "a wrong output shape": (lambda g: with_operation(g, "dense_2", shape=(9,)), "dense_2", "its shape is"),
    "a wrong input shape": (
        lambda g: with_operation(g, "dense_2", inputs=("quantised",)),
        "dense_2",
        "a last axis of length",
    ),
    "a ReLU that changes the fraction": (
        lambda g: with_operation(g, "relu_1", format=replace(g["relu_1"].format, width=50)),
        "relu_1",
        "fractional bits",
    ),
    "a ReLU one bit too narrow": (
        lambda g: with_operation(g, "relu_1", format=narrower(g["relu_1"].format)),
        "relu_1",
        "holds the proven range",
    ),
    "a quantiser that changes the shape": (
        lambda g: with_operation(g, "act_1", shape=(4,)),
        "act_1",
        "its shape is",
    ),
    "two inputs to one operation": (
        lambda g: with_operation(g, "act_1", inputs=("relu_1", "dense_1")),
        "act_1",
        "reads one tensor",
    ),
    "an operation before what it reads": (
        lambda g: with_order(g, 0, 2, 1, *range(3, len(g.operations))),
        "relu_1",
        "stands before it",
    ),
    "a name twice": (
        lambda g: with_operation(g, "act_2", name="act_1"),
        "act_1",
        "names are unique",
    ),
    "a name that C++ cannot take": (
        lambda g: with_operation(g, "act_1", name="größe"),
        "größe",
        "C identifier",
    ),
    "an input that reads": (
        lambda g: replace(
            g, operations=(*g.operations, replace(g.inputs[0], name="more", inputs=("act_1",)))
        ),
        "more",
        "an input reads nothing",
    ),
    "a second input": (
        lambda g: replace(g, operations=(*g.operations, replace(g.inputs[0], name="more"))),
        "",
        "every input has its contract",
    ),
    "no input at the front": (lambda g: with_order(g, *range(1, 6)), "", "at least an input"),
    "an input that is not the contract's": (
        lambda g: with_operation(g, "quantised", format=FixedPoint.parse("ap_fixed<7,2,RND_CONV,SAT>")),
        "quantised",
        "not what the input contract says",
    ),
    "an output that is no tensor": (lambda g: replace(g, outputs=("nothing",)), "", "not a tensor"),
    "no output": (lambda g: replace(g, outputs=()), "", "at least one output"),
    "nothing at all": (lambda g: replace(g, operations=()), "", "at least an input"),
    "labels that do not fit": (lambda g: replace(g, output_labels=("g", "q", "W")), "", "labels do not fit"),
    "a name that is not an identifier": (lambda g: replace(g, name="6bit-tagger"), "", "not a C identifier"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_each_invariant_is_checked(graph: Graph, fault: str) -> None:
    """Protects that each way of being wrong is refused, with the operation and what was expected."""
    breaking, operation, message = BROKEN[fault]
    with pytest.raises(BrokenInvariant, match=message) as error:
        breaking(graph).check()
    assert operation in (error.value.where or "")


def test_a_sound_graph_passes(graph: Graph, make_graph: MakeGraph) -> None:
    """Protects that the check does not refuse what is right."""
    assert graph.check() is graph
    assert replace(graph, output_labels=("signal", "background")).check()
    assert [operation.name for operation in make_graph(1).upto("act_1").operations] == [
        "quantised",
        "dense_1",
        "relu_1",
        "act_1",
    ]


def test_a_sum_beyond_62_bits_is_a_clear_error(graph: Graph) -> None:
    """Protects against int64 overflow while aligning weights and biases of absurdly different scale."""
    fine = FixedPoint(True, 20, -50)  # LSB 2**-70
    builder = GraphBuilder("net")
    builder.input("x", (3,), graph.contract)
    weight = Constants(np.full((3, 1), 127, dtype=np.int64), FixedPoint(True, 8, 8))
    with pytest.raises(BadInput, match="do not fit one sum"):
        builder.dense("sums", "x", weight, Constants(np.array([1], dtype=np.int64), fine))


@given(seed=st.integers(0, 10**6))
def test_proven_ranges_contain_every_word(make_graph: MakeGraph, make_words: Any, seed: int) -> None:
    """Protects the proof that accumulators cannot overflow: no tensor of any event leaves its range."""
    graph = make_graph(seed)
    for name, words in emulate_tensors(graph, make_words(graph, 50, seed)).items():
        interval = graph.ranges[name]
        assert (interval.low <= words).all(), name
        assert (words <= interval.high).all(), name
        assert graph[name].format.holds(int(words.min()), int(words.max()))


@given(seed=st.integers(0, 10**6))
def test_the_bounds_of_a_first_layer_are_reached(make_graph: MakeGraph, seed: int) -> None:
    """Protects that the proven range is tight: inputs chosen by the weights' signs reach both ends."""
    graph = make_graph(seed, sizes=(4, 3))
    dense = graph.output
    assert isinstance(dense, Dense)
    low, high = graph.inputs[0].format.min_word, graph.inputs[0].format.max_word
    most = np.where(dense.weight.T > 0, high, low)  # one event per output
    least = np.where(dense.weight.T > 0, low, high)
    interval = graph.ranges[dense.name]
    np.testing.assert_array_equal(np.diag(emulate(graph, most.astype(np.int64))), interval.high)
    np.testing.assert_array_equal(np.diag(emulate(graph, least.astype(np.int64))), interval.low)


@given(seed=st.integers(0, 10**6), order=st.permutations(range(5)), bias_at=st.integers(0, 5))
def test_no_partial_sum_overflows(
    make_graph: MakeGraph, make_words: Any, seed: int, order: list[int], bias_at: int
) -> None:
    """Protects sums in any order, with the bias added at any point."""
    graph = make_graph(seed, sizes=(5, 3), bias_format="ap_fixed<10,2>")
    dense = graph.output
    assert isinstance(dense, Dense)
    left = dense.format.fraction - graph.inputs[0].format.fraction - dense.weight_format.fraction
    bias = dense.bias << (dense.format.fraction - dense.bias_format.fraction)
    for event in make_words(graph, 8, seed).tolist():
        partial = np.zeros(3, dtype=np.int64)
        for step, i in enumerate(order):
            if step == bias_at:
                partial = partial + bias
            partial = partial + (event[i] * dense.weight[i] << left)
            assert dense.format.holds(int(partial.min()), int(partial.max()))


def test_the_accumulator_is_minimal(make_graph: MakeGraph) -> None:
    """Protects resources: the derived accumulator is the narrowest that its own invariant admits."""
    for seed in range(20):
        graph = make_graph(seed, sizes=(4, 3))
        broken = with_operation(graph, "dense_1", format=narrower(graph["dense_1"].format))
        with pytest.raises(BrokenInvariant):
            broken.check()


@given(seed=st.integers(0, 100), data=st.data())
def test_the_digest_changes_with_any_bit(make_graph: MakeGraph, seed: int, data: st.DataObject) -> None:
    """Protects the identity of a graph: one bit of one weight or bias is another graph."""
    graph = make_graph(seed)
    layer = data.draw(st.sampled_from(["dense_1", "dense_2", "dense_3"]))
    field = data.draw(st.sampled_from(["weight", "bias"]))
    words = getattr(graph[layer], field).copy()
    words.flat[data.draw(st.integers(0, words.size - 1))] ^= 1 << data.draw(st.integers(0, 5))
    assert with_operation(graph, layer, **{field: words}).digest != graph.digest
    assert make_graph(seed).digest == graph.digest


def test_the_digest_changes_with_everything_else(graph: Graph) -> None:
    """Protects the identity of a graph: names, formats, contract, labels and structure count as well."""
    transposed = graph["dense_3"].weight  # type: ignore[attr-defined]
    feature = graph.contract.features[0]
    moved = replace(feature, offset=feature.offset + 1)
    others = [
        replace(graph, name="other"),
        replace(graph, output_labels=("signal", "background")),
        replace(graph, outputs=("act_1",)),
        replace(graph, contracts=(replace(graph.contract, features=(moved, *graph.contract.features[1:])),)),
        with_operation(graph, "act_2", name="other"),
        with_operation(graph, "act_1", format=FixedPoint.parse("ap_ufixed<6,2,RND,SAT>")),
        with_operation(graph, "act_1", format=FixedPoint.parse("ap_ufixed<6,2,RND_CONV,WRAP>")),
        with_operation(graph, "act_1", format=FixedPoint.parse("ap_ufixed<6,1,RND_CONV,SAT>")),
        with_operation(graph, "dense_1", weight_format=FixedPoint.parse("ap_fixed<7,2>")),
        with_operation(graph, "dense_3", weight=transposed.reshape(transposed.shape[::-1])),
        graph.upto("dense_2"),
    ]
    digests = [graph.digest, *(other.digest for other in others)]
    assert len(set(digests)) == len(digests)


def test_an_unknown_operation_has_no_meaning(graph: Graph) -> None:
    """Protects against an operation that a room forgot: it is refused, not passed through."""

    class Strange(Relu):
        pass

    base = graph["relu_1"]
    assert isinstance(base, Relu)
    plain = type("Other", (Input.__mro__[1],), {})
    other = plain(name="relu_1", inputs=base.inputs, shape=base.shape, format=base.format)
    strange = replace(graph, operations=(*graph.operations[:2], other, *graph.operations[3:]))
    with pytest.raises(BadInput, match="without a range"):
        _ = strange.ranges

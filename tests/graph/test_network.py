"""The graph's invariants, its proven ranges and its digest."""

from collections.abc import Callable
from dataclasses import fields, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.graph import BrokenInvariant, Constants, Graph, GraphBuilder
from trigml.graph.operations import AveragePool, Dense, Input, Quantize, Relu, Table

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


@pytest.fixture(scope="module")
def everything(random_graphs: ModuleType) -> Graph:
    """A network with each operation."""
    made: Graph = random_graphs.every_operation()
    return made


def wider(format_: FixedPoint) -> FixedPoint:
    """One more fractional bit."""
    return replace(format_, width=format_.width + 1)


def test_every_format_is_checked(everything: Graph) -> None:
    """Protects the fraction, the range and the modes of each operation's format."""
    for operation in everything.operations:
        if isinstance(operation, Quantize | AveragePool):  # their format says what is computed
            continue
        format_ = operation.format
        changed = [replace(format_, signed=not format_.signed, width=1), FixedPoint(True, 54, 40)]
        if not isinstance(operation, Input | Table):
            changed += [wider(format_), narrower(format_)]
        if not isinstance(operation, Input):
            changed += [replace(format_, rounding=Rounding.RND), replace(format_, overflow=Overflow.SAT)]
        for wrong in changed:
            with pytest.raises(BrokenInvariant):
                with_operation(everything, operation.name, format=wrong).check()


def test_every_shape_is_checked(everything: Graph) -> None:
    """Protects the shape of each operation: another one is refused."""
    for operation in everything.operations:
        for wrong in ((*operation.shape, 1), (*operation.shape[:-1], operation.shape[-1] + 1), ()):
            with pytest.raises(BrokenInvariant):
                with_operation(everything, operation.name, shape=wrong).check()


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a slope above one": ("leaky", {"shift": -1}, "a slope of at most 1"),
    "a slope with other bits": ("leaky", {"shift": 3}, "fractional bits"),
    "limits in the wrong order": ("clipped", {"low": 5, "high": 4}, "low <= high"),
    "limits beyond the format": ("clipped", {"high": 100000}, "holds the proven range"),
    "a table that lacks the first entry": ("table", {"low": -15}, "lacks entries"),
    "a table that lacks the last entry": ("table", {"table": np.zeros(31, np.int64)}, "lacks entries"),
    "an empty table": ("table", {"table": np.zeros(0, np.int64)}, "entries are int64"),
    "a table with axes": ("table", {"table": np.zeros((32, 1), np.int64)}, "a flat table"),
    "an entry outside its format": ("table", {"table": np.full(32, 128)}, "entries are words of"),
    "entries that are no int64": ("table", {"table": np.zeros(32)}, "entries are int64"),
    "strides of zero": ("conv", {"strides": (0, 1)}, "positive sizes"),
    "strides of one axis": ("conv", {"strides": (1,)}, "2 spatial axes"),
    "another padding": ("conv", {"padding": ((0, 0), (0, 1))}, "its shape is"),
    "another dilation": ("depth", {"dilation": (2, 1)}, "its shape is"),
    "a window of padding only": ("pool", {"padding": ((2, 0), (0, 0))}, "no window is empty"),
    "another pool": ("mean", {"pool": (2, 2)}, "its shape is"),
    "an axis that is not there": ("summed", {"axes": (2,)}, "axes from 0 to 1"),
    "an axis twice": ("best", {"axes": (1, 1)}, "each axis once"),
    "another axis": ("best", {"axes": (0,)}, "its shape is"),
    "a permutation that is none": ("turned", {"axes": (0, 0, 2)}, "each of 3 axes once"),
    "negative padding": ("padded", {"padding": ((0, -1), (1, 0))}, "no negative padding"),
    "another axis to join": ("joined", {"axis": 1}, "an axis from 0 to 0"),
    "one term": ("total", {"inputs": ("product",)}, "two tensors or more"),
    "three factors": ("product", {"inputs": ("clipped", "features", "small")}, "two tensors"),
    "one term to subtract": ("rest", {"inputs": ("features",)}, "two tensors"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_each_parameter_is_checked(everything: Graph, fault: str) -> None:
    """Protects parameters of operations: each one that contradicts the rest is refused, with the reason."""
    name, changes, message = WRONG[fault]
    assert everything.check() is everything
    with pytest.raises(BrokenInvariant, match=message):
        with_operation(everything, name, **changes).check()


def test_outputs_and_contracts_are_checked(everything: Graph) -> None:
    """Protects the ports: outputs once each, contracts in the order of the inputs, one label a word."""
    wrong = {
        "each once": replace(everything, outputs=("joined", "joined")),
        "not what the input contract says": replace(everything, contracts=everything.contracts[::-1]),
        "every input has its contract": replace(everything, contracts=everything.contracts[:1]),
        "labels do not fit": replace(everything, output_labels=("label",) * (everything.n_out + 1)),
    }
    for message, graph in wrong.items():
        with pytest.raises(BrokenInvariant, match=message):
            graph.check()
    assert replace(everything, output_labels=("label",) * everything.n_out).check()


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


def changed(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case str():
            return value + "_"
        case int():
            return value + 1
        case FixedPoint():
            return replace(value, integer=value.integer + 1)
        case tuple():
            return (changed(value[0]), *value[1:]) if value else (1,)
        case np.ndarray():
            return np.where(np.arange(value.size).reshape(value.shape) == value.size - 1, value ^ 1, value)
    raise AssertionError(value)


def test_the_digest_changes_with_each_field_of_each_operation(everything: Graph) -> None:
    """Protects the identity of a graph: no parameter of any operation is left out of the digest."""
    digests = [everything.digest]
    for operation in everything.operations:
        for field in fields(operation):
            other = with_operation(
                everything, operation.name, **{field.name: changed(getattr(operation, field.name))}
            )
            digests.append(other.digest)
    assert len(set(digests)) == len(digests) > 130


@settings(deadline=None)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_a_part_computes_the_same(random_graphs: ModuleType, data: st.DataObject, seed: int) -> None:
    """Protects ``upto``: a part with the same inputs yields the same words, and holds nothing else."""
    graph = data.draw(random_graphs.graphs())
    note(random_graphs.described(graph))
    names = data.draw(
        st.lists(st.sampled_from([o.name for o in graph.operations]), min_size=1, max_size=3, unique=True)
    )
    part = graph.upto(*names)
    words = random_graphs.random_input_words(graph, 5, seed)
    tensors = emulate_tensors(graph, words)
    np.testing.assert_array_equal(emulate(part, words), np.hstack([tensors[n].reshape(5, -1) for n in names]))
    assert (part.outputs, part.inputs, part.contracts) == (tuple(names), graph.inputs, graph.contracts)
    for operation in part.operations:
        used = operation.name in names or part.consumers(operation.name)
        assert used or isinstance(operation, Input)


@settings(deadline=None, max_examples=50)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_rows_and_tensors(random_graphs: ModuleType, data: st.DataObject, seed: int) -> None:
    """Protects the flat view from outside: ports one after the other, last axis fastest, with fractions."""
    graph = data.draw(random_graphs.graphs())
    words = random_graphs.random_input_words(graph, 3, seed)
    tensors = graph.input_tensors(words)
    assert list(tensors) == [operation.name for operation in graph.inputs]
    flat = np.concatenate([tensor.reshape(3, -1) for tensor in tensors.values()], axis=1)
    np.testing.assert_array_equal(flat, words)
    assert graph.n_in == words.shape[1] == len(graph.input_fractions)
    everything = emulate_tensors(graph, words)
    rows = graph.output_rows(everything)
    assert rows.shape == (3, graph.n_out)
    np.testing.assert_array_equal(rows, emulate(graph, words))
    fractions = [f for o in graph.results for f in [o.format.fraction] * everything[o.name][0].size]
    assert graph.output_fractions.tolist() == fractions
    fractions = [f for o in graph.inputs for f in [o.format.fraction] * everything[o.name][0].size]
    assert graph.input_fractions.tolist() == fractions


def test_one_input_and_one_output_by_name(graph: Graph, everything: Graph) -> None:
    """Protects those who can serve only one port: with several they get an error that names them."""
    assert graph.contract is graph.contracts[0]
    assert graph.output is graph["dense_3"]
    with pytest.raises(BadInput, match="several inputs") as error:
        _ = everything.contract
    assert error.value.found == "image, features"
    with pytest.raises(BadInput, match="several outputs") as error:
        _ = everything.output
    assert error.value.found == "joined, best, choice"


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

"""Proven ranges: they contain every word, they are reached, and no partial sum leaves its format."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from trigml.emulation.numpy_emulator import emulate_tensors
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow
from trigml.graph import Constants, Graph, GraphBuilder
from trigml.graph import operations as ops
from trigml.graph.ranges import shifted_left

MakeContract = Callable[..., object]


@settings(deadline=None, max_examples=300)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_ranges_contain_every_word(random_graphs: ModuleType, data: st.DataObject, seed: int) -> None:
    """Protects the proof that nothing overflows: no tensor of any event leaves its range or its format."""
    graph = data.draw(random_graphs.graphs())
    note(random_graphs.described(graph))
    words = random_graphs.random_input_words(graph, 40, seed)
    ends = np.random.default_rng(seed).choice(words[:2].ravel(), words.shape)
    words = np.concatenate([words, np.clip(ends, words[0], words[1])])
    for name, found in emulate_tensors(graph, words).items():
        interval, format_ = graph.ranges[name], graph[name].format
        assert interval.low.shape == graph[name].shape, name
        assert (interval.low <= found).all(), name
        assert (found <= interval.high).all(), name
        assert format_.holds(*interval.bounds), name


def knows_its_range(graph: Graph) -> bool:
    """Whether interval arithmetic has to find the exact range of the last operation, which reads inputs."""
    last = graph.operations[-1]
    wraps = last.format.overflow in (Overflow.WRAP, Overflow.SAT_ZERO)
    if isinstance(last, ops.Quantize | ops.AveragePool) and wraps:
        return False
    correlated = isinstance(last, ops.Subtract | ops.Multiply) and len(set(last.inputs)) < 2
    return not correlated and all(isinstance(graph[name], ops.Input) for name in last.inputs)


@pytest.mark.parametrize("kind", ops.KINDS[1:], ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_ranges_are_reached(
    random_graphs: ModuleType, kind: type[ops.Operation], data: st.DataObject
) -> None:
    """Protects resources: over every possible input, both ends of each element's range occur."""
    graph = data.draw(random_graphs.graphs(last=kind, most=0, tiny=True).filter(knows_its_range))
    note(random_graphs.described(graph))
    name = graph.operations[-1].name
    words = emulate_tensors(graph, random_graphs.all_input_words(graph))[name]
    np.testing.assert_array_equal(graph.ranges[name].low, words.min(axis=0))
    np.testing.assert_array_equal(graph.ranges[name].high, words.max(axis=0))


SUMS = (ops.Dense, ops.Scale, ops.Convolution, ops.DepthwiseConvolution)


@pytest.mark.parametrize("kind", SUMS, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_no_partial_sum_overflows(
    random_graphs: ModuleType, exact_arithmetic: ModuleType, kind: type[ops.Linear], data: st.DataObject
) -> None:
    """Protects accumulators: the worst partial sum of any order fits, and one bit less would not do."""
    graph = data.draw(random_graphs.graphs(last=kind, most=2))
    note(random_graphs.described(graph))
    operation = graph.operations[-1]
    assert isinstance(operation, kind)
    source = graph[operation.inputs[0]]
    inputs = graph.ranges[source.name]
    left = operation.format.fraction - source.format.fraction - operation.weight_format.fraction
    lowest = highest = 0
    for index in np.ndindex(*operation.shape):
        bias = int(operation.bias[index[-1]])
        bias <<= operation.format.fraction - operation.bias_format.fraction
        low, high = min(0, bias), max(0, bias)
        for at, weight in exact_arithmetic.terms_of(operation, source.shape, index):
            products = [int(side[at]) * weight << left for side in (inputs.low, inputs.high)]
            low, high = low + min(0, *products), high + max(0, *products)
        lowest, highest = min(lowest, low), max(highest, high)
    assert operation.format.signed
    assert operation.format.holds(lowest, highest)
    half = 1 << (operation.format.width - 1) >> 1
    assert operation.format.width == 1 or not (-half <= lowest and highest < half)


def test_a_table_without_all_entries_is_refused() -> None:
    """Protects against a read beyond the table: every word of the proven range has its entry."""
    from trigml.contract import InputContract

    format_ = FixedPoint.parse("ap_fixed<4,4,RND_CONV,SAT>")
    entries = np.arange(15, dtype=np.int64)
    for low in (-8, -7):
        builder = GraphBuilder("net")
        builder.input("x", (2,), InputContract.plain("x", 2, format_))
        with pytest.raises(BadInput, match="lacks entries") as error:
            builder.table("table", "x", low, entries, FixedPoint(False, 4, 4))
        assert error.value.expected == "entries for the words from -8 to 7"
        assert error.value.found == f"entries for {low} to {low + 14}"
        assert "table" not in builder.operations


def test_sums_beyond_62_bits_are_clear_errors() -> None:
    """Protects the proof itself from overflow: int64 ends, and says so, in every kind of sum."""
    from trigml.contract import InputContract

    wide = FixedPoint.parse("ap_fixed<24,24,RND_CONV,SAT>")

    def squared(times: int) -> GraphBuilder:
        builder = GraphBuilder("net")
        builder.input("x", (4, 4), InputContract.plain("x", 16, wide))
        builder.quantize("square_0", "x", FixedPoint.parse("ap_fixed<53,24>"))
        for step in range(times):
            builder.multiply(f"square_{step + 1}", [f"square_{step}", "x"])
        return builder

    with pytest.raises(BadInput, match="62 bits"):
        squared(1)
    builder = squared(0)
    weight = Constants(np.full((4, 2), 1 << 10, dtype=np.int64), FixedPoint(True, 12, 12))
    with pytest.raises(BadInput, match="62 bits"):
        builder.dense("dense", "square_0", weight)
    with pytest.raises(BadInput, match=r"62 bits|53 bits"):
        builder.sum("sum", "square_0", [0, 1])
    fine = builder.quantize("fine", "x", FixedPoint(True, 8, -50))
    for method in (builder.add, builder.subtract):
        with pytest.raises(BadInput, match="do not fit one sum"):
            method("sums", ["square_0", fine])
    with pytest.raises(BadInput, match="do not fit one sum"):
        builder.concatenate("joined", ["square_0", fine], 0)
    with pytest.raises(BadInput, match=r"do not fit one sum|53 bits"):
        builder.leaky_relu("leaky", "square_0", 60)
    assert list(builder.operations) == ["x", "square_0", "fine"]


def test_shifts_drop_nothing() -> None:
    """Protects alignment: words move up exactly, or there is an error; they never move down."""
    words = np.array([-(1 << 40), 3, 0], dtype=np.int64)
    np.testing.assert_array_equal(shifted_left(words, 21), [-(1 << 61), 3 << 21, 0])
    np.testing.assert_array_equal(shifted_left(np.zeros(2, dtype=np.int64), 500), [0, 0])
    np.testing.assert_array_equal(shifted_left(np.zeros((0, 2), dtype=np.int64), 500), np.zeros((0, 2)))
    with pytest.raises(BadInput, match="do not fit one sum"):
        shifted_left(words, 22)

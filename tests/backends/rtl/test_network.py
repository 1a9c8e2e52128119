"""alkaid's logic computes the graph's words, ties and saturation included."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.backends.rtl import logic_of, network
from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.errors import BadInput, ToolFailed
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.graph import Constants, Graph, GraphBuilder, operations
from trigml.graph.operations import Quantize

MakeGraph = Callable[..., Graph]
MakeWords = Callable[..., np.ndarray]


@pytest.mark.parametrize("bits", [2, 4, 6, 8, 12])
def test_logic_equals_the_graph(make_graph: MakeGraph, make_words: MakeWords, bits: int) -> None:
    """Protects that the estimate is of the same network: no differing word, for several widths."""
    for seed in range(3):
        graph = make_graph(
            seed,
            sizes=(4, 6, 5, 3),
            input_format=f"ap_fixed<{bits + 2},3,RND_CONV,SAT>",
            weight_format=f"ap_fixed<{bits},1>",
            bias_format=f"ap_fixed<{bits},2>",
            activation_formats=(
                f"ap_ufixed<{bits},2,RND_CONV,SAT>",
                f"ap_fixed<{bits},2,RND_CONV,SAT>",
            ),
        )
        words = make_words(graph, 2000, seed)
        found = logic_of(graph, 5.0).outputs(words)
        np.testing.assert_array_equal(found, emulate(graph, words))


def quantiser_graph(make_graph: MakeGraph, source: str, target: str) -> Graph:
    """One input word per event, brought into another format."""
    base = make_graph(0, sizes=(1, 1), input_format=source)
    (port,) = base.inputs
    quantise = Quantize(name="out", inputs=(port.name,), shape=(1,), format=FixedPoint.parse(target))
    return Graph("net", (port, quantise), ("out",), base.contracts).check()


@pytest.mark.parametrize(
    "target",
    [
        "ap_fixed<5,3,RND_CONV,SAT>",
        "ap_fixed<4,1,RND_CONV,SAT>",
        "ap_ufixed<4,2,RND_CONV,SAT>",
        "ap_fixed<9,4,RND_CONV,SAT>",
        "ap_fixed<3,4,RND_CONV,SAT>",
        "ap_ufixed<1,1,RND_CONV,SAT>",
        "ap_fixed<12,3,RND_CONV,SAT>",
        "ap_fixed<4,1,RND_CONV,SAT_SYM>",
        "ap_fixed<8,2,RND_CONV,SAT_SYM>",
        "ap_fixed<5,5,RND_CONV,SAT_SYM>",
    ],
)
@pytest.mark.parametrize("source", ["ap_fixed<9,4,RND_CONV,SAT>", "ap_fixed<9,4,RND_CONV,SAT_SYM>"])
def test_every_word_through_a_quantiser(make_graph: MakeGraph, source: str, target: str) -> None:
    """Protects the composed rounding half to even: all words of the source, so all ties and both ends."""
    graph = quantiser_graph(make_graph, source, target)
    words = np.arange(graph.inputs[0].format.min_word, graph.inputs[0].format.max_word + 1)[:, None]
    expected = emulate(graph, words)
    np.testing.assert_array_equal(logic_of(graph, 5.0).outputs(words), expected)
    np.testing.assert_array_equal(expected, emulate_tensors(graph, words)["out"])


def test_a_wrong_network_is_noticed(make_graph: MakeGraph, make_words: MakeWords) -> None:
    """Protects the comparison above: with one other weight the words do differ."""
    graph, other = make_graph(1), make_graph(2)
    words = make_words(graph, 200)
    assert (logic_of(other, 5.0).outputs(words) != emulate(graph, words)).any()


def test_figures_are_those_of_the_logic(make_graph: MakeGraph) -> None:
    """Protects the meaning of the estimate: a faster clock costs stages, a larger net costs LUTs."""
    small, large = make_graph(1, sizes=(3, 4, 2)), make_graph(1, sizes=(8, 16, 2))
    slow, fast = logic_of(large, 10.0), logic_of(large, 2.0)
    assert fast.latency_cycles > slow.latency_cycles >= 1
    assert fast.register_bits > slow.register_bits
    assert logic_of(small, 10.0).lut < slow.lut
    assert slow.tool.startswith("alkaid ")


@pytest.mark.parametrize("overflow", Overflow)
def test_every_rounding_and_overflow(overflow: Overflow) -> None:
    """Protects the composed roundings: all words of the source, to coarser and finer ones."""
    source = FixedPoint.parse("ap_fixed<9,4,RND_CONV,SAT>")
    builder = GraphBuilder("modes")
    builder.input("x", (1,), InputContract.plain("x", 1, source))
    kinds = ["ap_fixed<5,3", "ap_ufixed<4,2", "ap_fixed<12,3", "ap_fixed<5,6", "ap_fixed<2,-1"]
    names = [
        builder.quantize(f"q{i}_{rounding}", "x", FixedPoint.parse(f"{kind},{rounding},{overflow}>"))
        for i, kind in enumerate(kinds)
        for rounding in Rounding
    ]
    graph = builder.finish(names)
    words = np.arange(source.min_word, source.max_word + 1)[:, None]
    found, expected = logic_of(graph, 5.0).outputs(words), emulate(graph, words)
    differing = [name for name, column in zip(names, (found != expected).T, strict=True) if column.any()]
    assert differing == []


def formats() -> st.SearchStrategy[FixedPoint]:
    """Narrow formats, their point inside, above or below."""
    parts = st.booleans(), st.integers(2, 7), st.integers(-3, 9), st.sampled_from(Rounding)
    return st.builds(FixedPoint, *parts, st.sampled_from(Overflow))


@settings(max_examples=60, deadline=None)
@given(formats(), st.lists(formats(), min_size=4, max_size=8))
def test_every_word_of_any_format_into_any(source: FixedPoint, targets: list[FixedPoint]) -> None:
    """Protects the rare cases: formats that do not overlap, ends that cannot be reached."""
    builder = GraphBuilder("formats")
    port = replace(source, rounding=Rounding.RND_CONV, overflow=Overflow.SAT)
    builder.input("x", (1,), InputContract.plain("x", 1, port))
    builder.relu("positive", "x")
    names = [
        builder.quantize(f"{name}_{place}", name, target)
        for name in ("x", "positive")
        for place, target in enumerate(targets)
    ]
    graph = builder.finish(["x", *names])
    words = np.arange(port.min_word, port.max_word + 1)[:, None]
    np.testing.assert_array_equal(logic_of(graph, 5.0).outputs(words), emulate(graph, words))


@pytest.mark.parametrize("rounding", Rounding)
def test_every_rounding_behind_a_layer(rounding: Rounding) -> None:
    """Protects what is added to the bias: all words of two inputs, through a layer that others read too."""
    builder = GraphBuilder("layer")
    source = FixedPoint.parse("ap_fixed<5,2,RND_CONV,SAT>")
    builder.input("x", (2,), InputContract.plain("x", 2, source))
    weights = Constants(
        np.array([[3, -5, 7, 0, 8, -1], [6, 2, -7, 0, 0, 16]]), FixedPoint.parse("ap_fixed<6,1>")
    )
    biases = Constants(np.array([5, -9, 0, 11, -16, 1]), FixedPoint.parse("ap_fixed<6,1>"))
    dense = builder.dense("dense", "x", weights, biases)
    relu = builder.relu("relu", dense)
    kinds = ["ap_fixed<4,2", "ap_ufixed<3,1", "ap_fixed<3,3", "ap_ufixed<9,2"]
    names = [
        builder.quantize(f"{name}_{i}_{overflow}", name, FixedPoint.parse(f"{kind},{rounding},{overflow}>"))
        for name in (dense, relu)
        for i, kind in enumerate(kinds)
        for overflow in Overflow
    ]
    graph = builder.finish([dense, *names])
    words = np.stack(np.meshgrid(*[np.arange(-16, 16)] * 2), axis=-1).reshape(-1, 2)
    found, expected = logic_of(graph, 5.0).outputs(words), emulate(graph, words)
    np.testing.assert_array_equal(found, expected)


def every_operation() -> Graph:
    """Two inputs, five outputs, and between them every operation that has a form as logic."""
    random = np.random.default_rng(0)
    format_ = FixedPoint.parse("ap_fixed<8,3,RND_CONV,SAT>")

    def words(*shape: int) -> Constants:
        return Constants(random.integers(-32, 32, shape), FixedPoint.parse("ap_fixed<6,1>"))

    b = GraphBuilder("network")
    b.input("image", (5, 5, 2), InputContract.plain("image", 50, format_))
    b.input("flat", (3,), InputContract.plain("flat", 3, format_))
    b.convolution("conv", "image", words(3, 3, 2, 4), words(4), strides=(1, 2), padding=((1, 1), (0, 1)))
    b.leaky_relu("leaky", "conv", 3)
    b.quantize("q1", "leaky", FixedPoint.parse("ap_fixed<6,3,RND_CONV,SAT>"))
    b.clip("clip", "q1", -4, 20)
    valid = ((0, 0), (0, 0))
    b.convolution("depth", "clip", words(2, 2, 4, 2), strides=(1, 1), padding=valid, depthwise=True)
    b.quantize("q2", "depth", FixedPoint.parse("ap_fixed<6,5,RND,SAT>"))
    b.max_pool("pool", "q2", (2, 1), strides=(2, 1), padding=((1, 1), (0, 0)))
    b.average_pool("mean", "q2", (2, 2), strides=(2, 2), padding=((0, 0), (1, 1)))
    rounds = FixedPoint.parse("ap_fixed<6,5,RND_CONV,SAT>")
    b.average_pool("rounded", "q2", (4, 2), strides=(1, 1), padding=((0, 0), (1, 0)), format_=rounds)
    b.sum("sum", "rounded", (0, 1))
    b.argmax("best", "sum")
    b.relu("relu", "pool")
    b.reshape("row", "relu", (24,))
    b.dense("dense", "flat", words(3, 8), words(8))
    b.add("added", ["dense", "sum"])
    b.quantize("q3", "added", FixedPoint.parse("ap_fixed<6,6,RND_CONV,SAT>"))
    b.table("square", "q3", -32, np.arange(-32, 32) ** 2, FixedPoint.parse("ap_ufixed<12,6>"))
    b.maximum("largest", "square", (0,))
    b.subtract("less", ["square", "largest"])
    b.multiply("product", ["less", "q3"])
    b.scale("scaled", "product", words(8), words(8))
    b.concatenate("all", ["scaled", "row"], 0)
    b.zero_pad("padded", "pool", ((1, 0), (0, 2)))
    b.slice("block", "padded", (1, 0, 1), (3, 2, 6))
    b.permute("turned", "block", (2, 0, 1))
    return b.finish(["all", "best", "turned", "mean", "added"])


def test_every_operation_is_exact() -> None:
    """Protects the logic of every operation, of several inputs and of several outputs."""
    graph = every_operation()
    used = {type(operation) for operation in graph.operations}
    assert used == set(operations.KINDS)
    words = np.random.default_rng(1).integers(-128, 128, (2000, graph.n_in))
    np.testing.assert_array_equal(logic_of(graph, 5.0).outputs(words), emulate(graph, words))


@pytest.mark.parametrize("source", ["ap_fixed<5,4,RND_CONV,SAT>", "ap_fixed<7,4,RND_CONV,SAT>"])
def test_a_table_behind_a_rounding_that_reaches_no_end(source: str) -> None:
    """Protects tables where alkaid's interval is wider than the proven one: exact, instead of a crash."""
    builder = GraphBuilder("behind")
    builder.input("x", (1,), InputContract.plain("x", 1, FixedPoint.parse(source)))
    low, high = -8, 8
    builder.quantize("q", "x", FixedPoint.parse("ap_fixed<7,7,RND_CONV,SAT>"))
    builder.table("t", "q", low, np.arange(low, high + 1) ** 3 % 53, FixedPoint.parse("ap_ufixed<6,6>"))
    graph = builder.finish(["t"])
    format_ = graph.inputs[0].format
    words = np.arange(format_.min_word, format_.max_word + 1).reshape(-1, 1)
    np.testing.assert_array_equal(logic_of(graph, 5.0).outputs(words), emulate(graph, words))


def test_an_assertion_of_alkaid_names_the_layer(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against a traceback where alkaid gives up: the layer and alkaid's words, exit code 2."""

    def gives_up(*arguments: object, **options: object) -> None:
        raise AssertionError("not covered, says a test")

    monkeypatch.setattr(network, "requantized", gives_up)
    with pytest.raises(ToolFailed, match="could not build the logic") as error:
        logic_of(make_graph(1), 5.0)
    assert error.value.exit_code == 2
    assert error.value.where == "layer 'act_1'"
    assert "not covered, says a test" in str(error.value)


def test_equal_words_give_the_first_index() -> None:
    """Protects ArgMax where words are equal, which random words rarely are."""
    builder = GraphBuilder("ties")
    builder.input("x", (5,), InputContract.plain("x", 5, FixedPoint.parse("ap_fixed<2,2,RND_CONV,SAT>")))
    graph = builder.finish([builder.argmax("best", "x")])
    words = np.stack(np.meshgrid(*[np.arange(-2, 2)] * 5), axis=-1).reshape(-1, 5)
    np.testing.assert_array_equal(logic_of(graph, 5.0).outputs(words), emulate(graph, words))


def test_what_has_no_form_is_refused() -> None:
    """Protects against logic that rounds differently from the graph: means of three, wide tables."""
    builder = GraphBuilder("refused")
    format_ = FixedPoint.parse("ap_fixed<4,4,RND_CONV,SAT>")
    builder.input("x", (3, 1), InputContract.plain("x", 3, format_))
    builder.average_pool("mean", "x", (3,), strides=(1,), padding=((0, 0),), format_=format_)
    builder.table("wide", "x", -8, np.full(16, 1 << 30), FixedPoint(True, 32, 32))
    graph = builder.finish(["mean", "wide"])
    for name, message in (("mean", "has no RTL form"), ("wide", "table has no RTL form")):
        with pytest.raises(BadInput, match=message) as error:
            logic_of(graph.upto(name), 5.0)
        assert name in (error.value.where or "")

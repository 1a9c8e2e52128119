"""Seen ranges lie inside of the proven ones, and bits that are called idle are never used: by brute force."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate_tensors
from trigml.fixedpoint import FixedPoint
from trigml.graph import Constants, Graph, GraphBuilder
from trigml.graph import operations as ops
from trigml.inspection.idle_bits import idle_top_bits, low_zeros, proven_low_zeros
from trigml.inspection.inspecting import layers_of
from trigml.inspection.seen import seen_in
from trigml.verify.vectors import Vectors, event_vectors


def vectors_of(words: np.ndarray, size: int) -> list[Vectors]:
    whole = Vectors("words", words.astype(float), words)
    return [whole.part(start, start + size) for start in range(0, len(words), size)]


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_every_input_of_tiny_networks(random_graphs: ModuleType, data: st.DataObject) -> None:
    """Protects all columns: over every input, what is seen is what the words say, and the proof holds."""
    graph: Graph = data.draw(random_graphs.graphs(tiny=True))
    note(random_graphs.described(graph))
    words = random_graphs.all_input_words(graph)
    tensors = emulate_tensors(graph, words)
    found = seen_in(graph, vectors_of(words, 100))
    assert found.events == len(words)
    for layer in layers_of(graph, found.tensors, with_features=False):
        every, format_ = tensors[layer.name], layer.format
        assert layer.seen == (every.min(), every.max())
        assert layer.proven[0] <= layer.seen[0] <= layer.seen[1] <= layer.proven[1]
        flat = every.reshape(len(every), -1)
        assert layer.constant == np.count_nonzero((flat == flat[0]).all(axis=0))
        assert layer.idle_top <= layer.idle_top_seen < format_.width
        if layer.idle_top_seen:  # so many bits fewer hold every word, one more does not
            width = format_.width - layer.idle_top_seen
            narrow = FixedPoint(format_.signed, width, width - format_.fraction)
            assert narrow.holds(*layer.seen)
        if format_.width - layer.idle_top_seen > 1 + format_.signed:
            width = format_.width - layer.idle_top_seen - 1
            assert not FixedPoint(format_.signed, width, width - format_.fraction).holds(*layer.seen)
        assert layer.low_zeros <= layer.low_zeros_seen <= format_.width
        assert not (every % (1 << layer.low_zeros_seen)).any()
        if layer.low_zeros_seen < format_.width:
            assert (every % (2 << layer.low_zeros_seen)).any()


@pytest.mark.parametrize(
    "kind", [ops.Dense, ops.Quantize, ops.Clip, ops.Table, ops.Multiply, ops.Concatenate, ops.LeakyRelu]
)
@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_low_zeros_hold(random_graphs: ModuleType, kind: type[ops.Operation], data: st.DataObject) -> None:
    """Protects the proof of zero bits in larger networks, for the kinds that make or break them."""
    graph: Graph = data.draw(random_graphs.graphs(last=kind))
    note(random_graphs.described(graph))
    tensors = emulate_tensors(graph, random_graphs.random_input_words(graph, 200))
    for name, zeros in proven_low_zeros(graph).items():
        assert not (tensors[name] & ((1 << zeros) - 1)).any(), name


def test_zero_bits_by_hand(make_contract: Callable[..., InputContract]) -> None:
    """Protects that zeros are found at all: weights that are multiples of 4, a quantiser, a shifted slope."""
    builder = GraphBuilder("network")
    builder.input("x", (2,), make_contract(2, "ap_fixed<6,3,RND_CONV,SAT>"))
    weight = Constants(np.array([[4, 8], [12, -4]]), FixedPoint.parse("ap_fixed<6,2>"))
    builder.dense("y", "x", weight)
    builder.quantize("finer", "y", FixedPoint.parse("ap_fixed<24,12,TRN,WRAP>"))
    builder.quantize("coarser", "y", FixedPoint.parse("ap_fixed<12,8,TRN,WRAP>"))
    builder.quantize("saturating", "y", FixedPoint.parse("ap_ufixed<4,-2,TRN,SAT>"))
    graph = builder.finish(["finer", "coarser", "saturating"])
    assert proven_low_zeros(graph) == {"x": 0, "y": 2, "finer": 7, "coarser": 0, "saturating": 0}


@pytest.mark.parametrize(
    ("text", "low", "high", "idle"),
    [
        ("ap_fixed<8,4>", -128, 127, 0),
        ("ap_fixed<8,4>", -64, 63, 1),
        ("ap_fixed<8,4>", -65, 0, 0),
        ("ap_fixed<8,4>", 0, 1, 6),
        ("ap_ufixed<8,4>", 0, 127, 1),
        ("ap_ufixed<8,4>", 0, 0, 7),
    ],
)
def test_idle_top_bits(text: str, low: int, high: int, idle: int) -> None:
    """Protects the ends: one bit fewer exactly where the range allows it."""
    assert idle_top_bits(FixedPoint.parse(text), low, high) == idle


def test_low_zeros_of_words() -> None:
    """Protects negative words and zero."""
    assert [low_zeros(word) for word in (1, -1, 12, -12, 0)] == [0, 0, 2, 2, 62]


def test_saturation_and_zeros_are_counted(make_contract: Callable[..., InputContract]) -> None:
    """Protects the rates: words that the overflow rule changed, and words that rounding made zero."""
    builder = GraphBuilder("network")
    builder.input("x", (2,), make_contract(2, "ap_fixed<6,6,RND_CONV,SAT>"))
    builder.quantize("y", "x", FixedPoint.parse("ap_fixed<3,5,TRN_ZERO,SAT>"))
    builder.quantize("z", "x", FixedPoint.parse("ap_fixed<4,4,TRN,WRAP>"))
    graph = builder.finish(["y", "z"])
    words = np.array([[0, 1], [3, 4], [12, 16], [31, -32]])
    found = seen_in(graph, vectors_of(words, 3)).tensors
    # 3 bits of 4 units: -16 to 12; 16 and 31 saturate, -32 too; 1 and 3 of seven words become zero.
    assert (found["y"].overflow_rate, found["y"].to_zero_rate) == (3 / 8, 2 / 7)
    # 4 bits: -8 to 7; 12, 16, 31 and -32 wrap; 16 and -32 become zero that way.
    assert (found["z"].overflow_rate, found["z"].to_zero_rate) == (4 / 8, 2 / 7)
    assert found["x"].overflowed == 0


def test_saturated_features_are_counted(make_graph: Callable[..., Graph]) -> None:
    """Protects the input's rate, which needs the features: the words cannot tell."""
    graph = make_graph(1)
    low, high = graph.contract.reach(graph.contract.features[1])
    features = np.zeros((4, 3), dtype=np.float32)
    features[:, 1] = [low, high, low - 1, high + 100]
    found = seen_in(graph, [event_vectors(graph, features, "events")]).tensors
    assert found["quantised"].overflow_rate == 2 / 12

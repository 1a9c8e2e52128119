"""Words on a bus: packed and unpacked without loss, in the order and the formats of the graph."""

import numpy as np
import pytest

from trigml.backends.rtl.ports import bus_width, input_words, output_words, packed_bytes, unpacked_words
from trigml.contract import InputContract
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder

FORMATS = ["ap_fixed<1,1,RND_CONV,SAT>", "ap_fixed<7,3,RND_CONV,SAT>", "ap_ufixed<24,4,RND_CONV,SAT>"]


@pytest.fixture(scope="module")
def graph() -> Graph:
    """Inputs of three widths, and their copies as outputs."""
    builder = GraphBuilder("ports")
    names = []
    for index, text in enumerate(FORMATS):
        contract = InputContract.plain(f"x{index}", 3, FixedPoint.parse(text))
        names.append(builder.input(f"x{index}", (3,), contract))
    return builder.finish([*names, builder.quantize("wide", "x2", FixedPoint.parse("ap_fixed<53,30>"))])


def test_words_stand_one_after_the_other(graph: Graph) -> None:
    """Protects the document of the interface: bit 0 belongs to the first word, nothing overlaps."""
    words = input_words(graph)
    assert [word.bits for word in words[:4]] == ["0:0", "1:1", "2:2", "9:3"]
    assert bus_width(words) == 3 * (1 + 7 + 24)
    assert [(word.tensor, word.element) for word in words[5:7]] == [("x1", 2), ("x2", 0)]


def test_packing_loses_nothing(graph: Graph) -> None:
    """Protects the simulation's stimuli and results: any word of any width comes back."""
    random = np.random.default_rng(0)
    for words in (input_words(graph), output_words(graph)):
        low = np.array([word.format.min_word for word in words])
        high = np.array([word.format.max_word for word in words])
        rows = np.concatenate([low[None], high[None], random.integers(low, high + 1, (200, len(words)))])
        buses = packed_bytes(rows, words)
        assert buses.shape == (202, -(-bus_width(words) // 8))
        np.testing.assert_array_equal(unpacked_words(buses, words), rows)


def test_bits_by_hand(graph: Graph) -> None:
    """Protects the order of the bits: the lowest bit of the first word is the lowest of the first byte."""
    rows = np.zeros((1, 9), dtype=np.int64)
    rows[0, 3] = -1  # seven bits from bit 3 on
    assert packed_bytes(rows, input_words(graph))[0, :2].tolist() == [0b11111000, 0b00000011]

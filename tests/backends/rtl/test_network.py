"""alkaid's logic computes the graph's words, ties and saturation included."""

from collections.abc import Callable

import numpy as np
import pytest

from trigml.backends.rtl import logic_of
from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph
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


@pytest.mark.parametrize("modes", ["TRN,SAT", "RND,SAT", "RND_CONV,WRAP", "RND_CONV,SAT_ZERO"])
def test_other_modes_are_refused(make_graph: MakeGraph, modes: str) -> None:
    """Protects against logic that rounds differently from the graph."""
    graph = quantiser_graph(make_graph, "ap_fixed<9,4,RND_CONV,SAT>", f"ap_fixed<5,3,{modes}>")
    with pytest.raises(BadInput, match="has no RTL form") as error:
        logic_of(graph, 5.0)
    assert error.value.where == "out"

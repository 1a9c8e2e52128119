"""Networks at the edges of what ports can be, in RTL, simulated cycle by cycle: words and measured timing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trigml.backends.rtl import Language, RtlOptions, combinational_of, logic_of
from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput, MissingTool, NotBitExact
from trigml.fixedpoint import FixedPoint
from trigml.graph import Constants, Graph, GraphBuilder
from trigml.progress import Silent
from trigml.toolchains.ghdl import find_ghdl
from trigml.verify.comparison import compare
from trigml.verify.rtl_stage import generated_stage
from trigml.verify.stages import GraphStage, LogicStage
from trigml.verify.timing import measured_timing
from trigml.verify.vectors import corner_vectors, random_vectors

pytestmark = pytest.mark.slow


def fixed(text: str) -> FixedPoint:
    return FixedPoint.parse(f"ap_{text},RND_CONV,SAT>")


def weights(*rows: list[int]) -> Constants:
    return Constants(np.array(rows), FixedPoint.parse("ap_fixed<6,1>"))


def biases(*words: int) -> Constants:
    return Constants(np.array(words), FixedPoint.parse("ap_fixed<6,1>"))


def one_bit() -> Graph:
    """A bus of one bit in, one bit out, and nothing but a register between them."""
    b = GraphBuilder("one_bit")
    return b.finish([b.input("bit", (1,), InputContract.plain("bit", 1, fixed("ufixed<1,1")))])


def one_input() -> Graph:
    """One word in, one sum of it out."""
    b = GraphBuilder("one_input")
    b.input("x", (1,), InputContract.plain("x", 1, fixed("fixed<5,3")))
    return b.finish([b.dense("sum", "x", weights([-13]), biases(7))])


def mixed() -> Graph:
    """Three inputs and seven outputs: single bits, constants, copies, words and a port that nobody reads."""
    b = GraphBuilder("mixed")
    b.input("bits", (3,), InputContract.plain("bits", 3, fixed("ufixed<1,1")))
    b.input("signs", (2,), InputContract.plain("signs", 2, fixed("fixed<1,1")))
    b.input("words", (4,), InputContract.plain("words", 4, fixed("fixed<6,3")))
    b.input("unread", (2,), InputContract.plain("unread", 2, fixed("fixed<7,7")))
    b.dense("votes", "bits", weights([5, -3], [9, 1], [-8, 1]), biases(0, 1))
    b.dense("half", "words", weights([3, 0, -7], [0, 0, 0], [11, 0, 6], [-2, 0, 1]), biases(1, -9, 4))
    b.quantize("sign", "half", FixedPoint.parse("ap_fixed<1,1,TRN,WRAP>"))
    b.quantize("above", "half", FixedPoint.parse("ap_ufixed<1,1,RND,SAT>"))
    b.concatenate("all", ["votes", "above", "signs"], 0)
    b.argmax("best", "all")
    return b.finish(["votes", "half", "sign", "above", "signs", "best", "words"])


NETWORKS = [one_bit, one_input, mixed]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.__name__)
def test_rtl_at_the_edges(network: Callable[[], Graph], language: Language, tmp_path: Path) -> None:
    """Protects unusual ports: every word as in the graph, the claimed latency measured, a wrong word seen."""
    if language is Language.VHDL:
        try:
            find_ghdl()
        except MissingTool as error:
            pytest.skip(f"VHDL is not checked here: {error.problem}")
    graph = network()
    stage = generated_stage(graph, RtlOptions("xcvu13p-flga2577-2-e", 2.0, language), tmp_path)
    sets = [corner_vectors(graph), *random_vectors(graph, 3000, seed=1)]
    reference = GraphStage(graph)
    assert compare(reference, [stage], sets).first_difference is None
    words = sets[1].words
    timing = measured_timing(stage, reference, words, Silent())
    assert (timing.latency, timing.interval) == (stage.claim.latency_cycles, 1)
    wrong = emulate(graph, words)
    wrong[1234, -1] ^= 1
    with pytest.raises(NotBitExact, match="differs from the graph") as error:
        stage.timing(words, wrong)
    assert error.value.where == f"event 1234, output word {graph.n_out - 1}"


def test_outputs_that_no_input_changes() -> None:
    """Protects against a core without ports, which no tool takes: refused, but compared as logic."""
    b = GraphBuilder("constants")
    b.input("x", (2,), InputContract.plain("x", 2, fixed("fixed<5,3")))
    graph = b.finish([b.dense("nothing", "x", weights([0, 0], [0, 0]), biases(11, -5))])
    with pytest.raises(BadInput, match="outputs do not depend on its inputs") as error:
        logic_of(graph, 2.0)
    assert error.value.where == "constants, nothing"
    sets = [corner_vectors(graph)]
    assert compare(GraphStage(graph), [LogicStage(combinational_of(graph))], sets).first_difference is None

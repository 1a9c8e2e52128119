"""Stages are built where they can be; what cannot be is a line or an error, never silence."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from trigml.backends.rtl import logic_of
from trigml.contract import InputContract
from trigml.errors import BadInput, MissingTool, ToolFailed
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder
from trigml.opening import OpenedModel
from trigml.verify import building
from trigml.verify.building import DEFAULT_CLOCK_NS, StageName, StageSources, build_stages, stage_names
from trigml.verify.comparison import compare
from trigml.verify.stages import GraphStage
from trigml.verify.vectors import corner_vectors, random_vectors

MakeGraph = Callable[..., Graph]


def sources_of(graph: Graph, scratch: Path) -> StageSources:
    """A model of which only the graph is known."""
    return StageSources(OpenedModel("somebody's", graph, None, None), scratch)


def test_stages_without_a_model_behind_the_graph(make_graph: MakeGraph, tmp_path: Path) -> None:
    """Protects the lines about stages that are left out: which one, and why."""
    built = build_stages(
        sources_of(make_graph(1), tmp_path),
        optional=(StageName.KERAS, StageName.QONNX, StageName.NUMPY, StageName.NATIVE, StageName.LOGIC),
    )
    assert [stage.name for stage in built.stages] == ["native", "logic (alkaid)"]
    assert built.left_out == (
        "keras left out: there is no Keras model behind this one (somebody's)",
        "qonnx left out: this model is not a QONNX file (somebody's)",
    )


@pytest.mark.parametrize("error", [BadInput, MissingTool])
def test_a_required_stage_is_not_left_out(
    make_graph: MakeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BadInput]
) -> None:
    """Protects --stages: what was asked for is built, or the error says why, of the same kind."""

    def refuse(graph: Graph) -> NoReturn:
        raise error("it is Sunday", where="here", expected="a", found="b", remedy="wait")

    monkeypatch.setattr(building, "NativeStage", refuse)
    sources = sources_of(make_graph(1), tmp_path)
    with pytest.raises(error, match="the stage native cannot be built: it is Sunday") as caught:
        build_stages(sources, required=[StageName.NATIVE])
    assert (caught.value.where, caught.value.remedy) == ("here", "wait")
    assert build_stages(sources, optional=[StageName.NATIVE]).left_out == (
        "native left out: it is Sunday (here)",
    )


def test_a_tool_that_fails_is_never_left_out(
    make_graph: MakeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against hiding a fault: generated code that does not compile ends the command."""

    def fail(graph: Graph) -> NoReturn:
        raise ToolFailed("the compiler failed")

    monkeypatch.setattr(building, "NativeStage", fail)
    with pytest.raises(ToolFailed):
        build_stages(sources_of(make_graph(1), tmp_path), optional=[StageName.NATIVE])


def test_large_networks_are_unrolled_only_if_asked(
    make_graph: MakeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects patience: logic that would take minutes is built only when somebody names it."""
    monkeypatch.setattr(building, "LARGEST_UNROLLED", 42)
    sources = sources_of(make_graph(1), tmp_path)
    built = build_stages(sources, optional=[StageName.LOGIC])
    assert built.left_out == ("logic left out: unrolling 43 products into logic would take long",)
    assert build_stages(sources, required=[StageName.LOGIC]).stages


def test_the_stage_logic_needs_no_clock(tmp_path: Path) -> None:
    """Protects networks with an operation slower than the clock: their logic is compared all the same."""
    builder = GraphBuilder("slow")
    port = FixedPoint.parse("ap_fixed<17,6,RND_CONV,SAT>")
    builder.input("x", (1,), InputContract.plain("x", 1, port))
    entries = np.arange(1 << 17) * 40503 % 8191
    builder.table("table", "x", port.min_word, entries, FixedPoint.parse("ap_ufixed<13,6>"))
    graph = builder.finish(["table"])
    with pytest.raises(BadInput, match="no pipeline can meet the clock"):
        logic_of(graph, DEFAULT_CLOCK_NS)
    (stage,) = build_stages(sources_of(graph, tmp_path), required=[StageName.LOGIC]).stages
    sets = [corner_vectors(graph), *random_vectors(graph, 2000, seed=1)]
    assert compare(GraphStage(graph), [stage], sets).first_difference is None
    entries[port.max_word - port.min_word] ^= 1
    other = dataclasses.replace(graph["table"], table=entries)
    faulty = dataclasses.replace(graph, operations=(graph.operations[0], other)).check()
    first = compare(GraphStage(faulty), [stage], sets).first_difference
    assert first is not None
    assert first.tensor == "table"


def test_names_of_stages() -> None:
    """Protects --stages: known names, and the nearest one for an unknown one."""
    assert stage_names(["hls", "numpy"]) == (StageName.HLS, StageName.NUMPY)
    with pytest.raises(BadInput, match="there is no stage 'kera'") as caught:
        stage_names(["kera"])
    assert "did you mean 'keras'?" in str(caught.value)

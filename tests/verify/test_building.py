"""Stages are built where they can be; what cannot be is a line or an error, never silence."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from trigml.errors import BadInput, MissingTool, ToolFailed
from trigml.graph import Graph
from trigml.opening import OpenedModel
from trigml.verify import building
from trigml.verify.building import StageName, StageSources, build_stages, stage_names

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


def test_names_of_stages() -> None:
    """Protects --stages: known names, and the nearest one for an unknown one."""
    assert stage_names(["hls", "numpy"]) == (StageName.HLS, StageName.NUMPY)
    with pytest.raises(BadInput, match="there is no stage 'kera'") as caught:
        stage_names(["kera"])
    assert "did you mean 'keras'?" in str(caught.value)

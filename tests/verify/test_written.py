"""RTL projects as they lie on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trigml.backends.rtl import RtlOptions, logic_of, rtl_project
from trigml.graph import Graph
from trigml.verify.written import written_project


def test_sources_of_a_project_named_by_a_relative_path(
    make_graph: Callable[..., Graph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``verify --project rtl/verilog`` works: the simulator runs in another folder and finds the files."""
    graph = make_graph(8, sizes=(3, 4, 2), input_format="ap_fixed<5,3,RND_CONV,SAT>")
    rtl_project(logic_of(graph, 3.0), RtlOptions("xcvu13p-flga2577-2-e", 3.0)).write(tmp_path / "project")
    monkeypatch.chdir(tmp_path)
    project = written_project(Path("project"), graph)
    monkeypatch.chdir("/")
    assert project.sources
    assert all(path.is_file() for path in [*project.sources, project.folder / "trigml_project.json"])

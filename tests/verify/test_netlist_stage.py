"""The mapped netlist equals the graph and the cells' own models; faults planted in its file are seen."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trigml.backends.rtl import RtlOptions, logic_of, rtl_project
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput, NotBitExact, ToolFailed
from trigml.graph import Graph
from trigml.opening import OpenedModel
from trigml.toolchains.yosys import Family, cell_models, map_design
from trigml.verify.building import StageName, project_stages
from trigml.verify.netlist_stage import NetlistStage
from trigml.verify.rtl_stage import RtlStage
from trigml.verify.vectors import random_vectors
from trigml.verify.verification import Verification, verify
from trigml.verify.written import written_project

pytestmark = pytest.mark.slow

OPTIONS = RtlOptions("xcvu13p-flga2577-2-e", 3.0)


@pytest.fixture(scope="module")
def graph(make_graph: Callable[..., Graph]) -> Graph:
    return make_graph(8, sizes=(3, 4, 2), input_format="ap_fixed<5,3,RND_CONV,SAT>")


def mapped_project(graph: Graph, folder: Path) -> Path:
    """An RTL project with its mapped netlist, as trigml synth leaves it."""
    rtl_project(logic_of(graph, 3.0), OPTIONS).write(folder)
    project = written_project(folder, graph)
    mapped = map_design(graph.name, project.sources, Family.ULTRASCALE_PLUS)
    project.netlist.parent.mkdir()
    assert mapped.write_netlist(project.netlist.parent) == (project.netlist,)
    return folder


@pytest.fixture(scope="module")
def netlist(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = mapped_project(graph, tmp_path_factory.mktemp("mapped") / "project")
    return written_project(folder, graph).netlist.read_text()


@pytest.fixture
def project(graph: Graph, netlist: str, tmp_path: Path) -> Path:
    """The project with its netlist, as it should be."""
    rtl_project(logic_of(graph, 3.0), OPTIONS).write(tmp_path / "project")
    path = written_project(tmp_path / "project", graph).netlist
    path.parent.mkdir()
    path.write_text(netlist)
    return tmp_path / "project"


def verified(graph: Graph, project: Path | None) -> Verification:
    model = OpenedModel("net", graph, None, None)
    return verify(model, stages=[StageName.NETLIST], random_count=2000, project=project)


def seen(graph: Graph, project: Path) -> NotBitExact:
    """The error that verify ends with: lost events and other ports are raised, words are compared."""
    try:
        found = verified(graph, project)
    except NotBitExact as error:
        return error
    assert found.comparison.first_difference is not None
    return found.comparison.first_difference.explained()


def test_the_netlist_is_exact_and_timed(graph: Graph, project: Path) -> None:
    """Protects the promise: no differing word over more than 1,000 events; latency and interval measured."""
    found = verified(graph, project)
    assert found.comparison.first_difference is None
    stage = found.comparison.stages[1]
    assert stage.stage == "netlist"
    assert stage.words > 4_000
    latency = written_project(project, graph).latency_cycles
    assert f"latency {latency} cycles, an event per cycle" in stage.remark


def test_a_netlist_is_mapped_for_the_stage(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects --stages netlist without a project: the RTL is made and mapped; the results are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TRIGML_CACHE", raising=False)
    assert verified(graph, None).comparison.first_difference is None
    assert list((tmp_path / "trigml" / "yosys").glob("*.entry"))


def test_the_simulator_and_the_cells_own_models_agree(graph: Graph, project: Path, tmp_path: Path) -> None:
    """Protects the simulator on a whole netlist: Verilator with Yosys's models gives the same words."""
    written = written_project(project, graph)
    vectors = random_vectors(graph, 2000, seed=3)[0]
    models = RtlStage(written, [written.netlist, cell_models()], tmp_path, "models").outputs(vectors)
    own = NetlistStage(written, [written.netlist], tmp_path).outputs(vectors)
    assert np.array_equal(own, models)
    assert np.array_equal(own, emulate(graph, vectors.words))


def swap_a_digit(text: str) -> str:
    """One hexadecimal digit of one table's content: of a LUT2 behind which nothing hides the difference."""
    places = list(re.finditer(r"\.INIT\(4'h([0-9a-f])\)", text))
    assert places
    place = places[len(places) // 2].start(1)
    return text[:place] + f"{int(text[place], 16) ^ 0xF:x}" + text[place + 1 :]


def exchange_two_pins(text: str) -> str:
    """What goes into the flip-flops of the two lowest bits of the output."""
    low, high = (
        re.search(rf"\.D\(([^\n]+)\),\n\s*\.Q\(\\core\.model_out \[{bit}\]\)", text) for bit in (0, 1)
    )
    assert low
    assert high
    (first, a), (second, b) = sorted([(low.span(1), high[1]), (high.span(1), low[1])])
    return text[: first[0]] + a + text[first[1] : second[0]] + b + text[second[1] :]


def loosen_a_reset(text: str) -> str:
    """What clears the valid chain at reset, no longer so: the LUT2 of in_valid and rst lets all through."""
    table = re.search(r"LUT2 #\(\s*\.INIT\(4'h([0-9a-f])\)\s*\) \S+ \(\s*\.I0\(rst\)", text) or re.search(
        r"LUT2 #\(\s*\.INIT\(4'h([0-9a-f])\)\s*\) \S+ \(\s*\.I0\([^)]*\),\s*\.I1\(rst\)", text
    )
    assert table is not None
    return text[: table.start(1)] + "e" + text[table.end(1) :]


@pytest.mark.parametrize("fault", [swap_a_digit, exchange_two_pins, loosen_a_reset])
def test_a_fault_in_the_netlist_is_seen(
    graph: Graph, project: Path, netlist: str, fault: Callable[[str], str]
) -> None:
    """Protects the check itself: a swapped byte, wires and reset in the netlist end in exit code 4."""
    assert fault(netlist) != netlist
    written_project(project, graph).netlist.write_text(fault(netlist))
    error = seen(graph, project)
    assert error.exit_code == 4
    assert "netlist" in str(error)


def test_the_netlist_of_another_model_is_seen(
    graph: Graph, project: Path, make_graph: Callable[..., Graph], tmp_path: Path
) -> None:
    """Protects against a netlist that lies in the wrong folder: same ports, or others, exit code 4."""
    path = written_project(project, graph).netlist
    twin = make_graph(9, sizes=(3, 4, 2), input_format="ap_fixed<5,3,RND_CONV,SAT>")
    path.write_text(written_project(mapped_project(twin, tmp_path / "twin"), twin).netlist.read_text())
    error = seen(graph, project)
    assert error.exit_code == 4
    wide = make_graph(8, sizes=(4, 2))
    path.write_text(written_project(mapped_project(wide, tmp_path / "wide"), wide).netlist.read_text())
    with pytest.raises(NotBitExact, match="other ports than the model"):
        verified(graph, project)


def test_a_project_without_a_netlist_and_a_file_that_is_none(graph: Graph, project: Path) -> None:
    """Protects the messages: nothing there, text that is no Verilog."""
    path = written_project(project, graph).netlist
    path.write_text("it is Sunday")
    with pytest.raises(ToolFailed, match="reading the netlist"):
        verified(graph, project)
    path.unlink()
    with pytest.raises(BadInput, match="no mapped netlist"):
        verified(graph, project)
    assert project_stages([StageName.NETLIST]) == (StageName.NETLIST,)

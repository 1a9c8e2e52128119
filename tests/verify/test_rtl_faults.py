"""Faults planted in the files of an RTL project: ``verify --project`` sees each one, exit code 4."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from trigml.backends.rtl import Language, Logic, RtlOptions, logic_of, rtl_project
from trigml.errors import BadInput, MissingTool, NotBitExact
from trigml.fixedpoint import Rounding
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.opening import OpenedModel
from trigml.project import PROJECT_FILE
from trigml.toolchains.ghdl import find_ghdl
from trigml.verify import rtl_stage
from trigml.verify.building import StageName
from trigml.verify.verification import Verification, verify

pytestmark = pytest.mark.slow

OPTIONS = RtlOptions("xcvu13p-flga2577-2-e", 3.0)
TOP = "src/top.v"


@pytest.fixture(scope="module")
def graph(make_graph: Callable[..., Graph]) -> Graph:
    """Sums one bit finer than the activations, so that half of them are ties."""
    return make_graph(8, sizes=(3, 4, 2), input_format="ap_fixed<5,3,RND_CONV,SAT>")


@pytest.fixture
def folder(graph: Graph, tmp_path: Path) -> Path:
    """The project of the network, as it should be."""
    rtl_project(logic_of(graph, 3.0), OPTIONS).write(tmp_path / "project")
    return tmp_path / "project"


def verified(graph: Graph, project: Path | None) -> Verification:
    model = OpenedModel("net", graph, None, None)
    return verify(model, stages=[StageName.RTL], random_count=1000, project=project)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def bypass_a_register(graph: Graph, folder: Path) -> None:
    """The second pipeline stage as wires."""
    core = folder / "src" / "network_core.v"
    text = core.read_text()
    (line,) = [line for line in text.splitlines() if line.strip().startswith("stage2_inp[") and "<=" in line]
    (declared,) = [
        line for line in text.splitlines() if line.strip().startswith("reg [") and "stage2_inp" in line
    ]
    text = text.replace(line + "\n", "").replace(declared, declared.replace("reg [", "wire ["))
    wire = f"    assign {line.strip().replace('<=', '=')}\n    always @(posedge clk)"
    core.write_text(text.replace("    always @(posedge clk)", wire))


def keep_valid_through_reset(graph: Graph, folder: Path) -> None:
    edit(folder / TOP, "valid[i-1] & ~rst", "valid[i-1]")


def enter_during_a_reset(graph: Graph, folder: Path) -> None:
    edit(folder / TOP, "in_valid & ~rst", "in_valid")


def reset_to_one(graph: Graph, folder: Path) -> None:
    edit(folder / TOP, "valid[i-1] & ~rst", "valid[i-1] | rst")


def exchange_words(graph: Graph, folder: Path) -> None:
    edit(folder / TOP, "= in_words[4:0]", "= in_words[9:5]")
    edit(folder / TOP, "core_in[9:5] = in_words[9:5]", "core_in[9:5] = in_words[4:0]")


def clear_the_sign(graph: Graph, folder: Path) -> None:
    """The output as if it were unsigned: the copies of the sign are zeros."""
    text = (folder / TOP).read_text()
    changed = re.sub(r"\{(\d+)\{core_out\[\d+\]\}\}", r"{\1{1'b0}}", text)
    assert changed != text
    (folder / TOP).write_text(changed)


def narrow_the_output(graph: Graph, folder: Path) -> None:
    """The highest bit of the first output is lost."""
    text = (folder / TOP).read_text()
    (high,) = re.findall(r"out_words\[\d+:0\] = .*core_out\[(\d+):0\]", text)
    low = f"core_out[{high}:0]"
    edit(folder / TOP, f"{low}}}", f"1'b0, core_out[{int(high) - 1}:0]}}")


def change_an_adder(graph: Graph, folder: Path) -> None:
    """The first adder of the generated core subtracts, or the other way round."""
    core = folder / "src" / "logic0.v"
    text = core.read_text()
    found = re.search(r"shift_adder #\((?:-?\d+,){7}([01])\)", text)
    assert found is not None
    core.write_text(text[: found.start(1)] + str(1 - int(found[1])) + text[found.end(1) :])


def other_sources(change: Callable[[Graph], Graph]) -> Callable[[Graph, Path], None]:
    """The sources of a slightly different network of the same latency, as if they were of the right one."""

    def plant(graph: Graph, folder: Path) -> None:
        stages = json.loads((folder / PROJECT_FILE).read_text())["latency_cycles"]
        faulty = rtl_project(logic_of(change(graph), 3.0, stages), OPTIONS)
        for name in faulty.sources:
            (folder / name).write_bytes(faulty.files[name])

    return plant


def with_operation(graph: Graph, name: str, **changes: object) -> Graph:
    operations = [dataclasses.replace(o, **changes) if o.name == name else o for o in graph.operations]
    return dataclasses.replace(graph, operations=tuple(operations)).check()


def with_weight(graph: Graph) -> Graph:
    dense = graph["dense_2"]
    assert isinstance(dense, ops.Dense)
    weight = dense.weight.copy()
    weight[1, 1] ^= 1
    return with_operation(graph, "dense_2", weight=weight)


def with_rounding(graph: Graph) -> Graph:
    return with_operation(
        graph, "act_1", format=dataclasses.replace(graph["act_1"].format, rounding=Rounding.RND_INF)
    )


def claim_another_latency(graph: Graph, folder: Path) -> None:
    content = json.loads((folder / PROJECT_FILE).read_text())
    content["latency_cycles"] += 1
    (folder / PROJECT_FILE).write_text(json.dumps(content))


WORDS: dict[str, Callable[[Graph, Path], None]] = {
    "a missing pipeline register": bypass_a_register,
    "exchanged input words": exchange_words,
    "the sign of an output": clear_the_sign,
    "the width of an output": narrow_the_output,
    "an adder": change_an_adder,
    "a weight": other_sources(with_weight),
    "ties away from zero": other_sources(with_rounding),
}
TIMING: dict[str, Callable[[Graph, Path], None]] = {
    "valid bits that survive a reset": keep_valid_through_reset,
    "an event that enters during a reset": enter_during_a_reset,
    "the claimed latency": claim_another_latency,
}


def test_the_files_as_they_should_be(graph: Graph, folder: Path) -> None:
    """Protects the tests below: without a fault no word differs, and the measured latency is said."""
    found = verified(graph, folder)
    assert found.comparison.first_difference is None
    (_, rtl) = found.comparison.stages
    latency = json.loads((folder / PROJECT_FILE).read_text())["latency_cycles"]
    assert rtl.remark.startswith(f"measured: latency {latency} cycles, an event per cycle; ")
    assert int(rtl.remark.split("; ")[1].split()[0].replace(",", "")) >= 10_000


@pytest.mark.parametrize("fault", WORDS)
def test_a_fault_in_the_words_is_located(graph: Graph, folder: Path, fault: str) -> None:
    """Protects 'seen by verify': the output word and the event are named, exit code 4."""
    WORDS[fault](graph, folder)
    found = verified(graph, folder).comparison
    first = found.first_difference
    assert first is not None
    assert first.tensor == "dense_2"
    assert first.found != str(first.graph)
    assert first.explained().exit_code == 4
    if fault == "a weight":
        assert first.element == 1
    if fault == "the width of an output":
        assert first.element == 0


@pytest.mark.parametrize("fault", TIMING)
def test_a_fault_in_the_timing_is_seen(graph: Graph, folder: Path, fault: str) -> None:
    """Protects reset and latency: neither shows in a word of events that enter back to back."""
    TIMING[fault](graph, folder)
    found = verified(graph, folder)
    assert found.failure is not None
    assert re.search("reset|latency", str(found.failure))
    assert found.failure.exit_code == 4
    (_, rtl) = found.comparison.stages
    assert rtl.differences == 0
    assert rtl.remark == f"the words are equal, the timing is wrong: {found.failure.problem}"
    assert found.to_json()["bit_exact"] is False


def test_results_without_events_are_seen(graph: Graph, folder: Path) -> None:
    """Protects the valid signal: where results are made up there is nothing to compare, exit code 4."""
    reset_to_one(graph, folder)
    with pytest.raises(NotBitExact, match="loses events or makes some up") as error:
        verified(graph, folder)
    assert error.value.exit_code == 4


def test_generated_rtl_is_located_to_its_layer(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects 'located': a generator that gets a weight wrong is caught in that layer, not behind it."""

    def faulty(wanted: Graph, clock_ns: float, stages: int | None = None) -> Logic:
        dense = wanted["dense_1"]
        assert isinstance(dense, ops.Dense)
        weight = dense.weight.copy()
        weight[0, 2] += 1 if weight[0, 2] < 0 else -1
        return dataclasses.replace(
            logic_of(with_operation(wanted, "dense_1", weight=weight), clock_ns, stages), graph=wanted
        )

    monkeypatch.setattr(rtl_stage, "logic_of", faulty)
    first = verified(graph, None).comparison.first_difference
    assert first is not None
    assert (first.tensor, first.element) == ("dense_1", 2)


def test_a_fault_in_vhdl_is_seen(graph: Graph, tmp_path: Path) -> None:
    """Protects VHDL: its files go through GHDL to the same comparison, and a planted fault shows."""
    try:
        find_ghdl()
    except MissingTool as error:
        pytest.skip(f"VHDL is not checked here: {error.problem}")
    folder = tmp_path / "project"
    options = dataclasses.replace(OPTIONS, language=Language.VHDL)
    rtl_project(logic_of(graph, 3.0), options).write(folder)
    found = verified(graph, folder).comparison
    assert found.first_difference is None
    assert found.stages[1].version.startswith("GHDL ")
    edit(folder / "src" / "top.vhd", "<= in_words(4 downto 0)", "<= in_words(9 downto 5)")
    assert verified(graph, folder).comparison.first_difference is not None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"graph": "0" * 64}, "of another network"),
        ({"backend": "vitis"}, "not an RTL project"),
        ({"latency_cycles": None}, "does not say its latency"),
    ],
)
def test_a_project_of_something_else(
    graph: Graph, folder: Path, change: dict[str, object], problem: str
) -> None:
    """Protects against comparing files with a network that they never claimed to be."""
    content = json.loads((folder / PROJECT_FILE).read_text())
    (folder / PROJECT_FILE).write_text(json.dumps(content | change))
    with pytest.raises(BadInput, match=problem):
        verified(graph, folder)


def test_folders_that_are_no_projects(graph: Graph, folder: Path, tmp_path: Path) -> None:
    """Protects the messages: no description, a damaged one, no sources."""
    with pytest.raises(BadInput, match="not a project of trigml"):
        verified(graph, tmp_path)
    for path in (folder / "src").rglob("*.v"):
        path.unlink()
    with pytest.raises(BadInput, match="no design files"):
        verified(graph, folder)
    (folder / PROJECT_FILE).write_text("{")
    with pytest.raises(BadInput, match="damaged"):
        verified(graph, folder)

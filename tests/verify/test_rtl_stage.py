"""RTL in Verilator equals the graph, cycle by cycle; planted faults in the Verilog are seen."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from trigml.backends.rtl import Logic, RtlOptions, RtlProject, logic_of, rtl_project
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import NotBitExact
from trigml.graph import Graph
from trigml.toolchains.programs import find_compiler
from trigml.toolchains.verilator import find_verilator
from trigml.verify.comparison import compare
from trigml.verify.rtl_stage import RtlStage
from trigml.verify.stages import GraphStage
from trigml.verify.vectors import corner_vectors, random_vectors

TOP = "src/top.v"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def logic(make_graph: Callable[..., Graph]) -> Logic:
    return logic_of(make_graph(8, sizes=(4, 6, 3)), 3.0)


@pytest.fixture(scope="module")
def project(logic: Logic) -> RtlProject:
    return rtl_project(logic, RtlOptions("xcvu13p-flga2577-2-e", 3.0))


def stage_of(project: RtlProject, scratch: Path) -> RtlStage:
    project.write_into(scratch)
    return RtlStage(project.logic, [scratch / name for name in project.sources], scratch)


def test_rtl_is_exact_and_its_timing_is_measured(logic: Logic, project: RtlProject, tmp_path: Path) -> None:
    """Protects the promise: no differing word, also with gaps and through a reset; the latency."""
    graph = logic.graph
    stage = stage_of(project, tmp_path)
    sets = [corner_vectors(graph), *random_vectors(graph, 10_000, seed=2)]
    comparison = compare(GraphStage(graph), [stage], sets)
    assert comparison.first_difference is None
    assert comparison.stages[1].words > 30_000
    words = sets[1].words[:2000]
    timing = stage.timing(words, emulate(graph, words))
    assert (timing.latency, timing.interval) == (logic.latency_cycles, 1)
    other = emulate(graph, words)
    other[700, 1] += 1
    with pytest.raises(NotBitExact, match="differs from the graph") as error:
        stage.timing(words, other)
    assert error.value.where == "event 700, output word 1"


def simulated_testbench(project: RtlProject, folder: Path) -> str:
    """What the project's own testbench prints, run as its README says, in Verilator."""
    project.write_into(folder)
    verilator = find_verilator()
    root, made = verilator.root, folder / "made"
    subprocess.run(
        [verilator.program, "--cc", "--main", "--timing", "--top-module", "testbench", "--prefix", "Vtb",
         "-Wno-fatal", "-Wno-lint", "--Mdir", made, *project.sources, "tb/testbench.v"],
        cwd=folder, check=True, capture_output=True, env={**os.environ, "VERILATOR_ROOT": str(root)},
    )  # fmt: skip
    library = [root / "include" / f"verilated{part}.cpp" for part in ("", "_threads", "_timing")]
    whole = folder / "whole.cpp"
    whole.write_text("".join(f'#include "{part}"\n' for part in [*sorted(made.glob("*.cpp")), *library]))
    subprocess.run(
        [find_compiler(), "-std=c++20", "-fcoroutines", "-O0", "-w", "-DVL_TIME_CONTEXT", "-DVM_TRACE=0",
         f"-I{made}", f"-I{root / 'include'}", f"-I{root / 'include' / 'vltstd'}", whole, "-o", "bench",
         "-lpthread"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return subprocess.run(["./bench"], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_projects_own_testbench(logic: Logic, tmp_path: Path) -> None:
    """Protects what the firmware engineer runs: it passes, and fails where one expected bit is wrong."""
    graph = logic.graph
    words = random_vectors(graph, 60, seed=4)[0].words
    outputs = emulate(graph, words)
    options = RtlOptions("xcvu13p-flga2577-2-e", 3.0)
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.mkdir()
    wrong.mkdir()
    printed = simulated_testbench(rtl_project(logic, options, vectors=(words, outputs)), right)
    assert f"PASS: 3 x 30 events, latency {logic.latency_cycles} cycles, an event per cycle" in printed
    outputs[17, 2] ^= 1
    project = rtl_project(logic, options, vectors=(words, outputs))
    (wrong / "tb").mkdir()
    for name in ("tb/inputs.hex", "tb/outputs.hex"):
        (wrong / name).write_bytes(project.files[name])
    found = subprocess.run([right / "bench"], cwd=wrong, check=True, capture_output=True, text=True).stdout
    assert "FAIL: event 17: expected" in found
    assert "FAIL: 3 errors" in found

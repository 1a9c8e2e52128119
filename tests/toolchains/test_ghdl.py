"""GHDL: found or missed with a word about it, its complaints passed on, the project's own VHDL testbench."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from trigml.backends.rtl import Language, RtlOptions, logic_of, rtl_project
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import MissingTool, ToolFailed
from trigml.graph import Graph
from trigml.toolchains.ghdl import STANDARD, Ghdl, find_ghdl, synthesised
from trigml.verify.vectors import random_vectors


@pytest.fixture
def ghdl() -> Ghdl:
    """GHDL, where there is one."""
    try:
        return find_ghdl()
    except MissingTool as error:
        pytest.skip(f"VHDL is not checked here: {error.problem}")


def stand_in(folder: Path, prints: str) -> None:
    """A program called ghdl that only prints something."""
    program = folder / "ghdl"
    program.write_text(f"#!/bin/sh\necho '{prints}'\n")
    program.chmod(0o755)


def test_no_ghdl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects those without it: which version is needed, and that Verilog needs none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="no GHDL on this machine") as error:
        synthesised("top", [tmp_path / "top.vhd"], tmp_path)
    assert (error.value.expected, error.value.found) == ("GHDL 2.0 or newer on PATH", "nothing")
    assert error.value.remedy == "apt-get install ghdl, or take Verilog"


@pytest.mark.parametrize(
    "prints", ["GHDL 1.0.0 (tarball) [Dunoon edition]", "GHDL 0.37 (v0.37)", "something else", ""]
)
def test_a_ghdl_that_does_not_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prints: str) -> None:
    """Protects against versions that cannot write Verilog: they are as good as none, and named."""
    stand_in(tmp_path, prints)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool) as error:
        find_ghdl()
    assert error.value.found == (prints or "a GHDL that prints no version")


@pytest.mark.parametrize(
    ("prints", "version"), [("GHDL 2.0.0 (Debian)", "2.0.0"), ("GHDL 10.1-dev", "10.1-dev")]
)
def test_a_ghdl_that_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prints: str, version: str) -> None:
    """Protects the comparison of versions, and the one that goes into tables."""
    stand_in(tmp_path, prints)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ghdl() == Ghdl(tmp_path / "ghdl", f"GHDL {version}")


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [("out_bit <= in_bit", "top.vhd:"), ("out_bit <= elsewhere;", "elsewhere")],
)
def test_broken_vhdl(ghdl: Ghdl, tmp_path: Path, statement: str, complaint: str) -> None:
    """Protects GHDL's own words: file, line or name of the mistake are in the message."""
    source = tmp_path / "top.vhd"
    source.write_text(
        "library ieee;\nuse ieee.std_logic_1164.all;\n"
        "entity top is port (in_bit : in std_logic; out_bit : out std_logic); end entity top;\n"
        f"architecture rtl of top is\nbegin\n    {statement}\nend architecture rtl;\n"
    )
    with pytest.raises(ToolFailed, match=r"GHDL, .* failed") as error:
        synthesised("top", [source], tmp_path)
    assert complaint in str(error.value)


@pytest.mark.slow
def test_the_projects_own_vhdl_testbench(
    ghdl: Ghdl, make_graph: Callable[..., Graph], tmp_path: Path
) -> None:
    """Protects what the firmware engineer runs: it passes, and fails where one expected bit is wrong."""
    graph = make_graph(8, sizes=(3, 4, 2))
    logic = logic_of(graph, 3.0)
    options = RtlOptions("xcvu13p-flga2577-2-e", 3.0, Language.VHDL)
    words = random_vectors(graph, 40, seed=4)[0].words
    outputs = emulate(graph, words)
    project = rtl_project(logic, options, vectors=(words, outputs))
    project.write_into(tmp_path)
    library = tmp_path / "made"
    library.mkdir()

    def step(*arguments: str) -> str:
        command = [ghdl.program, arguments[0], STANDARD, f"--workdir={library}", *arguments[1:]]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout + done.stderr

    step("-i", *project.sources, "tb/testbench.vhd")
    step("-m", "testbench")
    printed = step("-r", "testbench")
    assert f"PASS: 3 x {len(words)} events, latency {logic.latency_cycles} cycles" in printed
    assert "FAIL" not in printed
    outputs[11, 1] ^= 1
    wrong = rtl_project(logic, options, vectors=(words, outputs))
    (tmp_path / "tb" / "outputs.hex").write_bytes(wrong.files["tb/outputs.hex"])
    printed = step("-r", "testbench")
    assert "FAIL: event 11: expected" in printed
    assert "FAIL: 3 errors" in printed
    assert "PASS" not in printed

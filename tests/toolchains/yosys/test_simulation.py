"""The simulated cells do what the models of the cells do that come with Yosys, in Verilator."""

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from trigml.errors import NotBitExact, ToolFailed
from trigml.toolchains.verilator import compile_design
from trigml.toolchains.yosys import cell_models
from trigml.toolchains.yosys.behaviour import Cell, Nets, behaviour
from trigml.toolchains.yosys.simulation import RUNS, NetlistSimulation, simulate_netlist

pytestmark = pytest.mark.slow

IN_BITS = 18
PORTS = "input clk, input rst, input in_valid, input [{high_in}:0] in_words, output out_valid, "
PORTS += "output [{high_out}:0] out_words"


def design(cells: Sequence[str], out_bits: int, in_bits: int = IN_BITS) -> str:
    ports = PORTS.format(high_in=in_bits - 1, high_out=out_bits - 1)
    body = "\n".join(f"  {cell}" for cell in cells)
    return (
        f"module network({ports});\n  wire [{in_bits - 1}:0] i = in_words;\n  wire [{out_bits - 1}:0] o;\n"
        f"  assign out_words = o;\n  assign out_valid = in_valid;\n{body}\nendmodule\n"
    )


def netlist_of(text: str, folder: Path, out_bits: int, in_bits: int = IN_BITS) -> NetlistSimulation:
    folder.mkdir(exist_ok=True)
    path = folder / "netlist.v"
    path.write_text(text)
    return simulate_netlist("network", [path], in_bits=in_bits, out_bits=out_bits, scratch=folder)


def every_kind() -> tuple[list[str], int]:
    """Cells of every kind at the same input bits, random contents; and the number of output bits."""
    source, out, cells = random.Random(5), 0, []
    for size in (*range(1, 7), 2, 3, 4, 5, 6, 6):
        content = source.getrandbits(1 << size)
        inputs = ", ".join(f".I{n}(i[{n}])" for n in range(size))
        cells.append(f"LUT{size} #(.INIT({1 << size}'h{content:x})) c{out} ({inputs}, .O(o[{out}]));")
        out += 1
    cells.append(f"INV c{out} (.I(i[3]), .O(o[{out}]));")
    out += 1
    for kind in ("MUXF7", "MUXF8", "MUXF9"):
        cells.append(f"{kind} c{out} (.I0(i[0]), .I1(i[1]), .S(i[2]), .O(o[{out}]));")
        out += 1
    cells.append(
        f"CARRY4 c{out} (.CI(i[16]), .CYINIT(i[17]), .DI(i[3:0]), .S(i[7:4]), "
        f".O(o[{out + 3}:{out}]), .CO(o[{out + 7}:{out + 4}]));"
    )
    out += 8
    cells.append(
        f"CARRY8 c{out} (.CI(i[16]), .CI_TOP(i[17]), .DI(i[7:0]), .S(i[15:8]), "
        f".O(o[{out + 7}:{out}]), .CO(o[{out + 15}:{out + 8}]));"
    )
    out += 16
    for kind, port in (("FDRE", "R"), ("FDSE", "S")):
        for init in (0, 1):
            pins = f".C(clk), .CE(i[1]), .D(i[0]), .{port}(i[2]), .Q(o[{out}])"
            cells.append(f"{kind} #(.INIT(1'b{init})) c{out} ({pins});")
            out += 1
    cells.append(
        f"SRL16E #(.INIT(16'h8ace)) c{out} (.CLK(clk), .CE(i[1]), .D(i[0]), .A0(i[4]), .A1(i[5]), "
        f".A2(i[6]), .A3(i[7]), .Q(o[{out}]));"
    )
    out += 1
    cells.append(
        f"SRLC32E #(.INIT(32'h13579bdf)) c{out} (.CLK(clk), .CE(i[1]), .D(i[0]), .A(i[8:4]), "
        f".Q(o[{out}]), .Q31(o[{out + 1}]));"
    )
    return cells, out + 2


def test_every_cell_does_what_its_model_does(tmp_path: Path) -> None:
    """Protects what the stage netlist rests on: all inputs of every cell; sequences, with memory."""
    cells, out_bits = every_kind()
    text = design(cells, out_bits)
    source = tmp_path / "network.v"
    source.write_text(text)
    models = compile_design(
        "network", [source, cell_models()], in_bits=IN_BITS, out_bits=out_bits, scratch=tmp_path
    )
    own = netlist_of(text, tmp_path / "own", out_bits)
    values = np.arange(1 << IN_BITS, dtype="<u4")
    np.random.default_rng(1).shuffle(values)
    words = values.view(np.uint8).reshape(-1, 4)[:, :3].copy()
    control = np.full(len(values), 2, dtype=np.uint8)
    expected = models.run(control, words)
    stimuli = np.concatenate([control[:, None], words], axis=1)
    found = own.run_all([stimuli, stimuli[: 1 << 16]])
    assert np.array_equal(found[0], expected)
    assert np.array_equal(found[1], expected[: 1 << 16])
    assert len(np.unique(expected, axis=0)) > 10_000  # something happens
    other = netlist_of(text.replace("32'h13579bdf", "32'h13579bde"), tmp_path / "other", out_bits)
    assert not np.array_equal(other.run_all([stimuli])[0], expected)


def test_what_is_unknown_differs_between_copies(tmp_path: Path) -> None:
    """Protects against a lucky start: a flip-flop without a value holds 0 in one copy, 1 in the next."""
    text = design(["FDRE #(.INIT(1'bx)) c (.C(clk), .CE(1'b0), .D(i[0]), .R(i[1]), .Q(o[0]));"], 1, in_bits=2)
    own = netlist_of(text, tmp_path / "own", 1, in_bits=2)
    assert own.copies == RUNS
    cycles = np.array([[2, 0], [2, 0], [2, 2], [2, 0]], dtype=np.uint8)
    first, second = own.run_all([cycles, cycles])
    assert (first[:, 1].tolist(), second[:, 1].tolist()) == ([0, 0, 0, 0], [1, 1, 1, 0])


NOT_A_CIRCUIT = {
    "LUT1 #(.INIT(2'b01)) c (.I0(o[0]), .O(o[0]));": "combinational loop",
    "INV c (.I(i[0]), .O(o[0])); INV d (.I(i[1]), .O(o[0]));": "two drivers",
    "wire x; INV c (.I(x), .O(o[0]));": "nothing drives",
}


@pytest.mark.parametrize("cells", NOT_A_CIRCUIT)
def test_a_netlist_that_is_no_circuit(tmp_path: Path, cells: str) -> None:
    """Protects against simulating something else: loops, two drivers and open inputs end in exit code 4."""
    with pytest.raises(NotBitExact, match=NOT_A_CIRCUIT[cells]):
        netlist_of(design([cells], 1), tmp_path, 1)


NOT_SIMULATED = {
    "FDCE c (.C(clk), .CE(1'b1), .D(i[0]), .CLR(i[1]), .Q(o[0]));": "no model of it",
    "FDRE c (.C(i[2]), .CE(1'b1), .D(i[0]), .R(i[1]), .Q(o[0]));": "another clock",
    "FDRE #(.IS_D_INVERTED(1'b1)) c (.C(clk), .CE(1'b1), .D(i[0]), .R(i[1]), .Q(o[0]));": "IS_D_INVERTED = 1",
    "assign o[0] = i[0] & i[1];": "no model of it",
}


@pytest.mark.parametrize("cells", NOT_SIMULATED)
def test_a_cell_that_is_not_simulated(tmp_path: Path, cells: str) -> None:
    """Protects against a cell that is taken for another: it is named instead."""
    with pytest.raises(ToolFailed, match="not simulated") as error:
        netlist_of(design([cells], 1), tmp_path, 1)
    assert NOT_SIMULATED[cells] in str(error.value)


def test_a_table_whose_content_is_unknown() -> None:
    """Protects against x in a table being read as 0."""
    cell = Cell("c", "LUT2", {"INIT": "01x0"}, {"I0": [4], "I1": [5], "O": [6]})
    with pytest.raises(ToolFailed, match="not simulated"):
        list(behaviour(cell, 3, Nets(7)))


def test_a_damaged_form_is_refused_by_the_simulator(tmp_path: Path) -> None:
    """Protects against half a netlist: the compiled simulator fails instead of running it."""
    own = netlist_of(design(["INV c (.I(i[0]), .O(o[0]));"], 1), tmp_path, 1)
    content = own.netlist.read_bytes()
    own.netlist.write_bytes(content[:-8])
    with pytest.raises(ToolFailed, match="simulation of the netlist failed"):
        own.run_all([np.zeros((3, 4), dtype=np.uint8)])
    usage = subprocess.run([own.program], capture_output=True, text=True, check=False)
    assert usage.returncode == 2
    assert "usage" in usage.stderr

"""Mapping with stand-ins for Yosys that hang, crash, print nothing or write rubbish; and Yosys itself."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trigml.backends.rtl import RtlOptions, logic_of, rtl_project
from trigml.errors import BadInput, MissingTool, ToolFailed
from trigml.graph import Graph
from trigml.toolchains.yosys import Family, MappedDesign, Yosys, find_yosys, map_design, mapping
from trigml.toolchains.yosys.cells import Resource
from trigml.toolchains.yosys.simulation import simulate_netlist

TOP = """
module top(input clk, input a, input b, output reg r);
  wire s;
  logic0 first(.a(a), .b(b), .s(s));
  always @(posedge clk) r <= s;
endmodule
"""
LOGIC = "module logic0(input a, input b, output s); assign s = a ^ b; endmodule\n"

STAND_IN = """
import json, sys, pathlib
job = json.loads(pathlib.Path(sys.argv[-1]).read_text())
cells = {"logic0": {"LUT2": 1}, "top": {"FDRE": 1, "logic0": 1}}[job["top"]]
pathlib.Path("calls").open("a").write(job["top"])
"""
WRITES = """
pathlib.Path(job["counts"]).write_text(json.dumps({"modules": {"\\\\" + job["top"]:
    {"num_cells_by_type": cells, "estimated_num_lc": 1}}}))
pathlib.Path(job["netlist"]).write_text("module " + job["top"] + "; endmodule")
"""


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "top.v").write_text(TOP)
    (folder / "logic0.v").write_text(LOGIC)
    return [folder / "top.v", folder / "logic0.v"]


def stand_in(tmp_path: Path, text: str, version: str = "0.0") -> Yosys:
    """A program in the place of Yosys's worker; it logs the modules that it was called for."""
    script = tmp_path / "stand_in.py"
    log = f"open({str(tmp_path / 'calls')!r}, 'a').write(job['top'] + ' ')\n"
    script.write_text(STAND_IN.replace('pathlib.Path("calls").open("a").write(job["top"])\n', log) + text)
    return Yosys((sys.executable, str(script)), version)


def calls(tmp_path: Path) -> list[str]:
    log = tmp_path / "calls"
    found = sorted(log.read_text().split()) if log.exists() else []
    log.unlink(missing_ok=True)
    return found


def test_results_are_kept_until_something_changes(tmp_path: Path, sources: list[Path]) -> None:
    """Protects speed and truth: only what has changed is mapped again, and damage is noticed."""
    cache, tool = tmp_path / "cache", stand_in(tmp_path, WRITES)

    def mapped(
        yosys: Yosys = tool, family: Family = Family.ULTRASCALE_PLUS, *, dsp: bool = False
    ) -> MappedDesign:
        return map_design("top", sources, family, dsp=dsp, cache=cache, yosys=yosys)

    first = mapped()
    assert first.counts[Resource.LUT] == first.counts[Resource.FF] == 1
    assert [(module.name, module.instances) for module in first.modules] == [("logic0", 1), ("top", 1)]
    assert (first.cached, calls(tmp_path)) == (0, ["logic0", "top"])
    again = mapped()
    assert (again.cached, again.counts, calls(tmp_path)) == (2, first.counts, [])
    sources[0].write_text(TOP + "// another comment\n")
    assert (mapped().cached, calls(tmp_path)) == (1, ["top"])
    assert (mapped(family=Family.SERIES_7).cached, calls(tmp_path)) == (0, ["logic0", "top"])
    assert (mapped(stand_in(tmp_path, WRITES, "0.1")).cached, calls(tmp_path)) == (0, ["logic0", "top"])
    assert (mapped(dsp=True).cached, calls(tmp_path)) == (0, ["logic0", "top"])
    sources[1].write_text(LOGIC.replace("^", "|"))  # the unit around it reads it as a box
    assert (mapped().cached, calls(tmp_path)) == (0, ["logic0", "top"])
    for entry in cache.glob("*.entry"):
        content = bytearray(entry.read_bytes())
        content[-3] ^= 4
        entry.write_bytes(content)
    assert (mapped().cached, calls(tmp_path)) == (0, ["logic0", "top"])


def test_results_of_another_yosys_are_not_used(
    tmp_path: Path, sources: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects truth: a byte in the program, its rules or its script makes results void."""
    package = tmp_path / "pyosys"
    rules = package / "share" / "xilinx" / "cells_sim.v"
    rules.parent.mkdir(parents=True)
    rules.write_text("module LUT1; endmodule")
    (package / "libyosys.so").write_text("program")
    tool = dataclasses.replace(stand_in(tmp_path, WRITES), package=package)

    def cached() -> int:
        return map_design("top", sources, Family.SERIES_7, cache=tmp_path / "cache", yosys=tool).cached

    assert (cached(), cached()) == (0, 2)
    rules.write_text("module LUT2; endmodule")
    assert (cached(), cached()) == (0, 2)
    (package / "libyosys.so").write_text("Program")
    assert (cached(), cached()) == (0, 2)
    script = tmp_path / "worker.py"
    script.write_text("another script")
    monkeypatch.setattr(mapping, "_WORKER", script)
    assert (cached(), cached()) == (0, 2)
    assert find_yosys().package is not None


FAILURES = {
    "print('it is Sunday'); sys.exit(3)": "Yosys failed: no figures of mapped cells",
    "import os; os.abort()": "Yosys failed: no figures of mapped cells",
    "": "without an error and without a result: no figures of mapped cells",
    WRITES.replace("cells, ", "{'$mul': 1}, "): "cells that trigml does not know",
    WRITES.replace('"modules"', '"rubbish"'): "statistics cannot be read",
    WRITES.replace("cells, ", "{'FDRE': 1}, "): "lost in the mapping",
}


@pytest.mark.parametrize("text", FAILURES)
def test_a_yosys_that_goes_wrong(tmp_path: Path, sources: list[Path], text: str) -> None:
    """Protects against zeros and old figures: a crash, silence and rubbish are errors; none is kept."""
    with pytest.raises(ToolFailed, match=FAILURES[text]):
        map_design("top", sources, Family.SERIES_7, cache=tmp_path / "cache", yosys=stand_in(tmp_path, text))
    if "FDRE" not in text:
        assert not list((tmp_path / "cache").glob("*.entry"))


def test_a_yosys_that_hangs_is_ended_with_its_children(tmp_path: Path, sources: list[Path]) -> None:
    """Protects the time limit: the message names it and what to do, and nothing is left running."""
    pids = tmp_path / "pids"
    text = f"""
import os, subprocess, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(pids)!r}, "a").write(f"{{os.getpid()}} {{child.pid}} ")
time.sleep(600)
"""
    with pytest.raises(ToolFailed, match="did not end within the time limit") as error:
        map_design("top", sources, Family.SERIES_7, time_limit_s=2.0, yosys=stand_in(tmp_path, text))
    assert error.value.expected == "at most 2 s"
    assert "allow more time" in (error.value.remedy or "")
    numbers = [int(number) for number in pids.read_text().split()]
    assert len(numbers) == 4
    for _ in range(100):
        if not any(alive(number) for number in numbers):
            break
        time.sleep(0.05)
    assert not any(alive(number) for number in numbers)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def test_units_that_are_done_are_kept_when_the_time_runs_out(tmp_path: Path, sources: list[Path]) -> None:
    """Protects the remedy in the message: a second attempt begins where the first one ended."""
    hangs = "if job['top'] == 'top': import time; time.sleep(600)\n" + WRITES
    with pytest.raises(ToolFailed, match="time limit"):
        map_design(
            "top",
            sources,
            Family.SERIES_7,
            time_limit_s=3.0,
            cache=tmp_path / "cache",
            yosys=stand_in(tmp_path, hangs),
        )
    again = map_design(
        "top", sources, Family.SERIES_7, cache=tmp_path / "cache", yosys=stand_in(tmp_path, WRITES)
    )
    assert again.cached == 1


def test_sources_and_families_that_cannot_be_mapped(tmp_path: Path, sources: list[Path]) -> None:
    """Protects the messages: VHDL, a file that is not there, two of one name, a family without cells."""
    with pytest.raises(BadInput, match="Verilog only"):
        map_design("top", [tmp_path / "top.vhd"], Family.SERIES_7)
    with pytest.raises(BadInput, match="cannot be read"):
        map_design("top", [tmp_path / "gone.v"], Family.SERIES_7)
    with pytest.raises(BadInput, match="two sources are called"):
        map_design("top", [*sources, tmp_path / "top.v"], Family.SERIES_7)
    with pytest.raises(BadInput, match="no technology mapping"):
        Family.of("stratix10")
    assert Family.of("xcup") is Family.ULTRASCALE_PLUS


def test_without_yosys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the message of a machine without the package."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingTool, match="no Yosys on this machine"):
        find_yosys()


@pytest.mark.slow
def test_a_complaint_of_yosys_is_shown(tmp_path: Path, sources: list[Path]) -> None:
    """Protects the message: Verilog that Yosys refuses ends in Yosys's own words."""
    sources[1].write_text(LOGIC.replace("assign s", "assign nothing ="))
    with pytest.raises(ToolFailed, match="no figures of mapped cells") as error:
        map_design("top", sources, Family.SERIES_7)
    assert "syntax error" in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("family", Family)
def test_a_network_is_mapped_by_yosys(
    make_graph: Callable[..., Graph], tmp_path: Path, family: Family
) -> None:
    """Protects the counts: registers are those of the pipeline, the stages add up, no DSP unless allowed."""
    logic = logic_of(make_graph(8, sizes=(3, 4, 2)), 3.0)
    rtl_project(logic, RtlOptions("xcvu13p-flga2577-2-e", 3.0)).write_into(tmp_path)
    sources = sorted((tmp_path / "src").rglob("*.v"))
    mapped = map_design("network", sources, family)
    assert mapped.modules[-1].name == "network"
    assert len(mapped.modules) == logic.latency_cycles + 1
    assert mapped.counts[Resource.DSP] == mapped.counts[Resource.BRAM18] == 0
    assert mapped.counts[Resource.LUT] == sum(m.cells.count(Resource.LUT) for m in mapped.modules) > 50
    registers = logic.register_bits + logic.latency_cycles
    assert 0.7 * registers < mapped.counts[Resource.FF] <= registers
    (netlist,) = mapped.write_netlist(tmp_path)
    assert netlist.read_text().count("FDRE ") == mapped.counts[Resource.FF]
    assert json.loads(json.dumps(mapped.to_json()))["modules"][-1]["name"] == "network"


def test_ctrl_c_ends_all_that_was_started(tmp_path: Path, sources: list[Path]) -> None:
    """Protects the machine: after an interruption no Yosys is left running, and nothing is kept."""
    pids = tmp_path / "pids"
    hangs = f"""
import os, time
open({str(pids)!r}, "a").write(f"{{os.getpid()}} ")
time.sleep(600)
"""
    tool = stand_in(tmp_path, hangs)
    program = f"""
from pathlib import Path
from trigml.toolchains.yosys import Family, Yosys, map_design
sources = [Path(name) for name in {[str(path) for path in sources]!r}]
map_design("top", sources, Family.SERIES_7, cache=Path({str(tmp_path / "cache")!r}),
           yosys=Yosys({tool.command!r}, "0.0"))
"""
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) as process:
        for _ in range(600):
            if pids.exists() and len(pids.read_text().split()) == 2:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in complaint
    numbers = [int(number) for number in pids.read_text().split()]
    assert len(numbers) == 2
    assert not any(alive(number) for number in numbers)
    assert not list((tmp_path / "cache").glob("*.entry"))


@pytest.mark.slow
@pytest.mark.parametrize("family", [Family.ULTRASCALE_PLUS, Family.SERIES_7])
def test_products_become_dsps_only_where_that_is_allowed(tmp_path: Path, family: Family) -> None:
    """Protects the option: 0 DSP by default, one for a product of two variables if allowed."""
    source = tmp_path / "top.v"
    source.write_text(
        "module top(input clk, input signed [11:0] a, b, output reg signed [23:0] p);\n"
        "  always @(posedge clk) p <= a * b;\nendmodule\n"
    )
    counts = [map_design("top", [source], family, dsp=dsp).counts for dsp in (False, True)]
    assert [count[Resource.DSP] for count in counts] == [0, 1]
    assert counts[0][Resource.LUT] > 100 > counts[1][Resource.LUT]


@pytest.mark.slow
def test_a_table_and_a_delay_line_are_mapped_and_simulated(tmp_path: Path) -> None:
    """Protects designs with memories: a table is LUTs, a chain of registers a LUT as shift register."""
    source = tmp_path / "top.v"
    table = np.random.default_rng(1).integers(0, 256, 64).tolist()
    rows = "\n".join(f"      6'd{address}: t = 8'd{value};" for address, value in enumerate(table))
    source.write_text(
        "module top(input clk, input rst, input in_valid, input [5:0] in_words, output out_valid,\n"
        "           output [7:0] out_words);\n"
        f"  reg [7:0] t; always @(*) case (in_words)\n{rows}\n    endcase\n"
        "  reg [7:0] d [0:5]; integer i;\n"
        "  always @(posedge clk) begin d[0] <= t; for (i = 1; i < 6; i = i + 1) d[i] <= d[i-1]; end\n"
        "  assign out_valid = in_valid; assign out_words = d[5];\nendmodule\n"
    )
    mapped = map_design("top", [source], Family.ULTRASCALE_PLUS)
    assert mapped.cells.luts_as_memory == 8
    assert mapped.counts[Resource.BRAM18] == 0
    own = simulate_netlist("top", mapped.write_netlist(tmp_path), in_bits=6, out_bits=8, scratch=tmp_path)
    words = np.arange(200, dtype=np.uint8) % 64
    seen = own.run_all([np.stack([np.full(200, 2, dtype=np.uint8), words], axis=1)])[0]
    assert seen[6:, 1].tolist() == [table[word] for word in words[:-6]]

"""One Yosys job in a process of its own: ``python worker.py JOB``, without the rest of trigml.

JOB is a JSON file: ``top``, ``sources`` (Verilog files), ``boxes`` (files of modules that are mapped
elsewhere), ``family``, ``dsp`` (whether products may become DSPs), ``netlist`` and ``counts`` (the files to
write). This file is part of the key of the cache: whatever changes here makes stored results void.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LUT_COSTS = "2:2,3,6:5,10"
"""Area of 1 to 7 inputs as in ``synth_xilinx``: two small tables share a LUT6, a MUXF7 joins two LUT6."""


class Script:
    """Yosys's commands, one after the other, on one design."""

    def __init__(self) -> None:
        from pyosys import libyosys  # type: ignore[import-untyped]

        self._run_pass = libyosys.run_pass
        self._design = libyosys.Design()

    def run(self, command: str) -> None:
        """Run one command; Yosys ends this process with a message if it fails."""
        self._run_pass(f"tee -q -o yosys.log {command}", self._design)

    def has(self, selection: str) -> bool:
        """Whether any cell is selected."""
        self.run(f"tee -q -o selected.txt select -list {selection}")
        return bool(Path("selected.txt").read_text(encoding="utf-8").strip())


def quoted(paths: list[str]) -> str:
    """Paths as arguments of a Yosys command."""
    return " ".join(f'"{path}"' for path in paths)


def map_job(job: dict[str, Any]) -> None:
    """``synth_xilinx``, but for what took most of its time on the shipped jet tagger.

    ``abc`` maps the logic between the carry chains instead of ``abc9``, which takes ten times longer and
    finds no fewer LUTs; memories are looked for only where there are any; and the models of rare cells are
    read only where they may be needed.
    """
    top, script = job["top"], Script()
    options = f"-family {job['family']} -flatten -noiopad -noclkbuf -top {top}"
    options += "" if job["dsp"] else " -nodsp"
    script.run(f"read_verilog -defer {quoted(job['sources'])}")
    if job["boxes"]:
        script.run(f"read_verilog -lib {quoted(job['boxes'])}")
    script.run(f"hierarchy -check -top {top}")
    script.run("read_verilog -lib -specify +/xilinx/cells_sim.v")
    script.run(f"synth_xilinx {options} -run prepare:map_memory")
    memory = script.has("t:$mem*")
    if memory or job["dsp"]:
        script.run("read_verilog -lib +/xilinx/cells_xtra.v")
    if memory:
        script.run(f"synth_xilinx {options} -run map_memory:map_ffram")
    script.run(f"synth_xilinx {options} -run map_ffram:map_luts")
    script.run("opt_expr -mux_undef -noclkinv")
    script.run(f"abc -luts {LUT_COSTS}")
    script.run("clean")
    script.run("xilinx_srl -fixed -minlen 3")
    script.run("techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6")
    script.run("xilinx_dffopt")
    script.run("opt_lut_ins -tech xilinx")
    script.run("clean")
    script.run("hierarchy -check")
    script.run("check -assert -noinit")
    script.run(f'tee -q -o "{job["counts"]}" stat -json -tech xilinx')
    script.run(f'write_verilog -noattr "{job["netlist"]}"')


if __name__ == "__main__":
    map_job(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))

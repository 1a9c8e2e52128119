"""A mapped netlist as one list of cells: ``python elaborate.py JOB``, in a process of its own.

JOB is a JSON file: ``top``, ``sources`` (the netlist's Verilog files) and ``cells`` (the file to write). The
modules of the family come from the models that Yosys has; nothing is optimised.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def elaborate(job: dict[str, Any]) -> None:
    """Flatten the netlist and write its cells with their connections, bit by bit."""
    from pyosys import libyosys  # type: ignore[import-untyped]

    design = libyosys.Design()
    sources = " ".join(f'"{path}"' for path in job["sources"])
    for command in (
        "read_verilog -lib +/xilinx/cells_sim.v",
        f"read_verilog {sources}",
        f"hierarchy -check -top {job['top']}",
        "flatten -noscopeinfo",
        f"select {job['top']}",
        f'write_json -selected "{job["cells"]}"',
    ):
        libyosys.run_pass(f"tee -q -o yosys.log {command}", design)


if __name__ == "__main__":
    elaborate(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))

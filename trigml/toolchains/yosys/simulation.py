"""A mapped netlist as a simulation: read by Yosys, put into the order of evaluation, run by compiled C++."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import NotBitExact, ToolFailed
from trigml.resources import shipped_folder
from trigml.toolchains.programs import find_compiler, run
from trigml.toolchains.yosys.behaviour import Cell, FlipFlop, Nets, Table, behaviour
from trigml.toolchains.yosys.tool import Yosys, find_yosys

RUNS = 64
"""Independent runs that the compiled program does at a time."""

TIMEOUT_S = 1800.0
_CONSTANTS = {"0": 0, "1": 1, "x": 2, "z": 2}
_TABLE_WORDS = 9


@dataclass(frozen=True)
class NetlistSimulation:
    """A netlist with the ports of ``firmware/rtl/top.v``, ready to run.

    Attributes:
        program: the compiled simulator.
        netlist: the netlist as it reads it.
        in_bytes: bytes of ``in_words`` per cycle.
        out_bytes: bytes of ``out_words`` per cycle.
        tool: for tables.
    """

    program: Path
    netlist: Path
    in_bytes: int
    out_bytes: int
    tool: str

    @property
    def copies(self) -> int:
        """Copies of the design that run at a time."""
        return RUNS

    def run_all(self, stimuli: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
        """Drive up to ``copies`` copies of the design, cycle by cycle.

        What is unknown, such as the content of flip-flops at the start, is 0 in every other copy and 1 in
        those between.

        Args:
            stimuli: for each copy (cycles, 1 + in_bytes): bit 0 is ``rst``, bit 1 ``in_valid``; ``in_words``,
                the least significant byte first.

        Returns:
            Of each copy (cycles, 1 + out_bytes): ``out_valid``, ``out_words`` just before each rising edge.

        Raises:
            ToolFailed: the simulation crashed, hung or ended early.
        """
        cycles = max(map(len, stimuli))
        whole = np.zeros((cycles, RUNS, 1 + self.in_bytes), dtype=np.uint8)
        for copy, one in enumerate(stimuli):
            whole[: len(one), copy] = one
        source, sink = self.program.with_suffix(".in"), self.program.with_suffix(".out")
        whole.tofile(source)
        run(
            [str(self.program), str(self.netlist), str(source), str(sink)],
            what="the simulation of the netlist",
            timeout_s=TIMEOUT_S,
            folder=self.program.parent,
        )
        seen = np.fromfile(sink, dtype=np.uint8)
        expected = cycles * RUNS * (1 + self.out_bytes)
        if seen.size != expected:
            raise ToolFailed(
                "the simulation of the netlist wrote another number of bytes than it should",
                expected=str(expected),
                found=str(seen.size),
            )
        rows = seen.reshape(cycles, RUNS, 1 + self.out_bytes)
        return [rows[: len(one), copy] for copy, one in enumerate(stimuli)]


def simulate_netlist(
    top: str,
    netlist: Sequence[Path],
    *,
    in_bits: int,
    out_bits: int,
    scratch: Path,
    yosys: Yosys | None = None,
) -> NetlistSimulation:
    """Prepare the simulation of a netlist as it lies in its files.

    Args:
        top: its top module, with the ports of ``firmware/rtl/top.v``.
        netlist: its Verilog files.
        in_bits: width of ``in_words``.
        out_bits: width of ``out_words``.
        scratch: an existing folder for what is made on the way.
        yosys: which Yosys reads it.

    Raises:
        MissingTool: no Yosys or no compiler.
        ToolFailed: one of them failed, or the netlist has cells that are not simulated.
        NotBitExact: it has another top module, other ports, or a combinational loop.
    """
    tool, compiler = yosys or find_yosys(), find_compiler()
    ports = {"clk": 1, "rst": 1, "in_valid": 1, "in_words": in_bits, "out_valid": 1, "out_words": out_bits}
    module = _module(top, _elaborated(top, netlist, scratch, tool), ports)
    prepared = scratch / "netlist.bin"
    _encoded(module).tofile(prepared)
    program = scratch / "netlist"
    source = shipped_folder("firmware") / "rtl" / "netlist.cpp"
    run(
        [compiler, "-std=c++17", "-O2", str(source), "-o", str(program)],
        what="compiling the simulator of netlists",
        timeout_s=TIMEOUT_S,
        folder=scratch,
    )
    version = f"netlist simulator, Yosys {tool.version}"
    return NetlistSimulation(program, prepared, -(-in_bits // 8), -(-out_bits // 8), version)


def _elaborated(top: str, netlist: Sequence[Path], scratch: Path, tool: Yosys) -> Mapping[str, Any]:
    cells, job = scratch / "cells.json", scratch / "job.json"
    description = {"top": top, "sources": [str(path) for path in netlist], "cells": str(cells)}
    job.write_text(json.dumps(description), encoding="utf-8")
    script = Path(__file__).with_name("elaborate.py")
    run(
        [*tool.command[:-1], str(script), str(job)],
        what="reading the netlist with Yosys",
        timeout_s=TIMEOUT_S,
        folder=scratch,
    )
    try:
        modules = json.loads(cells.read_text(encoding="utf-8"))["modules"]
        return dict(modules[top])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolFailed(
            "what Yosys made of the netlist cannot be read", found=f"{type(error).__name__}: {error}"
        ) from error


@dataclass(frozen=True)
class _Module:
    """A netlist whose tables stand in an order in which they can be evaluated."""

    nets: int
    tables: Sequence[Table]
    flip_flops: Sequence[FlipFlop]
    inputs: Sequence[int]
    outputs: Sequence[int]


def _module(top: str, content: Mapping[str, Any], ports: Mapping[str, int]) -> _Module:
    found = {name: [_net(bit) for bit in port["bits"]] for name, port in content["ports"].items()}
    widths = {name: len(bits) for name, bits in found.items()}
    if widths != dict(ports):
        raise NotBitExact(
            "the netlist has other ports than the model",
            where=top,
            expected=", ".join(f"{name} ({width})" for name, width in ports.items()),
            found=", ".join(f"{name} ({width})" for name, width in widths.items()),
        )
    (clock,) = found["clk"]
    cells = [
        Cell(
            name,
            cell["type"],
            cell["parameters"],
            {port: [_net(bit) for bit in bits] for port, bits in cell["connections"].items()},
        )
        for name, cell in content["cells"].items()
    ]
    every = (net for cell in cells for bits in cell.nets.values() for net in bits)
    nets = Nets(1 + max([3, *(net for bits in found.values() for net in bits), *every]))
    parts = [part for cell in cells for part in behaviour(cell, clock, nets)]
    inputs = [*found["rst"], *found["in_valid"], *found["in_words"]]
    flip_flops = [part for part in parts if isinstance(part, FlipFlop)]
    outputs = [*found["out_valid"], *found["out_words"]]
    tables = [part for part in parts if isinstance(part, Table)]
    start = [*set(_CONSTANTS.values()), *inputs, *(flip_flop.q for flip_flop in flip_flops)]
    _require_drivers(
        [*start, *(table.output for table in tables)],
        [*outputs, *(net for table in tables for net in table.inputs)]
        + [net for f in flip_flops for net in (f.d, f.ce, f.sr)],
    )
    return _Module(nets.count, _ordered(tables, set(start)), flip_flops, inputs, outputs)


def _net(bit: int | str) -> int:
    """Yosys numbers nets from 2 on; 0, 1 and 2 are the constants here."""
    return _CONSTANTS[bit] if isinstance(bit, str) else bit + 1


def _require_drivers(driven: Sequence[int], read: Sequence[int]) -> None:
    if len(set(driven)) != len(driven):
        raise NotBitExact("the netlist has a net with two drivers")
    if loose := set(read) - set(driven):
        raise NotBitExact("the netlist reads nets that nothing drives", found=f"{len(loose)} nets")


def _ordered(tables: Sequence[Table], known: set[int]) -> list[Table]:
    """Every table behind those that give its inputs."""
    readers: dict[int, list[int]] = {}
    missing = [0] * len(tables)
    for index, table in enumerate(tables):
        for net in set(table.inputs) - known:
            readers.setdefault(net, []).append(index)
            missing[index] += 1
    ready = [index for index, count in enumerate(missing) if count == 0]
    for index in ready:  # grows while it is read
        for reader in readers.get(tables[index].output, ()):
            missing[reader] -= 1
            if missing[reader] == 0:
                ready.append(reader)
    if len(ready) != len(tables):
        raise NotBitExact(
            "the netlist has a combinational loop", found=f"{len(tables) - len(ready)} cells in it"
        )
    return [tables[index] for index in ready]


def _encoded(module: _Module) -> NDArray[np.uint64]:
    """The form that ``firmware/rtl/netlist.cpp`` reads."""
    sizes = [module.nets, len(module.tables), len(module.flip_flops), len(module.inputs), len(module.outputs)]
    tables = np.zeros((len(module.tables), _TABLE_WORDS), dtype=np.uint64)
    for row, table in zip(tables, module.tables, strict=True):
        row[0], row[1], row[8] = table.content, len(table.inputs), table.output
        row[2 : 2 + len(table.inputs)] = table.inputs
    flip_flops = np.array(
        [(f.d, f.ce, f.sr, f.q, f.set_to, f.start) for f in module.flip_flops], dtype=np.uint64
    )
    head = np.array([*sizes, *module.inputs, *module.outputs], dtype=np.uint64)
    return np.concatenate([head, tables.reshape(-1), flip_flops.reshape(-1)])

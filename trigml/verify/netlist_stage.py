"""The mapped netlist of an RTL project as a stage: the cells of the FPGA, simulated cycle by cycle."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trigml.backends.languages import Language
from trigml.backends.rtl import Logic, RtlOptions, rtl_project
from trigml.backends.rtl.names import module_name
from trigml.backends.rtl.ports import bus_width, input_words, output_words
from trigml.devices import find_part
from trigml.errors import BadInput
from trigml.graph import Graph
from trigml.progress import Progress
from trigml.toolchains.yosys import Family, default_cache, map_design
from trigml.toolchains.yosys.simulation import NetlistSimulation, simulate_netlist
from trigml.verify.rtl_stage import Claim, RtlStage
from trigml.verify.written import WrittenProject


class NetlistStage(RtlStage):
    """A mapped netlist with the ports of ``firmware/rtl/top.v``, as it lies in its files.

    Args:
        claim: the network that it claims to compute, with its latency.
        netlist: Verilog files of cells.
        scratch: a folder for compiling, kept by the caller as long as the stage is used.

    Raises:
        MissingTool: no Yosys, or no C++ compiler.
        ToolFailed: one of them failed, or the netlist holds cells that are not simulated.
        NotBitExact: the netlist has other ports than the network, or is no circuit.
    """

    def __init__(self, claim: Claim, netlist: Sequence[Path], scratch: Path) -> None:
        super().__init__(claim, netlist, scratch, "netlist")

    def simulated(
        self, graph: Graph, sources: Sequence[Path], scratch: Path
    ) -> tuple[NetlistSimulation, str]:
        """The netlist read by Yosys."""
        simulation = simulate_netlist(
            module_name(graph.name),
            sources,
            in_bits=bus_width(list(input_words(graph))),
            out_bits=bus_width(list(output_words(graph))),
            scratch=scratch,
        )
        return simulation, simulation.tool


def mapped_stage(logic: Logic, options: RtlOptions, scratch: Path, progress: Progress) -> NetlistStage:
    """The netlist that the RTL of a network, generated now, is mapped to.

    Args:
        logic: the network as pipelined logic.
        options: part, clock and stages; the language is Verilog, which Yosys reads.
        scratch: a folder, kept by the caller as long as the stage is used.
        progress: listener.

    Raises:
        BadInput: there is no mapping to the cells of the part.
        MissingTool: no Yosys, or no C++ compiler.
        ToolFailed: one of them failed.
    """
    part = find_part(options.part)
    project = rtl_project(logic, replace(options, language=Language.VERILOG))
    folder = Path(tempfile.mkdtemp(prefix="mapped_", dir=scratch))
    project.write_into(folder)
    mapped = map_design(
        module_name(logic.graph.name),
        [folder / name for name in project.sources],
        Family.of(part.yosys_family),
        cache=default_cache(),
        progress=progress,
    )
    return NetlistStage(logic, mapped.write_netlist(folder), scratch)


def written_netlist(project: WrittenProject) -> Path:
    """The netlist of a project.

    Raises:
        BadInput: it has none.
    """
    if not project.netlist.is_file():
        raise BadInput(
            "the project has no mapped netlist",
            where=str(project.netlist),
            remedy="trigml synth MODEL --backend rtl maps the RTL where Yosys has the cells of the part",
        )
    return project.netlist

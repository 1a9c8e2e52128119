"""The mapped netlist of an RTL project as a stage: the cells of the FPGA, simulated cycle by cycle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trigml.backends.rtl.names import module_name
from trigml.backends.rtl.ports import bus_width, input_words, output_words
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.toolchains.yosys.simulation import RUNS, NetlistSimulation, simulate_netlist
from trigml.verify.cosimulation import Timing
from trigml.verify.rtl_stage import Claim, RtlStage
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors

TIMED_EVENTS = 1_000
"""Events of a netlist that are timed, at most: the RTL that it was made from is timed with all of them."""


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
        self._side_by_side = simulation
        return simulation, simulation.tool

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs of events that enter back to back, in copies of the design that run side by side.

        Raises:
            NotBitExact: events are lost or made up.
        """
        parts = np.array_split(vectors.words, min(RUNS, max(1, len(vectors))))
        traces = self._cosimulation.side_by_side(parts, self._side_by_side.run_side_by_side)
        for trace, part in zip(traces, parts, strict=True):
            self._require_all(trace, len(part), vectors.name)
        return np.concatenate([trace.words for trace in traces])

    def timing(self, words: IntArray, expected: IntArray) -> Timing:
        """As of RTL, for the first ``TIMED_EVENTS`` events."""
        return super().timing(words[:TIMED_EVENTS], expected[:TIMED_EVENTS])

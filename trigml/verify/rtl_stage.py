"""Clocked designs as stages: the RTL of a project in Verilator (``netlist_stage``: what it was mapped to)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from trigml.backends.rtl import RtlOptions, logic_of, rtl_project
from trigml.backends.rtl.names import module_name
from trigml.backends.rtl.ports import bus_width, input_words, output_words
from trigml.errors import NotBitExact
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.graph.network import words_in
from trigml.graph.operations import Input
from trigml.graph.products import products_per_event
from trigml.progress import Progress
from trigml.toolchains.ghdl import synthesised
from trigml.toolchains.verilator import Simulation, compile_design
from trigml.verify.cosimulation import Cosimulation, Design, Timing, Trace, measured
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors

LARGEST_WITH_PORTS = 30_000
"""Products per event up to which the layers are told apart by a second design with a port at each."""

LEAST_IN_A_COPY = 100
"""Events that are not shared out further: there have to be more of them than cycles in the pipeline."""

_SPARE_CYCLES = 64
"""Cycles after the claimed latency in which results are still waited for, so that a later one is measured."""


class Claim(Protocol):
    """What a design claims of itself."""

    @property
    def graph(self) -> Graph:
        """The network that it computes."""

    @property
    def latency_cycles(self) -> int:
        """Cycles from an event to its result."""


class RtlStage:
    """A design with the ports of ``firmware/rtl/top.v``, simulated cycle by cycle.

    Args:
        claim: the network that it claims to compute, with its latency.
        sources: the design's files, Verilog or VHDL; VHDL is synthesised to Verilog with GHDL.
        scratch: a folder for compiling, kept by the caller as long as the stage is used.
        name: of the stage.
        generated: what the RTL was generated for just now; a difference is then followed from layer to layer
            in a design generated in the same way. ``None`` for files that may say anything.

    Raises:
        MissingTool: no Verilator, no compiler, or no GHDL for VHDL.
        ToolFailed: one of them failed.
    """

    def __init__(
        self,
        claim: Claim,
        sources: Sequence[Path],
        scratch: Path,
        name: str = "rtl",
        *,
        generated: RtlOptions | None = None,
    ) -> None:
        graph = claim.graph
        inputs, outputs = tuple(input_words(graph)), tuple(output_words(graph))
        self.name = name
        self.claim = claim
        self._scratch, self._generated = scratch, generated
        folder = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=scratch))
        simulation, self.version = self.simulated(graph, sources, folder)
        self._cosimulation = Cosimulation(
            simulation, inputs, outputs, drain=claim.latency_cycles + _SPARE_CYCLES
        )

    def simulated(self, graph: Graph, sources: Sequence[Path], scratch: Path) -> tuple[Design, str]:
        """The design, ready to be driven, and the tools that made it so."""
        return _compiled(graph, sources, scratch)

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs of events that enter back to back.

        Raises:
            NotBitExact: events are lost or made up.
        """
        parts = self._parts(vectors.words)
        traces = self._cosimulation.traces([self._cosimulation.back_to_back(part) for part in parts])
        for trace, part in zip(traces, parts, strict=True):
            self._require_all(trace, len(part), vectors.name)
        return np.concatenate([trace.words for trace in traces])

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Every layer, from RTL that is generated in the same way with a port at each; for few events.

        None for a project's files, where registers cut the layers apart and only the outputs are tensors of
        the graph, and for large networks.
        """
        graph, options = self.claim.graph, self._generated
        if options is None or products_per_event(graph) > LARGEST_WITH_PORTS:
            return {}
        shown = graph.upto(*(o.name for o in graph.operations if not isinstance(o, Input)))
        with (
            progress.task("simulating RTL with a port at every layer", 1) as task,
            tempfile.TemporaryDirectory(dir=self._scratch) as scratch,
        ):
            rows = generated_stage(shown, options, Path(scratch)).outputs(vectors)
            task.advance()
        ends = np.cumsum([words_in(operation.shape) for operation in shown.results])
        return {
            operation.name: part.reshape(len(rows), *operation.shape)
            for operation, part in zip(shown.results, np.split(rows, ends[:-1], axis=1), strict=True)
        }

    def timing(self, words: IntArray, expected: IntArray) -> Timing:
        """Latency and initiation interval as measured: back to back, with gaps, and through a reset.

        Args:
            words: input words (events, n_in).
            expected: the graph's output words (events, n_out).

        Raises:
            NotBitExact: gaps or a reset change a result, or the latency is not constant.
        """
        design, parts = self._cosimulation, self._parts(words, runs=3)
        stimuli = [
            one
            for part in parts
            for one in (design.back_to_back(part), design.with_gaps(part, seed=1), design.through_reset(part))
        ]
        traces = iter(design.traces(stimuli))
        ends = np.cumsum([len(part) for part in parts])[:-1]
        timings = {
            self._judged(next(traces), next(traces), next(traces), rows) for rows in np.split(expected, ends)
        }
        if len(timings) != 1:
            raise NotBitExact(f"{self.name}: the latency is not constant", found=str(timings))
        return timings.pop()

    def _parts(self, words: IntArray, runs: int = 1) -> list[IntArray]:
        """The events as the copies of a design share them, if it has any; each gets that many runs."""
        shared = min(self._cosimulation.copies // runs, len(words) // LEAST_IN_A_COPY)
        return np.array_split(words, max(1, shared))

    def _judged(self, dense: Trace, sparse: Trace, again: Trace, expected: IntArray) -> Timing:
        timing = measured(dense, f"{self.name}, events back to back")
        spaced = measured(sparse, f"{self.name}, events with gaps")
        for trace, what in ((dense, "back to back"), (sparse, "with gaps")):
            self._require_equal(trace.words, expected, what)
        if spaced.latency != timing.latency:
            raise NotBitExact(
                f"{self.name}: gaps between events change the latency",
                expected=f"{timing.latency} cycles",
                found=f"{spaced.latency} cycles",
            )
        kept = max(0, len(expected) - timing.latency + 1)  # results that left before the reset took effect
        if len(again.words) != kept + len(expected):
            raise NotBitExact(
                f"{self.name}: a reset does not clear the pipeline, or clears more than that",
                expected=f"{kept} results before it and {len(expected)} after",
                found=f"{len(again.words)} in all",
            )
        self._require_equal(again.words[:kept], expected[:kept], "before a reset")
        self._require_equal(again.words[kept:], expected, "after a reset")
        return timing

    def _require_all(self, trace: Trace, events: int, where: str) -> None:
        if len(trace.words) != events:
            raise NotBitExact(
                f"{self.name} loses events or makes some up",
                where=where,
                expected=f"{events} results",
                found=f"{len(trace.words)}",
            )

    def _require_equal(self, found: IntArray, expected: IntArray, what: str) -> None:
        self._require_all(Trace(found[:, 0], found[:, 0], found), len(expected), f"events {what}")
        if (differs := found != expected).any():
            event, word = (int(place[0]) for place in differs.nonzero())
            raise NotBitExact(
                f"{self.name} differs from the graph for events {what}",
                where=f"event {event}, output word {word}",
                expected=str(int(expected[event, word])),
                found=str(int(found[event, word])),
            )


def generated_stage(graph: Graph, options: RtlOptions, scratch: Path) -> RtlStage:
    """The RTL of a graph, generated now.

    Raises:
        BadInput: the graph has no RTL form, or not for this clock.
        MissingTool: no Verilator, no compiler, or no GHDL for VHDL.
        ToolFailed: one of them failed.
    """
    logic = logic_of(graph, options.clock_ns, options.stages)
    project = rtl_project(logic, options)
    folder = Path(tempfile.mkdtemp(prefix="rtl_project_", dir=scratch))
    project.write_into(folder)
    return RtlStage(logic, [folder / name for name in project.sources], scratch, generated=options)


def _compiled(graph: Graph, sources: Sequence[Path], scratch: Path) -> tuple[Simulation, str]:
    """The simulation of a design, and the tools that made it."""
    top, tools, verilog = module_name(graph.name), "", list(sources)
    if any(path.suffix == ".vhd" for path in sources):
        made = synthesised(top, sources, scratch)
        top, verilog, tools = made.top, [made.source], f"{made.tool}, "
    simulation = compile_design(
        top,
        verilog,
        in_bits=bus_width(input_words(graph)),
        out_bits=bus_width(output_words(graph)),
        scratch=scratch,
    )
    return simulation, tools + simulation.tool

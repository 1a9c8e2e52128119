"""Clocked designs as stages: the RTL of a project, or its mapped netlist, in Verilator."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from trigml.backends.rtl import Logic
from trigml.backends.rtl.ports import bus_width, input_words, output_words
from trigml.errors import NotBitExact
from trigml.fixedpoint import IntArray
from trigml.progress import Progress
from trigml.toolchains.verilator import compile_design
from trigml.verify.cosimulation import Cosimulation, Timing, Trace, measured
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors


class RtlStage:
    """A design with the ports of ``firmware/rtl/top.v``, simulated cycle by cycle.

    Args:
        logic: the network that it claims to compute, with its latency.
        sources: the design's Verilog files.
        scratch: a folder for compiling, kept by the caller as long as the stage is used.
        name: ``rtl`` or ``netlist``.

    Raises:
        MissingTool: no Verilator, or no compiler.
        ToolFailed: either of them failed.
    """

    def __init__(self, logic: Logic, sources: Sequence[Path], scratch: Path, name: str = "rtl") -> None:
        graph = logic.graph
        inputs, outputs = tuple(input_words(graph)), tuple(output_words(graph))
        folder = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=scratch))
        simulation = compile_design(
            graph.name, sources, in_bits=bus_width(inputs), out_bits=bus_width(outputs), scratch=folder
        )
        self.name = name
        self.version = simulation.tool
        self._cosimulation = Cosimulation(simulation, inputs, outputs, drain=logic.latency_cycles + 8)

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs of events that enter back to back.

        Raises:
            NotBitExact: events are lost or made up.
        """
        trace = self._cosimulation.back_to_back(vectors.words)
        self._require_all(trace, len(vectors), vectors.name)
        return trace.words

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """None: registers cut the layers apart, only the outputs are tensors of the graph."""
        return {}

    def timing(self, words: IntArray, expected: IntArray) -> Timing:
        """Latency and initiation interval as measured: back to back, with gaps, and through a reset.

        Args:
            words: input words (events, n_in).
            expected: the graph's output words (events, n_out).

        Raises:
            NotBitExact: gaps or a reset change a result, or the latency is not constant.
        """
        dense, sparse = self._cosimulation.back_to_back(words), self._cosimulation.with_gaps(words, seed=1)
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
        again = self._cosimulation.through_reset(words)
        kept = len(again.words) - len(words)  # results that left before the reset
        if not 0 <= kept < len(words):
            raise NotBitExact(
                f"{self.name}: a reset does not clear the pipeline",
                expected=f"{len(words)} results after it and fewer than {len(words)} before",
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

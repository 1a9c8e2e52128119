"""The graph as fully unrolled shift-and-add logic, built and costed by alkaid."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.backends.rtl.operations import port, traced
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.graph.operations import Input


@dataclass(frozen=True)
class Logic:
    """Pipelined logic with alkaid's estimates.

    Attributes:
        graph: the network that it computes.
        lut: estimated look-up tables.
        register_bits: bits of the pipeline registers, the outputs' included, the inputs' not.
        latency_cycles: registers between input and output; a new event can enter in every cycle.
        combinational: alkaid's logic.
    """

    graph: Graph
    lut: int
    register_bits: int
    latency_cycles: int
    combinational: Any

    @property
    def tool(self) -> str:
        """Name and version of the tool that estimates."""
        return f"alkaid {version('alkaid')}"

    def outputs(self, words: IntArray) -> NDArray[np.float64]:
        """Outputs (events, n_out) in units of the output LSB, by alkaid's interpreter."""
        values = np.ldexp(words.astype(np.float64), -self.graph.input_fractions)
        outputs = np.asarray(self.combinational.predict(values, n_threads=1), dtype=np.float64)
        return np.asarray(np.ldexp(outputs, self.graph.output_fractions))


def logic_of(graph: Graph, clock_ns: float) -> Logic:
    """The graph as logic, pipelined so that alkaid's delay model meets the clock in each stage.

    Args:
        graph: a checked graph.
        clock_ns: requested clock period in ns.

    Raises:
        BadInput: an operation has no form here.
    """
    from alkaid.trace import FVArrayInput, to_pipeline, trace

    ports = FVArrayInput((graph.n_in,))
    inputs = graph.input_tensors(ports[None])
    tensors: dict[str, Any] = {}
    for operation in graph.operations:
        if isinstance(operation, Input):
            tensors[operation.name] = port(operation, inputs[operation.name])
            continue
        sources = [tensors[name] for name in operation.inputs]
        tensors[operation.name] = traced(
            operation, sources, [graph[name].format for name in operation.inputs]
        )
    outputs = np.concatenate([tensors[name].reshape(-1) for name in graph.outputs])
    combinational = trace(ports, outputs)
    machine = to_pipeline(combinational, latency_cutoff=clock_ns, verbose=False, reg_inp=False, reg_out=True)
    registers = [signal.width for signal in machine.signals.values() if signal.reg]
    cost = sum(float(part.cost) for part in machine.logic.values())
    return Logic(graph, round(cost), int(sum(registers)), len(registers), combinational)

"""The graph as fully unrolled shift-and-add logic, built and costed by alkaid.

alkaid rounds by truncation or half up; rounding half to even is composed from those, exactly:
``floor((w + half - 1 + odd) / 2**s)``, where ``odd`` is the lowest bit that is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray, Overflow, Rounding, to_values
from trigml.graph import Graph, Operation
from trigml.graph.operations import Dense, Input, Quantize, Relu


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
    tensors: dict[str, Any] = {}
    for operation in graph.operations:
        tensors[operation.name] = _traced(graph, operation, tensors, ports)
    combinational = trace(ports, tensors[graph.outputs[0]])
    machine = to_pipeline(combinational, latency_cutoff=clock_ns, verbose=False, reg_inp=False, reg_out=True)
    registers = [signal.width for signal in machine.signals.values() if signal.reg]
    cost = sum(float(part.cost) for part in machine.logic.values())
    return Logic(graph, round(cost), int(sum(registers)), len(registers), combinational)


def _traced(graph: Graph, operation: Operation, tensors: dict[str, Any], ports: Any) -> Any:
    from alkaid.trace.ops import quantize, relu

    match operation:
        case Input():
            return quantize(ports, *_bits(operation.format))  # the port holds words already
        case Dense():
            weights = to_values(operation.weight, operation.weight_format.fraction)
            return tensors[operation.inputs[0]] @ weights + to_values(
                operation.bias, operation.bias_format.fraction
            )
        case Relu():
            return relu(tensors[operation.inputs[0]])
        case Quantize():
            source = graph[operation.inputs[0]].format
            return _requantized(tensors[operation.inputs[0]], source.fraction, operation)
    raise BadInput("this operation has no RTL form", where=f"{type(operation).__name__} {operation.name!r}")


def _requantized(x: Any, fraction: int, operation: Quantize) -> Any:
    from alkaid.trace.ops import quantize

    target = operation.format
    if target.rounding is not Rounding.RND_CONV or target.overflow not in (Overflow.SAT, Overflow.SAT_SYM):
        raise BadInput(
            "this quantiser has no RTL form",
            where=operation.name,
            expected="RND_CONV, and SAT or SAT_SYM",
            found=str(target),
        )
    dropped = fraction - target.fraction
    if dropped > 0:
        odd = quantize(x, 0, 1 - target.fraction, target.fraction, "WRAP", "TRN")
        half_less_one = 2.0 ** -(target.fraction + 1) - 2.0**-fraction
        x = x + odd * 2.0**-dropped + half_less_one
    return quantize(x, *_bits(target), target.overflow.value, "TRN")


def _bits(format_: FixedPoint) -> tuple[int, int, int]:
    """alkaid's description: sign bit, integer bits without it, fractional bits."""
    return int(format_.signed), format_.integer - int(format_.signed), format_.fraction

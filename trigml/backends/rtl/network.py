"""The graph as fully unrolled shift-and-add logic, built and costed by alkaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.backends.rtl.operations import WeightedSums, port, traced
from trigml.backends.rtl.pipelining import pipelined
from trigml.backends.rtl.rounding import requantized
from trigml.errors import BadInput, ToolFailed
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.graph.operations import Input, Linear, Operation, Quantize, Relu


@dataclass(frozen=True)
class Combinational:
    """A network as logic without registers, at any speed.

    Attributes:
        graph: the network that it computes.
        combinational: alkaid's logic.
    """

    graph: Graph
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


@dataclass(frozen=True)
class Logic(Combinational):
    """Combinational logic, and how it is pipelined.

    Attributes:
        pipeline: the logic, cut into stages with registers; a new event can enter in every cycle.
    """

    pipeline: Any

    @cached_property
    def lut(self) -> int:
        """Estimated look-up tables."""
        return round(sum(float(part.cost) for part in self.pipeline.logic.values()))

    @cached_property
    def _registers(self) -> list[int]:
        return [int(signal.width) for signal in self.pipeline.signals.values() if signal.reg]

    @property
    def register_bits(self) -> int:
        """Bits of the pipeline registers, the outputs' included, the inputs' not."""
        return sum(self._registers)

    @property
    def latency_cycles(self) -> int:
        """Registers between input and output."""
        return len(self._registers)


def combinational_of(graph: Graph) -> Combinational:
    """The graph as logic that no clock cuts into stages: also where an operation is too slow for any.

    Args:
        graph: a checked graph.

    Raises:
        BadInput: an operation has no form here.
        ToolFailed: alkaid does not hold what it assumes of itself.
    """
    return Combinational(graph, _traced(graph)[0])


def logic_of(graph: Graph, clock_ns: float, stages: int | None = None) -> Logic:
    """The graph as logic, pipelined so that alkaid's delay model meets the clock in each stage.

    Args:
        graph: a checked graph.
        clock_ns: requested clock period in ns.
        stages: number of pipeline stages, instead of what the clock needs.

    Raises:
        BadInput: an operation has no form here, or is slower than the clock; no output depends on an input.
        ToolFailed: alkaid does not hold what it assumes of itself.
    """
    combinational, tensors = _traced(graph)
    pipeline = pipelined(combinational, clock_ns, stages, tensors)
    (entering,) = pipeline.inp_signals
    if entering.width == 0:
        raise BadInput(
            "this network has no logic: its outputs do not depend on its inputs",
            where=f"{graph.name}, {', '.join(graph.outputs)}",
            remedy="see where the words are lost: trigml inspect",
        )
    return Logic(graph, combinational, pipeline)


def _traced(graph: Graph) -> tuple[Any, Mapping[str, Any]]:
    """alkaid's logic of the graph, and its variables of each tensor, in the graph's order."""
    from alkaid.trace import FVArrayInput, trace

    ports = FVArrayInput((graph.n_in,))
    inputs = graph.input_tensors(ports[None])
    tensors: dict[str, Any] = {}
    layers: dict[str, WeightedSums] = {}
    for operation in graph.operations:
        if isinstance(operation, Input):
            tensors[operation.name] = port(operation, inputs[operation.name][0])
            continue
        with _failures_named(f"layer {operation.name!r}"):
            tensors[operation.name] = _variables(graph, operation, tensors, layers)
    outputs = np.concatenate([tensors[name].reshape(-1) for name in graph.outputs])
    with _failures_named("the whole network"):
        return _with_three_input_adders(trace(ports, outputs, keep_dead_inputs=True)), tensors


@contextmanager
def _failures_named(where: str) -> Iterator[None]:
    """alkaid checks its own assumptions with assertions: where one does not hold, there is no logic."""
    try:
        yield
    except (AssertionError, NotImplementedError) as error:
        raise ToolFailed(
            "alkaid could not build the logic",
            where=where,
            found=f"{type(error).__name__}: {error}",
            remedy="please report this with the model",
        ) from error


def _variables(
    graph: Graph, operation: Operation, tensors: Mapping[str, Any], layers: dict[str, WeightedSums]
) -> Any:
    """The operation on alkaid's variables; layers with weights are kept for the quantisers behind them."""
    sources = [tensors[name] for name in operation.inputs]
    if isinstance(operation, Linear):
        layers[operation.name] = WeightedSums.of(operation, sources[0])
        return layers[operation.name].plus(0.0)
    if isinstance(operation, Quantize):
        return _quantized(graph, operation, tensors, layers)
    return traced(operation, sources, [graph[name].format for name in operation.inputs])


def _quantized(
    graph: Graph, operation: Quantize, tensors: Mapping[str, Any], layers: Mapping[str, WeightedSums]
) -> Any:
    """A quantiser, with the ReLU before it if there is one; what it adds goes into the bias before these."""
    source = graph[operation.inputs[0]]
    rectified = isinstance(source, Relu)
    if rectified:
        source = graph[source.inputs[0]]
    layer = layers.get(source.name)
    return requantized(
        tensors[source.name], operation.format, rectified=rectified, plus=layer.plus if layer else None
    )


def _with_three_input_adders(combinational: Any) -> Any:
    """Pairs of adders as adders of three words, which alkaid counts as one LUT per bit as well.

    alkaid's ``RTLModel`` does the same as it writes; done here, costs and stages are those of its files.
    """
    from alkaid.trace.passes import add_surrogate, dead_code_elimin, fuse_ternary_adders

    fused = dead_code_elimin(fuse_ternary_adders(combinational), keep_dead_inputs=True)
    return add_surrogate(fused, _skip_op8_cost=True)

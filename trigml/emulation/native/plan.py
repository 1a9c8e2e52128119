"""The plan of a block: its steps, which layers go in pairs, and what stands where in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trigml.emulation.native.lanes import Lane, lane_of
from trigml.emulation.native.memory import Arena, Lifetime, arranged
from trigml.emulation.native.pairs import PairLayer, pair_layer
from trigml.emulation.native.steps import Step, steps_of, stored_as
from trigml.graph import Graph, Operation
from trigml.graph import operations as ops
from trigml.graph.network import words_in

LANES = 32
"""Events side by side; as in ``trigml_rows.h``."""


@dataclass(frozen=True)
class Buffer:
    """Rows of lanes in the memory of a block.

    Attributes:
        lane: type of a row's elements.
        rows: how many.
        first: number of the step that writes it.
        last: number of the last step that reads it.
    """

    lane: Lane
    rows: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """What is computed, in which order and where.

    Attributes:
        graph: the network.
        steps: the work, in order.
        stored: per tensor, the one whose memory it shares.
        layers: the layers that go in pairs, by name.
        direct: per stored tensor that one such layer reads and nobody else, that layer: the tensor is written
            as its pairs at once.
        buffers: by C++ name.
        arena: where the buffers are.
    """

    graph: Graph
    steps: tuple[Step, ...]
    stored: Mapping[str, str]
    layers: Mapping[str, PairLayer]
    direct: Mapping[str, PairLayer]
    buffers: Mapping[str, Buffer]
    arena: Arena


def variable(tensor: str) -> str:
    """The C++ variable of a tensor; no name of C++ or of the headers begins like this."""
    return f"t_{tensor}"


def pairs_variable(layer: str) -> str:
    """The C++ variable of a layer's input in pairs."""
    return f"p_{layer}"


def plan_of(graph: Graph) -> Plan:
    """The plan of a graph."""
    steps, stored = steps_of(graph), stored_as(graph)
    layers = {step.head.name: layer for step in steps if (layer := pair_layer(graph, step))}
    direct = _direct(graph, steps, stored, layers)
    buffers = _buffers(graph, steps, stored, layers, direct)
    lifetimes = {
        name: Lifetime(buffer.rows * LANES * buffer.lane // 8, buffer.first, buffer.last)
        for name, buffer in buffers.items()
    }
    return Plan(graph, steps, stored, layers, direct, buffers, arranged(lifetimes))


def _direct(
    graph: Graph, steps: tuple[Step, ...], stored: Mapping[str, str], layers: Mapping[str, PairLayer]
) -> Mapping[str, PairLayer]:
    kept = {stored[name] for name in graph.outputs}
    writers: dict[str, Operation] = {operation.name: operation for operation in graph.inputs}
    writers |= {step.result.name: step.result for step in steps if step.head.name in layers}
    direct = {}
    for name, result in writers.items():
        readers = [step.head.name for step in steps if name in (stored[n] for n in step.head.inputs)]
        layer = layers.get(readers[0]) if len(readers) == 1 else None
        whole_pairs = result.shape[-1] % 2 == 0 or len(result.shape) == 1 or isinstance(result, ops.Input)
        if layer is None or name in kept or not whole_pairs:
            continue
        if layer.arrangement.ordered_rows(words_in(result.shape)):
            direct[name] = layer
    return direct


def _buffers(
    graph: Graph,
    steps: tuple[Step, ...],
    stored: Mapping[str, str],
    layers: Mapping[str, PairLayer],
    direct: Mapping[str, PairLayer],
) -> Mapping[str, Buffer]:
    written = {operation.name: 0 for operation in graph.inputs}
    written |= {step.result.name: number for number, step in enumerate(steps, start=1)}
    read = dict(written)
    for number, step in enumerate(steps, start=1):
        for name in step.head.inputs:
            read[stored[name]] = number
    for name in graph.outputs:
        read[stored[name]] = len(steps) + 1
    buffers = {}
    for name, number in written.items():
        if name not in direct:
            lane, rows = lane_of(graph.ranges[name]), words_in(graph[name].shape)
            buffers[variable(name)] = Buffer(lane, rows, number, read[name])
    for number, step in enumerate(steps, start=1):
        if layer := layers.get(step.head.name):
            source = stored[step.head.inputs[0]]
            first = written[source] if direct.get(source) is layer else number
            rows = len(layer.arrangement.rows)
            buffers[pairs_variable(step.head.name)] = Buffer(layer.word, rows, first, number)
    return buffers

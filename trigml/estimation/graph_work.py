"""A graph's layers as ``Work``, as the HLS project computes them (``backends/hls/layers``), or why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from trigml.backends.hls.options import HlsOptions, IoType
from trigml.estimation.layers import (
    matrix_work,
    merged_relu,
    over_places,
    pool_work,
    quantise_work,
    relu_work,
    wires_work,
)
from trigml.estimation.work import Kind, Work
from trigml.graph import Graph, Operation
from trigml.graph import operations as ops
from trigml.graph.network import words_in
from trigml.graph.windows import cells_inside


@dataclass(frozen=True)
class GraphWork:
    """The layers of a graph.

    Attributes:
        works: those that could be described, in order.
        refusals: why there is no estimate, one line per cause; empty if there is none.
    """

    works: tuple[Work, ...]
    refusals: tuple[str, ...]


def work_of(graph: Graph, options: HlsOptions) -> GraphWork:
    """Describe what an HLS project of ``graph`` computes.

    Args:
        graph: the network.
        options: what was chosen for the project.
    """
    graph = graph.upto(*graph.outputs)
    works: list[Work] = []
    refusals = list(_structure(graph))
    for operation in graph.operations:
        found = _described(graph, operation, options)
        if isinstance(found, str):
            refusals.append(f"{operation.name} ({type(operation).__name__}): {found}")
        elif found is not None:
            works.append(found)
    return GraphWork(tuple(_merged(works)), tuple(dict.fromkeys(refusals)))


def _structure(graph: Graph) -> Iterator[str]:
    if len(graph.inputs) > 1 or len(graph.outputs) > 1:
        yield "several inputs or outputs: no vendor report is of such a network"
    elif any(len(graph.consumers(o.name)) + (o.name in graph.outputs) > 1 for o in graph.operations):
        yield "branches: no vendor report is of such a network"


def _described(graph: Graph, operation: Operation, options: HlsOptions) -> Work | str | None:
    """The work of one operation, ``None`` if it costs nothing, or why it is not known."""
    if isinstance(operation, ops.Input):
        return None
    source = graph[operation.inputs[0]]
    words, bits = words_in(operation.shape), source.format.width
    match operation:
        case ops.Dense() if len(source.shape) == 1:
            return matrix_work(
                operation.weight, bias=operation.bias, bits_in=bits, bits_out=operation.format.width
            )
        case ops.Dense():
            return "a dense layer at each of many places: no vendor report of one"
        case ops.Convolution():
            return _convolution(operation, source)
        case ops.Relu():
            return relu_work(words, bits)
        case ops.Quantize():
            return _quantiser(operation, source, words)
        case ops.MaxPool():
            cells = cells_inside(source.shape[:-1], operation.pool, operation.strides, operation.padding)
            return pool_work(
                cells, channels=source.shape[-1], words_in=words_in(source.shape), bits=bits, average=False
            )
        case ops.Reshape() if options.io is IoType.PARALLEL:
            return None
        case ops.AveragePool():
            return "its mean is rounded in another way than in the vendor reports"
    return "no vendor report of such an operation"


def _convolution(operation: ops.Convolution, source: Operation) -> Work:
    weight = operation.weight.reshape(-1, operation.weight.shape[-1])
    one = matrix_work(
        weight,
        bias=operation.bias,
        bits_in=source.format.width,
        bits_out=operation.format.width,
        kind=Kind.CONVOLUTION,
    )
    return over_places(
        one,
        places=words_in(operation.shape[:-1]),
        words_in=words_in(source.shape),
        words_out=words_in(operation.shape),
        window_bits=len(weight) * source.format.width,
    )


def _quantiser(operation: ops.Quantize, source: Operation, words: int) -> Work:
    target, given = operation.format, source.format
    work = quantise_work(
        words,
        bits_in=given.width,
        bits_out=target.width,
        dropped=given.fraction - target.fraction,
        rounding=target.rounding,
        overflow=target.overflow,
    )
    return (
        work
        if work.levels or work.comparator_bits
        else replace(wires_work(words, given.width), bits_out=target.width)
    )


def _merged(works: list[Work]) -> Iterator[Work]:
    """A ReLU and the quantiser behind it are one layer of hls4ml."""
    pending: Work | None = None
    for work in works:
        if pending is not None and work.kind is Kind.QUANTISE:
            yield merged_relu(pending, work)
            pending = None
            continue
        if pending is not None:
            yield pending
        pending = work if work.kind is Kind.RELU else None
        if pending is None:
            yield work
    if pending is not None:
        yield pending

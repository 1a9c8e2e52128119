"""Words as they are after rounding and before an overflow rule acts, in units of the rule's LSB."""

from __future__ import annotations

from dataclasses import replace

from trigml.fixedpoint import FixedPoint, Interval, Overflow
from trigml.fixedpoint.format import MAX_WIDTH
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.graph.ranges import range_after

Rule = ops.Quantize | ops.AveragePool
"""The operations whose format has an overflow rule."""


def without_overflow(format_: FixedPoint) -> FixedPoint:
    """The same LSB and rounding with the widest range."""
    return FixedPoint(True, MAX_WIDTH, MAX_WIDTH - format_.fraction, format_.rounding, Overflow.SAT)


def range_before_overflow(graph: Graph, operation: Rule) -> Interval:
    """Proven range of the words that meet the overflow rule of a quantiser or mean."""
    formats = {name: graph[name].format for name in operation.inputs}
    return range_after(replace(operation, format=without_overflow(operation.format)), formats, graph.ranges)


def network_before_overflow(graph: Graph, operation: Rule) -> Graph:
    """The network up to a quantiser or mean, with the words that meet its overflow rule as its output.

    The graph is not checked: no format that hardware would have holds such words.
    """
    part = graph.upto(operation.name)
    wide = replace(operation, format=without_overflow(operation.format))
    return replace(part, operations=(*part.operations[:-1], wide))


def network_into_type(graph: Graph, tensor: str, format_: FixedPoint) -> Graph:
    """The network up to a tensor, brought into a declared type, as above before its overflow rule acts."""
    part = graph.upto(tensor)
    name = tensor + "_as_declared"
    while any(operation.name == name for operation in part.operations):
        name += "_"
    declared = ops.Quantize(
        name=name, inputs=(tensor,), shape=graph[tensor].shape, format=without_overflow(format_)
    )
    return replace(part, operations=(*part.operations, declared), outputs=(name,))

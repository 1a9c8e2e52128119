"""The invariants of a graph, executable: they run after every pass and every load."""

from __future__ import annotations

import numpy as np

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray
from trigml.graph import operations as ops
from trigml.graph.network import BrokenInvariant, Graph, words_in
from trigml.graph.ranges import linear_range
from trigml.graph.shapes import BadShape, shape_after

EXACT_FLOAT64_BITS = 53
"""Emulators and Keras multiply in float64: every word has to stay below 2**53 to be exact there."""

_KEEP_FRACTION = (
    *(ops.Relu, ops.MaxPool, ops.Sum, ops.Maximum),
    *(ops.Reshape, ops.Permute, ops.Slice, ops.ZeroPad),
)


def checked(graph: Graph) -> Graph:
    """State the invariants of a graph.

    Returns:
        The graph itself.

    Raises:
        BrokenInvariant: with the operation and what does not hold.
    """
    if not (graph.name.isascii() and graph.name.isidentifier()):
        raise BrokenInvariant("the graph's name is not a C identifier", found=graph.name)
    if not graph.inputs:
        raise BrokenInvariant("a graph has at least an input", found=graph.name)
    if not graph.outputs or len(set(graph.outputs)) != len(graph.outputs):
        raise BrokenInvariant("a graph has at least one output, each once", found=str(graph.outputs))
    for operation in graph.operations:
        _require(graph[operation.name] is operation, operation, "names are unique", operation.name)
    seen: set[str] = set()
    for operation in graph.operations:
        is_name = operation.name.isascii() and operation.name.isidentifier()
        _require(is_name, operation, "its name is a C identifier", operation.name)
        for name in operation.inputs:
            _require(name in seen, operation, "it reads a tensor that stands before it", name)
        _check_shape(graph, operation)
        _check_formats(graph, operation)
        seen.add(operation.name)
    for name in graph.outputs:
        if name not in seen:
            raise BrokenInvariant("an output is not a tensor of the graph", found=name)
    _check_ports(graph)
    _check_ranges(graph)
    return graph


def _check_ports(graph: Graph) -> None:
    if len(graph.inputs) != len(graph.contracts):
        raise BrokenInvariant(
            "every input has its contract",
            expected=f"{len(graph.inputs)} contracts",
            found=str(len(graph.contracts)),
        )
    for operation, contract in zip(graph.inputs, graph.contracts, strict=True):
        fits = words_in(operation.shape) == len(contract.features) and operation.format == contract.format
        if not fits:
            raise BrokenInvariant("the input is not what the input contract says", where=operation.name)
    if graph.output_labels and graph.n_out != len(graph.output_labels):
        raise BrokenInvariant("the output labels do not fit the output", found=str(graph.output_labels))


def _check_shape(graph: Graph, operation: ops.Operation) -> None:
    try:
        shape = shape_after(operation, [graph[name].shape for name in operation.inputs])
    except BadShape as error:
        raise _broken(operation, str(error), [graph[name].shape for name in operation.inputs]) from error
    _require(operation.shape == shape, operation, f"its shape is {shape}", operation.shape)


def _check_formats(graph: Graph, operation: ops.Operation) -> None:
    sources = [graph[name].format for name in operation.inputs]
    match operation:
        case ops.Linear():
            _check_constants(operation, operation.weight, operation.weight_format, "weights")
            _check_constants(operation, operation.bias, operation.bias_format, "biases")
            product = sources[0].fraction + operation.weight_format.fraction
            _check_fraction(operation, max(product, operation.bias_format.fraction))
        case ops.LeakyRelu():
            _require(operation.shift >= 0, operation, "a slope of at most 1", operation.shift)
            _check_fraction(operation, sources[0].fraction + operation.shift)
        case ops.Clip():
            _require(
                operation.low <= operation.high, operation, "low <= high", (operation.low, operation.high)
            )
            _check_fraction(operation, sources[0].fraction)
        case ops.Table():
            _require(operation.table.ndim == 1, operation, "a flat table", operation.table.shape)
            _check_constants(operation, operation.table, operation.format, "entries")
        case ops.Concatenate() | ops.Add() | ops.Subtract():
            _check_fraction(operation, max(source.fraction for source in sources))
        case ops.Multiply():
            _check_fraction(operation, sum(source.fraction for source in sources))
        case ops.ArgMax():
            _check_fraction(operation, 0)
        case _ if isinstance(operation, _KEEP_FRACTION):
            _check_fraction(operation, sources[0].fraction)
    _require(
        operation.format.width <= EXACT_FLOAT64_BITS,
        operation,
        f"its words have at most {EXACT_FLOAT64_BITS} bits",
        operation.format,
    )
    if not isinstance(operation, ops.Input | ops.Quantize | ops.AveragePool):
        plain = operation.format == operation.format.exact()
        _require(plain, operation, "a format without rounding: it drops no bit", operation.format)


def _check_fraction(operation: ops.Operation, needed: int) -> None:
    found = operation.format
    _require(found.fraction == needed, operation, f"{needed} fractional bits", found)


def _check_constants(operation: ops.Operation, words: IntArray, format_: FixedPoint, what: str) -> None:
    _require(words.dtype == np.int64 and words.size > 0, operation, f"its {what} are int64", words.dtype)
    bounds = (int(words.min()), int(words.max()))
    _require(format_.holds(*bounds), operation, f"its {what} are words of {format_}", bounds)


def _check_ranges(graph: Graph) -> None:
    try:
        ranges = graph.ranges
    except BadInput as error:
        raise BrokenInvariant(
            "the graph's ranges cannot be proven", where=graph.name, found=str(error)
        ) from error
    for operation in graph.operations:
        bounds = ranges[operation.name].bounds
        _require(
            operation.format.holds(*bounds),
            operation,
            f"its format holds the proven range {bounds}",
            operation.format,
        )
        if isinstance(operation, ops.Linear):
            source = operation.inputs[0]
            _, partial = linear_range(operation, graph[source].format, ranges[source])
            needed = partial.smallest_format(operation.format.fraction, signed=True).width
            _require(
                operation.format.signed and operation.format.width >= needed,
                operation,
                f"no partial sum overflows: at least {needed} bits",
                operation.format,
            )


def _require(holds: bool, operation: ops.Operation, expected: str, found: object) -> None:
    if not holds:
        raise _broken(operation, expected, found)


def _broken(operation: ops.Operation, expected: str, found: object) -> BrokenInvariant:
    return BrokenInvariant(
        "the graph is not consistent",
        where=f"{type(operation).__name__} {operation.name!r}",
        expected=expected,
        found=str(found),
    )

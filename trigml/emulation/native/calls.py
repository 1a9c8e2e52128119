"""C++ of each operation: its constants and the call of its function in ``trigml_rows.h``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.emulation.native import tables
from trigml.emulation.native.lanes import Lane, lane_for
from trigml.emulation.native.pairs import PairLayer
from trigml.emulation.native.plan import Plan, pairs_variable, variable
from trigml.emulation.native.steps import Step
from trigml.emulation.native.words import literal
from trigml.fixedpoint import IntArray, Interval
from trigml.graph import BrokenInvariant, Graph
from trigml.graph import operations as ops
from trigml.graph.network import words_in
from trigml.graph.ranges import block_of, shifted_left
from trigml.graph.shapes import Shape

NUMBERS_PER_LINE = 24


@dataclass
class Code:
    """What one step adds to the source.

    Attributes:
        constants: definitions before the network.
        calls: statements that compute its tensor.
    """

    constants: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def array(self, name: str, type_: str, values: IntArray) -> str:
        """Define an array of constants and return its name."""
        self.constants.append(array_text(name, type_, values))
        return name

    def rows(self, name: str, values: IntArray) -> str:
        """Define a table of rows and return its name."""
        return self.array(name, "std::int32_t", values)


def constant(operation: str, what: str) -> str:
    """The C++ name of a constant of an operation."""
    return f"c_{operation}_{what}"


def array_text(name: str, type_: str, values: NDArray[np.signedinteger[Any]]) -> str:
    """A C++ array of constants."""
    words = [f"{word}" if abs(word) < 1 << 31 else f"{word}LL" for word in values.ravel().tolist()]
    starts = range(0, len(words), NUMBERS_PER_LINE)
    lines = ",\n    ".join(", ".join(words[start : start + NUMBERS_PER_LINE]) for start in starts)
    return f"constexpr {type_} {name}[] = {{\n    {lines}}};"


def code_of(plan: Plan, step: Step) -> Code:
    """The C++ of one step.

    Tensors are called by their names; ``step.result`` is written.
    """
    graph, operation, code = plan.graph, step.head, Code()
    sources = [graph[name] for name in operation.inputs]
    x, y = variable(operation.inputs[0]), variable(step.result.name)
    before = graph.ranges[operation.inputs[0]]
    shape = sources[0].shape
    rows = words_in(operation.shape)
    match operation:
        case ops.Linear() if layer := plan.layers.get(operation.name):
            _in_pairs(plan, step, layer, code)
        case ops.Linear():
            _linear(graph, step, operation, code)
        case ops.Relu() | ops.LeakyRelu() | ops.Clip() | ops.Quantize():
            lane, then = _then(step, code, before.bounds)
            code.calls.append(f"map_rows<{lane.cpp}, {then}>({x}, {rows}, {y});")
        case ops.Table():
            lane, then = _then(step, code, _ends(operation.table))
            entries = code.array(
                constant(operation.name, "entries"), lane_for(*_ends(operation.table)).cpp, operation.table
            )
            code.calls.append(f"looked_up<{lane.cpp}, {then}>({x}, {entries}, {operation.low}, {rows}, {y});")
        case ops.MaxPool() | ops.Maximum():
            if isinstance(operation, ops.MaxPool):
                cells = tables.cells_of(operation, shape)
            else:
                cells = tables.reduced_of(operation.axes, shape)
            lane, then = _then(step, code, before.bounds)
            count, table = cells.shape[1], code.rows(constant(operation.name, "rows"), cells)
            code.calls.append(f"largest<{lane.cpp}, {then}, {count}>({x}, {table}, {rows}, {y});")
        case ops.Sum():
            cells = tables.reduced_of(operation.axes, shape)
            lane, then = _then(step, code, _reach(before, cells))
            count, table = cells.shape[1], code.rows(constant(operation.name, "rows"), cells)
            code.calls.append(f"sums<{lane.cpp}, {then}, {count}>({x}, {table}, {rows}, {y});")
        case ops.AveragePool():
            _average(graph, step, operation, code)
        case ops.ArgMax() | ops.Permute() | ops.Slice() | ops.ZeroPad():
            _places(graph, step, operation, code)
        case ops.Concatenate():
            _concatenate(graph, step, operation, code)
        case ops.Add() | ops.Subtract() | ops.Multiply():
            _combined(graph, step, operation, code)
        case _:
            raise BrokenInvariant("an operation without native code", found=type(operation).__name__)
    return code


def _places(
    graph: Graph, step: Step, operation: ops.ArgMax | ops.Permute | ops.Slice | ops.ZeroPad, code: Code
) -> None:
    """Which place has the largest word, and words at other places."""
    source = graph[operation.inputs[0]]
    x, y, rows = variable(source.name), variable(step.result.name), words_in(operation.shape)
    if isinstance(operation, ops.ArgMax):
        count = source.shape[-1]
        lane, then = _then(step, code, (0, count))
        code.calls.append(f"largest_at<{lane.cpp}, {then}, {count}>({x}, {rows}, {y});")
        return
    places = tables.indices(source.shape)
    if isinstance(operation, ops.Permute):
        places = places.transpose(operation.axes)
    elif isinstance(operation, ops.Slice):
        places = places[block_of(operation)]
    else:
        places = np.pad(places, (*operation.padding, (0, 0)), constant_values=tables.NO_ROW)
    lane, then = _then(step, code, graph.ranges[source.name].with_zero().bounds)
    table = code.rows(constant(operation.name, "rows"), places)
    code.calls.append(f"taken<{lane.cpp}, {then}>({x}, {table}, {rows}, {y});")


def _then(step: Step, code: Code, extremes: Iterable[int]) -> tuple[Lane, str]:
    """Lane of the step's words, and the name of what is done to them before they are stored."""
    lane = lane_for(*extremes, *step.code.extremes)
    if not step.code.statements:
        return lane, "Same"
    name = constant(step.head.name, "then")
    lines = "\n    ".join((*step.code.statements, "return x;"))
    code.constants.append(
        f"struct {name} {{\n  template <class T> static T of(T x) {{\n    {lines}\n  }}\n}};"
    )
    return lane, name


def _ends(words: IntArray) -> tuple[int, int]:
    return int(words.min()), int(words.max())


def _in_pairs(plan: Plan, step: Step, layer: PairLayer, code: Code) -> None:
    """A layer whose products go two at a time: its input as pairs, unless it was written so, and the sums."""
    operation, name = layer.operation, layer.operation.name
    source = plan.stored[operation.inputs[0]]
    pairs, arrangement = pairs_variable(name), layer.arrangement
    rows, ordered = arrangement.rows, arrangement.ordered_rows(words_in(plan.graph[source].shape))
    begin, x = (ordered, pairs) if source in plan.direct else (0, variable(source))
    if begin < len(rows):
        table = code.rows(constant(name, "pairs"), rows[begin:])
        code.calls.append(
            f"paired<{layer.target}>({x}, {table}, {len(rows) - begin}, {pairs} + {begin} * LANES);"
        )
    follower = plan.direct.get(step.result.name)
    target = follower.target if follower else f"ToWords<{plan.buffers[variable(step.result.name)].lane.cpp}>"
    result = pairs_variable(follower.operation.name) if follower else variable(step.result.name)
    _, then = _then(step, code, ())
    places, taps = arrangement.base.shape
    window = f"Window<{taps}, {arrangement.weights.shape[1]}, {arrangement.step}>"
    arguments = (
        pairs,
        code.rows(constant(name, "taps"), arrangement.base),
        str(places),
        code.array(constant(name, "weights"), "std::int32_t", layer.packed_weights),
        code.array(constant(name, "biases"), layer.bias_lane.cpp, layer.bias),
        result,
    )
    kinds = ", ".join((layer.sums, window, then, target, str(operation.shape[-1])))
    code.calls.append(f"pair_products<{kinds}>({', '.join(arguments)});")


def _linear(graph: Graph, step: Step, operation: ops.Linear, code: Code) -> None:
    source = graph[operation.inputs[0]]
    fraction = operation.format.fraction
    weight = shifted_left(
        operation.weight, fraction - source.format.fraction - operation.weight_format.fraction
    )
    bias = shifted_left(operation.bias, fraction - operation.bias_format.fraction)
    sums = (operation.format.min_word, operation.format.max_word)  # holds every partial sum
    lane, then = _then(step, code, (*sums, *_ends(bias)))
    outputs = operation.shape[-1]
    base = _taps(operation, source.shape)
    places, taps = base.shape
    match operation:
        case ops.Scale() | ops.DepthwiseConvolution():
            function, inner = "products_by_channel", outputs // source.shape[-1]
            ordered = weight.reshape(taps, outputs).T
        case _:
            function, inner = "products", source.shape[-1]
            ordered = weight.reshape(taps * inner, outputs).T
    arguments = (
        variable(source.name),
        code.rows(constant(operation.name, "taps"), base),
        str(places),
        code.array(constant(operation.name, "weights"), lane_for(*_ends(weight)).cpp, ordered),
        code.array(constant(operation.name, "biases"), lane.cpp, bias),
        variable(step.result.name),
    )
    code.calls.append(f"{function}<{lane.cpp}, {then}, {taps}, {inner}, {outputs}>({', '.join(arguments)});")


def _taps(operation: ops.Linear, source: Shape) -> IntArray:
    """(places, taps): where the channels begin that an output reads."""
    if isinstance(operation, ops.Windowed):
        return tables.taps_of(operation, source)
    return tables.indices(source).reshape(-1, source[-1])[:, :1]


def _average(graph: Graph, step: Step, operation: ops.AveragePool, code: Code) -> None:
    source = graph[operation.inputs[0]]
    cells = tables.cells_of(operation, source.shape)
    left = operation.format.fraction - source.format.fraction
    counts = shifted_left((cells != tables.NO_ROW).sum(axis=1), max(0, -left))
    reach = [word << max(0, left) for word in _reach(graph.ranges[source.name], cells)]
    lane, then = _then(step, code, (*reach, *_ends(counts)))
    count, table = cells.shape[1], code.rows(constant(operation.name, "rows"), cells)
    divisors = code.array(constant(operation.name, "counts"), lane.cpp, counts)
    code.calls.append(
        f"means<{lane.cpp}, {then}, {count}, {max(0, left)}, Rounding::{operation.format.rounding}>"
        f"({variable(source.name)}, {table}, {divisors}, {len(cells)}, {variable(step.result.name)});"
    )


def _reach(inputs: Interval, cells: IntArray) -> tuple[int, int]:
    """How far sums over these rows can get on their way, in any order."""
    largest = np.maximum(np.abs(inputs.low), np.abs(inputs.high)).ravel()
    reach = int(np.where(cells == tables.NO_ROW, 0, largest[cells]).sum(axis=1).max())
    return -reach, reach


def _concatenate(graph: Graph, step: Step, operation: ops.Concatenate, code: Code) -> None:
    sources = [graph[name] for name in operation.inputs]
    lane, then = _then(step, code, graph.ranges[operation.name].bounds)
    places = tables.joined([source.shape for source in sources], operation.axis)
    for i, (source, rows) in enumerate(zip(sources, places, strict=True)):
        table = code.rows(constant(operation.name, f"rows_{i}"), rows)
        left = operation.format.fraction - source.format.fraction
        arguments = f"{variable(source.name)}, {table}, {rows.size}, {variable(step.result.name)}"
        code.calls.append(f"placed<{lane.cpp}, {then}, {left}>({arguments});")


def _combined(graph: Graph, step: Step, operation: ops.Add | ops.Subtract | ops.Multiply, code: Code) -> None:
    """Tensors word by word."""
    sources = [graph[name] for name in operation.inputs]
    rows = [
        code.rows(constant(operation.name, f"rows_{i}"), tables.repeated(source.shape, operation.shape))
        for i, source in enumerate(sources)
    ]
    bounds = [graph.ranges[source.name].bounds for source in sources]
    after, count = graph.ranges[operation.name].bounds, words_in(operation.shape)
    if isinstance(operation, ops.Multiply):
        lane, then = _then(step, code, (*after, *(end for ends in bounds for end in ends)))
        factors = ", ".join(
            f"{variable(source.name)}, {table}" for source, table in zip(sources, rows, strict=True)
        )
        code.calls.append(
            f"multiplied<{lane.cpp}, {then}>({factors}, {count}, {variable(step.result.name)});"
        )
        return
    lefts = [operation.format.fraction - source.format.fraction for source in sources]
    reach = sum(max(map(abs, ends)) << left for ends, left in zip(bounds, lefts, strict=True))
    lane, then = _then(step, code, (-reach, reach, *(1 << left for left in lefts)))
    signs = [-1 if i and isinstance(operation, ops.Subtract) else 1 for i in range(len(sources))]
    terms = ", ".join(
        f"term<{lane.cpp}>({variable(source.name)}, {table}, {literal(sign << left)})"
        for source, table, sign, left in zip(sources, rows, signs, lefts, strict=True)
    )
    code.calls.append(f"added<{lane.cpp}, {then}>({count}, {variable(step.result.name)}, {terms});")

"""Operations → trigml's own HLS kernels (``firmware/hls/nnet_utils/nnet_trigml.h``) and their sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trigml.errors import TrigmlError
from trigml.fixedpoint import FixedPoint, IntArray, Interval
from trigml.graph import Graph, Operation
from trigml.graph import operations as ops
from trigml.graph.network import words_in
from trigml.graph.windows import cells_inside

MAX_AXES = 4
"""The kernels' loops go over at most this many axes."""

Constant = tuple[IntArray, FixedPoint]


@dataclass(frozen=True)
class Kernel:
    """One kernel with its sizes.

    Attributes:
        name: its C++ type.
        n_in: words read, per tensor.
        n_out: words written.
        sizes: the other constants of its configuration.
        constants: ``weight`` and ``bias``: words and format.
        word_bits: width of the integers in which it computes; 0 if it needs none.
        is_elementwise: a result needs only the words of one packet (the last axis).
        packet: sizes that differ when it works on one packet at a time.
    """

    name: str
    n_in: tuple[int, ...]
    n_out: int
    sizes: Mapping[str, int | str] = field(default_factory=dict)
    constants: Mapping[str, Constant] = field(default_factory=dict)
    word_bits: int = 0
    is_elementwise: bool = False
    packet: Mapping[str, int | str] = field(default_factory=dict)

    def configuration(self, struct: str, *, packet: int, reuse_factor: int) -> str:
        """The C++ struct that configures it.

        Args:
            struct: its name.
            packet: words of a packet, if data are streamed and the kernel can work on single packets; else 0.
            reuse_factor: initiation interval asked for.
        """
        turns = self.n_out // packet if packet and self.is_elementwise else 1
        sizes = dict(self.sizes) | dict(self.packet if packet and self.is_elementwise else {})
        members: dict[str, int | str] = {"n_in": self.n_in[0] // turns}
        if len(self.n_in) > 1:
            members["n_in2"] = self.n_in[1] // turns
        members |= {"n_out": self.n_out // turns, "n_turns": turns, "reuse_factor": reuse_factor} | sizes
        lines = [f"    static const int {name} = {value};" for name, value in members.items()]
        if self.word_bits:
            lines.append(f"    typedef trigml::integer<{self.word_bits}> word_t;")
        lines.append(f"    typedef trigml::{self.name} kernel;")
        return "\n".join([f"struct {struct} {{", *lines, "};"]) + "\n"


@dataclass(frozen=True)
class Step:
    """A kernel at its place.

    Attributes:
        name: name of the result.
        tensor: the graph's tensor that the result is; empty on the way to one.
        kernel: what computes it.
        inputs: names of what it reads.
        shape: shape of the result.
    """

    name: str
    tensor: str
    kernel: Kernel
    inputs: tuple[str, ...]
    shape: tuple[int, ...]


def kernels_of(graph: Graph, operation: Operation) -> Iterator[Step]:
    """The kernels that compute one operation, in order; the last one yields its tensor."""
    match operation:
        case ops.Concatenate() | ops.Add() | ops.Subtract() | ops.Multiply():
            yield from _of_two(graph, operation)
        case _:
            kernel = _of_one(graph, operation)
            yield Step(operation.name, operation.name, kernel, operation.inputs, operation.shape)


def _of_one(graph: Graph, operation: Operation) -> Kernel:
    (source,) = (graph[name] for name in operation.inputs)
    n_in, n_out = (words_in(source.shape),), words_in(operation.shape)
    match operation:
        case ops.Quantize():
            return Kernel("Assign", n_in, n_out, is_elementwise=True)
        case ops.Reshape():
            return Kernel("Assign", n_in, n_out)
        case ops.LeakyRelu():
            sizes = {"shift": operation.shift, "fraction": operation.format.fraction}
            bits = source.format.width + operation.shift + 1
            return Kernel("LeakyRelu", n_in, n_out, sizes, word_bits=bits, is_elementwise=True)
        case ops.Clip():
            limits = np.array([operation.low, operation.high], dtype=np.int64)
            format_ = Interval(limits, limits).smallest_format(source.format.fraction, signed=True)
            return Kernel("Clip", n_in, n_out, constants={"weight": (limits, format_)}, is_elementwise=True)
        case ops.Table():
            bits = max(source.format.width + 1, 2 + abs(operation.low).bit_length())
            constants = {"weight": (operation.table, operation.format)}
            sizes = {"low": operation.low}
            return Kernel("Table", n_in, n_out, sizes, constants, word_bits=bits + 1, is_elementwise=True)
        case ops.Scale():
            sizes = {"n_chan": source.shape[-1]}
            return Kernel("Scale", n_in, n_out, sizes, _constants(operation), is_elementwise=True)
        case ops.DepthwiseConvolution():
            kernel = operation.weight.shape[:-2]
            window = _window(source.shape, operation.shape, kernel, operation, operation.dilation)
            window["multiplier"] = operation.weight.shape[-1]
            return Kernel("DepthwiseConvolution", n_in, n_out, window, _constants(operation))
        case ops.MaxPool():
            window = _window(source.shape, operation.shape, operation.pool, operation)
            return Kernel("MaxPool", n_in, n_out, window)
        case ops.AveragePool():
            return _average(operation, source)
        case ops.Sum() | ops.Maximum():
            return Kernel(type(operation).__name__, n_in, n_out, _reduced(operation, source.shape))
        case ops.ArgMax():
            return Kernel("ArgMax", n_in, n_out, {"n_last": source.shape[-1]})
        case ops.Permute() | ops.Slice() | ops.ZeroPad():
            return Kernel("Place", n_in, n_out, _places(operation, source.shape))
    raise TrigmlError("an operation without an HLS kernel", found=type(operation).__name__)


def _of_two(graph: Graph, operation: Operation) -> Iterator[Step]:
    """Of more than two tensors: two at a time, in the format of the result."""
    first, *others = operation.inputs
    shape = graph[first].shape
    for number, other in enumerate(others, start=1):
        is_last = number == len(others)
        name = operation.name if is_last else f"{operation.name}+{number}"  # cannot be the name of a tensor
        shapes = (shape, graph[other].shape)
        if isinstance(operation, ops.Concatenate):
            kernel, shape = _joined(operation.axis, *shapes)
        else:
            kernel, shape = _combined(operation, *shapes)
        yield Step(name, operation.name if is_last else "", kernel, (first, other), shape)
        first = name


def _joined(axis: int, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[Kernel, tuple[int, ...]]:
    shape = (*a[:axis], a[axis] + b[axis], *a[axis + 1 :])
    sizes = {"n_outer": words_in(a[:axis]), "block_a": words_in(a[axis:]), "block_b": words_in(b[axis:])}
    along_channels = axis == len(a) - 1
    kernel = Kernel(
        "Concatenate",
        (words_in(a), words_in(b)),
        words_in(shape),
        sizes,
        is_elementwise=along_channels,
        packet={"n_outer": 1} if along_channels else {},
    )
    return kernel, shape


def _combined(operation: Operation, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[Kernel, tuple[int, ...]]:
    shape = tuple(map(int, np.broadcast_shapes(a, b)))
    sizes = _nest(shape) | _steps("a", _broadcast(a, shape)) | _steps("b", _broadcast(b, shape))
    name = {ops.Add: "Plus", ops.Subtract: "Minus", ops.Multiply: "Times"}[type(operation)]
    kernel = Kernel(
        f"Combine<trigml::{name}>",
        (words_in(a), words_in(b)),
        words_in(shape),
        sizes,
        is_elementwise=a == b,
        packet={"size0": 1, "size1": 1, "size2": 1},
    )
    return kernel, shape


def _average(operation: ops.AveragePool, source: Operation) -> Kernel:
    target = operation.format
    left = target.fraction - source.format.fraction
    counts = cells_inside(source.shape[:-1], operation.pool, operation.strides, operation.padding)
    largest = int(counts.max()) << max(source.format.width, 1)
    # sums and divisors, shifted, twice the rest of the division, and a sign
    bits = (largest << max(0, left)).bit_length() + 3
    bits = max(bits, (int(counts.max()) << max(0, -left)).bit_length() + 3)
    window: dict[str, int | str] = dict(_window(source.shape, operation.shape, operation.pool, operation))
    sizes = window | {
        "shift_sum": max(0, left),
        "shift_divisor": max(0, -left),
        "fraction": target.fraction,
        "rounding": f"trigml::{target.rounding.value}",
    }
    return Kernel("AveragePool", (words_in(source.shape),), words_in(operation.shape), sizes, word_bits=bits)


def _window(
    source: Sequence[int],
    result: Sequence[int],
    kernel: Sequence[int],
    operation: ops.DepthwiseConvolution | ops.MaxPool | ops.AveragePool,
    dilation: Sequence[int] | None = None,
) -> dict[str, int]:
    """Sizes of a window; with one spatial axis the image has one row."""

    def pair(values: Sequence[int]) -> tuple[int, int]:
        return (1, values[0]) if len(values) == 1 else (values[0], values[1])

    before = [padding[0] for padding in operation.padding]
    sizes: dict[str, int] = {}
    for what, (height, width) in {
        "in": pair(source[:-1]),
        "out": pair(result[:-1]),
        "filt": pair(kernel),
        "stride": pair(operation.strides),
        "dilation": pair(dilation or [1] * len(kernel)),
    }.items():
        sizes |= {f"{what}_height": height, f"{what}_width": width}
    top, left = (0, before[0]) if len(before) == 1 else (before[0], before[1])
    return sizes | {"n_chan": source[-1], "pad_top": top, "pad_left": left}


def _constants(operation: ops.Linear) -> dict[str, Constant]:
    return {
        "weight": (operation.weight, operation.weight_format),
        "bias": (operation.bias, operation.bias_format),
    }


def _reduced(operation: ops.Sum | ops.Maximum, source: tuple[int, ...]) -> dict[str, int]:
    kept = tuple(1 if axis in operation.axes else n for axis, n in enumerate(source))
    return _nest(source) | _steps("to", _broadcast(kept, source))


def _places(operation: ops.Permute | ops.Slice | ops.ZeroPad, source: tuple[int, ...]) -> dict[str, int]:
    """Which words are read, and where they go."""
    read, write = _strides(source), _strides(operation.shape)
    moved, begin_from, begin_to = source, 0, 0
    match operation:
        case ops.Permute():
            write = [write[operation.axes.index(axis)] for axis in range(len(source))]
        case ops.Slice():
            moved = operation.shape
            begin_from = sum(begin * step for begin, step in zip(operation.begin, read, strict=True))
        case ops.ZeroPad():
            padded = zip(operation.padding, write, strict=False)  # all axes but the last one
            begin_to = sum(before * step for (before, _), step in padded)
    begins = {"begin_from": begin_from, "begin_to": begin_to}
    return _nest(moved) | _steps("from", read) | _steps("to", write) | begins


def _strides(shape: Sequence[int]) -> list[int]:
    return [words_in(shape[axis + 1 :]) for axis in range(len(shape))]


def _broadcast(shape: Sequence[int], target: Sequence[int]) -> list[int]:
    """Steps in a tensor of ``shape`` per axis of ``target``; 0 where an axis is repeated."""
    steps = [0 if n == 1 else step for n, step in zip(shape, _strides(shape), strict=True)]
    return [0] * (len(target) - len(shape)) + steps


def _nest(shape: Sequence[int]) -> dict[str, int]:
    """Sizes of the kernels' loops, the last axis innermost."""
    sizes = [1] * (MAX_AXES - len(shape)) + list(shape)
    return {f"size{axis}": n for axis, n in enumerate(sizes)}


def _steps(what: str, steps: Sequence[int]) -> dict[str, int]:
    padded = [0] * (MAX_AXES - len(steps)) + list(steps)
    return {f"{what}{axis}": step for axis, step in enumerate(padded)}

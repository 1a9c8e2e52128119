"""A hypothesis strategy for networks: any operation of the graph, in any order, through ``GraphBuilder``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.graph import Constants, Graph, GraphBuilder
from trigml.graph import operations as ops
from trigml.graph.windows import cells_inside

LARGEST = 120
"""Words of the largest tensor: the exact reference computes each one in Python."""
WIDEST = 22
"""Bits up to which a tensor is read as it is; a wider one is quantised first."""

_TINY = ((3,), (1, 3), (3, 1), (1, 1, 3), (2, 1, 1), (1, 2, 1), (2, 1), (1, 2))

KINDS: tuple[type[ops.Operation], ...] = ops.KINDS[1:]


@st.composite
def formats(draw: st.DrawFn, widest: int = 10) -> FixedPoint:
    """Any format with any modes, but for the one that has no meaning (symmetric, signed, one bit)."""
    width = draw(st.integers(1, widest))
    signed, overflow = draw(st.booleans()), draw(st.sampled_from(Overflow))
    assume(not (signed and width == 1 and overflow is Overflow.SAT_SYM))
    return FixedPoint(
        signed, width, draw(st.integers(-2, width + 2)), draw(st.sampled_from(Rounding)), overflow
    )


@st.composite
def constants(draw: st.DrawFn, shape: Sequence[int], widest: int = 7) -> Constants:
    """Weights; now and then all of them at an end of the range."""
    format_ = draw(formats(widest)).exact()
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    ends = draw(st.integers(0, 4)) == 0
    if ends:
        words = random.choice([format_.min_word, format_.max_word], size=shape).astype(np.int64)
    else:
        words = random.integers(format_.min_word, format_.max_word + 1, shape)
    return Constants(words, format_)


@st.composite
def graphs(
    draw: st.DrawFn,
    *,
    kinds: Sequence[type[ops.Operation]] = KINDS,
    last: type[ops.Operation] | None = None,
    most: int = 6,
    tiny: bool = False,
) -> Graph:
    """A checked graph with one to three inputs and outputs.

    Args:
        draw: given by hypothesis.
        kinds: operations to choose from (a quantiser may stand between them: widths have an end).
        last: kind of the last operation, which is an output.
        most: operations at most, quantisers in between not counted.
        tiny: inputs of 2 bits, at most 6 words together, so that every input can be tried.
    """
    builder = GraphBuilder("network")
    two_needed = tiny and last in (ops.Subtract, ops.Multiply)
    for number in range(2 if two_needed else draw(st.integers(1, 2 if tiny else 3))):
        shape = tuple(
            draw(st.sampled_from(_TINY) if tiny else st.lists(st.integers(1, 4), min_size=1, max_size=3))
        )
        modes = draw(st.sampled_from([Overflow.SAT, Overflow.SAT_SYM]))
        width = 2 if tiny else draw(st.integers(2, 8))
        format_ = FixedPoint(
            draw(st.booleans()), width, draw(st.integers(-1, width + 1)), Rounding.RND_CONV, modes
        )
        builder.input(f"in_{number}", shape, InputContract.plain(f"x{number}", math.prod(shape), format_))
    chosen = draw(st.lists(st.sampled_from(kinds), max_size=most))
    for number, kind in enumerate([*chosen, last] if last else chosen):
        if kind is not None:
            name = _appended(draw, builder, kind, f"{kind.__name__.lower()}_{number}")
            assume(name is not None or kind is not last)
    names = list(builder.operations)
    outputs = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    outputs = [*(name for name in outputs if name != names[-1]), names[-1]]
    return builder.finish(outputs)


def _appended(draw: st.DrawFn, builder: GraphBuilder, kind: type[ops.Operation], name: str) -> str | None:
    """Append an operation of this kind; None if no tensor can be its source."""
    wanted = _RANKS.get(kind, (1, 2, 3))
    sources = [o.name for o in builder.operations.values() if len(o.shape) in wanted]
    if not sources:
        return None
    source = draw(st.sampled_from(sources[-3:]))
    if builder[source].format.width > WIDEST:
        source = builder.quantize(f"{name}_narrow", source, draw(formats()))
    try:
        appended = _MAKERS[kind](draw, builder, name, source)
    except BadInput as error:
        # More than 53 bits, or fractions too far apart: refused, and rightly. Anything else is a fault.
        if "bits" not in str(error) and "do not fit one sum" not in str(error):
            raise
        assume(False)
        raise
    return appended


def _windows(draw: st.DrawFn, shape: Sequence[int], *, dilated: bool) -> dict[str, Any]:
    """Kernel, strides, padding (and dilation) that fit a tensor."""
    kernel, padding, dilation, strides = [], [], [], []
    for n in shape[:-1]:
        k = draw(st.integers(1, 3))
        d = draw(st.integers(1, 2)) if dilated else 1
        reach = d * (k - 1) + 1
        most = 2 if dilated else k - 1
        before, after = draw(st.integers(0, most)), draw(st.integers(0, most))
        if n + before + after < reach:  # the window has to fit
            k, d = 1, 1
            if not dilated:
                before, after = 0, 0
        kernel.append(k)
        dilation.append(d)
        padding.append((before, after))
        strides.append(draw(st.integers(1, 3)))
    chosen: dict[str, Any] = {"kernel": kernel, "strides": strides, "padding": tuple(padding)}
    return chosen | ({"dilation": dilation} if dilated else {})


def _bias(draw: st.DrawFn, count: int) -> Constants | None:
    return draw(st.none() | constants((count,)))


def _dense(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    n_out = draw(st.integers(1, 4))
    weight = draw(constants((builder[source].shape[-1], n_out)))
    return builder.dense(name, source, weight, _bias(draw, n_out))


def _scale(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    channels = builder[source].shape[-1]
    return builder.scale(name, source, draw(constants((channels,))), _bias(draw, channels))


def _convolution(*, depthwise: bool) -> Callable[..., str]:
    def made(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
        shape = builder[source].shape
        window = _windows(draw, shape, dilated=True)
        m = draw(st.integers(1, 3))
        weight = draw(constants((*window.pop("kernel"), shape[-1], m)))
        bias = _bias(draw, shape[-1] * m if depthwise else m)
        return builder.convolution(name, source, weight, bias, depthwise=depthwise, **window)

    return made


def _clip(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    low, high = builder.ranges[source].bounds
    ends = draw(st.tuples(*[st.integers(low - 2, high + 2)] * 2))
    return builder.clip(name, source, min(ends), max(ends))


def _table(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    low, high = builder.ranges[source].bounds
    if high - low > 300:
        source = builder.quantize(f"{name}_index", source, draw(formats(8)))
        low, high = builder.ranges[source].bounds
    low, high = low - draw(st.integers(0, 3)), high + draw(st.integers(0, 3))
    entries = draw(constants((high - low + 1,), widest=12))
    return builder.table(name, source, low, entries.words, entries.format)


def _max_pool(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    window = _windows(draw, builder[source].shape, dilated=False)
    return builder.max_pool(name, source, window.pop("kernel"), **window)


def _average_pool(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    window = _windows(draw, builder[source].shape, dilated=False)
    kernel = window.pop("kernel")
    counts = cells_inside(builder[source].shape[:-1], kernel, window["strides"], window["padding"])
    exact = all(int(count).bit_count() == 1 for count in counts.ravel()) and draw(st.booleans())
    format_ = None if exact else draw(formats())
    return builder.average_pool(name, source, kernel, format_=format_, **window)


def _reduce(method: str) -> Callable[..., str]:
    def made(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
        axes = draw(st.lists(st.sampled_from(range(len(builder[source].shape))), min_size=1, unique=True))
        reduced: str = getattr(builder, method)(name, source, axes, keep_axes=draw(st.booleans()))
        return reduced

    return made


def _reshape(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    count = math.prod(builder[source].shape)
    first = draw(st.sampled_from([n for n in range(1, count + 1) if count % n == 0]))
    rest = count // first
    second = draw(st.sampled_from([n for n in range(1, rest + 1) if rest % n == 0]))
    shapes = [(count,), (first, rest), (first, second, rest // second)]
    return builder.reshape(name, source, draw(st.sampled_from(shapes)))


def _permute(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    return builder.permute(name, source, draw(st.permutations(range(len(builder[source].shape)))))


def _slice(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    ends = [sorted(draw(st.tuples(*[st.integers(0, n - 1)] * 2))) for n in builder[source].shape]
    return builder.slice(name, source, [low for low, _ in ends], tuple(high + 1 - low for low, high in ends))


def _zero_pad(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    shape = builder[source].shape
    most = 2 if math.prod(shape) * 9 < LARGEST else 1 if math.prod(shape) * 4 < LARGEST else 0
    pairs = [draw(st.tuples(st.integers(0, most), st.integers(0, most))) for _ in shape[:-1]]
    return builder.zero_pad(name, source, tuple(pairs))


def _concatenate(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
    shape = builder[source].shape
    axis = draw(st.sampled_from(range(len(shape))))
    size = math.prod(shape)
    partners = [
        o.name
        for o in builder.operations.values()
        if len(o.shape) == len(shape)
        and all(a == b for i, (a, b) in enumerate(zip(o.shape, shape, strict=True)) if i != axis)
        and math.prod(o.shape) + size < LARGEST
    ]
    others = draw(st.lists(st.sampled_from(partners or [source]), min_size=1, max_size=2))
    return builder.concatenate(name, draw(st.permutations([source, *others])), axis)


def _combined(method: str, most: int) -> Callable[..., str]:
    def made(draw: st.DrawFn, builder: GraphBuilder, name: str, source: str) -> str:
        shape = builder[source].shape
        partners = [
            o.name
            for o in builder.operations.values()
            if _together(o.shape, shape) is not None and o.format.width <= WIDEST
        ]
        sources = [source]
        for _ in range(draw(st.integers(1, most - 1))):
            other = draw(st.sampled_from(partners or [source]))
            if (joint := _together(shape, builder[other].shape)) is not None:
                sources.append(other)
                shape = joint
        if len(sources) == 1:
            sources.append(source)
        combined: str = getattr(builder, method)(name, draw(st.permutations(sources)))
        return combined

    return made


def _together(one: Sequence[int], other: Sequence[int]) -> tuple[int, ...] | None:
    try:
        shape = tuple(map(int, np.broadcast_shapes(tuple(one), tuple(other))))
    except ValueError:
        return None
    return shape if math.prod(shape) <= LARGEST else None


_RANKS: dict[type[ops.Operation], tuple[int, ...]] = {
    ops.Convolution: (2, 3),
    ops.DepthwiseConvolution: (2, 3),
    ops.MaxPool: (2, 3),
    ops.AveragePool: (2, 3),
}

_MAKERS: dict[type[ops.Operation], Callable[..., str]] = {
    ops.Dense: _dense,
    ops.Scale: _scale,
    ops.Convolution: _convolution(depthwise=False),
    ops.DepthwiseConvolution: _convolution(depthwise=True),
    ops.Relu: lambda draw, builder, name, source: builder.relu(name, source),
    ops.LeakyRelu: lambda draw, builder, name, source: builder.leaky_relu(
        name, source, draw(st.integers(0, 4))
    ),
    ops.Clip: _clip,
    ops.Quantize: lambda draw, builder, name, source: builder.quantize(name, source, draw(formats())),
    ops.Table: _table,
    ops.MaxPool: _max_pool,
    ops.AveragePool: _average_pool,
    ops.Sum: _reduce("sum"),
    ops.Maximum: _reduce("maximum"),
    ops.ArgMax: lambda draw, builder, name, source: builder.argmax(name, source),
    ops.Reshape: _reshape,
    ops.Permute: _permute,
    ops.Slice: _slice,
    ops.ZeroPad: _zero_pad,
    ops.Concatenate: _concatenate,
    ops.Add: _combined("add", 3),
    ops.Subtract: _combined("subtract", 2),
    ops.Multiply: _combined("multiply", 2),
}


def every_operation() -> Graph:
    """One network with each operation, two inputs and three outputs."""
    builder = GraphBuilder("everything")
    format_ = FixedPoint.parse("ap_fixed<5,2,RND_CONV,SAT>")
    image = builder.input("image", (4, 4, 2), InputContract.plain("pixel", 32, format_))
    features = builder.input("features", (4,), InputContract.plain("feature", 4, format_))
    random = np.random.default_rng(1)

    def constants_of(*shape: int, format_: str = "ap_fixed<4,1>") -> Constants:
        parsed = FixedPoint.parse(format_)
        return Constants(random.integers(parsed.min_word, parsed.max_word + 1, shape), parsed)

    window = {"strides": (1, 1), "padding": ((1, 0), (0, 1))}
    conv = builder.convolution("conv", image, constants_of(2, 2, 2, 3), constants_of(3), **window)
    leaky = builder.leaky_relu("leaky", conv, 2)
    narrow = builder.quantize("narrow", leaky, FixedPoint.parse("ap_fixed<6,3,RND,SAT_SYM>"))
    depth = builder.convolution("depth", narrow, constants_of(2, 2, 3, 2), depthwise=True, **window)
    table = builder.table(
        "table",
        builder.quantize("index", depth, FixedPoint.parse("ap_fixed<5,4,TRN,WRAP>")),
        -16,
        random.integers(-100, 100, 32),
        FixedPoint.parse("ap_fixed<8,2>"),
    )
    pool = builder.max_pool("pool", table, (2, 2), strides=(2, 2), padding=((0, 0), (0, 0)))
    mean = builder.average_pool(
        "mean", pool, (2, 1), strides=(1, 1), padding=((1, 0), (0, 0)), format_=FixedPoint.parse("fixed<7,2>")
    )
    padded = builder.zero_pad("padded", mean, ((0, 1), (1, 0)))
    turned = builder.permute("turned", padded, (1, 0, 2))
    flat = builder.slice("cut", builder.reshape("flat", turned, (9, 6)), (2, 0), (7, 6))
    summed = builder.sum("summed", flat, (0,))
    dense = builder.dense("dense", summed, constants_of(6, 4), constants_of(4))
    relu = builder.relu("relu", dense)
    small = builder.quantize("small", relu, FixedPoint.parse("ap_ufixed<6,3,RND_CONV,SAT>"))
    scaled = builder.scale("scaled", small, constants_of(4), constants_of(4))
    clipped = builder.clip("clipped", scaled, -40, 90)
    product = builder.multiply("product", [clipped, features])
    total = builder.add("total", [product, features, small])
    rest = builder.subtract("rest", [total, features])
    joined = builder.concatenate("joined", [rest, small], 0)
    best = builder.maximum("best", flat, (1,), keep_axes=True)
    graph = builder.finish([joined, best, builder.argmax("choice", joined)])
    assert {type(operation) for operation in graph.operations} == set(ops.KINDS)
    return graph


def random_input_words(graph: Graph, count: int, seed: int = 0) -> np.ndarray:
    """Words of each input's own format, each one equally likely; the first rows are its ends."""
    random = np.random.default_rng(seed)
    columns = []
    for operation in graph.inputs:
        low, high = operation.format.min_word, operation.format.max_word
        words = random.integers(low, high + 1, (count, math.prod(operation.shape)))
        words[:1], words[1:2] = low, high
        columns.append(words)
    return np.concatenate(columns, axis=1)


def all_input_words(graph: Graph) -> np.ndarray:
    """Every possible input of a tiny network."""
    words = [
        range(o.format.min_word, o.format.max_word + 1)
        for o in graph.inputs
        for _ in range(math.prod(o.shape))
    ]
    return np.array(list(itertools.product(*words)), dtype=np.int64)


def described(graph: Graph) -> str:
    """The graph in lines, for the message of a failing example."""
    return "\n".join(
        f"{type(o).__name__} {o.name}{o.inputs} -> {o.shape} {o.format}"
        + "".join(
            f" {key}={value if not isinstance(value, np.ndarray) else value.tolist()}"
            for key, value in vars(o).items()
            if key not in ("name", "inputs", "shape", "format")
        )
        for o in graph.operations
    )

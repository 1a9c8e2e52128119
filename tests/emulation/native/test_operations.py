"""Each operation of the native emulator against the NumPy emulator, every tensor, word by word.

Many operations share one graph, so that few compilations are needed: ``Emulator.tensors`` gives all words.
"""

from itertools import product

import numpy as np
import pytest

from trigml.contract import InputContract
from trigml.emulation.native import Emulator
from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.graph import Constants, Graph, GraphBuilder

RANDOM = np.random.default_rng(11)
SPREADS = ("ap_fixed<6,3,RND_CONV,SAT>", "ap_fixed<12,4,RND_CONV,SAT>", "ap_ufixed<7,2,RND_CONV,SAT>")


def contract_of(count: int, format_: str, name: str = "x") -> InputContract:
    return InputContract.plain(name, count, FixedPoint.parse(format_))


def constants(shape: tuple[int, ...] | int, format_: str) -> Constants:
    parsed = FixedPoint.parse(format_)
    words = RANDOM.integers(parsed.min_word, parsed.max_word + 1, shape)
    return Constants(np.where(RANDOM.random(shape) < 0.2, 0, words), parsed)


def words_of(graph: Graph, count: int) -> np.ndarray:
    """Random words, ends of the range and words next to zero."""
    columns = []
    for operation in graph.inputs:
        low, high = operation.format.min_word, operation.format.max_word
        shape = (count, int(np.prod(operation.shape)))
        words = RANDOM.integers(low, high + 1, shape)
        near = np.clip(RANDOM.integers(-3, 4, shape), low, high)
        ends = RANDOM.choice([low, high, max(low, -1)], shape)
        pick = RANDOM.random(shape)
        columns.append(np.where(pick < 0.6, words, np.where(pick < 0.8, near, ends)))
    return np.concatenate(columns, axis=1).astype(np.int64)


def assert_same(graph: Graph, count: int = 70) -> None:
    """All tensors, with everything kept and with what is fused when only the outputs are."""
    words = words_of(graph, count)
    expected = emulate_tensors(graph, words)
    found = Emulator(graph, threads=1, optimise=False).tensors(words)
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor, err_msg=f"{graph[name]}")
    if set(graph.outputs) | {operation.name for operation in graph.inputs} < set(expected):
        fused = Emulator(graph, threads=1, optimise=False).predict_words(words)
        np.testing.assert_array_equal(fused, emulate(graph, words))


def quantisers_behind(builder: GraphBuilder, source: str, fractions: list[int]) -> list[str]:
    """Every rounding and overflow in some widths and signs, with the given distances of the LSB."""
    names = []
    cases = product(Rounding, Overflow, (True, False), fractions)
    for number, (rounding, overflow, signed, fraction) in enumerate(cases):
        width = (3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 52)[number % 11]  # meets all modes and distances
        target = FixedPoint(signed, width, width - fraction, rounding, overflow)
        names.append(builder.quantize(f"{source}_q{number}", source, target))
    return names


@pytest.mark.parametrize(
    ("format_", "shifts"),
    [("ap_fixed<12,4,RND_CONV,SAT>", (-3, 1, 7)), ("ap_ufixed<24,2,RND_CONV,SAT>", (-40, 0, 13))],
)
def test_quantisers(format_: str, shifts: tuple[int, ...]) -> None:
    """Protects every rounding with every overflow, at the widths where the lane types end."""
    builder = GraphBuilder("quantisers")
    x = builder.input("x", (3,), contract_of(3, format_))
    fraction = FixedPoint.parse(format_).fraction
    names = quantisers_behind(builder, x, [fraction - shift for shift in shifts])
    assert_same(builder.finish(names))


def test_quantisers_of_wide_words() -> None:
    """Protects sums of 53 bits, and rounding in the 64-bit lanes."""
    builder = GraphBuilder("wide")
    x = builder.input("x", (4,), contract_of(4, "ap_fixed<24,24,RND_CONV,SAT>"))
    wide = builder.dense("wide", x, constants((4, 3), "ap_fixed<28,28>"), constants(3, "ap_fixed<20,20>"))
    assert builder[wide].format.width in (52, 53)
    names = [wide, *quantisers_behind(builder, wide, [-31, -62, 9])]
    assert_same(builder.finish(names))


@pytest.mark.parametrize("spread", SPREADS)
def test_single_words(spread: str) -> None:
    """Protects ReLU, slopes, clips and tables, alone and in chains that are fused."""
    builder = GraphBuilder("words")
    x = builder.input("x", (5,), contract_of(5, spread))
    low, high = builder.ranges[x].bounds
    names = [builder.relu("relu", x), builder.leaky_relu("leaky", x, 3), builder.leaky_relu("far", x, 30)]
    names += [builder.clip("clip", x, low // 2, high // 3), builder.clip("one", x, 1, 1)]
    table = RANDOM.integers(-(1 << 40), 1 << 40, high - low + 5)
    names.append(builder.table("entries", x, low - 2, table, FixedPoint(True, 42, 3)))
    small = builder.table("few", x, low, RANDOM.integers(0, 9, high - low + 1), FixedPoint(False, 4, 4))
    names.append(builder.quantize("few_q", small, FixedPoint.parse("ap_fixed<3,3,RND,SAT_SYM>")))
    last = builder.dense("dense", x, constants((5, 6), "ap_fixed<5,1>"), constants(6, "ap_fixed<9,1>"))
    last = builder.relu("chain_1", builder.leaky_relu("chain_0", last, 2))
    last = builder.quantize("chain_2", last, FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>"))
    names.append(builder.clip("chain_3", last, 1, 50))
    assert_same(builder.finish(names))


@pytest.mark.parametrize("spread", SPREADS)
def test_places(spread: str) -> None:
    """Protects moves, joins, sums, maxima and arithmetic of tensors of several axes."""
    builder = GraphBuilder("places")
    x = builder.input("x", (3, 4, 2), contract_of(24, spread, "x"))
    z = builder.input("z", (4, 1), contract_of(4, "ap_fixed<9,2,RND_CONV,SAT>", "z"))
    names = [
        builder.permute("permute", x, (2, 0, 1)),
        builder.zero_pad("pad", x, ((1, 0), (0, 2))),
        builder.concatenate("join_last", [x, x, x], 2),
        builder.reshape("flat", x, (24,)),
        builder.sum("sum_0", x, (0,)),
        builder.sum("sum_12", x, (1, 2), keep_axes=True),
        builder.sum("sum_all", x, (0, 1, 2)),
        builder.maximum("max_1", x, (1,)),
        builder.maximum("max_02", x, (0, 2), keep_axes=True),
        builder.argmax("argmax", x),
        builder.argmax("argmax_flat", "flat"),
        builder.add("add", [x, z, x]),
        builder.subtract("subtract", [x, z]),
        builder.subtract("subtract_back", [z, x]),
        builder.multiply("multiply", [x, z]),
        builder.multiply("square", [x, x]),
        builder.multiply("fourth", ["square", "square"]),
    ]
    finer = builder.quantize("finer", x, FixedPoint.parse("ap_fixed<20,6,RND,SAT>"))
    names.append(builder.concatenate("join_aligned", [x, finer], 0))
    names.append(
        builder.quantize(
            "added", builder.add("to_add", [x, finer]), FixedPoint.parse("ap_fixed<6,3,RND,WRAP>")
        )
    )
    names.append(builder.relu("joined", builder.concatenate("to_join", [finer, x], 1)))
    names.append(
        builder.quantize(
            "summed", builder.sum("to_sum", finer, (0,)), FixedPoint.parse("ap_fixed<5,3,RND_INF,SAT>")
        )
    )
    assert_same(builder.finish(names))


@pytest.mark.parametrize("spread", SPREADS)
def test_windows(spread: str) -> None:
    """Protects convolutions and pools: strides, padding, dilation, channels, one and two axes."""
    builder = GraphBuilder("windows")
    line = builder.input("line", (9, 3), contract_of(27, spread, "line"))
    image = builder.input("image", (6, 5, 2), contract_of(60, spread, "image"))
    names = [
        builder.convolution(
            "line_same",
            line,
            constants((3, 3, 4), "ap_fixed<5,1>"),
            constants(4, "ap_fixed<6,2>"),
            strides=(1,),
            padding=((1, 1),),
        ),
        builder.convolution(
            "line_far",
            line,
            constants((2, 3, 1), "ap_fixed<9,1>"),
            strides=(2,),
            padding=((0, 3),),
            dilation=(3,),
        ),
        builder.convolution(
            "image_valid",
            image,
            constants((3, 2, 2, 5), "ap_fixed<6,1>"),
            constants(5, "ap_fixed<12,1>"),
            strides=(1, 1),
            padding=((0, 0), (0, 0)),
        ),
        builder.convolution(
            "image_odd",
            image,
            constants((2, 3, 2, 3), "ap_fixed<6,1>"),
            strides=(2, 1),
            padding=((1, 0), (2, 1)),
            dilation=(2, 1),
        ),
        builder.convolution(
            "point", image, constants((1, 1, 2, 6), "ap_fixed<6,1>"), strides=(2, 2), padding=((0, 0), (0, 0))
        ),
        builder.convolution(
            "each",
            image,
            constants((3, 3, 2, 1), "ap_fixed<6,1>"),
            constants(2, "ap_fixed<6,1>"),
            strides=(1, 1),
            padding=((1, 1), (1, 1)),
            depthwise=True,
        ),
        builder.convolution(
            "each_twice",
            line,
            constants((2, 3, 2), "ap_fixed<6,1>"),
            constants(6, "ap_fixed<6,1>"),
            strides=(3,),
            padding=((1, 0),),
            depthwise=True,
        ),
        builder.dense("pointwise", image, constants((2, 3), "ap_fixed<4,1>"), constants(3, "ap_fixed<7,2>")),
        builder.scale("scale", image, constants(2, "ap_fixed<11,2>"), constants(2, "ap_fixed<13,2>")),
        builder.max_pool("largest", image, (2, 2), strides=(2, 2), padding=((0, 0), (0, 0))),
        builder.max_pool("largest_padded", image, (3, 2), strides=(1, 2), padding=((2, 1), (1, 1))),
        builder.max_pool("largest_line", line, (4,), strides=(3,), padding=((3, 0),)),
        builder.average_pool("mean", image, (2, 2), strides=(2, 2), padding=((0, 0), (0, 0))),
    ]
    for number, (rounding, overflow) in enumerate(product(Rounding, Overflow)):
        fraction = (6, 3, 1, 9, 20, -2)[number % 6]
        target = FixedPoint(number % 2 == 0, 8, 8 - fraction, rounding, overflow)
        names.append(
            builder.average_pool(
                f"mean_{number}", image, (3, 3), strides=(1, 2), padding=((1, 1), (2, 0)), format_=target
            )
        )
    assert_same(builder.finish(names), 40)

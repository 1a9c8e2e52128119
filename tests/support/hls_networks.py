"""Small networks that together hold every operation, for the HLS backends: few compilations, many layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trigml.contract import InputContract, InputFeature
from trigml.fixedpoint import FixedPoint, IntArray, Overflow, Rounding
from trigml.graph import Constants, Graph, GraphBuilder

WORDS = FixedPoint.parse("ap_fixed<6,3,RND_CONV,SAT>")
POSITIVE = FixedPoint.parse("ap_ufixed<5,2,RND_CONV,SAT>")


class Drawing:
    """Random constants of one network."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def words(self, *shape: int, format_: str = "ap_fixed<5,1>") -> Constants:
        """Weights of a shape, each word equally likely."""
        format_of = FixedPoint.parse(format_)
        words = self._random.integers(format_of.min_word, format_of.max_word + 1, shape)
        return Constants(words, format_of)

    def table(self, entries: int, format_: FixedPoint) -> IntArray:
        """Entries of a table."""
        return self._random.integers(format_.min_word, format_.max_word + 1, entries)


def port(builder: GraphBuilder, name: str, shape: tuple[int, ...], format_: FixedPoint = WORDS) -> str:
    """An input."""
    offset = InputContract.on_grid(1.0, 0, format_)
    features = tuple(InputFeature(f"{name}{i}", "", offset, 0) for i in range(int(np.prod(shape))))
    return builder.input(name, shape, InputContract(features, format_))


def image() -> Graph:
    """Branches of an image: convolutions, pools, scaling, reductions, a tensor read inside and outside."""
    d, b = Drawing(1), GraphBuilder("network")
    x = port(b, "img", (6, 5, 2))
    pads = ((1, 1), (0, 1))
    conv = b.convolution("conv", x, d.words(3, 2, 2, 3), d.words(3), strides=(1, 2), padding=pads)
    relu = b.quantize("relu_q", b.relu("relu", conv), POSITIVE)
    dilated = b.convolution(
        "dilated", x, d.words(2, 3, 2, 2), strides=(1, 1), padding=((0, 0), (1, 1)), dilation=(2, 1)
    )
    depthwise = b.convolution(
        "depthwise", relu, d.words(2, 2, 3, 2), d.words(6), strides=(2, 1), padding=((0, 1), (1, 0)),
        depthwise=True,
    )  # fmt: skip
    places = b.dense("places", relu, d.words(3, 4), d.words(4))
    largest = b.max_pool("largest", conv, (2, 2), strides=(2, 1), padding=pads)
    mean = b.average_pool("mean", x, (3, 2), strides=(2, 2), padding=pads, format_=WORDS)
    scaled = b.scale("scaled", relu, d.words(3), d.words(3))
    padded = b.zero_pad("padded", largest, ((1, 0), (2, 1)))
    permuted = b.permute("permuted", relu, (2, 0, 1))
    block = b.slice("block", padded, (1, 2, 1), (2, 3, 2))
    total = b.sum("total", places, (0, 1))
    top = b.maximum("top", dilated, (0, 1), keep_axes=True)
    everywhere = b.sum("everywhere", scaled, (0, 1), keep_axes=True)
    three = b.add("three", [relu, scaled, everywhere])
    flat = b.reshape("flat", depthwise, (int(np.prod(b[depthwise].shape)),))
    outputs = [dilated, depthwise, places, largest, mean, scaled, padded, permuted, block, total, top, three]
    outputs.append(flat)
    return b.finish([*outputs, b.argmax("best", flat), b.argmax("bests", permuted), relu])


def vectors() -> Graph:
    """Two inputs: features and a sequence; dense layers, activations, tables, products, concatenations."""
    d, b = Drawing(2), GraphBuilder("network")
    x = port(b, "a", (6,), FixedPoint.parse("ap_fixed<8,3,RND_CONV,SAT>"))
    y = port(b, "b", (4, 3), FixedPoint.parse("ap_fixed<6,4,RND_CONV,SAT>"))
    hidden = b.dense("hidden", x, d.words(6, 8), d.words(8))
    leaky, clipped = b.leaky_relu("leaky", hidden, 3), b.clip("clipped", hidden, -20, 100)
    narrow = b.quantize("narrow", hidden, WORDS)
    entries = FixedPoint.parse("ap_ufixed<8,0>")
    table = b.table("table", narrow, -32, d.table(64, entries), entries)
    places = b.dense("places", y, d.words(3, 5), d.words(5))
    conv = b.convolution("conv", y, d.words(3, 3, 4), d.words(4), strides=(1,), padding=((1, 1),))
    product = b.multiply("product", [table, clipped])
    difference = b.subtract("difference", [table, leaky])
    joined = b.concatenate("joined", [narrow, table, clipped], 0)
    channels = b.concatenate("channels", [places, conv], 1)
    again = b.quantize("again", narrow, WORDS)  # nothing changes: hls4ml would drop an Activation here
    doubled = b.add("doubled", [hidden, hidden])
    outputs = [leaky, clipped, table, places, conv, product, difference, joined, channels, again, doubled]
    return b.finish([*outputs, x])


def modes() -> Graph:
    """Every rounding with every overflow in quantisers; means that round and wrap."""
    d, b = Drawing(3), GraphBuilder("network")
    x = port(b, "a", (5,), FixedPoint.parse("ap_fixed<9,3,RND_CONV,SAT>"))
    row = b.reshape("row", x, (5, 1))
    outputs = [row]
    for rounding in Rounding:
        for overflow in Overflow:
            signed = FixedPoint(True, 5, 3, rounding, overflow)
            outputs.append(b.quantize(f"s_{rounding}_{overflow}", x, signed))
            outputs.append(
                b.quantize(f"u_{rounding}_{overflow}", x, FixedPoint(False, 5, 3, rounding, overflow))
            )
        fine = FixedPoint(True, 6, 2, rounding, Overflow.SAT)
        wrap = FixedPoint(True, 4, 3, rounding, Overflow.WRAP)
        outputs += [
            b.average_pool(f"mean_{rounding}", row, (3,), strides=(2,), padding=((0, 0),), format_=fine),
            b.average_pool(f"wrap_{rounding}", row, (3,), strides=(1,), padding=((1, 1),), format_=wrap),
        ]
    coarse = FixedPoint.parse("ap_fixed<3,5,RND_CONV,SAT>")
    outputs.append(b.average_pool("coarse", row, (5,), strides=(1,), padding=((0, 0),), format_=coarse))
    outputs.append(b.quantize("finer", x, FixedPoint.parse("ap_fixed<20,4>")))
    tiny = b.quantize("tiny", x, FixedPoint.parse("ap_ufixed<3,-2,RND,WRAP>"))
    large, small = d.words(5, format_="ap_fixed<3,9>"), d.words(5, format_="ap_fixed<9,-4>")
    outputs.append(b.scale("far_points", tiny, large, small))
    return b.finish(outputs)


def tagger() -> Graph:
    """A small image network, as triggers have them: convolutions, a residual, pools, dense layers."""
    d, b = Drawing(4), GraphBuilder("network")
    x = port(b, "img", (7, 7, 1))
    zero, one = ((0, 0), (0, 0)), ((1, 1), (1, 1))
    first = b.convolution("first", x, d.words(3, 3, 1, 4), d.words(4), strides=(1, 1), padding=one)
    first = b.quantize("first_q", b.relu("first_r", first), POSITIVE)
    second = b.convolution("second", first, d.words(3, 3, 4, 4), strides=(1, 1), padding=one)
    second = b.quantize("second_q", second, WORDS)
    merged = b.quantize("merged_q", b.relu("merged_r", b.add("merged", [first, second])), POSITIVE)
    pooled = b.max_pool("pooled", merged, (2, 2), strides=(2, 2), padding=zero)
    strided = b.convolution("strided", pooled, d.words(2, 2, 4, 3), d.words(3), strides=(2, 1), padding=zero)
    flat = b.reshape("flat", strided, (int(np.prod(b[strided].shape)),))
    hidden = b.dense("hidden", flat, d.words(b[flat].shape[0], 6), d.words(6))
    hidden = b.quantize("hidden_q", b.relu("hidden_r", hidden), POSITIVE)
    return b.finish([b.dense("scores", hidden, d.words(6, 3), d.words(3))])


NETWORKS: dict[str, Callable[[], Graph]] = {
    "image": image,
    "vectors": vectors,
    "modes": modes,
    "tagger": tagger,
}

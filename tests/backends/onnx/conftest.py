"""Networks that together have every operation of the graph."""

from collections.abc import Callable

import numpy as np
import pytest

from trigml.contract import InputContract
from trigml.fixedpoint import FixedPoint
from trigml.graph import Constants, Graph, GraphBuilder

ACTIVATION = FixedPoint.parse("ap_fixed<6,3,RND_CONV,SAT>")


class Network:
    """A builder with a shorthand for random constants."""

    def __init__(self, name: str, seed: int) -> None:
        self.builder = GraphBuilder(name)
        self.random = np.random.default_rng(seed)

    def constants(self, *shape: int, format_: str = "ap_fixed<4,1>") -> Constants:
        parsed = FixedPoint.parse(format_)
        return Constants(self.random.integers(parsed.min_word, parsed.max_word + 1, shape), parsed)

    def input(self, name: str, *shape: int, format_: str = "ap_fixed<6,3,RND_CONV,SAT>") -> str:
        parsed = FixedPoint.parse(format_)
        contract = InputContract.plain(name, int(np.prod(shape)), parsed)
        return self.builder.input(name, shape, contract)


def image_network(seed: int = 0) -> Graph:
    """Two dimensions: convolutions of all kinds, pools, branches, one output."""
    net = Network("image", seed)
    b = net.builder
    x = net.input("image", 7, 6, 2)
    conv = b.convolution(
        "conv",
        x,
        net.constants(3, 2, 2, 4),
        net.constants(4, format_="ap_fixed<5,2>"),
        strides=(2, 1),
        padding=((1, 1), (0, 1)),
    )
    act = b.quantize("act", b.relu("relu", conv), FixedPoint.parse("ap_ufixed<5,2,RND_CONV,SAT>"))
    depth = b.convolution(
        "depthwise",
        act,
        net.constants(2, 2, 4, 2),
        net.constants(8),
        strides=(1, 1),
        padding=((0, 1), (1, 0)),
        dilation=(1, 2),
        depthwise=True,
    )
    narrow = b.quantize("narrow", depth, FixedPoint.parse("ap_fixed<7,4,RND_INF,SAT_SYM>"))
    leaky = b.leaky_relu("leaky", narrow, 3)
    scaled = b.scale("scaled", leaky, net.constants(8), net.constants(8))
    clipped = b.clip("clipped", scaled, -40, 300)
    low = b.quantize("low", clipped, FixedPoint.parse("ap_fixed<6,3,TRN_ZERO,SAT>"))
    pooled = b.max_pool("pooled", low, (2, 2), strides=(1, 1), padding=((1, 0), (0, 1)))
    mean = b.average_pool("mean", pooled, (2, 2), strides=(2, 2), padding=((0, 0), (0, 0)))
    rounded = b.average_pool(
        "rounded",
        pooled,
        (2, 1),
        strides=(2, 2),
        padding=((0, 0), (0, 0)),
        format_=FixedPoint.parse("ap_fixed<5,3,TRN,SAT>"),
    )
    third = (
        b.average_pool(
            "third",
            pooled,
            (3, 1),
            strides=(2, 2),
            padding=((0, 1), (0, 0)),
            format_=FixedPoint.parse("ap_fixed<5,3,RND_CONV,SAT>"),
        )
        if b[pooled].shape[0] == 3
        else rounded
    )
    columns = b[mean].shape[1]
    cut = b.reshape("cut", rounded, (b[rounded].shape[0], b[rounded].shape[1] * 8))
    dense = b.dense("per_row", cut, net.constants(b[cut].shape[1], columns * 8))
    row = b.reshape("row", b.quantize("row_act", dense, ACTIVATION), (b[cut].shape[0], columns, 8))
    total = b.add("total", [mean, row, mean])
    joined = b.concatenate("joined", [total, mean], axis=2)
    padded = b.zero_pad("padded", joined, ((1, 0), (0, 2)))
    turned = b.permute("turned", padded, (2, 0, 1))
    flat = b.reshape("flat", turned, (int(np.prod(b[turned].shape)),))
    more = b.reshape("more", third, (int(np.prod(b[third].shape)),))
    both = b.concatenate("both", [flat, more], axis=0)
    out = b.dense("out", both, net.constants(b[both].shape[0], 3), net.constants(3))
    return b.finish([out], ["electron", "photon", "jet"])


def particle_network(seed: int = 0) -> Graph:
    """Particles and global features: two inputs, three outputs, shared weights, sums, maxima, tables."""
    net = Network("particles", seed)
    b = net.builder
    particles, event = (
        net.input("candidates", 5, 3),
        net.input("event", 4, format_="ap_ufixed<5,2,RND_CONV,SAT>"),
    )
    hidden = b.dense("hidden", particles, net.constants(3, 4), net.constants(4))
    act = b.quantize("act", hidden, FixedPoint.parse("ap_fixed<6,3,RND_ZERO,SAT>"))
    conv = b.convolution("conv", act, net.constants(3, 4, 4), strides=(1,), padding=((1, 1),))
    short = b.quantize("short", conv, ACTIVATION)
    gate = b.dense("gate", event, net.constants(4, 4), net.constants(4))
    gate_act = b.quantize("gate_act", gate, FixedPoint.parse("ap_fixed<5,2,RND_CONV,SAT>"))
    table = net.random.integers(0, 64, 32)
    sigmoid = b.table("sigmoid", gate_act, -16, table, FixedPoint.parse("ap_ufixed<6,0>"))
    gated = b.multiply("gated", [short, sigmoid])
    difference = b.subtract("difference", [sigmoid, gated])
    summed = b.sum("summed", difference, (0,))
    largest = b.maximum("largest", gated, (0,), keep_axes=True)
    everything = b.sum("everything", gated, (0, 1))
    flat = b.reshape("flat", largest, (4,))
    scores = b.concatenate("scores", [summed, flat], axis=0)
    winner = b.argmax("winner", scores)
    per_particle = b.argmax("per_particle", act)
    return b.finish([scores, everything, winner, per_particle, short])


@pytest.fixture(scope="session", params=["image", "particles", "image again"])
def network(request: pytest.FixtureRequest) -> Graph:
    """Graphs that together have every operation."""
    makers: dict[str, Callable[[], Graph]] = {
        "image": image_network,
        "particles": particle_network,
        "image again": lambda: image_network(3),
    }
    return makers[request.param]()

"""Published figures of networks with wide adder trees or narrow words, to check the estimate against.

The reports that the coefficients come from have words of 16 or 32 bits and dense layers with one input. What
the estimate is worth for more inputs, and for the 6-bit words of triggers, shows here. The weights of these
networks are not known: stand-ins are drawn as at the start of the training (LeCun 1998, uniform), and where
half of them were pruned, the smaller half is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from trigml.backends.hls.options import IoType, Strategy
from trigml.estimation.design import Design, Generation
from trigml.estimation.layers import matrix_work, merged_relu, quantise_work, relu_work
from trigml.estimation.work import Work
from trigml.fixedpoint import IntArray, Overflow, Rounding

TUTORIAL = "csynth report of an hls4ml tutorial's CNN, fastmachinelearning/hls4ml-tutorial"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A design with figures that somebody else published; ``None`` for those that were not.

    Attributes:
        name: what it is.
        source: where the figures stand.
        is_network: a whole network as papers cite it (tool and stage not always said), else one layer of an
            HLS report.
        design: the design with stand-ins for its weights.
        lut: look-up tables.
        ff: flip-flops.
        lut_and_ff: their sum.
        dsp: DSP blocks.
        latency: cycles.
    """

    name: str
    source: str
    is_network: bool
    design: Design
    lut: int | None = None
    ff: int | None = None
    lut_and_ff: int | None = None
    dsp: int
    latency: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """A dense layer of the tutorial, and what its report says: ``Published`` has the meaning of the figures.

    Attributes:
        shape: inputs and outputs.
        bits_in: width of the input words.
        weight: width and fractional bits.
        pruned: share of the weights that is zero.
    """

    shape: tuple[int, int]
    bits_in: int
    weight: tuple[int, int]
    pruned: float
    lut: int
    ff: int
    dsp: int
    latency: int | None = None


_WIDE = partial(_Layer, bits_in=16, weight=(16, 10))
_NARROW = partial(_Layer, bits_in=6, weight=(6, 5))
_LAYERS = {
    "dense 42-64, half pruned, 16 bits": _WIDE(
        shape=(42, 64), pruned=0.5, lut=35083, ff=4332, dsp=1167, latency=3
    ),
    "dense 96-42, half pruned, 16 bits": _WIDE(shape=(96, 42), pruned=0.5, lut=59765, ff=6159, dsp=1394),
    "dense 64-10, 16 bits": _WIDE(shape=(64, 10), pruned=0.0, lut=17875, ff=2736, dsp=549, latency=2),
    "dense 42-64, half pruned, 6 bits": _NARROW(
        shape=(42, 64), pruned=0.5, lut=24971, ff=2801, dsp=0, latency=3
    ),
    "dense 96-42, half pruned, 6 bits": _NARROW(shape=(96, 42), pruned=0.5, lut=52236, ff=4281, dsp=6),
    "dense 64-10, 6-bit input, 16-bit weights": _WIDE(
        shape=(64, 10), bits_in=6, pruned=0.0, lut=39567, ff=1531, dsp=83, latency=2
    ),
}


def published() -> tuple[Published, ...]:
    """All of them: single layers of two CNNs in HLS reports, whole taggers from papers."""
    return (
        *(
            Published(
                name=name,
                source=TUTORIAL,
                is_network=False,
                design=_layer(layer.shape, layer.bits_in, layer.weight, layer.pruned),
                lut=layer.lut,
                ff=layer.ff,
                dsp=layer.dsp,
                latency=layer.latency,
            )
            for name, layer in _LAYERS.items()
        ),
        Published(
            name="16-64-32-32-5, 70 % pruned, 16 bits",
            source="arXiv:1804.06913",
            is_network=True,
            design=_tagger(16, (16, 10), 0.7),
            lut_and_ff=88797,
            dsp=954,
            latency=15,
        ),
        Published(
            name="16-64-32-32-5, 6 bits, zeros not known",
            source="arXiv:2103.05579",
            is_network=True,
            design=_tagger(6, (6, 5), 0.0),
            lut=63251,
            ff=4394,
            dsp=38,
            latency=9,
        ),
    )


def _layer(shape: tuple[int, int], bits_in: int, weight: tuple[int, int], pruned: float) -> Design:
    """One dense layer between streams; ``weight`` has width and fractional bits."""
    words = _weights(np.random.default_rng(1), shape, weight, pruned)
    work = matrix_work(words, bias=None, bits_in=bits_in, bits_out=16)
    return Design((work,), IoType.STREAM, Strategy.LATENCY, Generation.VIVADO_2020)


def _weights(
    rng: np.random.Generator, shape: tuple[int, int], format_: tuple[int, int], pruned: float
) -> IntArray:
    width, fraction = format_
    limit = (3 / shape[0]) ** 0.5
    values = rng.uniform(-limit, limit, shape)
    values[np.abs(values) < np.quantile(np.abs(values), pruned)] = 0
    largest = 1 << (width - 1)
    return np.clip(np.round(values * 2.0**fraction), -largest, largest - 1).astype(np.int64)


def _tagger(bits: int, weight: tuple[int, int], pruned: float) -> Design:
    """The jet tagger with inputs of 16 bits and other activations of ``bits``."""
    rng = np.random.default_rng(1)
    sizes = (16, 64, 32, 32, 5)
    works: list[Work] = []
    given = 16
    for n_in, n_out in pairwise(sizes):
        words = _weights(rng, (n_in, n_out), weight, pruned)
        width = 16 if bits == 16 else given + weight[0] + int(np.ceil(np.log2(n_in)))
        works.append(matrix_work(words, bias=np.ones(n_out, np.int64), bits_in=given, bits_out=width))
        if n_out != sizes[-1]:
            works.append(relu_work(n_out, width) if bits == width else _activation(n_out, width, bits))
        given = bits
    return Design(tuple(works), IoType.PARALLEL, Strategy.LATENCY, Generation.VIVADO_2020)


def _activation(words: int, given: int, bits: int) -> Work:
    quantised = quantise_work(
        words,
        bits_in=given,
        bits_out=bits,
        dropped=given // 2,
        rounding=Rounding.RND_CONV,
        overflow=Overflow.SAT,
    )
    return merged_relu(relu_work(words, given), quantised)

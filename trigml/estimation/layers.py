"""Layers as ``Work``: the shapes, widths and weights that the counts come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trigml.estimation.work import Delay, Kind, Level, Products, Work, products_of, sums_of
from trigml.fixedpoint import IntArray, Overflow, Rounding


def matrix_work(
    weight: IntArray, *, bias: IntArray | None, bits_in: int, bits_out: int, kind: Kind = Kind.DENSE
) -> Work:
    """A dense layer, or one place of a convolution.

    Args:
        weight: words (n_in, n_out).
        bias: words (n_out,), or ``None`` if there are none.
        bits_in: width of the input words.
        bits_out: width of the sums.
        kind: what it is part of.
    """
    products = products_of(weight, bits_in)
    terms = (weight != 0).sum(axis=0) + (0 if bias is None else bias != 0)
    return _summed(weight.shape, terms, products, bits=(bits_in, bits_out), kind=kind)


def _summed(
    shape: tuple[int, ...], terms: IntArray, products: Products, *, bits: tuple[int, int], kind: Kind
) -> Work:
    bits_in, bits_out = bits
    sums = sums_of(terms, bits_out, products.widest)
    multiplied = (Level(Delay.PRODUCT, products.bits),) if products.count else ()
    return Work(
        kind=kind,
        words_in=shape[0],
        bits_in=bits_in,
        words_out=shape[1],
        bits_out=bits_out,
        factor_bits=products.widest - bits_in,
        products=products.count,
        dsp_blocks=products.dsp_blocks,
        dsp_products=products.dsp_products,
        adder_bits=products.shift_adder_bits + sums.bits,
        odd_adders=products.shift_adders + sums.odd,
        levels=(*multiplied, *sums.levels),
    )


def depthwise_work(weight: IntArray, *, bias: IntArray | None, bits_in: int, bits_out: int) -> Work:
    """One place of a depthwise convolution; weight (taps, channels, m)."""
    taps, channels, m = weight.shape
    columns = weight.transpose(1, 0, 2).reshape(channels * taps, m)
    terms = (weight != 0).sum(axis=0).reshape(channels * m) + (0 if bias is None else bias != 0)
    shape = (channels * taps, channels * m)
    products = products_of(columns, bits_in)
    return _summed(shape, terms, products, bits=(bits_in, bits_out), kind=Kind.DEPTHWISE)


def over_places(
    work: Work, *, places: int, words_in: int, words_out: int, window_bits: int, line_bits: int = 0
) -> Work:
    """The logic of one place, used at each place of an image in turn."""
    return replace(
        work,
        places=places,
        words_in=words_in,
        words_out=words_out,
        window_bits=window_bits,
        line_bits=line_bits,
    )


def wires_work(words: int, bits: int, kind: Kind = Kind.QUANTISE) -> Work:
    """A layer that hands words on: a quantiser that drops bits or adds some, a reshaped tensor."""
    return Work(kind=kind, words_in=words, bits_in=bits, words_out=words, bits_out=bits)


def relu_work(words: int, bits: int) -> Work:
    """A comparison with zero and a choice per word."""
    compared = words * bits
    return replace(
        wires_work(words, bits, Kind.RELU),
        comparator_bits=compared,
        levels=(Level(Delay.COMPARATOR, compared),),
    )


def quantise_work(
    words: int, *, bits_in: int, bits_out: int, dropped: int, rounding: Rounding, overflow: Overflow
) -> Work:
    """A quantiser: an adder where it rounds, a comparison of the dropped bits where a tie is seen to, another
    of the upper bits where it saturates.

    Args:
        words: words per event.
        bits_in: their width.
        bits_out: width of the results.
        dropped: fractional bits that are dropped.
        rounding: how.
        overflow: what happens outside of the range.
    """
    rounds = dropped > 0 and rounding not in (Rounding.TRN, Rounding.TRN_ZERO)
    sees_ties = dropped > 1 and rounding not in (Rounding.TRN, Rounding.RND)
    clips = overflow is not Overflow.WRAP and bits_in - max(dropped, 0) >= bits_out
    levels = []
    if rounds:
        levels.append(Level(Delay.ADDER, words * (bits_out + 1)))
    if clips:
        levels.append(Level(Delay.COMPARATOR, words * bits_out))
    compared = (min(dropped, bits_in) if sees_ties else 0) + (bits_out if clips else 0)
    return replace(
        wires_work(words, bits_in),
        bits_out=bits_out,
        adder_bits=words * (bits_out + 1.0) if rounds else 0.0,
        odd_adders=words if rounds else 0.0,
        comparator_bits=words * compared,
        levels=tuple(levels),
    )


def merged_relu(relu: Work, quantiser: Work) -> Work:
    """A ReLU and the quantiser behind it, which are one layer of hls4ml."""
    return replace(
        relu,
        bits_out=quantiser.bits_out,
        adder_bits=quantiser.adder_bits,
        odd_adders=quantiser.odd_adders,
        comparator_bits=relu.comparator_bits + quantiser.comparator_bits,
        levels=(*relu.levels, *quantiser.levels),
    )


def pool_work(
    cells: IntArray, *, channels: int, words_in: int, bits: int, average: bool, window: int | None = None
) -> Work:
    """Windows whose largest word or mean is taken.

    Args:
        cells: cells of each window that are not padding.
        channels: channels, each pooled by itself.
        words_in: words read.
        bits: their width.
        average: the mean, else the largest.
        window: cells of a window, if the padding is compared, too.
    """
    windows = cells.size
    pooled = replace(
        wires_work(windows * channels, bits, Kind.AVERAGE_POOL if average else Kind.MAX_POOL),
        words_in=words_in,
    )
    if average:
        sums = sums_of(np.repeat(cells.ravel(), channels), bits)
        return replace(pooled, adder_bits=sums.bits, odd_adders=sums.odd, levels=sums.levels)
    comparisons = windows * (window - 1) if window else int(np.maximum(cells - 1, 0).sum())
    live = pooled.words_out * bits
    return replace(
        pooled,
        comparator_bits=comparisons * channels * bits,
        levels=(Level(Delay.COMPARATOR, live),) * ((window or int(cells.max())) - 1),
    )


def table_work(kind: Kind, words: int, bits: int) -> Work:
    """A function looked up word by word."""
    return replace(wires_work(words, bits, kind), lookups=words)

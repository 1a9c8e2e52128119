"""What a layer costs, counted in the operators that an HLS tool schedules: multipliers, adders, comparators.

The same description is made of a graph's operations (``graph_work``) and of the networks behind the vendor
reports (``reports``), so that what is fitted to the ones holds for the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trigml.fixedpoint import IntArray

DSP_FROM_DIGITS = 3
"""Signed digits from which on a constant factor takes a multiplier; below it, shifts and one adder do."""

DSP_FROM_BITS = 19
"""Width of both factors together from which on a multiplier is a DSP block, not logic."""

DSP_SIDES = (27, 18)
"""Width of the two inputs of a DSP block's multiplier (DSP48E2, UG579)."""


class Kind(StrEnum):
    """What a layer does, as far as the tools treat it differently."""

    DENSE = "dense layer"
    CONVOLUTION = "convolution"
    DEPTHWISE = "depthwise convolution"
    RELU = "ReLU"
    QUANTISE = "quantiser"
    MAX_POOL = "max pool"
    AVERAGE_POOL = "average pool"
    ELU = "ELU table"
    SIGMOID = "sigmoid table"


class Delay(StrEnum):
    """Operators that follow each other within a clock cycle."""

    PRODUCT = "product"
    ADDER = "adder"
    COMPARATOR = "comparator"


@dataclass(frozen=True, slots=True)
class Level:
    """One operator on the way through a layer.

    Attributes:
        delay: what takes the time.
        live_bits: bits that have to be kept if the clock cycle ends behind it.
    """

    delay: Delay
    live_bits: float


@dataclass(frozen=True, kw_only=True)
class Work:
    """One layer. Numbers that depend on unknown weights are expectations, hence not whole.

    Attributes:
        kind: what it does.
        words_in: words read per event.
        bits_in: width of each.
        words_out: words made per event.
        bits_out: width of each.
        places: how often the logic is used for one event (positions of a convolution's window).
        window_bits: bits of the window that moves over the input.
        line_bits: bits of the rows of the input that are kept for the window, where data are streamed.
        factor_bits: width of the widest constant factor.
        products: products with a constant, as far as they need anything.
        dsp_blocks: DSP blocks in those that take a multiplier.
        dsp_products: how many of them take DSP blocks.
        adder_bits: width of all adders together, those in products made of shifts and adders among them.
        odd_adders: adders that find no partner for an adder of three numbers.
        comparator_bits: width of all comparisons with the choice behind them.
        lookups: words looked up in a table.
        divisions: words divided by a number that the tool does not know beforehand.
        levels: the operators on the longest way.
    """

    kind: Kind
    words_in: int
    bits_in: int
    words_out: int
    bits_out: int
    places: int = 1
    window_bits: int = 0
    line_bits: int = 0
    factor_bits: int = 0
    products: float = 0.0
    dsp_blocks: float = 0.0
    dsp_products: float = 0.0
    adder_bits: float = 0.0
    odd_adders: float = 0.0
    comparator_bits: float = 0.0
    lookups: int = 0
    divisions: int = 0
    levels: tuple[Level, ...] = ()


def signed_digits(weight: IntArray) -> IntArray:
    """Non-zero digits (-1, 1) of each word in the canonical signed-digit form: the terms of a shift-and-add.

    They stand where ``3 w`` and ``w`` differ (Reitwiesner 1960).
    """
    magnitude = np.abs(weight)
    digits: IntArray = np.bitwise_count(magnitude ^ (3 * magnitude)).astype(np.int64)
    return digits


@dataclass(frozen=True, slots=True)
class Products:
    """Products of input words with constant weights.

    Attributes:
        count: those that need anything: neither zero nor repeated.
        dsp_products: those with DSP blocks.
        dsp_blocks: their blocks.
        shift_adders: adders in the others.
        shift_adder_bits: their width, all together.
        bits: width of the different products together.
        widest: width of the widest product.
    """

    count: int
    dsp_products: int
    dsp_blocks: int
    shift_adders: int
    shift_adder_bits: int
    bits: int
    widest: int


def products_of(weight: IntArray, bits_in: int) -> Products:
    """Products of a weight matrix (n_in, n_out) with words of ``bits_in`` bits.

    Equal products of the same input are computed once.
    """
    distinct = [np.unique(row[row != 0]) for row in weight]
    factors = np.abs(np.concatenate(distinct)) if distinct else np.zeros(0, np.int64)
    digits = signed_digits(factors)
    bits = np.ceil(np.log2(factors + 1.0)).astype(np.int64) + 1
    with_dsp = (digits >= DSP_FROM_DIGITS) & (bits + bits_in >= DSP_FROM_BITS)
    blocks = sum(_blocks(bits_in, int(b)) for b in bits[with_dsp])
    logic = ~with_dsp & (digits > 1)
    return Products(
        count=len(factors),
        dsp_products=int(with_dsp.sum()),
        dsp_blocks=blocks,
        shift_adders=int((digits - 1)[logic].sum()),
        shift_adder_bits=int(((digits - 1) * (bits + bits_in))[logic].sum()),
        bits=int((bits + bits_in).sum()),
        widest=bits_in + int(bits.max(initial=0)),
    )


def _blocks(a: int, b: int) -> int:
    wide, narrow = DSP_SIDES
    return min(
        math.ceil(a / wide) * math.ceil(b / narrow),
        math.ceil(b / wide) * math.ceil(a / narrow),
    )


@dataclass(frozen=True, slots=True)
class Sums:
    """Adder trees.

    Attributes:
        bits: width of all adders together.
        odd: trees with an adder that finds no partner for an adder of three numbers.
        levels: the way through the deepest tree.
    """

    bits: float
    odd: float
    levels: tuple[Level, ...]


def sums_of(terms: IntArray, bits: int, from_bits: int | None = None) -> Sums:
    """Adder trees, one per entry of ``terms``, that sum so many words.

    Args:
        terms: numbers to add, per tree.
        bits: width of the results.
        from_bits: width of the numbers, if they are narrower.
    """
    adders = np.maximum(terms - 1, 0)
    deepest = int(terms.max(initial=0))
    depth = math.ceil(math.log2(deepest)) if deepest > 1 else 0
    start = bits if from_bits is None else min(from_bits, bits)
    widths = [min(bits, start + level + 1) for level in range(depth)]
    left, total = terms.astype(np.float64), 0.0
    levels = []
    for width in widths:
        pairs = np.floor(left / 2)
        total += float(pairs.sum()) * width
        left = np.where(left > 0, left - pairs, 0)
        levels.append(Level(Delay.ADDER, float(left.sum()) * width))
    return Sums(total, float((adders % 2).sum()), tuple(levels))

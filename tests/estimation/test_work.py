"""Operators of a layer: products, adders and registers counted from the weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.backends.hls.options import IoType, Strategy
from trigml.estimation.design import Design, Generation, schedule
from trigml.estimation.layers import matrix_work, pool_work, quantise_work, relu_work
from trigml.estimation.work import Delay, products_of, signed_digits, sums_of
from trigml.fixedpoint import Overflow, Rounding


def digits_by_hand(word: int) -> int:
    """Non-zero digits of the non-adjacent form, digit by digit."""
    count, left = 0, abs(word)
    while left:
        if left % 2:
            digit = 2 - left % 4
            left -= digit
            count += 1
        left //= 2
    return count


@given(st.integers(-(2**40), 2**40))
def test_signed_digits_are_those_of_the_non_adjacent_form(word: int) -> None:
    """Protects the count of adders in a product with a constant, against the textbook's algorithm."""
    assert signed_digits(np.array([word])).tolist() == [digits_by_hand(word)]


def test_products_are_counted_once_and_by_their_digits() -> None:
    """Protects the rule for products: zeros and repetitions are free, powers of two need no adder."""
    found = products_of(np.array([[0, 1, 2, 4, 3, 3, 11], [0, 0, 0, 0, 0, 0, 0]]), 16)
    assert (found.count, found.dsp_products, found.dsp_blocks) == (5, 1, 1)
    assert found.shift_adders == 1  # 3 = 4 - 1; 11 takes the DSP block
    assert found.shift_adder_bits == 16 + 3


def test_narrow_products_take_no_dsp_block_and_wide_ones_several() -> None:
    """Protects the widths from which on DSP blocks are used."""
    assert products_of(np.array([[11]]), 6).dsp_blocks == 0
    assert products_of(np.array([[11]]), 16).dsp_blocks == 1
    assert products_of(np.array([[2**19 + 2**10 + 2**5 + 1]]), 32).dsp_blocks == 2


def test_adder_trees_have_one_adder_less_than_numbers() -> None:
    """Protects the adders of trees of unlike depth, and the levels of the deepest one."""
    found = sums_of(np.array([4, 1, 0, 3]), 10)
    assert found.bits == (3 + 2) * 10
    assert found.odd == 1
    assert [level.delay for level in found.levels] == [Delay.ADDER] * 2


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**16))
def test_a_tree_never_has_more_bits_than_its_adders_at_full_width(n_in: int, n_out: int, seed: int) -> None:
    """Protects the widths in a tree: they grow level by level and end at that of the sum."""
    weight = np.random.default_rng(seed).integers(-31, 32, (n_in, n_out))
    terms = (weight != 0).sum(axis=0)
    found = sums_of(terms, 20, 11)
    adders = int(np.maximum(terms - 1, 0).sum())
    assert 12 * adders <= found.bits <= 20 * adders


def test_a_layer_of_zeros_costs_nothing() -> None:
    """Protects against work that is not there."""
    work = matrix_work(np.zeros((4, 3), dtype=np.int64), bias=None, bits_in=8, bits_out=8)
    assert (work.products, work.adder_bits, work.dsp_blocks, work.levels) == (0, 0, 0, ())


def test_quantisers_cost_what_their_modes_ask_for() -> None:
    """Protects the difference between dropping bits and rounding half to even with saturation."""
    sizes = {"bits_in": 16, "bits_out": 6, "dropped": 5}
    plain = quantise_work(8, **sizes, rounding=Rounding.TRN, overflow=Overflow.WRAP)
    assert (plain.adder_bits, plain.comparator_bits, plain.levels) == (0, 0, ())
    full = quantise_work(8, **sizes, rounding=Rounding.RND_CONV, overflow=Overflow.SAT)
    assert (full.adder_bits, full.odd_adders, full.comparator_bits) == (8 * 7, 8, 8 * (5 + 6))


def test_pools_compare_the_cells_of_each_window() -> None:
    """Protects the comparators at the edge, with the padding and without it."""
    cells = np.array([4, 2])
    inside = pool_work(cells, channels=3, words_in=24, bits=8, average=False)
    padded = pool_work(cells, channels=3, words_in=24, bits=8, average=False, window=4)
    assert inside.comparator_bits == (3 + 1) * 3 * 8
    assert padded.comparator_bits == (3 + 3) * 3 * 8


@pytest.mark.parametrize("clock_ns", [2.0, 5.0, 20.0])
def test_registers_stand_where_a_cycle_is_full(clock_ns: float) -> None:
    """Protects the schedule: no cycle is longer than its share of the period, none could take one more."""
    weight = np.random.default_rng(1).integers(-31, 32, (16, 8))
    works = (matrix_work(weight, bias=None, bits_in=8, bits_out=18), relu_work(8, 18))
    design = Design(works, IoType.PARALLEL, Strategy.LATENCY, Generation.VIVADO_2020, clock_ns)
    delays = {Delay.PRODUCT: 1.5, Delay.ADDER: 0.8, Delay.COMPARATOR: 1.1}
    total = 1.5 + 4 * 0.8 + 1.1
    found = schedule(design, delays)
    assert found.cycles >= total / (clock_ns * 0.875) - 1
    assert found.cycles == {2.0: 3, 5.0: 1, 20.0: 0}[clock_ns]
    assert (found.register_bits > 0) == (found.cycles > 0)

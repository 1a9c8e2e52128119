"""Trigger primitives: the steps in their order, for a calorimeter with and without an HCAL."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.trigger_cells import TriggerGrid, WordFormat, add_noise, digitise, sum_to_trigger_cells
from trigml.physics.trigger_primitives import TriggerCalorimeter, TriggerPrimitives

GRID = TriggerGrid(layers=(1, 2), y=(2, 1), x=(1, 2))
ECAL = TriggerCalorimeter(GRID, (1.0, 1.0, 3.0), scale=0.5, noise=0.3, word=WordFormat(0.25, 8, zero_below=3))


def test_words_are_the_steps_one_after_the_other() -> None:
    """Protects the order: weights before sums, scale before noise, noise before the word."""
    cells = np.random.default_rng(1).exponential(2, (50, 3, 3, 3)).astype(np.float32)
    by_hand = cells.astype(np.float64)
    by_hand[:, 2] *= 3
    energies = add_noise(0.5 * sum_to_trigger_cells(by_hand, GRID), 0.3, np.random.default_rng(7))
    expected = digitise(energies, ECAL.word)
    words = ECAL.words(cells, np.random.default_rng(7))
    np.testing.assert_array_equal(words, expected)
    assert ((words == 0) | (words >= 3)).all()
    unweighted = replace(ECAL, weights=None).words(cells, np.random.default_rng(7))
    assert (unweighted != words).any()
    assert replace(ECAL, weights=None).weighted(cells) is cells


def test_positions_are_those_of_the_trigger_cells() -> None:
    """Protects moments: z in layers from the front, y and x in cells from the middle."""
    places = ECAL.positions
    assert places.z.tolist() == [0.5, 2.0]
    assert places.y.tolist() == [-0.5, 1.0]
    assert places.x.tolist() == [-1.0, 0.5]


def test_parts_are_counted() -> None:
    """Protects the number of inputs, with and without an HCAL."""
    both = TriggerPrimitives(ECAL, replace(ECAL, grid=TriggerGrid((3,), (3,), (3,))))
    assert [name for name, _ in both.parts] == ["ECAL", "HCAL"]
    assert both.n_trigger_cells == 8 + 1
    assert replace(both, hcal=None).n_trigger_cells == 8


def test_cells_of_another_calorimeter_are_refused() -> None:
    """Protects from broadcasting: weights and sums need the cells that they are made for."""
    with pytest.raises(BadInput, match="trigger grid"):
        replace(ECAL, weights=None).words(np.zeros((1, 3, 3, 4)), np.random.default_rng(1))
    with pytest.raises(BadInput, match="weights of layers"):
        ECAL.words(np.zeros((1, 4, 3, 3)), np.random.default_rng(1))


@pytest.mark.filterwarnings("error")
def test_a_scale_beyond_all_numbers_is_refused_without_a_warning() -> None:
    """Protects stderr: an energy that overflows is said by one message."""
    grid = TriggerGrid(layers=(1,), y=(1,), x=(1,))
    part = TriggerCalorimeter(grid, None, 1e308, 0.0, WordFormat(0.5, 8))
    with pytest.raises(BadInput, match="not a finite number"):
        part.words(np.full((1, 1, 1, 1), 10.0), np.random.default_rng(1))

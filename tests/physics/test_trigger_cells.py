"""Tests of trigml.physics.trigger_cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.physics.trigger_cells import (
    TriggerGrid,
    WordFormat,
    add_noise,
    centred_groups,
    digitise,
    sum_to_trigger_cells,
    weigh_layers,
)

groups = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


@given(layers=groups, y=groups, x=groups, seed=st.integers(0, 99))
def test_sums_keep_the_energy_and_every_cell_counts_once(
    layers: tuple[int, ...], y: tuple[int, ...], x: tuple[int, ...], seed: int
) -> None:
    """Protects the conservation of energy: the sums of integers are exact."""
    grid = TriggerGrid(layers, y, x)
    cells = np.random.default_rng(seed).integers(0, 1000, (3, *grid.cells)).astype(np.float32)
    sums = sum_to_trigger_cells(cells, grid)
    assert sums.shape == (3, *grid.shape)
    assert grid.n_trigger_cells == sums[0].size
    np.testing.assert_array_equal(sums.sum(axis=(1, 2, 3)), cells.sum(axis=(1, 2, 3), dtype=np.float64))
    np.testing.assert_array_equal(sums[:, 0, 0, 0], cells[:, : layers[0], : y[0], : x[0]].sum(axis=(1, 2, 3)))
    np.testing.assert_array_equal(
        sums[:, -1, -1, -1], cells[:, -layers[-1] :, -y[-1] :, -x[-1] :].sum(axis=(1, 2, 3))
    )


def test_one_cell_goes_to_its_trigger_cell() -> None:
    """Protects the order of the axes, which sums of random numbers over a cube would not see."""
    grid = TriggerGrid(layers=(1, 3), y=(2, 1), x=(1, 2, 2))
    cells = np.zeros((1, *grid.cells))
    cells[0, 2, 2, 1] = 7
    assert np.argwhere(sum_to_trigger_cells(cells, grid)).tolist() == [[0, 1, 1, 1]]
    np.testing.assert_array_equal(grid.centres_x, [-2.0, -0.5, 1.5])
    np.testing.assert_array_equal(grid.centres_y, [-0.5, 1.0])
    np.testing.assert_array_equal(grid.centres_z, [0.5, 2.5])


def test_weights_are_per_layer() -> None:
    """Protects the sampling weights of layers with thicker absorber."""
    weighed = weigh_layers(np.ones((2, 3, 4, 4), np.float32), [1.0, 1.0, 2.0])
    np.testing.assert_array_equal(weighed.sum(axis=(2, 3)), [[16, 16, 32]] * 2)


def test_noise_has_its_width_and_depends_on_the_seed_alone() -> None:
    """Protects the seeded Gaussian: its width, repeatability, and that the batching does not matter."""
    energies = np.full((200, 2, 5, 5), 3.0)
    noisy = add_noise(energies, 0.5, np.random.default_rng(7))
    assert noisy.mean() == pytest.approx(3.0, abs=0.02)
    assert noisy.std() == pytest.approx(0.5, abs=0.02)
    rng = np.random.default_rng(7)
    pieces = [add_noise(energies[start : start + 30], 0.5, rng) for start in range(0, 200, 30)]
    np.testing.assert_array_equal(np.concatenate(pieces), noisy)
    np.testing.assert_array_equal(add_noise(energies, 0.0, rng), energies)


@pytest.mark.parametrize(
    ("energy", "word"),
    [(-3.0, 0), (0.0, 0), (0.125, 0), (0.126, 1), (0.375, 2), (0.5, 2), (0.625, 2), (63.75, 255), (1e9, 255)],
)
def test_words_round_to_even_and_saturate(energy: float, word: int) -> None:
    """Protects the analogue-to-digital step at every kind of edge (LSB 0.25, 8 bits)."""
    assert digitise(np.array([energy]), WordFormat(0.25, 8)).tolist() == [word]


@given(
    energies=st.lists(st.floats(-10, 1000), min_size=1, max_size=20),
    bits=st.integers(1, 16),
    threshold=st.integers(0, 5),
)
def test_words_are_monotonic_and_within_half_an_lsb(energies: list[float], bits: int, threshold: int) -> None:
    """Protects range, order and precision of the words, with and without zero suppression."""
    given_energies = np.sort(np.array(energies))
    zero_below = min(threshold, 2**bits - 1)
    words = digitise(given_energies, WordFormat(0.125, bits, zero_below)).astype(int)
    assert (np.diff(words) >= 0).all()
    assert words.max() <= 2**bits - 1
    assert not ((words > 0) & (words < zero_below)).any()
    inside = (words > 0) & (words < 2**bits - 1)
    assert (np.abs(words[inside] * 0.125 - given_energies[inside]) <= 0.0625).all()


def test_arguments_that_make_no_sense_are_refused() -> None:
    """Protects from silent nonsense: each wrong argument has its message."""
    grid = TriggerGrid((2,), (2,), (2,))
    with pytest.raises(BadInput, match="not those of the trigger grid"):
        sum_to_trigger_cells(np.zeros((1, 2, 2, 3)), grid)
    with pytest.raises(BadInput, match="at least one cell"):
        TriggerGrid((2, 0), (2,), (2,))
    with pytest.raises(BadInput, match="do not fit together"):
        weigh_layers(np.zeros((1, 2, 2, 2)), [1.0])
    with pytest.raises(BadInput, match="negative or not finite"):
        weigh_layers(np.zeros((1, 2, 2, 2)), [1.0, -1.0])
    with pytest.raises(BadInput, match="noise"):
        add_noise(np.zeros(1), -0.1, np.random.default_rng(0))
    with pytest.raises(BadInput, match="not a finite number"):
        digitise(np.array([np.nan]), WordFormat(1.0, 8))
    for lsb, bits in ((0.0, 8), (1.0, 0), (1.0, 17), (float("nan"), 8)):
        with pytest.raises(BadInput, match="no format"):
            WordFormat(lsb, bits)
    with pytest.raises(BadInput, match="zero suppression"):
        WordFormat(1.0, 2, zero_below=4)


@given(n_cells=st.integers(1, 80), length=st.integers(1, 80))
def test_centred_groups_cover_the_window_symmetrically(n_cells: int, length: int) -> None:
    """Protects the towers: all cells once, mirrored, full ones but for the two ends; else a message."""
    if not any((n_cells - length * n) % 2 == 0 for n in range(1, n_cells // length + 1)):
        with pytest.raises(BadInput, match="symmetrically"):
            centred_groups(n_cells, length)
        return
    groups = centred_groups(n_cells, length)
    assert sum(groups) == n_cells
    assert groups == groups[::-1]
    inner = groups if groups[0] == length else groups[1:-1]
    assert set(inner) == {length}
    assert len(inner) > n_cells // length - 2

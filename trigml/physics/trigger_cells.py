"""From the cells of a calorimeter to the words that a Level-1 trigger sees.

The steps, in their order: weights of the layers, sums over depth segments and towers, calibration to GeV,
electronics noise, and the analogue-to-digital step (one LSB, a number of bits, saturation, zero suppression).
Arrays of cells have the axes (n, layer, y, x), those of trigger cells (n, segment, y, x). Energies may be in
any unit, as long as it is the same one in all arguments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.errors import BadInput
from trigml.physics.uncertainties import FloatArray


@dataclass(frozen=True, slots=True)
class TriggerGrid:
    """How cells are summed to trigger cells: the lengths of the groups along each axis, from the first on.

    ``TriggerGrid(layers=(4, 8, 13), y=(5,) * 5, x=(5,) * 5)`` makes three depth segments of 5 × 5 towers from
    25 × 25 × 25 cells. Every cell belongs to exactly one trigger cell.
    """

    layers: tuple[int, ...]
    y: tuple[int, ...]
    x: tuple[int, ...]

    def __post_init__(self) -> None:
        if any(not groups or min(groups) < 1 for groups in (self.layers, self.y, self.x)):
            raise BadInput("a trigger cell is made of at least one cell along each axis", found=str(self))

    @property
    def cells(self) -> tuple[int, int, int]:
        """(layers, y, x): the shape of the cells that are summed."""
        return (sum(self.layers), sum(self.y), sum(self.x))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(segments, y, x): the shape of the trigger cells."""
        return (len(self.layers), len(self.y), len(self.x))

    @property
    def n_trigger_cells(self) -> int:
        """Number of trigger cells."""
        return math.prod(self.shape)

    @property
    def centres_y(self) -> FloatArray:
        """(y,), middle of each tower relative to the middle of the calorimeter, in cells."""
        return group_centres(self.y) - sum(self.y) / 2

    @property
    def centres_x(self) -> FloatArray:
        """(x,), middle of each tower relative to the middle of the calorimeter, in cells."""
        return group_centres(self.x) - sum(self.x) / 2

    @property
    def centres_z(self) -> FloatArray:
        """(segments,), middle of each depth segment, in layers from the front face."""
        return group_centres(self.layers)


@dataclass(frozen=True, slots=True)
class WordFormat:
    """The word of a trigger cell: a whole number of LSBs without sign.

    Attributes:
        lsb: the energy of one LSB.
        bits: 1 to 16; the largest word is 2^bits − 1, and higher energies saturate there.
        zero_below: words below this are sent as 0 (zero suppression); 0 or 1: none.
    """

    lsb: float
    bits: int
    zero_below: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lsb) and self.lsb > 0 and 1 <= self.bits <= 16):
            raise BadInput(
                "this is no format of a trigger cell's word",
                expected="an LSB above 0, and 1 to 16 bits",
                found=f"LSB {self.lsb}, {self.bits} bits",
            )
        if not 0 <= self.zero_below <= self.largest:
            raise BadInput(
                "the threshold of the zero suppression is not a word",
                expected=f"0 to {self.largest}",
                found=str(self.zero_below),
            )

    @property
    def largest(self) -> int:
        """The word at which energies saturate."""
        return (1 << self.bits) - 1


def group_centres(lengths: Sequence[int]) -> FloatArray:
    """(groups,), the middle of each group when groups of these lengths follow one another from 0 on."""
    ends = np.array(list(accumulate(lengths)), dtype=np.float64)
    return ends - np.asarray(lengths) / 2


def centred_groups(n_cells: int, length: int) -> tuple[int, ...]:
    """Groups of ``length`` cells about the middle of ``n_cells``; what is left makes one at each end.

    25 cells in groups of 3 become 2, 3, 3, 3, 3, 3, 3, 3, 2: the central cell stays in the middle of a group.

    Raises:
        BadInput: fewer cells than a group has, or what is left cannot be divided between the two ends.
    """
    for n_groups in range(n_cells // length if length > 0 else 0, 0, -1):
        edge, odd = divmod(n_cells - n_groups * length, 2)
        if not odd:
            ends = (edge,) * (edge > 0)
            return (*ends, *(length,) * n_groups, *ends)
    raise BadInput(
        "towers of this size do not lie symmetrically in the window",
        expected=f"a length that leaves an even number of {n_cells} cells over",
        found=str(length),
        remedy="give the lengths of all towers, for example [2, 3, 3, 2]",
    )


def weigh_layers(cells: NDArray[np.floating], weights: ArrayLike) -> FloatArray:
    """Each layer times its weight, for calorimeters whose absorber differs between layers.

    Args:
        cells: (n, layer, y, x).
        weights: (layer,), finite and not negative.

    Returns:
        (n, layer, y, x) float64.

    Raises:
        BadInput: not one weight per layer, or an unusable one.
    """
    factors = np.asarray(weights, dtype=np.float64)
    if cells.ndim != 4 or factors.shape != cells.shape[1:2]:
        raise BadInput(
            "cells and weights of layers do not fit together",
            expected="(n, layer, y, x) cells and one weight per layer",
            found=f"{cells.shape} cells, {factors.shape} weights",
        )
    if not (np.isfinite(factors).all() and (factors >= 0).all()):
        raise BadInput("a weight of a layer is negative or not finite", found=str(factors.tolist()))
    return cells * factors[:, None, None]


def sum_to_trigger_cells(cells: NDArray[np.floating], grid: TriggerGrid) -> FloatArray:
    """Sums over the grid's depth segments and towers, in float64; the total energy is kept.

    Args:
        cells: (n, layer, y, x).
        grid: the groups along each axis.

    Returns:
        (n, segments, towers in y, towers in x).

    Raises:
        BadInput: the cells are not those of the grid.
    """
    if cells.ndim != 4 or cells.shape[1:] != grid.cells:
        raise BadInput(
            "the cells are not those of the trigger grid",
            expected=f"(n, layer, y, x) = (n, {', '.join(map(str, grid.cells))})",
            found=str(cells.shape),
        )
    sums = np.asarray(cells, dtype=np.float64)
    for axis, groups in ((1, grid.layers), (2, grid.y), (3, grid.x)):
        starts = [0, *accumulate(groups)][:-1]
        sums = np.add.reduceat(sums, starts, axis=axis)
    return sums


def add_noise(energies: FloatArray, sigma: float, rng: np.random.Generator) -> FloatArray:
    """Energies with independent Gaussian electronics noise in every trigger cell.

    Args:
        energies: any shape.
        sigma: standard deviation, in the unit of the energies; 0: no noise, and no random numbers are drawn.
        rng: seeded by the caller, so that the same seed and order of events give the same noise.

    Raises:
        BadInput: sigma is negative or not finite.
    """
    if not (math.isfinite(sigma) and sigma >= 0):
        raise BadInput("the noise is negative or not finite", found=str(sigma))
    return energies + rng.normal(0.0, sigma, energies.shape) if sigma else energies.copy()


def digitise(energies: FloatArray, word: WordFormat) -> NDArray[np.uint16]:
    """The words of trigger cells: energy / LSB rounded half to even, kept within 0 and 2^bits − 1.

    Negative energies (noise) become 0, and so do words below ``word.zero_below``.

    Args:
        energies: any shape, finite, in the unit of the LSB.
        word: LSB, bits, zero suppression.

    Returns:
        Words in the same shape.

    Raises:
        BadInput: an energy that is not finite.
    """
    if not np.isfinite(energies).all():
        raise BadInput("an energy of a trigger cell is not a finite number")
    words = np.clip(np.rint(energies / word.lsb), 0, word.largest).astype(np.uint16)
    words[words < word.zero_below] = 0
    return words

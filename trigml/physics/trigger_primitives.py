"""Trigger primitives: all steps, in order, from the cells of a calorimeter to the words of its trigger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigml.physics.shower_shapes import CellPositions
from trigml.physics.trigger_cells import (
    TriggerGrid,
    WordFormat,
    add_noise,
    digitise,
    sum_to_trigger_cells,
    weigh_layers,
)

Cells = NDArray[np.floating]
Words = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class TriggerCalorimeter:
    """The steps of ``trigml.physics.trigger_cells`` for one calorimeter.

    Attributes:
        grid: which cells are summed.
        weights: one per layer; ``None``: all 1.
        scale: GeV per MeV of weighted deposits.
        noise: standard deviation of the electronics noise of a trigger cell, GeV.
        word: LSB in GeV, bits, zero suppression.
    """

    grid: TriggerGrid
    weights: tuple[float, ...] | None
    scale: float
    noise: float
    word: WordFormat

    @property
    def positions(self) -> CellPositions:
        """Where the trigger cells are: z in layers from the front, y and x in cells from the middle."""
        return CellPositions(z=self.grid.centres_z, y=self.grid.centres_y, x=self.grid.centres_x)

    def weighted(self, cells: Cells) -> Cells:
        """(n, layer, y, x) deposits in MeV, each layer times its weight."""
        return cells if self.weights is None else weigh_layers(cells, self.weights)

    def words(self, cells: Cells, noise: np.random.Generator) -> Words:
        """The words (n, segment, y, x) of showers with these deposits in MeV, (n, layer, y, x).

        The weights of the layers, the sums over segments and towers, the scale, the noise, and the
        analogue-to-digital step, in this order.

        Raises:
            BadInput: the cells are not those of the grid.
        """
        with np.errstate(over="ignore"):  # an energy that is not finite is refused below
            energies = self.scale * sum_to_trigger_cells(self.weighted(cells), self.grid)
        return digitise(add_noise(energies, self.noise, noise), self.word)


@dataclass(frozen=True, slots=True)
class TriggerPrimitives:
    """What the trigger sees of a calorimeter; both parts have one LSB. ``hcal`` may be ``None``."""

    ecal: TriggerCalorimeter
    hcal: TriggerCalorimeter | None

    @property
    def parts(self) -> tuple[tuple[str, TriggerCalorimeter], ...]:
        """Those that there are, with their names."""
        ecal = ("ECAL", self.ecal)
        return (ecal,) if self.hcal is None else (ecal, ("HCAL", self.hcal))

    @property
    def n_trigger_cells(self) -> int:
        """Of all parts."""
        return sum(part.grid.n_trigger_cells for _, part in self.parts)

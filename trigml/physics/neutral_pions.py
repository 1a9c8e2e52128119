"""The opening angle of π⁰ → γγ, for samples that do not store it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trigml.errors import BadInput
from trigml.physics.uncertainties import FloatArray

NEUTRAL_PION_MASS = 0.1349768
"""GeV (Particle Data Group 2022)."""


def smallest_opening_angle(energy: ArrayLike) -> FloatArray:
    """The smallest possible angle between the photons, in rad, of pions of an energy in GeV.

    sin(θ/2) = m / E, for photons of equal energy; from θ = π for a pion at rest down.

    Raises:
        BadInput: an energy below the pion's mass.
    """
    return 2 * np.arcsin(NEUTRAL_PION_MASS / _checked(energy))


def fraction_merged(energy: ArrayLike, angle: float) -> FloatArray:
    """The part of pions of an energy in GeV whose photons are at most ``angle`` rad apart.

    The decay is isotropic in the pion's rest frame, and sin²(θ/2) = (m/E)² / (1 − β² cos²θ*); so the part is
    √(1 − (m / (E sin(angle/2)))²) / β where the angle is larger than the smallest one, and 0 elsewhere.

    Raises:
        BadInput: an energy not above the pion's mass, or an angle that is not above 0 and at most π.
    """
    energies = _checked(energy)
    if not 0 < angle <= np.pi:
        raise BadInput("an opening angle is above 0 and at most π", found=str(angle))
    if (energies == NEUTRAL_PION_MASS).any():
        raise BadInput("the photons of a pion at rest are always back to back")
    beta = np.sqrt(1 - (NEUTRAL_PION_MASS / energies) ** 2)
    part = 1 - (NEUTRAL_PION_MASS / (energies * np.sin(angle / 2))) ** 2
    return np.asarray(np.minimum(np.sqrt(np.maximum(part, 0)) / beta, 1.0))


def _checked(energy: ArrayLike) -> FloatArray:
    energies = np.asarray(energy, dtype=np.float64)
    if not (np.isfinite(energies) & (energies >= NEUTRAL_PION_MASS)).all():
        raise BadInput("an energy is below the mass of the neutral pion", expected=f"{NEUTRAL_PION_MASS} GeV")
    return energies

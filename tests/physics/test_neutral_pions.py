"""Tests of trigml.physics.neutral_pions."""

from __future__ import annotations

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.neutral_pions import NEUTRAL_PION_MASS, fraction_merged, smallest_opening_angle


@pytest.mark.parametrize("energy", [0.2, 5.0, 40.0])
def test_formulae_agree_with_decays_that_are_boosted(energy: float) -> None:
    """Protects both formulae: photons are made in the rest frame, boosted, and their angle is measured."""
    cosine = np.random.default_rng(1).uniform(-1, 1, 20_000)
    sine = np.sqrt(1 - cosine**2)
    gamma = energy / NEUTRAL_PION_MASS
    beta = np.sqrt(1 - gamma**-2)
    half = NEUTRAL_PION_MASS / 2
    forward = np.stack([gamma * half * (cosine + beta), half * sine])
    backward = np.stack([gamma * half * (beta - cosine), -half * sine])
    angle = np.abs(np.arctan2(forward[1], forward[0]) - np.arctan2(backward[1], backward[0]))
    smallest = float(smallest_opening_angle(energy))
    assert angle.min() == pytest.approx(smallest, rel=1e-5)
    for cut in np.quantile(angle, [0.1, 0.5, 0.9]):
        expected = np.mean(angle <= cut)
        assert float(fraction_merged(energy, float(cut))) == pytest.approx(expected, abs=0.02)
    assert fraction_merged(energy, 0.999 * smallest) == 0
    assert fraction_merged(energy, np.pi) == 1


def test_the_studys_cut_needs_27_gev() -> None:
    """Protects the statement in docs/showers.md about which pions can merge within 0.01 rad."""
    assert float(smallest_opening_angle(27.0)) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(("energy", "angle"), [(0.1, 0.01), (np.nan, 0.01), (5.0, 0.0), (5.0, 4.0)])
def test_impossible_pions_are_refused(energy: float, angle: float) -> None:
    """Protects from NaN angles."""
    with pytest.raises(BadInput):
        fraction_merged(energy, angle)

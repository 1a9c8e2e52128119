"""Particles: padded arrays in, flat four-momenta out, and what is refused."""

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.particles import Particles


def test_padded_slots_become_four_momenta() -> None:
    """Protects the kinematics and that empty slots are dropped."""
    jets = Particles.from_padded(
        pt=[[3.0, 0.0, 4.0], [5.0, 0.0, 0.0]],
        eta=[[0.5, 9.0, -1.0], [2.0, 0.0, 0.0]],
        phi=[[0.1, 9.0, 3.0], [-3.0, 0.0, 0.0]],
        mass=[[0.0, 9.0, 2.0], [0.0, 0.0, 0.0]],
    )
    np.testing.assert_array_equal(jets.count, [2, 1])
    np.testing.assert_array_equal(jets.first, [0, 2])
    np.testing.assert_array_equal(jets.jet, [0, 0, 1])
    np.testing.assert_allclose(jets.pt, [3, 4, 5], rtol=1e-14)
    np.testing.assert_allclose(jets.eta, [0.5, -1, 2], rtol=1e-14)
    np.testing.assert_allclose(jets.phi, [0.1, 3, -3], rtol=1e-14)
    mass2 = jets.energy**2 - jets.px**2 - jets.py**2 - jets.pz**2
    np.testing.assert_allclose(mass2, [0, 4, 0], atol=1e-12)
    np.testing.assert_allclose(jets.sum_per_jet(jets.pt), [7, 5], rtol=1e-14)


@pytest.mark.parametrize(
    ("pt", "eta", "message"),
    [
        ([[1.0], [0.0]], [[0.0], [0.0]], "without constituents"),
        ([[1.0], [np.nan]], [[0.0], [0.0]], "NaN or infinite"),
        ([[1.0], [np.inf]], [[0.0], [0.0]], "NaN or infinite"),
        ([[1.0], [1.0]], [[0.0], [np.nan]], "NaN or infinite"),
        ([[1.0], [-1.0]], [[0.0], [0.0]], "negative pT"),
        ([1.0, 1.0], [0.0, 0.0], "one row per jet"),
    ],
)
def test_bad_constituents_are_refused(pt: list[float], eta: list[float], message: str) -> None:
    """Protects against features of nonsense: each bad value is named."""
    with pytest.raises(BadInput, match=message):
        Particles.from_padded(pt, eta, np.zeros_like(pt))


def test_the_bad_jet_is_named() -> None:
    """Protects the place in the message: the jet, not the particle."""
    with pytest.raises(BadInput, match="jet 1 of the batch"):
        Particles.from_padded([[1.0, 1.0], [1.0, np.nan]], np.zeros((2, 2)), np.zeros((2, 2)))


def test_counts_that_do_not_fit_are_refused() -> None:
    """Protects against flat arrays and counts that do not belong together."""
    one = np.ones(1)
    with pytest.raises(BadInput, match="does not fit the counts"):
        Particles(one, one, one, 2 * one, np.array([2]))


def test_a_particle_along_the_beam_is_refused() -> None:
    """Protects against an infinite rapidity."""
    one, zero = np.ones(1), np.zeros(1)
    with pytest.raises(BadInput, match="pT = 0"):
        Particles(zero, zero, one, one, np.array([1]))

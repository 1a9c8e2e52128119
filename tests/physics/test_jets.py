"""Whole jets: kinematics and leading constituents."""

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.jets import jet_kinematics, leading_constituents, wrapped
from trigml.physics.particles import Particles


def test_two_back_to_back_prongs_have_a_mass_known_by_hand() -> None:
    """Protects the kinematics: m² = 2 pT1 pT2 (cosh Δη - cos Δφ) for massless prongs; one prong has none."""
    jets = jet_kinematics(
        Particles.from_padded(
            [[30.0, 20.0], [7.0, 0.0]], [[0.4, -0.3], [1.5, 0.0]], [[1.0, 1.5], [-2.0, 0.0]]
        )
    )
    mass2 = 2 * 30 * 20 * (np.cosh(0.7) - np.cos(0.5))
    np.testing.assert_allclose(jets.mass, [np.sqrt(mass2), 0], atol=1e-6)
    np.testing.assert_allclose(jets.pt[0] ** 2, 30**2 + 20**2 + 2 * 30 * 20 * np.cos(0.5))
    np.testing.assert_allclose([jets.pt[1], jets.eta[1], jets.phi[1]], [7, 1.5, -2])


def test_leading_constituents_fall_in_pt_around_the_jet_axis() -> None:
    """Protects order, padding, and the wrap of phi at ±pi."""
    pt = [[1.0, 5.0, 3.0], [2.0, 0.0, 0.0]]
    eta = [[1.0, 1.2, 1.4], [-1.0, 0.0, 0.0]]
    phi = [[3.1, -3.1, 3.0], [0.5, 0.0, 0.0]]
    jets = Particles.from_padded(pt, eta, phi)
    axis = jet_kinematics(jets)
    two = leading_constituents(jets, 2)
    np.testing.assert_allclose(two.pt, [[5, 3], [2, 0]])
    np.testing.assert_allclose(two.deta, [[1.2 - axis.eta[0], 1.4 - axis.eta[0]], [0, 0]], atol=1e-12)
    assert (np.abs(two.dphi) < 0.2).all()
    np.testing.assert_allclose(two.dphi[0], wrapped(np.array([-3.1, 3.0]) - axis.phi[0]), atol=1e-12)
    four = leading_constituents(jets, 4)
    np.testing.assert_allclose(four.pt, [[5, 3, 1, 0], [2, 0, 0, 0]])
    assert list(four.columns()) == ["pt", "deta", "dphi"]


def test_angles_are_wrapped_once() -> None:
    """Protects the interval [-pi, pi)."""
    np.testing.assert_allclose(
        wrapped(np.array([0.0, np.pi, -np.pi, 4.0, -7.0])), [0, -np.pi, -np.pi, 4 - 2 * np.pi, 2 * np.pi - 7]
    )


def test_no_leading_constituent_is_refused() -> None:
    """Protects against an empty constituent axis."""
    with pytest.raises(BadInput, match="at least one"):
        leading_constituents(Particles.from_padded([[1.0]], [[0.0]], [[0.0]]), 0)

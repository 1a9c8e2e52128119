"""Whole jets: their kinematics, and the leading constituents that a trigger sees."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from trigml.errors import BadInput
from trigml.physics.particles import FloatArray, Particles


@dataclass(frozen=True, slots=True, eq=False)
class JetKinematics:
    """The summed four-momentum (E-scheme) of each jet, arrays of shape ``(n_jets,)``; GeV and radians."""

    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    mass: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class LeadingConstituents:
    """The constituents of highest pT, falling, zero-padded; every array of shape ``(n_jets, n_leading)``.

    ``pt`` is in GeV; ``deta`` (pseudorapidity) and ``dphi`` (radians, in [-pi, pi)) are relative to the jet.
    """

    pt: FloatArray
    deta: FloatArray
    dphi: FloatArray

    def columns(self) -> dict[str, FloatArray]:
        """The arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def jet_kinematics(jets: Particles) -> JetKinematics:
    """Sum the particles of each jet. A mass² that rounding made negative counts as zero."""
    px, py, pz, energy = (
        jets.sum_per_jet(component) for component in (jets.px, jets.py, jets.pz, jets.energy)
    )
    pt = np.hypot(px, py)
    return JetKinematics(
        pt=pt,
        eta=np.arcsinh(pz / pt),
        phi=np.arctan2(py, px),
        mass=np.sqrt(np.maximum(energy**2 - pt**2 - pz**2, 0.0)),
    )


def leading_constituents(jets: Particles, n_leading: int) -> LeadingConstituents:
    """Take the ``n_leading`` constituents of highest pT of each jet.

    Raises:
        BadInput: ``n_leading`` is less than 1.
    """
    if n_leading < 1:
        raise BadInput("a jet has at least one leading constituent", found=str(n_leading))
    axis = jet_kinematics(jets)
    pt, jet = jets.pt, jets.jet
    order = np.lexsort((-pt, jet))
    slot = np.arange(len(order)) - jets.first[jet]
    kept = slot < n_leading
    rows, slots, order = jet[kept], slot[kept], order[kept]

    def padded(values: FloatArray) -> FloatArray:
        array = np.zeros((jets.n_jets, n_leading))
        array[rows, slots] = values[order]
        return array

    return LeadingConstituents(
        pt=padded(pt),
        deta=padded(jets.eta - axis.eta[jet]),
        dphi=padded(wrapped(jets.phi - axis.phi[jet])),
    )


def wrapped(angle: Any) -> Any:
    """Bring angles in radians into [-pi, pi); takes NumPy and awkward arrays alike."""
    return (angle + np.pi) % (2 * np.pi) - np.pi

"""Grooming of jets: the modified mass-drop tagger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trigml.errors import BadInput
from trigml.physics.clustering import recluster_cambridge_aachen
from trigml.physics.particles import FloatArray, Particles


@dataclass(frozen=True, slots=True, eq=False)
class GroomedJets:
    """What grooming left of a batch of jets.

    ``pt``, ``mass`` (GeV), ``eta``, ``phi``: of the summed four-momentum (E-scheme), shape ``(n_jets,)``.
    """

    constituents: Particles
    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    mass: FloatArray


def groom_mmdt(jets: Particles, *, z_cut: float = 0.1) -> GroomedJets:
    """Groom each jet with the modified mass-drop tagger (mMDT).

    The jet is reclustered with Cambridge/Aachen and unclustered step by step. A splitting into a and b is
    kept, and the declustering ends, when min(pT_a, pT_b) / (pT_a + pT_b) > z_cut; else the branch of lower pT
    is dropped. Sources: M. Dasgupta, A. Fregoso, S. Marzani, G. Salam, arXiv:1307.0007 (mMDT, here without a
    mass-drop condition); the same as soft drop with β = 0, A. Larkoski, S. Marzani, G. Soyez, J. Thaler,
    arXiv:1402.2657, eq. 1.1.

    A jet in which no splitting passes is left with its last single particle: one constituent, the mass of
    that particle.

    Raises:
        BadInput: ``z_cut`` is not in [0, 0.5).
        MissingTool: fastjet is not installed.
    """
    if not 0 <= z_cut < 0.5:
        raise BadInput("z_cut of the mMDT makes no sense", expected="0 ≤ z_cut < 0.5", found=str(z_cut))
    if jets.n_jets == 0:
        empty = np.zeros(0)
        return GroomedJets(constituents=jets, pt=empty, eta=empty, phi=empty, mass=empty)
    import awkward as ak

    groomed = recluster_cambridge_aachen(jets).exclusive_jets_softdrop_grooming(
        njets=1, beta=0.0, symmetry_cut=z_cut, symmetry_measure="scalar_z", recursion_choice="larger_pt"
    )
    left = groomed.constituents
    px, py, pz, energy = (
        ak.flatten(left[name]).to_numpy().astype(np.float64) for name in ("px", "py", "pz", "E")
    )
    phi = groomed.phisoftdrop.to_numpy()
    return GroomedJets(
        constituents=Particles(px, py, pz, energy, ak.num(left).to_numpy().astype(np.int64)),
        pt=groomed.ptsoftdrop.to_numpy(),
        eta=groomed.etasoftdrop.to_numpy(),
        phi=np.where(phi > np.pi, phi - 2 * np.pi, phi),
        # FastJet gives a rounded-off m² < 0 of (nearly) collinear particles as a negative mass.
        mass=np.maximum(groomed.msoftdrop.to_numpy(), 0.0),
    )

"""The 16 high-level jet features of the hls4ml jet benchmark, all of the mMDT-groomed jet.

The set is that of E. Coleman et al., "The importance of calorimetry for highly-boosted jet substructure",
arXiv:1709.08705, as used by J. Duarte et al. (hls4ml), arXiv:1804.06913, table 1. In the
public code behind the benchmark's data, Σ z log z (of energy fractions) and the multiplicity are of the
ungroomed jet; here every feature is of the groomed one, and z is the fraction of pT, as in the correlators.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from trigml.physics.correlators import c1, c2, d2, energy_correlators, m2, n2
from trigml.physics.grooming import groom_mmdt
from trigml.physics.particles import FloatArray, Particles


@dataclass(frozen=True, slots=True)
class JetFeature:
    """Name, unit (empty: dimensionless) and meaning of one jet feature."""

    name: str
    unit: str
    description: str


@dataclass(frozen=True, slots=True, eq=False)
class JetFeatures:
    """The features of a batch of jets; each is float64 of shape ``(n_jets,)`` and finite.

    Formulae and sources of the correlator ratios are in ``trigml.physics.correlators``; the index b is the
    angular exponent β, a is α. ``d2_a1_b1`` is the same function as ``d2_b1``: the benchmark lists both, so
    both are here. For a groomed jet with one constituent c1 and all ratios are 0; with two, all ratios are 0.
    """

    zlogz: FloatArray
    c1_b0: FloatArray
    c1_b1: FloatArray
    c1_b2: FloatArray
    c2_b1: FloatArray
    c2_b2: FloatArray
    d2_b1: FloatArray
    d2_b2: FloatArray
    d2_a1_b1: FloatArray
    d2_a1_b2: FloatArray
    m2_b1: FloatArray
    m2_b2: FloatArray
    n2_b1: FloatArray
    n2_b2: FloatArray
    mass: FloatArray
    multiplicity: FloatArray

    def columns(self) -> dict[str, FloatArray]:
        """The features by name, in the order of ``JET_FEATURES``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


JET_FEATURES = (
    JetFeature("zlogz", "", "sum over constituents of z ln z, z the fraction of the scalar pT sum; groomed"),
    JetFeature("c1_b0", "", "energy correlation C1, beta = 0; groomed"),
    JetFeature("c1_b1", "", "energy correlation C1, beta = 1; groomed"),
    JetFeature("c1_b2", "", "energy correlation C1, beta = 2; groomed"),
    JetFeature("c2_b1", "", "energy correlation ratio C2, beta = 1; groomed"),
    JetFeature("c2_b2", "", "energy correlation ratio C2, beta = 2; groomed"),
    JetFeature("d2_b1", "", "energy correlation ratio D2, beta = 1; groomed"),
    JetFeature("d2_b2", "", "energy correlation ratio D2, beta = 2; groomed"),
    JetFeature("d2_a1_b1", "", "energy correlation ratio D2, alpha = 1, beta = 1 (equal to d2_b1); groomed"),
    JetFeature("d2_a1_b2", "", "energy correlation ratio D2, alpha = 1, beta = 2; groomed"),
    JetFeature("m2_b1", "", "generalised energy correlation ratio M2, beta = 1; groomed"),
    JetFeature("m2_b2", "", "generalised energy correlation ratio M2, beta = 2; groomed"),
    JetFeature("n2_b1", "", "generalised energy correlation ratio N2, beta = 1; groomed"),
    JetFeature("n2_b2", "", "generalised energy correlation ratio N2, beta = 2; groomed"),
    JetFeature("mass", "GeV", "jet mass; groomed"),
    JetFeature("multiplicity", "", "number of constituents; groomed"),
)


def jet_features(constituents: Particles, *, z_cut: float = 0.1) -> JetFeatures:
    """Groom each jet with the mMDT and evaluate the benchmark's features on what is left.

    Args:
        constituents: all particles of each jet of the batch.
        z_cut: the grooming's threshold on the momentum sharing.

    Raises:
        BadInput: ``z_cut`` is not in [0, 0.5).
        MissingTool: fastjet is not installed.
    """
    groomed = groom_mmdt(constituents, z_cut=z_cut)
    jets = groomed.constituents
    correlators = energy_correlators(jets)
    pair_b0, pair_b1, pair_b2 = correlators.pairs
    triplet_b1, triplet_b2 = correlators.triplets
    return JetFeatures(
        zlogz=momentum_entropy(jets),
        c1_b0=c1(pair_b0),
        c1_b1=c1(pair_b1),
        c1_b2=c1(pair_b2),
        c2_b1=c2(triplet_b1, pair_b1),
        c2_b2=c2(triplet_b2, pair_b2),
        d2_b1=d2(triplet_b1, pair_b1),
        d2_b2=d2(triplet_b2, pair_b2),
        d2_a1_b1=d2(triplet_b1, pair_b1),
        d2_a1_b2=d2(triplet_b1, pair_b2),
        m2_b1=m2(triplet_b1, pair_b1),
        m2_b2=m2(triplet_b2, pair_b2),
        n2_b1=n2(triplet_b1, pair_b1),
        n2_b2=n2(triplet_b2, pair_b2),
        mass=groomed.mass,
        multiplicity=jets.count.astype(np.float64),
    )


def momentum_entropy(jets: Particles) -> FloatArray:
    """Σ_i z_i ln z_i with z_i = pT_i / Σ_j pT_j, shape ``(n_jets,)``; 0 for one constituent, never positive.

    One of the features of arXiv:1709.08705 and arXiv:1804.06913 (there with energy fractions).
    """
    pt = jets.pt
    z = pt / jets.sum_per_jet(pt)[jets.jet]
    return jets.sum_per_jet(z * np.log(z))

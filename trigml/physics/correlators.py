"""Energy correlation functions of jets and the ratios that tell one, two and three prongs apart.

The sums run over the constituents of a jet, with z_i = pT_i / Σ_j pT_j and θ_ij = sqrt(Δy_ij² + Δφ_ij²)
(y: rapidity). Sources, all with their definitions in section 2 of the paper:

- [ECF] A. Larkoski, G. Salam, J. Thaler, arXiv:1305.0007: ECF(N, β) and the double ratios C_N.
- [D2] A. Larkoski, I. Moult, D. Neill, arXiv:1409.6298: e_2 = ECF(2)/ECF(1)², e_3 = ECF(3)/ECF(1)³, and D_2.
- [NewAngles] I. Moult, L. Necib, J. Thaler, arXiv:1609.07483: the generalised _v e_n, M_i and N_i.

A ratio whose denominator is zero is zero by definition: a jet with one constituent has no pair, and
coincident constituents no angle between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trigml.physics.clustering import recluster_cambridge_aachen
from trigml.physics.particles import FloatArray, Particles


@dataclass(frozen=True, slots=True, eq=False)
class PairCorrelator:
    """e_2^(β) = Σ_{i<j} z_i z_j θ_ij^β, shape ``(n_jets,)`` ([D2]; at β = 0 half of 1 - Σ z_i²)."""

    beta: int
    e2: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class TripletCorrelators:
    """The three-point correlators for one β, each of shape ``(n_jets,)`` ([NewAngles]).

    _v e_3^(β) = Σ_{i<j<k} z_i z_j z_k × (product of the v smallest of θ_ij, θ_ik, θ_jk)^β.
    """

    beta: int
    e3_smallest: FloatArray
    """v = 1"""
    e3_two_smallest: FloatArray
    """v = 2"""
    e3: FloatArray
    """v = 3: all angles, the e_3 of [ECF] and [D2]"""


@dataclass(frozen=True, slots=True, eq=False)
class Correlators:
    """All correlators of a batch of jets that the jet features are made of; the index is β."""

    pairs: tuple[PairCorrelator, PairCorrelator, PairCorrelator]
    """β = 0, 1, 2"""
    triplets: tuple[TripletCorrelators, TripletCorrelators]
    """β = 1, 2"""


class _ClusteredJets:
    """Asks FastJet for normalised correlators of the whole jets.

    Only the ``generalized`` function is used: the ready-made ratios (c1 … n2) agree with it, but give NaN
    for a jet with one constituent and compute the same sums again and again. A misspelt name of a function
    ends the process with a segmentation fault (fastjet 3.5.2.0).
    """

    def __init__(self, jets: Particles) -> None:
        self._sequence = recluster_cambridge_aachen(jets)

    def correlator(self, *, points: int, angles: int, beta: int) -> FloatArray:
        values = self._sequence.exclusive_jets_energy_correlator(
            njets=1, func="generalized", npoint=points, angles=angles, beta=beta, normalized=True
        )
        return np.asarray(values.to_numpy(), dtype=np.float64)


def energy_correlators(jets: Particles) -> Correlators:
    """Evaluate the two- and three-point energy correlation functions of each jet.

    A jet with one constituent has e_2 = e_3 = 0, one with two has e_3 = 0.

    Raises:
        MissingTool: fastjet is not installed.
    """
    if jets.n_jets == 0:
        none = np.zeros(0)
        return Correlators(
            pairs=(PairCorrelator(0, none), PairCorrelator(1, none), PairCorrelator(2, none)),
            triplets=(TripletCorrelators(1, none, none, none), TripletCorrelators(2, none, none, none)),
        )
    clustered = _ClusteredJets(jets)

    def pair(beta: int) -> PairCorrelator:
        return PairCorrelator(beta, clustered.correlator(points=2, angles=1, beta=beta))

    def triplet(beta: int) -> TripletCorrelators:
        return TripletCorrelators(
            beta,
            e3_smallest=clustered.correlator(points=3, angles=1, beta=beta),
            e3_two_smallest=clustered.correlator(points=3, angles=2, beta=beta),
            e3=clustered.correlator(points=3, angles=3, beta=beta),
        )

    return Correlators(pairs=(pair(0), pair(1), pair(2)), triplets=(triplet(1), triplet(2)))


def c1(pair: PairCorrelator) -> FloatArray:
    """C_1^(β) = ECF(2, β) ECF(0, β) / ECF(1, β)² = e_2^(β) ([ECF], C_N with N = 1)."""
    return pair.e2


def c2(triplet: TripletCorrelators, pair: PairCorrelator) -> FloatArray:
    """C_2^(β) = e_3^(β) / (e_2^(β))² ([ECF], C_N with N = 2); both of the same β."""
    _same_beta(triplet, pair)
    return _ratio(triplet.e3, pair.e2**2)


def d2(triplet: TripletCorrelators, pair: PairCorrelator) -> FloatArray:
    """D_2^(α, β) = e_3^(α) / (e_2^(β))^(3 α / β).

    With α = β this is the D_2^(β) = e_3^(β) / (e_2^(β))³ of [D2]; α is the β of ``triplet``. With two
    angular exponents: A. Larkoski, I. Moult, D. Neill, arXiv:1507.03018.
    """
    return _ratio(triplet.e3, pair.e2 ** (3.0 * triplet.beta / pair.beta))


def m2(triplet: TripletCorrelators, pair: PairCorrelator) -> FloatArray:
    """M_2^(β) = _1e_3^(β) / _1e_2^(β) ([NewAngles], M_i with i = 2); both of the same β."""
    _same_beta(triplet, pair)
    return _ratio(triplet.e3_smallest, pair.e2)


def n2(triplet: TripletCorrelators, pair: PairCorrelator) -> FloatArray:
    """N_2^(β) = _2e_3^(β) / (_1e_2^(β))² ([NewAngles], N_i with i = 2); both of the same β."""
    _same_beta(triplet, pair)
    return _ratio(triplet.e3_two_smallest, pair.e2**2)


def _same_beta(triplet: TripletCorrelators, pair: PairCorrelator) -> None:
    if triplet.beta != pair.beta:
        raise ValueError(f"correlators of different angular exponents: {triplet.beta} and {pair.beta}")


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)

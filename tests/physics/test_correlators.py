"""Energy correlators through FastJet against sums over all pairs and triplets."""

from itertools import combinations

import numpy as np
import pytest

from trigml.physics import correlators
from trigml.physics.clustering import recluster_cambridge_aachen
from trigml.physics.correlators import PairCorrelator, TripletCorrelators, energy_correlators
from trigml.physics.particles import FloatArray, Particles

pytest.importorskip("fastjet")


def random_jets(seed: int, n_jets: int = 6) -> Particles:
    rng = np.random.default_rng(seed)
    filled = np.arange(25) < rng.integers(3, 26, (n_jets, 1))
    eta = rng.uniform(-2, 2, (n_jets, 1)) + rng.normal(0, 0.2, filled.shape)
    phi = rng.uniform(-np.pi, np.pi, (n_jets, 1)) + rng.normal(0, 0.2, filled.shape)
    return Particles.from_padded(rng.pareto(1.2, filled.shape) * filled, eta, phi, mass=0.14)


def plain_correlators(jets: Particles, jet: int, beta: float) -> tuple[float, list[float]]:
    """e_2 and the three-point correlators with 1, 2 and 3 smallest angles, straight from the definition."""
    rows = slice(jets.first[jet], jets.first[jet] + jets.count[jet])
    z = jets.pt[rows] / jets.pt[rows].sum()
    y, phi = np.arctanh(jets.pz[rows] / jets.energy[rows]), jets.phi[rows]

    def angle(i: int, j: int) -> float:
        dphi = abs(phi[i] - phi[j])
        return float(np.hypot(y[i] - y[j], min(dphi, 2 * np.pi - dphi)))

    pairs = sum(z[i] * z[j] * angle(i, j) ** beta for i, j in combinations(range(len(z)), 2))
    triplets = [0.0, 0.0, 0.0]
    for i, j, k in combinations(range(len(z)), 3):
        angles = sorted((angle(i, j), angle(i, k), angle(j, k)))
        for v in (1, 2, 3):
            triplets[v - 1] += z[i] * z[j] * z[k] * np.prod(angles[:v]) ** beta
    return float(pairs), triplets


def test_correlators_are_the_sums_of_their_definition() -> None:
    """Protects every correlator (and FastJet's conventions: pT, rapidity, normalisation) to rounding."""
    jets = random_jets(seed=5)
    found = energy_correlators(jets)
    assert [pair.beta for pair in found.pairs] == [0, 1, 2]
    assert [triplet.beta for triplet in found.triplets] == [1, 2]
    for jet in range(jets.n_jets):
        for pair in found.pairs:
            assert pair.e2[jet] == pytest.approx(plain_correlators(jets, jet, pair.beta)[0], rel=1e-10)
        for triplet in found.triplets:
            values = [triplet.e3_smallest[jet], triplet.e3_two_smallest[jet], triplet.e3[jet]]
            assert values == pytest.approx(plain_correlators(jets, jet, triplet.beta)[1], rel=1e-10)


@pytest.mark.parametrize("beta", [1, 2])
def test_ratios_agree_with_those_that_fastjet_has(beta: int) -> None:
    """Protects the formulae of the ratios against FastJet's own implementations of them."""
    jets = random_jets(seed=6)
    found = energy_correlators(jets)
    pair, triplet = found.pairs[beta], found.triplets[beta - 1]
    sequence = recluster_cambridge_aachen(jets)

    def fastjets(func: str, alpha: int = 0) -> FloatArray:
        values = sequence.exclusive_jets_energy_correlator(njets=1, func=func, beta=beta, alpha=alpha)
        return np.asarray(values)

    np.testing.assert_allclose(correlators.c1(pair), fastjets("c1"), rtol=1e-10)
    np.testing.assert_allclose(correlators.c2(triplet, pair), fastjets("c2"), rtol=1e-10)
    np.testing.assert_allclose(correlators.d2(triplet, pair), fastjets("d2"), rtol=1e-10)
    np.testing.assert_allclose(correlators.m2(triplet, pair), fastjets("m2"), rtol=1e-10)
    np.testing.assert_allclose(correlators.n2(triplet, pair), fastjets("n2"), rtol=1e-10)
    generalised = correlators.d2(found.triplets[0], pair)
    np.testing.assert_allclose(generalised, fastjets("generalizedd2", alpha=1), rtol=1e-10)


def test_c1_without_angles_is_the_momentum_sharing() -> None:
    """Protects β = 0: C1 is (1 - Σ z²)/2, also where constituents coincide and 0⁰ lurks."""
    jets = Particles.from_padded(
        [[5.0, 3.0, 2.0], [1.0, 1.0, 0.0]], [[0, 0.1, 0.1], [0.3, 0.3, 0]], np.zeros((2, 3))
    )
    expected = [(1 - 0.25 - 0.09 - 0.04) / 2, 0.25]
    np.testing.assert_allclose(energy_correlators(jets).pairs[0].e2, expected, rtol=1e-12)


def test_three_equal_prongs_in_a_triangle() -> None:
    """Protects every ratio on a jet whose values follow by hand: z = 1/3 each, all angles equal to θ."""
    side = 0.3
    eta = side / np.sqrt(3) * np.sin([0, 2 * np.pi / 3, 4 * np.pi / 3])
    phi = side / np.sqrt(3) * np.cos([0, 2 * np.pi / 3, 4 * np.pi / 3])
    found = energy_correlators(Particles.from_padded([[2.0] * 3], [eta], [phi]))
    for beta in (1, 2):
        pair, triplet = found.pairs[beta], found.triplets[beta - 1]
        e2, angle = side**beta / 3, side**beta
        assert correlators.c1(pair)[0] == pytest.approx(e2)
        assert correlators.c2(triplet, pair)[0] == pytest.approx(angle**3 / 27 / e2**2)
        assert correlators.d2(triplet, pair)[0] == pytest.approx(1)
        assert correlators.m2(triplet, pair)[0] == pytest.approx(1 / 9)
        assert correlators.n2(triplet, pair)[0] == pytest.approx(1 / 3)


def test_one_and_two_constituents_have_defined_values() -> None:
    """Protects against 0/0: no pair or no triplet gives zero, not NaN (FastJet's own C2 gives NaN here)."""
    jets = Particles.from_padded([[7.0, 0.0], [7.0, 3.0]], [[0.1, 0.0], [0.1, 0.4]], np.zeros((2, 2)))
    found = energy_correlators(jets)
    np.testing.assert_array_equal([pair.e2[0] for pair in found.pairs], 0)
    np.testing.assert_allclose([pair.e2[1] for pair in found.pairs], [0.21, 0.21 * 0.3, 0.21 * 0.09])
    for triplet in found.triplets:
        pair = found.pairs[triplet.beta]
        for ratio in (correlators.c2, correlators.d2, correlators.m2, correlators.n2):
            np.testing.assert_array_equal(ratio(triplet, pair), 0)
    assert np.isnan(
        np.asarray(recluster_cambridge_aachen(jets).exclusive_jets_energy_correlator(func="c2"))[0]
    )


def test_correlators_of_different_exponents_are_not_mixed() -> None:
    """Protects C2, M2 and N2 from a numerator and a denominator of different β."""
    one = np.ones(1)
    pair, triplet = PairCorrelator(2, one), TripletCorrelators(1, one, one, one)
    for ratio in (correlators.c2, correlators.m2, correlators.n2):
        with pytest.raises(ValueError, match="angular exponents"):
            ratio(triplet, pair)

"""mMDT through FastJet against a plain Cambridge/Aachen declustering."""

from dataclasses import dataclass

import numpy as np
import pytest

from trigml.errors import BadInput, MissingTool
from trigml.physics import clustering
from trigml.physics.clustering import load_fastjet
from trigml.physics.grooming import groom_mmdt
from trigml.physics.particles import FloatArray, Particles

pytest.importorskip("fastjet")


@dataclass
class Branch:
    momentum: FloatArray  # px, py, pz, E
    members: list[int]
    parents: "tuple[Branch, Branch] | None" = None

    @property
    def pt(self) -> float:
        return float(np.hypot(self.momentum[0], self.momentum[1]))

    def distance2(self, other: "Branch") -> float:
        y, other_y = (np.arctanh(b.momentum[2] / b.momentum[3]) for b in (self, other))
        phi, other_phi = (np.arctan2(b.momentum[1], b.momentum[0]) for b in (self, other))
        dphi = abs(phi - other_phi)
        return float((y - other_y) ** 2 + min(dphi, 2 * np.pi - dphi) ** 2)


def plain_mmdt(momenta: FloatArray, z_cut: float) -> Branch:
    """Merge the closest pair until one is left, then walk back from there."""
    branches = [Branch(momentum, [index]) for index, momentum in enumerate(momenta)]
    while len(branches) > 1:
        pairs = [(a, b) for i, a in enumerate(branches) for b in branches[:i]]
        first, second = min(pairs, key=lambda pair: pair[0].distance2(pair[1]))
        merged = Branch(first.momentum + second.momentum, first.members + second.members, (first, second))
        branches = [branch for branch in branches if branch is not first and branch is not second]
        branches.append(merged)
    branch = branches[0]
    while branch.parents is not None:
        soft, hard = sorted(branch.parents, key=lambda parent: parent.pt)
        if soft.pt / (soft.pt + hard.pt) > z_cut:
            break
        branch = hard
    return branch


def random_jets(seed: int, n_jets: int = 12) -> Particles:
    """Jets of 1 to 30 massive particles around one to three prongs, anywhere in eta and phi."""
    rng = np.random.default_rng(seed)
    filled = np.arange(30) < rng.integers(1, 31, (n_jets, 1))
    prong = rng.integers(0, rng.integers(1, 4, (n_jets, 1)), (n_jets, 30))
    eta = rng.uniform(-2, 2, (n_jets, 1)) + 0.25 * prong + rng.normal(0, 0.1, filled.shape)
    phi = rng.uniform(-np.pi, np.pi, (n_jets, 1)) + 0.15 * prong + rng.normal(0, 0.1, filled.shape)
    return Particles.from_padded(rng.pareto(1.2, filled.shape) * filled, eta, phi, mass=0.14)


def momenta_of(jets: Particles, jet: int) -> FloatArray:
    rows = slice(jets.first[jet], jets.first[jet] + jets.count[jet])
    return np.stack([jets.px[rows], jets.py[rows], jets.pz[rows], jets.energy[rows]], axis=1)


@pytest.mark.parametrize("z_cut", [0.05, 0.1, 0.3])
def test_grooming_keeps_what_a_plain_declustering_keeps(z_cut: float) -> None:
    """Protects the algorithm: the same constituents, jet by jet, and the same four-momentum."""
    jets = random_jets(seed=3)
    groomed = groom_mmdt(jets, z_cut=z_cut)
    for jet in range(jets.n_jets):
        momenta = momenta_of(jets, jet)
        expected = plain_mmdt(momenta, z_cut)
        kept = momenta_of(groomed.constituents, jet)
        key = np.lexsort(kept.T)
        expected_members = momenta[expected.members]
        np.testing.assert_allclose(
            kept[key], expected_members[np.lexsort(expected_members.T)], rtol=1e-12, atol=1e-12
        )
        px, py, pz, energy = expected.momentum
        assert groomed.pt[jet] == pytest.approx(np.hypot(px, py), rel=1e-12)
        assert groomed.eta[jet] == pytest.approx(np.arcsinh(pz / np.hypot(px, py)), rel=1e-9, abs=1e-12)
        assert groomed.phi[jet] == pytest.approx(np.arctan2(py, px), rel=1e-9, abs=1e-12)
        mass = np.sqrt(energy**2 - px**2 - py**2 - pz**2)
        assert groomed.mass[jet] == pytest.approx(mass, rel=1e-6)
    assert (groomed.constituents.count < jets.count).any(), "the sample must test grooming"
    assert (groomed.constituents.count > 1).any(), "the sample must test what is kept"


def test_soft_wide_radiation_goes_and_hard_prongs_stay() -> None:
    """Protects z_cut's meaning on a case that needs no algorithm: 8 % at wide angle goes, 30 % stays."""
    groomed = groom_mmdt(
        Particles.from_padded([[920.0, 80.0], [700.0, 300.0]], [[0.0, 0.6], [0.0, 0.2]], np.zeros((2, 2)))
    )
    np.testing.assert_array_equal(groomed.constituents.count, [1, 2])
    np.testing.assert_allclose(groomed.pt, [920, 1000], rtol=1e-12)
    # two massless prongs: m² = 2 pT1 pT2 (cosh Δη - cos Δφ)
    expected = np.sqrt(2 * 700 * 300 * (np.cosh(0.2) - 1))
    np.testing.assert_allclose(groomed.mass, [0, expected], atol=1e-5)


def test_an_empty_batch_stays_empty() -> None:
    """Protects the edge of streaming: a piece without jets."""
    none = np.zeros((0, 3))
    assert groom_mmdt(Particles.from_padded(none, none, none)).mass.shape == (0,)


@pytest.mark.parametrize("z_cut", [-0.1, 0.5, float("nan")])
def test_a_senseless_z_cut_is_refused(z_cut: float) -> None:
    """Protects against a threshold that no momentum sharing can have."""
    with pytest.raises(BadInput, match="z_cut"):
        groom_mmdt(random_jets(seed=1), z_cut=z_cut)


def test_without_fastjet_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the message for an installation without the extra ``jets``."""
    monkeypatch.setitem(__import__("sys").modules, "fastjet", None)
    load_fastjet.cache_clear()
    try:
        with pytest.raises(MissingTool, match=r"trigml\[jets\]"):
            clustering.anti_kt(random_jets(seed=1), 0.8)
    finally:
        load_fastjet.cache_clear()


def test_the_banner_does_not_reach_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    """Protects stdout, which is for data, from FastJet's announcement."""
    load_fastjet.cache_clear()
    groom_mmdt(random_jets(seed=1))
    assert capfd.readouterr().out == ""

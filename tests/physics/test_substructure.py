"""The 16 jet features: what each name means, edge cases, and invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.physics import correlators
from trigml.physics.grooming import groom_mmdt
from trigml.physics.particles import FloatArray, Particles
from trigml.physics.substructure import JET_FEATURES, jet_features

pytest.importorskip("fastjet")

RATIOS = ["c2_b1", "c2_b2", "d2_b1", "d2_b2", "d2_a1_b1", "d2_a1_b2", "m2_b1", "m2_b2", "n2_b1", "n2_b2"]
BENCHMARK_FEATURES = ["zlogz", "c1_b0", "c1_b1", "c1_b2", *RATIOS, "mass", "multiplicity"]


def padded_jets(seed: int, n_jets: int = 8) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Massless jets with two prongs and some soft wide radiation: pT, eta and phi, zero-padded."""
    rng = np.random.default_rng(seed)
    filled = np.arange(20) < rng.integers(4, 21, (n_jets, 1))
    prong = rng.integers(0, 2, filled.shape)
    eta = 0.3 * prong + rng.normal(0, 0.1, filled.shape)
    phi = 0.2 * prong + rng.normal(0, 0.1, filled.shape)
    return (1 + rng.pareto(1.2, filled.shape)) * filled, eta, phi


def test_each_feature_is_what_its_name_says() -> None:
    """Protects the mapping of names to formulae, on the groomed jet, by a sum over all triplets at once."""
    jets = Particles.from_padded(*padded_jets(seed=2))
    found = jet_features(jets).columns()
    groomed = groom_mmdt(jets, z_cut=0.1)
    kept = groomed.constituents
    assert (kept.count < jets.count).any()
    for jet in range(jets.n_jets):
        rows = slice(kept.first[jet], kept.first[jet] + kept.count[jet])
        z = kept.pt[rows] / kept.pt[rows].sum()
        theta = np.hypot(
            np.subtract.outer(kept.eta[rows], kept.eta[rows]),
            np.subtract.outer(kept.phi[rows], kept.phi[rows]),
        )
        n = len(z)
        angles = np.sort(
            np.stack(np.broadcast_arrays(theta[:, :, None], theta[:, None, :], theta[None, :, :])), axis=0
        )
        i, j, k = np.ogrid[:n, :n, :n]
        weight = np.where((i < j) & (j < k), z[:, None, None] * z[None, :, None] * z[None, None, :], 0)
        e2 = {b: np.sum(np.triu(np.outer(z, z) * theta**b, 1)) for b in (0, 1, 2)}
        e3 = {(v, b): np.sum(weight * np.prod(angles[:v], axis=0) ** b) for v in (1, 2, 3) for b in (1, 2)}
        expected = {
            "zlogz": np.sum(z * np.log(z)),
            "c1_b0": e2[0],
            "c1_b1": e2[1],
            "c1_b2": e2[2],
            "c2_b1": e3[3, 1] / e2[1] ** 2,
            "c2_b2": e3[3, 2] / e2[2] ** 2,
            "d2_b1": e3[3, 1] / e2[1] ** 3,
            "d2_b2": e3[3, 2] / e2[2] ** 3,
            "d2_a1_b1": e3[3, 1] / e2[1] ** 3,
            "d2_a1_b2": e3[3, 1] / e2[2] ** 1.5,
            "m2_b1": e3[1, 1] / e2[1],
            "m2_b2": e3[1, 2] / e2[2],
            "n2_b1": e3[2, 1] / e2[1] ** 2,
            "n2_b2": e3[2, 2] / e2[2] ** 2,
            "mass": groomed.mass[jet],
            "multiplicity": n,
        }
        assert {name: values[jet] for name, values in found.items()} == pytest.approx(expected, rel=1e-9)


def test_the_features_are_the_benchmarks() -> None:
    """Protects names and order, which data files and specs rely on, and that each is described."""
    jets = jet_features(Particles.from_padded(*padded_jets(seed=1)))
    assert list(jets.columns()) == BENCHMARK_FEATURES
    assert [feature.name for feature in JET_FEATURES] == BENCHMARK_FEATURES
    assert all(feature.description for feature in JET_FEATURES)
    assert {feature.name for feature in JET_FEATURES if feature.unit} == {"mass"}


def test_a_cross_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the cross-check itself: a wrong N2 planted in the package is seen."""
    monkeypatch.setattr("trigml.physics.substructure.n2", correlators.m2)
    with pytest.raises(AssertionError):
        test_each_feature_is_what_its_name_says()


def test_jets_of_one_and_two_constituents_are_finite() -> None:
    """Protects the defined values after hard grooming: one particle left, or two."""
    jets = Particles.from_padded([[1000.0, 20.0], [600.0, 400.0]], [[0.0, 0.7], [0.0, 0.1]], np.zeros((2, 2)))
    features = jet_features(jets)
    np.testing.assert_array_equal(features.multiplicity, [1, 2])
    for name, values in features.columns().items():
        assert np.isfinite(values).all(), name
        if name != "multiplicity":
            assert values[0] == 0, name
    assert features.zlogz[1] == pytest.approx(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
    assert features.c1_b0[1] == pytest.approx(0.24)
    for ratio in RATIOS:
        assert getattr(features, ratio)[1] == 0, ratio


def test_an_empty_batch_has_empty_features() -> None:
    """Protects the edge of streaming: a piece without jets."""
    none = np.zeros((0, 3))
    for values in jet_features(Particles.from_padded(none, none, none)).columns().values():
        assert values.shape == (0,)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-2, 2), st.floats(-np.pi, np.pi), st.floats(0.5, 2))
def test_boosts_and_rotations_change_nothing(seed: int, boost: float, angle: float, scale: float) -> None:
    """Protects the features' invariance: along the beam, around it, and in pT (mass scales with it)."""
    pt, eta, phi = padded_jets(seed, n_jets=3)
    here = jet_features(Particles.from_padded(pt, eta, phi)).columns()
    there = jet_features(Particles.from_padded(scale * pt, eta + boost, phi + angle)).columns()
    for name, values in here.items():
        assert np.isfinite(values).all(), name
        factor = scale if name == "mass" else 1.0
        # The mass is the root of a difference of squared energies: its rounding is some 1e-8 of the energy.
        atol = 1e-7 * scale * np.cosh(3) * pt.sum() if name == "mass" else 1e-6
        np.testing.assert_allclose(there[name], factor * values, rtol=1e-5, atol=atol, err_msg=name)

"""Tests of trigml.physics.shower_shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.physics.shower_shapes import (
    MOMENTS,
    SHOWER_FEATURES,
    CellPositions,
    energy_mantissa,
    energy_sum,
    hits,
    layer_energy,
    moment_sums,
    moments,
    moments_by_shift,
    ratio,
    ratio_by_shift,
    ratio_exceeds,
    shower_features,
)

POSITIONS = CellPositions(z=np.array([0.5, 2.0, 5.0]), y=np.arange(-2.0, 3.0), x=np.arange(-3.0, 4.0))


def showers(seed: int, n: int = 4) -> np.ndarray:
    """Words of n showers in 3 × 5 × 7 trigger cells, some of them 0."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 50, (n, 3, 5, 7)) * (rng.random((n, 3, 5, 7)) < 0.5)).astype(np.uint16)


def test_sums_hits_and_layers_of_a_shower_known_by_hand() -> None:
    """Protects the simple features by numbers worked out on paper."""
    cells = np.zeros((2, 3, 5, 7))
    cells[0, 0, 2, 3], cells[0, 1, 2, 4], cells[0, 1, 4, 3] = 2.0, 6.0, 0.5
    assert energy_sum(cells).tolist() == [8.5, 0.0]
    assert hits(cells).tolist() == [3, 0]
    assert hits(cells, 0.5).tolist() == [2, 0]
    assert layer_energy(cells, 1).tolist() == [6.5, 0.0]


def test_moments_of_a_shower_known_by_hand() -> None:
    """Protects the definition: the mean, then the central moments, weighted by energy."""
    cells = np.zeros((1, 3, 5, 7))
    cells[0, 0, 2, 2], cells[0, 2, 2, 6] = 3.0, 1.0  # at x = -1 and 3: the mean is 0
    np.testing.assert_allclose(moments(cells, "x", POSITIONS.x), [[0, 3, 6, 21, 60, 183]])
    np.testing.assert_allclose(moments(cells, "y", POSITIONS.y), np.zeros((1, 6)))
    # z = 0.5 and 5 with weights 3/4 and 1/4: the mean is 1.625
    away = np.array([-1.125, 3.375])
    expected = [1.625, *(0.75 * away[0] ** k + 0.25 * away[1] ** k for k in MOMENTS[1:])]
    np.testing.assert_allclose(moments(cells, "z", POSITIONS.z), [expected])


@given(seed=st.integers(0, 200), factor=st.integers(1, 1000))
def test_moments_do_not_change_with_the_scale_of_the_energy(seed: int, factor: int) -> None:
    """Protects the normalisation by the energy."""
    cells = showers(seed).astype(np.float64)
    for axis, positions in (("x", POSITIONS.x), ("y", POSITIONS.y), ("z", POSITIONS.z)):
        np.testing.assert_allclose(
            moments(cells * factor, axis, positions), moments(cells, axis, positions), rtol=1e-9, atol=1e-9
        )


@given(seed=st.integers(0, 200), shift=st.floats(-20, 20))
def test_central_moments_do_not_change_when_the_shower_moves(seed: int, shift: float) -> None:
    """Protects the moments from the choice of the origin; the mean moves along."""
    cells = showers(seed)
    here, there = moments(cells, "x", POSITIONS.x), moments(cells, "x", POSITIONS.x + shift)
    np.testing.assert_allclose(there[:, 0], here[:, 0] + shift, atol=1e-9)
    np.testing.assert_allclose(there[:, 1:], here[:, 1:], rtol=1e-6, atol=1e-6)


def test_mirrored_showers_change_the_sign_of_odd_moments() -> None:
    """Protects signs and axes: x is the last axis, y the one before."""
    cells = showers(3)
    signs = np.where(np.asarray(MOMENTS) % 2, -1.0, 1.0)
    for axis, number, positions in (("x", 3, POSITIONS.x), ("y", 2, POSITIONS.y)):
        mirrored = np.flip(cells, axis=number)
        np.testing.assert_allclose(
            moments(mirrored, axis, positions), signs * moments(cells, axis, positions), atol=1e-9
        )


@given(seed=st.integers(0, 200))
def test_shifted_moments_are_exact_and_within_a_factor_of_two(seed: int) -> None:
    """Protects the division-free variants: shifts of integer sums, mantissa times the moments about 0."""
    cells = showers(seed)
    total = energy_sum(cells)
    sums = moment_sums(cells, "x", POSITIONS.x)
    np.testing.assert_array_equal(sums, np.rint(sums))
    mantissa = energy_mantissa(cells)
    assert ((mantissa >= 1) & (mantissa < 2)).all()
    highest_bit = np.array([int(word).bit_length() - 1 for word in total])
    np.testing.assert_array_equal(
        moments_by_shift(cells, "x", POSITIONS.x), np.ldexp(sums, -highest_bit[:, None])
    )
    np.testing.assert_allclose(
        moments_by_shift(cells, "x", POSITIONS.x), mantissa[:, None] * sums / total[:, None], rtol=1e-12
    )
    np.testing.assert_allclose(sums[:, 0], total * moments(cells, "x", POSITIONS.x)[:, 0], atol=1e-6)


@given(top=st.integers(0, 10**6), bottom=st.integers(1, 10**6))
def test_a_shifted_ratio_is_one_to_two_times_the_ratio(top: int, bottom: int) -> None:
    """Protects the claim in the docstring, powers of two included."""
    numerator, denominator = np.array([float(top)]), np.array([float(bottom)])
    true, shifted = ratio(numerator, denominator)[0], ratio_by_shift(numerator, denominator)[0]
    assert true <= shifted * (1 + 1e-12)
    assert shifted < 2 * true or top == 0
    assert shifted == top / 2.0 ** (bottom.bit_length() - 1)


@given(
    top=st.integers(0, 2**31 - 1),
    bottom=st.integers(0, 2**31 - 1),
    threshold=st.integers(0, 2**16),
    shift=st.integers(0, 31),
)
def test_compared_products_decide_as_the_exact_ratio(
    top: int, bottom: int, threshold: int, shift: int
) -> None:
    """Protects the cut on a ratio from rounding and overflow: Python's integers are the judge."""
    decided = ratio_exceeds(np.array([top], np.uint32), np.array([bottom], np.int64), threshold, shift)
    assert decided.tolist() == [top * 2**shift > threshold * bottom]


def test_an_empty_shower_has_features_of_zero() -> None:
    """Protects from NaN: 0 / 0 is 0 in every feature."""
    features = shower_features(np.zeros((1, 3, 5, 7), int), np.zeros((1, 2, 3, 3), int), 0.5, POSITIONS)
    np.testing.assert_array_equal(features, np.zeros((1, len(SHOWER_FEATURES))))


def test_features_stand_in_the_declared_order() -> None:
    """Protects names against columns: each is computed again by its own function."""
    ecal, hcal = showers(5), showers(6)[:, :2, :3, :3]
    features = shower_features(ecal, hcal, 0.25, POSITIONS)
    column = {feature.name: features[:, index] for index, feature in enumerate(SHOWER_FEATURES)}
    assert len(column) == features.shape[1]
    np.testing.assert_array_equal(column["hcal_energy"], hcal.sum(axis=(1, 2, 3)) / 4)
    np.testing.assert_array_equal(column["ecal_hits"], hits(ecal))
    np.testing.assert_allclose(column["hcal_over_ecal"], hcal.sum(axis=(1, 2, 3)) / ecal.sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(column["hcal_over_ecal_hits"], hits(hcal) / hits(ecal))
    np.testing.assert_allclose(
        column["layer1_over_layer2"], ecal[:, 0].sum(axis=(1, 2)) / ecal[:, 1].sum(axis=(1, 2))
    )
    for axis, positions in (("x", POSITIONS.x), ("y", POSITIONS.y), ("z", POSITIONS.z)):
        for k in MOMENTS:
            np.testing.assert_array_equal(
                column[f"moment_{axis}{k}"], moments(ecal, axis, positions)[:, k - 1]
            )
            np.testing.assert_array_equal(
                column[f"moment_{axis}{k}_shift"], moments_by_shift(ecal, axis, positions)[:, k - 1]
            )


def test_each_feature_that_divides_has_a_variant_that_does_not() -> None:
    """Protects the promise to firmware."""
    by_name = {feature.name: feature for feature in SHOWER_FEATURES}
    divides = [feature.name for feature in SHOWER_FEATURES if feature.divides]
    assert len(divides) == 3 + 18
    assert all(not by_name[f"{name}_shift"].divides for name in divides)


def test_arguments_that_make_no_sense_are_refused() -> None:
    """Protects from silent broadcasting and from inexact comparisons."""
    cells = showers(1)
    with pytest.raises(BadInput, match="positions along x"):
        moments(cells, "x", POSITIONS.y)
    with pytest.raises(BadInput, match="no such layer"):
        layer_energy(cells, 3)
    with pytest.raises(BadInput, match="axes"):
        energy_sum(cells[0])
    with pytest.raises(BadInput, match="different showers"):
        shower_features(cells, cells[:2], 1.0, POSITIONS)
    with pytest.raises(BadInput, match="integers from 0"):
        ratio_exceeds(np.array([-1]), np.array([1]), 1, 0)
    with pytest.raises(BadInput, match="out of range"):
        ratio_exceeds(np.array([1]), np.array([1]), 1, 32)

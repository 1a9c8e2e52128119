"""Shapes of calorimeter showers: energies, hits, ratios and moments, with and without divisions.

The features are those of the offline study of the LCD calorimeter (Belayneh et al., Eur. Phys. J. C 80 (2020)
688): energies and hits of ECAL and HCAL and their ratios, the ratio of the first to the second layer, and the
moments 1 to 6 along x, y and z. They can be computed on the cells of the detector or on the trigger cells; a
"layer" is then a depth segment. Two of them are not the study's to the letter: its published code counts hits
above 0.1 GeV in a cell of the detector (here: trigger cells above 0, after zero suppression), and takes as
moment k the mean of |x - middle of the window|^k (here: the mean position, then central moments; the
division-free variants are about the middle of the window, like the study's).

Firmware divides at a high price in latency and resources. So each feature that needs a division has a
variant without one: a ratio becomes its two parts, or a shift by the power of two of its denominator (which a
priority encoder finds), or a comparison of products. The variants say so in their names.

Arrays of cells have the axes (n, layer, y, x); energies are in any unit, words of a trigger included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.physics.uncertainties import FloatArray

Cells: TypeAlias = NDArray[np.integer] | NDArray[np.floating]
Axis: TypeAlias = Literal["z", "y", "x"]
MOMENTS = (1, 2, 3, 4, 5, 6)
_OTHER_AXES: dict[Axis, tuple[int, int]] = {"z": (2, 3), "y": (1, 3), "x": (1, 2)}


def energy_sum(cells: Cells) -> FloatArray:
    """(n,), energy of all cells."""
    return np.asarray(_checked(cells).sum(axis=(1, 2, 3), dtype=np.float64))


def layer_energy(cells: Cells, layer: int) -> FloatArray:
    """(n,), energy of one layer, counted from 0 at the front.

    Raises:
        BadInput: there is no such layer.
    """
    if not 0 <= layer < _checked(cells).shape[1]:
        raise BadInput("there is no such layer", expected=f"0 to {cells.shape[1] - 1}", found=str(layer))
    return np.asarray(cells[:, layer].sum(axis=(1, 2), dtype=np.float64))


def hits(cells: Cells, threshold: float = 0.0) -> NDArray[np.int64]:
    """(n,), number of cells with an energy above ``threshold``."""
    return np.asarray(np.count_nonzero(_checked(cells) > threshold, axis=(1, 2, 3)), dtype=np.int64)


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient of two arrays, 0 where the denominator is not above 0. Needs a division."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)


def ratio_by_shift(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Division-free variant of ``ratio``: numerator · 2^−k with 2^k ≤ denominator < 2^(k+1).

    It is from 1 to 2 times the ratio (1 included), depending on the denominator's mantissa; 0 where the
    denominator is 0. For integer denominators k is the place of the highest bit.
    """
    _, exponent = np.frexp(denominator)
    shifted = np.ldexp(np.asarray(numerator, dtype=np.float64), 1 - exponent)
    return np.where(denominator > 0, shifted, 0.0)


def ratio_exceeds(
    numerator: NDArray[np.integer], denominator: NDArray[np.integer], threshold: int, shift: int
) -> NDArray[np.bool_]:
    """Division-free decision numerator / denominator > threshold / 2^shift, by comparing products exactly.

    Args:
        numerator, denominator: (n,) integers from 0 to 2^31 − 1; with a denominator of 0 any numerator above
            0 exceeds.
        threshold: 0 to 2^16; shift: 0 to 31.

    Raises:
        BadInput: an argument outside its range, or arrays that are not integers.
    """
    for array in (numerator, denominator):
        if array.dtype.kind not in "iu" or (array.size and not 0 <= array.min() <= array.max() < 2**31):
            raise BadInput("products are compared for integers from 0 to 2^31 - 1", found=str(array.dtype))
    if not (0 <= threshold <= 2**16 and 0 <= shift <= 31):
        raise BadInput(
            "the threshold of a ratio is out of range",
            expected="threshold 0 to 65536, shift 0 to 31",
            found=f"{threshold}, {shift}",
        )
    return numerator.astype(np.int64) << shift > threshold * denominator.astype(np.int64)


def moments(cells: Cells, axis: Axis, positions: FloatArray) -> FloatArray:
    """Energy-weighted moments of a shower along an axis; they need divisions.

    M_1 = Σ E x / Σ E and, for k = 2 to 6, M_k = Σ E (x − M_1)^k / Σ E: the mean position, then the central
    moments. They do not change when all energies are multiplied by one factor.

    Args:
        cells: (n, layer, y, x), not negative.
        axis: along which axis.
        positions: the position of each cell along it, in any unit of length.

    Returns:
        (n, 6), M_k in the unit of the positions to the power of k; 0 for a shower without energy.
    """
    profile = _profile(cells, axis, positions)
    total = profile.sum(axis=1)
    mean = ratio(profile @ positions, total)
    away = positions - mean[:, None]
    central = [ratio((profile * away**k).sum(axis=1), total) for k in MOMENTS[1:]]
    return np.stack([mean, *central], axis=1)


def moment_sums(cells: Cells, axis: Axis, positions: FloatArray) -> FloatArray:
    """Division-free sums S_k = Σ E x^k for k = 1 to 6, about the origin of the positions: (n, 6).

    The origin is fixed (the middle of the trigger's window, the front face), so that each S_k is one weighted
    sum over the cells with weights known beforehand. S_k grows with the energy of the shower.
    """
    return np.asarray(_profile(cells, axis, positions) @ positions[:, None] ** np.asarray(MOMENTS))


def moments_by_shift(cells: Cells, axis: Axis, positions: FloatArray) -> FloatArray:
    """Division-free variant of ``moments``: S_k · 2^−j with 2^j ≤ Σ E < 2^(j+1), (n, 6).

    S_k is that of ``moment_sums``. Up to a factor from 1 to 2 that is the same for all k (the mantissa of
    Σ E, see ``energy_mantissa``) these are the moments about the origin; 0 for a shower without energy.
    """
    total = _profile(cells, axis, positions).sum(axis=1)
    return ratio_by_shift(moment_sums(cells, axis, positions), total[:, None])


def energy_mantissa(cells: Cells) -> FloatArray:
    """(n,), Σ E · 2^−j with 2^j ≤ Σ E < 2^(j+1): the factor from 1 to 2 that shifts leave in; 0 if empty."""
    total = energy_sum(cells)
    return ratio_by_shift(total, total)


@dataclass(frozen=True, slots=True)
class ShowerFeature:
    """A feature of a shower.

    Attributes:
        unit: ``""`` for a dimensionless one.
        divides: firmware would need a division for it.
    """

    name: str
    unit: str
    description: str
    divides: bool = False


def _features() -> tuple[ShowerFeature, ...]:
    both = "ECAL and HCAL trigger cells"
    features = [
        ShowerFeature("ecal_energy", "GeV", "energy in the ECAL"),
        ShowerFeature("hcal_energy", "GeV", "energy in the HCAL"),
        ShowerFeature("ecal_hits", "", "ECAL trigger cells above 0"),
        ShowerFeature("hcal_hits", "", "HCAL trigger cells above 0"),
        ShowerFeature("layer1_energy", "GeV", "energy in the first depth segment of the ECAL"),
        ShowerFeature("layer2_energy", "GeV", "energy in the second depth segment of the ECAL"),
        ShowerFeature("layer1_over_layer2", "", "ratio of layer1_energy to layer2_energy", divides=True),
        ShowerFeature("hcal_over_ecal", "", "ratio of hcal_energy to ecal_energy", divides=True),
        ShowerFeature("hcal_over_ecal_hits", "", f"ratio of hits, {both}", divides=True),
    ]
    for axis in _OTHER_AXES:
        unit = "layers" if axis == "z" else "cells"
        for k in MOMENTS:
            power = unit if k == 1 else f"{unit}^{k}"
            text = f"energy-weighted {'mean' if k == 1 else f'central moment {k}'} along {axis}"
            features.append(ShowerFeature(f"moment_{axis}{k}", power, text, divides=True))
    features += [
        ShowerFeature("layer1_over_layer2_shift", "", "layer1_energy shifted by the highest bit of layer2's"),
        ShowerFeature("hcal_over_ecal_shift", "", "hcal_energy shifted by the highest bit of ecal_energy"),
        ShowerFeature("hcal_over_ecal_hits_shift", "", "hcal_hits shifted by the highest bit of ecal_hits"),
        ShowerFeature("ecal_mantissa", "", "ecal_energy shifted by its own highest bit: from 1 to 2"),
    ]
    for axis in _OTHER_AXES:
        unit = "layers" if axis == "z" else "cells"
        for k in MOMENTS:
            power = unit if k == 1 else f"{unit}^{k}"
            text = f"sum of energy * {axis}^{k}, shifted by the highest bit of ecal_energy"
            features.append(ShowerFeature(f"moment_{axis}{k}_shift", power, text))
    return tuple(features)


SHOWER_FEATURES = _features()
"""The features of ``shower_features``, in its order: first those of the study, then the shifted variants."""


@dataclass(frozen=True, slots=True, eq=False)
class CellPositions:
    """Where the ECAL's cells are: z (layers,) from the front face; y and x from the middle of the window."""

    z: FloatArray
    y: FloatArray
    x: FloatArray


def shower_features_of(n_segments: int, has_hcal: bool) -> tuple[ShowerFeature, ...]:
    """Those of ``SHOWER_FEATURES`` that a calorimeter with so many ECAL segments has."""
    return tuple(
        feature
        for feature in SHOWER_FEATURES
        if (has_hcal or "hcal" not in feature.name) and (n_segments > 1 or "layer2" not in feature.name)
    )


def shower_features(
    ecal: NDArray[np.integer], hcal: NDArray[np.integer] | None, lsb: float, positions: CellPositions
) -> FloatArray:
    """The features of showers in trigger cells: (n, F), those of ``shower_features_of``.

    Args:
        ecal, hcal: (n, segment, y, x), words of the trigger cells with one LSB for both; ``hcal`` may be
            ``None``.
        lsb: the energy of a word of 1, in GeV.
        positions: of the ECAL's trigger cells, z in layers, y and x in cells.

    Raises:
        BadInput: shapes do not fit together.
    """
    if hcal is not None and len(ecal) != len(hcal):
        raise BadInput("ECAL and HCAL have different showers", found=f"{len(ecal)} and {len(hcal)}")
    energy, count, first = energy_sum(ecal), hits(ecal).astype(np.float64), layer_energy(ecal, 0)
    columns = {"ecal_energy": lsb * energy, "ecal_hits": count, "layer1_energy": lsb * first}
    pairs: dict[str, tuple[FloatArray, FloatArray]] = {}
    if ecal.shape[1] > 1:
        second = layer_energy(ecal, 1)
        columns["layer2_energy"] = lsb * second
        pairs["layer1_over_layer2"] = (first, second)
    if hcal is not None:
        behind, count_behind = energy_sum(hcal), hits(hcal).astype(np.float64)
        columns |= {"hcal_energy": lsb * behind, "hcal_hits": count_behind}
        pairs |= {"hcal_over_ecal": (behind, energy), "hcal_over_ecal_hits": (count_behind, count)}
    columns |= {name: ratio(*pair) for name, pair in pairs.items()}
    columns |= {f"{name}_shift": ratio_by_shift(*pair) for name, pair in pairs.items()}
    columns["ecal_mantissa"] = energy_mantissa(ecal)
    along: tuple[tuple[Axis, FloatArray], ...] = (("z", positions.z), ("y", positions.y), ("x", positions.x))
    for axis, places in along:
        divided, shifted = moments(ecal, axis, places), moments_by_shift(ecal, axis, places)
        columns |= {f"moment_{axis}{k}": divided[:, k - 1] for k in MOMENTS}
        columns |= {f"moment_{axis}{k}_shift": shifted[:, k - 1] for k in MOMENTS}
    wanted = shower_features_of(ecal.shape[1], hcal is not None)
    return np.stack([columns[feature.name] for feature in wanted], axis=1)


def _profile(cells: Cells, axis: Axis, positions: FloatArray) -> FloatArray:
    """(n, positions), the energy at each position along the axis."""
    profile = np.asarray(_checked(cells).sum(axis=_OTHER_AXES[axis], dtype=np.float64))
    if positions.shape != profile.shape[1:]:
        raise BadInput(
            f"the positions along {axis} are not those of the cells",
            expected=str(profile.shape[1:]),
            found=str(positions.shape),
        )
    return profile


def _checked(cells: Cells) -> Cells:
    if cells.ndim != 4:
        raise BadInput("cells have the axes (n, layer, y, x)", found=str(cells.shape))
    return cells

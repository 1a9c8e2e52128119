"""The packaged sample of showers: what its users rely on, and that its physics is as it should be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.data.header import read_header
from trigml.data.samples import sample_path
from trigml.physics.resolution import energy_bins
from trigml.physics.resolution_fit import fit_bins
from trigml.physics.roc import auc
from trigml.physics.shower_shapes import SHOWER_FEATURES, CellPositions, shower_features
from trigml.physics.trigger_cells import TriggerGrid
from trigml.physics.uncertainties import Measured

TOWERS = (2, 3, 3, 3, 3, 3, 3, 3, 2)
GRID = TriggerGrid(layers=(4, 8, 13), y=TOWERS, x=TOWERS)
GAMMA, PI0, ELECTRON, PION = range(4)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "showers.md"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The file's columns."""

    features: dict[str, np.ndarray]
    labels: np.ndarray
    words: np.ndarray


@pytest.fixture(scope="module")
def sample() -> Sample:
    with h5py.File(sample_path("showers")) as file:
        columns = {name: dataset[:].astype(np.float64) for name, dataset in file["features"].items()}
        words = 32 * file["constituents/energy"][:].astype(np.float64)
        return Sample(columns, file["labels"][:], words)


def test_the_sample_is_what_the_package_promises() -> None:
    """Protects size, columns and provenance of the packaged file."""
    path = sample_path("showers")
    assert path.stat().st_size <= 15_000_000
    header = read_header(path)
    assert header.n_events == 40_000
    assert header.class_names == ("gamma", "pi0", "electron", "pion")
    assert header.feature_names == (
        *(feature.name for feature in SHOWER_FEATURES),
        *("true_energy", "true_impact_x", "true_impact_y", "true_hcal_over_ecal"),
    )
    assert (header.constituent_names, header.n_constituents) == (("energy",), 293)
    assert "not from an experiment" in str(header.provenance["origin"])
    assert {"seed", "command", "licence", "noise", "words", "scale", "sha256 of pi0"} <= set(
        header.provenance
    )


def test_the_document_describes_this_very_file() -> None:
    """Protects docs/showers.md from describing an older sample."""
    assert hashlib.sha256(sample_path("showers").read_bytes()).hexdigest() in DOCUMENT.read_text()


def test_classes_are_balanced_and_mixed(sample: Sample) -> None:
    """Protects training with batches from the front of the file."""
    np.testing.assert_array_equal(np.bincount(sample.labels), [10_000] * 4)
    for part in np.array_split(sample.labels, 20):
        assert (np.abs(np.bincount(part, minlength=4) / len(part) - 0.25) < 0.06).all()


def test_cells_are_words_and_features_are_computed_from_them(sample: Sample) -> None:
    """Protects the sample's consistency: each feature again from the stored words, to the stated 14 bits."""
    np.testing.assert_array_equal(sample.words, np.rint(sample.words))
    words = sample.words[:5000].astype(np.uint16)
    ecal, hcal = words[:, :243].reshape(-1, 3, 9, 9), words[:, 243:].reshape(-1, 2, 5, 5)
    assert words.max() < 2**11
    assert ecal[ecal > 0].min() == 2
    assert hcal[hcal > 0].min() == 4
    found = shower_features(ecal, hcal, 1 / 32, CellPositions(GRID.centres_z, GRID.centres_y, GRID.centres_x))
    for feature, values in zip(SHOWER_FEATURES, found.T, strict=True):
        np.testing.assert_allclose(
            sample.features[feature.name][:5000], values, rtol=2.0**-14, atol=1e-300, err_msg=feature.name
        )


def test_electrons_are_measured_as_well_as_the_calorimeter_allows(sample: Sample) -> None:
    """Protects scale, noise and LSB: 18 %/√E without them, a little more with them."""
    is_electron = sample.labels == ELECTRON
    true = sample.features["true_energy"][is_electron]
    bins = energy_bins(
        sample.features["ecal_energy"][is_electron], true, np.geomspace(4, 60.001, 9), resamples=30
    )
    assert all(energy_bin.median.value == pytest.approx(0.98, abs=0.02) for energy_bin in bins)
    fit = fit_bins(bins)
    assert isinstance(fit.stochastic, Measured)
    assert 0.16 < fit.stochastic.value < 0.22
    assert fit.chi2 < 3 * fit.ndf


def test_particles_look_as_they_should(sample: Sample) -> None:
    """Protects the labels: π⁰ are wider than photons where they split, pions reach the HCAL."""
    width = sample.features["moment_x2"] + sample.features["moment_y2"]
    low = (sample.features["true_energy"] < 20) & (sample.labels <= PI0)
    assert auc(width[low], sample.labels[low] == PI0).value > 0.85
    charged = sample.labels >= ELECTRON
    leaks = sample.features["hcal_over_ecal"][charged]
    assert auc(leaks, sample.labels[charged] == PION).value > 0.97
    electromagnetic = sample.features["true_hcal_over_ecal"] < 0.025
    assert 0.005 < electromagnetic[sample.labels == PION].mean() < 0.02
    assert electromagnetic[sample.labels == ELECTRON].mean() > 0.9


def test_trigger_cells_see_photons_apart_from_merging_pions(sample: Sample) -> None:
    """Protects the granularity: above 27 GeV, where photons can be within 0.01 rad, they separate."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    chosen = (sample.labels <= PI0) & (sample.features["true_energy"] > 27)
    ecal = sample.words[chosen, :243]
    fractions = ecal / ecal.sum(axis=1, keepdims=True)
    is_photon = sample.labels[chosen] == GAMMA
    half = len(fractions) // 2
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(fractions[:half], is_photon[:half])
    assert auc(model.decision_function(fractions[half:]), is_photon[half:]).value > 0.8

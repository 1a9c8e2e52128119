"""The packaged sample of jets: what its users rely on, and that its physics is as it should be."""

from importlib.resources import as_file, files

import h5py
import numpy as np
import pytest

from trigml.data.header import read_header
from trigml.physics.particles import FloatArray
from trigml.physics.substructure import JET_FEATURES

SAMPLE = files("trigml.data") / "packaged" / "jets.h5"
G, Q, W, Z, T = range(5)


@pytest.fixture(scope="module")
def features() -> dict[str, FloatArray]:
    with as_file(SAMPLE) as path, h5py.File(path) as file:
        columns = {name: dataset[:].astype(np.float64) for name, dataset in file["features"].items()}
        return columns | {"label": file["labels"][:], "event_id": file["event_id"][:]}


def test_the_sample_is_what_the_package_promises() -> None:
    """Protects size, columns and provenance of the packaged file."""
    with as_file(SAMPLE) as path:
        assert path.stat().st_size <= 15_000_000
        header = read_header(path)
    assert header.n_events == 100_000
    assert header.class_names == ("g", "q", "W", "Z", "t")
    assert header.feature_names[:16] == tuple(feature.name for feature in JET_FEATURES)
    assert header.feature_names[16:] == ("jet_pt", "jet_eta", "jet_mass")
    assert header.constituent_names == ("pt", "deta", "dphi")
    assert header.n_constituents == 16
    assert "not from an experiment" in str(header.provenance["origin"])
    assert {"generator", "settings", "seed", "command", "licence"} <= set(header.provenance)


def test_classes_are_balanced_and_both_jets_of_an_event_agree(features: dict[str, FloatArray]) -> None:
    """Protects the labels and the true event ids."""
    np.testing.assert_array_equal(np.bincount(features["label"].astype(int)), [20_000] * 5)
    events, first, count = np.unique(features["event_id"], return_index=True, return_counts=True)
    assert set(count) == {1, 2}
    event = np.searchsorted(events, features["event_id"])
    np.testing.assert_array_equal(features["label"], features["label"][first][event])


def test_values_are_finite_and_in_their_ranges(features: dict[str, FloatArray]) -> None:
    """Protects training from NaN and the selection from slips."""
    for name, values in features.items():
        assert np.isfinite(values).all(), name
    assert ((features["jet_pt"] >= 800) & (features["jet_pt"] <= 1600)).all()
    assert (features["multiplicity"] >= 1).all()
    assert (features["zlogz"] <= 0).all()
    assert ((features["c1_b0"] >= 0) & (features["c1_b0"] < 0.5)).all()
    assert (features["mass"] <= features["jet_mass"] * 1.001).all()
    np.testing.assert_array_equal(features["d2_a1_b1"], features["d2_b1"])


@pytest.mark.parametrize(("label", "mass"), [(W, 80.4), (Z, 91.2), (T, 173.0)])
def test_groomed_masses_peak_at_the_particles(
    features: dict[str, FloatArray], label: int, mass: float
) -> None:
    """Protects generation, matching and grooming together: the W, Z and top are seen in the groomed mass."""
    counts, edges = np.histogram(features["mass"][features["label"] == label], bins=np.arange(20, 260, 3))
    assert edges[counts.argmax()] == pytest.approx(mass - 1.5, abs=4.5)


def test_gluon_jets_have_more_constituents_than_quark_jets(features: dict[str, FloatArray]) -> None:
    """Protects the labels of the two classes that have no mass peak."""
    mean = [features["multiplicity"][features["label"] == label].mean() for label in (G, Q)]
    assert mean[0] > 1.3 * mean[1]

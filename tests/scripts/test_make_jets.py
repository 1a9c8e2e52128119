"""scripts/make_jets.py: the packaged sample's generator, and jets from a file of constituents."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.data.header import read_header
from trigml.physics.particles import Particles
from trigml.physics.substructure import JET_FEATURES, jet_features

pytest.importorskip("fastjet")

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_jets.py"
FEATURES = [feature.name for feature in JET_FEATURES]


def make_jets(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def write_constituents(path: Path, *, classes: tuple[str, ...] = ("g", "q", "W", "Z", "t")) -> None:
    rng = np.random.default_rng(4)
    filled = np.arange(30) < rng.integers(5, 31, (12, 1))
    with h5py.File(path, "w") as file:
        file.attrs["classes"] = list(classes)
        file["constituents/pt"] = np.sort(10 * (1 + rng.pareto(1.2, filled.shape)) * filled)[:, ::-1]
        file["constituents/deta"] = rng.normal(0, 0.1, filled.shape)
        file["constituents/dphi"] = rng.normal(0, 0.1, filled.shape)
        file["jet_pt"] = file["constituents/pt"][:].sum(axis=1)
        file["jet_mass"] = np.full(12, 50.0)
        file["label"] = (np.arange(12) % 5).astype("int8")


def test_jets_from_a_file_of_constituents(tmp_path: Path) -> None:
    """Protects the conversion: a valid file, the features of the constituents, 16 of them, to stated bits."""
    write_constituents(tmp_path / "in.h5")
    done = make_jets("--from-constituents", tmp_path / "in.h5", "--out", tmp_path / "out.h5")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    header = read_header(tmp_path / "out.h5")
    assert header.feature_names == (*FEATURES, "jet_pt", "jet_mass")
    assert (header.n_events, header.n_constituents, header.class_names) == (12, 16, ("g", "q", "W", "Z", "t"))
    with h5py.File(tmp_path / "in.h5") as source, h5py.File(tmp_path / "out.h5") as file:
        pt, deta, dphi = (source[f"constituents/{name}"][:] for name in ("pt", "deta", "dphi"))
        expected = jet_features(Particles.from_padded(pt, deta, dphi)).columns()
        for name, values in expected.items():
            np.testing.assert_allclose(file["features"][name][:], values, rtol=2.0**-15, err_msg=name)
        np.testing.assert_allclose(file["constituents/pt"][:], pt[:, :16], rtol=2.0**-11)
        np.testing.assert_array_equal(file["labels"][:], source["label"][:])
        np.testing.assert_array_equal(file["event_id"][:], np.arange(12))


def test_a_file_of_other_classes_is_refused(tmp_path: Path) -> None:
    """Protects against wrong labels: exit code 2, a message, and no file."""
    write_constituents(tmp_path / "in.h5", classes=("a", "b"))
    done = make_jets("--from-constituents", tmp_path / "in.h5", "--out", tmp_path / "out.h5")
    assert done.returncode == 2
    assert "classes" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.slow
def test_generation_is_reproducible_and_labelled(tmp_path: Path) -> None:
    """Protects the sample's recipe: the same bytes from one and two processes, event ids, masses."""
    pytest.importorskip("pythia8mc")
    for processes in (1, 2):
        out = tmp_path / f"{processes}.h5"
        done = make_jets("--generate", "52", "--seed", "3", "--processes", str(processes), "--out", out)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()
    header = read_header(tmp_path / "1.h5")
    assert header.n_events == 52
    assert header.provenance["seed"] == 3
    with h5py.File(tmp_path / "1.h5") as file:
        labels, event_id, pt = file["labels"][:], file["event_id"][:], file["features/jet_pt"][:]
        mass = file["features/mass"][:]
    np.testing.assert_array_equal(np.bincount(labels), [11, 11, 10, 10, 10])
    assert ((pt > 800) & (pt < 1600)).all()
    events, jets = np.unique(event_id, return_counts=True)
    assert set(jets) == {1, 2}
    for event in events[jets == 2]:
        assert len(set(labels[event_id == event])) == 1
    assert 60 < np.median(mass[labels == 2]) < 100
    assert 130 < np.median(mass[labels == 4]) < 200

"""scripts/make_showers.py: from files of showers to the events of a trigger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.cli.main import exit_code_of
from trigml.data.header import read_header

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_showers.py"


def make_showers(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def write_source(path: Path, pdg: int, n: int = 20) -> None:
    """Showers with a few large deposits, known well enough that noise cannot hide them.

    Shower i deposits 180 MeV in one ECAL cell of a layer of weight 2, 90 MeV in one of the first layer, of
    weight 1, and 200 MeV in the middle of the HCAL's front.
    """
    ecal, hcal = np.zeros((n, 25, 25, 25), np.float16), np.zeros((n, 60, 5, 5), np.float16)
    rows = np.arange(n)
    ecal[rows, 20, 12, rows] = 180
    ecal[rows, 0, rows, 12] = 90
    hcal[rows, 3, 2, 2] = 200
    with h5py.File(path, "w") as file:
        file.create_dataset("ECAL", data=ecal, chunks=(5, 25, 25, 25), compression="gzip")
        file.create_dataset("HCAL", data=hcal, chunks=(5, 60, 5, 5), compression="gzip")
        file["energy"] = 10.0 + rows.astype(np.float32)
        file["impact"] = np.stack([rows / 10, -rows / 10], axis=1).astype(np.float32)
        file["pdgID"] = np.full(n, pdg, np.int32)


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    write_source(tmp_path / "electron.h5", 11)
    write_source(tmp_path / "piminus.h5", -211)
    return [f"electron={tmp_path / 'electron.h5'}", f"pion={tmp_path / 'piminus.h5'}"]


def test_showers_become_words_features_and_truth(sources: list[str], tmp_path: Path) -> None:
    """Protects every step by deposits whose trigger cells are worked out by hand."""
    done = make_showers(*sources, "--out", tmp_path / "out.h5")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    header = read_header(tmp_path / "out.h5")
    assert (header.n_events, header.n_constituents) == (40, 293)
    assert header.class_names == ("electron", "pion")
    with h5py.File(tmp_path / "out.h5") as file:
        cells, label = file["constituents/energy"][:].astype(float), file["labels"][:]
        column = {name: dataset[:] for name, dataset in file["features"].items()}
        event_id = file["event_id"][:]
    row = (event_id & np.uint64(2**32 - 1)).astype(int)
    np.testing.assert_array_equal(event_id >> np.uint64(32), label)
    assert sorted(zip(label, row, strict=True)) == [(kind, i) for kind in (0, 1) for i in range(20)]
    np.testing.assert_array_equal(column["true_energy"], 10 + row)
    np.testing.assert_allclose(column["true_impact_y"], -row / 10, rtol=2**-13, atol=1e-6)
    np.testing.assert_allclose(column["true_hcal_over_ecal"], 200 / 450, rtol=2**-13)
    np.testing.assert_array_equal(cells * 32, np.rint(cells * 32))
    ecal, hcal = cells[:, :243].reshape(40, 3, 9, 9), cells[:, 243:].reshape(40, 2, 5, 5)
    tower = np.searchsorted([2, 5, 8, 11, 14, 17, 20, 23], row, side="right")
    np.testing.assert_allclose(ecal[np.arange(40), 2, 4, tower], 360 * 0.0556, atol=0.15)
    np.testing.assert_allclose(ecal[np.arange(40), 0, tower, 4], 90 * 0.0556, atol=0.15)
    np.testing.assert_allclose(hcal[:, 0, 2, 2], 200 * 0.0609, atol=0.25)
    np.testing.assert_allclose(column["ecal_energy"], ecal.sum(axis=(1, 2, 3)), rtol=2**-13)
    np.testing.assert_allclose(column["layer1_energy"], ecal[:, 0].sum(axis=(1, 2)), rtol=2**-13)
    others = np.sort(ecal.reshape(40, -1), axis=1)[:, :-2]
    assert 0 < np.mean(others > 0) < 0.03, (
        "noise passes the zero suppression in about 1 % of the trigger cells"
    )


def test_the_same_seed_gives_the_same_bytes(sources: list[str], tmp_path: Path) -> None:
    """Protects the reproducibility of the packaged sample; another seed changes order and noise."""
    files = [tmp_path / name for name in ("a.h5", "b.h5", "c.h5")]
    for path, seed in zip(files, (1, 1, 2), strict=True):
        assert make_showers(*sources, "--seed", str(seed), "--out", path).returncode == 0
    first, again, other = (path.read_bytes() for path in files)
    assert first == again
    assert first != other


def test_the_script_is_the_command_with_its_defaults(
    sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects users who make their own sample: `trigml data showers` gives the same events."""
    assert make_showers(*sources, "--out", tmp_path / "script.h5").returncode == 0
    assert exit_code_of(["data", "showers", *sources, "-o", str(tmp_path / "command.h5")]) == 0
    with h5py.File(tmp_path / "script.h5") as script, h5py.File(tmp_path / "command.h5") as command:
        names: list[str] = []
        script.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        assert len(names) == 49 + 4 + 3
        for name in names:
            np.testing.assert_array_equal(command[name][:], script[name][:])
        about = dict(command["provenance"].attrs)
        assert about.pop("command").endswith("electron=electron.h5 pion=piminus.h5 --seed 1")
        theirs = dict(script["provenance"].attrs)
        assert theirs.pop("command").startswith("python scripts/make_showers.py")
        assert {"origin", "licence"} == theirs.keys() - about.keys()
        assert about.items() <= theirs.items()


def test_bad_arguments_and_files_end_with_a_message(sources: list[str], tmp_path: Path) -> None:
    """Protects from tracebacks and half-written files: exit code 2."""
    (tmp_path / "empty.h5").touch()
    for arguments, problem in (
        ([f"gamma={tmp_path / 'none.h5'}", "--out", tmp_path / "out.h5"], "no such file"),
        ([f"gamma={tmp_path / 'empty.h5'}", "--out", tmp_path / "out.h5"], "empty"),
        ([*sources, sources[0], "--out", tmp_path / "out.h5"], "named twice"),
        (["gamma.h5", "--out", tmp_path / "out.h5"], "NAME=FILE"),
        (sources, "--out"),
    ):
        done = make_showers(*arguments)
        assert done.returncode == 2
        assert problem in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.h5").exists()

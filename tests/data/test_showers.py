"""Tests of trigml.data.shower_files and trigml.data.showers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import trigml.data.showers
from trigml.data.shower_files import ShowerExtra, ShowerLayout, open_shower_file
from trigml.data.shower_layouts import LCD_LAYOUT
from trigml.data.showers import Showers, mixed_showers, particles, read_showers
from trigml.errors import BadInput

LAYOUT = ShowerLayout(ecal_shape=(4, 3, 5), hcal_shape=(2, 3, 3))
MakeShowers = Callable[..., Path]


def datasets(n: int, pdg: int, first: int = 0) -> dict[str, np.ndarray]:
    """Showers whose first ECAL cell and true energy tell the row."""
    rng = np.random.default_rng(pdg)
    ecal = rng.random((n, 4, 3, 5)).astype(np.float16)
    ecal[:, 0, 0, 0] = np.arange(first, first + n)
    return {
        "ECAL": ecal,
        "HCAL": rng.random((n, 2, 3, 3)).astype(np.float16),
        "energy": np.arange(first, first + n, dtype=np.float32) + 1,
        "pdgID": np.full(n, pdg, np.int32),
    }


@pytest.fixture
def make(tmp_path: Path) -> MakeShowers:
    """A function that writes a file of showers, with some of its datasets changed or left out (None)."""

    def write(name: str = "a.h5", n: int = 20, pdg: int = 22, chunk: int = 6, **changed: Any) -> Path:
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, values in (datasets(n, pdg) | changed).items():
                if values is not None:
                    chunks = (min(chunk, len(values)), *values.shape[1:]) if len(values) else None
                    file.create_dataset(
                        key, data=values, chunks=chunks, compression="gzip" if chunks else None
                    )
        return path

    return write


def together(batches: list[Showers], name: str) -> np.ndarray:
    return np.concatenate([getattr(batch, name) for batch in batches])


@pytest.mark.parametrize("size", [1, 7, 20, 1000])
def test_a_file_is_read_in_its_order_whatever_the_batch(make: MakeShowers, size: int) -> None:
    """Protects every value and its place from the cutting into batches."""
    file = open_shower_file(make(), LAYOUT)
    batches = list(read_showers(file, size))
    assert [len(batch) for batch in batches] == [size] * (20 // size) + ([20 % size] if 20 % size else [])
    expected = datasets(20, 22)
    np.testing.assert_array_equal(together(batches, "ecal"), expected["ECAL"].astype(np.float32))
    np.testing.assert_array_equal(together(batches, "hcal"), expected["HCAL"].astype(np.float32))
    np.testing.assert_array_equal(together(batches, "energy"), expected["energy"])
    np.testing.assert_array_equal(together(batches, "row"), np.arange(20))
    assert set(together(batches, "pdg_id")) == {22}


def test_the_public_layout_is_turned_to_layer_y_x(make: MakeShowers) -> None:
    """Protects the meaning of the axes: one cell that is hit has to come out at its own place."""
    ecal, hcal = np.zeros((3, 25, 25, 25), np.float32), np.zeros((3, 5, 5, 60), np.float32)
    ecal[1, 11, 7, 2] = 5.0  # x, y, layer
    hcal[2, 0, 4, 59] = 3.0
    changed = {
        "energy": np.full((3, 1), 10.0),
        "pdgID": np.full((3, 1), 22.0),
        "openingAngle": np.arange(3.0),
    }
    path = make(n=3, ECAL=ecal, HCAL=hcal, **changed)
    (batch,) = read_showers(open_shower_file(path, LCD_LAYOUT))
    assert np.argwhere(batch.ecal).tolist() == [[1, 2, 7, 11]]
    assert np.argwhere(batch.hcal).tolist() == [[2, 59, 4, 0]]
    assert batch.extras.tolist() == [[0.0], [1.0], [2.0]]
    assert (batch.ecal.max(), batch.hcal.max()) == (5000.0, 3000.0), "GeV in the file, MeV here"
    assert batch.energy.shape == (3,)


def test_names_and_a_missing_hcal_can_be_declared(make: MakeShowers) -> None:
    """Protects files of other detectors."""
    path = make(HCAL=None, pdgID=None, energy=None, E_true=np.ones(20))
    file = open_shower_file(path, ShowerLayout(hcal=None, pdg_id=None, energy="E_true"))
    (batch,) = read_showers(file)
    assert batch.hcal is None
    assert batch.pdg_id is None
    assert file.ecal_shape == (4, 3, 5)


def test_a_mixture_has_every_shower_once_and_repeats(
    make: MakeShowers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects mixing: nothing lost or twice, values stay with their row, the seed alone gives the order."""
    monkeypatch.setattr(trigml.data.showers, "_BLOCK_BYTES", 40 * 4 * (60 + 18))  # several loads
    named = [("g", make("g.h5", 200, 22)), ("p", make("p.h5", 80, 111))]
    mixture = particles(named, LAYOUT)
    batches = list(mixed_showers(mixture, seed=3, n_showers=16))
    source, row = together(batches, "source"), together(batches, "row")
    assert sorted(zip(source, row, strict=True)) == [(0, i) for i in range(200)] + [(1, i) for i in range(80)]
    np.testing.assert_array_equal(together(batches, "ecal")[:, 0, 0, 0], row)
    np.testing.assert_array_equal(together(batches, "energy"), row + 1)
    np.testing.assert_array_equal(together(batches, "pdg_id"), np.where(source == 0, 22, 111))
    other_cut = list(mixed_showers(mixture, seed=3, n_showers=5))
    np.testing.assert_array_equal(together(other_cut, "row"), row)
    assert (together(list(mixed_showers(mixture, seed=4)), "row") != row).any()
    thirds = np.array_split(source, 4)
    assert all(0.1 < part.mean() < 0.5 for part in thirds), "the files come in proportion to their lengths"


def test_charges_are_one_particle_but_two_particles_are_refused(make: MakeShowers) -> None:
    """Protects labels: they come from the file, so a file must hold one particle."""
    both = np.where(np.arange(20) % 2, 11, -11)
    assert sum(map(len, mixed_showers(particles([("e", make(pdgID=both))], LAYOUT), seed=1))) == 20
    mixed = np.full(20, 22)
    mixed[7] = 111
    mixture = particles([("g", make("b.h5", pdgID=mixed))], LAYOUT)
    with pytest.raises(BadInput, match="more than one kind of particle"):
        list(mixed_showers(mixture, seed=1))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"ECAL": None}, "'ECAL' is missing"),
        ({"energy": None, "Energy": np.ones(20)}, "did you mean 'Energy'"),
        ({"ECAL": np.zeros((20, 3, 5))}, "'ECAL' has the wrong shape"),
        ({"ECAL": np.zeros((20, 3, 4, 5))}, "'ECAL' has the wrong shape"),
        ({"HCAL": np.zeros((19, 2, 3, 3))}, "differ in length"),
        ({"energy": np.ones((20, 2))}, "'energy' has the wrong shape"),
        ({"ECAL": np.zeros((0, 4, 3, 5))}, "no showers"),
        ({"ECAL": np.zeros((20, 4, 3, 5), complex)}, "wrong kind"),
    ],
)
def test_files_of_another_form_are_refused(make: MakeShowers, changed: dict[str, Any], problem: str) -> None:
    """Protects users from reading something else than showers."""
    with pytest.raises(BadInput, match=problem):
        open_shower_file(make(**changed), LAYOUT)


@pytest.mark.parametrize(
    ("name", "index", "value", "problem"),
    [
        ("ECAL", (13, 1, 1, 1), np.nan, "ECAL, row 13"),
        ("HCAL", (19, 0, 0, 0), np.inf, "HCAL, row 19"),
        ("energy", (2,), np.nan, "energy, row 2"),
        ("energy", (4,), 0.0, "not positive"),
        ("pdgID", (5,), 2**40, "row 5"),
    ],
)
def test_unusable_values_are_told_with_their_row(
    make: MakeShowers, name: str, index: tuple[int, ...], value: float, problem: str
) -> None:
    """Protects training from NaN, and the user from searching for it."""
    values = datasets(20, 22)[name].astype(np.int64 if name == "pdgID" else np.float64)
    values[index] = value
    file = open_shower_file(make(**{name: values}), LAYOUT)
    with pytest.raises(BadInput, match=problem):
        list(read_showers(file, 6))


def test_damaged_files_and_links_out_are_refused(make: MakeShowers, tmp_path: Path) -> None:
    """Protects from files cut off in a copy and from files that name others."""
    path = make()
    cut = tmp_path / "cut.h5"
    cut.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(BadInput, match="truncated"):
        open_shower_file(cut, LAYOUT)
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["ECAL"] = h5py.ExternalLink(str(path), "ECAL")
    with pytest.raises(BadInput, match="external link"):
        open_shower_file(tmp_path / "linked.h5", LAYOUT)
    with h5py.File(path, "a") as file:
        file["objects"] = np.array(["x"], dtype=object)
        del file["pdgID"]
        file["pdgID"] = np.array(["22"] * 20, dtype=object)
    with pytest.raises(BadInput, match="wrong kind"):
        open_shower_file(path, LAYOUT)


def test_mixtures_that_make_no_sense_are_refused(make: MakeShowers) -> None:
    """Protects from one name for two particles, no file, and two calorimeters in one mixture."""
    path = make()
    other = make("other.h5", ECAL=np.zeros((20, 5, 3, 5)))
    with pytest.raises(BadInput, match="named twice"):
        particles([("g", path), ("g", path)], LAYOUT)
    with pytest.raises(BadInput, match="at least one file"):
        particles([], LAYOUT)
    with pytest.raises(BadInput, match="different calorimeters"):
        particles([("g", path), ("p", other)], ShowerLayout())
    with pytest.raises(BadInput, match="at least one shower"):
        next(read_showers(open_shower_file(path, LAYOUT), 0))
    with pytest.raises(BadInput, match="axes"):
        ShowerLayout(axes=("layer", "y", "y"))


def test_a_file_that_has_changed_since_it_was_opened_is_noticed(make: MakeShowers) -> None:
    """Protects from reading rows of another file than the one that was checked."""
    file = open_shower_file(make(), LAYOUT)
    make(n=10)
    with pytest.raises(BadInput, match="changed since it was opened"):
        list(read_showers(file))


@pytest.mark.parametrize("n_files", [3, 20])
def test_the_buffer_does_not_grow_with_the_files(
    make: MakeShowers, monkeypatch: pytest.MonkeyPatch, n_files: int
) -> None:
    """Protects memory: what is shuffled together is bounded by 8 files' worth, of however many files."""
    shower_bytes, block_bytes = 4 * (60 + 18), 40 * 4 * (60 + 18)
    monkeypatch.setattr(trigml.data.showers, "_BLOCK_BYTES", block_bytes)
    held: list[int] = []
    shuffled = trigml.data.showers._shuffled

    def watched(pieces: list[Showers], *arguments: Any) -> Any:
        held.append(sum(map(len, pieces)) * shower_bytes)
        return shuffled(pieces, *arguments)

    monkeypatch.setattr(trigml.data.showers, "_shuffled", watched)
    named = [("g", make(f"{index}.h5", 60)) for index in range(n_files)]
    batches = list(mixed_showers(particles(named, LAYOUT), seed=1))
    assert sum(map(len, batches)) == 60 * n_files == len(set(together(batches, "row")))
    assert max(held) < (min(n_files, 8) + 1) * block_bytes


def test_numbers_are_found_in_groups_and_columns(make: MakeShowers) -> None:
    """Protects layouts with one dataset for several numbers, groups, and energies in MeV."""
    target = np.stack([np.full(20, 22.0), 1000.0 * np.arange(1, 21), np.zeros(20)], axis=1)[:, None]
    path = make(**{"energy": None, "pdgID": None, "Event/target": target, "Event/pdgID": np.full(20, 22)})
    layout = replace(LAYOUT, energy="Event/target[1]", energy_unit="MeV", pdg_id="Event/pdgID")
    (batch,) = read_showers(open_shower_file(path, layout))
    np.testing.assert_allclose(batch.energy, np.arange(1, 21), rtol=1e-6)
    assert batch.pdg_id is not None
    assert set(batch.pdg_id) == {22}
    for name, problem in (("Event/target[3]", "more than 3"), ("Event/target", r"Event/target\[0\] to")):
        with pytest.raises(BadInput, match=problem):
            open_shower_file(path, replace(layout, energy=name))


def test_extras_of_some_files_only_need_a_value(make: MakeShowers) -> None:
    """Protects from made-up truth: without a declared value every file has to have the number."""
    path = make()
    filled = replace(LAYOUT, extras=(ShowerExtra("true_angle", "angle", "rad", missing=-1.0),))
    (batch,) = read_showers(open_shower_file(path, filled))
    np.testing.assert_array_equal(batch.extras, np.full((20, 1), -1.0))
    with pytest.raises(BadInput, match="'angle' is missing"):
        open_shower_file(path, replace(LAYOUT, extras=(ShowerExtra("true_angle", "angle"),)))


def test_chunks_that_cannot_be_streamed_are_refused(make: MakeShowers) -> None:
    """Protects memory: one chunk is inflated as a whole; the remedy fits the dataset's own shape."""
    path = make()
    with h5py.File(path, "a") as file:
        del file["ECAL"]
        file.create_dataset("ECAL", (300_000, 4, 3, 5), "f4", chunks=(290_000, 4, 3, 5))
    with pytest.raises(BadInput, match=r"ECAL:CHUNK=4369x4x3x5"):
        open_shower_file(path, LAYOUT)

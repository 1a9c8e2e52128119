"""Targets of events: what is refused, and that each stays with its event."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest

from trigml.data.splits import Split
from trigml.errors import BadInput
from trigml.training.events import Streamed, event_source, gather_events, refuse_unfit_word, truth_of


def gathered(toy: ModuleType, path: Path, truth: np.ndarray, *overrides: str) -> None:
    toy.write_toy_showers(path, truth)
    gather_events(event_source(toy.toy_energy_spec(path, *overrides)), seed=1)


def test_targets_stay_with_their_events(toy_calorimeter: ModuleType, tmp_path: Path) -> None:
    """Held in memory or streamed in another order, each event has the energy that the file gives it."""
    energies = toy_calorimeter.toy_energies(900)
    path = toy_calorimeter.write_toy_showers(tmp_path / "toy.h5", energies)
    source = event_source(toy_calorimeter.toy_energy_spec(path))
    events = gather_events(source, seed=1, memory_budget=1)
    assert events.streamed
    assert events.target_unit == "GeV"
    for chunk in (events.training, events.validation, events.test):
        np.testing.assert_array_equal(
            truth_of(chunk), energies[chunk.event_id.astype(int)].astype(np.float32)
        )
    with h5py.File(path) as file:
        first_cell = file["constituents/energy"][:, 0].astype(np.float32)
    energy_of = dict(zip(first_cell.tolist(), energies.astype(np.float32).tolist(), strict=True))
    stream = Streamed(source, lambda features: features, seed=3)
    batches = list(stream.epoch(0, 64))
    assert sum(len(truth) for _, truth in batches) == source.count(Split.TRAIN)
    for inputs, truth in batches:
        assert truth.dtype == np.float32
        assert [energy_of[cell] for cell in inputs[:, 0].tolist()] == truth.tolist()


@pytest.mark.parametrize("bad", [0.0, -3.5])
def test_a_target_that_is_not_above_0_is_refused(
    toy_calorimeter: ModuleType, tmp_path: Path, bad: float
) -> None:
    """Relative to it, nothing can be said; the message names the event."""
    energies = toy_calorimeter.toy_energies(600)
    energies[77] = bad
    with pytest.raises(BadInput) as caught:
        gathered(toy_calorimeter, tmp_path / "toy.h5", energies)
    for part in ("a target is not above 0", "id 77", f"{bad:g}", "data.target"):
        assert part in str(caught.value)


def test_a_constant_target_is_refused(toy_calorimeter: ModuleType, tmp_path: Path) -> None:
    """There is nothing to learn: the column is the wrong one."""
    with pytest.raises(BadInput, match="'true_energy' is the same for all training events"):
        gathered(toy_calorimeter, tmp_path / "toy.h5", np.full(600, 20.0))


def test_a_target_that_is_nan_is_refused(toy_calorimeter: ModuleType, tmp_path: Path) -> None:
    """File, column and row are named."""
    path = toy_calorimeter.write_toy_showers(tmp_path / "toy.h5", toy_calorimeter.toy_energies(600))
    with h5py.File(path, "r+") as file:
        file["features/true_energy"][55] = np.nan
    with pytest.raises(BadInput) as caught:
        gather_events(event_source(toy_calorimeter.toy_energy_spec(path)), seed=1)
    for part in ("NaN", "features/true_energy, row 55", str(path)):
        assert part in str(caught.value)


def test_a_missing_target_is_refused_with_the_nearest_column(
    toy_calorimeter: ModuleType, tmp_path: Path
) -> None:
    """A misspelt name is a short error."""
    with pytest.raises(BadInput) as caught:
        gathered(
            toy_calorimeter,
            tmp_path / "toy.h5",
            toy_calorimeter.toy_energies(100),
            "data.target=true_enrgy",
        )
    for part in ("'true_enrgy'", "did you mean 'true_energy'?"):
        assert part in str(caught.value)


def test_a_damaged_file_is_refused(toy_calorimeter: ModuleType, tmp_path: Path) -> None:
    """Half a file is no file."""
    path = toy_calorimeter.write_toy_showers(tmp_path / "toy.h5", toy_calorimeter.toy_energies(300))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadInput, match=r"toy\.h5"):
        event_source(toy_calorimeter.toy_energy_spec(path))


def test_a_word_too_short_for_the_target_is_refused(toy_calorimeter: ModuleType, tmp_path: Path) -> None:
    """A network whose word always saturates is refused; one whose word holds the energies is not."""
    path = toy_calorimeter.write_toy_showers(tmp_path / "toy.h5", toy_calorimeter.toy_energies(600))
    spec = toy_calorimeter.toy_energy_spec(path)
    events = gather_events(event_source(spec), seed=1)
    refuse_unfit_word(spec, events)
    short = toy_calorimeter.toy_energy_spec(path, "output.lsb=0.0625", "output.bits=4")
    with pytest.raises(BadInput, match="the output word is too short for the target") as caught:
        refuse_unfit_word(short, events)
    assert "at most 0.9375 GeV; 100 % of the training events" in str(caught.value)


def test_a_word_too_coarse_for_the_target_is_refused(toy_calorimeter: ModuleType, tmp_path: Path) -> None:
    """Showers up to 50 GeV in steps of 128 GeV are all 0; in steps of 32 GeV most are not."""
    path = toy_calorimeter.write_toy_showers(tmp_path / "toy.h5", toy_calorimeter.toy_energies(600))
    coarse = toy_calorimeter.toy_energy_spec(path, "output.lsb=128")
    events = gather_events(event_source(coarse), seed=1)
    with pytest.raises(BadInput, match="the output word is too coarse for the target") as caught:
        refuse_unfit_word(coarse, events)
    assert "steps of 128 GeV; 100 % of the training events round to 0" in str(caught.value)
    refuse_unfit_word(toy_calorimeter.toy_energy_spec(path, "output.lsb=32"), events)


def test_files_with_other_cells_are_refused(toy_calorimeter: ModuleType, tmp_path: Path) -> None:
    """The same cell number is another place in a file with another number of cells."""
    first = toy_calorimeter.write_toy_showers(tmp_path / "a.h5", toy_calorimeter.toy_energies(600))
    other = tmp_path / "b.h5"
    other.write_bytes(first.read_bytes())
    with h5py.File(other, "r+") as file:
        cells = file["constituents/energy"][:]
        unit = dict(file["constituents/energy"].attrs)
        del file["constituents/energy"]
        file["constituents/energy"] = np.concatenate([cells, cells[:, :1]], axis=1)
        file["constituents/energy"].attrs.update(unit)
        file["event_id"][:] += 1000
    spec = toy_calorimeter.toy_energy_spec(first, f"data.files=[{first},{other}]")
    assert spec.inputs.cells is not None
    assert spec.inputs.cells.images
    with pytest.raises(BadInput, match="differ in the number of cells") as caught:
        event_source(spec)
    assert str(other) in str(caught.value)

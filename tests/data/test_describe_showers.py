"""What trigml data describe says of a file of showers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.data.describe_showers import common_layout, describe_showers, is_events_file, layout_of
from trigml.errors import BadInput

MakeFile = Callable[..., Path]


def test_describing_says_what_is_in_the_file(make_lcd: MakeFile) -> None:
    """Protects the figures of describe against the file's own arrays."""
    path = make_lcd("p.h5", 30, 111, openingAngle=np.linspace(0.005, 0.05, 30), recoTheta=np.ones(30))
    found = describe_showers(path)
    assert (found.layout, found.axes, found.n_showers) == ("lcd", ("x", "y", "layer"), 30)
    ecal, hcal = found.cells
    with h5py.File(path) as file:
        deposits = 1000 * file["ECAL"][:]
    assert (ecal.layers, ecal.y, ecal.x, hcal.layers, hcal.y) == (4, 5, 5, 6, 3)
    assert ecal.mean_deposit == pytest.approx(deposits.sum() / 30, rel=1e-5)
    assert ecal.hit_cells == pytest.approx((deposits > 0).sum() / 30)
    depth = np.cumsum(deposits.sum(axis=(0, 1, 2)))
    assert ecal.first_half == 1 + np.searchsorted(depth, depth[-1] / 2)
    assert found.particles is not None
    assert [(one.pdg_id, one.n_showers) for one in found.particles] == [(111, 30)]
    energy, angle = found.numbers
    assert (energy.minimum, energy.maximum, energy.mean) == (5, 34, 19.5)
    assert (angle.name, angle.unit) == ("openingAngle (true_opening_angle)", "rad")
    assert found.others == ("recoTheta",)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("energy", np.nan, "energy, row 100"),
        ("energy", -3.0, "energy is not positive"),
        ("pdgID", np.nan, "pdgID, row 100"),
        ("pdgID", 22.5, "pdgID, row 100"),
        ("openingAngle", np.inf, "openingAngle, row 100"),
    ],
)
def test_unusable_numbers_are_found_between_the_sampled_showers(
    make_lcd: MakeFile, name: str, value: float, problem: str
) -> None:
    """Protects from quantiles of NaN and from a traceback: numbers are checked in the whole file."""
    fine = {"energy": 5.0, "pdgID": 22.0, "openingAngle": 0.01}
    values = np.full(1100, fine[name])
    values[100] = value
    with pytest.raises(BadInput, match=problem):
        describe_showers(make_lcd("bad.h5", 1100, **{name: values}))


def test_energies_are_shown_in_gev(make_lcd: MakeFile, tmp_path: Path) -> None:
    """Protects the unit of the true energy, whatever the file has."""
    path, layout = make_lcd("mev.h5", energy=np.full(40, 7000.0)), tmp_path / "mev.yml"
    layout.write_text("{ecal: ECAL, energy: energy, axes: [x, y, layer], deposits: GeV, energy_unit: MeV}")
    (energy,) = describe_showers(path, str(layout)).numbers
    assert (energy.unit, energy.mean) == ("GeV", pytest.approx(7.0))


def test_longer_files_are_sampled(make_lcd: MakeFile) -> None:
    """Protects quick answers: of many showers, cells of 512 are looked at, spread over the file."""
    ecal = np.zeros((1100, 5, 5, 4))
    ecal[:64], ecal[-64:] = 0.001, 0.002  # the first and the last of eight blocks
    found = describe_showers(make_lcd("long.h5", 1100, ECAL=ecal))
    assert (found.n_showers, found.n_sampled) == (1100, 512)
    assert found.cells[0].mean_deposit == pytest.approx((100 * 1 + 100 * 2) / 8, rel=1e-5)


def test_events_and_showers_are_told_apart(make_lcd: MakeFile, make_events: MakeFile) -> None:
    """Protects trigml data describe: one command for both, and a message for anything else."""
    path = make_lcd("g.h5")
    assert is_events_file(make_events())
    assert not is_events_file(path)
    assert layout_of(path, None).name == "lcd"
    with h5py.File(path, "a") as file:
        file.move("ECAL", "cells")
    with pytest.raises(BadInput, match="neither events of trigml nor showers"):
        layout_of(path, None)


@pytest.mark.parametrize("missing", ["pdgID", "HCAL"])
@pytest.mark.parametrize("first", [True, False])
def test_files_that_hold_different_things_are_refused(make_lcd: MakeFile, missing: str, first: bool) -> None:
    """Protects from classes that are not checked, and cells left out, because the first file lacks them."""
    whole, lacking = make_lcd("a.h5"), make_lcd("b.h5", **{missing: None})
    angle = make_lcd("c.h5", openingAngle=np.full(40, 0.01))  # has a value where it is missing
    paths = [lacking, whole] if first else [whole, lacking]
    for layout in (None, "lcd"):
        assert common_layout([whole, angle], layout) == layout_of(whole, layout)
        with pytest.raises(BadInput, match="do not hold the same") as refusal:
            common_layout(paths, layout)
        assert missing in str(refusal.value)

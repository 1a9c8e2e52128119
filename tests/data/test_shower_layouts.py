"""Layouts of shower files: recognised, declared in YAML, or refused with what to do."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.data.shower_files import ShowerExtra, ShowerLayout, open_shower_file
from trigml.data.shower_layouts import KNOWN_LAYOUTS, load_layout, recognised, unknown_layout
from trigml.errors import BadInput

GEANT4 = {"ECAL": (4, 5, 5, 5), "HCAL": (4, 6, 3, 3), "energy": (4,), "pdgID": (4,), "impact": (4, 2)}
LCD = {"ECAL": (4, 5, 5, 5), "HCAL": (4, 3, 3, 6), "energy": (4, 1), "pdgID": (4, 1), "openingAngle": (4,)}


def write(path: Path, shapes: dict[str, tuple[int, ...]]) -> Path:
    with h5py.File(path, "w") as file:
        for name, shape in shapes.items():
            file[name] = np.ones(shape, np.float32)
    return path


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("geant4", GEANT4),
        ("geant4", {name: shape for name, shape in GEANT4.items() if name not in {"impact", "pdgID"}}),
        ("lcd", LCD),
        ("lcd", {"ECAL": (4, 9, 9, 5), "HCAL": (4, 7, 7, 12), "energy": (4,), "recoTheta": (4,)}),
        ("lcd", {"ECAL": (4, 9, 9, 5), "energy": (4,)}),
        ("lcd-groups", {"ECAL/ECAL": (4, 5, 5, 5), "HCAL/HCAL": (4, 3, 3, 6), "Event/energy": (4,)}),
        ("lcd-target", {"ECAL": (4, 5, 5, 5), "HCAL": (4, 3, 3, 6), "target": (4, 1, 5)}),
    ],
)
def test_known_layouts_are_recognised_by_names_and_axes(
    tmp_path: Path, name: str, shapes: dict[str, tuple[int, ...]]
) -> None:
    """Protects users from naming what the file shows: windows are square, so the layers stand out."""
    found = recognised(write(tmp_path / "a.h5", shapes))
    assert found is not None
    assert found.name == name
    file = open_shower_file(tmp_path / "a.h5", found.layout)
    assert file.n_showers == 4
    assert file.ecal_shape[1] == file.ecal_shape[2]
    assert (file.hcal_shape is None) == ("HCAL" not in shapes and "HCAL/HCAL" not in shapes)


def test_swapped_axes_are_another_layout(tmp_path: Path) -> None:
    """Protects from reading layers as x: the same names with the axes of the HCAL swapped are told apart."""
    for axes, expected in (((6, 3, 3), "geant4"), ((3, 3, 6), "lcd"), ((3, 6, 3), None)):
        found = recognised(write(tmp_path / "a.h5", {**GEANT4, "HCAL": (4, *axes)}))
        assert (None if found is None else found.name) == expected


def test_a_cube_alone_does_not_tell_its_axes(tmp_path: Path) -> None:
    """Protects from a guess: without HCAL, 5 × 5 × 5 cells could have either order."""
    path = write(tmp_path / "a.h5", {"ECAL": (4, 5, 5, 5), "energy": (4,)})
    with pytest.raises(BadInput, match="--layout geant4 or --layout lcd"):
        recognised(path)
    assert load_layout("lcd", path).layout.axes == ("x", "y", "layer")
    assert load_layout("geant4", path).layout.hcal is None


def test_an_unknown_file_is_answered_with_what_it_holds(tmp_path: Path) -> None:
    """Protects users of other detectors: the datasets found, and the keys to give."""
    path = write(tmp_path / "a.h5", {"cells": (4, 3, 3, 6), "truth/E": (4,)})
    assert recognised(path) is None
    message = str(unknown_layout(path))
    for text in ("cells (4, 3, 3, 6) float32", "truth/E (4,) float32", "--layout FILE.yml", "deposits"):
        assert text in message


def test_a_layout_of_ones_own_is_read_from_yaml(tmp_path: Path) -> None:
    """Protects every key of the file on its way into the layout."""
    (tmp_path / "mine.yml").write_text(
        "ecal: cells\nenergy: truth[0]\nenergy_unit: MeV\naxes: [y, layer, x]\ndeposits: keV\n"
        "ecal_shape: [3, 2, 4]\nextras:\n  - {column: true_eta, dataset: 'truth[1]', missing: 0}\n"
    )
    shapes = {"cells": (4, 2, 3, 4), "truth": (4, 2)}
    named = load_layout(str(tmp_path / "mine.yml"), write(tmp_path / "a.h5", shapes))
    assert named.name == "mine.yml"
    assert named.layout == ShowerLayout(
        ecal="cells",
        hcal=None,
        energy="truth[0]",
        pdg_id=None,
        axes=("y", "layer", "x"),
        deposits="keV",
        energy_unit="MeV",
        ecal_shape=(3, 2, 4),
        extras=(ShowerExtra("true_eta", "truth[1]", missing=0.0),),
    )
    assert open_shower_file(tmp_path / "a.h5", named.layout).ecal_shape == (3, 2, 4)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ecal: a\nenergy: e\n", "'deposits' is missing"),
        ("ecal: a\nenergy: e\ndeposits: MeV\nhcall: h\n", "did you mean hcal"),
        ("ecal: a\nenergy: e\ndeposits: TeV\n", "deposits"),
        ("ecal: a\nenergy: e\ndeposits: MeV\naxes: [x, y, z]\n", "axes of a layout"),
        ("ecal: a\nenergy: e\ndeposits: MeV\necal_shape: [3, 2]\n", "ecal_shape"),
        ("- a\n", "keys and values"),
    ],
)
def test_mistakes_in_a_layout_file_are_explained(tmp_path: Path, text: str, problem: str) -> None:
    """Protects from a traceback and from keys that are silently ignored."""
    path = tmp_path / "mine.yml"
    path.write_text(text)
    with pytest.raises(BadInput, match=problem):
        load_layout(str(path), tmp_path / "none.h5")


def test_a_layout_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Protects from typing mistakes in the names of layouts."""
    with pytest.raises(BadInput, match="geant4"):
        load_layout("geant", tmp_path / "none.h5")
    with pytest.raises(BadInput, match="No such file"):
        load_layout("none.yml", tmp_path / "none.h5")
    assert [known.name for known in KNOWN_LAYOUTS] == ["geant4", "lcd", "lcd-groups", "lcd-target"]

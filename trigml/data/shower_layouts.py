"""The layouts of shower files that are known, layouts of one's own in YAML, and recognising a file's layout.

- ``geant4``: axes (layer, y, x), deposits in MeV, as in the files that ``sample:showers`` is made of;
- ``lcd``: the public LCD files: axes (x, y, layer), flat names, energies of cells in GeV (the conversion of
  those files multiplied the deposits by 50);
- ``lcd-groups``: the older ones, the same in groups ``ECAL``, ``HCAL`` and ``Event``;
- ``lcd-target``: those with a dataset ``target`` whose second number is the true energy.

Windows may have any size. The HCAL, the PDG numbers and the extras are left out where a file has none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import h5py
from pydantic import Field, ValidationError

from trigml.data.hdf5 import open_hdf5, refuse_foreign_content
from trigml.data.names import did_you_mean
from trigml.data.shower_files import AXES, ShowerExtra, ShowerLayout, Unit, canonical_shape, has_number
from trigml.errors import BadInput
from trigml.spec.fields import Name, Section
from trigml.spec.mistakes import Schema
from trigml.spec.yaml_text import read_yaml_file

OPENING_ANGLE = "true_opening_angle"
_SUFFIXES = (".yml", ".yaml")


def _opening_angle(dataset: str) -> ShowerExtra:
    text = "angle between the photons of the decay; 0 where the file has none"
    return ShowerExtra(OPENING_ANGLE, dataset, "rad", text, missing=0.0)


_IMPACT = "where the particle enters, from the middle of the central ECAL cell"
GEANT4_LAYOUT = ShowerLayout(
    extras=(
        ShowerExtra("true_impact_x", "impact[0]", "mm", _IMPACT),
        ShowerExtra("true_impact_y", "impact[1]", "mm", _IMPACT),
    ),
)
LCD_LAYOUT = ShowerLayout(axes=("x", "y", "layer"), deposits="GeV", extras=(_opening_angle("openingAngle"),))
_LCD_GROUPS = replace(
    LCD_LAYOUT,
    ecal="ECAL/ECAL",
    hcal="HCAL/HCAL",
    energy="Event/energy",
    pdg_id="Event/pdgID",
    extras=(_opening_angle("Event/openingAngle"),),
)
_LCD_TARGET = replace(LCD_LAYOUT, energy="target[1]", pdg_id=None)


@dataclass(frozen=True, slots=True)
class NamedLayout:
    """A layout and what it is called: its name among the known ones, or its file."""

    name: str
    layout: ShowerLayout


KNOWN_LAYOUTS = (
    NamedLayout("geant4", GEANT4_LAYOUT),
    NamedLayout("lcd", LCD_LAYOUT),
    NamedLayout("lcd-groups", _LCD_GROUPS),
    NamedLayout("lcd-target", _LCD_TARGET),
)


class _Extra(Section):
    column: Name
    dataset: Name
    unit: str = ""
    description: str = ""
    missing: float | None = None


_Cells = Annotated[int, Field(ge=1)]


class _LayoutFile(Section):
    """The keys of a layout file; those of ``ShowerLayout``."""

    ecal: Name
    hcal: Name | None = None
    energy: Name
    pdg_id: Name | None = None
    axes: tuple[str, str, str] = AXES
    deposits: Unit
    energy_unit: Unit = "GeV"
    ecal_shape: tuple[_Cells, _Cells, _Cells] | None = None
    hcal_shape: tuple[_Cells, _Cells, _Cells] | None = None
    extras: tuple[_Extra, ...] = ()


LAYOUT_KEYS = tuple(_LayoutFile.model_fields)
_SCHEMA = Schema(_LayoutFile, "layout of showers")


def load_layout(name_or_file: str, example: Path) -> NamedLayout:
    """A known layout by its name, or one from a YAML file.

    Args:
        name_or_file: ``geant4``, ``lcd``, …, or the path of a file.
        example: one of the files to read: a known layout leaves out what it has not.

    Raises:
        BadInput: no such layout or file, broken YAML, an unknown key (with the nearest ones), a bad value.
    """
    for known in KNOWN_LAYOUTS:
        if known.name == name_or_file:
            with open_hdf5(example) as file:
                refuse_foreign_content(file, example)
                return NamedLayout(known.name, _fitted(known.layout, file))
    if "/" not in name_or_file and not name_or_file.endswith(_SUFFIXES):
        names = [known.name for known in KNOWN_LAYOUTS]
        raise BadInput(
            f"there is no layout of showers called {name_or_file!r}",
            expected=f"{', '.join(names)}, or a YAML file",
            remedy=did_you_mean(name_or_file, names),
        )
    return NamedLayout(Path(name_or_file).name, _load_file(Path(name_or_file)))


def recognised(path: Path) -> NamedLayout | None:
    """The known layout that a file is in; ``None`` if it has other names, or axes that fit none.

    Raises:
        BadInput: not HDF5, damaged, or foreign content; the axes cannot be told from the shapes.
    """
    with open_hdf5(path) as file:
        refuse_foreign_content(file, path)
        fitting = [
            NamedLayout(known.name, fitted)
            for known in KNOWN_LAYOUTS
            if _has_names(fitted := _fitted(known.layout, file), file) and _has_axes(fitted, file)
        ]
    if len({named.layout.axes for named in fitting}) > 1:
        raise BadInput(
            "the axes of the cells cannot be told from their shapes",
            where=str(path),
            expected="layers that differ in number from the cells along x and y",
            remedy=f"say which: --layout {' or --layout '.join(named.name for named in fitting)}",
        )
    return fitting[0] if fitting else None


def datasets_in(path: Path) -> list[str]:
    """What an HDF5 file holds, one dataset a line: name, shape, type."""
    lines: list[str] = []

    def note(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset):
            lines.append(f"{name} {item.shape} {item.dtype}")

    with open_hdf5(path) as file:
        refuse_foreign_content(file, path)
        file.visititems(note)
    return lines


def unknown_layout(path: Path) -> BadInput:
    """What to say of a file in no known layout: what was found, and which keys a layout file has to give."""
    found = datasets_in(path)
    cut = found[:20] + [f"… and {len(found) - 20} more"] * (len(found) > 20)
    return BadInput(
        "this HDF5 file holds neither events of trigml nor showers in a layout that is known",
        where=str(path),
        expected="trigml-events (docs/events.md), or showers: "
        + ", ".join(known.name for known in KNOWN_LAYOUTS),
        found="; ".join(cut) or "no datasets",
        remedy="for showers, write --layout FILE.yml with the keys ecal (the name of the cells, "
        "(N, a, b, c)), hcal (if any), energy, pdg_id (if any), axes (what a, b, c are: layer, y, x) and "
        "deposits (MeV or GeV); see docs/showers.md",
    )


def _load_file(path: Path) -> ShowerLayout:
    document = read_yaml_file(path, _SCHEMA.noun)
    try:
        content = _LayoutFile.model_validate_json(json.dumps(document.content, default=str))
    except ValidationError as error:
        raise _SCHEMA.explained(error.errors(include_url=False), document, str(path)) from error
    values = {key: getattr(content, key) for key in LAYOUT_KEYS if key != "extras"}
    return ShowerLayout(**values, extras=tuple(ShowerExtra(**extra.model_dump()) for extra in content.extras))


def _fitted(layout: ShowerLayout, file: h5py.File) -> ShowerLayout:
    """The layout without the HCAL, the PDG numbers and the extras that the file does not have."""
    hcal, pdg_id = layout.hcal, layout.pdg_id
    return replace(
        layout,
        hcal=hcal if hcal is not None and hcal in file else None,
        pdg_id=pdg_id if pdg_id is not None and has_number(file, pdg_id) else None,
        extras=tuple(
            extra for extra in layout.extras if extra.missing is not None or has_number(file, extra.dataset)
        ),
    )


def _has_names(layout: ShowerLayout, file: h5py.File) -> bool:
    return has_number(file, layout.energy) and all(
        isinstance(file.get(name), h5py.Dataset) and file[name].ndim == 4 for name in _cells_of(layout)
    )


def _has_axes(layout: ShowerLayout, file: h5py.File) -> bool:
    """Windows are square, so that the layers are the axis that differs; a cube fits every order of axes."""
    shapes = [canonical_shape(file[name], layout) for name in _cells_of(layout)]
    return all(y == x for _, y, x in shapes)


def _cells_of(layout: ShowerLayout) -> list[str]:
    return [layout.ecal, *([layout.hcal] if layout.hcal is not None else [])]

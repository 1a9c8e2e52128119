"""What the study compares: tasks, samples of events on which they are measured, and networks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trigml.physics.gains import WorkingPoint
from trigml.physics.neutral_pions import NEUTRAL_PION_MASS

SPECS = Path(__file__).parent / "specs"
SHOWERS = "sample:showers"

MERGING_ANGLE = 0.01
"""rad; the published study takes pairs of photons closer than this for merging."""

MERGING_ENERGY = float(math.ceil(2 * NEUTRAL_PION_MASS / MERGING_ANGLE))
"""GeV: below it no photons of a neutral pion are so close."""

MOST_HCAL_OVER_ECAL = 0.025
"""Of pions that look electromagnetic, as in the published study."""


class Inputs(StrEnum):
    """What a model sees."""

    FEATURES = "27 features"
    SHIFTS = "28 features without divisions"
    CELLS = "cells"
    IMAGE = "image of the cells"


class Selection(StrEnum):
    """Which of a task's events a model is measured on."""

    INCLUSIVE = "inclusive"
    MERGING = "merging"
    LOOKALIKE = "lookalike"


@dataclass(frozen=True, slots=True)
class Network:
    """One training: a network, and boosted trees on the same inputs.

    Attributes:
        name: its folder.
        spec: a file, or the name of a shipped spec.
        inputs: what it sees.
        trees: whether the boosted trees beside it are shown.
        merging_only: whether it is trained on the events of ``Selection.MERGING`` alone.
        shipped: whether the spec is one that comes with trigml.
    """

    name: str
    spec: str
    inputs: Inputs
    trees: bool = True
    merging_only: bool = False
    shipped: bool = False

    @property
    def kind(self) -> str:
        """What sort of network it is."""
        return "CNN" if self.inputs is Inputs.IMAGE else "DNN"


@dataclass(frozen=True, slots=True)
class Sample:
    """Events of a task on which its models are measured.

    Attributes:
        selection: which events.
        title: for tables and plots.
        point: where gains are told.
    """

    selection: Selection
    title: str
    point: WorkingPoint


@dataclass(frozen=True, slots=True)
class Task:
    """One identification.

    Attributes:
        name: of its files.
        title: for headings.
        classes: signal, background.
        samples: what it is measured on.
        networks: what is trained.
    """

    name: str
    title: str
    classes: tuple[str, str]
    samples: tuple[Sample, ...]
    networks: tuple[Network, ...]


def _own(name: str, inputs: Inputs, *, trees: bool = True, merging_only: bool = False) -> Network:
    folder = f"{name}_merging" if merging_only else name
    return Network(folder, str(SPECS / f"{name}.yml"), inputs, trees=trees, merging_only=merging_only)


PHOTON = Task(
    "photon",
    "γ against π⁰",
    ("gamma", "pi0"),
    (
        Sample(Selection.INCLUSIVE, "γ vs π⁰, 4 to 60 GeV", WorkingPoint(0.1, 0.9)),
        Sample(Selection.MERGING, f"γ vs π⁰ above {MERGING_ENERGY:g} GeV", WorkingPoint(0.1, 0.9)),
    ),
    (
        _own("photon_features", Inputs.FEATURES),
        _own("photon_shifts", Inputs.SHIFTS),
        Network("photon_id", "photon_id", Inputs.CELLS, shipped=True),
        _own("photon_cnn", Inputs.IMAGE, trees=False),
        _own("photon_features", Inputs.FEATURES, merging_only=True),
        _own("photon_shifts", Inputs.SHIFTS, merging_only=True),
        Network("photon_id_merging", "photon_id", Inputs.CELLS, merging_only=True),
        _own("photon_cnn", Inputs.IMAGE, trees=False, merging_only=True),
    ),
)

ELECTRON = Task(
    "electron",
    "e⁻ against π⁻",
    ("electron", "pion"),
    (
        Sample(Selection.INCLUSIVE, "e⁻ vs π⁻, 4 to 60 GeV", WorkingPoint(0.01, 0.99)),
        Sample(
            Selection.LOOKALIKE,
            f"e⁻ vs π⁻ with HCAL/ECAL below {MOST_HCAL_OVER_ECAL:g}",
            WorkingPoint(0.1, 0.9),
        ),
    ),
    (
        _own("electron_features", Inputs.FEATURES),
        _own("electron_shifts", Inputs.SHIFTS),
        Network("electron_id", "electron_id", Inputs.CELLS, shipped=True),
        _own("electron_cnn", Inputs.IMAGE, trees=False),
    ),
)

TASKS = (PHOTON, ELECTRON)

CALIBRATION = (
    Network("energy_calibration", "energy_calibration", Inputs.CELLS, shipped=True),
    _own("energy_cnn", Inputs.IMAGE, trees=False),
)
ENERGY = "energy"
"""What the energy calibration is called beside the tasks."""

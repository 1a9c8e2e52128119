"""Rows of jets between their source and the file: features, leading constituents, rounding and writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.data.layout import Column, EventsWriter, Provenance
from trigml.data.significant_bits import rounded
from trigml.physics.jets import jet_kinematics, leading_constituents
from trigml.physics.particles import Particles
from trigml.physics.substructure import JET_FEATURES, jet_features

Array = NDArray[Any]

CLASS_NAMES = ("g", "q", "W", "Z", "t")
RADIUS = 0.8
N_CONSTITUENTS = 16
# Significant binary digits kept in the file.
FEATURE_BITS, PT_BITS, ANGLE_BITS = 15, 11, 10
CONSTITUENT_BITS = {"pt": PT_BITS, "deta": ANGLE_BITS, "dphi": ANGLE_BITS}


@dataclass(frozen=True, slots=True)
class JetTable:
    """Rows of jets: ids, labels, features by name of shape (n,), constituents by name of shape (n, 16)."""

    event_id: Array
    labels: Array
    features: dict[str, Array]
    constituents: dict[str, Array]

    def __len__(self) -> int:
        return len(self.event_id)

    def take(self, rows: Array | slice) -> JetTable:
        return JetTable(
            self.event_id[rows],
            self.labels[rows],
            {name: values[rows] for name, values in self.features.items()},
            {name: values[rows] for name, values in self.constituents.items()},
        )


def joined(tables: Sequence[JetTable]) -> JetTable:
    return JetTable(
        np.concatenate([table.event_id for table in tables]),
        np.concatenate([table.labels for table in tables]),
        {name: np.concatenate([table.features[name] for table in tables]) for name in tables[0].features},
        {
            name: np.concatenate([table.constituents[name] for table in tables])
            for name in tables[0].constituents
        },
    )


def table_of_jets(jets: Particles, *, event_id: Array, labels: Array) -> JetTable:
    """Features and leading constituents of jets given by all their particles."""
    whole = jet_kinematics(jets)
    features = {"jet_pt": whole.pt, "jet_eta": whole.eta, "jet_mass": whole.mass}
    features |= jet_features(jets).columns()
    return JetTable(event_id, labels, features, leading_constituents(jets, N_CONSTITUENTS).columns())


def append(writer: EventsWriter, table: JetTable) -> None:
    names = [column.name for column in writer.features]
    writer.append(
        event_id=table.event_id,
        features={name: rounded(table.features[name], FEATURE_BITS) for name in names},
        labels=table.labels,
        constituents={
            name: rounded(table.constituents[name], bits) for name, bits in CONSTITUENT_BITS.items()
        },
    )


def writer_for(out: Path, *, with_eta: bool, provenance: Provenance) -> EventsWriter:
    features = [
        Column(
            feature.name,
            feature.unit,
            feature.description,
            "uint16" if feature.name == "multiplicity" else "float32",
        )
        for feature in JET_FEATURES
    ]
    features.append(Column("jet_pt", "GeV", "transverse momentum of the ungroomed jet"))
    if with_eta:
        features.append(Column("jet_eta", "", "pseudorapidity of the ungroomed jet"))
    features.append(Column("jet_mass", "GeV", "mass of the ungroomed jet"))
    constituents = [
        Column("pt", "GeV", "transverse momentum; the leading 16 of the ungroomed jet, falling"),
        Column("deta", "", "pseudorapidity relative to the jet axis"),
        Column("dphi", "rad", "azimuth relative to the jet axis"),
    ]
    return EventsWriter(
        out,
        title="Jets at pT of about 1 TeV: g, q, W, Z, t",
        features=features,
        constituents=constituents,
        n_constituents=N_CONSTITUENTS,
        class_names=CLASS_NAMES,
        provenance=provenance,
        compression_level=9,
    )


def provenance_of_jets() -> dict[str, str | int | float]:
    return {
        "origin": "simulation; not from an experiment, no detector simulation, no pileup",
        "jets": f"anti-kt R = {RADIUS}, FastJet through fastjet {version('fastjet')}",
        "features": "of the jet groomed with mMDT, z_cut = 0.1; jet_* and constituents of the ungroomed jet",
        "significant_bits": f"features {FEATURE_BITS}, constituent pt {PT_BITS}, angles {ANGLE_BITS}",
    }

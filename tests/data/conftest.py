"""Small files of events and of showers for the tests of trigml.data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.data.layout import Column, EventsWriter

MakeEvents = Callable[..., Path]


@pytest.fixture
def make_events(tmp_path: Path) -> MakeEvents:
    """A function that writes a file of events; value = 10 * event id + number of the column."""

    def make(
        name: str = "events.h5",
        *,
        ids: np.ndarray | range = range(1000),
        labels: np.ndarray | None = None,
        classes: tuple[str, ...] | None = ("g", "q"),
        n_constituents: int = 0,
        compression: str | None = "gzip",
        chunk_events: int = 64,
        features: tuple[Column, ...] = (Column("pt", "GeV"), Column("mass", "GeV"), Column("tau21")),
    ) -> Path:
        event_id = np.asarray(ids, dtype=np.uint64)
        if labels is None and classes is not None:
            labels = (event_id % np.uint64(len(classes))).astype(int)
        constituents = [Column("pt", "GeV"), Column("deta")] if n_constituents else []
        path = tmp_path / name
        with EventsWriter(
            path,
            title="test events",
            features=features,
            constituents=constituents,
            n_constituents=n_constituents,
            class_names=classes,
            provenance={"generator": "test", "seed": 7},
            compression=compression,
            chunk_events=chunk_events,
        ) as writer:
            base = 10.0 * event_id.astype(float)
            grid = np.arange(n_constituents) / 64
            writer.append(
                event_id=event_id,
                features={column.name: base + index for index, column in enumerate(features)},
                labels=labels if classes is not None else None,
                constituents={
                    column.name: base[:, None] + index + grid for index, column in enumerate(constituents)
                },
            )
        return path

    return make


@pytest.fixture
def make_lcd(tmp_path: Path) -> MakeEvents:
    """A function that writes showers in the layout lcd; datasets can be changed, or left out (None)."""

    def write(name: str, n: int = 40, pdg: int = 22, **changed: Any) -> Path:
        rng = np.random.default_rng(abs(pdg))
        content = {
            "ECAL": rng.exponential(0.01, (n, 5, 5, 4)) * (rng.random((n, 5, 5, 4)) < 0.4),
            "HCAL": rng.exponential(0.002, (n, 3, 3, 6)) * (rng.random((n, 3, 3, 6)) < 0.2),
            "energy": np.arange(n) + 5.0,
            "pdgID": np.full(n, pdg),
        }
        with h5py.File(tmp_path / name, "w") as file:
            for key, values in (content | changed).items():
                if values is not None:
                    file[key] = values
        return tmp_path / name

    return write

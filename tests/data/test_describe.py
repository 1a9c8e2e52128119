"""Tests of trigml.data.describe."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.data.describe import QUANTILES, describe
from trigml.data.layout import Column, EventsWriter
from trigml.errors import BadInput

MakeEvents = Callable[..., Path]


def test_figures_are_numpys(tmp_path: Path) -> None:
    """Over several blocks, the streamed figures are those of the whole column."""
    rng = np.random.default_rng(1)
    values = (1e4 + rng.normal(size=600_000)).astype(np.float32)
    with EventsWriter(tmp_path / "x.h5", title="t", features=[Column("z", "GeV", "a z")]) as writer:
        writer.append(event_id=np.arange(600_000) // 2, features={"z": values})
    found = describe(tmp_path / "x.h5")
    column = found.features[0]
    exact = values.astype(np.float64)
    assert (column.name, column.unit, column.description, column.dtype) == ("z", "GeV", "a z", "float32")
    assert (column.n_values, column.n_nan, column.n_infinite) == (600_000, 0, 0)
    assert (column.minimum, column.maximum) == (exact.min(), exact.max())
    assert column.mean == pytest.approx(exact.mean(), rel=1e-12)
    assert column.std == pytest.approx(exact.std(), rel=1e-9)
    assert column.n_sampled == 150_000
    np.testing.assert_allclose(column.quantiles, np.quantile(exact[::4], QUANTILES))
    assert found.n_collisions == 300_000
    assert sum(count.n_events for count in found.splits) == 600_000


def test_nan_and_infinities_are_counted(make_events: MakeEvents) -> None:
    """What the reader would refuse is described; a column without finite values has no figures."""
    path = make_events(compression=None)
    with h5py.File(path, "r+") as file:
        file["features/pt"][[3, 500]] = np.nan
        file["features/pt"][7] = -np.inf
        file["features/mass"][:] = np.nan
    pt, mass, tau21 = describe(path).features
    assert (pt.n_values, pt.n_nan, pt.n_infinite) == (997, 2, 1)
    assert pt.minimum == 0.0
    assert (mass.n_values, mass.n_nan) == (0, 1000)
    assert (mass.minimum, mass.mean, mass.quantiles) == (None, None, None)
    assert tau21.n_values == 1000


def test_classes_and_constituents(tmp_path: Path) -> None:
    """Classes are counted by name; padded places do not count as constituents."""
    with EventsWriter(
        tmp_path / "x.h5",
        title="t",
        features=[Column("z")],
        constituents=[Column("pt", "GeV"), Column("deta")],
        n_constituents=3,
        class_names=["g", "q", "t"],
    ) as writer:
        writer.append(
            event_id=[1, 2],
            features={"z": [0, 0]},
            labels=[2, 0],
            constituents={"pt": [[3, 2, 1], [5, 0, 0]], "deta": [[0, 1, 0], [0, 0, 0]]},
        )
    found = describe(tmp_path / "x.h5")
    assert found.classes is not None
    assert [(count.name, count.n_events) for count in found.classes] == [("g", 1), ("q", 0), ("t", 1)]
    pt, deta = found.constituents
    assert (pt.n_values, pt.minimum, pt.maximum, pt.mean) == (4, 1, 5, 2.75)
    assert (deta.n_values, deta.mean) == (4, 0.25)
    assert found.mean_constituents == 2.0


def test_label_out_of_range(make_events: MakeEvents) -> None:
    """A label without a class name cannot be counted."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["labels"][612] = 9
    with pytest.raises(BadInput, match="a label is out of range") as caught:
        describe(path)
    assert caught.value.where == f"{path}: /labels, row 612"


def test_becomes_json(make_events: MakeEvents) -> None:
    """The whole description can be written as JSON, with no number that JSON does not have."""
    text = json.dumps(dataclasses.asdict(describe(make_events(n_constituents=2))), allow_nan=False)
    assert json.loads(text)["features"][0]["unit"] == "GeV"

"""The events of the study: selections as files for training, and as masks of the test split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from study.plan import MERGING_ENERGY, MOST_HCAL_OVER_ECAL, Selection, Task
from trigml.data.header import read_header
from trigml.data.layout import EventsWriter
from trigml.data.reader import EventSource
from trigml.data.samples import sample_path
from trigml.data.splits import Split
from trigml.errors import BadInput

ENERGY, HCAL_OVER_ECAL = "true_energy", "true_hcal_over_ecal"
QUICK_PART = 8
"""With --quick, one of so many events is used."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is known of the events of a task's test split.

    Attributes:
        event_id: (n,), rising.
        labels: (n,), 0 for signal and 1 for background.
        energy: (n,), true energy in GeV.
        hcal_over_ecal: (n,), ratio of true deposits.
    """

    event_id: NDArray[np.uint64]
    labels: NDArray[np.int64]
    energy: NDArray[np.float64]
    hcal_over_ecal: NDArray[np.float64]

    def take(self, rows: NDArray[Any]) -> Truth:
        """Some of the events."""
        return Truth(self.event_id[rows], self.labels[rows], self.energy[rows], self.hcal_over_ecal[rows])

    def selected(self, selection: Selection) -> Truth:
        """The events of a selection."""
        match selection:
            case Selection.INCLUSIVE:
                keep = np.ones(len(self.labels), dtype=bool)
            case Selection.MERGING:
                keep = self.energy > MERGING_ENERGY
            case Selection.LOOKALIKE:
                keep = (self.labels == 0) | (self.hcal_over_ecal < MOST_HCAL_OVER_ECAL)
        return self.take(keep)

    def rows_in(self, event_id: NDArray[np.uint64], where: str) -> NDArray[np.int64]:
        """Where these events stand in another list of events.

        Raises:
            BadInput: one of them is not in the list.
        """
        order = np.argsort(event_id)
        places = np.searchsorted(event_id, self.event_id, sorter=order)
        rows = order[np.minimum(places, len(order) - 1)]
        if not np.array_equal(event_id[rows], self.event_id):
            raise BadInput(
                "a run was not measured on the events of the study",
                where=where,
                expected="scores of all test events of the sample",
                remedy="train it anew (--fresh), or leave --use away",
            )
        return np.asarray(rows, dtype=np.int64)


def truth_of_test_split(file: Path, task: Task) -> Truth:
    """The test split of a task."""
    source = EventSource([file], features=(ENERGY, HCAL_OVER_ECAL), class_names=task.classes)
    chunk = source.gather(Split.TEST)
    assert chunk.labels is not None
    values = chunk.features.astype(np.float64)
    truth = Truth(chunk.event_id, chunk.labels.astype(np.int64), values[:, 0], values[:, 1])
    return truth.take(np.argsort(truth.event_id))


def merging_events(file: Path, out: Path) -> Path:
    """A file with the events of ``Selection.MERGING``."""
    with h5py.File(file) as events:
        keep = np.asarray(events[f"features/{ENERGY}"][:]) > MERGING_ENERGY
    return write_selection(file, out, keep, f"above {MERGING_ENERGY:g} GeV")


def quick_events(out: Path) -> Path:
    """A file with a few of the packaged showers, among them all pions that look electromagnetic."""
    file = sample_path("showers")
    with h5py.File(file) as events:
        pion = list(events["labels"].attrs["class_names"]).index("pion")
        lookalike = (events["labels"][:] == pion) & (
            events[f"features/{HCAL_OVER_ECAL}"][:] < MOST_HCAL_OVER_ECAL
        )
        keep = (np.arange(len(lookalike)) % QUICK_PART == 0) | lookalike
    return write_selection(file, out, keep, f"one of {QUICK_PART}")


def write_selection(file: Path, out: Path, keep: NDArray[np.bool_], remark: str) -> Path:
    """Copy the events of ``keep`` (n,) with all their columns."""
    header = read_header(file)
    with (
        h5py.File(file) as events,
        EventsWriter(
            out,
            title=f"{header.title} ({remark})",
            features=header.features,
            constituents=header.constituents,
            n_constituents=header.n_constituents,
            class_names=header.class_names,
            provenance=dict(header.provenance) | {"selection": remark},
        ) as writer,
    ):
        writer.append(
            event_id=events["event_id"][:][keep],
            features={name: events[f"features/{name}"][:][keep] for name in header.feature_names},
            labels=events["labels"][:][keep],
            constituents={name: events[f"constituents/{name}"][:][keep] for name in header.constituent_names},
        )
    return out

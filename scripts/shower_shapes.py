"""What division-free shower shapes lose: each feature alone, and boosted trees on all, with and without.

    python scripts/shower_shapes.py [EVENTS]

prints the table of docs/showers.md for photons against neutral pions and electrons against pions, on the
packaged sample or on events made with `trigml data showers`. A feature alone is a cut on its value or on its
absolute value (odd moments along x and y are signed), whichever is better: the area is then at least 0.5. The
trees are those of `trigml train`, trained and stopped on the training and validation splits, and measured on
the test split. Uncertainties are statistical; those of differences are paired.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigml.data.hdf5 import open_hdf5
from trigml.data.header import read_header
from trigml.data.samples import resolve_files
from trigml.data.splits import Split, SplitFractions, assign
from trigml.errors import BadInput, Interrupted, TrigmlError
from trigml.physics.roc import auc
from trigml.physics.shower_shapes import SHOWER_FEATURES
from trigml.physics.uncertainties import Estimate
from trigml.training.baseline import train_trees

TASKS = (("gamma", "pi0"), ("electron", "pion"))
DIVIDED = tuple(feature.name for feature in SHOWER_FEATURES if feature.divides)
PLAIN = tuple(
    feature.name for feature in SHOWER_FEATURES if not feature.divides and not feature.name.endswith("_shift")
)
STUDY = tuple(name for name in (*PLAIN, *DIVIDED) if name != "ecal_mantissa")
SHIFTED = (*PLAIN, *(f"{name}_shift" for name in DIVIDED))


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison in one task: areas with and without divisions, on the same events."""

    what: str
    task: tuple[str, str]
    divided: Estimate
    shifted: Estimate

    def cells(self) -> list[str]:
        loss = self.divided.minus(self.shifted)
        return [text(self.divided), text(self.shifted), text(loss)]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The events of two classes; ``signal`` marks those of the first."""

    columns: dict[str, NDArray[np.float64]]
    signal: NDArray[np.bool_]
    split: NDArray[np.int8]

    def matrix(self, names: Sequence[str], split: Split) -> NDArray[np.float32]:
        rows = self.split == split
        return np.stack([self.columns[name][rows] for name in names], axis=1).astype(np.float32)

    def labels(self, split: Split) -> NDArray[np.int64]:
        return np.asarray(self.signal[self.split == split], dtype=np.int64)


def read_sample(path: Path, task: tuple[str, str]) -> Sample:
    names = read_header(path).class_names or ()
    missing = [name for name in task if name not in names]
    if missing:
        raise BadInput(f"the class {missing[0]!r} is not in the events", where=str(path))
    with open_hdf5(path) as file:
        labels = file["labels"][:]
        rows = np.isin(labels, [names.index(name) for name in task])
        wanted = {*STUDY, *SHIFTED}
        absent = sorted(wanted - set(file["features"]))
        if absent:
            raise BadInput(f"the feature {absent[0]!r} is not in the events", where=str(path))
        columns = {name: file[f"features/{name}"][:][rows].astype(np.float64) for name in sorted(wanted)}
        split = assign(file["event_id"][:][rows], SplitFractions())
    return Sample(columns, labels[rows] == names.index(task[0]), split)


def alone(values: NDArray[np.float64], signal: NDArray[np.bool_]) -> Estimate:
    """The best area of a cut from either side on the value or on its absolute value."""
    candidates = [auc(sign * one, signal) for one in (values, np.abs(values)) for sign in (1, -1)]
    return max(candidates, key=lambda estimate: estimate.value)


def trees(sample: Sample, features: Sequence[str]) -> Estimate:
    """The area of boosted trees on the test split."""
    model = train_trees(
        sample.matrix(features, Split.TRAIN),
        sample.labels(Split.TRAIN),
        sample.matrix(features, Split.VALIDATION),
        sample.labels(Split.VALIDATION),
        ("background", "signal"),
    )
    scores = model.scores(sample.matrix(features, Split.TEST))
    return auc(scores[:, 1] - scores[:, 0], sample.labels(Split.TEST) == 1)


def compare(path: Path, task: tuple[str, str]) -> list[Row]:
    """All comparisons of one task: feature by feature, then trees."""
    sample = read_sample(path, task)
    columns, signal = sample.columns, sample.signal
    rows = [
        Row(name, task, alone(columns[name], signal), alone(columns[f"{name}_shift"], signal))
        for name in DIVIDED
    ]
    only = tuple(f"{name}_shift" for name in DIVIDED)
    together = (
        ("trees, all", STUDY, SHIFTED),
        (f"trees, these {len(DIVIDED)} only", DIVIDED, (*only, "ecal_mantissa")),
    )
    return rows + [
        Row(what, task, trees(sample, with_), trees(sample, none)) for what, with_, none in together
    ]


def text(estimate: Estimate) -> str:
    measured = estimate.measured()
    digits = 5 if measured.uncertainty < 0.0005 else 4
    return f"{measured.value:.{digits}f} ± {measured.uncertainty:.{digits}f}"


def markdown(rows: Sequence[Sequence[Row]]) -> str:
    """One line per comparison, three columns per task."""
    titles = [" vs ".join(of_task[0].task) for of_task in rows]
    head = ["area under the ROC curve"]
    head += [f"{title}: {what}" for title in titles for what in ("divided", "shifted", "lost")]
    table = [
        head,
        *([row[0].what, *(cell for one in row for cell in one.cells())] for row in zip(*rows, strict=True)),
    ]
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("events", nargs="?", default="sample:showers", help="default: sample:showers")
    given = parser.parse_args()
    try:
        (path,) = resolve_files([given.events])
        print(markdown([compare(path, task) for task in TASKS]))
    except TrigmlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return Interrupted.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Describing a file of events: what it holds and how its columns are distributed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trigml.data.hdf5 import open_hdf5
from trigml.data.header import read_header
from trigml.data.layout import Column, EventsHeader, Provenance
from trigml.data.splits import Split, SplitFractions, assign
from trigml.data.stored import FileState, OpenEvents, StoredColumn, locate, open_events
from trigml.errors import BadInput
from trigml.progress import Progress, Silent, Task

QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
_BLOCK_NUMBERS = 2**18
_MOST_COUNTED_IDS = 2**22
_SAMPLED_NUMBERS = 2**18


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """How the finite values of a column are distributed.

    ``quantiles`` belong to the fractions ``QUANTILES`` and come from ``n_sampled`` values, evenly spaced in
    the file; the other figures from all ``n_values`` finite ones. Where there is none, they are ``None``.
    Of constituents, the zero-padded places are left out.
    """

    name: str
    unit: str
    description: str
    dtype: str
    n_values: int
    n_nan: int
    n_infinite: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    quantiles: tuple[float, ...] | None
    n_sampled: int


@dataclass(frozen=True, slots=True)
class Count:
    """So many events of a class or a split."""

    name: str
    n_events: int


@dataclass(frozen=True, slots=True)
class Description:
    """What ``describe`` found; ``path`` is text so that the whole can become JSON."""

    path: str
    n_bytes: int
    title: str
    n_events: int
    n_collisions: int | None
    provenance: Provenance
    features: tuple[ColumnSummary, ...]
    constituents: tuple[ColumnSummary, ...]
    n_constituents: int
    mean_constituents: float | None
    classes: tuple[Count, ...] | None
    splits: tuple[Count, ...]


def describe(
    path: Path, progress: Progress | None = None, *, fractions: SplitFractions | None = None
) -> Description:
    """Read a whole file of events, block by block, and summarise it; NaN and infinities are only counted.

    ``n_collisions`` is the number of different event ids; ``None`` for more than four million events.

    Raises:
        BadInput: as ``read_header``; a label out of range; a damaged file.
    """
    header = read_header(path)
    listener = progress or Silent()
    with open_hdf5(path) as file:
        event_id = locate(file["event_id"])
        labels = None if header.class_names is None else locate(file["labels"])
        features = [locate(file[f"features/{name}"]) for name in header.feature_names]
        constituents = [locate(file[f"constituents/{name}"]) for name in header.constituent_names]
        state = FileState.of(os.stat(path))
    n_numbers = header.n_events * (len(features) + len(constituents) * header.n_constituents)
    with open_events(path, state) as opened, listener.task(f"Reading {path.name}", n_numbers) as task:
        n_collisions, splits = _count_ids(opened, event_id, fractions or SplitFractions())
        described = tuple(
            _summary(column, _blocks(opened, stored, task))
            for column, stored in zip(header.features, features, strict=True)
        )
        inside, mean_constituents = _summarise_constituents(opened, header, constituents, task)
        return Description(
            path=str(path),
            n_bytes=state.size,
            title=header.title,
            n_events=header.n_events,
            n_collisions=n_collisions,
            provenance=header.provenance,
            features=described,
            constituents=inside,
            n_constituents=header.n_constituents,
            mean_constituents=mean_constituents,
            classes=None if labels is None else _count_classes(opened, labels, header),
            splits=splits,
        )


def _ranges(column: StoredColumn, width: int) -> Iterator[tuple[int, int]]:
    unit = min(column.chunk_rows, column.n_rows) if column.deflate or column.offsets is None else 1
    step = max(_BLOCK_NUMBERS // width // unit, 1) * unit
    for start in range(0, column.n_rows, step):
        yield start, min(start + step, column.n_rows)


def _blocks(opened: OpenEvents, column: StoredColumn, task: Task) -> Iterator[npt.NDArray[Any]]:
    for start, stop in _ranges(column, 1):
        yield opened.read(column, start, stop)
        task.advance(stop - start)


def _count_ids(
    opened: OpenEvents, column: StoredColumn, fractions: SplitFractions
) -> tuple[int | None, tuple[Count, ...]]:
    counts = np.zeros(len(Split), dtype=np.int64)
    kept: list[npt.NDArray[np.uint64]] = []
    for start, stop in _ranges(column, 1):
        event_id = opened.read(column, start, stop).astype(np.uint64, copy=False)
        counts += np.bincount(assign(event_id, fractions), minlength=len(Split))
        if column.n_rows <= _MOST_COUNTED_IDS:
            kept.append(event_id)
    splits = tuple(Count(split.name.lower(), int(counts[split])) for split in Split)
    if not kept:
        return None, splits
    ids = np.sort(np.concatenate(kept))
    return 1 + int(np.count_nonzero(ids[1:] != ids[:-1])), splits


def _count_classes(opened: OpenEvents, column: StoredColumn, header: EventsHeader) -> tuple[Count, ...]:
    names = header.class_names or ()
    counts = np.zeros(len(names), dtype=np.int64)
    for start, stop in _ranges(column, 1):
        labels = opened.read(column, start, stop)
        bad = labels >= len(names)
        if bad.any():
            row = int(np.argmax(bad))
            raise BadInput(
                "a label is out of range",
                where=f"{header.path}: /labels, row {start + row}",
                expected=f"0 to {len(names) - 1}",
                found=str(labels[row]),
            )
        counts += np.bincount(labels.astype(np.int64), minlength=len(names))
    return tuple(Count(name, int(count)) for name, count in zip(names, counts, strict=True))


def _summarise_constituents(
    opened: OpenEvents, header: EventsHeader, columns: Sequence[StoredColumn], task: Task
) -> tuple[tuple[ColumnSummary, ...], float | None]:
    if not columns:
        return (), None
    width = header.n_constituents
    summaries = [_Summing() for _ in columns]
    present = 0
    for start, stop in _ranges(columns[0], width * len(columns)):
        values = [opened.read(column, start, stop).reshape(-1) for column in columns]
        real = np.zeros(len(values[0]), dtype=bool)
        for one in values:
            real |= one != 0
        present += int(real.sum())
        for summing, one in zip(summaries, values, strict=True):
            summing.add(one[real])
        task.advance((stop - start) * width * len(columns))
    described = zip(header.constituents, summaries, strict=True)
    return tuple(summing.summary(column) for column, summing in described), present / header.n_events


def _summary(column: Column, blocks: Iterator[npt.NDArray[Any]]) -> ColumnSummary:
    summing = _Summing()
    for values in blocks:
        summing.add(values)
    return summing.summary(column)


class _Summing:
    """Adds up a column block by block, in float64."""

    def __init__(self) -> None:
        self._n = self._n_nan = self._n_infinite = 0
        self._mean = self._squares = 0.0
        self._minimum, self._maximum = np.inf, -np.inf
        self._sample: list[npt.NDArray[np.float64]] = []
        self._stride = 1
        self._next = 0

    def add(self, block: npt.NDArray[Any]) -> None:
        """Take in the values of one block.

        Means and squared deviations of blocks combine as in Chan, Golub, LeVeque, "Updating formulae and a
        pairwise algorithm for computing sample variances" (1979), eq. 2.1.
        """
        given = block.astype(np.float64)
        nan = int(np.isnan(given).sum())
        values = given[np.isfinite(given)]
        self._n_nan += nan
        self._n_infinite += len(given) - len(values) - nan
        if not len(values):
            return
        mean = float(values.mean())
        total = self._n + len(values)
        self._squares += float(np.square(values - mean).sum()) + (mean - self._mean) ** 2 * (
            self._n * len(values) / total
        )
        self._mean += (mean - self._mean) * len(values) / total
        self._minimum = min(self._minimum, float(values.min()))
        self._maximum = max(self._maximum, float(values.max()))
        self._sample.append(values[(self._next - self._n) :: self._stride].copy())
        self._next += len(self._sample[-1]) * self._stride
        self._n = total
        self._thin()

    def _thin(self) -> None:
        """Keep every second sampled value once there are too many."""
        while sum(map(len, self._sample)) > _SAMPLED_NUMBERS:
            self._sample = [np.concatenate(self._sample)[::2].copy()]
            self._stride *= 2
            self._next = len(self._sample[0]) * self._stride

    def summary(self, column: Column) -> ColumnSummary:
        """What was found of a column."""
        some = self._n > 0
        sample = np.concatenate(self._sample) if some else np.empty(0)
        return ColumnSummary(
            name=column.name,
            unit=column.unit,
            description=column.description,
            dtype=column.dtype,
            n_values=self._n,
            n_nan=self._n_nan,
            n_infinite=self._n_infinite,
            minimum=self._minimum if some else None,
            maximum=self._maximum if some else None,
            mean=self._mean if some else None,
            std=float(np.sqrt(self._squares / self._n)) if some else None,
            quantiles=tuple(float(q) for q in np.quantile(sample, QUANTILES)) if some else None,
            n_sampled=len(sample),
        )

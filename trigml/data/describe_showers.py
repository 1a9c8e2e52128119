"""Describing a file of showers: which layout it is in, and what its cells, energies and particles are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from trigml.data.describe import QUANTILES
from trigml.data.hdf5 import open_hdf5
from trigml.data.layout import FORMAT
from trigml.data.shower_files import (
    NumberPlace,
    Shape,
    ShowerFile,
    has_number,
    number_place,
    open_shower_file,
)
from trigml.data.shower_layouts import NamedLayout, load_layout, recognised, unknown_layout
from trigml.data.showers import Showers, numbers, pdg_numbers, read_rows, true_energies
from trigml.errors import BadInput
from trigml.progress import Progress, Silent

_Number = TypeVar("_Number", np.float32, np.int32)

_SAMPLED = 512
_BLOCKS = 8
_NUMBERS_AT_ONCE = 2**18
_MOST_KINDS = 20


@dataclass(frozen=True, slots=True)
class CellsSummary:
    """The cells of one calorimeter, from a sample of the showers.

    Attributes:
        dataset: its name in the file; dtype and chunks as stored.
        layers, y, x: how many cells.
        mean_deposit: per shower, MeV.
        hit_cells: mean number of cells above 0.
        first_half: layers, from the front, that hold half of the deposits; ``None`` without deposits.
    """

    dataset: str
    dtype: str
    chunks: tuple[int, ...] | None
    layers: int
    y: int
    x: int
    mean_deposit: float
    hit_cells: float
    first_half: int | None


@dataclass(frozen=True, slots=True)
class NumberSummary:
    """One number of each shower, over the whole file; quantiles belong to the fractions ``QUANTILES``."""

    name: str
    unit: str
    minimum: float
    maximum: float
    mean: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ParticleCount:
    """So many showers of a PDG number."""

    pdg_id: int
    n_showers: int


@dataclass(frozen=True, slots=True)
class ShowerDescription:
    """What a file of showers holds.

    Attributes:
        layout: the name of the known layout, or the layout file.
        axes: of the cells, as stored.
        n_sampled: how many showers the figures of the cells are from.
        particles: ``None`` if the file has no PDG numbers.
        numbers: true energy in GeV, then the extras of the layout that the file has.
        others: datasets that the layout does not name.
    """

    path: str
    n_bytes: int
    layout: str
    axes: tuple[str, str, str]
    n_showers: int
    n_sampled: int
    cells: tuple[CellsSummary, ...]
    particles: tuple[ParticleCount, ...] | None
    numbers: tuple[NumberSummary, ...]
    others: tuple[str, ...]


def is_events_file(path: Path) -> bool:
    """Whether an HDF5 file says that it is in the layout of events.

    Raises:
        BadInput: not HDF5, truncated or damaged.
    """
    with open_hdf5(path) as file:
        found = file.attrs.get("format")
        return isinstance(found, str) and found == FORMAT


def describe_showers(
    path: Path, layout: str | None = None, progress: Progress | None = None
) -> ShowerDescription:
    """Summarise a file of showers: numbers from the whole file, cells from some showers spread over it.

    Args:
        path: the file.
        layout: a known layout or a YAML file; ``None``: recognised.
        progress: a listener.

    Raises:
        BadInput: the layout is not known (with the datasets found); what ``open_shower_file`` refuses; an
            unusable value.
    """
    named = layout_of(path, layout)
    file = open_shower_file(path, named.layout)
    listener = progress or Silent()
    with listener.task(f"Reading {path.name}", file.n_showers) as task, open_hdf5(path) as opened:
        sample = _sample(opened, file)
        task.advance(file.n_showers)
        return ShowerDescription(
            path=str(path),
            n_bytes=path.stat().st_size,
            layout=named.name,
            axes=named.layout.axes,
            n_showers=file.n_showers,
            n_sampled=sum(map(len, sample)),
            cells=_cells(opened, file, sample),
            particles=_particles(opened, file),
            numbers=_numbers(opened, file),
            others=_others(opened, file),
        )


def layout_of(path: Path, layout: str | None) -> NamedLayout:
    """The layout that is asked for, or the known one that a file is in.

    Raises:
        BadInput: no such layout; none is known for the file.
    """
    if layout is not None:
        return load_layout(layout, path)
    found = recognised(path)
    if found is None:
        raise unknown_layout(path)
    return found


def common_layout(paths: Sequence[Path], layout: str | None) -> NamedLayout:
    """The layout of several files, as ``layout_of``: what one of them has, such as PDG numbers, all have.

    Raises:
        BadInput: as ``layout_of``; a file of the same layout has other optional datasets than the first.
    """
    first = layout_of(paths[0], layout)
    for path in paths[1:]:
        found = layout_of(path, layout)
        if found.name == first.name and found != first:  # of other layouts tells who opens the files
            raise BadInput(
                "the files of showers do not hold the same",
                where=str(path),
                expected=f"{_optional(first)}, as in {paths[0]}",
                found=_optional(found),
                remedy="a layout that says what all of them have: --layout FILE.yml (docs/showers.md)",
            )
    return first


def _optional(named: NamedLayout) -> str:
    """What of a layout a file may have or not."""
    layout = named.layout
    optional = [
        layout.hcal,
        layout.pdg_id,
        *(extra.dataset for extra in layout.extras if extra.missing is None),
    ]
    names = ", ".join(name for name in optional if name is not None)
    return f"layout {named.name} with {names or 'nothing else'}"


def _sample(opened: h5py.File, file: ShowerFile) -> list[Showers]:
    """Up to 512 showers, in 8 blocks from the front to the back of the file."""
    if file.n_showers <= _SAMPLED:
        return [read_rows(opened, file, 0, file.n_showers)]
    length = _SAMPLED // _BLOCKS
    starts = np.linspace(0, file.n_showers - length, _BLOCKS).astype(int).tolist()
    return [read_rows(opened, file, start, start + length) for start in starts]


def _cells(opened: h5py.File, file: ShowerFile, sample: list[Showers]) -> tuple[CellsSummary, ...]:
    layout = file.layout
    found = [_summary(opened, layout.ecal, file.ecal_shape, [showers.ecal for showers in sample])]
    if layout.hcal is not None and file.hcal_shape is not None:
        hcal = [showers.hcal for showers in sample if showers.hcal is not None]
        found.append(_summary(opened, layout.hcal, file.hcal_shape, hcal))
    return tuple(found)


def _summary(opened: h5py.File, name: str, shape: Shape, blocks: list[NDArray[np.float32]]) -> CellsSummary:
    n = sum(map(len, blocks))
    profile = sum(block.sum(axis=(0, 2, 3), dtype=np.float64) for block in blocks)
    depth = np.cumsum(profile)
    return CellsSummary(
        dataset=name,
        dtype=str(opened[name].dtype),
        chunks=opened[name].chunks,
        layers=shape[0],
        y=shape[1],
        x=shape[2],
        mean_deposit=float(depth[-1]) / n,
        hit_cells=sum(int(np.count_nonzero(block)) for block in blocks) / n,
        first_half=int(np.searchsorted(depth, depth[-1] / 2)) + 1 if depth[-1] > 0 else None,
    )


def _particles(opened: h5py.File, file: ShowerFile) -> tuple[ParticleCount, ...] | None:
    if file.layout.pdg_id is None:
        return None
    values, counts = np.unique(
        _column(number_place(opened, file.path, file.layout.pdg_id), file, pdg_numbers), return_counts=True
    )
    order = np.argsort(counts)[::-1][:_MOST_KINDS]
    return tuple(ParticleCount(int(values[i]), int(counts[i])) for i in order)


def _numbers(opened: h5py.File, file: ShowerFile) -> tuple[NumberSummary, ...]:
    layout = file.layout
    energies = _column(number_place(opened, file.path, layout.energy), file, true_energies)
    found = [_number_summary(layout.energy, "GeV", energies)]
    for extra, there in zip(layout.extras, file.has_extra, strict=True):
        if there:
            values = _column(number_place(opened, file.path, extra.dataset), file, numbers)
            found.append(_number_summary(f"{extra.dataset} ({extra.column})", extra.unit, values))
    return tuple(found)


def _number_summary(name: str, unit: str, values: NDArray[np.float32]) -> NumberSummary:
    wide = values.astype(np.float64)
    return NumberSummary(
        name=name,
        unit=unit,
        minimum=float(wide.min()),
        maximum=float(wide.max()),
        mean=float(wide.mean()),
        quantiles=tuple(map(float, np.quantile(wide, QUANTILES))),
    )


def _column(
    place: NumberPlace,
    file: ShowerFile,
    read: Callable[[NumberPlace, ShowerFile, int, int], NDArray[_Number]],
) -> NDArray[_Number]:
    """(N,), one checked number of each shower: 4 bytes a shower."""
    step = max(1, _NUMBERS_AT_ONCE // max(1, math.prod(place.dataset.shape[1:])))
    return np.concatenate(
        [
            read(place, file, start, min(start + step, file.n_showers))
            for start in range(0, file.n_showers, step)
        ]
    )


def _others(opened: h5py.File, file: ShowerFile) -> tuple[str, ...]:
    layout = file.layout
    names = [layout.energy, layout.pdg_id, *(extra.dataset for extra in layout.extras)]
    named = {layout.ecal, layout.hcal} | {
        number_place(opened, file.path, name).dataset.name.strip("/")
        for name in names
        if name is not None and has_number(opened, name)
    }
    others: list[str] = []

    def note(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset) and name not in named:
            others.append(name)

    opened.visititems(note)
    return tuple(others)

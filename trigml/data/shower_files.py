"""Files of calorimeter showers: what a file holds under which names, checked before anything is read.

A ``ShowerLayout`` declares the names, axes and units of a file; ``trigml.data.shower_layouts`` has those that
are known, reads one from YAML, and recognises which one a file is in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import h5py

from trigml.data.cells import cell_named
from trigml.data.hdf5 import LARGEST_CHUNK_BYTES, number_dataset, open_hdf5, refuse_foreign_content
from trigml.data.names import did_you_mean
from trigml.errors import BadInput

Shape: TypeAlias = tuple[int, int, int]
Unit: TypeAlias = Literal["keV", "MeV", "GeV"]
MEV: dict[Unit, float] = {"keV": 1e-3, "MeV": 1.0, "GeV": 1e3}
AXES = ("layer", "y", "x")
_LARGEST_SHOWER_BYTES = 64 * 2**20
_MOST_NUMBERS = 4096  # per shower, in a dataset that is no cells


@dataclass(frozen=True, slots=True)
class ShowerExtra:
    """One more number of each shower, which becomes a feature of the events.

    Attributes:
        column: the name of the feature.
        dataset: where it is in the file: ``NAME``, or ``NAME[INDEX]`` for one number of several.
        unit, description: as in the events.
        missing: the value for showers of a file without this dataset; ``None``: every file has it.
    """

    column: str
    dataset: str
    unit: str = ""
    description: str = ""
    missing: float | None = None


@dataclass(frozen=True, slots=True)
class ShowerLayout:
    """Names, axes and units of the datasets in a file of showers.

    Where a number per shower is named, ``NAME`` is a dataset (N,) or (N, 1), and ``NAME[INDEX]`` one number
    of a dataset with several, counted from 0 over all its axes but the first: ``target[1]``.

    Attributes:
        ecal, hcal: names of the cells' energies, (N, a, b, c); ``hcal`` may be ``None``.
        energy: name of the true energy.
        pdg_id: name of the particle's PDG number; ``None``: not checked.
        axes: what a, b and c are: ``"layer"``, ``"y"`` and ``"x"`` in any order.
        deposits: unit of the cells' energies.
        energy_unit: unit of the true energy.
        ecal_shape, hcal_shape: (layers, y, x) that a file has to have; ``None``: any.
        extras: further numbers to read, such as an opening angle.
    """

    ecal: str = "ECAL"
    hcal: str | None = "HCAL"
    energy: str = "energy"
    pdg_id: str | None = "pdgID"
    axes: tuple[str, str, str] = AXES
    deposits: Unit = "MeV"
    energy_unit: Unit = "GeV"
    ecal_shape: Shape | None = None
    hcal_shape: Shape | None = None
    extras: tuple[ShowerExtra, ...] = ()

    def __post_init__(self) -> None:
        if sorted(self.axes) != sorted(AXES):
            raise BadInput(
                "the axes of a layout are not understood",
                expected="layer, y and x, each once",
                found=", ".join(self.axes),
            )

    @property
    def to_canonical(self) -> tuple[int, int, int, int]:
        """The order of a stored array's axes in which they are (event, layer, y, x)."""
        layer, y, x = (1 + self.axes.index(axis) for axis in AXES)
        return (0, layer, y, x)


@dataclass(frozen=True, slots=True)
class ShowerFile:
    """A checked file of showers of one or several particles.

    Attributes:
        ecal_shape, hcal_shape: (layers, y, x); ``hcal_shape`` is ``None`` if there is no HCAL.
        has_extra: which of the layout's extras the file has.
        chunk_rows: blocks of showers should begin at multiples of so many.
        shower_bytes: memory of one shower as float32.
    """

    path: Path
    layout: ShowerLayout
    n_showers: int
    ecal_shape: Shape
    hcal_shape: Shape | None
    has_extra: tuple[bool, ...]
    chunk_rows: int
    shower_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class NumberPlace:
    """Where one number of each shower is: a dataset, and which of its numbers per shower."""

    dataset: h5py.Dataset
    index: int


def open_shower_file(path: Path, layout: ShowerLayout) -> ShowerFile:
    """Check that ``path`` is a file of showers in ``layout``; values are checked when they are read.

    Raises:
        BadInput: missing, not HDF5, truncated or damaged; external links, virtual datasets, objects or
            plugins; a dataset that is missing or has the wrong kind, shape or length; no showers.
    """
    with open_hdf5(path) as file:
        refuse_foreign_content(file, path)
        ecal = _cells(file, path, layout, layout.ecal, layout.ecal_shape)
        hcal = None if layout.hcal is None else _cells(file, path, layout, layout.hcal, layout.hcal_shape)
        cells = [dataset for dataset in (ecal, hcal) if dataset is not None]
        n_showers = len(ecal)
        if n_showers == 0:
            raise BadInput("the file holds no showers", where=str(path))
        has_extra = tuple(extra.missing is None or has_number(file, extra.dataset) for extra in layout.extras)
        names = [layout.energy, *([layout.pdg_id] if layout.pdg_id is not None else [])]
        names += [extra.dataset for extra, there in zip(layout.extras, has_extra, strict=True) if there]
        for dataset in (*cells, *(number_place(file, path, name).dataset for name in names)):
            if len(dataset) != n_showers:
                raise BadInput(
                    "the datasets differ in length",
                    where=f"{path}: {dataset.name}",
                    expected=f"{n_showers} showers, as in {layout.ecal}",
                    found=str(len(dataset)),
                )
        shower_bytes = sum(4 * dataset.size // n_showers for dataset in cells)
        if shower_bytes > _LARGEST_SHOWER_BYTES:
            raise BadInput(
                "one shower has too many cells to be streamed",
                where=str(path),
                expected=f"at most {_LARGEST_SHOWER_BYTES // 2**20} MiB as float32",
                found=f"{shower_bytes // 2**20} MiB",
            )
        return ShowerFile(
            path=path,
            layout=layout,
            n_showers=n_showers,
            ecal_shape=canonical_shape(ecal, layout),
            hcal_shape=None if hcal is None else canonical_shape(hcal, layout),
            has_extra=has_extra,
            chunk_rows=max(dataset.chunks[0] if dataset.chunks else 1 for dataset in cells),
            shower_bytes=shower_bytes,
        )


def has_number(file: h5py.File, name: str) -> bool:
    """Whether ``file`` has the dataset of ``NAME`` or ``NAME[INDEX]``."""
    cell = cell_named(name)
    return name in file or (cell is not None and cell.column in file)


def number_place(file: h5py.File, path: Path, name: str) -> NumberPlace:
    """Where the number ``NAME`` or ``NAME[INDEX]`` of each shower is.

    Raises:
        BadInput: missing, no numbers, or of the wrong shape.
    """
    cell = None if name in file else cell_named(name)
    dataset = _dataset(file, path, name if cell is None else cell.column)
    per_shower = math.prod(dataset.shape[1:])
    if cell is None:
        fits, expected = dataset.ndim > 0 and per_shower == 1, "(N,) or (N, 1)"
        if dataset.ndim > 1 and 1 < per_shower <= _MOST_NUMBERS:
            expected += f"; or one number of it, {name}[0] to {name}[{per_shower - 1}]"
    else:
        fits = dataset.ndim > 1 and cell.index < per_shower <= _MOST_NUMBERS
        expected = f"more than {cell.index} and at most {_MOST_NUMBERS} numbers per shower"
    if not fits:
        raise BadInput(
            f"the dataset {name if cell is None else cell.column!r} has the wrong shape",
            where=str(path),
            expected=expected,
            found=str(dataset.shape),
        )
    return NumberPlace(dataset, 0 if cell is None else cell.index)


def canonical_shape(dataset: h5py.Dataset, layout: ShowerLayout) -> Shape:
    """(layers, y, x) of a dataset of cells."""
    _, layer, y, x = (dataset.shape[axis] for axis in layout.to_canonical)
    return (layer, y, x)


def _dataset(file: h5py.File, path: Path, name: str) -> h5py.Dataset:
    if name not in file:
        raise BadInput(
            f"the dataset {name!r} is missing",
            where=str(path),
            found=", ".join(file) or "nothing",
            remedy=did_you_mean(name, list(file)) or "declare the names of this file: --layout FILE.yml",
        )
    dataset = file[name]
    if isinstance(dataset, h5py.Dataset) and dataset.chunks is not None:
        _refuse_large_chunks(dataset, path, name)
    return number_dataset(file, name, str(path))


def _refuse_large_chunks(dataset: h5py.Dataset, path: Path, name: str) -> None:
    """As ``number_dataset`` does, but with the chunks that would do for cells."""
    rows, *rest = dataset.chunks
    row_bytes = dataset.dtype.itemsize * math.prod(rest)
    if rows * row_bytes <= LARGEST_CHUNK_BYTES:
        return
    shape = "x".join(map(str, [max(1, 2**20 // row_bytes), *rest]))
    raise BadInput(
        f"the dataset {name!r} is stored in chunks that are too large to stream",
        where=str(path),
        expected=f"at most {LARGEST_CHUNK_BYTES // 2**20} MiB",
        found=f"chunks of {dataset.chunks}, {rows * row_bytes // 2**20} MiB",
        remedy=f"h5repack -l {name}:CHUNK={shape} OLD NEW",
    )


def _cells(
    file: h5py.File, path: Path, layout: ShowerLayout, name: str, wanted: Shape | None
) -> h5py.Dataset:
    dataset = _dataset(file, path, name)
    axes = ", ".join(layout.axes)
    if dataset.ndim != 4 or 0 in dataset.shape[1:]:
        raise BadInput(
            f"the dataset {name!r} has the wrong shape",
            where=str(path),
            expected=f"(N, {axes})",
            found=str(dataset.shape),
        )
    if wanted is not None and canonical_shape(dataset, layout) != wanted:
        stored = tuple(wanted[AXES.index(axis)] for axis in layout.axes)
        raise BadInput(
            f"the dataset {name!r} has the wrong shape",
            where=str(path),
            expected=f"(N, {', '.join(map(str, stored))}) for (N, {axes})",
            found=str(dataset.shape),
            remedy="another order of the axes or another detector is declared with --layout FILE.yml",
        )
    return dataset

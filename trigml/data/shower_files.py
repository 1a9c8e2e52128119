"""Files of calorimeter showers: what a file holds under which names, checked before anything is read.

Two layouts are known, and any other one with the same kinds of data can be declared:

- ``GEANT4_LAYOUT``: axes (layer, y, x), as in the files that the packaged sample is made of;
- ``LCD_LAYOUT``: the public LCD data set, axes (x, y, layer), ECAL 25 × 25 × 25 and HCAL 5 × 5 × 60.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import h5py

from trigml.data.hdf5 import number_dataset, open_hdf5, refuse_foreign_content
from trigml.data.names import did_you_mean
from trigml.errors import BadInput

Shape: TypeAlias = tuple[int, int, int]
_AXES = ("layer", "y", "x")
_LARGEST_SHOWER_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class ShowerLayout:
    """Names and axes of the datasets in a file of showers.

    Attributes:
        ecal, hcal: names of the cells' energies, (N, a, b, c); ``hcal`` may be ``None``.
        energy: name of the true energy in GeV, (N,) or (N, 1).
        pdg_id: name of the particle's PDG number, (N,) or (N, 1); ``None``: not checked.
        axes: what a, b and c are: ``"layer"``, ``"y"`` and ``"x"`` in any order.
        ecal_shape, hcal_shape: (layers, y, x) that a file has to have; ``None``: any.
        extras: further numbers to read, (N,), (N, 1) or (N, M), such as ``openingAngle``.
    """

    ecal: str = "ECAL"
    hcal: str | None = "HCAL"
    energy: str = "energy"
    pdg_id: str | None = "pdgID"
    axes: tuple[str, str, str] = _AXES
    ecal_shape: Shape | None = None
    hcal_shape: Shape | None = None
    extras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if sorted(self.axes) != sorted(_AXES):
            raise BadInput(
                "the axes of a layout are not understood",
                expected="layer, y and x, each once",
                found=", ".join(self.axes),
            )

    @property
    def to_canonical(self) -> tuple[int, int, int, int]:
        """The order of a stored array's axes in which they are (event, layer, y, x)."""
        layer, y, x = (1 + self.axes.index(axis) for axis in _AXES)
        return (0, layer, y, x)


GEANT4_LAYOUT = ShowerLayout(ecal_shape=(25, 25, 25), hcal_shape=(60, 5, 5))
LCD_LAYOUT = ShowerLayout(axes=("x", "y", "layer"), ecal_shape=(25, 25, 25), hcal_shape=(60, 5, 5))


@dataclass(frozen=True, slots=True)
class ShowerFile:
    """A checked file of showers of one or several particles.

    Attributes:
        ecal_shape, hcal_shape: (layers, y, x); ``hcal_shape`` is ``None`` if there is no HCAL.
        chunk_rows: blocks of showers should begin at multiples of so many.
        shower_bytes: memory of one shower as float32.
    """

    path: Path
    layout: ShowerLayout
    n_showers: int
    ecal_shape: Shape
    hcal_shape: Shape | None
    chunk_rows: int
    shower_bytes: int


def open_shower_file(path: Path, layout: ShowerLayout = GEANT4_LAYOUT) -> ShowerFile:
    """Check that ``path`` is a file of showers in ``layout``; values are checked when they are read.

    Raises:
        BadInput: missing, not HDF5, truncated or damaged; external links, virtual datasets, objects or
            plugins; a dataset that is missing or has the wrong kind, shape or length; no showers.
    """
    with open_hdf5(path) as file:
        refuse_foreign_content(file, path)
        ecal = _cells(file, path, layout, layout.ecal, layout.ecal_shape)
        hcal = None if layout.hcal is None else _cells(file, path, layout, layout.hcal, layout.hcal_shape)
        n_showers = len(ecal)
        if n_showers == 0:
            raise BadInput("the file holds no showers", where=str(path))
        cells = [dataset for dataset in (ecal, hcal) if dataset is not None]
        for dataset in (*cells, *numbers_of(file, path, layout).values()):
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
            ecal_shape=_shape(ecal, layout),
            hcal_shape=None if hcal is None else _shape(hcal, layout),
            chunk_rows=max(dataset.chunks[0] if dataset.chunks else 1 for dataset in cells),
            shower_bytes=shower_bytes,
        )


def numbers_of(file: h5py.File, path: Path, layout: ShowerLayout) -> dict[str, h5py.Dataset]:
    """The datasets with a few numbers per shower, by name: energy, PDG number, extras.

    Raises:
        BadInput: missing, no numbers, or of the wrong shape.
    """
    names = [layout.energy, *([layout.pdg_id] if layout.pdg_id else []), *layout.extras]
    found: dict[str, h5py.Dataset] = {}
    for name in names:
        dataset = _dataset(file, path, name)
        fits = dataset.ndim == 1 or (dataset.ndim == 2 and (dataset.shape[1] == 1 or name in layout.extras))
        if not fits:
            raise BadInput(
                f"the dataset {name!r} has the wrong shape",
                where=str(path),
                expected="(N,), (N, 1) or (N, M)" if name in layout.extras else "(N,) or (N, 1)",
                found=str(dataset.shape),
            )
        found[name] = dataset
    return found


def _dataset(file: h5py.File, path: Path, name: str) -> h5py.Dataset:
    try:
        return number_dataset(file, name, str(path))
    except BadInput as error:
        if name in file:
            raise
        raise BadInput(
            error.problem,
            where=str(path),
            found=", ".join(file) or "nothing",
            remedy=did_you_mean(name, list(file)) or "declare the names of this file in a ShowerLayout",
        ) from error


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
    if wanted is not None and _shape(dataset, layout) != wanted:
        stored = tuple(wanted[_AXES.index(axis)] for axis in layout.axes)
        raise BadInput(
            f"the dataset {name!r} has the wrong shape",
            where=str(path),
            expected=f"(N, {', '.join(map(str, stored))}) for (N, {axes})",
            found=str(dataset.shape),
            remedy="another order of the axes or another detector is declared in a ShowerLayout",
        )
    return dataset


def _shape(dataset: h5py.Dataset, layout: ShowerLayout) -> Shape:
    _, layer, y, x = (dataset.shape[axis] for axis in layout.to_canonical)
    return (layer, y, x)

"""Reading calorimeter showers in bounded memory: one file in its order, or several particles mixed.

What is held is a buffer of some 64 MiB per file of a mixture (of at most 8 files), and the batch that is
handed out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import numpy.typing as npt

from trigml.data.hdf5 import open_hdf5
from trigml.data.layout import check_name, check_unique
from trigml.data.shower_files import (
    MEV,
    NumberPlace,
    ShowerFile,
    ShowerLayout,
    number_place,
    open_shower_file,
)
from trigml.errors import BadInput

Floats = npt.NDArray[np.float32]
_Block: TypeAlias = tuple[int, int, int]  # file, first row, end
_BLOCK_BYTES = 32 * 2**20
_BLOCKS_IN_BUFFER = 4  # for each file of a mixture, unless the file is stored in larger chunks
_MOST_FILES_IN_BUFFER = 8
_PDG_OF_CLASS = {
    **dict.fromkeys(("gamma", "photon"), 22),
    **dict.fromkeys(("pi0", "pizero"), 111),
    **dict.fromkeys(("electron", "ele", "positron"), 11),
    **dict.fromkeys(("pion", "piplus", "piminus", "chpi"), 211),
}
"""What a class of this name has to hold, so that two files are not mixed up."""


@dataclass(frozen=True, slots=True, eq=False)
class Showers:
    """Some showers; the arrays have n rows.

    Attributes:
        ecal: (n, layers, y, x) float32, energy in each cell in MeV, not negative.
        hcal: (n, layers, y, x) float32; ``None`` if the file has none.
        energy: (n,) float32, true energy in GeV, above 0.
        pdg_id: (n,) int32; ``None`` if the layout names none.
        extras: (n, M) float32, the layout's extras side by side; M may be 0.
        source: (n,) int32, which class of a mixture; 0 for a single file.
        row: (n,) int64, the row in that file; of several files of a class, they are numbered on.
    """

    ecal: Floats
    hcal: Floats | None
    energy: Floats
    pdg_id: npt.NDArray[np.int32] | None
    extras: Floats
    source: npt.NDArray[np.int32]
    row: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.energy)

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Showers:
        """The showers at ``rows``; a slice shares memory."""
        return Showers(
            ecal=self.ecal[rows],
            hcal=None if self.hcal is None else self.hcal[rows],
            energy=self.energy[rows],
            pdg_id=None if self.pdg_id is None else self.pdg_id[rows],
            extras=self.extras[rows],
            source=self.source[rows],
            row=self.row[rows],
        )


@dataclass(frozen=True, slots=True)
class Particle:
    """A file of a mixture, and the class that its showers are of.

    Attributes:
        name: the class.
        file: its showers.
        label: the number of the class, in the order in which they are first named.
        first_row: how many showers the files of this class before it have.
    """

    name: str
    file: ShowerFile
    label: int = 0
    first_row: int = 0


def read_showers(file: ShowerFile, n_showers: int = 256) -> Iterator[Showers]:
    """All showers of a file in its order, at most ``n_showers`` at a time.

    Raises:
        BadInput: a value that is NaN, infinite or no energy, with its place; a damaged file.
    """
    _check_batch(n_showers)
    with open_hdf5(file.path) as opened:
        for start in range(0, file.n_showers, n_showers):
            yield read_rows(opened, file, start, min(start + n_showers, file.n_showers))


def particles(files: Sequence[tuple[str, Path]], layout: ShowerLayout) -> tuple[Particle, ...]:
    """The files of a mixture: pairs of a class and a path; a class may have several files.

    Raises:
        BadInput: no files, a file that stands twice, a file that is not in ``layout``, files of different
            calorimeters.
    """
    if not files:
        raise BadInput("a mixture of showers needs at least one file")
    check_unique([str(path.resolve()) for _, path in files], "file")
    labels: dict[str, int] = {}
    rows: dict[str, int] = {}
    found: list[Particle] = []
    for name, path in files:
        check_name(name, "class")
        file = open_shower_file(path, layout)
        if found:
            _check_same_calorimeter(file, found[0].file)
        found.append(Particle(name, file, labels.setdefault(name, len(labels)), rows.get(name, 0)))
        rows[name] = rows.get(name, 0) + file.n_showers
    return tuple(found)


def _check_same_calorimeter(file: ShowerFile, first: ShowerFile) -> None:
    shapes = (file.ecal_shape, file.hcal_shape)
    if shapes != (first.ecal_shape, first.hcal_shape):
        raise BadInput(
            "the files are of different calorimeters",
            where=str(file.path),
            expected=f"ECAL {first.ecal_shape}, HCAL {first.hcal_shape} as in {first.path}",
            found=f"ECAL {shapes[0]}, HCAL {shapes[1]}",
        )


def mixed_showers(mixture: Sequence[Particle], *, seed: int, n_showers: int = 256) -> Iterator[Showers]:
    """Every shower of every file once, in an order that depends on the seed alone.

    Blocks of the files are taken in a random order, the files in proportion to their lengths; the showers of
    a few blocks per file are shuffled together. Batches have ``n_showers``, the last of a shuffle fewer.

    Raises:
        BadInput: a class with more than one kind of particle (charges count as one), or another one than its
            name says; an unusable value; a damaged file.
    """
    _check_batch(n_showers)
    rng = np.random.default_rng(seed)
    kinds: dict[int, int] = {}
    for load in _loads([particle.file for particle in mixture], rng):
        pieces: list[Showers] = []
        for source, start, stop in load:
            particle = mixture[source]
            with open_hdf5(particle.file.path) as opened:
                piece = read_rows(
                    opened, particle.file, start, stop, label=particle.label, first_row=particle.first_row
                )
            check_one_particle(piece, particle, start, kinds)
            pieces.append(piece)
        yield from _shuffled(pieces, n_showers, rng)


def _check_batch(n_showers: int) -> None:
    if n_showers < 1:
        raise BadInput("a batch holds at least one shower", found=str(n_showers))


def _loads(files: Sequence[ShowerFile], rng: np.random.Generator) -> Iterator[list[_Block]]:
    """The blocks of all files in a random order, as many at a time as the buffer holds.

    Block i of the m of a file comes at (i + u) / m of the way, u uniform in [0, 1).
    """
    placed: list[tuple[float, _Block]] = []
    for source, file in enumerate(files):
        rows = _block_rows(file)
        starts = rng.permutation(np.arange(0, file.n_showers, rows))
        places = (np.arange(len(starts)) + rng.random(len(starts))) / len(starts)
        placed += [
            (float(place), (source, int(start), min(int(start) + rows, file.n_showers)))
            for place, start in zip(places, starts, strict=True)
        ]
    load: list[_Block] = []
    load_bytes = 0
    for _, block in sorted(placed):
        source, start, stop = block
        load.append(block)
        load_bytes += (stop - start) * files[source].shower_bytes
        if load_bytes >= _BLOCK_BYTES * min(len(files), _MOST_FILES_IN_BUFFER):
            yield load
            load, load_bytes = [], 0
    if load:
        yield load


def _block_rows(file: ShowerFile) -> int:
    """Showers per block: whole chunks where memory allows, since a chunk is inflated as a whole."""
    fits = _BLOCK_BYTES // file.shower_bytes
    small = fits // _BLOCKS_IN_BUFFER
    if file.chunk_rows <= small:
        return small // file.chunk_rows * file.chunk_rows
    return max(1, min(file.chunk_rows, fits))


def _shuffled(pieces: list[Showers], n_showers: int, rng: np.random.Generator) -> Iterator[Showers]:
    """The showers of ``pieces`` in a random order, without copying all of them at once."""
    lengths = np.array([len(piece) for piece in pieces])
    ends = np.cumsum(lengths)
    order = rng.permutation(int(ends[-1]))
    for first in range(0, len(order), n_showers):
        wanted = order[first : first + n_showers]
        piece_of = np.searchsorted(ends, wanted, side="right")
        within = wanted - (ends - lengths)[piece_of]
        grouped = [np.flatnonzero(piece_of == index) for index in range(len(pieces))]
        together = _concatenated(
            [pieces[i].take(within[rows]) for i, rows in enumerate(grouped) if len(rows)]
        )
        back = np.argsort(np.concatenate(grouped))
        yield together.take(back)


def _concatenated(pieces: Sequence[Showers]) -> Showers:
    hcal = [piece.hcal for piece in pieces if piece.hcal is not None]
    pdg_id = [piece.pdg_id for piece in pieces if piece.pdg_id is not None]
    return Showers(
        ecal=np.concatenate([piece.ecal for piece in pieces]),
        hcal=np.concatenate(hcal) if hcal else None,
        energy=np.concatenate([piece.energy for piece in pieces]),
        pdg_id=np.concatenate(pdg_id) if pdg_id else None,
        extras=np.concatenate([piece.extras for piece in pieces]),
        source=np.concatenate([piece.source for piece in pieces]),
        row=np.concatenate([piece.row for piece in pieces]),
    )


def check_one_particle(showers: Showers, particle: Particle, start: int, kinds: dict[int, int]) -> None:
    """Refuse showers of another particle than their class.

    Args:
        showers: consecutive ones of ``particle.file``.
        particle: their file and class.
        start: the row of the first one in the file.
        kinds: remembers the particle of each class that is not named by its particle.

    Raises:
        BadInput: a PDG number that is not the class's (charges count as one).
    """
    if showers.pdg_id is None:
        return
    kind = np.abs(showers.pdg_id)
    named = _PDG_OF_CLASS.get(particle.name.lower())
    expected = named if named is not None else kinds.setdefault(particle.label, int(kind[0]))
    if (kind == expected).all():
        return
    index = int(np.flatnonzero(kind != expected)[0])
    raise BadInput(
        f"the class {particle.name!r} has more than one kind of particle"
        if named is None
        else f"this is another particle than the class {particle.name!r}",
        where=f"{particle.file.path}: row {start + index}",
        expected=f"PDG number {expected} or {-expected}",
        found=str(int(showers.pdg_id[index])),
        remedy="one file per particle type, named by its class: gamma=FILE pi0=FILE",
    )


def read_rows(
    opened: h5py.File, file: ShowerFile, start: int, stop: int, *, label: int = 0, first_row: int = 0
) -> Showers:
    """The showers ``start`` to ``stop`` of an opened file; ``label`` and ``first_row`` as in ``Particle``.

    Raises:
        BadInput: an unusable value, or the file has changed since it was checked.
    """
    layout, path = file.layout, file.path
    energy_at = number_place(opened, path, layout.energy)
    pdg_at = None if layout.pdg_id is None else number_place(opened, path, layout.pdg_id)
    if any(len(dataset) != file.n_showers for dataset in (opened[layout.ecal], energy_at.dataset)):
        raise BadInput("the file has changed since it was opened", where=str(path))
    return Showers(
        ecal=_cells(opened, file, layout.ecal, start, stop),
        hcal=None if layout.hcal is None else _cells(opened, file, layout.hcal, start, stop),
        energy=true_energies(energy_at, file, start, stop),
        pdg_id=None if pdg_at is None else pdg_numbers(pdg_at, file, start, stop),
        extras=_extras(opened, file, start, stop),
        source=np.full(stop - start, label, np.int32),
        row=np.arange(first_row + start, first_row + stop, dtype=np.int64),
    )


def _extras(opened: h5py.File, file: ShowerFile, start: int, stop: int) -> Floats:
    values = np.empty((stop - start, len(file.layout.extras)), np.float32)
    for column, (extra, there) in enumerate(zip(file.layout.extras, file.has_extra, strict=True)):
        if there:
            place = number_place(opened, file.path, extra.dataset)
            values[:, column] = numbers(place, file, start, stop)
        else:
            values[:, column] = extra.missing
    return values


def _cells(opened: h5py.File, file: ShowerFile, name: str, start: int, stop: int) -> Floats:
    stored = opened[name][start:stop].transpose(file.layout.to_canonical)
    with np.errstate(over="ignore"):
        cells = np.ascontiguousarray(stored, dtype=np.float32)
        if file.layout.deposits != "MeV":
            cells *= np.float32(MEV[file.layout.deposits])
    _finite(cells, file.path, name, start)
    if cells.min() < 0:
        place = np.argwhere(cells < 0)[0]
        raise BadInput(
            "an energy of a cell is negative",
            where=f"{file.path}: {name}, row {start + int(place[0])}",
            expected="deposits without noise; noise is added to the trigger cells",
            found=str(cells[tuple(place)]),
        )
    return cells


def true_energies(place: NumberPlace, file: ShowerFile, start: int, stop: int) -> Floats:
    """The true energies in GeV of the showers ``start`` to ``stop``.

    Raises:
        BadInput: one is not finite or not above 0.
    """
    energy = numbers(place, file, start, stop)
    if (energy <= 0).any():
        index = int(np.flatnonzero(energy <= 0)[0])
        raise BadInput(
            "a true energy is not positive",
            where=f"{file.path}: {file.layout.energy}, row {start + index}",
            found=str(energy[index]),
        )
    if file.layout.energy_unit != "GeV":
        energy *= np.float32(MEV[file.layout.energy_unit] / MEV["GeV"])
    return energy


def numbers(place: NumberPlace, file: ShowerFile, start: int, stop: int) -> Floats:
    """One number of each of the showers ``start`` to ``stop``.

    Raises:
        BadInput: one is not finite.
    """
    with np.errstate(over="ignore"):
        stored = place.dataset[start:stop].reshape(stop - start, -1)[:, place.index]
        values = stored.astype(np.float32)
    return _finite(values, file.path, str(place.dataset.name), start)


def pdg_numbers(place: NumberPlace, file: ShowerFile, start: int, stop: int) -> npt.NDArray[np.int32]:
    """The PDG numbers of the showers ``start`` to ``stop``.

    Raises:
        BadInput: one is not a whole number of 32 bits.
    """
    values: npt.NDArray[Any] = place.dataset[start:stop].reshape(stop - start, -1)[:, place.index]
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int32)
    if (whole != values).any():
        index = int(np.flatnonzero(whole != values)[0])
        raise BadInput(
            "a PDG number is not a whole number of 32 bits",
            where=f"{file.path}: {str(place.dataset.name).strip('/')}, row {start + index}",
            found=str(values[index]),
        )
    return whole


def _finite(values: Floats, path: Path, name: str, start: int) -> Floats:
    finite = np.isfinite(values)
    if not finite.all():
        place = np.argwhere(~finite)[0]
        raise BadInput(
            "a value of a shower is not a finite number of 32 bits",
            where=f"{path}: {name.strip('/')}, row {start + int(place[0])}",
            found=str(values[tuple(place)]),
        )
    return values

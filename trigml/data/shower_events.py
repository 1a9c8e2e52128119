"""From files of showers to a file of events as a Level-1 trigger sees them, streaming.

The events have the words of the trigger cells, the shower shapes computed from these words, and the truth.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.data.layout import Column, EventsWriter, Provenance
from trigml.data.primitives import PrimitivesFile, described
from trigml.data.shower_layouts import OPENING_ANGLE, NamedLayout
from trigml.data.showers import Particle, Showers, mixed_showers, particles
from trigml.data.significant_bits import rounded
from trigml.errors import BadInput
from trigml.physics.shower_shapes import energy_sum, ratio, shower_features, shower_features_of
from trigml.physics.trigger_primitives import TriggerPrimitives, Words
from trigml.progress import Progress, Silent, Task

_BATCH = 256
_BATCH_BYTES = _HASHED_BYTES = 64 * 2**20
_CHUNK_EVENTS, _CHUNK_BYTES = 4096, 2**24
_NO_ANGLE = "not in the source: see trigml.physics.neutral_pions"


@dataclass(frozen=True, slots=True)
class ShowerOptions:
    """How showers become events.

    Attributes:
        layout: of the files.
        primitives: the steps to the trigger's words.
        seed: of the order of the events and of the noise.
        title: one line for people; ``None``: made from the classes.
        notes: for the provenance, such as ``origin`` and ``licence``; they go before what is written there
            otherwise.
    """

    layout: NamedLayout
    primitives: PrimitivesFile
    seed: int = 1
    title: str | None = None
    notes: Provenance = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShowerClass:
    """What was made of one class.

    Attributes:
        response: mean of the sum of all words (in GeV) over the true energy.
        saturated: events with a word at the highest value.
    """

    name: str
    n_events: int
    n_files: int
    response: float
    saturated: int


@dataclass(frozen=True, slots=True)
class ShowerConversion:
    """What ``showers_to_events`` made.

    Attributes:
        ecal, hcal: (segments, y, x) of the trigger cells.
        features: names, in the order of the file.
        remarks: what a user should know about these events.
    """

    output: str
    layout: str
    n_events: int
    classes: tuple[ShowerClass, ...]
    ecal: tuple[int, int, int]
    hcal: tuple[int, int, int] | None
    features: tuple[str, ...]
    remarks: tuple[str, ...]


def showers_to_events(
    sources: Sequence[tuple[str, Path]],
    output: Path,
    options: ShowerOptions,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> ShowerConversion:
    """Turn files of showers into one file of events, in memory that does not depend on their size.

    Every shower comes once, the classes mixed. A shower's event id is the number of its class and its row in
    the files of that class: it stays in its split whatever the seed is.

    Args:
        sources: pairs of a class and a file; a class may have several files.
        output: the file to write.
        options: layout, trigger primitives, seed.
        force: replace ``output``, if it exists.
        progress: a listener.

    Raises:
        BadInput: an output that exists (without ``force``) or is one of the sources; files that are no
            showers in this layout, of different calorimeters or of another one than the primitives'; a class
            that holds another particle; values that are NaN, infinite or negative.
    """
    listener = progress or Silent()
    if not 0 <= options.seed < 2**63:
        raise BadInput("this cannot be a seed", expected="0 to 2^63 - 1", found=str(options.seed))
    _check_output(sources, output, force)
    mixture = particles(sources, options.layout.layout)
    first = mixture[0].file
    primitives = options.primitives.fitted(first.ecal_shape, first.hcal_shape)
    recipe = _Recipe.of(mixture, primitives, options)
    names = list(dict.fromkeys(particle.name for particle in mixture))
    with EventsWriter(
        output,
        title=options.title or "Calorimeter showers in trigger cells: " + ", ".join(names),
        features=recipe.features,
        constituents=[recipe.cells],
        n_constituents=primitives.n_trigger_cells,
        class_names=names,
        provenance=_provenance(mixture, recipe, options, listener),
        compression_level=9,
        chunk_events=recipe.chunk_events,
    ) as writer:
        tally = _written(writer, mixture, recipe, options.seed, listener)
    return _conversion(output, mixture, recipe, tally, options)


def _written(
    writer: EventsWriter, mixture: Sequence[Particle], recipe: _Recipe, seed: int, progress: Progress
) -> _Tally:
    """Write all events; the noise of each calorimeter has a seed of its own."""
    n_classes = len(writer.class_names or ())
    tally = _Tally(np.zeros(n_classes), np.zeros(n_classes, np.int64), np.zeros(n_classes, np.int64))
    noise = tuple(map(np.random.default_rng, np.random.SeedSequence(seed).spawn(2)))
    batch = max(1, min(_BATCH, _BATCH_BYTES // mixture[0].file.shower_bytes))
    total = sum(particle.file.n_showers for particle in mixture)
    with progress.task("Making trigger cells", total) as task:
        for showers in mixed_showers(mixture, seed=seed, n_showers=batch):
            parts = zip(recipe.primitives.parts, (showers.ecal, showers.hcal), noise, strict=False)
            words = [part.words(cells, rng) for (_, part), cells, rng in parts if cells is not None]
            _append(writer, recipe, showers, words)
            tally.add(showers, words, recipe.primitives)
            task.advance(len(showers))
    return tally


def _check_output(sources: Sequence[tuple[str, Path]], output: Path, force: bool) -> None:
    if output.exists() and not force:
        raise BadInput(
            "the output exists already", where=str(output), remedy="choose another name, or --force"
        )
    if output.resolve() in {path.resolve() for _, path in sources}:
        raise BadInput("the output is one of the files to read", where=str(output))


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What each batch needs; ``extras`` are the places of the layout's extras that become columns."""

    primitives: TriggerPrimitives
    features: tuple[Column, ...]
    n_shapes: int
    extras: tuple[int, ...]
    cells: Column
    feature_bits: int | None

    @staticmethod
    def of(mixture: Sequence[Particle], primitives: TriggerPrimitives, options: ShowerOptions) -> _Recipe:
        whole = "uint16" if primitives.n_trigger_cells < 2**16 else "uint32"
        hcal = primitives.hcal
        shapes = [
            Column(
                f.name, f.unit, f.description, whole if f.name in {"ecal_hits", "hcal_hits"} else "float32"
            )
            for f in shower_features_of(len(primitives.ecal.grid.layers), hcal is not None)
        ]
        extras = [
            (place, Column(extra.column, extra.unit, extra.description))
            for place, extra in enumerate(options.layout.layout.extras)
            if any(particle.file.has_extra[place] for particle in mixture)
        ]
        truth = [Column("true_energy", "GeV", "energy of the particle"), *(column for _, column in extras)]
        if mixture[0].file.hcal_shape is not None and hcal is not None:
            text = "ratio of deposits, HCAL to weighted ECAL, without noise and LSB"
            truth.append(Column("true_hcal_over_ecal", "", text))
        return _Recipe(
            primitives=primitives,
            features=(*shapes, *truth),
            n_shapes=len(shapes),
            extras=tuple(place for place, _ in extras),
            cells=_cells_column(primitives),
            feature_bits=options.primitives.feature_bits,
        )

    @property
    def chunk_events(self) -> int:
        """Events per chunk of the file, such that a chunk of cells stays small."""
        row = self.primitives.n_trigger_cells * np.dtype(self.cells.dtype).itemsize
        return max(1, min(_CHUNK_EVENTS, _CHUNK_BYTES // row))


def _cells_column(primitives: TriggerPrimitives) -> Column:
    shapes = ", then ".join(f"{name} {part.grid.shape}" for name, part in primitives.parts)
    each = "each " if primitives.hcal is not None else ""
    word = primitives.ecal.word
    mantissa, exponent = math.frexp(word.lsb)
    # Words of up to 11 bits times a power of two are exact in 16 bits.
    short = word.bits <= 11 and mantissa == 0.5 and -13 <= exponent <= 5
    text = f"trigger cells: {shapes}, {each}(segment, y, x) in C order"
    return Column("energy", "GeV", text, "float16" if short else "float32")


def _append(writer: EventsWriter, recipe: _Recipe, showers: Showers, words: Sequence[Words]) -> None:
    ecal, hcal = words[0], words[1] if len(words) > 1 else None
    lsb = recipe.primitives.ecal.word.lsb
    shapes = shower_features(ecal, hcal, lsb, recipe.primitives.ecal.positions)
    columns: list[NDArray[Any]] = [*shapes.T, showers.energy]
    columns += [showers.extras[:, place] for place in recipe.extras]
    if recipe.primitives.hcal is not None and showers.hcal is not None:
        behind = energy_sum(recipe.primitives.hcal.weighted(showers.hcal))
        columns.append(ratio(behind, energy_sum(recipe.primitives.ecal.weighted(showers.ecal))))
    writer.append(
        event_id=showers.source.astype(np.uint64) << np.uint64(32) | showers.row.astype(np.uint64),
        features={
            column.name: _shortened(values, column, recipe.feature_bits)
            for column, values in zip(recipe.features, columns, strict=True)
        },
        labels=showers.source,
        constituents={
            recipe.cells.name: lsb * np.concatenate([part.reshape(len(part), -1) for part in words], axis=1)
        },
    )


def _shortened(values: NDArray[Any], column: Column, bits: int | None) -> NDArray[Any]:
    return values if bits is None or column.dtype.startswith("uint") else rounded(values, bits)


@dataclass(frozen=True, slots=True, eq=False)
class _Tally:
    """Sums per class: of the response, events, events with a saturated word."""

    response: NDArray[np.float64]
    n_events: NDArray[np.int64]
    saturated: NDArray[np.int64]

    def add(self, showers: Showers, words: Sequence[Words], primitives: TriggerPrimitives) -> None:
        word = primitives.ecal.word
        measured = word.lsb * sum(energy_sum(part) for part in words)
        full = np.zeros(len(showers), bool)
        for part in words:
            full |= (part == word.largest).any(axis=(1, 2, 3))
        np.add.at(self.response, showers.source, measured / showers.energy)
        np.add.at(self.n_events, showers.source, 1)
        np.add.at(self.saturated, showers.source, full)


def _conversion(
    output: Path, mixture: Sequence[Particle], recipe: _Recipe, tally: _Tally, options: ShowerOptions
) -> ShowerConversion:
    names = list(dict.fromkeys(particle.name for particle in mixture))
    classes = tuple(
        ShowerClass(
            name=name,
            n_events=int(tally.n_events[label]),
            n_files=sum(particle.label == label for particle in mixture),
            response=float(tally.response[label] / tally.n_events[label]),
            saturated=int(tally.saturated[label]),
        )
        for label, name in enumerate(names)
    )
    hcal = recipe.primitives.hcal
    return ShowerConversion(
        output=str(output),
        layout=options.layout.name,
        n_events=int(tally.n_events.sum()),
        classes=classes,
        ecal=recipe.primitives.ecal.grid.shape,
        hcal=None if hcal is None else hcal.grid.shape,
        features=tuple(column.name for column in recipe.features),
        remarks=_remarks(mixture, classes, options),
    )


def _remarks(
    mixture: Sequence[Particle], classes: Sequence[ShowerClass], options: ShowerOptions
) -> tuple[str, ...]:
    remarks = []
    off = [made.name for made in classes if not 0.5 < made.response < 2]
    if off:
        remarks.append(
            f"the words are not near the true energy for {', '.join(off)}: measure the scales of this "
            "calorimeter (trigml data scales), and look at the unit of the deposits in the layout"
        )
    saturated = [made.name for made in classes if made.saturated > made.n_events / 100]
    if saturated:
        remarks.append(f"more than 1 % of the events have a saturated word: {', '.join(saturated)}")
    layout = options.layout.layout
    if layout.pdg_id is None:
        remarks.append("the files have no PDG numbers: that each holds its class was not checked")
    if options.primitives.hcal is None and mixture[0].file.hcal_shape is not None:
        remarks.append("the HCAL was left out, as the trigger primitives say")
    for place, extra in enumerate(layout.extras):
        without = {particle.name for particle in mixture if not particle.file.has_extra[place]}
        if without and without != {particle.name for particle in mixture}:
            remarks.append(
                f"{extra.column} is {extra.missing:g} for {', '.join(sorted(without))}: their files have none"
            )
    return tuple(remarks)


def _provenance(
    mixture: Sequence[Particle], recipe: _Recipe, options: ShowerOptions, progress: Progress
) -> Provenance:
    about: dict[str, str | int | float] = {"seed": options.seed}
    about |= described(recipe.primitives, recipe.feature_bits)
    if options.layout.name != "geant4":
        about["layout"] = options.layout.name
    if OPENING_ANGLE not in {column.name for column in recipe.features}:
        about["opening_angle"] = _NO_ANGLE
    files: Mapping[str, list[Path]] = {particle.name: [] for particle in mixture}
    for particle in mixture:
        files[particle.name].append(particle.file.path)
    total = sum(path.stat().st_size for paths in files.values() for path in paths)
    with progress.task("Hashing the sources", total) as task:
        for name, paths in files.items():
            about[f"sha256 of {name}"] = _digest_of([_sha256(path, task) for path in paths])
    return {**about, **options.notes}


def _sha256(path: Path, task: Task) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASHED_BYTES):
            digest.update(block)
            task.advance(len(block))
    return digest.hexdigest()


def _digest_of(digests: Sequence[str]) -> str:
    """The digest of one file; of several, that of their digests, one a line."""
    if len(digests) == 1:
        return digests[0]
    together = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return f"{together} ({len(digests)} files: of their digests, one a line)"

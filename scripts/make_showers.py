"""Make the packaged sample of calorimeter showers as a Level-1 trigger sees them.

    python scripts/make_showers.py gamma=gamma.h5 pi0=pi0.h5 electron=electron.h5 pion=piminus.h5 \\
        --out trigml/data/packaged/showers.h5

Each NAME=FILE is a class and its showers, in the layout of trigml.data.shower_files.GEANT4_LAYOUT: energies
deposited in the sensitive material of 25 x 25 x 25 ECAL and 60 x 5 x 5 HCAL cells, in MeV. The steps are
those of trigml.physics.trigger_cells: layer weights, sums to trigger cells, calibration to GeV, noise, words.
Features are computed from the words. docs/showers.md says what comes out. The same command makes the same
bytes (for one version of NumPy and HDF5).

With --scales nothing is written: the calibration constants below are measured again on these files.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from significant_bits import rounded

from trigml.data.layout import Column, EventsWriter, Provenance
from trigml.data.shower_files import GEANT4_LAYOUT, open_shower_file
from trigml.data.showers import Showers, mixed_showers, particles, read_showers
from trigml.errors import BadInput, Interrupted, TrigmlError
from trigml.physics.shower_shapes import SHOWER_FEATURES, CellPositions, energy_sum, ratio, shower_features
from trigml.physics.trigger_cells import (
    TriggerGrid,
    WordFormat,
    add_noise,
    digitise,
    sum_to_trigger_cells,
    weigh_layers,
)

TOWERS = (2, 3, 3, 3, 3, 3, 3, 3, 2)
ECAL_GRID = TriggerGrid(layers=(4, 8, 13), y=TOWERS, x=TOWERS)
HCAL_GRID = TriggerGrid(layers=(10, 50), y=(1,) * 5, x=(1,) * 5)
# The last 8 layers of the ECAL have twice the tungsten of the others.
ECAL_WEIGHTS, HCAL_WEIGHTS = (1.0,) * 17 + (2.0,) * 8, (1.0,) * 60
# GeV of true energy per MeV of weighted deposits: the median for electrons (ECAL), and, with that one, the
# least squares of (measured - true) / true for charged pions (HCAL); see --scales.
ECAL_SCALE, HCAL_SCALE = 0.0556, 0.0609
# Standard deviation of a trigger cell's noise in GeV. Words pass the zero suppression from 1.5 LSB (ECAL) and
# 3.5 LSB (HCAL) on: 2.3 and 2.7 standard deviations.
ECAL_NOISE, HCAL_NOISE = 0.020, 0.040
LSB, BITS = 1 / 32, 11
ECAL_WORD, HCAL_WORD = WordFormat(LSB, BITS, zero_below=2), WordFormat(LSB, BITS, zero_below=4)
POSITIONS = CellPositions(z=ECAL_GRID.centres_z, y=ECAL_GRID.centres_y, x=ECAL_GRID.centres_x)
LAYOUT = replace(GEANT4_LAYOUT, extras=("impact",))
FEATURE_BITS = 14
BATCH = 256

FEATURES = [
    *(
        Column(f.name, f.unit, f.description, "uint16" if f.name in {"ecal_hits", "hcal_hits"} else "float32")
        for f in SHOWER_FEATURES
    ),
    Column("true_energy", "GeV", "energy of the particle"),
    Column("true_impact_x", "mm", "where the particle enters, from the middle of the central ECAL cell"),
    Column("true_impact_y", "mm", "where the particle enters, from the middle of the central ECAL cell"),
    Column("true_hcal_over_ecal", "", "ratio of deposits, HCAL to weighted ECAL, without noise and LSB"),
]
CELLS = Column(
    "energy",
    "GeV",
    f"trigger cells: ECAL {ECAL_GRID.shape}, then HCAL {HCAL_GRID.shape}, each (segment, y, x) in C order",
    "float16",  # exact: words of 11 bits
)


def trigger_words(
    showers: Showers, noise_of_ecal: np.random.Generator, noise_of_hcal: np.random.Generator
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """The words of the ECAL's and the HCAL's trigger cells, (n, segment, y, x)."""
    assert showers.hcal is not None
    ecal = ECAL_SCALE * sum_to_trigger_cells(weigh_layers(showers.ecal, ECAL_WEIGHTS), ECAL_GRID)
    hcal = HCAL_SCALE * sum_to_trigger_cells(weigh_layers(showers.hcal, HCAL_WEIGHTS), HCAL_GRID)
    return (
        digitise(add_noise(ecal, ECAL_NOISE, noise_of_ecal), ECAL_WORD),
        digitise(add_noise(hcal, HCAL_NOISE, noise_of_hcal), HCAL_WORD),
    )


def deposits(showers: Showers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) weighted deposits in the ECAL and deposits in the HCAL, in MeV."""
    assert showers.hcal is not None
    return energy_sum(weigh_layers(showers.ecal, ECAL_WEIGHTS)), energy_sum(showers.hcal)


def append(writer: EventsWriter, showers: Showers, ecal: NDArray[Any], hcal: NDArray[Any]) -> None:
    columns = dict(
        zip((f.name for f in SHOWER_FEATURES), shower_features(ecal, hcal, LSB, POSITIONS).T, strict=True)
    )
    deposited = deposits(showers)
    columns |= {
        "true_energy": showers.energy,
        "true_impact_x": showers.extras[:, 0],
        "true_impact_y": showers.extras[:, 1],
        "true_hcal_over_ecal": ratio(deposited[1], deposited[0]),
    }
    words = np.concatenate([ecal.reshape(len(ecal), -1), hcal.reshape(len(hcal), -1)], axis=1)
    writer.append(
        # A row of one particle's file keeps its id, and so its split, whatever the seed is.
        event_id=showers.source.astype(np.uint64) << np.uint64(32) | showers.row.astype(np.uint64),
        features={name: rounded(values, FEATURE_BITS) for name, values in columns.items()},
        labels=showers.source,
        constituents={CELLS.name: LSB * words},
    )


def make_sample(sources: Sequence[tuple[str, Path]], out: Path, seed: int) -> None:
    mixture = particles(sources, LAYOUT)
    if mixture[0].file.hcal_shape is None:
        raise BadInput("the showers have no HCAL", where=str(mixture[0].file.path))
    noise_of_ecal, noise_of_hcal = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(2))
    total = sum(particle.file.n_showers for particle in mixture)
    names = [particle.name for particle in mixture]
    with EventsWriter(
        out,
        title="Calorimeter showers in trigger cells: " + ", ".join(names),
        features=FEATURES,
        constituents=[CELLS],
        n_constituents=ECAL_GRID.n_trigger_cells + HCAL_GRID.n_trigger_cells,
        class_names=names,
        provenance=provenance(sources, seed),
        compression_level=9,
        chunk_events=4096,
    ) as writer:
        for showers in mixed_showers(mixture, seed=seed, n_showers=BATCH):
            append(writer, showers, *trigger_words(showers, noise_of_ecal, noise_of_hcal))
            print(f"\r{writer.n_events} of {total} showers", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def provenance(sources: Sequence[tuple[str, Path]], seed: int) -> Provenance:
    about: dict[str, str | int | float] = {
        "origin": "simulation with Geant4 11.4.1, reduced physics list; not from an experiment",
        "command": "python scripts/make_showers.py "
        + " ".join(f"{name}={path.name}" for name, path in sources)
        + f" --seed {seed}",
        "seed": seed,
        "trigger_cells": f"layers: ECAL {ECAL_GRID.layers}, HCAL {HCAL_GRID.layers}; "
        f"towers: ECAL {TOWERS} squared, HCAL 5 x 5",
        "scale": f"GeV per MeV: ECAL {ECAL_SCALE} (last 8 layers twice), HCAL {HCAL_SCALE}",
        "noise": f"Gaussian, per trigger cell: ECAL {ECAL_NOISE} GeV, HCAL {HCAL_NOISE} GeV",
        "words": f"LSB 1/32 GeV, {BITS} bits without sign; words below {ECAL_WORD.zero_below} (ECAL) and "
        f"{HCAL_WORD.zero_below} (HCAL) are 0",
        "significant_bits": f"features {FEATURE_BITS}, words exact",
        "opening_angle": "not in the source: see trigml.physics.neutral_pions",
        "licence": "Apache-2.0",
    }
    for name, path in sources:
        about[f"sha256 of {name}"] = sha256(path)
    return about


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def print_scales(sources: Sequence[tuple[str, Path]]) -> None:
    """The calibration constants: of the ECAL from the class electron, of the HCAL from the class pion."""
    paths = dict(sources)
    if not {"electron", "pion"} <= paths.keys():
        raise BadInput("the scales are measured with electron=FILE and pion=FILE", found=", ".join(paths))
    found = {}
    for name in ("electron", "pion"):
        batches = list(map(_energies, read_showers(open_shower_file(paths[name], LAYOUT), BATCH)))
        found[name] = np.concatenate(batches, axis=1)
    ecal, _, true = found["electron"]
    ecal_scale = float(np.median(true / ecal))
    ecal, hcal, true = found["pion"]
    missing, seen = 1 - ecal_scale * ecal / true, hcal / true
    print(f"ECAL {ecal_scale:.4f} GeV/MeV, HCAL {float(missing @ seen / (seen @ seen)):.4f} GeV/MeV")


def _energies(showers: Showers) -> NDArray[np.float64]:
    return np.stack([*deposits(showers), showers.energy.astype(np.float64)])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+", metavar="NAME=FILE", help="a class and its showers")
    parser.add_argument("--out", type=Path, help="the file to write")
    parser.add_argument("--seed", type=int, default=1, help="of the order and the noise (default 1)")
    parser.add_argument("--scales", action="store_true", help="measure the calibration constants instead")
    given = parser.parse_args()
    if (given.out is None) != given.scales:
        parser.error("either --out or --scales")
    if given.seed < 0:
        parser.error("--seed must not be negative")
    given.sources = [source.partition("=")[::2] for source in given.sources]
    if not all(name and path for name, path in given.sources):
        parser.error("a class and its showers are given as NAME=FILE")
    return given


def main() -> int:
    given = arguments()
    sources = [(name, Path(path)) for name, path in given.sources]
    try:
        if given.scales:
            print_scales(sources)
        else:
            make_sample(sources, given.out, given.seed)
    except TrigmlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return Interrupted.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

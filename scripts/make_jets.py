"""Make a file of jets with the benchmark's 16 features and the leading constituents.

Generate with Pythia 8 (the packaged sample; some 20 minutes on two cores):

    python scripts/make_jets.py --generate 100000 --out trigml/data/packaged/jets.h5

or take the jets of an HDF5 file with padded `constituents/{pt,deta,dphi}`, `jet_pt`, `jet_mass` and `label`:

    python scripts/make_jets.py --from-constituents jets_1TeV.h5 --out jets.h5

The same command makes the same bytes, whatever --processes is (for one version of Pythia, FastJet and HDF5
on one kind of machine).

How jets are generated and labelled: pp at 13 TeV with pTHat 985–1255 GeV, one hard process per class; anti-kt
R = 0.8 of the visible final-state particles with |eta| < 4; of an event's two leading jets those with
800 < pT < 1600 GeV that are within Delta R < 0.4 of an outgoing parton of the hard process (g; u, d, s for q)
or of a W, Z or top as it is just before its decay. Both jets of an event share its event_id.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jet_table import (
    CLASS_NAMES,
    JetTable,
    append,
    provenance_of_jets,
    table_of_jets,
    writer_for,
)
from jets_from_pythia import generated, provenance_of_generation

from trigml.data.hdf5 import number_dataset, open_hdf5
from trigml.errors import BadInput, Interrupted, TrigmlError
from trigml.physics.clustering import load_fastjet
from trigml.physics.particles import Particles


def generate_file(out: Path, n_jets: int, seed: int, processes: int) -> None:
    with Bar("jets", n_jets) as bar:
        table = generated(n_jets, seed=seed, processes=processes, advance=bar.advance)
    with writer_for(out, with_eta=True, provenance=provenance_of_generation(n_jets, seed)) as writer:
        append(writer, table)


def convert_file(source: Path, out: Path) -> None:
    provenance = provenance_of_jets() | {
        "command": f"python scripts/make_jets.py --from-constituents {source.name}",
        "event_id": "row number of the source, which stores no event: jets of one event are not linked",
        "approximation": "constituents taken as massless",
    }
    with Bar("jets") as bar, writer_for(out, with_eta=False, provenance=provenance) as writer:
        for table in from_constituents(source, bar):
            append(writer, table)


def from_constituents(path: Path, bar: Bar, rows_per_piece: int = 4096) -> Iterator[JetTable]:
    """Read the jets of a file in the layout of jets_1TeV.h5, piece by piece, in the file's order.

    Such a file stores neither the jet's eta nor the event: constituents are taken as massless around an axis
    at eta = 0, and the event id is the row number, so two jets of one event look independent. The jet's pT
    and mass are taken from the file (its constituents may be cut off), all else from the constituents.
    """
    with open_hdf5(path) as file:
        classes = tuple(file.attrs.get("classes", ()))
        if classes != CLASS_NAMES:
            raise BadInput(
                "the file's classes are not those of the sample",
                where=f"{path}: root attribute 'classes'",
                expected=", ".join(CLASS_NAMES),
                found=", ".join(map(str, classes)) or "none",
            )
        names = ("constituents/pt", "constituents/deta", "constituents/dphi", "jet_pt", "jet_mass", "label")
        data = {name: number_dataset(file, name, str(path)) for name in names}
        bar.set_total(len(data["label"]))
        for first in range(0, len(data["label"]), rows_per_piece):
            piece = {name: dataset[first : first + rows_per_piece] for name, dataset in data.items()}
            padded = [piece[f"constituents/{name}"].astype(np.float64) for name in ("pt", "deta", "dphi")]
            table = table_of_jets(
                Particles.from_padded(*padded),
                event_id=np.arange(first, first + len(piece["label"]), dtype=np.uint64),
                labels=piece["label"],
            )
            table.features.update(jet_pt=piece["jet_pt"], jet_mass=piece["jet_mass"])
            bar.advance(len(table))
            yield table


class Bar:
    """A progress bar on stderr."""

    def __init__(self, title: str, total: int | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(title, total=total)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def set_total(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def advance(self, amount: int) -> None:
        self._progress.advance(self._task, amount)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--generate", type=int, metavar="N", help="generate N jets with Pythia 8, N/5 of each class"
    )
    source.add_argument("--from-constituents", type=Path, metavar="FILE", help="take the jets of FILE")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--seed", type=int, default=1, help="of the generation (default 1)")
    parser.add_argument("--processes", type=int, default=2, help="Pythias at a time (default 2)")
    given = parser.parse_args()
    if given.generate is not None and given.generate < len(CLASS_NAMES):
        parser.error(f"--generate: at least {len(CLASS_NAMES)} jets, one of each class")
    if given.processes < 1 or given.seed < 0:
        parser.error("--processes must be at least 1, --seed not negative")
    return given


def main() -> int:
    given = arguments()
    try:
        load_fastjet()
        if given.generate is not None:
            generate_file(given.out, given.generate, given.seed, given.processes)
        else:
            convert_file(given.from_constituents, given.out)
    except TrigmlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return Interrupted.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

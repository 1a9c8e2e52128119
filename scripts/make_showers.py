"""Make the packaged sample of calorimeter showers as a Level-1 trigger sees them.

    python scripts/make_showers.py gamma=gamma.h5 pi0=pi0.h5 electron=electron.h5 pion=piminus.h5 \\
        --out trigml/data/packaged/showers.h5

The same as `trigml data showers` with its defaults, and with the sample's origin in the provenance: from
energies deposited in 25 x 25 x 25 ECAL and 60 x 5 x 5 HCAL cells to trigger cells, as
trigml/data/packaged/trigger_primitives.yml says. docs/showers.md says what comes out. The same command makes
the same bytes (for one version of NumPy and HDF5).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from trigml.cli.console import Console
from trigml.data.primitives import load_primitives
from trigml.data.shower_events import ShowerOptions, showers_to_events
from trigml.data.shower_layouts import load_layout
from trigml.errors import Interrupted, TrigmlError


def make_sample(sources: list[tuple[str, Path]], out: Path, seed: int) -> None:
    files = " ".join(f"{name}={path.name}" for name, path in sources)
    options = ShowerOptions(
        layout=load_layout("geant4", sources[0][1]),
        primitives=load_primitives(),
        seed=seed,
        notes={
            "origin": "simulation with Geant4 11.4.1, reduced physics list; not from an experiment",
            "command": f"python scripts/make_showers.py {files} --seed {seed}",
            "licence": "Apache-2.0",
        },
    )
    showers_to_events(sources, out, options, force=True, progress=Console())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+", metavar="NAME=FILE", help="a class and its showers")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--seed", type=int, default=1, help="of the order and the noise (default 1)")
    given = parser.parse_args()
    given.sources = [source.partition("=")[::2] for source in given.sources]
    if not all(name and path for name, path in given.sources):
        parser.error("a class and its showers are given as NAME=FILE")
    return given


def main() -> int:
    given = arguments()
    try:
        make_sample([(name, Path(path)) for name, path in given.sources], given.out, given.seed)
    except TrigmlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return Interrupted.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

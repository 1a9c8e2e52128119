"""The study of the calorimeter: what networks on cells gain, and what of it survives in firmware.

    python scripts/study_calorimeter.py

trains every network of the study on the packaged showers, computes its words as hardware does, and writes
the tables to OUT (default runs/study): study.md, study.json and plots. docs/study.md explains what is
compared. Two programs run at a time, each on one thread. What is finished is kept: an interrupted study goes
on when the same command is given again, and --fresh begins anew.

Exit codes: those of trigml; 4 if a word of the hardware is not that of QKeras (the tables are written).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from study.calibration import calibrate
from study.events import merging_events, quick_events, truth_of_test_split
from study.exactness import exactness_of, refuse_differences
from study.firmware import firmware_of
from study.identification import SampleResult, measure, scored_models
from study.page import Study, into_page, markdown
from study.plan import CALIBRATION, ENERGY, TASKS, Selection, Task
from study.plots import write_resolutions, write_roc_curves
from study.running import run_chains
from study.trainings import Place, all_places, steps

from trigml.atomic import write_json, write_text
from trigml.data.samples import sample_path
from trigml.errors import BadInput, TrigmlError

RESAMPLES, QUICK_RESAMPLES = 400, 50
NAMES = [*(task.name for task in TASKS), ENERGY]


def identify(task: Task, events: Path, places: Sequence[Place], resamples: int) -> list[SampleResult]:
    """All samples of a task: by the models trained on all its events, and on merging pairs alone."""
    truth = truth_of_test_split(events, task)
    found = []
    for merging_only in (False, True):
        own = [place for place in places if place.network.merging_only == merging_only]
        samples = [s for s in task.samples if not merging_only or s.selection is Selection.MERGING]
        if own:
            models = scored_models(own)
            found += [measure(task, sample, truth, models, resamples) for sample in samples]
    return found


def study(given: argparse.Namespace) -> int:
    started = time.monotonic()
    out: Path = given.out
    quick = quick_events(out / "quick.h5") if given.quick else None
    events = quick or sample_path("showers")
    files = {False: quick, True: merging_events(events, out / "merging.h5")}
    tasks = [task for task in TASKS if task.name in given.only]
    energy = CALIBRATION if ENERGY in given.only else ()
    networks = [*(network for task in tasks for network in task.networks), *energy]
    places = all_places(networks, out, files=files, quick=given.quick, given=given.use)
    # Shipped networks first: their synthesis takes longest.
    chains = sorted(places.values(), key=lambda place: not place.network.shipped)
    notes = run_chains([steps(place, synth=given.synth) for place in chains], say)
    say("Measuring the models")
    resamples = QUICK_RESAMPLES if given.quick else RESAMPLES
    results = [
        result
        for task in tasks
        for result in identify(task, events, [places[one.name] for one in task.networks], resamples)
    ]
    own = [places[network.name] for network in energy]
    calibration = calibrate(own, events, resamples // 2) if own else None
    exactness = tuple(exactness_of(place) for place in places.values())
    firmware = tuple(made for place in places.values() if (made := firmware_of(place)) is not None)
    write(Study(tuple(results), calibration, firmware, exactness, notes, given.quick), out, given.page)
    say(f"The study is in {out}: study.md, study.json, plots; {time.monotonic() - started:.0f} s")
    refuse_differences(exactness)
    return 0


def write(found: Study, out: Path, page: Path | None) -> None:
    write_json(out / "study.json", found.to_json())
    write_text(out / "study.md", markdown(found))
    write_roc_curves(found.identification, out / "study" / "identification")
    if found.calibration is not None:
        write_resolutions(found.calibration, out / "study" / "calibration")
    if page is not None:
        into_page(found, page)
        for plot in sorted((out / "study").glob("*.png")):
            shutil.copyfile(plot, _made(page.with_suffix("")) / plot.name)


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/study"), help="folder of all results")
    parser.add_argument("--page", type=Path, help="a page with markers, for the tables, too")
    parser.add_argument("--synth", action="store_true", help="make and check the RTL of the shipped networks")
    parser.add_argument(
        "--use",
        action="append",
        default=[],
        metavar="NAME=RUN",
        help="take a network's finished run, with its RTL project if there is one",
    )
    parser.add_argument("--only", action="append", choices=NAMES, help="one part of the study")
    parser.add_argument("--fresh", action="store_true", help="throw away what lies in the folder")
    parser.add_argument("--quick", action="store_true", help="few events and epochs: figures mean nothing")
    given = parser.parse_args()
    if given.page and (given.quick or given.only):
        parser.error("a page takes a whole study: figures of --quick mean nothing, --only leaves some out")
    pairs = [pair.partition("=")[::2] for pair in given.use]
    known = {n.name for networks in (*(task.networks for task in TASKS), CALIBRATION) for n in networks}
    if not all(name in known and path for name, path in pairs):
        parser.error(f"--use takes NAME=RUN, with a name among {', '.join(sorted(known))}")
    given.use = {name: Path(path) for name, path in pairs}
    given.only = given.only or NAMES
    return given


def main() -> int:
    given = arguments()
    if given.fresh and given.out.exists():
        if not (given.out / "study.json").is_file() and any(given.out.iterdir()):
            print(f"{given.out} holds no study: nothing is thrown away", file=sys.stderr)
            return BadInput.exit_code
        shutil.rmtree(given.out)
    try:
        return study(given)
    except TrigmlError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())

"""``trigml evaluate``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trigml.cli.console import Console
from trigml.cli.options import EventFiles, Json, RunFolder, Verbose
from trigml.emulation.stage import EmulationStage

if TYPE_CHECKING:
    from trigml.evaluation.targets import Target

HELP = """
Find what the integers of a network do as a trigger: efficiency and rate against threshold, working points,
turn-on curves; of a regressor also its response and resolution.

The network's words are those of the firmware, from the test split or the files of --events. An event passes
if an integer reaches a threshold. Classifiers: signal word − the highest of the other words, or with
--background, − the word of that class. Regressors: the output word; signal is what has a true target from
--target-above on, or is not of the --background class. Working points are the tightest threshold that keeps a
signal efficiency (--efficiency), the loosest within a background rate (--rate, of the --input-rate that
enters), or given (--threshold).

Tables, plots and working_points.json (integers) go to RUN/evaluation (docs/evaluate.md).

Examples:

    trigml evaluate runs/jet_tagger_hlf --efficiency 0.5 --efficiency 0.9 --against mass

    trigml evaluate runs/jet_tagger_hlf --signal t --background q --rate '100 kHz' --input-rate '40 MHz'

    trigml evaluate runs/jet_tagger_hlf --events sample:jets --threshold 500 --signal t --out other

    trigml evaluate runs/energy_calibration --threshold '25 GeV'

    trigml evaluate runs/energy_calibration --target-above '20 GeV' --rate '1 MHz' --input-rate '40 MHz'
"""


def evaluate(
    run: RunFolder,
    events: EventFiles = None,
    signal: Annotated[
        list[str] | None,
        typer.Option("--signal", metavar="CLASS", help="What is looked for [default: each class]."),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            "--background", metavar="CLASS", help="The one class it is told from [default: the rest]."
        ),
    ] = None,
    target_above: Annotated[
        str | None,
        typer.Option(
            "--target-above", metavar="VALUE", help="Regressors: from which target on, as '20 GeV'."
        ),
    ] = None,
    efficiency: Annotated[
        list[float] | None,
        typer.Option(
            "--efficiency", metavar="ε", help="Signal efficiency to keep [default: 0.5, regressors 0.9]."
        ),
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option("--rate", metavar="RATE", help="Background rate to stay within, as '100 kHz'."),
    ] = None,
    input_rate: Annotated[
        str | None,
        typer.Option("--input-rate", metavar="RATE", help="Rate of the background that enters, as '40 MHz'."),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            metavar="INTEGER",
            help="A threshold to apply as it is; of a regressor also with a unit, as '25 GeV'.",
        ),
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option("--points", metavar="FILE", help="Apply the thresholds of this working_points.json."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="COLUMN", help="Column of turn-on curves [regressors: the target]."
        ),
    ] = None,
    bins: Annotated[
        str | None,
        typer.Option("--bins", metavar="BINS", help="Bins of turn-on curves: how many, or edges as 0,25,50."),
    ] = None,
    stage: Annotated[
        EmulationStage, typer.Option(help="What computes the scores; the words are the same.")
    ] = EmulationStage.NATIVE,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the native emulator [default: one per processor].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where to write [default: RUN/evaluation].")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the evaluation of another network.")
    ] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Find what a run's integers do as a trigger."""
    from trigml.data.samples import resolve_files
    from trigml.errors import BadInput
    from trigml.evaluation import EvaluationOptions, evaluate_run, load_working_points, write_evaluation
    from trigml.evaluation.bins import parse_binning
    from trigml.evaluation.folder import WORKING_POINTS, refuse_other
    from trigml.evaluation.tables import as_text
    from trigml.evaluation.targets import parse_rate, parse_value
    from trigml.runs import names, open_run

    console = Console(as_json, verbose)
    opened = open_run(run)
    digest = opened.graph().digest
    folder = out or run / names.EVALUATION
    if bins is not None and against is None and opened.spec.task == "classification":
        raise BadInput("--bins are those of turn-on curves", remedy="say against which column: --against")
    if points is not None and points.resolve() == (folder / WORKING_POINTS).resolve():
        raise BadInput(
            "the working points would be replaced by themselves, without their targets",
            where=str(points),
            remedy="write the evaluation elsewhere: --out FOLDER",
        )
    options = EvaluationOptions(
        files=tuple(resolve_files(events or ())),
        signals=tuple(signal or ()),
        background=background,
        target_above=None if target_above is None else parse_value(target_above, "--target-above"),
        targets=_targets(efficiency or (), rate or (), threshold or ()),
        input_rate=None if input_rate is None else parse_rate(input_rate, "--input-rate"),
        stored=None if points is None else load_working_points(points, digest),
        against=against,
        binning=None if bins is None else parse_binning(bins),
        stage=stage,
        threads=threads,
    )
    refuse_other(folder, digest, force=force)
    found = evaluate_run(opened, options, console)
    with console.task("Writing tables and plots"):
        written = write_evaluation(found, folder, run / names.MANIFEST, force=force)
    console.result(as_text(found), found.to_json() | {"folder": str(folder), "files": written})
    quoted = shlex.quote(str(run))
    stored = shlex.quote(str(folder / WORKING_POINTS))
    again = f"trigml evaluate {quoted} --points {stored} --events FILE --out FOLDER"
    console.say(f"\n{folder}: {', '.join(written)}")
    console.next_step(
        f"trigml synth {quoted} --backend rtl",
        again if WORKING_POINTS in written else f"trigml evaluate {quoted} --threshold INTEGER",
        "docs/evaluate.md: what was found, and how firmware compares",
    )


def _targets(
    efficiencies: list[float] | tuple[()], rates: list[str] | tuple[()], thresholds: list[str] | tuple[()]
) -> tuple[Target, ...]:
    from trigml.evaluation.targets import Target, TargetKind, parse_rate, parse_threshold

    return (
        *(Target(TargetKind.EFFICIENCY, value) for value in efficiencies),
        *(Target(TargetKind.RATE, parse_rate(value, "--rate")) for value in rates),
        *(parse_threshold(text) for text in thresholds),
    )

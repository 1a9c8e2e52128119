"""``trigml train``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from trigml.cli.console import Console
from trigml.cli.options import Data, DeviceFiles, Force, Json, Verbose

HELP = """
Train the models of a spec and write a run.

SPEC is a YAML file, or the bare name of a shipped spec (jet_tagger_hlf). The float reference is trained, with
--quantize also the QKeras model, starting from the float weights. Both are measured on the test split beside
boosted trees, those of a regression also beside the calibrated sum of the inputs. An interrupted training
goes on when the same command is given again.

Examples:

    trigml train jet_tagger_hlf --quantize

    trigml train jet_tagger_hlf --quantize --out runs/w8 --set quantization.weight_bits=8

    trigml train my_spec.yml --quantize --data 'events/*.h5' --seed 7
"""


def train(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A spec file, or the name of a shipped spec.")],
    quantize: Annotated[bool, typer.Option("--quantize", help="Train the quantised model, too.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="RUN", help="Folder of the run [default: runs/NAME].")
    ] = None,
    data: Data = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the training.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the spec; may be repeated."),
    ] = None,
    device_files: DeviceFiles = None,
    force: Force = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train the models of a spec and write a run."""
    from trigml.devices import load_devices
    from trigml.reports.budget import budget_device
    from trigml.spec import load_spec, with_data_files, with_overrides
    from trigml.training.session import default_run_folder, train_run

    console = Console(as_json, verbose)
    overrides = [f"training.seed={seed}"] if seed is not None else []
    resolved = with_overrides(with_data_files(load_spec(spec), data or ()), [*(changes or []), *overrides])
    if resolved.budget.asks:  # a budget that no firmware can be held against is not worth a training
        budget_device(resolved.budget, resolved.target.part, load_devices(device_files or ()))
    folder = out or default_run_folder(resolved)
    command = shlex.join(["trigml", *sys.argv[1:]])
    summary = train_run(
        resolved,
        folder,
        quantize=quantize,
        force=force,
        command=command,
        progress=console,
    )
    text = [table.to_text() for table in summary.tables]
    text += [f"note: {note}" for note in summary.notes]
    console.result("\n\n".join(text), summary.to_json())
    shown, plot = summary.plot
    console.say(f"\nThe run is in {folder}; {shown} in {folder / plot}")
    if quantize:
        console.next_step(f"trigml synth {shlex.quote(str(folder))}")
    else:
        console.next_step(f"{command} --quantize --force")
    summary.enforce_gates()

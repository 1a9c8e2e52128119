"""``trigml emulate``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from trigml.cli import options
from trigml.cli.console import Console
from trigml.emulation.stage import EmulationStage

HELP = """
Compute the integer scores of events, as the FPGA would.

EVENTS are files in the events layout (docs/events.md), patterns or sample:NAME. The columns are those that
the model's input contract names; --features or --constituents name others. SCORES.h5 gets one row per event,
in the order of the files (docs/scores.md). Files of any size are streamed, and an interrupted command goes on
when it is given again.

Examples:

    trigml emulate runs/jet_tagger_hlf sample:jets -o scores.h5

    trigml emulate runs/jet_tagger_hlf 'events/*.h5' -o scores.h5 --threads 2

    trigml emulate model.h5 jets.h5 -o scores.h5 --features pt,mass,tau21
"""


def emulate(
    model: options.Model,
    events: Annotated[
        list[str], typer.Argument(metavar="EVENTS...", help="Files of events, patterns or sample:NAME.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="SCORES.h5", help="The file to write.")],
    features: options.FeatureColumns = None,
    constituents: options.ConstituentColumns = None,
    stage: options.Emulator = EmulationStage.NATIVE,
    threads: options.Threads = None,
    weights: options.Weights = None,
    input_type: options.InputType = None,
    batchnorm_type: options.BatchnormType = None,
    quantizers: options.Quantizers = None,
    softmax: options.Softmax = options.SoftmaxForm.LOGITS,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file, or unfinished scores of another kind.")
    ] = False,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Compute the integer scores of files of events."""
    from trigml.data.header import read_header
    from trigml.data.samples import resolve_files
    from trigml.emulating import emulate_files
    from trigml.network_events import columns_of
    from trigml.opening import OpenOptions, open_model

    console = Console(as_json, verbose)
    files = resolve_files(events)
    for file in files:
        read_header(file)  # what is no file of events shows before the model is loaded
    opening = OpenOptions(weights, input_type, batchnorm_type, quantizers, softmax.value)
    opened = open_model(model, opening, console)
    for note in opened.notes:
        console.say(f"note: {note}")
    summary = emulate_files(
        opened.graph,
        files,
        output,
        columns=columns_of(opened.graph, options.names_in(features), options.names_in(constituents)),
        stage=stage,
        threads=threads,
        force=force,
        progress=console,
    )
    console.result(summary.text(), summary.to_json())
    place = json.dumps(str(output), ensure_ascii=False)
    program = f'import h5py; f = h5py.File({place}); print(f["scores"][:5] * f["outputs/lsb"][:])'
    console.next_step(
        f"python -c {shlex.quote(program)}", "docs/scores.md: what the file holds, and how to read it"
    )

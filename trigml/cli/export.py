"""``trigml export``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from trigml.backends.onnx.kinds import ExportKind
from trigml.cli import options
from trigml.cli.console import Console

_FILES = {
    ExportKind.ONNX: "{name}.float.onnx",
    ExportKind.QONNX: "{name}.qonnx.onnx",
    ExportKind.EMULATOR: "{name}_emulator",
}
"""Default names of what is written."""

HELP = """
Export a model as ONNX, QONNX or C++.

onnx is the float reference of a run, compared with Keras in onnxruntime: floats, so the largest deviation is
stated beside the bound of float32 arithmetic. qonnx is the integer graph of any model, with Quant nodes; the
qonnx executor has to give the same words on the test split of a run or the files of --events, corners, and
random vectors. One differing word ends in exit code 4, and no file is written (docs/onnx.md). emulator is a
folder with the native emulator: C++17 without dependencies, a C header, a Makefile (docs/emulator.md).

Examples:

    trigml export runs/jet_tagger_hlf qonnx

    trigml export runs/jet_tagger_hlf onnx -o tagger_float.onnx

    trigml export model.h5 qonnx --input-type 'fixed<16,6>' --check-hls

    trigml export runs/jet_tagger_hlf emulator -o tagger_emulator
"""


def export(
    model: options.Model,
    kind: Annotated[ExportKind, typer.Argument(metavar="KIND", help="onnx, qonnx or emulator.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File or folder to write [default: named after the model, here].",
        ),
    ] = None,
    events: options.EventFiles = None,
    features: options.FeatureColumns = None,
    constituents: options.ConstituentColumns = None,
    random: Annotated[int, typer.Option(min=2, max=1_000_000, help="Number of random vectors.")] = 20_000,
    check_hls: Annotated[
        bool,
        typer.Option(
            "--check-hls",
            help="qonnx: hls4ml reads the file as well, and its C++ has to give the same words (slow).",
        ),
    ] = False,
    weights: options.Weights = None,
    input_type: options.InputType = None,
    batchnorm_type: options.BatchnormType = None,
    quantizers: options.Quantizers = None,
    softmax: options.Softmax = options.SoftmaxForm.LOGITS,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file, or the emulator's folder, that stands there.")
    ] = False,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Write and check a model for other programs."""
    from trigml.atomic import refuse_unwritable
    from trigml.data.samples import resolve_files
    from trigml.errors import BadInput
    from trigml.exporting import export_emulator, export_onnx, export_qonnx, refuse_taken
    from trigml.network_events import columns_of
    from trigml.opening import OpenOptions, open_model, run_at
    from trigml.reports.terminal import comparison_text
    from trigml.verify.building import DEFAULT_HLS
    from trigml.verify.events import events_of_model
    from trigml.verify.verification import vector_sets

    console = Console(as_json, verbose)
    if check_hls and kind is not ExportKind.QONNX:
        raise BadInput("--check-hls is for QONNX files", found=f"export as {kind.value}")
    opening = OpenOptions(weights, input_type, batchnorm_type, quantizers, softmax.value)
    run = run_at(model)
    path = out or Path(_FILES[kind].format(name=model.stem if run is None else run.spec.name))
    refuse_taken(path, force=force)
    refuse_unwritable(path)
    opened = open_model(model, opening, console)
    for note in opened.notes:
        console.say(f"note: {note}")
    columns = columns_of(opened.graph, options.names_in(features), options.names_in(constituents))
    named = events_of_model(opened, resolve_files(events or ()), columns)
    if kind is ExportKind.ONNX:
        if opened.run is None:
            raise BadInput(
                "only a run has a float reference",
                where=str(model),
                remedy=f"trigml export {options.model_words(model, opening)} qonnx writes the integer graph",
            )
        written = export_onnx(opened.run, path, named, random, console)
        console.result(written.text(), written.to_json())
        following = f"trigml export {shlex.quote(str(model))} qonnx"
    elif kind is ExportKind.EMULATOR:
        sets = vector_sets(opened.graph, named, random, 1)
        compared = export_emulator(opened.graph, path, sets, console)
        console.result(
            comparison_text(compared), {"kind": kind.value, "folder": str(path)} | compared.to_json()
        )
        following = f"make -C {shlex.quote(str(path))}"
    else:
        sets = vector_sets(opened.graph, named, random, 1)
        hls = DEFAULT_HLS if check_hls else None
        made = export_qonnx(opened.graph, path, sets, console, hls=hls)
        console.result(comparison_text(made.comparison), made.to_json())
        following = f"trigml verify {shlex.quote(str(path))}"
    console.say(f"\nThe model is in {path}")
    console.next_step(following)

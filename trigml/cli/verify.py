"""``trigml verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigml.backends.hls.options import HlsBackend, IoType, Strategy, options_from
from trigml.cli import options
from trigml.cli.console import Console

HELP = """
Run the same events through every stage of a model, and count the words that differ.

The reference is the model's integer graph in the NumPy emulator. It is compared with keras (the Keras or
QKeras model), qonnx (a QONNX file in qonnx's executor), native (the generated C++), logic (alkaid's
shift-and-add logic), rtl (that logic in stages, as Verilog in Verilator), netlist (the cells of the FPGA that
Yosys maps it to) and hls (the C++ of the HLS project, compiled with g++). Without --stages, with those that
this model and this machine have, but for rtl and netlist. The inputs are the test split of a run or the files
of --events, corners, and random vectors. One differing word ends in exit code 4, with the first layer in
which the stages part (docs/verify.md). With --project, rtl and netlist are the files of an RTL project as
they lie on disk. The latency of both is measured.

Examples:

    trigml verify runs/jet_tagger_hlf

    trigml verify runs/jet_tagger_hlf --stages native,hls --backend quartus --io stream

    trigml verify runs/jet_tagger_hlf --project runs/jet_tagger_hlf/rtl/verilog --stages rtl,netlist

    trigml verify model.h5 --events jets.h5 --features pt,mass,tau21 --random 20000
"""


def verify(
    model: options.Model,
    stages: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help="Of keras, qonnx, numpy, native, logic, rtl, netlist, hls [default: what is there].",
        ),
    ] = None,
    events: options.EventFiles = None,
    features: options.FeatureColumns = None,
    constituents: options.ConstituentColumns = None,
    random: options.RandomVectors = None,
    backend: Annotated[HlsBackend, typer.Option(help="HLS tool of the stage hls.")] = HlsBackend.VITIS,
    io: Annotated[IoType, typer.Option(help="hls4ml's io type.")] = IoType.PARALLEL,
    strategy: Annotated[Strategy, typer.Option(help="hls4ml's strategy.")] = Strategy.LATENCY,
    reuse_factor: Annotated[int, typer.Option(help="Products per multiplier.")] = 1,
    weights: options.Weights = None,
    input_type: options.InputType = None,
    batchnorm_type: options.BatchnormType = None,
    quantizers: options.Quantizers = None,
    softmax: options.Softmax = options.SoftmaxForm.LOGITS,
    project: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="RTL project of this model whose files are checked as they lie [default: a new one].",
        ),
    ] = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Compare the stages of a model bit by bit."""
    from trigml.data.samples import resolve_files
    from trigml.network_events import columns_of
    from trigml.opening import OpenOptions, open_model
    from trigml.reports.terminal import verification_text
    from trigml.verify.building import DEFAULT_CLOCK_NS, project_stages, stage_names
    from trigml.verify.events import events_of_model
    from trigml.verify.verification import verify as verified

    console = Console(as_json, verbose)
    wanted = None if stages is None else stage_names(options.names_in(stages) or [])
    if project is not None:
        wanted = project_stages(wanted)
    opening = OpenOptions(weights, input_type, batchnorm_type, quantizers, softmax.value)
    opened = open_model(model, opening, console)
    hls = options_from(
        backend,
        part=None,
        clock_ns=DEFAULT_CLOCK_NS if opened.run is None else opened.run.spec.target.clock_ns,
        io=io,
        strategy=strategy,
        reuse_factor=reuse_factor,
    )
    columns = columns_of(opened.graph, options.names_in(features), options.names_in(constituents))
    found = verified(
        opened,
        stages=wanted,
        events=events_of_model(opened, resolve_files(events or ()), columns),
        random_count=random,
        hls=hls,
        project=project,
        progress=console,
    )
    console.result(verification_text(found), found.to_json())
    if (first := found.comparison.first_difference) is not None:
        raise first.explained()
    if found.failure is not None:
        raise found.failure
    command = options.model_words(model, opening)
    console.next_step(
        f"trigml synth {command}",
        f"trigml verify {command} --stages hls --backend quartus --io stream",
    )

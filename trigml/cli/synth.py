"""``trigml synth``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from trigml.backends.hls.options import HlsBackend, IoType, Strategy, options_from
from trigml.cli.console import Console
from trigml.cli.options import Data, Force, Json, RunFolder, Verbose

HELP = """
Write a run's network as an HLS project, check it bit by bit, report on it.

Every precision in the project comes from the integer graph. The test split, corner vectors and random
vectors go through QKeras, the graph and the project's C++ (compiled with g++); one differing word ends in
exit code 4. Options that are left out are taken from the run's spec.

Examples:

    trigml synth runs/jet_tagger_hlf

    trigml synth runs/jet_tagger_hlf --strategy resource --reuse-factor 4

    trigml synth runs/jet_tagger_hlf --backend quartus --io stream
"""


def synth(
    run: RunFolder,
    backend: Annotated[HlsBackend | None, typer.Option(help="HLS tool.")] = None,
    part: Annotated[str | None, typer.Option(help="FPGA part, as the HLS tool spells it.")] = None,
    clock_ns: Annotated[float | None, typer.Option(help="Requested clock period in ns.")] = None,
    strategy: Annotated[Strategy | None, typer.Option(help="hls4ml's strategy.")] = None,
    reuse_factor: Annotated[int | None, typer.Option(help="Products per multiplier.")] = None,
    io: Annotated[IoType | None, typer.Option(help="hls4ml's io type.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the project [default: in the run].")
    ] = None,
    data: Data = None,
    random: Annotated[
        int | None,
        typer.Option(
            min=0, max=10_000_000, help="Random vectors [default: 100,000, fewer for large networks]."
        ),
    ] = None,
    force: Force = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write, check and report an HLS project."""
    from trigml.runs import open_run
    from trigml.synthesis import default_folder, synthesise

    console = Console(as_json, verbose)
    opened = open_run(run)
    target = opened.spec.target
    same_backend = backend is None or backend.value == target.backend
    options = options_from(
        backend or target.backend,
        part=target.part if part is None and same_backend else part,
        clock_ns=target.clock_ns if clock_ns is None else clock_ns,
        io=io or target.io,
        strategy=strategy or target.strategy,
        reuse_factor=target.reuse_factor if reuse_factor is None else reuse_factor,
    )
    folder = out or default_folder(opened, options)
    made = synthesise(
        opened, options, folder, data=data or (), random_count=random, force=force, progress=console
    )
    console.result(made.report.text(), made.report.to_json())
    console.say(f"\nThe project is in {folder}" + (" (it was there already, unchanged)" if made.kept else ""))
    shown = run if out is None else folder
    console.next_step(f"trigml report {shlex.quote(str(shown))}", *made.vendor_commands())

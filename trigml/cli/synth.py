"""``trigml synth``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trigml.backends.hls.options import IoType, Strategy, options_from
from trigml.backends.languages import Language
from trigml.cli.console import Console
from trigml.cli.options import Data, DeviceFiles, Force, Json, RequireTier, RunFolder, Verbose
from trigml.errors import BadInput

HELP = """
Write a run's network as an HLS or RTL project, check it bit by bit, report on it.

Every precision in the project comes from the integer graph. The test split, corner vectors and random
vectors go through QKeras, the graph and the project: the C++ of an HLS project compiled with g++, the RTL in
Verilator, where latency and initiation interval are measured, too. One differing word ends in exit code 4.
Options that are left out are taken from the run's spec (docs/rtl.md, docs/hls.md).

Examples:

    trigml synth runs/jet_tagger_hlf

    trigml synth runs/jet_tagger_hlf --backend rtl --clock-ns 2.778

    trigml synth runs/jet_tagger_hlf --strategy resource --reuse-factor 4

    trigml synth runs/jet_tagger_hlf --backend quartus --io stream --build
"""


class Backend(StrEnum):
    """What ``synth`` writes projects for: hls4ml's backends, and RTL through alkaid."""

    VITIS = "vitis"
    VIVADO = "vivado"
    QUARTUS = "quartus"
    CATAPULT = "catapult"
    ONEAPI = "oneapi"
    RTL = "rtl"


def synth(
    run: RunFolder,
    backend: Annotated[Backend | None, typer.Option(help="HLS tool, or rtl.")] = None,
    part: Annotated[str | None, typer.Option(help="FPGA part, as the vendor's tool spells it.")] = None,
    clock_ns: Annotated[float | None, typer.Option(help="Requested clock period in ns.")] = None,
    strategy: Annotated[Strategy | None, typer.Option(help="HLS: hls4ml's strategy.")] = None,
    reuse_factor: Annotated[int | None, typer.Option(help="HLS: products per multiplier.")] = None,
    io: Annotated[IoType | None, typer.Option(help="HLS: hls4ml's io type.")] = None,
    language: Annotated[
        Language | None, typer.Option(help="RTL: language of the core [default: verilog].")
    ] = None,
    stages: Annotated[
        int | None, typer.Option(help="RTL: pipeline stages [default: what the clock needs].")
    ] = None,
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
    build: Annotated[
        bool, typer.Option("--build", help="Run the vendor's tools on the project, as far as installed.")
    ] = False,
    build_time_limit: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Ends the vendor's tools after so long.")
    ] = 14_400,
    require_tier: RequireTier = None,
    device_files: DeviceFiles = None,
    force: Force = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write, check and report a project."""
    from trigml.backends.rtl import RtlOptions
    from trigml.devices import load_devices
    from trigml.reports.assessment import assess, broken_budgets
    from trigml.reports.budget import budget_device
    from trigml.runs import open_run
    from trigml.synthesis.common import Request
    from trigml.synthesis.hls import hls_folder, synthesise_hls
    from trigml.synthesis.rtl import rtl_folder, synthesise_rtl
    from trigml.synthesis.vendor import Built, require_buildable, run_vendor

    console = Console(as_json, verbose)
    opened = open_run(run)
    target = opened.spec.target
    devices = load_devices(device_files or ())
    budget_device(opened.spec.budget, target.part, devices)  # what cannot be judged is not worked for
    chosen = backend or Backend(target.backend)
    of_hls = {"--strategy": strategy, "--reuse-factor": reuse_factor, "--io": io}
    of_rtl = {"--language": language, "--stages": stages}
    if build:
        require_buildable(chosen.value)
    _refuse_other_kind(chosen, of_hls if chosen is Backend.RTL else of_rtl)
    period = target.clock_ns if clock_ns is None else clock_ns

    def request(usual: Path) -> Request:
        return Request(opened, out or usual, data or (), random, force=force, progress=console)

    if chosen is Backend.RTL:
        rtl = RtlOptions(part or target.part, period, language or Language.VERILOG, stages)
        made = synthesise_rtl(request(rtl_folder(opened, rtl)), rtl)
    else:
        hls = options_from(
            chosen.value,
            part=target.part if part is None and chosen.value == target.backend else part,
            clock_ns=period,
            io=io or target.io,
            strategy=strategy or target.strategy,
            reuse_factor=target.reuse_factor if reuse_factor is None else reuse_factor,
        )
        made = synthesise_hls(request(hls_folder(opened, hls)), hls)
    folder = made.report.folder
    vendor = run_vendor(made.report, build_time_limit, console) if build else Built(made.report)
    assessed = assess(vendor.report, devices, require_tier)
    console.result(assessed.text(), assessed.to_json())
    console.say(f"\nThe project is in {folder}" + (" (it was there already, unchanged)" if made.kept else ""))
    if vendor.failure is not None:
        raise vendor.failure
    if (broken := broken_budgets([assessed])) is not None:
        raise broken
    shown = run if out is None else folder
    console.next_step(f"trigml report {shlex.quote(str(shown))}", *made.vendor_commands)


def _refuse_other_kind(chosen: Backend, options: Mapping[str, object]) -> None:
    """Refuse options that have no meaning for the chosen backend."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        rtl = chosen is Backend.RTL
        raise BadInput(
            f"{', '.join(given)} {'are' if len(given) > 1 else 'is'} for {'HLS' if rtl else 'RTL'} projects",
            expected=f"options of {'RTL' if rtl else 'HLS'} projects",
            found=f"the backend is {chosen.value}",
            remedy=f"leave {' '.join(given)} out, or "
            + ("choose an HLS tool with --backend" if rtl else "add --backend rtl"),
        )

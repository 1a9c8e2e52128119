"""``trigml synth``."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trigml.backends.hls.options import IoType, Strategy
from trigml.backends.languages import Language
from trigml.cli import options
from trigml.cli.console import Console

HELP = """
Write a network as an HLS or RTL project, check it bit by bit, report on it.

MODEL is a run or a model file. Every precision in the project comes from its integer graph. The test split
of a run or the files of --events, corners and random vectors go through the model, the graph and the project:
the C++ of an HLS project compiled with g++, the RTL in Verilator, where latency and initiation interval are
measured, too. RTL is mapped to the part's cells by Yosys, and the mapped netlist is simulated again. One
differing word ends in exit code 4, a broken budget in 3. Options that are left out are taken from the run's
spec; for a model file they are the defaults of a spec (docs/rtl.md, docs/hls.md). --budget is a YAML file
with the keys of a spec's budget section (docs/spec.md); a project that is made again without it keeps it.

Examples:

    trigml synth runs/jet_tagger_hlf

    trigml synth runs/jet_tagger_hlf --backend rtl --clock-ns 2.778

    trigml synth runs/jet_tagger_hlf --strategy resource --reuse-factor 4 --build

    trigml synth runs/jet_tagger_hlf --backend quartus --io stream --build

    trigml synth model.h5 --input-type 'fixed<16,6>' --backend rtl --budget limits.yml
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
    model: options.Model,
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
    map_: Annotated[
        bool | None,
        typer.Option("--map/--no-map", help="RTL: map it to the part's cells with Yosys [default: map]."),
    ] = None,
    map_time_limit: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="RTL: ends the mapping [default: 1800].")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of the project [default: in the run; for a model file ./NAME-rtl-…].",
        ),
    ] = None,
    data: options.Data = None,
    events: options.EventFiles = None,
    features: options.FeatureColumns = None,
    constituents: options.ConstituentColumns = None,
    random: options.RandomVectors = None,
    budget: options.BudgetFile = None,
    weights: options.Weights = None,
    input_type: options.InputType = None,
    batchnorm_type: options.BatchnormType = None,
    quantizers: options.Quantizers = None,
    softmax: options.Softmax = options.SoftmaxForm.LOGITS,
    build: Annotated[
        bool, typer.Option("--build", help="Run the vendor's tools on the project, as far as installed.")
    ] = False,
    build_time_limit: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Ends the vendor's tools after so long.")
    ] = 14_400,
    require_tier: options.RequireTier = None,
    device_files: options.DeviceFiles = None,
    force: options.Force = False,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Write, check and report a project."""
    from trigml.devices import load_devices
    from trigml.opening import OpenOptions
    from trigml.reports.assessment import assess, broken_budgets, tier_without_budget
    from trigml.synthesis.common import Request
    from trigml.synthesis.limits import limits_for
    from trigml.synthesis.planning import HlsChoices, RtlChoices, Wanted, plan_of
    from trigml.synthesis.subject import EventChoice, Subject
    from trigml.synthesis.vendor import Built, by_hand, require_buildable, run_vendor

    console = Console(as_json, verbose)
    columns = options.names_in(features), options.names_in(constituents)
    opening = OpenOptions(weights, input_type, batchnorm_type, quantizers, softmax.value)
    subject = Subject.at(model, opening, EventChoice(data or (), events or (), *columns))
    wanted = Wanted(subject, (backend or Backend(subject.target.backend)).value, part, clock_ns)
    if build:
        require_buildable(wanted.backend)
    devices = load_devices(device_files or ())
    hls, rtl = HlsChoices(strategy, reuse_factor, io), RtlChoices(language, stages, map_, map_time_limit)
    plan = plan_of(wanted, hls, rtl, devices)
    place = out or plan.usual
    limits = limits_for(
        subject, budget, place=place, part=plan.options.part, devices=devices, progress=console
    )
    if require_tier is not None and not limits.budget.asks:
        raise tier_without_budget(require_tier)
    notes = wanted.taken_for_granted(plan)
    made = plan.make(Request(subject, limits, place, random, force=force, notes=notes, progress=console))
    vendor = run_vendor(made.report, build_time_limit, console) if build else Built(made.report)
    assessed = assess(vendor.report, devices, require_tier)
    console.result(assessed.text(), assessed.to_json())
    console.say(f"\nThe project is in {place}" + (" (it was there already, unchanged)" if made.kept else ""))
    for problem in (made.failure, vendor.failure, broken_budgets([assessed])):
        if problem is not None:
            raise problem
    shown = model if out is None and subject.run is not None else place
    following = () if build else by_hand(place, made.report.top)
    console.next_step(f"trigml report {shlex.quote(str(shown))}", *following)

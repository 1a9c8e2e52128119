"""``trigml synth``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from trigml.backends.hls.options import IoType, Strategy, options_from
from trigml.backends.languages import Language
from trigml.cli.console import Console
from trigml.cli.options import Data, DeviceFiles, Force, Json, RequireTier, RunFolder, Verbose
from trigml.errors import BadInput

if TYPE_CHECKING:
    from trigml.devices import Devices
    from trigml.spec.schema import TargetSpec
    from trigml.synthesis.common import Request, Synthesis

Maker: TypeAlias = "Callable[[Request], Synthesis]"

HELP = """
Write a run's network as an HLS or RTL project, check it bit by bit, report on it.

Every precision in the project comes from the integer graph. The test split, corner vectors and random
vectors go through QKeras, the graph and the project: the C++ of an HLS project compiled with g++, the RTL in
Verilator, where latency and initiation interval are measured, too. RTL is mapped to the part's cells by
Yosys, and the mapped netlist is simulated again. One differing word ends in exit code 4, a broken budget of
the spec in 3. Options that are left out are taken from the run's spec (docs/rtl.md, docs/hls.md).

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
    map_: Annotated[
        bool | None,
        typer.Option("--map/--no-map", help="RTL: map it to the part's cells with Yosys [default: map]."),
    ] = None,
    map_time_limit: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="RTL: ends the mapping [default: 1800].")
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
    from trigml.devices import load_devices
    from trigml.reports.assessment import assess, broken_budgets
    from trigml.reports.budget import budget_device
    from trigml.runs import open_run
    from trigml.synthesis.common import Request
    from trigml.synthesis.vendor import Built, require_buildable, run_vendor

    console = Console(as_json, verbose)
    opened = open_run(run)
    target = opened.spec.target
    chosen = backend or Backend(target.backend)
    hls = _OfHls(strategy, reuse_factor, io)
    rtl = _OfRtl(language, stages, map_, map_time_limit)
    (rtl if chosen is not Backend.RTL else hls).refuse_for(chosen)
    if build:
        require_buildable(chosen.value)
    devices = load_devices(device_files or ())
    budget_device(opened.spec.budget, target.part, devices)  # what cannot be judged is not worked for
    usual = part or (target.part if chosen.value in (target.backend, Backend.RTL) else None)
    period = target.clock_ns if clock_ns is None else clock_ns
    make = (
        rtl.maker(usual or target.part, period, devices)
        if chosen is Backend.RTL
        else hls.maker(chosen, usual, period, target)
    )
    made = make(Request(opened, out, data or (), random, force=force, progress=console))
    folder = made.report.folder
    vendor = run_vendor(made.report, build_time_limit, console) if build else Built(made.report)
    assessed = assess(vendor.report, devices, require_tier)
    console.result(assessed.text(), assessed.to_json())
    console.say(f"\nThe project is in {folder}" + (" (it was there already, unchanged)" if made.kept else ""))
    for problem in (made.failure, vendor.failure, broken_budgets([assessed])):
        if problem is not None:
            raise problem
    shown = run if out is None else folder
    console.next_step(f"trigml report {shlex.quote(str(shown))}", *made.vendor_commands)


def _refuse(chosen: Backend, options: Mapping[str, object]) -> None:
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


@dataclass(frozen=True)
class _OfHls:
    """Options that only HLS projects have; ``None``: as in the spec."""

    strategy: Strategy | None
    reuse_factor: int | None
    io: IoType | None

    def refuse_for(self, chosen: Backend) -> None:
        given = {"--strategy": self.strategy, "--reuse-factor": self.reuse_factor, "--io": self.io}
        _refuse(chosen, given)

    def maker(self, chosen: Backend, part: str | None, clock_ns: float, target: TargetSpec) -> Maker:
        from trigml.synthesis.hls import synthesise_hls

        options = options_from(
            chosen.value,
            part=part,
            clock_ns=clock_ns,
            io=self.io or target.io,
            strategy=self.strategy or target.strategy,
            reuse_factor=target.reuse_factor if self.reuse_factor is None else self.reuse_factor,
        )
        return lambda request: synthesise_hls(request, options)


@dataclass(frozen=True)
class _OfRtl:
    """Options that only RTL projects have; ``None``: the usual."""

    language: Language | None
    stages: int | None
    map: bool | None
    map_time_limit: float | None

    def refuse_for(self, chosen: Backend) -> None:
        given = {"--language": self.language, "--stages": self.stages}
        _refuse(chosen, given | {"--map": self.map, "--map-time-limit": self.map_time_limit})

    def maker(self, part: str, clock_ns: float, devices: Devices) -> Maker:
        from trigml.backends.rtl import RtlOptions
        from trigml.synthesis.rtl import synthesise_rtl
        from trigml.synthesis.rtl_checks import mapping_for
        from trigml.toolchains.yosys import DEFAULT_LIMIT_S

        options = RtlOptions(part, clock_ns, self.language or Language.VERILOG, self.stages)
        limit = DEFAULT_LIMIT_S if self.map_time_limit is None else self.map_time_limit
        mapping = mapping_for(options, devices, wanted=self.map is not False, time_limit_s=limit)
        return lambda request: synthesise_rtl(request, options, mapping)

"""``trigml synth``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trigml.backends.hls.options import IoType, Strategy, options_from
from trigml.backends.languages import Language
from trigml.cli.console import Console
from trigml.cli.options import (
    BatchnormType,
    ConstituentColumns,
    Data,
    DeviceFiles,
    EventFiles,
    FeatureColumns,
    Force,
    InputType,
    Json,
    Model,
    Quantizers,
    RequireTier,
    Softmax,
    SoftmaxForm,
    Verbose,
    Weights,
    names_in,
)
from trigml.errors import BadInput

if TYPE_CHECKING:
    from trigml.backends.hls.options import HlsOptions
    from trigml.backends.rtl import RtlOptions
    from trigml.devices import Devices
    from trigml.spec import BudgetSpec, TargetSpec
    from trigml.synthesis.common import Request, Synthesis
    from trigml.synthesis.subject import Subject

HELP = """
Write a network as an HLS or RTL project, check it bit by bit, report on it.

MODEL is a run or a model file. Every precision in the project comes from its integer graph. The test split
of a run or the files of --events, corners and random vectors go through the model, the graph and the project:
the C++ of an HLS project compiled with g++, the RTL in Verilator, where latency and initiation interval are
measured, too. RTL is mapped to the part's cells by Yosys, and the mapped netlist is simulated again. One
differing word ends in exit code 4, a broken budget in 3. Options that are left out are taken from the run's
spec; for a model file they are the defaults of a spec (docs/rtl.md, docs/hls.md). --budget is a YAML file
with the keys of a spec's budget section (docs/spec.md).

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
    model: Model,
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
    data: Data = None,
    events: EventFiles = None,
    features: FeatureColumns = None,
    constituents: ConstituentColumns = None,
    random: Annotated[
        int | None,
        typer.Option(
            min=0, max=10_000_000, help="Random vectors [default: 100,000, fewer for large networks]."
        ),
    ] = None,
    budget: Annotated[
        Path | None,
        typer.Option(
            "--budget", metavar="FILE", help="YAML with the limits to be kept [default: those of the spec]."
        ),
    ] = None,
    weights: Weights = None,
    input_type: InputType = None,
    batchnorm_type: BatchnormType = None,
    quantizers: Quantizers = None,
    softmax: Softmax = SoftmaxForm.LOGITS,
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
    from trigml.opening import OpenOptions
    from trigml.reports.assessment import assess, broken_budgets, tier_without_budget
    from trigml.synthesis.common import Request
    from trigml.synthesis.subject import EventChoice, Subject
    from trigml.synthesis.vendor import Built, require_buildable, run_vendor

    console = Console(as_json, verbose)
    choice = EventChoice(data or (), events or (), names_in(features), names_in(constituents))
    opening = OpenOptions(weights, input_type, batchnorm_type, quantizers, softmax.value)
    subject = Subject.at(model, opening, choice)
    chosen = backend or Backend(subject.target.backend)
    hls = _OfHls(strategy, reuse_factor, io)
    rtl = _OfRtl(language, stages, map_, map_time_limit)
    (rtl if chosen is not Backend.RTL else hls).refuse_for(chosen)
    if build:
        require_buildable(chosen.value)
    devices = load_devices(device_files or ())
    wanted = _Wanted(chosen, part, clock_ns, subject.target)
    plan = (rtl if chosen is Backend.RTL else hls).plan(wanted, devices)
    _refuse_board(plan.options.part, devices)
    limits = _limits(subject, budget, plan.options.part, devices)
    if require_tier is not None and not limits.asks:
        raise tier_without_budget(require_tier)
    notes = _notes(subject, plan.options, budget, part=part is None, clock=clock_ns is None)
    made = plan.make(Request(subject, limits, out, random, force=force, notes=notes, progress=console))
    folder = made.report.folder
    vendor = run_vendor(made.report, build_time_limit, console) if build else Built(made.report)
    assessed = assess(vendor.report, devices, require_tier)
    console.result(assessed.text(), assessed.to_json())
    console.say(f"\nThe project is in {folder}" + (" (it was there already, unchanged)" if made.kept else ""))
    for problem in (made.failure, vendor.failure, broken_budgets([assessed])):
        if problem is not None:
            raise problem
    shown = model if out is None and subject.run is not None else folder
    console.next_step(f"trigml report {shlex.quote(str(shown))}", *made.vendor_commands)


def _refuse_board(part: str, devices: Devices) -> None:
    """Refuse the name of a board: the vendor's tools know its part only."""
    board = next((board for board in devices.boards if board.name == part.strip().lower()), None)
    if board is not None:
        names = [fpga.part for fpga in board.parts]
        raise BadInput(
            "a board is not a part that the vendor's tools know",
            where="--part",
            expected=f"the part of {board.name}: {' or '.join(names)}",
            found=part,
            remedy=f"--part {names[0]}; a budget may name the board",
        )


def _limits(subject: Subject, file: Path | None, part: str, devices: Devices) -> BudgetSpec:
    """The budget, for a device that is known: what cannot be judged is not worked for."""
    from trigml.reports.budget import budget_device
    from trigml.spec import BudgetSpec
    from trigml.spec.budget_file import load_budget

    if file is None and subject.run is not None:
        spec = subject.run.spec
        budget_device(spec.budget, spec.target.part, devices)
        return spec.firmware_budget
    limits = BudgetSpec() if file is None else load_budget(file)
    budget_device(limits, part, devices)
    return limits


def _notes(
    subject: Subject, options: HlsOptions | RtlOptions, budget: Path | None, *, part: bool, clock: bool
) -> tuple[str, ...]:
    """What was taken for granted (``part``, ``clock``: they were left out), and whose budget it is."""
    if subject.run is not None:
        return () if budget is None else (f"the budget is that of {budget.name}, not that of the run's spec",)
    usual = [f"part {options.part} (--part)"] if part else []
    usual += [f"clock {options.clock_ns:g} ns (--clock-ns)"] if clock else []
    notes = (f"a model file names no device; trigml's usual one is meant: {', '.join(usual)}",)
    return notes if usual else ()


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
class _Wanted:
    """What the project is for, as asked; ``None``: as usual."""

    backend: Backend
    part: str | None
    clock_ns: float | None
    usual: TargetSpec

    @property
    def period_ns(self) -> float:
        return self.usual.clock_ns if self.clock_ns is None else self.clock_ns


@dataclass(frozen=True)
class _Plan:
    """What the project is for, and how it is made."""

    options: HlsOptions | RtlOptions
    make: Callable[[Request], Synthesis]


@dataclass(frozen=True)
class _OfHls:
    """Options that only HLS projects have; ``None``: as in the spec."""

    strategy: Strategy | None
    reuse_factor: int | None
    io: IoType | None

    def refuse_for(self, chosen: Backend) -> None:
        given = {"--strategy": self.strategy, "--reuse-factor": self.reuse_factor, "--io": self.io}
        _refuse(chosen, given)

    def plan(self, wanted: _Wanted, devices: Devices) -> _Plan:
        from trigml.synthesis.hls import synthesise_hls

        usual, chosen = wanted.usual, wanted.backend.value
        options = options_from(
            chosen,
            part=wanted.part or (usual.part if chosen == usual.backend else None),
            clock_ns=wanted.period_ns,
            io=self.io or usual.io,
            strategy=self.strategy or usual.strategy,
            reuse_factor=usual.reuse_factor if self.reuse_factor is None else self.reuse_factor,
        )
        return _Plan(options, lambda request: synthesise_hls(request, options))


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

    def plan(self, wanted: _Wanted, devices: Devices) -> _Plan:
        from trigml.backends.rtl import RtlOptions
        from trigml.synthesis.rtl import synthesise_rtl
        from trigml.synthesis.rtl_checks import mapping_for
        from trigml.toolchains.yosys import DEFAULT_LIMIT_S

        part, language = wanted.part or wanted.usual.part, self.language or Language.VERILOG
        options = RtlOptions(part, wanted.period_ns, language, self.stages)
        limit = DEFAULT_LIMIT_S if self.map_time_limit is None else self.map_time_limit
        mapping = mapping_for(options, devices, wanted=self.map is not False, time_limit_s=limit)
        return _Plan(options, lambda request: synthesise_rtl(request, options, mapping))

"""From what was asked of ``trigml synth`` to a project: its options, its place, and what makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trigml.backends.hls.options import HlsOptions, IoType, Strategy, options_from
from trigml.backends.languages import Language
from trigml.backends.rtl import RtlOptions
from trigml.devices import Devices
from trigml.errors import BadInput
from trigml.reports.stored import RTL
from trigml.synthesis.common import Request, Synthesis
from trigml.synthesis.hls import hls_folder, synthesise_hls
from trigml.synthesis.rtl import rtl_folder, synthesise_rtl
from trigml.synthesis.rtl_checks import mapping_for
from trigml.synthesis.subject import Subject
from trigml.toolchains.yosys import DEFAULT_LIMIT_S


@dataclass(frozen=True)
class Wanted:
    """What a project is for, as asked; ``None``: as usual.

    Attributes:
        subject: what it is made from; says what is usual.
        backend: an HLS tool, or ``rtl``.
        part: FPGA part.
        clock_ns: clock period.
    """

    subject: Subject
    backend: str
    part: str | None
    clock_ns: float | None

    @property
    def period_ns(self) -> float:
        """The clock period in ns."""
        return self.subject.target.clock_ns if self.clock_ns is None else self.clock_ns

    def taken_for_granted(self, plan: Plan) -> tuple[str, ...]:
        """What the reader has to know of a project of a model file, which says nothing of its device."""
        if self.subject.run is not None:
            return ()
        usual = [f"part {plan.options.part} (--part)"] if self.part is None else []
        usual += [f"clock {plan.options.clock_ns:g} ns (--clock-ns)"] if self.clock_ns is None else []
        notes = (f"a model file names no device; trigml's usual one is meant: {', '.join(usual)}",)
        return notes if usual else ()


@dataclass(frozen=True)
class Plan:
    """A project that is to be made.

    Attributes:
        options: what it is for.
        usual: where it goes if nothing else is said.
        make: makes it.
    """

    options: HlsOptions | RtlOptions
    usual: Path
    make: Callable[[Request], Synthesis]


@dataclass(frozen=True)
class HlsChoices:
    """Options that only HLS projects have; ``None``: as in the spec."""

    strategy: Strategy | None
    reuse_factor: int | None
    io: IoType | None

    @property
    def by_option(self) -> Mapping[str, object]:
        """The same by the option that gives them."""
        return {"--strategy": self.strategy, "--reuse-factor": self.reuse_factor, "--io": self.io}

    def plan(self, wanted: Wanted) -> Plan:
        """The HLS project that is wanted.

        Raises:
            BadInput: options out of range.
        """
        usual = wanted.subject.target
        options = options_from(
            wanted.backend,
            part=wanted.part or (usual.part if wanted.backend == usual.backend else None),
            clock_ns=wanted.period_ns,
            io=self.io or usual.io,
            strategy=self.strategy or usual.strategy,
            reuse_factor=usual.reuse_factor if self.reuse_factor is None else self.reuse_factor,
        )
        folder = hls_folder(wanted.subject, options)
        return Plan(options, folder, lambda request: synthesise_hls(request, options))


@dataclass(frozen=True)
class RtlChoices:
    """Options that only RTL projects have; ``None``: the usual."""

    language: Language | None
    stages: int | None
    map: bool | None
    map_time_limit: float | None

    @property
    def by_option(self) -> Mapping[str, object]:
        """The same by the option that gives them."""
        given = {"--language": self.language, "--stages": self.stages}
        return given | {"--map": self.map, "--map-time-limit": self.map_time_limit}

    def plan(self, wanted: Wanted, devices: Devices) -> Plan:
        """The RTL project that is wanted.

        Raises:
            BadInput: options out of range, or a part that is not known and would have to be.
        """
        part, language = wanted.part or wanted.subject.target.part, self.language or Language.VERILOG
        options = RtlOptions(part, wanted.period_ns, language, self.stages)
        limit = DEFAULT_LIMIT_S if self.map_time_limit is None else self.map_time_limit
        mapping = mapping_for(options, devices, wanted=self.map is not False, time_limit_s=limit)
        folder = rtl_folder(wanted.subject, options)
        return Plan(options, folder, lambda request: synthesise_rtl(request, options, mapping))


def plan_of(wanted: Wanted, hls: HlsChoices, rtl: RtlChoices, devices: Devices) -> Plan:
    """The project that is wanted.

    Raises:
        BadInput: options of the other kind of project, options out of range, or a part that cannot be.
    """
    for_rtl = wanted.backend == RTL
    _refuse_other(wanted.backend, (hls if for_rtl else rtl).by_option)
    _refuse_board(wanted.part or wanted.subject.target.part, devices)
    return rtl.plan(wanted, devices) if for_rtl else hls.plan(wanted)


def _refuse_other(backend: str, options: Mapping[str, object]) -> None:
    """Refuse options that have no meaning for the chosen backend."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        rtl = backend == RTL
        raise BadInput(
            f"{', '.join(given)} {'are' if len(given) > 1 else 'is'} for {'HLS' if rtl else 'RTL'} projects",
            expected=f"options of {'RTL' if rtl else 'HLS'} projects",
            found=f"the backend is {backend}",
            remedy=f"leave {' '.join(given)} out, or "
            + ("choose an HLS tool with --backend" if rtl else "add --backend rtl"),
        )


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

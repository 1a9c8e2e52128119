"""A whole design: its layers, how data move, for which tool, and where its clock cycles end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trigml.backends.hls.options import HlsBackend, IoType, Strategy
from trigml.estimation.work import Delay, Kind, Work

REPORTED_BITS = 16
"""Width of the narrowest words in the reports."""

NARROW_FACTOR_BITS = 8
"""Width up to which a product with a narrow word is nearly never given a DSP block."""


class Generation(StrEnum):
    """The tools whose reports are known; their figures for the same logic differ."""

    VIVADO_2020 = "Vivado HLS 2020.1"
    VITIS_2020 = "Vitis HLS 2020.1"
    VITIS_2023 = "Vitis HLS 2023.1"
    VITIS_2024 = "Vitis HLS 2024.1"

    @property
    def is_vitis(self) -> bool:
        """Whether it is Vitis HLS."""
        return self is not Generation.VIVADO_2020

    @property
    def clock_uncertainty(self) -> float:
        """Share of the clock period that the scheduler leaves free, as hls4ml sets it."""
        return 0.27 if self.is_vitis else 0.125

    @classmethod
    def of_backend(cls, backend: HlsBackend) -> Generation | None:
        """The newest one for a backend; ``None`` if no report is of its tool."""
        return {HlsBackend.VITIS: cls.VITIS_2024, HlsBackend.VIVADO: cls.VIVADO_2020}.get(backend)


ANY_STRATEGY = frozenset({Kind.RELU, Kind.QUANTISE, Kind.MAX_POOL, Kind.AVERAGE_POOL, Kind.ELU, Kind.SIGMOID})
"""Layers without weights: the strategy does not change them."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What an operation has to share with a report so that there is a basis for an estimate.

    Attributes:
        kind: kind of layer.
        io: how data move.
        strategy: how products are made; ``None`` where it does not matter.
        is_vitis: Vitis HLS, else Vivado HLS.
    """

    kind: Kind
    io: IoType
    strategy: Strategy | None
    is_vitis: bool

    def __str__(self) -> str:
        tool = "Vitis HLS" if self.is_vitis else "Vivado HLS"
        strategy = "" if self.strategy is None else f", {self.strategy.value} strategy"
        return f"{self.kind.value}, io_{self.io.value}{strategy}, {tool}"


@dataclass(frozen=True)
class Design:
    """A network for an HLS tool.

    Attributes:
        works: its layers in order.
        io: how data move between them.
        strategy: how products are made.
        generation: the tool.
        clock_ns: requested clock period.
        reuse_factor: how many products share a multiplier.
    """

    works: tuple[Work, ...]
    io: IoType
    strategy: Strategy
    generation: Generation
    clock_ns: float = 5.0
    reuse_factor: int = 1

    @property
    def is_stream(self) -> bool:
        """Whether layers are connected by FIFOs."""
        return self.io is IoType.STREAM

    @property
    def input_bits(self) -> int:
        """Bits that arrive per event."""
        return self.works[0].words_in * self.works[0].bits_in

    @property
    def is_narrow(self) -> bool:
        """Whether it has words that are narrower than those of every report."""
        return min(self.widths) < REPORTED_BITS

    @property
    def has_narrow_factors(self) -> bool:
        """Whether its weights are narrow, too."""
        return max((work.factor_bits for work in self.works), default=0) <= NARROW_FACTOR_BITS

    @property
    def widths(self) -> tuple[int, int]:
        """The narrowest and the widest word between its layers."""
        bits = [w.bits_in for w in self.works] + [w.bits_out for w in self.works]
        return min(bits), max(bits)

    def bases(self) -> tuple[Basis, ...]:
        """What each layer asks for."""
        return tuple(
            Basis(
                work.kind,
                self.io,
                None if work.kind in ANY_STRATEGY else self.strategy,
                self.generation.is_vitis,
            )
            for work in self.works
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where clock cycles end.

    Attributes:
        cycles: registers on the way through.
        register_bits: bits in them.
    """

    cycles: int
    register_bits: float


def schedule(design: Design, delays: Mapping[Delay, float]) -> Schedule:
    """Operators follow each other until the cycle is full; the next one then starts behind a register.

    Args:
        design: the network. Where data are streamed, each layer starts a cycle of its own.
        delays: ns of each operator.
    """
    period = design.clock_ns * (1 - design.generation.clock_uncertainty)
    cycles, bits, used = 0, 0.0, 0.0
    live = 0.0
    for work in design.works:
        if design.is_stream:
            used = 0.0
        for level in work.levels:
            delay = delays[level.delay]
            if used > 0 and used + delay > period:
                cycles, bits, used = cycles + 1, bits + live, 0.0
            used += delay
            live = level.live_bits
    return Schedule(cycles, bits)

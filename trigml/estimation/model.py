"""The fitted model: what a design costs, or what there is no basis for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from trigml.estimation.coefficients import Coefficients
from trigml.estimation.design import Basis, Design, Schedule, schedule
from trigml.estimation.features import (
    DELAY_TERMS,
    Quantity,
    Row,
    ff_row,
    latency_row,
    lut_row,
)

TABLE_PORTS = 2
"""Words that one block RAM looks up per cycle."""


@dataclass(frozen=True)
class Predicted:
    """Figures of a design; ``None`` where a term has no coefficient."""

    lut: float | None
    ff: float | None
    dsp: float
    bram18: int
    latency: int | None
    interval: int | None


@dataclass(frozen=True)
class Model:
    """Coefficients of all quantities.

    Attributes:
        coefficients: per quantity.
        bases: what the reports have in common with a design that can be estimated.
    """

    coefficients: Mapping[Quantity, Coefficients]
    bases: frozenset[Basis]

    def without_basis(self, design: Design) -> tuple[Basis, ...]:
        """What no report has, each once."""
        return tuple(dict.fromkeys(basis for basis in design.bases() if basis not in self.bases))

    def cut(self, design: Design) -> Schedule | None:
        """Where its clock cycles end; ``None`` if an operator's delay is not known."""
        period = self.coefficients[Quantity.PERIOD]
        delays = {}
        for work in design.works:
            for level in work.levels:
                delay = period.of(DELAY_TERMS[level.delay], design.generation)
                if delay is None:
                    return None
                delays[level.delay] = delay
        return schedule(design, delays)

    def predict(self, design: Design) -> Predicted:
        """All figures of a design."""
        cut = self.cut(design)
        latency = None
        if cut is not None:
            cycles = self._value(Quantity.LATENCY, latency_row(design, cut), design)
            latency = None if cycles is None else round(cycles)
        return Predicted(
            lut=self._value(Quantity.LUT, lut_row(design), design),
            ff=None if cut is None else self._value(Quantity.FF, ff_row(design, cut), design),
            dsp=sum(work.dsp_blocks for work in design.works),
            bram18=sum(math.ceil(work.lookups / TABLE_PORTS) for work in design.works),
            latency=latency,
            interval=interval_of(design, latency),
        )

    def _value(self, quantity: Quantity, row: Row, design: Design) -> float | None:
        return self.coefficients[quantity].value(row, design.generation)


def interval_of(design: Design, latency: int | None) -> int | None:
    """Cycles between events.

    Vitis HLS starts the next event when a design of streams, or one that visits places in turn, is through;
    Vivado HLS when its slowest layer is. Everything else takes an event per cycle.
    """
    visits = max((work.places for work in design.works), default=1)
    in_turn = visits > 1
    if design.generation.is_vitis and (design.is_stream or in_turn):
        return None if latency is None else latency + in_turn
    if design.is_stream and in_turn:
        return None if latency is None else latency + 1
    return visits

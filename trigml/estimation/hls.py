"""Estimated figures of an HLS project whose vendor tool has not run: each with its error, or why none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from trigml import __version__
from trigml.backends.hls.options import HlsOptions, IoType, Strategy
from trigml.estimation.design import Design, Generation
from trigml.estimation.errors import Check, Pair, Spread
from trigml.estimation.graph_work import work_of
from trigml.estimation.stored import FittedModel, shipped_model
from trigml.graph import Graph
from trigml.reports.figures import BUNCH_CROSSING_NS, Figure, Tier, latency_figures

TOOL = "trigml's HLS model"
REPORTED_PART = "xcvu13p"
REPORTED_CLOCK_NS = 5.0


@dataclass(frozen=True)
class HlsEstimate:
    """What can be said of an HLS project without its vendor's tool.

    Attributes:
        figures: rows of tier ``estimate``; the note of each says how far such figures were off.
        refusals: what is not estimated and why, one line each.
    """

    figures: tuple[Figure, ...]
    refusals: tuple[str, ...]


def estimate_hls(graph: Graph, options: HlsOptions) -> HlsEstimate:
    """Estimate what the HLS tool's own report (csynth) would say of a graph's project.

    Args:
        graph: the network.
        options: what was chosen for the project.

    Raises:
        BadInput: the installation is damaged.
    """
    generation = Generation.of_backend(options.backend)
    if generation is None:
        return HlsEstimate((), (f"no estimate for {options.backend.value}: no model of its tool's reports",))
    found = work_of(graph, options)
    if found.refusals:
        return HlsEstimate((), _refused(found.refusals))
    design = Design(
        found.works, options.io, options.strategy, generation, options.clock_ns, options.reuse_factor
    )
    if not design.works:
        return HlsEstimate((), _refused(["the network has no layer that costs anything"]))
    fitted = shipped_model()
    missing = fitted.model.without_basis(design)
    if missing:
        return HlsEstimate((), _refused([f"no vendor report of a {basis}" for basis in missing]))
    if options.reuse_factor > 1:
        return _with_reuse(design, options)
    return _unrolled(design, options, fitted)


def _refused(reasons: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"no estimate of the HLS tool's figures: {reason}" for reason in reasons)


def _unrolled(design: Design, options: HlsOptions, fitted: FittedModel) -> HlsEstimate:
    predicted = fitted.model.predict(design)
    figures: list[Figure] = []
    refusals: list[str] = []
    basis = _Basis(design, options, fitted)
    for metric, value, row in (
        ("LUT", predicted.lut, basis.lut),
        ("FF", predicted.ff, basis.ff),
        ("DSP", predicted.dsp, basis.dsp),
        ("BRAM18", predicted.bram18, basis.bram18),
    ):
        if value is None:
            refusals.append(f"no estimate of {metric}: no vendor report has one of the operators")
        else:
            figures.append(row(value))
    if predicted.latency is None or predicted.interval is None:
        refusals.append("no estimate of the latency: no vendor report has one of the operators")
    else:
        figures += basis.timing(predicted.latency, predicted.interval)
    return HlsEstimate(tuple(figures), tuple(refusals))


@dataclass(frozen=True)
class _Basis:
    """What figures rest on, as rows with their errors."""

    design: Design
    options: HlsOptions
    fitted: FittedModel

    def lut(self, value: float) -> Figure:
        off = [_relative(pair) for c in self._checks if (pair := c.lut or c.lut_and_ff)]
        return self._resource("LUT", value, self.fitted.by_network.lut, off)

    def ff(self, value: float) -> Figure:
        off = [_relative(pair) for c in self._checks if (pair := c.ff or c.lut_and_ff)]
        return self._resource("FF", value, self.fitted.by_network.ff, off)

    def dsp(self, value: float) -> Figure:
        """Blocks; the error grows with the products, as it hangs on each whether it takes a block."""
        spread = self.fitted.by_network.dsp
        products = sum(work.products for work in self.design.works)
        share = max((abs(c.dsp[1] - c.dsp[0]) / c.products for c in self._checks if c.dsp), default=0.0)
        note = f"{self._left_out}: 90 % within {spread.p90:g} blocks"
        if self._checks:
            note += f"; {len(self._checks)} published designs: within {100 * share:.1f} % of the products"
        return self._figure("DSP", round(value), float(math.ceil(max(spread.p90, share * products))), note)

    def bram18(self, value: float) -> Figure:
        exact = self.fitted.by_network.bram18.exact
        note = f"{self._left_out}: {_percent(exact)} exact"
        return self._figure("BRAM18", value, None, note)

    def timing(self, cycles: int, interval: int) -> list[Figure]:
        """Latency with its error, and the initiation interval."""
        spread = self.fitted.by_network.latency
        off = [float(abs(c.latency[1] - c.latency[0])) for c in self._checks if c.latency]
        error = float(math.ceil(max([spread.p90, *off])))
        rows = latency_figures(
            cycles,
            interval,
            tier=Tier.ESTIMATE,
            tool=TOOL,
            version=__version__,
            part=self.options.part,
            clock_ns=self.options.clock_ns,
            note=f"{self._left_out}: {_percent(spread.near)} within 2 cycles",
            caution=self._clock_caution,
        )
        shares = {"cycles": 1.0, "ns": self.options.clock_ns, "BX": self.options.clock_ns / BUNCH_CROSSING_NS}
        exact = f"{self._left_out}: "
        exact += f"{_percent(self.fitted.by_network.interval.exact)} exact"
        return [
            replace(row, error=error * shares[row.unit])
            if row.metric == "latency"
            else replace(row, note=exact)
            if row.metric == "initiation interval"
            else row
            for row in rows
        ]

    @property
    def _checks(self) -> tuple[Check, ...]:
        return self.fitted.like(self.design)

    def _resource(self, metric: str, value: float, spread: Spread, off: Sequence[float]) -> Figure:
        note = f"{self._left_out}: median {_percent(spread.median)} off, "
        note += f"90 % of the reports within {_percent(spread.bar)} of the estimate"
        if off:
            such = "with such narrow words" if self.design.is_narrow else "with adder trees"
            note += f"; {len(off)} published designs {such}: "
            note += f"median {_percent(median(off))}, all within {_percent(max(off))} of the estimate"
        return self._figure(metric, _rounded(value), _rounded(max([spread.bar, *off]) * value), note)

    @property
    def _left_out(self) -> str:
        part = "" if self.options.part.lower().startswith(REPORTED_PART) else ", for an XCVU13P"
        return f"as a {self.design.generation} report would say{part}; networks left out of the fit"

    @property
    def _clock_caution(self) -> str:
        if self.options.clock_ns == REPORTED_CLOCK_NS:
            return ""
        return f"all reports behind the model are for {REPORTED_CLOCK_NS:g} ns"

    def _figure(self, metric: str, value: float, error: float | None, note: str) -> Figure:
        return Figure(
            metric,
            value,
            "",
            Tier.ESTIMATE,
            TOOL,
            self.options.part,
            self.options.clock_ns,
            note,
            __version__,
            error=error,
        )


def _with_reuse(design: Design, options: HlsOptions) -> HlsEstimate:
    """With shared multipliers: what the project itself asks of the tool, and no more."""
    why = f"no vendor report has a reuse factor above 1 (here {options.reuse_factor})"
    refusals = (f"no estimate of LUT, FF and latency: {why}",)
    if options.io is not IoType.PARALLEL or options.strategy is not Strategy.LATENCY:
        return HlsEstimate((), _refused([why]))
    bound = sum(
        min(work.products, math.ceil(work.words_in * work.words_out / options.reuse_factor))
        * max(1.0, work.dsp_blocks / max(work.dsp_products, 1.0))
        for work in design.works
        if work.products
    )
    dsp = Figure(
        "DSP",
        math.ceil(bound),
        "",
        Tier.ESTIMATE,
        TOOL,
        options.part,
        options.clock_ns,
        "at most: the multipliers that the project's directives allow; compared with no report",
        __version__,
    )
    interval = latency_figures(
        options.reuse_factor,
        options.reuse_factor,
        tier=Tier.ESTIMATE,
        tool=TOOL,
        version=__version__,
        part=options.part,
        clock_ns=options.clock_ns,
        note="as the project's directives ask; compared with no report",
    )[3:]
    return HlsEstimate((dsp, *interval), refusals)


def _relative(pair: Pair) -> float:
    """Published against estimated, as a share of the estimate."""
    return abs(pair[0] - pair[1]) / max(pair[1], 1)


def _rounded(value: float) -> float:
    """A whole number of three significant digits: more would feign an accuracy that is not there."""
    return float(round(float(f"{value:.3g}")))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"

"""Estimated figures of a graph, from alkaid's cost model of the same network."""

from __future__ import annotations

from importlib.metadata import version

from trigml.backends.rtl import Logic
from trigml.reports.figures import Figure, Tier, latency_figures

_BASIS = "unrolled shift-and-add logic of the same graph, 6-input LUTs; not the HLS tool's schedule"


def estimated_figures(logic: Logic, *, clock_ns: float) -> list[Figure]:
    """Rows of tier ``estimate``: LUT, FF, DSP, latency and initiation interval of the unrolled logic.

    alkaid's model knows six-input LUTs, not parts: the figures hold for no part in particular.
    """

    def row(metric: str, value: float) -> Figure:
        return Figure(metric, value, "", Tier.ESTIMATE, "alkaid", "", clock_ns, _BASIS, version("alkaid"))

    return [
        row("LUT", logic.lut),
        row("FF", logic.register_bits),
        row("DSP", 0),
        *latency_figures(
            logic.latency_cycles,
            1,
            tier=Tier.ESTIMATE,
            tool="alkaid",
            version=version("alkaid"),
            part="",
            clock_ns=clock_ns,
        ),
    ]

"""Resources of unrolled logic by alkaid's own cost model, before anything maps it to cells."""

from __future__ import annotations

from importlib.metadata import version

from trigml.backends.rtl import Logic
from trigml.reports.figures import Figure, Tier, latency_figures

_BASIS = "alkaid's cost model of the shift-and-add logic: 6-input LUTs before technology mapping"


def resource_estimate(logic: Logic, *, clock_ns: float) -> list[Figure]:
    """Rows of tier ``estimate``: LUT, FF and DSP.

    alkaid's model knows six-input LUTs, not parts: the figures hold for no part in particular.
    """
    counts = {"LUT": logic.lut, "FF": logic.register_bits, "DSP": 0}
    return [
        Figure(metric, count, "", Tier.ESTIMATE, "alkaid", "", clock_ns, _BASIS, version("alkaid"))
        for metric, count in counts.items()
    ]


def latency_claim(logic: Logic, *, clock_ns: float) -> list[Figure]:
    """Rows of tier ``estimate``: latency and initiation interval as the pipeline was cut; nothing ran it."""
    return latency_figures(
        logic.latency_cycles,
        1,
        tier=Tier.ESTIMATE,
        tool="alkaid",
        version=version("alkaid"),
        part="",
        clock_ns=clock_ns,
        note="as the pipeline was cut; not simulated",
    )

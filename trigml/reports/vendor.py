"""Figures from a vendor's report that lies in a project folder."""

from __future__ import annotations

from pathlib import Path

from trigml.reports.figures import Figure, Tier, latency_figures
from trigml.toolchains.csynth import find_csynth, read_csynth

_STAGE = "after HLS scheduling, before logic synthesis"


def vendor_figures(project: Path, top: str) -> list[Figure]:
    """Rows of tier ``vendor`` of a project folder; empty where no vendor tool has run.

    Raises:
        BadInput: there is a report, but it is truncated or of another project.
    """
    path = find_csynth(project, top)
    if path is None:
        return []
    report = read_csynth(path, top)
    rows = [
        Figure(name, count, "", Tier.VENDOR, report.tool, report.part, report.target_ns, _STAGE)
        for name, count in report.resources.items()
    ]
    return rows + latency_figures(
        report.latency_cycles,
        report.interval_cycles,
        tier=Tier.VENDOR,
        tool=report.tool,
        part=report.part,
        clock_ns=report.target_ns,
        caution=f"the HLS scheduler expects to reach {report.estimated_ns:g} ns",
    )

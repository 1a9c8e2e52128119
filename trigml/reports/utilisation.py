"""How much of a device the figures of a project take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trigml.devices import Part
from trigml.reports.figures import Figure, Tier
from trigml.reports.terminal import Grid, percent


@dataclass(frozen=True, slots=True)
class Utilisation:
    """A resource figure as a fraction of a device.

    Attributes:
        figure: the figure.
        of_part: fraction of the part.
        of_region: fraction of one super logic region; ``None`` if the part has one only or it is not known.
    """

    figure: Figure
    of_part: float
    of_region: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "metric": self.figure.metric,
            "value": self.figure.value,
            "tier": self.figure.tier.value,
            "of_part": self.of_part,
            "of_region": self.of_region,
        }


def utilisation(figures: Sequence[Figure], part: Part) -> tuple[Utilisation, ...]:
    """Those of the resource figures of which the part has any, in their order.

    Of a tier's figures of one resource the first counts, as in a budget: that of the latest stage of a build.
    """
    first: dict[tuple[str, Tier], Figure] = {}
    for figure in figures:
        if not figure.unit and part.resources.get(figure.metric):
            first.setdefault((figure.metric, figure.tier), figure)
    return tuple(
        Utilisation(
            figure,
            figure.value / part.resources[figure.metric],
            figure.value / part.region[figure.metric] if part.region.get(figure.metric) else None,
        )
        for figure in first.values()
    )


def utilisation_grid(figures: Sequence[Figure], part: Part) -> Grid | None:
    """The table of ``utilisation``; ``None`` if no figure is of a resource of the part."""
    used = utilisation(figures, part)
    if not used:
        return None
    rows = [("resource", "tier", "used", "available", f"of {part.name}", "of a region")]
    rows += [
        (
            row.figure.metric,
            row.figure.tier.value,
            row.figure.text,
            f"{part.resources[row.figure.metric]:,}",
            percent(row.of_part),
            "–" if row.of_region is None else percent(row.of_region),
        )
        for row in used
    ]
    below = [f"{part.name} has {part.regions} super logic regions"] if part.regions > 1 else []
    if not part.verified:
        below.append(f"the resources of {part.name} are not verified: {part.source}")
    return Grid("Utilisation", tuple(rows), "<<>>>>", tuple(below))

"""Tables that set regressors beside each other: response and resolution of each particle type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from trigml.errors import BadInput
from trigml.physics.regression import RegressorPerformance, TypePerformance
from trigml.physics.regressor_comparison import RegressorComparison
from trigml.physics.resolution_fit import ResolutionFit
from trigml.physics.uncertainties import Measured, NotMeasured
from trigml.reports.performance import Figure, Row, Table

T = TypeVar("T", RegressorPerformance, RegressorComparison)

_CORRECTED = "σ/E corrected"
_ENERGIES = 3
"""Bins of true energy whose resolution has a row: the lowest, the highest, and so many in all."""


@dataclass(frozen=True, slots=True)
class FitQuality:
    """χ² of a fit; prints as ``7.9/8``."""

    chi2: float
    ndf: int

    def __str__(self) -> str:
        return f"{self.chi2:.1f}/{self.ndf}"

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        return {"chi2": self.chi2, "ndf": self.ndf}


def resolution_tables(models: Mapping[str, RegressorPerformance]) -> tuple[Table, ...]:
    """Set regressors beside each other that were measured on the same test events: one table per type.

    Args:
        models: performance by the model's name, in the order of the columns.

    Raises:
        BadInput: nothing to show, or the models differ in events, types or bins.
    """
    first = _checked(models)
    return tuple(
        _type_table([one.groups[place] for one in models.values()], tuple(models), first.edges)
        for place in range(len(first.groups))
    )


def resolution_loss_table(comparisons: Mapping[str, RegressorComparison]) -> Table:
    """Ratios of resolutions that were measured on the same events.

    Args:
        comparisons: by what is compared, such as ``quantised / float``, in the order of the columns.

    Raises:
        BadInput: nothing to show, or the comparisons differ in events, types or bins.
    """
    first = _checked(comparisons)
    rows = []
    for place, group in enumerate(first.groups):
        groups = [one.groups[place] for one in comparisons.values()]
        rows += [
            Row(f"{group.name}: σ/E", tuple(one.width for one in groups)),
            Row(f"{group.name}: σ/E corrected for the slope", tuple(one.corrected for one in groups)),
            Row(f"{group.name}: a, with common b and c", tuple(one.stochastic for one in groups)),
            Row(f"{group.name}: a of separate fits", tuple(one.free for one in groups)),
        ]
    return Table(
        f"ratios of resolutions on the same {first.n_events:,} test events; above 1 is worse",
        tuple(comparisons),
        tuple(rows),
        (
            "σ/E: geometric mean of the ratios in bins of true energy; uncertainties by paired bootstrap",
            "σ/E corrected for the slope: the same in all but the first and the last bin; knowing the",
            "range of the sample's energies gains nothing here, nor does a calibration",
            "a, with common b and c: all of the difference put down to the stochastic term",
        ),
    )


def _type_table(groups: list[TypePerformance], names: tuple[str, ...], edges: tuple[float, ...]) -> Table:
    rows = [
        Row("median response", tuple(_of_whole(one, "median") for one in groups)),
        Row("mean response", tuple(_of_whole(one, "mean") for one in groups)),
    ]
    for lower, upper in _some_bins(edges):
        values = tuple(_of_bin(one, lower) for one in groups)
        rows.append(Row(f"σ/E, {lower:g} to {upper:g} GeV", values))
    for name, term in (("a [√GeV]", "stochastic"), ("b [GeV]", "noise"), ("c", "constant")):
        rows.append(Row(name, tuple(_term(one.fit, term) for one in groups)))
    rows.append(Row("χ²/ndf", tuple(_quality(one.fit) for one in groups)))
    for lower, upper in _some_bins(edges[1:-1]):
        values = tuple(_of_corrected_bin(one, lower) for one in groups)
        rows.append(Row(f"{_CORRECTED}, {lower:g} to {upper:g} GeV", values))
    for name, term in (("a, corrected [√GeV]", "stochastic"), ("c, corrected", "constant")):
        rows.append(Row(name, tuple(_term(one.corrected_fit, term) for one in groups)))
    rows.append(Row("χ²/ndf, corrected", tuple(_quality(one.corrected_fit) for one in groups)))
    title = f"{groups[0].name}: {groups[0].n_events:,} test events; statistical uncertainties"
    below = (
        "σ/E: half-width of the central 68.27 % of the response / median; fit σ/E = a/√E ⊕ b/E ⊕ c",
        "corrected: for the slope s = d ln(median prediction) / d ln E, to first order σ/E / s: that",
        "in true energy, which a calibration cannot change; without the first and last bin, fit without b",
    )
    return Table(title, names, tuple(rows), below)


def _some_bins(edges: tuple[float, ...]) -> list[tuple[float, float]]:
    bins = list(pairwise(edges))
    if not bins:  # a small sample has no bins between the first and the last
        return []
    places = {round(number * (len(bins) - 1) / (_ENERGIES - 1)) for number in range(_ENERGIES)}
    return [bins[place] for place in sorted(places)]


def _of_whole(group: TypePerformance, name: str) -> Figure:
    if isinstance(group.whole, NotMeasured):
        return group.whole
    figure: Measured = getattr(group.whole, name)
    return figure


def _of_bin(group: TypePerformance, lower: float) -> Figure:
    for measured in group.bins:
        if measured.lower == lower:
            return measured.resolution
    return NotMeasured(next(one.reason for one in group.left_out if one.lower == lower))


def _of_corrected_bin(group: TypePerformance, lower: float) -> Figure:
    for measured in group.corrected:
        if measured.lower == lower:
            return measured.resolution
    return _of_bin(group, lower)  # why there is no resolution at all


def _term(fit: ResolutionFit | NotMeasured, name: str) -> Figure:
    if isinstance(fit, NotMeasured):
        return fit
    figure: Figure = getattr(fit, name)
    return figure


def _quality(fit: ResolutionFit | NotMeasured) -> Figure:
    return fit if isinstance(fit, NotMeasured) else FitQuality(fit.chi2, fit.ndf)


def _sample(model: RegressorPerformance | RegressorComparison) -> tuple[Any, ...]:
    return model.edges, tuple((group.name, group.n_events) for group in model.groups)


def _checked(models: Mapping[str, T]) -> T:
    """The first of the models, all of which were measured on the same sample."""
    if not models:
        raise BadInput("no model to put into the table")
    first, *others = models.values()
    if any(_sample(other) != _sample(first) for other in others):
        raise BadInput(
            "these models were not measured on the same sample",
            where=", ".join(models),
            expected="the same events, particle types and bins of true energy",
            remedy="measure all of them on one test split",
        )
    return first

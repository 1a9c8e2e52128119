"""Trigger quantities as tables, for the terminal and for a page."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

import numpy as np

from trigml.evaluation.cells import efficiency_text
from trigml.evaluation.discriminants import Compared
from trigml.evaluation.quantities import DiscriminantQuantities, FoundPoint, TriggerQuantities
from trigml.evaluation.regressor_tables import regressor_grids
from trigml.evaluation.targets import rate_text
from trigml.physics.turn_on import Interval, WorkingPoint
from trigml.reports.terminal import Grid

_SCANNED = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Signal efficiencies at which the table of a scan has a row; the CSV file has every threshold."""


def grids(found: TriggerQuantities, *, curves: bool = True) -> tuple[Grid, ...]:
    """Discriminants, working points, then per discriminant the scan and the turn-on curves.

    Then what a regressor measures; its turn-on curves bin by bin only with ``curves``.
    """
    per_discriminant = [
        grid
        for quantities in found.discriminants
        for grid in (_scan_grid(quantities), *_turn_on_grids(quantities, found))
    ]
    compared = (_discriminant_grid(found), _points_grid(found)) if found.discriminants else ()
    if found.regressor is None:
        return (*compared, *per_discriminant)
    return (*compared, *per_discriminant, *regressor_grids(found.regressor, found.column, curves=curves))


def as_text(found: TriggerQuantities) -> str:
    """For the terminal; the page has a regressor's turn-on curves bin by bin, too."""
    return "\n\n".join([_headline(found), *(grid.text() for grid in grids(found, curves=False))])


def as_markdown(found: TriggerQuantities) -> str:
    """For a page, with a newline at the end."""
    title = f"### Trigger quantities of {found.network}"
    return "\n\n".join([title, _headline(found), *(grid.markdown() for grid in grids(found))]) + "\n"


def as_csv(found: TriggerQuantities) -> str:
    """Every distinct threshold of every discriminant with the events that pass; all numbers are integers."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("signal", "background", "threshold", "signal_passed", "background_passed"))
    for quantities in found.discriminants:
        discriminant, scan = quantities.discriminant, quantities.scan
        names = discriminant.sides
        columns = (scan.thresholds, scan.curve.signal_passed, scan.curve.background_passed)
        rows.writerows((*names, *row) for row in zip(*(column.tolist() for column in columns), strict=True))
    return text.getvalue()


def _headline(found: TriggerQuantities) -> str:
    sample = found.sample
    classes = ", ".join(f"{count:,} {name}" for name, count in found.classes)
    lines = [
        f"{found.network}, graph {found.graph[:12]}",
        f"integer scores computed by: {sample.stage} ({sample.tool})",
        f"{sample.events:,} events ({sample.name}): {classes}",
    ]
    if found.input_rate is not None:
        lines.append(f"rates: background efficiency × {rate_text(found.input_rate)} that enter")
    lines += [f"note: {note}" for note in (sample.note, *found.remarks) if note]
    return "\n".join(lines)


def _discriminant_grid(found: TriggerQuantities) -> Grid:
    ideal = () if found.regressor is not None else ("AUC of log-odds",)
    rows = [("discriminant", "integer", "bits", "LSB", "signal", "background", "AUC", *ideal)]
    for quantities in found.discriminants:
        discriminant, curve = quantities.discriminant, quantities.scan.curve
        log_odds = quantities.auc_log_odds
        rows.append(
            (
                discriminant.name,
                discriminant.formula,
                str(discriminant.bits),
                f"{discriminant.lsb:g} {discriminant.unit}".rstrip(),
                f"{curve.n_signal:,}",
                f"{curve.n_background:,}",
                str(quantities.auc),
                *("the same" if log_odds is None else str(log_odds) for _ in ideal),
            )
        )
    below = ("background: the classes in the proportions of the sample",)
    return Grid("Discriminants", tuple(rows), "<<" + ">" * (len(rows[0]) - 2), below)


def _points_grid(found: TriggerQuantities) -> Grid:
    rated = found.input_rate is not None
    rows = [_point_head(("discriminant", "target"), ("tied events",), rated=rated)]
    for quantities in found.discriminants:
        for point in quantities.points:
            lead = (quantities.discriminant.name, str(point.target))
            tied = (f"{point.tied_signal:,} + {point.tied_background:,}",)
            rows.append((*lead, *_point_cells(point.point, quantities.discriminant, rated=rated), *tied))
    cautions = [
        f"caution: {quantities.discriminant.name}, {point.target}: {point.caution}"
        for quantities in found.discriminants
        for point in quantities.points
        if point.caution
    ]
    below = (
        "an event passes if the integer >= threshold; in brackets the 68.3 % interval of Clopper and Pearson",
        "tied events: signal + background at the threshold itself, which can only pass together",
        *cautions,
    )
    return Grid("Working points", tuple(rows), "<<" + ">" * (len(rows[0]) - 2), below)


def _scan_grid(quantities: DiscriminantQuantities) -> Grid:
    rated = quantities.scan.input_rate is not None
    points = [quantities.scan.for_signal_efficiency(target) for target in _SCANNED]
    distinct = {point.threshold: point for point in points}.values()
    rows = [_point_head((), (), rated=rated)]
    rows += [_point_cells(point, quantities.discriminant, rated=rated) for point in distinct]
    return Grid(f"Scan: {quantities.discriminant.name}", tuple(rows), ">" * len(rows[0]))


def _point_head(lead: tuple[str, ...], tail: tuple[str, ...], *, rated: bool) -> tuple[str, ...]:
    rate = ("rate",) if rated else ()
    return (*lead, "threshold", "value", "ε_S", "ε_B", *rate, *tail)


def _point_cells(point: WorkingPoint, compared: Compared, *, rated: bool) -> tuple[str, ...]:
    cells = (
        str(point.threshold),
        f"{point.threshold * compared.lsb:g} {compared.unit}".rstrip(),
        efficiency_text(point.signal_efficiency),
        efficiency_text(point.background_efficiency),
    )
    if not rated or point.rate is None:
        return cells
    rate = point.rate
    return (*cells, f"{rate_text(rate.value)} [{rate_text(rate.lower)}, {rate_text(rate.upper)}]")


def _turn_on_grids(quantities: DiscriminantQuantities, found: TriggerQuantities) -> list[Grid]:
    if found.column is None:
        return []
    unit = f" [{found.column.unit}]" if found.column.unit else ""
    return [
        _turn_on_grid(point, f"{found.column.name}{unit}", quantities)
        for point in quantities.points
        if point.signal_turn_on is not None
    ]


def _turn_on_grid(point: FoundPoint, column: str, quantities: DiscriminantQuantities) -> Grid:
    curves = [curve for curve in (point.signal_turn_on, point.background_turn_on) if curve is not None]
    names = ("signal", "background")[: len(curves)]
    rows = [(column, *(f"{name} {what}" for name in names for what in ("passed", "efficiency")))]
    edges = curves[0].edges
    for place, (low, high) in enumerate(pairwise(edges)):
        cells = [f"{low:g} to {high:g}"]
        for curve in curves:
            lower, upper = (float(bound[place]) for bound in curve.interval)
            value = float(curve.efficiency[place])
            cells.append(f"{curve.passed[place]:,} of {curve.total[place]:,}")
            cells.append("no events" if np.isnan(value) else efficiency_text(Interval(value, lower, upper)))
        rows.append(tuple(cells))
    title = f"Turn-on: {quantities.discriminant.formula} >= {point.point.threshold} ({point.target})"
    below = (f"{quantities.outside:,} signal events lie outside the bins",) if quantities.outside else ()
    return Grid(title, tuple(rows), "<" + ">" * (len(rows[0]) - 1), below)

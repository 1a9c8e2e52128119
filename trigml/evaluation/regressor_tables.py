"""What a regressor measures, as tables: where thresholds turn on, the curves, response and resolution."""

from __future__ import annotations

from itertools import pairwise

from trigml.data.layout import Column
from trigml.evaluation.cells import efficiency_text
from trigml.evaluation.regressor_quantities import (
    REACHED,
    Crossing,
    RegressorQuantities,
    ThresholdTurnOn,
)
from trigml.physics.turn_on import Interval, TurnOn
from trigml.physics.uncertainties import NotMeasured
from trigml.reports.regression import resolution_loss_table, resolution_tables
from trigml.reports.terminal import Grid


def regressor_grids(found: RegressorQuantities, column: Column | None, *, curves: bool) -> tuple[Grid, ...]:
    """Where each threshold turns on, then response and resolution per particle type.

    Args:
        found: what to show.
        column: that of the turn-on curves.
        curves: whether every bin of the turn-on curves is shown.
    """
    name = "" if column is None else column.name + (f" [{column.unit}]" if column.unit else "")
    turn_ons = [_reached_grid(found, name)] if found.thresholds else []
    turn_ons += [_turn_on_grid(found, one, name) for one in found.turn_ons if curves]
    figures = found.figures
    if figures is None:
        return tuple(turn_ons)
    tables = [*resolution_tables(figures.models)]
    if figures.comparisons:
        ratios = {f"{one} / {other}": ratio for (one, other), ratio in figures.comparisons.items()}
        tables.append(resolution_loss_table(ratios))
    return (*turn_ons, *(table.grid() for table in tables))


def _reached_grid(found: RegressorQuantities, column: str) -> Grid:
    levels = tuple(f"{column} at ε = {100 * level:g} %" for level in REACHED) if found.turn_ons else ()
    rows = [("target", "threshold", "value", "type", *levels)]
    for target, threshold in found.thresholds:
        lead = (str(target), str(threshold), found.word.text(threshold))
        curves = next((one.types for one in found.turn_ons if one.threshold == threshold), ())
        rows += [(*lead, one.name, *(_crossing(crossing) for crossing in one.reached)) for one in curves]
        if not curves:
            rows.append((*lead, "all"))
    word = found.word
    below = (
        f"an event passes if the output word {word.formula} >= threshold; 1 LSB = {word.text(1)}, "
        f"{word.bits} bits, unsigned",
        *(
            ("ε reached for good, linear between the middles of bins; --bins makes them finer",)
            if levels
            else ()
        ),
    )
    return Grid("Thresholds on the output word", tuple(rows), "<>><" + ">" * len(levels), below)


def _crossing(found: Crossing) -> str:
    return f"– ({found.reason})" if isinstance(found, NotMeasured) else f"{found:.4g}"


def _turn_on_grid(found: RegressorQuantities, turn_on: ThresholdTurnOn, column: str) -> Grid:
    rows = [(column, *(one.name for one in turn_on.types))]
    edges = turn_on.types[0].curve.edges.tolist()
    for place, (low, high) in enumerate(pairwise(edges)):
        cells = (_bin_cell(one.curve, place) for one in turn_on.types)
        rows.append((f"{low:g} to {high:g}", *cells))
    word = found.word
    title = (
        f"Turn-on: {word.formula} >= {turn_on.threshold} = {word.text(turn_on.threshold)} ({turn_on.target})"
    )
    below = ["passed / events, efficiency, in brackets the 68.3 % interval of Clopper and Pearson"]
    if found.outside:
        below.append(f"{found.outside:,} signal events lie outside the bins")
    return Grid(title, tuple(rows), "<" + ">" * len(turn_on.types), tuple(below))


def _bin_cell(curve: TurnOn, place: int) -> str:
    total = int(curve.total[place])
    if not total:
        return "no events"
    lower, upper = (float(bound[place]) for bound in curve.interval)
    text = efficiency_text(Interval(float(curve.efficiency[place]), lower, upper))
    return f"{curve.passed[place]:,}/{total:,}: {text}"

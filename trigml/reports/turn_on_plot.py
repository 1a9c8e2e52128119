"""Plots of trigger quantities: efficiency and rate against the integer threshold, and turn-on curves."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.evaluation.quantities import DiscriminantQuantities, FoundPoint, TriggerQuantities
from trigml.evaluation.regressor_quantities import RegressorQuantities
from trigml.evaluation.targets import rate_text
from trigml.physics.turn_on import TurnOn, binomial_interval
from trigml.reports.figure_files import own_look, panels_with_key, plain_text, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_INCHES = 3.9
_MOST_PANELS = 30
_SIGNAL, _BACKGROUND = "#3f90da", "#e42536"
_POINTS = ("#3f90da", "#e42536", "#2f8f5b", "#f89c20", "#964a8b", "#717581")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_STEPS = 800
"""Scans are drawn at no more thresholds than this, evenly spaced: more than the print can show."""


def write_scan_plot(found: TriggerQuantities, stem: Path) -> tuple[Path, Path]:
    """Write ``stem.png`` and ``stem.pdf``: ε_S and ε_B (and the rate) against the integer threshold.

    Bands are central 68.3 % intervals (Clopper and Pearson); vertical lines are the working points.

    Raises:
        BadInput: a file cannot be written, or there are too many discriminants for one plot.
    """
    with own_look():
        figure, panels = panels_with_key(_checked(len(found.discriminants)), _PANEL_INCHES)
        for quantities, axes in zip(found.discriminants, panels, strict=False):
            _draw_scan(axes, quantities)
        key = panels[len(found.discriminants)]
        key.plot([], [], color=_SIGNAL, label=r"signal efficiency $\epsilon_S$")
        key.plot([], [], color=_BACKGROUND, label=r"background efficiency $\epsilon_B$")
        key.plot([], [], color="#55595e", linestyle=(0, (4, 2)), linewidth=1.0, label="working points")
        _draw_key(key, found, "bands: 68.3 % intervals")
        return write_figure(figure, stem)


def write_turn_on_plot(found: TriggerQuantities, stem: Path) -> tuple[Path, Path]:
    """Write ``stem.png`` and ``stem.pdf``: the signal's efficiency of each threshold against the column.

    Vertical bars are central 68.3 % intervals (Clopper and Pearson), horizontal ones the bins.

    Raises:
        BadInput: there are no turn-on curves, too many for one plot, or a file cannot be written.
    """
    if found.column is None:
        raise BadInput("there are no turn-on curves to draw")
    unit = f" [{found.column.unit}]" if found.column.unit else ""
    with own_look():
        figure, panels = panels_with_key(_checked(len(found.discriminants)), _PANEL_INCHES)
        for quantities, axes in zip(found.discriminants, panels, strict=False):
            _draw_turn_ons(axes, quantities, found.column.name + unit)
        _draw_key(
            panels[len(found.discriminants)], found, "signal events that pass\nbars: 68.3 % intervals, bins"
        )
        return write_figure(figure, stem)


def write_type_turn_on_plot(
    found: TriggerQuantities, regressor: RegressorQuantities, stem: Path
) -> tuple[Path, Path]:
    """Write ``stem.png`` and ``stem.pdf``: per threshold of a regressor the efficiency of each particle type.

    Bars are as in ``write_turn_on_plot``; vertical lines show what the thresholds are worth, where the column
    is the target.

    Raises:
        BadInput: as ``write_turn_on_plot``.
    """
    if found.column is None or not regressor.turn_ons:
        raise BadInput("there are no turn-on curves to draw")
    column = found.column.name + (f" [{found.column.unit}]" if found.column.unit else "")
    word = regressor.word
    with own_look():
        figure, panels = panels_with_key(_checked(len(regressor.turn_ons)), _PANEL_INCHES)
        for one, axes in zip(regressor.turn_ons, panels, strict=False):
            for number, of_type in enumerate(one.types):
                _draw_curve(axes, of_type.curve, number, plain_text(of_type.name))
            if found.column.name == word.target:
                worth = one.threshold * word.lsb
                axes.vlines(worth, 0, 1.05, "#55595e", linestyles=(0, (4, 2)), linewidth=1.0, zorder=1)
            _finish_turn_on(axes, column, len(one.types))
            title = f"{word.formula} >= {one.threshold} = {word.text(one.threshold)}"
            axes.set_title(plain_text(title), loc="left", fontsize="medium")
        what = "events that pass\nbars: 68.3 % intervals, bins\ndashed: the threshold's worth"
        _draw_key(panels[len(regressor.turn_ons)], found, what)
        return write_figure(figure, stem)


def _checked(n_panels: int) -> int:
    if n_panels > _MOST_PANELS:
        raise BadInput(
            "there are too many classes or thresholds for one plot",
            expected=f"at most {_MOST_PANELS}",
            found=str(n_panels),
            remedy="name some with --signal, or give fewer thresholds",
        )
    return n_panels


def _draw_scan(axes: Axes, quantities: DiscriminantQuantities) -> None:
    scan = quantities.scan
    curve = scan.curve
    rows = _spread(scan.thresholds)
    thresholds = scan.thresholds[rows]
    lowest = 10.0 ** math.floor(math.log10(0.5 / curve.n_background))
    for passed, total, colour in (
        (curve.signal_passed[rows], curve.n_signal, _SIGNAL),
        (curve.background_passed[rows], curve.n_background, _BACKGROUND),
    ):
        lower, upper = binomial_interval(passed, total)
        axes.fill_between(thresholds, np.maximum(lower, lowest), upper, color=colour, alpha=0.3, linewidth=0)
        shown = passed > 0
        axes.plot(thresholds[shown], passed[shown] / total, color=colour, linewidth=1.6)
    for point in quantities.points:
        axes.axvline(point.point.threshold, color="#55595e", linestyle=(0, (4, 2)), linewidth=1.0)
    axes.set(yscale="log", ylim=(lowest, 1.5))
    axes.set_xlabel("threshold")
    axes.set_ylabel("efficiency")
    axes.set_title(plain_text(_title(quantities)), loc="left", fontsize="medium")
    if scan.input_rate is not None:
        _draw_rate_axis(axes, scan.input_rate)
    _draw_rules(axes)


def _draw_rate_axis(axes: Axes, input_rate: float) -> None:
    """The background's rate in kHz on the right, the background's efficiency times what enters."""
    factor = input_rate / 1e3
    axes.tick_params(axis="y", which="both", right=False)
    right = axes.secondary_yaxis(
        "right", functions=(partial(np.multiply, factor), partial(np.multiply, 1 / factor))
    )
    right.set_ylabel("background rate [kHz]", color=_BACKGROUND)


def _spread(thresholds: NDArray[np.int64]) -> NDArray[np.intp]:
    """Rows of a scan that are drawn: of falling thresholds the nearest at or above evenly spaced ones."""
    if len(thresholds) <= _STEPS:
        return np.arange(len(thresholds))
    wanted = np.linspace(thresholds[0], thresholds[-1], _STEPS)
    return np.unique(np.searchsorted(-thresholds, -wanted, side="right") - 1)


def _draw_turn_ons(axes: Axes, quantities: DiscriminantQuantities, column: str) -> None:
    for number, point in enumerate(quantities.points):
        _draw_turn_on(axes, point, number)
    _finish_turn_on(axes, column, len(quantities.points))
    axes.set_title(plain_text(_title(quantities)), loc="left", fontsize="medium")


def _finish_turn_on(axes: Axes, column: str, n_curves: int) -> None:
    axes.set(ylim=(0, 1.45), yticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
    axes.set_xlabel(plain_text(column))
    axes.set_ylabel("signal efficiency")
    axes.legend(loc="upper left", fontsize="x-small", ncols=1 if n_curves < 4 else 2)
    _draw_rules(axes)


def _draw_turn_on(axes: Axes, point: FoundPoint, number: int) -> None:
    if point.signal_turn_on is None:
        return
    label = plain_text(f">= {point.point.threshold} ({point.target})").replace("ε_S", r"$\epsilon_S$")
    _draw_curve(axes, point.signal_turn_on, number, label)


def _draw_curve(axes: Axes, curve: TurnOn, number: int, label: str) -> None:
    filled = curve.total > 0
    lower, upper = curve.interval
    efficiency = curve.efficiency[filled]
    middle = (curve.edges[1:] + curve.edges[:-1])[filled] / 2
    # A bound may lie above the value by rounding where it is the value; bars have no negative length.
    bars: NDArray[Any] = np.maximum([efficiency - lower[filled], upper[filled] - efficiency], 0)
    axes.errorbar(
        middle,
        efficiency,
        xerr=np.diff(curve.edges)[filled] / 2,
        yerr=bars,
        fmt=_MARKERS[number % len(_MARKERS)],
        markersize=3.6,
        linewidth=1.1,
        color=_POINTS[number % len(_POINTS)],
        label=label,
    )


def _title(quantities: DiscriminantQuantities) -> str:
    formula = quantities.discriminant.formula
    return formula if len(formula) <= 34 else quantities.discriminant.name


def _draw_rules(axes: Axes) -> None:
    axes.grid(visible=True, which="major", color="#d8d8d8", linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)


def _draw_key(axes: Axes, found: TriggerQuantities, what: str) -> None:
    """The free panel: whose plot this is, what the sample was, and which stage scored it."""
    import mplhep

    mplhep.label.exp_text("trigml", "simulation", loc=1, ax=axes, fontsize=14)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(0.02, 0.84), fontsize="small")
    lines = [
        found.network,
        f"{found.sample.events:,} events ({found.sample.name})"[:60],
        f"integer scores: stage {found.sample.stage}",
        what,
    ]
    if found.input_rate is not None:
        lines.insert(3, f"rate that enters: {rate_text(found.input_rate)}")
    axes.text(
        0.05, 0.04, plain_text("\n".join(lines)), transform=axes.transAxes, va="bottom", fontsize="small"
    )

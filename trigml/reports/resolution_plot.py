"""Plots of regressors: response and resolution against true energy, one block of panels per particle type."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from trigml.errors import BadInput
from trigml.physics.regression import RegressorPerformance, TypePerformance
from trigml.physics.regressor_comparison import RegressorComparison, TypeComparison
from trigml.physics.resolution_fit import ResolutionFit
from trigml.physics.uncertainties import Measured, NotMeasured
from trigml.reports.figure_files import own_look, plain_text, write_figure
from trigml.reports.roc_plot import LineStyle, line_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

_BLOCK_INCHES = (3.9, 5.2)
_COLUMNS = 3
_MOST_BLOCKS = 30
_NOTE_LETTERS = 38
"""In a line of the key."""
_SHIFT = 0.018
"""Points of different models are drawn beside each other, by this part of the energy."""
_TICKS = tuple(digit * 10.0**power for power in range(-3, 7) for digit in (1, 2, 5))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")


_Styles: TypeAlias = Mapping[str, LineStyle]


def write_resolution_plot(
    models: Mapping[str, RegressorPerformance],
    stem: Path,
    *,
    ratios: Mapping[str, RegressorComparison] | None = None,
    reference: str = "",
    sample: str = "",
) -> tuple[Path, Path]:
    """Write ``stem.png`` and ``stem.pdf``; the same input gives the same bytes.

    Per particle type: the median response, the resolution corrected for the slope of the response
    (``trigml.physics.response_slope``) with its fitted curve, and (with ``ratios``) this resolution over
    that of one model; the first and the last bin have none. Bars are statistical uncertainties, those of
    the ratios paired.

    Args:
        models: performance on the same events and bins, by the model's name.
        stem: path of the files without suffix.
        ratios: comparisons with the model ``reference``, by the model's name.
        reference: the name of the model that the ratios refer to.
        sample: a short description of the events, printed in the free corner.

    Raises:
        BadInput: no model or more than can be told apart; models or ratios of other events, types or bins;
            too many types for one plot; or a file cannot be written.
    """
    styles = line_styles([*models])
    compared = ratios or {}
    first = next(iter(models.values()))
    _check_sample([*models.values(), *compared.values()], [*compared], styles)
    with own_look():
        figure, blocks = _blocks(len(first.groups) + 1)
        for place, block in enumerate(blocks[:-1]):
            panels = _panels(figure, block, 3 if compared else 2)
            _draw_type(panels, {name: one.groups[place] for name, one in models.items()}, styles)
            if compared:
                of_type = {name: one.groups[place] for name, one in compared.items()}
                _draw_ratios(panels[2], of_type, styles, reference)
            _finish(panels, first.edges)
        _draw_key(figure.add_subplot(blocks[-1]), styles, first.n_events, sample)
        return write_figure(figure, stem)


def _check_sample(
    measured: Sequence[RegressorPerformance | RegressorComparison], ratios: Sequence[str], styles: _Styles
) -> None:
    samples = {(one.edges, *((group.name, group.n_events) for group in one.groups)) for one in measured}
    if len(samples) > 1 or not set(ratios) <= set(styles):
        raise BadInput(
            "these models were not measured on the same sample",
            expected="the same events, particle types and bins, and ratios of these models only",
            found=", ".join(styles) + (f"; ratios of {', '.join(ratios)}" if ratios else ""),
        )
    if len(measured[0].groups) >= _MOST_BLOCKS:
        raise BadInput(
            "there are too many particle types for one plot",
            expected=f"fewer than {_MOST_BLOCKS}",
            found=str(len(measured[0].groups)),
        )


def _blocks(count: int) -> tuple[Figure, list[SubplotSpec]]:
    """A figure with places for a block of each type and one of the key."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = min(_COLUMNS, count)
    rows = math.ceil(count / columns)
    width, height = _BLOCK_INCHES
    layout = ConstrainedLayoutEngine(hspace=0.01, h_pad=0.03)
    figure = Figure(figsize=(width * columns, height * rows), layout=layout)
    FigureCanvasAgg(figure)
    places = figure.add_gridspec(rows, columns)
    return figure, [places[place // columns, place % columns] for place in range(count)]


def _panels(figure: Figure, block: SubplotSpec, count: int) -> list[Axes]:
    """Panels above each other that share their horizontal axis: response, resolution, ratio."""
    rows = block.subgridspec(count, 1, height_ratios=(1.1, 2.0, 1.0)[:count])
    lowest = figure.add_subplot(rows[count - 1, 0])
    return [*(figure.add_subplot(rows[place, 0], sharex=lowest) for place in range(count - 1)), lowest]


def _draw_type(panels: list[Axes], groups: Mapping[str, TypePerformance], styles: _Styles) -> None:
    response, resolution, *_ = panels
    name = next(iter(groups.values())).name
    for number, (model, group) in enumerate(groups.items()):
        energies = [found.energy for found in group.bins]
        _points(response, energies, [found.median for found in group.bins], number, styles[model])
        shown = _measured((found.energy, found.resolution) for found in group.corrected)
        _points(resolution, *shown, number, styles[model])
        if isinstance(group.corrected_fit, ResolutionFit):
            at = np.geomspace(min(shown[0]), max(shown[0]), 200)
            style = styles[model]
            resolution.plot(
                at,
                group.corrected_fit.at(at),
                color=style.colour,
                linewidth=style.width,
                linestyle=style.dash,
            )
    response.axhline(1, color="#55595e", linewidth=0.8, linestyle=(0, (1, 2)))
    response.set_title(plain_text(name), loc="left", fontsize="medium")
    response.set_ylabel("median\nresponse", fontsize="small", loc="center")
    resolution.set_ylabel("resolution $\\sigma/E$\ncorrected for slope", loc="center")
    resolution.set_ylim(bottom=0)


def _draw_ratios(axes: Axes, groups: Mapping[str, TypeComparison], styles: _Styles, reference: str) -> None:
    order = list(styles)
    for model, group in groups.items():
        shown = _measured((found.energy, found.corrected) for found in group.bins)
        _points(axes, *shown, order.index(model), styles[model])
    axes.axhline(1, color="#55595e", linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set_ylabel(plain_text(f"ratio to\n{reference}"), fontsize="small", loc="center")


def _measured(points: Iterable[tuple[float, Measured | NotMeasured]]) -> tuple[list[float], list[Measured]]:
    """Energies and figures, where there is one."""
    found = [(energy, figure) for energy, figure in points if isinstance(figure, Measured)]
    return [energy for energy, _ in found], [figure for _, figure in found]


def _points(
    axes: Axes, energies: Sequence[float], figures: Sequence[Measured], number: int, style: LineStyle
) -> None:
    axes.errorbar(
        np.array(energies) * (1 + _SHIFT * number),
        [figure.value for figure in figures],
        yerr=[figure.uncertainty for figure in figures],
        fmt=_MARKERS[number % len(_MARKERS)],
        markersize=2.6 + 0.7 * style.width,  # the first models lie below the others, and have wider lines
        linewidth=1.0,
        color=style.colour,
    )


def _finish(panels: list[Axes], edges: tuple[float, ...]) -> None:
    lowest = panels[-1]
    lowest.set_xscale("log")
    lowest.set_xlim(edges[0] * 0.95 or edges[1] * 0.2, edges[-1] * 1.05)
    low, high = lowest.get_xlim()
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    lowest.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    lowest.set_xticks([], minor=True)
    lowest.set_xlabel("true energy [GeV]")
    for axes in panels:
        axes.tick_params(axis="x", which="both", labelbottom=axes is lowest)
        axes.grid(visible=True, which="major", color="#d8d8d8", linewidth=0.6, linestyle="-")
        axes.set_axisbelow(True)


def _draw_key(axes: Axes, styles: _Styles, n_events: int, sample: str) -> None:
    """The free block: whose plot this is, which points are which model, and what the sample was."""
    import mplhep

    axes.set_axis_off()
    mplhep.label.exp_text("trigml", "simulation", loc=1, ax=axes, fontsize=14)
    for number, (name, style) in enumerate(styles.items()):
        axes.plot(
            [],
            [],
            color=style.colour,
            linewidth=style.width,
            linestyle=style.dash,
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=4.5,
            label=plain_text(name),
        )
    axes.legend(loc="upper left", bbox_to_anchor=(0.02, 0.88), handlelength=3.2, fontsize="medium")
    notes = [f"{n_events:,} events", r"curves: a/√E $\oplus$ c", "bars: ±1 σ"]
    if sample:
        notes[:0] = [plain_text(line) for line in textwrap.wrap(sample, _NOTE_LETTERS)]
    axes.text(0.05, 0.06, "\n".join(notes), transform=axes.transAxes, va="bottom").set_in_layout(False)

"""ROC plots: background efficiency against signal efficiency, one panel per class, one line per model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.physics.classification import check_sample, class_scores
from trigml.physics.roc import RocCurve, roc_curve
from trigml.physics.uncertainties import FloatArray
from trigml.reports.figure_files import own_look, panels_with_key, plain_text, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_INCHES = 3.6
_CELLS = 1200
"""Curves are thinned to the points that differ on a grid of so many cells per axis, finer than the print."""


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How a model's line looks. Wide and pale lines lie under thin and dark ones, so that all can be seen."""

    colour: str
    width: float
    dash: str | tuple[float, tuple[float, ...]] = "-"


_KNOWN: Mapping[str, LineStyle] = {
    "float": LineStyle("#9ec5f4", 3.8),
    "calibrated sum": LineStyle("#2f8f5b", 1.5, (0, (3, 1, 1, 1))),
    "boosted trees": LineStyle("#8a8d91", 1.5, (0, (1, 1.2))),
    "quantised": LineStyle("#e42536", 1.8),
    "HLS C++": LineStyle("#000000", 1.2, (0, (4, 4))),
    "RTL": LineStyle("#000000", 1.2, (0, (4, 4))),
}
"""The models of a run and its hardware, from the lowest line to the highest; colours of the mplhep cycle."""
_OTHERS = (
    LineStyle("#964a8b", 1.5, (0, (5, 1.5))),
    LineStyle("#f89c20", 1.5, (0, (3, 1, 1, 1))),
    LineStyle("#b9ac70", 1.5, (0, (6, 2, 1, 2))),
    LineStyle("#7a21dd", 1.5, (0, (2, 2))),
)


def write_roc_plot(
    models: Mapping[str, NDArray[np.floating[Any]]],
    labels: NDArray[np.integer[Any]],
    class_names: Sequence[str],
    stem: Path,
    *,
    sample: str = "",
) -> tuple[Path, Path]:
    """Write ``stem.png`` and ``stem.pdf``; the same input gives the same bytes.

    A band shows one standard deviation of the first model's background efficiency (see
    ``RocCurve.background_uncertainty_at``). The models share their events: differences between lines are
    known better than the band is wide.

    Args:
        models: logits or log-probabilities of shape (n, C) on the same events, by the model's name;
            ``boosted trees``, ``float``, ``quantised`` and ``hardware`` have a look of their own.
        labels: shape (n,), integers in [0, C).
        class_names: C different names.
        stem: path of the files without suffix.
        sample: a short description of the events, printed in the free corner.

    Returns:
        The paths of the PNG and the PDF file.

    Raises:
        BadInput: no model or more than can be told apart; the errors of ``measure_classifier``; a file
            cannot be written.
    """
    styles = line_styles(list(models))
    scores = {}
    for name, logits in models.items():
        values, truth = check_sample(logits, labels, class_names)
        scores[name] = class_scores(values)
    with own_look():
        figure, panels = panels_with_key(len(class_names), _PANEL_INCHES)
        for index, (name, axes) in enumerate(zip(class_names, panels, strict=False)):
            curves = {model: roc_curve(values[:, index], truth == index) for model, values in scores.items()}
            _draw_panel(axes, name, curves, styles)
        _draw_key(panels[len(class_names)], styles, truth.size, sample)
        return write_figure(figure, stem)


def line_styles(names: list[str]) -> dict[str, LineStyle]:
    """How each model's line looks: the known ones always the same.

    Raises:
        BadInput: no model, or more than can be told apart.
    """
    others = [name for name in names if name not in _KNOWN]
    if not names or len(others) > len(_OTHERS):
        raise BadInput(
            "a plot shows a few models",
            expected=f"1 to {len(_OTHERS)} models besides {', '.join(_KNOWN)}",
            found=", ".join(names) or "none",
        )
    free = dict(zip(others, _OTHERS, strict=False))
    return {name: _KNOWN[name] if name in _KNOWN else free[name] for name in names}


def _draw_panel(
    axes: Axes, name: str, curves: Mapping[str, RocCurve], styles: Mapping[str, LineStyle]
) -> None:
    (first, *_) = curves.values()
    lowest = 10.0 ** min(-1, math.ceil(math.log10(1 / first.n_background)))  # a power of ten, >= 1 event
    at = np.linspace(0, 1, 401)[1:]
    efficiency, deviation = first.background_efficiency_at(at), first.background_uncertainty_at(at)
    band = styles[next(iter(curves))]
    axes.fill_between(
        at,
        np.maximum(efficiency - deviation, lowest / 10),
        np.maximum(efficiency + deviation, lowest / 10),
        color=band.colour,
        alpha=0.35,
        linewidth=0,
    )
    order = [*(known for known in _KNOWN if known in curves), *(m for m in curves if m not in _KNOWN)]
    for model in order:
        x, y = _thinned(curves[model], lowest)
        style = styles[model]
        axes.plot(x, y, color=style.colour, linewidth=style.width, linestyle=style.dash)
    for model, curve in curves.items():
        style = styles[model]
        axes.plot(
            [], [], color=style.colour, linewidth=style.width, linestyle=style.dash, label=f"{curve.area:.4f}"
        )
    axes.set(xlim=(0, 1), ylim=(lowest, 1), yscale="log")
    axes.set_xlabel(r"signal efficiency $\epsilon_S$")
    axes.set_ylabel(r"background efficiency $\epsilon_B$")
    axes.set_title(plain_text(f"{name} against all others"), loc="left", fontsize="medium")
    axes.grid(visible=True, which="major", color="#d8d8d8", linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)
    legend = axes.legend(title="AUC", loc="lower right", fontsize="small", handlelength=2.6)
    legend.get_title().set_fontsize("small")


def _draw_key(axes: Axes, styles: Mapping[str, LineStyle], n_events: int, sample: str) -> None:
    """The free panel: whose plot this is, which line is which model, and what the sample was."""
    import mplhep

    mplhep.label.exp_text("trigml", "simulation", loc=1, ax=axes, fontsize=14)
    for name, style in styles.items():
        axes.plot(
            [], [], color=style.colour, linewidth=style.width, linestyle=style.dash, label=plain_text(name)
        )
    axes.legend(loc="upper left", bbox_to_anchor=(0.02, 0.84), handlelength=3.2, fontsize="medium")
    notes = [f"{n_events:,} test events", f"band: ±1 σ of {next(iter(styles))}"]
    text = "\n".join([sample, *notes] if sample else notes)
    axes.text(0.05, 0.06, plain_text(text), transform=axes.transAxes, va="bottom")


def _thinned(curve: RocCurve, lowest: float) -> tuple[FloatArray, FloatArray]:
    """The points of a curve that can be told apart in print, the ends of each cell kept."""
    x = curve.signal_efficiency
    y = np.maximum(curve.background_efficiency, lowest / 10)
    column = np.floor(x * _CELLS).astype(np.int64)
    row = np.floor(np.log(y) / math.log(10 / lowest) * _CELLS).astype(np.int64)
    moved = (np.diff(column) != 0) | (np.diff(row) != 0)
    keep = np.concatenate(([True], moved)) | np.concatenate((moved, [True]))
    return x[keep], y[keep]

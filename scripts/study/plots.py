"""The plots of the study: ROC curves of all models, one panel per sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from study.calibration import SIMPLE, TREES, Calibration
from study.expectations import where
from study.identification import ModelResult, SampleResult, Stage
from study.plan import Inputs
from trigml.reports.figure_files import own_look, panels_with_key, write_figure
from trigml.reports.resolution_plot import write_resolution_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = 4.0
_COLOURS = {
    Inputs.FEATURES: "#3f90da",
    Inputs.SHIFTS: "#964a8b",
    Inputs.CELLS: "#e42536",
    Inputs.IMAGE: "#2f8f5b",
}
_LEAST_SIGNAL = 0.5


def write_roc_curves(results: tuple[SampleResult, ...], stem: Path) -> None:
    """Write ``stem.png`` and ``stem.pdf``: trees dotted, the networks' hardware as lines."""
    import mplhep

    shown = [result for result in results if result.models]
    if not shown:
        return
    with own_look():
        figure, panels = panels_with_key(len(shown), _INCHES)
        for result, axes in zip(shown, panels, strict=False):
            _panel(result, axes)
        key = panels[len(shown)]
        mplhep.label.exp_text("trigml", "simulation", loc=1, ax=key, fontsize=14)
        names = {model.name: model for result in shown for model in result.models}
        for name, model in names.items():
            stage = "hardware" if model.is_network else "float"
            key.plot([], [], label=f"{name}, {stage}", **_look(model))
        key.legend(loc="upper left", bbox_to_anchor=(0.0, 0.86), handlelength=2.6, fontsize="small")
        write_figure(figure, stem)


def write_resolutions(found: Calibration, stem: Path) -> None:
    """Write ``stem.png`` and ``stem.pdf``: the simple sum, trees, and the networks' hardware."""
    names = [name for name in (SIMPLE, TREES) if name in found.models]
    names += [network.columns[Stage.HARDWARE] for network in found.networks]
    write_resolution_plot(
        {name: found.models[name] for name in names},
        stem,
        ratios={name: found.over_simple[name] for name in names[1:]},
        reference=SIMPLE,
        sample=f"{', '.join(found.types)}, 4 to 60 GeV",
    )


def _panel(result: SampleResult, axes: Axes) -> None:
    lowest = 1.0
    for model in result.models:
        curve = model.columns[Stage.HARDWARE if model.is_network else Stage.FLOAT].curve
        at = np.linspace(_LEAST_SIGNAL, 1, 501)
        efficiency = curve.background_efficiency_at(at)
        lowest = min(lowest, 1 / curve.n_background)
        axes.plot(at, np.maximum(efficiency, lowest / 10), **_look(model))
    axes.set(xlim=(_LEAST_SIGNAL, 1), ylim=(lowest, 1), yscale="log")
    axes.set_xlabel(r"signal efficiency $\epsilon_S$")
    axes.set_ylabel(r"background efficiency $\epsilon_B$")
    axes.set_title(_typeset(where(result)), loc="left", fontsize="small")
    axes.grid(visible=True, which="major", color="#d8d8d8", linewidth=0.6)


def _typeset(text: str) -> str:
    """Raised signs as formulas: not every font has them."""
    return text.replace("⁰", "$^0$").replace("⁻", "$^-$")


def _look(model: ModelResult) -> dict[str, object]:
    dash = "-" if model.is_network else (0, (1, 1.2))
    return {"color": _COLOURS[model.inputs], "linestyle": dash, "linewidth": 1.5}

"""A plot of every layer's bits: those of its format, those that the proof needs, those that events use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trigml.errors import BadInput
from trigml.inspection.inspecting import Inspection, LayerInspection
from trigml.reports.figure_files import own_look, plain_text, write_figure
from trigml.reports.terminal import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_NAME = "ranges"
_FORMAT, _PROVEN, _SEEN, _SATURATED = "#e3e5e8", "#9ec5f4", "#3f5f8f", "#e42536"
_INCHES_PER_LAYER = 0.34
_LARGEST_INCHES = 60


def plot_stem(place: Path) -> Path:
    """Where the plots go: beside a named PNG or PDF file, or under their usual name into a folder.

    Raises:
        BadInput: a file of another kind.
    """
    if place.suffix.lower() in (".png", ".pdf"):
        return place.with_suffix("")
    if place.suffix and not place.is_dir():
        raise BadInput(
            "plots are written as PNG and PDF", where=str(place), expected="a folder, or NAME.png or NAME.pdf"
        )
    return place / DEFAULT_NAME


def write_range_plot(found: Inspection, stem: Path) -> tuple[Path, Path]:
    """Write ``stem.png`` and ``stem.pdf``; the same inspection gives the same bytes.

    Raises:
        BadInput: a file cannot be written.
    """
    with own_look():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        height = min(_LARGEST_INCHES, 1.9 + _INCHES_PER_LAYER * len(found.layers))
        figure = Figure(figsize=(9.0, height))
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        _draw(axes, found.layers)
        title = f"{found.model}: {found.events:,} events ({found.inputs})"
        axes.set_title(plain_text(title), loc="left", fontsize="medium", pad=34)
        return write_figure(figure, stem)


def _draw(axes: Axes, layers: Sequence[LayerInspection]) -> None:
    from matplotlib.ticker import MaxNLocator

    places = range(len(layers))
    lsb = [-layer.format.fraction for layer in layers]
    widths = [layer.format.width for layer in layers]
    axes.barh(places, widths, left=lsb, height=0.8, color=_FORMAT, label="format")
    proven = [layer.format.width - layer.idle_top for layer in layers]
    axes.barh(places, proven, left=lsb, height=0.56, color=_PROVEN, label="needed by the proof")
    seen = [max(0, layer.format.width - layer.idle_top_seen - layer.low_zeros_seen) for layer in layers]
    starts = [place + layer.low_zeros_seen for place, layer in zip(lsb, layers, strict=True)]
    axes.barh(places, seen, left=starts, height=0.3, color=_SEEN, label="used by the events")
    ends = [start + width for start, width in zip(lsb, widths, strict=True)]
    right = max(ends)
    for place, layer, end in zip(places, layers, ends, strict=True):
        if layer.saturated:
            axes.plot([end, end], [place - 0.4, place + 0.4], color=_SATURATED, linewidth=2.4)
            axes.text(right + 0.4, place, percent(layer.saturated), color=_SATURATED, va="center")
    axes.plot([], [], color=_SATURATED, linewidth=2.4, label="saturated words")
    axes.set_yticks(list(places), [plain_text(layer.name) for layer in layers], fontsize="small")
    axes.set_ylim(len(layers) - 0.4, -0.6)
    axes.set_xlim(min(lsb) - 0.5, right + 3.5)
    axes.set_xlabel("bit, as a power of two (from the least significant bit; the sign is the last one)")
    axes.tick_params(axis="y", which="both", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, axis="x", color="#ffffff", linewidth=0.5)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, fontsize="small", handlelength=1.6)

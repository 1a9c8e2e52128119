"""How trigml's plots look, and how they are written: PNG and PDF, the same input giving the same bytes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trigml.atomic import replacing_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3


@contextmanager
def own_look() -> Iterator[None]:
    """The plots' settings while the block runs; the user's settings of matplotlib come back after it."""
    import matplotlib
    import mplhep

    look = dict(mplhep.style.ROOT) | {
        "font.size": 11,
        "axes.linewidth": 1.0,
        "xtick.major.size": 6,
        "xtick.minor.size": 3,
        "xtick.major.pad": 4,
        "ytick.major.size": 6,
        "ytick.minor.size": 3,
        "figure.constrained_layout.use": True,
        "pdf.fonttype": 42,
        "pdf.compression": 6,
        "svg.hashsalt": "trigml",
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(look)
        yield


def panels_with_key(n_panels: int, inches: float) -> tuple[Figure, list[Axes]]:
    """A grid of square panels of so many inches, with at least one more, without axes, for the key."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, n_panels + 1)
    rows = math.ceil((n_panels + 1) / columns)
    figure = Figure(figsize=(inches * columns, inches * rows))
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in panels[n_panels:]:
        unused.set_axis_off()
    return figure, panels


def write_figure(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write ``stem.png`` and ``stem.pdf``; the figure was made inside of ``own_look``.

    Raises:
        BadInput: a file cannot be written.
    """
    png, pdf = stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".pdf")
    with replacing_file(png) as beside:
        figure.savefig(beside, format="png", dpi=160, metadata={"Software": None})
    with replacing_file(pdf) as beside:
        figure.savefig(beside, format="pdf", metadata={"CreationDate": None, "Producer": None})
    return png, pdf


def plain_text(text: str) -> str:
    """Text whose dollar signs do not begin a formula."""
    return text.replace("$", r"\$")

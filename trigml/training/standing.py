"""How the models of a training stand beside each other on the test split, whatever their task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trigml.reports.performance import Table
from trigml.training.gates import GateResult

FLOAT, QUANTISED, TREES, SUM = "float", "quantised", "boosted trees", "calibrated sum"


class Figures(Protocol):
    """Measured figures of a model, or of two compared."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot of the models.

    Attributes:
        name: of its files, without suffix.
        what: it shows, for messages.
        write: makes it; its argument is the path of the files without suffix.
    """

    name: str
    what: str
    write: Callable[[Path], object]

    def into(self, folder: Path) -> None:
        """Write it into a folder."""
        self.write(folder / self.name)


@dataclass(frozen=True, slots=True)
class Standing:
    """Figures of all models on the same events.

    Attributes:
        models: by name: ``float``, ``quantised``, ``boosted trees``, …, as far as they were made.
        losses: by what is compared, such as ``float − quantised`` or ``quantised / float``.
        gates: the spec's gates.
        performance: the models as tables, side by side.
        comparison: the losses as a table; ``None`` without any.
        plot: the models in a plot.
    """

    models: Mapping[str, Figures]
    losses: Mapping[str, Figures]
    gates: tuple[GateResult, ...]
    performance: tuple[Table, ...]
    comparison: Table | None
    plot: Plot

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables in the order in which they are shown."""
        return self.performance if self.comparison is None else (*self.performance, self.comparison)

"""What a finished training has to say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.reports.performance import Table
from trigml.training.evaluation import Evaluation
from trigml.training.gates import enforce


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A finished run and its results.

    Attributes:
        path: the run.
        name: of the spec.
        quantized: whether it holds a quantised model.
        graph_digest: of the integer graph; empty without one.
        evaluation: what the models reach on the test split.
        plot: what the plot in it shows, and its file, relative to the run.
        notes: remarks a reader of the figures should know.
    """

    path: Path
    name: str
    quantized: bool
    graph_digest: str
    evaluation: Evaluation
    plot: tuple[str, Path]
    notes: tuple[str, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """Models side by side, and what one loses against another."""
        return self.evaluation.standing.tables

    def enforce_gates(self) -> None:
        """Raise if a gate of the spec is broken; the run is complete all the same.

        Raises:
            GateBroken: naming each broken gate, its limit, the value and by how much.
        """
        enforce(self.evaluation.standing.gates, str(self.path))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "run": str(self.path),
            "name": self.name,
            "quantized": self.quantized,
            "graph_digest": self.graph_digest,
            "notes": list(self.notes),
        } | self.evaluation.to_json()

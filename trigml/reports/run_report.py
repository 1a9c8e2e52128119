"""``trigml report``: what a run and its projects reach, read from the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.devices import Devices
from trigml.physics.classification import measure_classifier
from trigml.project import PROJECT_FILE
from trigml.reports.assessment import Assessment, assess
from trigml.reports.figures import Tier
from trigml.reports.performance import Table, loss_table, performance_table
from trigml.reports.stored import read_report
from trigml.runs import names, open_run
from trigml.spec.budget_file import Limits


@dataclass(frozen=True)
class RunReport:
    """Performance of the models of a run, and the reports of its projects.

    Attributes:
        folder: the run.
        title: from its spec.
        quantized: whether it holds a quantised model.
        performance: models side by side on the test split.
        losses: what one model loses against another; ``None`` if there is only one.
        gates: the spec's gates, one line each.
        projects: its HLS and RTL projects, by folder.
    """

    folder: Path
    title: str
    quantized: bool
    performance: Table
    losses: Table | None
    gates: tuple[str, ...]
    projects: tuple[Assessment, ...]

    def text(self) -> str:
        """For the terminal."""
        parts = [f"{self.title or self.folder.name} ({self.folder})", self.performance.to_text()]
        if self.losses is not None:
            parts.append(self.losses.to_text())
        if self.gates:
            parts.append("\n".join(["Gates", *self.gates]))
        for project in self.projects:
            parts += [f"Project {project.report.folder}", project.text()]
        return "\n\n".join(parts)

    def markdown(self) -> str:
        """For a page."""
        parts = [f"## {self.title or self.folder.name}", self.performance.grid().markdown()]
        if self.losses is not None:
            parts.append(self.losses.grid().markdown())
        if self.gates:
            parts += ["#### Gates", "\n".join(f"- {gate}" for gate in self.gates)]
        return "\n\n".join([*parts, *(project.markdown() for project in self.projects)])

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "run": str(self.folder),
            "title": self.title,
            "performance": self.performance.to_json(),
            "losses": None if self.losses is None else self.losses.to_json(),
            "gates": list(self.gates),
            "projects": [project.to_json() for project in self.projects],
        }


def run_report(
    folder: Path, devices: Devices, require_tier: Tier | None = None, limits: Limits | None = None
) -> RunReport:
    """Read a run and the projects in it.

    Args:
        folder: the run.
        devices: the known ones.
        require_tier: lowest tier of figures that can keep a limit of the budget.
        limits: the budget of the projects (``None``: the one that each was made with).

    Raises:
        BadInput: not a finished run, a damaged report in it, or a budget that cannot be judged.
    """
    from trigml.training.evaluation import FLOAT, QUANTISED, losses_of, models_of
    from trigml.training.gates import gate_results

    run = open_run(folder)
    scores = run.scores()
    classes = run.spec.data.classes
    logits = models_of(scores)
    models = {name: measure_classifier(values, scores.labels, classes) for name, values in logits.items()}
    losses = losses_of(logits, scores.labels, classes)
    gates = gate_results(
        run.spec.gate, models[FLOAT], models.get(QUANTISED), losses.get(f"{FLOAT} − {QUANTISED}")
    )
    return RunReport(
        folder,
        run.spec.title,
        run.manifest.quantized,
        performance_table(models),
        loss_table(losses) if losses else None,
        tuple(map(str, gates)),
        tuple(
            assess(read_report(project).held_against(limits), devices, require_tier)
            for project in project_folders(folder)
        ),
    )


def project_folders(run: Path) -> list[Path]:
    """The projects in a run: HLS first, then RTL, by their names; none that is being written just now."""
    return [
        path.parent
        for kind in (names.HLS, names.RTL)
        for path in sorted((run / kind).glob(f"*/{PROJECT_FILE}"))
        if not path.parent.name.startswith(".")  # atomic.py writes in such a folder beside the place
    ]

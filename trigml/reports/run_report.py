"""``trigml report``: what a run and its HLS projects reach, read from the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.backends.hls.writer import PROJECT_FILE
from trigml.physics.classification import measure_classifier
from trigml.reports.figures import figures_json
from trigml.reports.performance import Table, performance_table
from trigml.reports.terminal import aligned, figures_text
from trigml.runs import open_run
from trigml.synthesis import StoredReport, read_report


@dataclass(frozen=True)
class RunReport:
    """Performance of the models of a run, and the reports of its projects.

    Attributes:
        folder: the run.
        title: from its spec.
        quantized: whether it holds a quantised model.
        performance: models side by side on the test split.
        projects: its HLS projects, by folder.
    """

    folder: Path
    title: str
    quantized: bool
    performance: Table
    projects: tuple[StoredReport, ...]

    def text(self) -> str:
        """For the terminal."""
        parts = [f"{self.title or self.folder.name} ({self.folder})", self.performance.to_text()]
        for project in self.projects:
            parts += [f"Project {project.folder}", _verification_text(project)]
            parts.append(figures_text(project.figures))
            parts += [f"note: {note}" for note in project.notes]
        return "\n\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "run": str(self.folder),
            "title": self.title,
            "performance": self.performance.to_json(),
            "projects": [
                {"project": str(project.folder)}
                | project.content
                | {"figures": figures_json(project.figures)}
                for project in self.projects
            ],
        }


def run_report(folder: Path) -> RunReport:
    """Read a run and the projects in it.

    Raises:
        BadInput: not a finished run, or a damaged report in it.
    """
    from trigml.training.evaluation import models_of

    run = open_run(folder)
    scores = run.scores()
    models = {
        name: measure_classifier(logits, scores.labels, run.spec.data.classes)
        for name, logits in models_of(scores).items()
    }
    projects = sorted(path.parent for path in (folder / "hls").glob(f"*/{PROJECT_FILE}"))
    return RunReport(
        folder,
        run.spec.title,
        run.manifest.quantized,
        performance_table(models),
        tuple(read_report(project) for project in projects),
    )


def _verification_text(project: StoredReport) -> str:
    rows = [("stage", "tool", "words", "differences")]
    rows += [
        (
            str(stage["stage"]),
            str(stage["version"]),
            f"{stage['words']:,}",
            "reference" if index == 0 else f"{stage['differences']:,}",
        )
        for index, stage in enumerate(project.content["verification"]["stages"])
    ]
    return "\n".join(["Bit-exactness, as last checked", *aligned(rows, "<<>>")])

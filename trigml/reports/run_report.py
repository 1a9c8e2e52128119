"""``trigml report``: what a run and its projects reach, read from the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.devices import Devices
from trigml.project import PROJECT_FILE
from trigml.reports.assessment import Assessment, assess
from trigml.reports.figures import Tier
from trigml.reports.performance import Table
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
        performance: models side by side on the test split; for a regression a table per particle type.
        losses: what one model loses against another; ``None`` if there is only one.
        gates: the spec's gates, one line each.
        projects: its HLS and RTL projects, by folder.
    """

    folder: Path
    title: str
    quantized: bool
    performance: tuple[Table, ...]
    losses: Table | None
    gates: tuple[str, ...]
    projects: tuple[Assessment, ...]

    @property
    def _tables(self) -> tuple[Table, ...]:
        return self.performance if self.losses is None else (*self.performance, self.losses)

    def text(self) -> str:
        """For the terminal."""
        parts = [f"{self.title or self.folder.name} ({self.folder})"]
        parts += [table.to_text() for table in self._tables]
        if self.gates:
            parts.append("\n".join(["Gates", *self.gates]))
        for project in self.projects:
            parts += [f"Project {project.report.folder}", project.text()]
        return "\n\n".join(parts)

    def markdown(self) -> str:
        """For a page."""
        parts = [f"## {self.title or self.folder.name}"]
        parts += [table.grid().markdown() for table in self._tables]
        if self.gates:
            parts += ["#### Gates", "\n".join(f"- {gate}" for gate in self.gates)]
        return "\n\n".join([*parts, *(project.markdown() for project in self.projects)])

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "run": str(self.folder),
            "title": self.title,
            "performance": [table.to_json() for table in self.performance],
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
    from trigml.training.evaluation import standing_of

    run = open_run(folder)
    standing = standing_of(run)
    return RunReport(
        folder,
        run.spec.title,
        run.manifest.quantized,
        standing.performance,
        standing.comparison,
        tuple(map(str, standing.gates)),
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

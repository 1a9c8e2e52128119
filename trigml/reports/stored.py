"""``report.json``: what ``trigml synth`` found out about a project, kept in the project's folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml import __version__
from trigml.backends.hls.options import HlsOptions
from trigml.backends.hls.writer import PROJECT_FILE
from trigml.errors import BadInput
from trigml.reports.figures import Figure, Tier, figures_json
from trigml.reports.terminal import comparison_text, figures_text
from trigml.reports.vendor import vendor_figures
from trigml.verify.comparison import Comparison

REPORT = "report.json"


@dataclass(frozen=True)
class ProjectReport:
    """What is known of one HLS project.

    Attributes:
        folder: the project.
        comparison: stages, events, differences.
        estimates: latency and resources by trigml's own means.
        vendor: the same from a vendor's report, if one lies in the folder; never stored, always read anew.
        notes: what the reader should know.
    """

    folder: Path
    comparison: Comparison
    estimates: tuple[Figure, ...]
    vendor: tuple[Figure, ...]
    notes: tuple[str, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All rows, the most trustworthy first."""
        return (*self.vendor, *self.estimates)

    def text(self) -> str:
        """For the terminal."""
        parts = [comparison_text(self.comparison), figures_text(self.figures)]
        return "\n\n".join(parts + [f"note: {note}" for note in self.notes])

    def to_json(self) -> dict[str, Any]:
        """For machines, speeds included where they were measured."""
        stages = [result.stage for result in self.comparison.stages]
        speeds = dict(zip(stages, self.comparison.events_per_s, strict=False))
        return (
            {"project": str(self.folder), "bit_exact": self.comparison.first_difference is None}
            | {"verification": self.comparison.to_json()}
            | {"figures": figures_json(self.figures), "notes": list(self.notes)}
            | ({"events_per_s": speeds} if speeds else {})
        )


def stored_content(options: HlsOptions, report: ProjectReport) -> dict[str, Any]:
    """Content of ``report.json``: the same project and tools give the same bytes."""
    return {
        "trigml": __version__,
        "options": options.to_json(),
        "bit_exact": report.comparison.first_difference is None,
        "verification": report.comparison.to_json(),
        "figures": figures_json(report.estimates),
        "notes": list(report.notes),
    }


def read_report(folder: Path) -> ProjectReport:
    """Read the report of an HLS project folder, and the vendor's if there is one by now.

    Raises:
        BadInput: not a project of trigml, a damaged report, or a vendor report that cannot be used.
    """
    try:
        top = str(json.loads((folder / PROJECT_FILE).read_text(encoding="utf-8"))["top"])
        content = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        comparison = Comparison.from_json(content["verification"])
        estimates = tuple(Figure(**row | {"tier": Tier(row["tier"])}) for row in content["figures"])
        notes = tuple(map(str, content["notes"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            "there is no readable report of an HLS project here",
            where=str(folder),
            found=f"{type(error).__name__}: {error}",
            remedy="make it with: trigml synth RUN",
        ) from error
    return ProjectReport(folder, comparison, estimates, tuple(vendor_figures(folder, top)), notes)

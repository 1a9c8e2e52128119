"""A project's report as it is shown: bit-exactness, figures, utilisation of the device, budget."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trigml.devices import Devices, Part
from trigml.errors import BadInput, GateBroken, NotBitExact
from trigml.reports.budget import judge
from trigml.reports.figures import Tier, figures_json
from trigml.reports.mapped import modules_grid
from trigml.reports.stored import RTL, ProjectReport, stored_content
from trigml.reports.terminal import Grid, comparison_grid, figures_grid, wrapped
from trigml.reports.utilisation import utilisation, utilisation_grid
from trigml.reports.verdicts import BudgetResult
from trigml.toolchains.vendor.project import ProjectKind


@dataclass(frozen=True)
class Assessment:
    """What is known of one project, held against its device and its budget.

    Attributes:
        report: what is known.
        part: the device; ``None`` if it is not among the known ones.
        budget: its budget held against the figures; ``None`` if it asks for nothing, or if the project
            is not exact, and so has no figures.
        unknown: why there is no part, and which ones it may be.
    """

    report: ProjectReport
    part: Part | None
    budget: BudgetResult | None
    unknown: str = ""

    @property
    def demanded(self) -> bool:
        """Whether somebody asked for a verdict: named a budget's file, or the tier that it needs."""
        budget = self.budget
        return budget is not None and (budget.require_tier is not None or bool(self.report.limits.file))

    def text(self) -> str:
        """For the terminal."""
        return "\n\n".join([*(grid.text() for grid in self._grids()), *map(wrapped, self._remarks())])

    def markdown(self) -> str:
        """For a page."""
        report = self.report
        parts = [f"### {report.backend} project `{report.folder.name}`"]
        parts += [grid.markdown() for grid in self._grids()]
        remarks = "\n".join(f"- {remark}" for remark in self._remarks())
        return "\n\n".join([*parts, *([remarks] if remarks else [])])

    def to_json(self) -> dict[str, Any]:
        """For machines, speeds included where they were measured."""
        comparison = self.report.comparison
        stages = [result.stage for result in comparison.stages]
        speeds = dict(zip(stages, comparison.events_per_s, strict=False))
        figures = self.report.figures
        used = () if self.part is None else utilisation(figures, self.part)
        return {
            "project": str(self.report.folder),
            **stored_content(self.report),
            "figures": figures_json(figures),
            "device": None if self.part is None else self.part.to_json(),
            "utilisation": [row.to_json() for row in used],
            "budget": None if self.budget is None else self.budget.to_json(),
        } | ({"events_per_s": speeds} if speeds else {})

    def _grids(self) -> list[Grid]:
        figures = self.report.figures
        grids = [comparison_grid(self.report.comparison)]
        if figures:
            grids.append(figures_grid(figures))
        if self.report.modules:
            grids.append(modules_grid(self.report.modules))
        used = None if self.part is None else utilisation_grid(figures, self.part)
        grids += [] if used is None else [used]
        return grids + ([] if self.budget is None else [self.budget.grid()])

    def _remarks(self) -> list[str]:
        failure = [f"NOT EXACT: {self.report.failure}"] if self.report.failure else []
        notes = list(self.report.notes)
        if self.budget is not None and self.report.limits.file:
            notes.append(f"the budget is that of the file {self.report.limits.file}, not that of a spec")
        if self.part is None:
            notes.append(f"no utilisation: {self.unknown}")
        return failure + [f"note: {note}" for note in notes]


def assess(report: ProjectReport, devices: Devices, require_tier: Tier | None = None) -> Assessment:
    """Hold a report against its device and its budget.

    Args:
        report: of a project.
        devices: the known ones.
        require_tier: lowest tier of figures that can keep a limit.

    Raises:
        BadInput: the budget is for a device that is not known, or has a share of what is not known of it.
    """
    options = report.options
    budget = None
    if report.bit_exact:
        budget = judge(
            report.limits.budget,
            report.figures,
            project_part=options.part,
            clock_ns=options.clock_ns,
            devices=devices,
            require_tier=require_tier,
        )
    if budget is not None:
        budget = replace(budget, better=_better(report.backend))
    try:
        return Assessment(report, devices.part(options.part), budget)
    except BadInput as error:  # a budget that needs it has refused it
        unknown = error.problem + (f"; {error.remedy}" if error.remedy else "")
        return Assessment(report, None, budget, unknown)


def _better(backend: str) -> str:
    """How a project of a backend gets figures that are missing, or better ones."""
    if backend == RTL:
        return (
            "mapped figures need a part that Yosys maps to (trigml devices PART) and no --no-map, "
            "the vendor's come from --build where its tool is installed"
        )
    rtl = "mapped and measured figures come from trigml synth --backend rtl"
    if any(kind.value == backend for kind in ProjectKind):
        return f"{rtl}, the vendor's from --build where its tools are installed"
    return f"{rtl}; the reports of {backend}'s tool are not read"


def inexact(assessments: Sequence[Assessment]) -> NotBitExact | None:
    """What a project that is not exact ends in, after everything was printed; ``None`` if all are exact."""
    report = next((assessed.report for assessed in assessments if not assessed.report.bit_exact), None)
    if report is None:
        return None
    difference = report.comparison.first_difference
    return NotBitExact(
        "a project does not agree with its graph",
        where=str(report.folder),
        found=report.failure or ("" if difference is None else difference.explained().problem),
        remedy="see its table of differences; an exact project stands beside it when made again: "
        "then remove this folder",
    )


def tier_without_budget(tier: Tier) -> BadInput:
    """What requiring a tier ends in where there is no budget: nothing would be held against anything."""
    return BadInput(
        f"--require-tier {tier.value} asks for a tier, but there is no budget",
        expected="a budget with limits",
        remedy="write one into the spec, or give one to trigml synth with --budget FILE (docs/spec.md)",
    )


def nothing_to_judge(run: Path) -> BadInput:
    """What a budget for a run without projects ends in."""
    return BadInput(
        "there is no project to hold against the budget",
        where=str(run),
        remedy=f"make one with: trigml synth {shlex.quote(str(run))} --backend rtl",
    )


def broken_budgets(assessments: Sequence[Assessment]) -> GateBroken | None:
    """What broken budgets end in, after everything was written and printed; ``None`` if all are kept.

    Who requires a tier or names a file wants to be sure: a budget that no project was held against is broken
    then.
    """
    demanded = [
        assessed.budget for assessed in assessments if assessed.budget is not None and assessed.demanded
    ]
    if demanded and all(budget.not_judged for budget in demanded):
        tier = demanded[0].require_tier
        figures = "figures" if tier is None else f"figures of tier {tier} or better"
        return GateBroken(
            "the budget was not judged",
            expected=f"{figures} for {demanded[0].part}",
            found=demanded[0].not_judged,
            remedy=f"trigml synth … --part {demanded[0].part}, or a budget for this part",
        )
    broken = [
        assessed.budget.explained(str(assessed.report.folder))
        for assessed in assessments
        if assessed.budget is not None and assessed.budget.broken
    ]
    if len(broken) < 2:
        return broken[0] if broken else None
    return GateBroken(
        f"{len(broken)} projects break the budget", found="\n".join(str(error) for error in broken)
    )

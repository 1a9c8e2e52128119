"""A budget held against figures: limit, figure, tier, margin and verdict of each of its limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trigml.errors import GateBroken
from trigml.reports.figures import Figure, Tier
from trigml.reports.terminal import Grid


class Verdict(StrEnum):
    """What became of a limit."""

    KEPT = "kept"
    ESTIMATED = "kept (estimate only)"
    BROKEN = "BROKEN"
    LOW_TIER = "BROKEN: tier too low"
    CLOCK_MISSED = "BROKEN: clock missed"
    NO_FIGURE = "BROKEN: no figure"

    @property
    def broken(self) -> bool:
        """Whether the limit is not kept."""
        return self not in (Verdict.KEPT, Verdict.ESTIMATED)


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One limit and the figure that it was held against.

    Attributes:
        metric: what is limited, as figures call it.
        limit: the limit as text.
        bound: the same in ``unit``.
        unit: unit of ``bound`` and ``value``, empty for counts.
        figure: the figure; ``None`` if there is none.
        value: the figure in ``unit``.
        verdict: what became of it.
        remark: what the reader has to know of it.
    """

    metric: str
    limit: str
    bound: float
    unit: str
    figure: Figure | None
    value: float | None
    verdict: Verdict
    remark: str = ""

    @property
    def margin(self) -> float | None:
        """Limit minus figure; negative if the figure is above."""
        return None if self.value is None else self.bound - self.value

    @property
    def margin_percent(self) -> float | None:
        """The same in per cent of the limit; ``None`` for a limit of 0."""
        return None if self.margin is None or not self.bound else 100 * self.margin / self.bound

    @property
    def cells(self) -> tuple[str, ...]:
        """Limit, figure, tier, margin and verdict for a table."""
        return (
            self.metric,
            self.limit,
            "none" if self.value is None else amount_text(self.value, self.unit),
            "–" if self.figure is None else self.figure.tier.value,
            "–" if self.margin is None else amount_text(self.margin, self.unit),
            "–" if self.margin_percent is None else f"{self.margin_percent:.3g} %",
            self.verdict.value,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "metric": self.metric,
            "limit": self.limit,
            "bound": self.bound,
            "unit": self.unit,
            "value": self.value,
            "tier": None if self.figure is None else self.figure.tier.value,
            "tool": None if self.figure is None else self.figure.tool_text,
            "margin": self.margin,
            "margin_percent": self.margin_percent,
            "verdict": self.verdict.value,
            "broken": self.verdict.broken,
            "remark": self.remark,
        }


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """A budget held against the figures of a project.

    Attributes:
        part: the device that the budget is for.
        rows: its limits; none if it was not judged.
        require_tier: lowest tier that was asked for.
        not_judged: why it was not judged; empty if it was.
        better: how such a project gets figures that are missing or of a higher tier.
    """

    part: str
    rows: tuple[BudgetRow, ...]
    require_tier: Tier | None = None
    not_judged: str = ""
    better: str = (
        "--backend rtl gives mapped and measured figures, --build those of an installed vendor's tool"
    )

    @property
    def broken(self) -> bool:
        """Whether some limit is not kept."""
        return any(row.verdict.broken for row in self.rows)

    @property
    def lacks_figures(self) -> bool:
        """Whether a limit is broken because its figure is missing, or not of the required tier."""
        return any(row.verdict in (Verdict.NO_FIGURE, Verdict.LOW_TIER) for row in self.rows)

    @property
    def summary(self) -> str:
        """One sentence."""
        broken = [row.metric for row in self.rows if row.verdict.broken]
        estimated = [row.metric for row in self.rows if row.verdict is Verdict.ESTIMATED]
        if self.not_judged:
            return self.not_judged
        if broken:
            required = "" if self.require_tier is None else f" (tier {self.require_tier.value} is required)"
            return f"the budget is BROKEN{required}: {', '.join(broken)}"
        if estimated:
            return f"the budget is kept, but only estimates say so of: {', '.join(estimated)}"
        return "the budget is kept"

    def grid(self) -> Grid:
        """The table: limit, figure, tier, margin, verdict."""
        head = ("budget", "limit", "figure", "tier", "margin", "of limit", "verdict")
        if self.not_judged:
            return Grid(f"Budget for {self.part}", (("verdict",), ("not judged",)), "<", (self.not_judged,))
        remarks = tuple(f"{row.metric}: {row.remark}" for row in self.rows if row.remark)
        title = f"Budget for {self.part}"
        rows = (head, *(row.cells for row in self.rows))
        help_ = (self.better,) if self.lacks_figures else ()
        return Grid(title, rows, "<<><>><", (*remarks, self.summary, *help_))

    def text(self) -> str:
        """For the terminal."""
        return self.grid().text()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "part": self.part,
            "require_tier": None if self.require_tier is None else self.require_tier.value,
            "broken": self.broken,
            "judged": not self.not_judged,
            "summary": self.summary,
            "limits": [row.to_json() for row in self.rows],
        }

    def explained(self, where: str | None = None) -> GateBroken:
        """The error that a broken budget ends in; ``where``: the project."""
        broken = [row for row in self.rows if row.verdict.broken]
        number = "a limit" if len(broken) == 1 else f"{len(broken)} limits"
        remedies = [self.better] if self.lacks_figures else []
        if any(row.verdict in (Verdict.BROKEN, Verdict.CLOCK_MISSED) for row in broken):
            remedies.append("change the network, its target or the budget (project and report are written)")
        return GateBroken(
            f"the firmware breaks {number} of the budget: {', '.join(row.metric for row in broken)}",
            where=where,
            expected="; ".join(f"{row.metric} {row.limit}" for row in broken)
            + (
                ""
                if self.require_tier is None
                else f", by figures of tier {self.require_tier.value} or better"
            ),
            found="; ".join(_found(row) for row in broken),
            remedy="; ".join(remedies),
        )


def amount_text(value: float, unit: str) -> str:
    """A number with its unit for people."""
    number = (
        f"{value:,.0f}" if value.is_integer() else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.1f}"
    )
    return f"{number} {unit}".rstrip()


def _found(row: BudgetRow) -> str:
    if row.value is None or row.figure is None:
        return f"no figure of {row.metric}" + (f" ({row.remark})" if row.remark else "")
    remark = f"; {row.remark}" if row.remark else ""
    return f"{row.metric} {amount_text(row.value, row.unit)} ({row.figure.tier.value}{remark})"

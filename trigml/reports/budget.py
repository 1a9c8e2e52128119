"""Holding the figures of a project against the budget of the spec."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from trigml.devices import Devices, Part
from trigml.errors import BadInput
from trigml.reports.figures import BUNCH_CROSSING_NS, WRITTEN_PERIOD, Clock, Figure, Tier
from trigml.reports.verdicts import BudgetResult, BudgetRow, Verdict, amount_text
from trigml.spec import BudgetSpec
from trigml.spec.limits import AmountLimit, TimeLimit, TimeUnit, Whole

__all__ = ["BudgetResult", "budget_device", "check_budget", "judge", "written_period"]

_CROSSING = Fraction(BUNCH_CROSSING_NS)


def budget_device(budget: BudgetSpec, default_part: str, devices: Devices) -> Part | None:
    """The device that a budget is for.

    Args:
        budget: the limits.
        default_part: the device of a budget that names none.
        devices: the known ones.

    Returns:
        None if the device is ``default_part``, is not known, and need not be, as there is no share of it.

    Raises:
        BadInput: any other unknown device (with the nearest ones), or a share of what is not known of it.
    """
    shares = {name: limit for name, limit in budget.resources.limits.items() if limit.of is not None}
    wanted = budget.part or default_part
    try:
        part = devices.part(wanted)
    except BadInput as error:
        if not shares and wanted == default_part:
            return None
        raise BadInput(
            f"the budget's device is not known: {error.problem}",
            where=f"{'target.part' if budget.part is None else 'budget.part'}: {wanted}",
            expected=error.expected,
            remedy=error.remedy,
        ) from error
    for name, limit in shares.items():
        _bound(name, limit, part)
    return part


def judge(
    budget: BudgetSpec,
    figures: Sequence[Figure],
    *,
    project_part: str,
    clock_ns: float,
    devices: Devices,
    require_tier: Tier | None = None,
) -> BudgetResult | None:
    """Hold a budget against the figures of a project.

    Args:
        budget: the limits, as ``Spec.firmware_budget``; without a part, they are for any.
        figures: of the project.
        project_part: part that the project is for.
        clock_ns: clock period that it is for.
        devices: the known ones.
        require_tier: lowest tier of figures that can keep a limit.

    Returns:
        None if the budget asks for nothing; a result that says so if the project is for another device.

    Raises:
        BadInput: as ``budget_device``.
    """
    if not budget.asks:
        return None
    wanted = budget.part or project_part
    part = budget_device(budget, project_part, devices)
    if _device(wanted, devices) != _device(project_part, devices):
        why = f"the budget is for {wanted}, the project for {project_part}"
        return BudgetResult(wanted, (), require_tier, why)
    result = check_budget(budget, figures, part, clock_ns, require_tier)
    return result if part is not None else replace(result, part=wanted)


def check_budget(
    budget: BudgetSpec,
    figures: Sequence[Figure],
    part: Part | None,
    clock_ns: float,
    require_tier: Tier | None = None,
) -> BudgetResult:
    """Hold a budget against figures.

    Per limit the first figure of the most trustworthy tier counts. A limit without a figure is broken, and so
    is a limit in ns, us or BX whose clock the vendor's timing report says is missed.

    Args:
        budget: the limits.
        figures: all there are.
        part: the device, for shares of it.
        clock_ns: clock period of the project.
        require_tier: lowest tier of figures that can keep a limit.

    Raises:
        BadInput: a share of something that is not known of the device.
    """
    rows = [
        _time_row(metric, limit, figures, clock_ns, require_tier) for metric, limit in budget.times.items()
    ]
    for metric, amount in budget.resources.limits.items():
        bound = _bound(metric, amount, part)
        text = f"≤ {amount_text(float(bound), '')}" + (f" ({amount})" if amount.of is not None else "")
        limit = _Limit(metric, text, bound)
        rows.append(_row(limit, _best(metric, figures), Fraction(1), require_tier))
    return BudgetResult("any part" if part is None else part.name, tuple(rows), require_tier)


@dataclass(frozen=True, slots=True)
class _Limit:
    metric: str
    text: str
    bound: Fraction
    unit: str = ""

    def row(self, figure: Figure | None, value: float | None, verdict: Verdict, remark: str) -> BudgetRow:
        return BudgetRow(self.metric, self.text, float(self.bound), self.unit, figure, value, verdict, remark)


def _time_row(
    metric: str, limit: TimeLimit, figures: Sequence[Figure], clock_ns: float, require_tier: Tier | None
) -> BudgetRow:
    written = _Limit(metric, f"≤ {limit}", limit.value, limit.unit.value)
    figure = _best(metric, figures, ("cycles", "ns", "BX"))
    if figure is None:
        return _row(written, None, Fraction(1), require_tier)
    period = written_period(figure.clock_ns)
    in_ns = {"ns": Fraction(1), "us": Fraction(1000), "BX": _CROSSING, "cycles": period}
    row = _row(written, figure, in_ns[figure.unit] / in_ns[limit.unit.value], require_tier)
    if row.value is None:
        return row
    remarks, verdict = [row.remark] if row.remark else [], row.verdict
    if figure.clock_ns != clock_ns:
        remarks.append(
            f"the figure is for a clock of {figure.clock_ns:g} ns, the project for {clock_ns:g} ns"
        )
    if limit.unit is not TimeUnit.CYCLES and figure.clock is Clock.MISSED:
        remarks.append("the vendor's timing report says that the clock is missed")
        verdict = verdict if verdict.broken else Verdict.CLOCK_MISSED
    elif limit.unit is not TimeUnit.CYCLES and figure.clock is Clock.REQUESTED:
        remarks.append("rests on the requested clock, timing not verified")
    return replace(row, verdict=verdict, remark="; ".join(remarks))


def _row(limit: _Limit, figure: Figure | None, factor: Fraction, require_tier: Tier | None) -> BudgetRow:
    """A limit held against a figure, which ``factor`` brings into the limit's unit."""
    if figure is None or not math.isfinite(figure.value) or figure.value < 0:
        remark = "" if figure is None else f"{figure.tool_text} gave {figure.value}"
        return limit.row(None, None, Verdict.NO_FIGURE, remark)
    value, remarks = Fraction(figure.value) * factor, []
    verdict = Verdict.ESTIMATED if figure.tier is Tier.ESTIMATE else Verdict.KEPT
    if value > limit.bound:
        verdict = Verdict.BROKEN
    elif require_tier is not None and not _reaches(figure.tier, require_tier):
        verdict = Verdict.LOW_TIER
        remarks.append(f"there is no better figure than of tier {figure.tier.value}")
    error = Fraction(0) if figure.error is None else Fraction(figure.error) * factor
    if error and abs(value - limit.bound) <= error:
        side = "a true value above it" if value <= limit.bound else "a true value that keeps it"
        around = amount_text(float(error), limit.unit)
        remarks.append(f"the limit lies within the error of the figure (± {around}): {side} is possible")
    return limit.row(figure, float(value), verdict, "; ".join(remarks))


def written_period(clock_ns: float) -> Fraction:
    """The clock period that a rounded number stands for.

    A period that goes a whole number of times into a bunch crossing, to the precision with which people write
    it, is that fraction of a crossing: 2.778 ns stand for 25/9 ns. Any other period is what it says.
    """
    times = _CROSSING / Fraction(clock_ns)
    whole = round(times)
    if whole and abs(times / whole - 1) <= Fraction(WRITTEN_PERIOD):
        return _CROSSING / whole
    return Fraction(str(clock_ns))


def _best(metric: str, figures: Sequence[Figure], units: Sequence[str] = ("",)) -> Figure | None:
    """The first figure of the most trustworthy tier, in the first of the units that there is in that tier."""
    for tier in Tier:
        for unit in units:
            for figure in figures:
                if (figure.metric, figure.tier, figure.unit) == (metric, tier, unit):
                    return figure
    return None


def _reaches(tier: Tier, required: Tier) -> bool:
    order = list(Tier)
    return order.index(tier) <= order.index(required)


def _bound(metric: str, amount: AmountLimit, part: Part | None) -> Fraction:
    """The whole number of cells that a limit allows."""
    if amount.of is None:
        return amount.value
    where = f"budget.resources.{metric}: {amount}"
    if part is None:
        raise BadInput("a share needs a part that is known", where=where, remedy="give a number of cells")
    known = part.resources if amount.of is Whole.PART or part.regions == 1 else part.region
    if metric not in known:
        whole = "" if amount.of is Whole.PART else " of a region"
        raise BadInput(
            f"it is not known how many {metric}{whole} the part {part.name} has",
            where=where,
            expected=f"one of: {', '.join(known)}" if known else None,
            remedy="give a number of cells, or describe the part in a device file (docs/devices.md)",
        )
    return Fraction(math.floor(amount.value * known[metric] / 100))


def _device(name: str, devices: Devices) -> str:
    try:
        return devices.part(name).name
    except BadInput:
        return name.strip().lower()

"""A budget held against figures: which figure counts, what is kept, and what never passes silently."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.devices import load_devices
from trigml.errors import BadInput
from trigml.reports.budget import budget_device, check_budget, judge, written_period
from trigml.reports.figures import Clock, Figure, Tier, latency_figures
from trigml.reports.verdicts import BudgetResult, Verdict
from trigml.spec import BudgetSpec

DEVICES = load_devices()
VU13P = DEVICES.part("xcvu13p")


def budget(**limits: object) -> BudgetSpec:
    return BudgetSpec.model_validate(limits)


def count(metric: str, value: float, tier: Tier = Tier.MAPPED, error: float | None = None) -> Figure:
    return Figure(metric, value, "", tier, "tool", "", 5.0, error=error)


def times(
    cycles: int, interval: int = 1, clock_ns: float = 5.0, tier: Tier = Tier.MAPPED, clock: Clock = Clock.MET
) -> list[Figure]:
    return latency_figures(cycles, interval, tier=tier, tool="tool", part="", clock_ns=clock_ns, clock=clock)


def check(
    limits: BudgetSpec, figures: list[Figure], clock_ns: float = 5.0, require_tier: Tier | None = None
) -> BudgetResult:
    return check_budget(limits, figures, VU13P, clock_ns, require_tier)


def verdict(limits: BudgetSpec, figures: list[Figure], **more: object) -> Verdict:
    (row,) = check(limits, figures, **more).rows  # type: ignore[arg-type]
    return row.verdict


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(list(Tier)))
def test_a_number_is_kept_up_to_itself(limit: int, used: int, tier: Tier) -> None:
    """At the limit is kept, one above it is broken, whatever the tier; the margin is their difference."""
    (row,) = check(budget(resources={"LUT": limit}), [count("LUT", used, tier)]).rows
    assert row.verdict.broken == (used > limit)
    assert (row.verdict is Verdict.ESTIMATED) == (used <= limit and tier is Tier.ESTIMATE)
    assert row.margin == limit - used
    assert (row.margin_percent is None) == (limit == 0)


@given(st.integers(0, 10000), st.booleans(), st.integers(-2, 2))
def test_a_share_is_of_the_part_or_of_one_region(hundredths: int, of_region: bool, beside: int) -> None:
    """The share counts exactly: 5 % of 1,728,000 LUTs, or of the 432,000 of one region."""
    share = f"{hundredths // 100}.{hundredths % 100:02d} %" + (" of a region" if of_region else "")
    bound = Fraction(hundredths, 10000) * (432000 if of_region else 1728000)
    used = max(0, math.floor(bound) + beside)
    (row,) = check(budget(resources={"LUT": share}), [count("LUT", used)]).rows
    assert row.bound == math.floor(bound)
    assert row.verdict.broken == (used > bound)


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([1, 2, 5, 6, 8, 9, 12, 16, 20]))
def test_a_time_in_crossings_is_a_whole_number_of_cycles(
    cycles: int, crossings: int, per_crossing: int
) -> None:
    """A clock of 2.778 ns is nine cycles per crossing: 36 cycles keep 4 BX and 100 ns, 37 do not."""
    clock_ns = round(25 / per_crossing, 3)
    for limit in (f"{crossings} BX", f"{25 * crossings} ns", f"{25 * crossings / 1000:.3f} us"):
        (row,) = check(budget(latency=limit), times(cycles, clock_ns=clock_ns), clock_ns).rows
        assert row.verdict.broken == (cycles > crossings * per_crossing), limit


@given(st.floats(0.5, 1000))
def test_any_other_period_is_what_it_says(clock_ns: float) -> None:
    """Only a period that is a crossing's fraction as people write it is taken for one."""
    period = written_period(clock_ns)
    whole = 25 / period
    assert abs(period / Fraction(clock_ns) - 1) <= Fraction(1, 900)
    assert whole.denominator == 1 or period == Fraction(str(clock_ns))


def test_nanoseconds_have_no_tolerance() -> None:
    """A limit one hundredth of a nanosecond below the latency is broken."""
    figures = times(21, clock_ns=5.0)
    assert verdict(budget(latency="104.99 ns"), figures) is Verdict.BROKEN
    assert verdict(budget(latency="105 ns"), figures) is Verdict.KEPT
    assert verdict(budget(latency="33 ns"), times(11, clock_ns=3.0), clock_ns=3.0) is Verdict.KEPT
    assert verdict(budget(latency="32.999 ns"), times(11, clock_ns=3.0), clock_ns=3.0) is Verdict.BROKEN


def test_the_interval_is_held_in_cycles_and_in_time() -> None:
    """Five cycles of 5 ns are one bunch crossing."""
    figures = times(10, interval=5)
    for kept in ("5 cycles", "25 ns", "1 BX"):
        assert verdict(budget(initiation_interval=kept), figures) is Verdict.KEPT
    for broken in ("4 cycles", "24.9 ns", "0.99 BX"):
        assert verdict(budget(initiation_interval=broken), figures) is Verdict.BROKEN


def test_the_most_trustworthy_tier_counts() -> None:
    """A vendor's figure decides over a mapped one, that over an estimate, in whatever order they come."""
    figures = [count("LUT", 10, Tier.ESTIMATE), count("LUT", 200, Tier.MAPPED), count("LUT", 90, Tier.VENDOR)]
    limits = budget(resources={"LUT": 100})
    assert verdict(limits, figures) is Verdict.KEPT
    assert verdict(limits, figures[:2]) is Verdict.BROKEN
    assert verdict(limits, figures[:1]) is Verdict.ESTIMATED
    (row,) = check(limits, figures).rows
    assert row.figure is figures[2]


def test_an_estimate_is_said_to_be_one_and_can_be_refused() -> None:
    """What only an estimate keeps is said to be so; with a required tier it is broken."""
    limits = budget(latency="4 BX", resources={"LUT": 100, "FF": 100})
    figures = [count("LUT", 10, Tier.ESTIMATE), count("FF", 10), *times(3)]
    result = check(limits, figures)
    assert not result.broken
    assert result.summary == "the budget is kept, but only estimates say so of: LUT"
    assert "kept (estimate only)" in result.text()
    required = check(limits, figures, require_tier=Tier.MAPPED)
    assert [row.verdict for row in required.rows] == [Verdict.KEPT, Verdict.LOW_TIER, Verdict.KEPT]
    assert "(tier mapped is required): LUT" in required.text()
    for part in (
        "by figures of tier mapped or better",
        "no better figure than of tier estimate",
        "--backend rtl",
    ):
        assert part in str(required.explained())
    assert check(limits, figures, require_tier=Tier.VENDOR).broken
    assert not check(limits, figures, require_tier=Tier.ESTIMATE).broken


def test_a_missing_figure_is_never_a_zero() -> None:
    """A limit without a figure is broken, and so is one whose figure is no number."""
    limits = budget(latency="4 BX", resources={"URAM": 0})
    result = check(limits, [count("LUT", 1)])
    assert [row.verdict for row in result.rows] == [Verdict.NO_FIGURE] * 2
    assert [row.value for row in result.rows] == [None, None]
    assert result.broken
    for nonsense in (math.nan, math.inf, -1.0):
        assert verdict(budget(resources={"LUT": 5}), [count("LUT", nonsense)]) is Verdict.NO_FIGURE
        broken = [replace(figure, value=nonsense) for figure in times(3)]
        assert verdict(budget(latency="4 BX"), broken) is Verdict.NO_FIGURE


def test_a_clock_that_is_missed_breaks_times_but_not_cycles() -> None:
    """Nanoseconds of a clock that the vendor says is missed keep nothing; a requested one is said."""
    missed = times(3, clock=Clock.MISSED, tier=Tier.VENDOR)
    for limit in ("4 BX", "100 ns", "1 us"):
        assert verdict(budget(latency=limit), missed) is Verdict.CLOCK_MISSED
    assert verdict(budget(latency="3 cycles"), missed) is Verdict.KEPT
    (row,) = check(budget(latency="4 BX"), times(3, clock=Clock.REQUESTED)).rows
    assert row.verdict is Verdict.KEPT
    assert "requested clock" in row.remark
    (row,) = check(budget(latency="4 BX"), times(3, clock_ns=4.0)).rows
    assert "for a clock of 4 ns, the project for 5 ns" in row.remark


@pytest.mark.parametrize(
    ("used", "error", "said"),
    [
        (90, 10, "a true value above it"),
        (90, 9.9, None),
        (110, 10, "a true value that keeps it"),
        (90, None, None),
    ],
)
def test_an_error_that_reaches_over_the_limit_is_said(
    used: float, error: float | None, said: str | None
) -> None:
    """The central value decides; that the truth may lie on the other side is told beside it."""
    (row,) = check(budget(resources={"LUT": 100}), [count("LUT", used, Tier.ESTIMATE, error)]).rows
    assert row.verdict.broken == (used > 100)
    assert (said or "") in row.remark
    assert bool(row.remark) == (said is not None)


def test_a_broken_budget_names_limit_figure_and_place() -> None:
    """The error of exit code 3 can be acted on, and the JSON says the same."""
    result = check(budget(latency="2 BX", resources={"LUT": "5 %"}), [count("LUT", 90000), *times(20)])
    error = result.explained("runs/demo/rtl/x")
    assert error.exit_code == 3
    for part in (
        "2 limits of the budget: latency, LUT",
        "runs/demo/rtl/x",
        "≤ 86,400 (5 % of the part)",
        "90,000",
    ):
        assert part in str(error)
    content = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert content["broken"] is True
    assert content["limits"][1] | {"verdict": ""} == {
        "metric": "LUT",
        "limit": "≤ 86,400 (5 % of the part)",
        "bound": 86400.0,
        "unit": "",
        "value": 90000.0,
        "tier": "mapped",
        "tool": "tool",
        "margin": -3600.0,
        "margin_percent": pytest.approx(-4.1667, abs=1e-3),
        "verdict": "",
        "broken": True,
        "remark": "",
    }


def test_a_project_for_another_device_is_not_judged_and_says_so() -> None:
    """A budget of the VU13P says nothing of a project for an Arria 10; nor does it pass for kept."""
    limits = budget(latency="1 BX", part="xcvu13p-flga2577-2-e")
    other = judge(limits, times(90), project_part="Arria10", clock_ns=5.0, devices=DEVICES)
    assert other is not None
    assert not other.broken
    assert other.to_json()["judged"] is False
    assert "is for xcvu13p-flga2577-2-e, the project for Arria10" in other.text()
    same = judge(limits, times(90), project_part="xcvu13p-fsga2577-1-e", clock_ns=5.0, devices=DEVICES)
    assert same is not None
    assert same.broken
    assert judge(budget(), times(90), project_part="x", clock_ns=5.0, devices=DEVICES) is None


def test_a_board_can_be_the_device() -> None:
    """Budgets are often for a board: its FPGA counts."""
    limits = budget(resources={"LUT": "10 %"}, part="serenity-s1")
    result = judge(limits, [count("LUT", 172800)], project_part="VU13P", clock_ns=5.0, devices=DEVICES)
    assert result is not None
    assert (result.part, result.broken) == ("xcvu13p", False)


@pytest.mark.parametrize(
    ("limits", "target", "message"),
    [
        (
            budget(latency="1 BX", part="xcvu31p"),
            "xcvu13p",
            r"not known[\s\S]*budget\.part: xcvu31p[\s\S]*xcvu13p",
        ),
        (budget(resources={"LUT": "5 %"}), "xcvu31p", r"target\.part: xcvu31p"),
        (budget(resources={"LUT": "5 %"}), "Arria10", r"is a family, not a part"),
        (budget(resources={"ALM": "5 %"}), "xcvu13p", r"how many ALM the part xcvu13p has[\s\S]*one of: LUT"),
        (budget(resources={"DSP": "5 %"}), "xczu19eg", r"how many DSP the part xczu19eg has"),
        (budget(resources={"CARRY": "5 % of a region"}), "xcvu13p", r"how many CARRY of a region"),
        (budget(latency="1 BX", part="gcm"), "xcvu13p", "not known"),
    ],
)
def test_a_budget_that_cannot_be_held_is_refused(limits: BudgetSpec, target: str, message: str) -> None:
    """An unknown device, and a share of what is not known of it, are explained before anything is made."""
    with pytest.raises(BadInput, match=message):
        budget_device(limits, target, DEVICES)


def test_numbers_need_no_known_device() -> None:
    """Limits that are no shares hold for a part that no file describes, and for a part of one region."""
    limits = budget(resources={"LUT": 100})
    assert budget_device(limits, "xcvu31p", DEVICES) is None
    result = judge(limits, [count("LUT", 101)], project_part="xcvu31p", clock_ns=5.0, devices=DEVICES)
    assert result is not None
    assert (result.part, result.broken) == ("xcvu31p", True)
    zynq = DEVICES.part("xc7z020")
    (row,) = check_budget(budget(resources={"LUT": "50 % of a region"}), [count("LUT", 1)], zynq, 5.0).rows
    assert row.bound == 26600

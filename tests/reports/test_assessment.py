"""A project's report held against its device and its budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trigml.backends.hls.options import HlsBackend, HlsOptions
from trigml.backends.rtl import RtlOptions
from trigml.devices import load_devices
from trigml.reports.assessment import assess, broken_budgets, inexact
from trigml.reports.figures import Figure, Tier
from trigml.reports.stored import Contents, Options, ProjectReport
from trigml.reports.verdicts import Verdict
from trigml.spec import BudgetSpec
from trigml.spec.budget_file import Limits
from trigml.verify.comparison import Comparison, Difference, StageResult

PART = "xcvu13p-flga2577-2-e"
DEVICES = load_devices()


def report(options: Options, *figures: Figure) -> ProjectReport:
    """An exact project with a limit of the latency and one of LUTs."""
    budget = BudgetSpec.model_validate({"latency": "4 BX", "resources": {"LUT": 100}, "part": PART})
    return ProjectReport(
        Path("runs/demo/x"), "net", options, Contents("", ()), Comparison((), ()), Limits(budget), figures
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (HlsOptions(HlsBackend.VITIS, PART, 5.0), ["trigml synth --backend rtl", "--build"]),
        (HlsOptions(HlsBackend.CATAPULT, PART, 5.0), ["trigml synth --backend rtl", "catapult's tool"]),
        (RtlOptions(PART, 5.0), ["no --no-map", "--build"]),
    ],
    ids=str,
)
def test_a_missing_figure_breaks_its_limit_and_how_to_get_it_is_said(
    options: Options, said: list[str]
) -> None:
    """Protects exit code 3 where nothing is known, and the way out, in the table and in the error."""
    assessed = assess(report(options), DEVICES)
    assert assessed.budget is not None
    assert {row.verdict for row in assessed.budget.rows} == {Verdict.NO_FIGURE}
    error = broken_budgets([assessed])
    assert error is not None
    for words in said:
        assert words in " ".join(assessed.text().split())
        assert words in str(error)
    assert "change the network" not in str(error)


def test_a_limit_that_is_exceeded_and_one_without_a_figure_have_both_remedies() -> None:
    """Protects against advice that helps with one of two broken limits only."""
    used = Figure("LUT", 101, "", Tier.MAPPED, "Yosys", PART, 5.0)
    error = broken_budgets([assess(report(RtlOptions(PART, 5.0), used), DEVICES)])
    assert error is not None
    assert "change the network" in str(error)
    assert "no --no-map" in str(error)


def test_a_kept_budget_gives_no_advice() -> None:
    """Protects the table of a budget that is kept from words about missing figures."""
    kept = [
        Figure(name, 1, unit, Tier.MAPPED, "Yosys", PART, 5.0)
        for name, unit in (("LUT", ""), ("latency", "ns"))
    ]
    assessed = assess(report(RtlOptions(PART, 5.0), *kept), DEVICES)
    assert broken_budgets([assessed]) is None
    assert "no --no-map" not in assessed.text()


def test_a_project_that_is_not_exact_is_exit_code_4_whenever_it_is_reported() -> None:
    """Protects a CI that only looks at the report: no differing word and no wrong latency passes it."""
    exact = report(RtlOptions(PART, 5.0))
    first = Difference("rtl", "corners", 3, "dense", 1, 5, "6", (1, -2))
    differing = Comparison((StageResult("rtl", "Verilator", 9, 18, 1, first),), ())
    assert inexact([assess(exact, DEVICES)]) is None
    for wrong, said in (
        (replace(exact, failure="the latency is 4, not 5"), "the latency is 4, not 5"),
        (replace(exact, comparison=differing), "rtl differs from the graph"),
    ):
        error = inexact([assess(exact, DEVICES), assess(wrong, DEVICES)])
        assert error is not None
        assert error.exit_code == 4
        assert said in str(error)


def test_a_required_tier_is_not_satisfied_by_a_budget_for_another_device() -> None:
    """Protects a CI that asks for a tier from passing because no project was held against the budget."""
    kept = [
        Figure(name, 1, unit, Tier.MAPPED, "Yosys", PART, 5.0)
        for name, unit in (("LUT", ""), ("latency", "ns"))
    ]
    other = report(RtlOptions("xcku115-flvb2104-2-i", 5.0), *kept)
    assert broken_budgets([assess(other, DEVICES)]) is None
    error = broken_budgets([assess(other, DEVICES, Tier.MAPPED)])
    assert error is not None
    assert error.exit_code == 3
    assert "the budget was not judged" in str(error)
    judged = assess(report(RtlOptions(PART, 5.0), *kept), DEVICES, Tier.MAPPED)
    assert broken_budgets([assess(other, DEVICES, Tier.MAPPED), judged]) is None


def test_a_budget_that_was_named_has_to_be_judged() -> None:
    """Protects who names a file from exit code 0 because its limits are for another device."""
    other = report(RtlOptions("xcku115-flvb2104-2-i", 5.0))
    named = other.held_against(Limits(other.limits.budget, "limits.yml"))
    error = broken_budgets([assess(named, DEVICES)])
    assert error is not None
    assert "the budget was not judged" in str(error)
    assert "figures for xcvu13p" in str(error)


def test_it_is_said_whose_budget_it_is() -> None:
    """Protects the reader of a verdict: limits of a file are not those of the spec."""
    own = report(RtlOptions(PART, 5.0))
    named = own.held_against(Limits(own.limits.budget, "limits.yml"))
    assert "the budget is that of the file limits.yml" in assess(named, DEVICES).text()
    assert assess(named, DEVICES).to_json()["budget_file"] == "limits.yml"
    assert "the budget is that of" not in assess(own, DEVICES).text()
    assert own.held_against(None) == own


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("xcvu31p", "did you mean xcvu13p"),
        ("Arria10", "'Arria10' is a family"),
        ("some-chip", "--devices FILE"),
    ],
)
def test_a_part_that_is_not_known_has_no_utilisation_and_the_nearest_is_named(part: str, said: str) -> None:
    """Protects who mistyped a part from a table that just lacks a column."""
    unknown = report(HlsOptions(HlsBackend.QUARTUS, part, 5.0)).held_against(Limits())
    text = " ".join(assess(unknown, DEVICES).text().split())
    assert "note: no utilisation: " in text
    assert said in text

"""``report.json`` of a project: it comes back as it was, and a damaged one is one clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trigml.atomic import write_json
from trigml.backends.hls.options import HlsBackend, HlsOptions
from trigml.backends.rtl import RtlOptions
from trigml.errors import BadInput
from trigml.project import PROJECT_FILE, Project
from trigml.reports.figures import Figure, Tier, latency_figures
from trigml.reports.mapped import ModuleRow
from trigml.reports.stored import (
    REPORT,
    Contents,
    Options,
    ProjectReport,
    read_report,
    stored_content,
    stored_limits,
)
from trigml.spec import BudgetSpec
from trigml.spec.budget_file import Limits
from trigml.toolchains.yosys.cells import Resource
from trigml.verify.comparison import Comparison, Difference, StageResult

PART = "xcvu13p-flga2577-2-e"
BUDGET = {"latency": "4 BX", "resources": {"LUT": "5 %", "DSP": 3}, "part": PART}
DIFFERENCE = Difference("rtl", "corners", 3, "dense", 1, 5, "6", (1, -2))


def report(folder: Path, options: Options) -> ProjectReport:
    """A project of two files with its report."""
    described = {"top": "net", "backend": "rtl", "options": {"part": PART, "clock_ns": 5.0}}
    project = Project("net", {PROJECT_FILE: json.dumps(described).encode(), "src/top.v": b"module net;"})
    project.write_into(folder)
    made = ProjectReport(
        folder,
        "net",
        options,
        Contents.of(project),
        Comparison(
            (
                StageResult("graph", "numpy 2", 9, 18, 0),
                StageResult("rtl", "Verilator", 9, 18, 1, DIFFERENCE),
            ),
            (("corners", 9),),
        ),
        Limits(BudgetSpec.model_validate(BUDGET), "limits.yml"),
        own=(
            Figure("LUT", 12000.0, "", Tier.ESTIMATE, "model", PART, 5.0, error=1.5),
            *latency_figures(3, 1, tier=Tier.MAPPED, tool="Verilator", part=PART, clock_ns=2.778),
        ),
        modules=(ModuleRow("logic0", 2, {Resource.LUT: 7}),),
        notes=("a note",),
        failure="a failure",
    )
    write_json(folder / REPORT, stored_content(made))
    return made


@pytest.mark.parametrize(
    "options", [RtlOptions(PART, 5.0, stages=4), HlsOptions(HlsBackend.VITIS, PART, 5.0)], ids=str
)
def test_a_report_comes_back_as_it_was(tmp_path: Path, options: Options) -> None:
    """Protects what ``trigml report`` shows: all that was stored, and the same bytes again."""
    made = report(tmp_path, options)
    found = read_report(tmp_path)
    assert found == made
    assert json.dumps(stored_content(found)) == json.dumps(stored_content(made))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("figures", 0, "value"), "12"),
        (("figures", 0, "value"), None),
        (("figures", 0, "value"), float("nan")),
        (("figures", 0, "value"), float("inf")),
        (("figures", 0, "tier"), "gold"),
        (("figures", 0, "clock_ns"), None),
        (("figures", 0), {}),
        (("modules", 0, "counts"), {"LUT": "x"}),
        (("modules", 0, "counts"), None),
        (("verification", "stages", 0, "words"), None),
        (("verification", "stages", 1, "first"), {"stage": "rtl"}),
        (("verification",), []),
        (("options", "part"), None),
        (("options", "clock_ns"), "5"),
        (("options", "clock_ns"), 0.0),
        (("budget", "latency"), 4),
        (("backend",), "vitis"),
        (("bit_exact",), "yes"),
        (("files",), None),
        (("files", 0), "../elsewhere"),
        (("digest",), "0"),
        (("surplus",), 1),
    ],
    ids=str,
)
def test_a_damaged_report_is_one_clear_error(
    tmp_path: Path, place: tuple[str | int, ...], value: object
) -> None:
    """Protects against tracebacks, and against figures that are no numbers, from a file that was changed."""
    report(tmp_path, RtlOptions(PART, 5.0))
    content: Any = json.loads((tmp_path / REPORT).read_text(encoding="utf-8"))
    entry = content
    for step in place[:-1]:
        entry = entry[step]
    entry[place[-1]] = value
    (tmp_path / REPORT).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_report(tmp_path)
    assert caught.value.found
    assert "\n" not in caught.value.found


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "null", "{}"])
def test_what_is_no_report_at_all_is_one_clear_error(tmp_path: Path, text: str) -> None:
    """Protects against tracebacks from a file that was cut short or is something else."""
    report(tmp_path, RtlOptions(PART, 5.0))
    (tmp_path / REPORT).write_text(text, encoding="utf-8")
    with pytest.raises(BadInput):
        read_report(tmp_path)


def test_the_budget_of_a_report_is_found_although_the_project_was_changed(tmp_path: Path) -> None:
    """Protects a budget from a file when its project is made anew: what it was can still be read."""
    assert stored_limits(tmp_path) is None
    made = report(tmp_path, RtlOptions(PART, 5.0))
    (tmp_path / "src" / "top.v").write_text("module other;")
    with pytest.raises(BadInput, match="changed since its report was made"):
        read_report(tmp_path)
    assert stored_limits(tmp_path) == made.limits


@pytest.mark.parametrize("change", [{"budget": {"latency": "4 BY"}}, {"budget": None}, {"budget_file": 3}])
def test_a_budget_that_cannot_be_read_is_said(tmp_path: Path, change: dict[str, Any]) -> None:
    """Protects against forgetting a budget silently because the report that has it is damaged."""
    report(tmp_path, RtlOptions(PART, 5.0))
    content = json.loads((tmp_path / REPORT).read_text(encoding="utf-8"))
    (tmp_path / REPORT).write_text(json.dumps(content | change), encoding="utf-8")
    with pytest.raises(BadInput, match="the report of a project is damaged"):
        stored_limits(tmp_path)

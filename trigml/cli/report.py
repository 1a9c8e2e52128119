"""``trigml report``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from trigml.cli import options
from trigml.cli.console import Console

HELP = """
Show what a run reaches: performance, bit-exactness, latency and resources.

RUN is a run, or the folder of one project, of a run or of a model file.

Each latency and resource figure stands with its tier (vendor, mapped, estimate), tool, version, part and
clock (docs/rtl.md). If a vendor's tool has run in a project's folder since, its figures are shown, too. A
project whose files were changed since its report was made is refused. A broken budget is exit code 3.
--budget holds the projects as they are against other limits than those that they were made with: a YAML file
with the keys of a spec's budget section (docs/spec.md). Nothing is made again, and nothing is stored.

Examples:

    trigml report runs/jet_tagger_hlf

    trigml report runs/jet_tagger_hlf --json

    trigml report runs/jet_tagger_hlf/rtl/verilog --markdown report.md

    trigml report runs/jet_tagger_hlf --budget limits.yml --require-tier mapped
"""


def report(
    run: options.RunFolder,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write the report as Markdown, too."),
    ] = None,
    budget: Annotated[
        Path | None,
        typer.Option(
            "--budget",
            metavar="FILE",
            help="YAML with limits [default: those that the project was made with].",
        ),
    ] = None,
    require_tier: options.RequireTier = None,
    device_files: options.DeviceFiles = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Show what a run or a project reaches."""
    from trigml.atomic import write_text
    from trigml.devices import load_devices
    from trigml.project import PROJECT_FILE
    from trigml.reports.assessment import (
        Assessment,
        assess,
        broken_budgets,
        inexact,
        nothing_to_judge,
        tier_without_budget,
    )
    from trigml.reports.run_report import RunReport, run_report
    from trigml.reports.stored import read_report
    from trigml.spec.budget_file import Limits

    console = Console(as_json, verbose)
    quoted = shlex.quote(str(run))
    made: Assessment | RunReport
    devices = load_devices(device_files or ())
    limits = None if budget is None else Limits.of_file(budget)
    steps = [f"trigml report {quoted} --markdown report.md"]
    if (run / PROJECT_FILE).is_file():
        made = assess(read_report(run).held_against(limits), devices, require_tier)
        assessed = [made]
    else:
        made = run_report(run, devices, require_tier, limits)
        assessed = list(made.projects)
        if made.projects:
            steps.insert(0, f"trigml synth {quoted} --backend rtl")
        else:
            steps = [f"trigml synth {quoted}" if made.quantized else "trigml train SPEC --quantize"]
    if budget is not None and not assessed:
        raise nothing_to_judge(run)
    if require_tier is not None and not any(one.report.limits.budget.asks for one in assessed):
        raise tier_without_budget(require_tier)
    if markdown is not None:
        write_text(markdown, made.markdown() + "\n")
    console.result(made.text(), made.to_json())
    for problem in (inexact(assessed), broken_budgets(assessed)):
        if problem is not None:
            raise problem
    console.next_step(*steps)

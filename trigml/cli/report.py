"""``trigml report``."""

from __future__ import annotations

import shlex

from trigml.cli.console import Console
from trigml.cli.options import Json, RunFolder, Verbose

HELP = """
Show what a run reaches: performance, bit-exactness, latency and resources.

RUN is a run, or the folder of one HLS project.

Each latency and resource figure stands with its tier (vendor, mapped, estimate), tool and version. If a
vendor's HLS tool has run in a project's folder since, its figures are shown, too.

Examples:

    trigml report runs/jet_tagger_hlf

    trigml report runs/jet_tagger_hlf --json
"""


def report(run: RunFolder, as_json: Json = False, verbose: Verbose = False) -> None:
    """Show what a run or a project reaches."""
    from trigml.backends.hls.writer import PROJECT_FILE
    from trigml.reports.run_report import run_report
    from trigml.reports.stored import read_report

    console = Console(as_json, verbose)
    quoted = shlex.quote(str(run))
    if (run / PROJECT_FILE).is_file():
        project = read_report(run)
        console.result(project.text(), project.to_json())
        console.next_step(f"trigml report {quoted} --json")
        return
    made = run_report(run)
    console.result(made.text(), made.to_json())
    if not made.projects:
        console.next_step(f"trigml synth {quoted}" if made.quantized else "trigml train SPEC --quantize")
    else:
        console.next_step(f"trigml synth {quoted} --backend quartus", f"trigml report {quoted} --json")

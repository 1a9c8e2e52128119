"""The graph of a run as an RTL project, simulated cycle by cycle, mapped to cells and simulated again."""

from __future__ import annotations

import json
import shlex
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trigml.backends.rtl import RtlOptions, RtlProject, logic_of, rtl_project
from trigml.errors import NotBitExact
from trigml.fixedpoint import IntArray
from trigml.project import PROJECT_FILE
from trigml.reports.figures import Figure, Tier, latency_figures
from trigml.reports.stored import Contents, ProjectReport
from trigml.reports.unrolled import resource_estimate
from trigml.runs import Run, names
from trigml.synthesis.common import (
    Inputs,
    Plotted,
    Request,
    Synthesis,
    folder_word,
    stands_already,
    write_project,
)
from trigml.toolchains.programs import find_compiler
from trigml.toolchains.verilator import find_verilator
from trigml.verify.building import StageName, StageSources, build_stages
from trigml.verify.comparison import Comparison, compare
from trigml.verify.cosimulation import Timing
from trigml.verify.rtl_stage import RtlStage
from trigml.verify.stages import GraphStage
from trigml.verify.vectors import random_vectors

TIMED_EVENTS = 10_000
"""Events that are fed back to back, with gaps and through a reset, at least."""


def rtl_folder(run: Run, options: RtlOptions) -> Path:
    """Where a project goes if nothing else is said: one folder per choice of options, inside the run."""
    target = run.spec.target
    parts = [options.language.value]
    if options.stages is not None:
        parts.append(f"{options.stages}stages")
    if options.clock_ns != target.clock_ns:
        parts.append(f"{options.clock_ns:g}ns")
    if options.part != target.part:
        parts.append(folder_word(options.part))
    return run.path / names.RTL / "-".join(parts)


def synthesise_rtl(request: Request, options: RtlOptions) -> Synthesis:
    """Write the RTL project of a run, check it and report on it.

    Args:
        request: the run, the folder, the events.
        options: part, clock, language and stages.

    Raises:
        BadInput: the folder holds something else, the events are not there, the graph has no RTL form.
        MissingTool: no Verilator, or no C++ compiler.
        NotBitExact: a stage differs from the graph, or the latency is not the one that the project claims;
            the project is in ``request.not_exact``.
    """
    request.refuse_occupied()
    find_verilator()
    find_compiler()  # their absence should not show only after a minute of work
    inputs = request.inputs()
    with request.progress.task("Building the logic with alkaid"):
        logic = logic_of(inputs.graph, options.clock_ns, options.stages)
    with request.progress.task("Writing the RTL project"):
        project = rtl_project(logic, options, vectors=inputs.testbench)
        kept = stands_already(request.folder, project, force=request.force)
    report = ProjectReport(
        request.folder, project.top, options, Contents.of(project), Comparison((), ()), request.budget
    )
    try:
        found = _checked(inputs, project, request)
    except NotBitExact as error:
        failed = replace(report, folder=request.not_exact, failure=str(error))
        write_project(project, failed)
        raise
    report = replace(report, comparison=found.comparison)
    if found.comparison.first_difference is not None:
        write_project(project, replace(report, folder=request.not_exact))
        raise found.comparison.first_difference.explained()
    rows = (*_measured(found, options), *resource_estimate(logic, clock_ns=options.clock_ns))
    report = replace(report, own=rows)
    write_project(project, report, Plotted(request.run, inputs, "RTL"), kept=kept)
    return Synthesis(report.with_vendor(), kept, _vendor_commands(request.folder, options))


def _vendor_commands(folder: Path, options: RtlOptions) -> tuple[str, ...]:
    amd = options.part.lower().startswith("x")
    script = "vivado -mode batch -source vivado.tcl" if amd else "quartus_sh -t quartus.tcl"
    return (f"cd {shlex.quote(str(folder))} && {script}",)


@dataclass(frozen=True)
class Checked:
    """What was found out about an RTL project.

    Attributes:
        comparison: its stages.
        timing: as measured; ``None`` if a stage differs.
        events: how many the timing was measured on.
        simulator: name and version.
    """

    comparison: Comparison
    timing: Timing | None
    events: int
    simulator: str


def _checked(inputs: Inputs, project: RtlProject, request: Request) -> Checked:
    listener = request.progress
    with tempfile.TemporaryDirectory(prefix="trigml_synth_") as scratch:
        sources = StageSources(inputs.model, Path(scratch), logic=project.logic)
        built = build_stages(sources, required=[StageName.KERAS, StageName.LOGIC], progress=listener)
        with listener.task("Compiling the RTL with Verilator"):
            folder = Path(tempfile.mkdtemp(prefix="project_", dir=scratch))
            project.write_into(folder)
            stage = RtlStage(project.logic, [folder / name for name in project.sources], Path(scratch))
        comparison = compare(GraphStage(inputs.graph), [*built.stages, stage], inputs.sets, listener)
        if comparison.first_difference is not None:
            return Checked(comparison, None, 0, stage.version)
        words, expected = timed_events(inputs)
        with listener.task(f"Measuring the latency: {len(words):,} events, with gaps, through a reset"):
            timing = stage.timing(words, expected)
    require_claimed(project, timing)
    return Checked(comparison, timing, len(words), stage.version)


def timed_events(inputs: Inputs) -> tuple[IntArray, IntArray]:
    """Words of the events that the timing is measured on, and the graph's outputs: at least 10,000."""
    first = inputs.sets[0].part(0, 2 * TIMED_EVENTS)
    missing = TIMED_EVENTS - len(first)
    if missing <= 0:
        return first.words, inputs.words[: len(first)]
    more = random_vectors(inputs.graph, 2 * missing, seed=2)[0]
    expected = GraphStage(inputs.graph).outputs(more)
    return np.concatenate([first.words, more.words]), np.concatenate([inputs.words, expected])


def require_claimed(project: RtlProject, timing: Timing) -> None:
    """Refuse a project whose files promise another latency or interval than was measured.

    Raises:
        NotBitExact: they do.
    """
    claimed = int(json.loads(project.files[PROJECT_FILE])["latency_cycles"])
    if {claimed, project.logic.latency_cycles} != {timing.latency}:
        raise NotBitExact(
            "the RTL has another latency than its project says",
            where=PROJECT_FILE,
            expected=f"{claimed} cycles ({project.logic.latency_cycles} by its logic)",
            found=f"{timing.latency} cycles, measured on the valid signals",
        )
    if timing.interval != 1:
        raise NotBitExact(
            "the RTL does not take an event in every cycle",
            expected="an initiation interval of 1 cycle",
            found=f"{timing.interval} cycles, measured on the valid signals",
        )


def _measured(found: Checked, options: RtlOptions) -> list[Figure]:
    """Rows of the measured latency and initiation interval."""
    if found.timing is None:
        return []
    tool, _, version = found.simulator.partition(" ")
    return latency_figures(
        found.timing.latency,
        found.timing.interval,
        tier=Tier.MAPPED,
        tool=tool,
        version=version,
        part=options.part,
        clock_ns=options.clock_ns,
        note=f"measured in simulation on the valid signals: {found.events:,} events back to back, with gaps, "
        "through a reset",
    )

"""The graph of a network as an HLS project, compiled with g++ and compared in every word."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from trigml.backends.hls.options import HlsOptions
from trigml.backends.hls.writer import HlsProject, hls_project
from trigml.estimation import estimate_hls
from trigml.progress import Progress
from trigml.reports.stored import Contents, ProjectReport
from trigml.runs import names
from trigml.synthesis.common import (
    Request,
    Synthesis,
    folder_word,
    not_exact,
    plots,
    stands_already,
    write_project,
)
from trigml.synthesis.subject import Inputs, Subject
from trigml.toolchains.programs import find_compiler
from trigml.verify.building import StageName, StageSources, build_stages
from trigml.verify.comparison import Comparison, compare
from trigml.verify.stages import GraphStage


def hls_folder(subject: Subject, options: HlsOptions) -> Path:
    """Where a project goes if nothing else is said: one folder per choice of options."""
    target = subject.target
    parts = [options.backend.value, options.io.value, options.strategy.value]
    if options.reuse_factor != 1:
        parts.append(f"rf{options.reuse_factor}")
    if options.clock_ns != target.clock_ns:
        parts.append(f"{options.clock_ns:g}ns")
    usual = target.part if options.backend.value == target.backend else options.backend.default_part
    if options.part != usual:
        parts.append(folder_word(options.part))
    return subject.folder(names.HLS, parts)


def synthesise_hls(request: Request, options: HlsOptions) -> Synthesis:
    """Write the HLS project of a run or model file, check it and report on it.

    Args:
        request: the network, the place, the events.
        options: backend, part, clock and the rest.

    Raises:
        BadInput: the folder holds something else, the events are not there, the graph has no HLS form.
        MissingTool: no C++ compiler.
        NotBitExact: a stage differs from the graph; the project is beside its place, in
            ``not_exact(place)``.
    """
    request.refuse_taken()
    folder = request.folder
    emulated = options.backend.emulates_with_gxx
    if emulated:
        find_compiler()  # its absence should not show only after half a minute of work
    inputs = request.inputs()
    with request.progress.task(f"Writing the {options.backend.value} project") as task:
        project = hls_project(inputs.graph, options, vectors=inputs.testbench)
        kept = stands_already(folder, project, force=request.force)
        task.advance()
    comparison = _comparison(inputs, project, request.progress)
    estimate = estimate_hls(inputs.graph, options)
    report = ProjectReport(
        folder,
        project.top,
        options,
        Contents.of(project),
        comparison,
        request.limits,
        estimate.figures,
        notes=(*request.notes, *inputs.notes, *_notes(options), *project.notes, *estimate.refusals),
    )
    if comparison.first_difference is not None:
        write_project(project, replace(report, folder=not_exact(folder)))
        raise comparison.first_difference.explained()
    additions = plots(request, inputs, "HLS C++") if emulated else {}
    with request.progress.task("Writing the project and its report"):
        report = write_project(project, report, additions, kept=kept)
    return Synthesis(report.with_vendor(), kept)


def _comparison(inputs: Inputs, project: HlsProject, listener: Progress) -> Comparison:
    wanted = [inputs.original]
    wanted += [StageName.HLS] if project.options.backend.emulates_with_gxx else []
    with tempfile.TemporaryDirectory(prefix="trigml_synth_") as scratch:
        sources = StageSources(inputs.model, Path(scratch), project.options, project=project)
        built = build_stages(sources, required=wanted, progress=listener)
        return compare(GraphStage(inputs.graph), built.stages, inputs.sets, listener)


def _notes(options: HlsOptions) -> tuple[str, ...]:
    if options.backend.emulates_with_gxx:
        return ()
    return (
        f"the C++ of {options.backend.value} projects does not compile with plain g++: "
        "the project was written, but not run",
    )

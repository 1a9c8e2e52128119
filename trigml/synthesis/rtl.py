"""The graph of a network as an RTL project, simulated cycle by cycle, mapped to cells and simulated again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from trigml.backends.rtl import Logic, RtlOptions, RtlProject, logic_of, rtl_project
from trigml.errors import NotBitExact
from trigml.reports.figures import Figure, Tier, latency_figures
from trigml.reports.mapped import mapped_figures, module_rows
from trigml.reports.stored import NETLIST, Contents, ProjectReport
from trigml.reports.unrolled import latency_claim, resource_estimate
from trigml.runs import names
from trigml.spec.budget_file import Limits
from trigml.synthesis.common import (
    Request,
    Synthesis,
    folder_word,
    not_exact,
    plots,
    stands_already,
    write_project,
)
from trigml.synthesis.rtl_checks import Checked, Mapping, Measured, checked, simulation_missing
from trigml.synthesis.subject import Subject
from trigml.toolchains.programs import find_compiler
from trigml.toolchains.verilator import find_verilator
from trigml.toolchains.yosys import find_yosys
from trigml.verify.comparison import Comparison


def rtl_folder(subject: Subject, options: RtlOptions) -> Path:
    """Where a project goes if nothing else is said: one folder per choice of options."""
    target = subject.target
    parts = [options.language.value]
    if options.stages is not None:
        parts.append(f"{options.stages}stages")
    if options.clock_ns != target.clock_ns:
        parts.append(f"{options.clock_ns:g}ns")
    if options.part != target.part:
        parts.append(folder_word(options.part))
    return subject.folder(names.RTL, parts)


def synthesise_rtl(request: Request, options: RtlOptions, mapping: Mapping) -> Synthesis:
    """Write the RTL project of a run or model file, check it and report on it.

    Args:
        request: the network, the place, the events.
        options: part, clock, language and stages.
        mapping: whether and how it is mapped to cells.

    Raises:
        BadInput: the folder holds something else, the events are not there, the graph has no RTL form.
        MissingTool: no Verilator, no C++ compiler, or no Yosys.
        NotBitExact: a stage differs from the graph, or the latency is not the one that the project claims;
            the project is beside its place, in ``not_exact(place)``.
    """
    request.refuse_taken()
    folder = request.folder
    _require_tools(options, mapping)
    inputs = request.inputs()
    with request.progress.task("Building the logic with alkaid"):
        logic = logic_of(inputs.graph, options.clock_ns, options.stages)
    with request.progress.task("Writing the RTL project"):
        project = rtl_project(logic, options, vectors=inputs.testbench)
        kept = stands_already(folder, project, force=request.force)
    report = _empty_report(folder, project, request.limits)
    try:
        found = checked(inputs, project, request, mapping)
    except NotBitExact as error:
        write_project(project, replace(report, folder=not_exact(folder), failure=str(error)))
        raise
    report = replace(report, comparison=found.comparison)
    if found.comparison.first_difference is not None:
        write_project(project, replace(report, folder=not_exact(folder)))
        raise found.comparison.first_difference.explained()
    report = replace(
        report,
        own=tuple(_figures(found, logic, options)),
        modules=() if found.mapped is None else module_rows(found.mapped),
        notes=(*request.notes, *inputs.notes, *found.notes),
    )
    additions = {} if found.rtl is None else plots(request, inputs, "RTL")
    if found.mapped is not None:
        additions[NETLIST] = found.mapped.write_netlist
    with request.progress.task("Writing the project and its report"):
        report = write_project(project, report, additions, kept=kept)
    return Synthesis(report.with_vendor(), kept, found.failure)


def _require_tools(options: RtlOptions, mapping: Mapping) -> None:
    """Their absence should not show only after a minute of work."""
    if simulation_missing(options.language):
        return
    find_verilator()
    find_compiler()
    if mapping.family is not None:
        find_yosys()


def _empty_report(folder: Path, project: RtlProject, limits: Limits) -> ProjectReport:
    nothing = Comparison((), ())
    return ProjectReport(folder, project.top, project.options, Contents.of(project), nothing, limits)


def _figures(found: Checked, logic: Logic, options: RtlOptions) -> list[Figure]:
    """Rows of all tiers but the vendor's."""
    rows = [] if found.mapped is None else mapped_figures(found.mapped, options.part, options.clock_ns)
    if found.rtl is None:
        rows += latency_claim(logic, clock_ns=options.clock_ns)
    else:
        rows += _measured(found.rtl, found.netlist, options)
    return rows + resource_estimate(logic, clock_ns=options.clock_ns)


def _measured(rtl: Measured, netlist: Measured | None, options: RtlOptions) -> list[Figure]:
    """Rows of the latency and the initiation interval, as measured on the RTL and on its netlist."""
    tool, _, version = rtl.simulator.partition(" ")
    note = (
        f"measured in simulation on the valid signals of the RTL: {rtl.events:,} events back to back, "
        "with gaps, through a reset"
    )
    if netlist is not None:
        note += f"; the same in the mapped netlist with {netlist.events:,} events"
    return latency_figures(
        rtl.timing.latency,
        rtl.timing.interval,
        tier=Tier.MAPPED,
        tool=tool,
        version=version,
        part=options.part,
        clock_ns=options.clock_ns,
        note=note,
    )

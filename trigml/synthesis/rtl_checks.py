"""What an RTL project is put through: compared, timed, mapped to cells, and compared and timed again."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trigml.backends.languages import Language
from trigml.backends.rtl import RtlOptions, RtlProject
from trigml.devices import Devices
from trigml.errors import BadInput, MissingTool, ToolFailed
from trigml.synthesis.common import Request
from trigml.synthesis.subject import Inputs
from trigml.toolchains.ghdl import find_ghdl
from trigml.toolchains.yosys import Family, MappedDesign, default_cache, map_design
from trigml.verify.building import StageName, StageSources, build_stages
from trigml.verify.comparison import Comparison, compare
from trigml.verify.cosimulation import Timing
from trigml.verify.netlist_stage import NetlistStage
from trigml.verify.rtl_stage import RtlStage
from trigml.verify.stages import GraphStage
from trigml.verify.timing import measured_timing, timed_words
from trigml.verify.vectors import Vectors
from trigml.verify.written import WrittenProject, written_project

NETLIST_EVENTS = 5_000
"""Events of each set of inputs that go through the mapped netlist: it runs much slower than the RTL."""


@dataclass(frozen=True)
class Measured:
    """The timing of a design as measured on its valid signals.

    Attributes:
        timing: latency and initiation interval, which are those that the project claims.
        events: how many entered back to back, with gaps, and before and after a reset.
        simulator: name and version.
    """

    timing: Timing
    events: int
    simulator: str


@dataclass(frozen=True)
class Checked:
    """What was found out about an RTL project.

    Attributes:
        comparison: its stages.
        rtl: the timing of the RTL; ``None`` if a stage differs or nothing can simulate it.
        mapped: the design mapped to cells; ``None`` if it was not.
        netlist: the timing of the mapped netlist, likewise.
        notes: what was left out, and why.
        failure: what went wrong in the mapping; the rest stands without it.
    """

    comparison: Comparison
    rtl: Measured | None = None
    mapped: MappedDesign | None = None
    netlist: Measured | None = None
    notes: tuple[str, ...] = ()
    failure: ToolFailed | None = None


@dataclass(frozen=True)
class Mapping:
    """How the design is mapped to cells.

    Attributes:
        family: whose cells; ``None``: it is not mapped.
        why_not: the reason, for the report.
        time_limit_s: for the mapping.
    """

    family: Family | None
    why_not: str
    time_limit_s: float


def mapping_for(options: RtlOptions, devices: Devices, *, wanted: bool, time_limit_s: float) -> Mapping:
    """How a project is mapped: with the cells of its part, if Yosys has them.

    Raises:
        BadInput: the part is not known (with the nearest ones), but its cells are wanted.
    """
    if not wanted:
        return Mapping(None, "not mapped to cells: --no-map", time_limit_s)
    if options.language is not Language.VERILOG:
        return Mapping(None, "the VHDL is not mapped to cells: Yosys reads Verilog only", time_limit_s)
    try:
        part = devices.part(options.part)
    except BadInput as error:
        without = "--no-map leaves the cells out: then any part will do that the vendor's tools know"
        raise BadInput(
            f"the cells of the part are not known: {error.problem}",
            where=f"part: {options.part}",
            expected=error.expected,
            remedy=f"{error.remedy}; {without}" if error.remedy else without,
        ) from error
    if part.yosys_family is None:
        return Mapping(None, f"not mapped to cells: Yosys has none of {part.family}", time_limit_s)
    return Mapping(Family.of(part.yosys_family), "", time_limit_s)


def simulation_missing(language: Language) -> str:
    """Why RTL in this language cannot be simulated here; empty if it can.

    VHDL goes through GHDL, which not every machine has; the project is written nevertheless.
    """
    if language is Language.VERILOG:
        return ""
    try:
        find_ghdl()
    except MissingTool as error:
        return f"the VHDL was written, but neither simulated nor mapped: {error.problem}"
    return ""


def checked(inputs: Inputs, project: RtlProject, request: Request, mapping: Mapping) -> Checked:
    """Put a project through everything that this machine has for it.

    Raises:
        MissingTool: no Verilator, no compiler, or no Yosys.
        NotBitExact: a design loses events, or its timing is not what the project claims.
    """
    with tempfile.TemporaryDirectory(prefix="trigml_synth_") as scratch:
        run = _Checks(inputs, project, request, Path(scratch))
        missing = simulation_missing(project.options.language)
        found = run.rtl(missing)
        if found.rtl is None:
            return found
        if mapping.family is None:
            return replace(found, notes=(*found.notes, mapping.why_not))
        return run.netlist(found, mapping.family, mapping.time_limit_s)


@dataclass(frozen=True)
class _Checks:
    """The checks of one project, in a scratch folder.

    Attributes:
        inputs: what it is compared on.
        project: the project.
        request: with the listener.
        scratch: a folder that is there as long as the stages are used.
    """

    inputs: Inputs
    project: RtlProject
    request: Request
    scratch: Path

    @property
    def reference(self) -> GraphStage:
        return GraphStage(self.inputs.graph)

    def rtl(self, missing: str) -> Checked:
        """Compare the original model, the logic and the RTL; measure the RTL's timing if they agree."""
        listener = self.request.progress
        sources = StageSources(self.inputs.model, self.scratch, logic=self.project.logic)
        built = build_stages(sources, required=[self.inputs.original, StageName.LOGIC], progress=listener)
        if missing:
            comparison = compare(self.reference, built.stages, self.inputs.sets, listener)
            return Checked(comparison, notes=(missing,))
        with listener.task("Compiling the RTL with Verilator"):
            written = self.written()
            stage = RtlStage(written, written.sources, self.scratch, generated=self.project.options)
        comparison = compare(self.reference, [*built.stages, stage], self.inputs.sets, listener)
        if comparison.first_difference is not None:
            return Checked(comparison)
        return Checked(comparison, self.measured(stage, self.inputs.sets))

    def written(self) -> WrittenProject:
        """The project in a folder of its own, with what its files claim."""
        folder = Path(tempfile.mkdtemp(prefix="project_", dir=self.scratch))
        self.project.write_into(folder)
        return written_project(folder, self.inputs.graph)

    def measured(self, stage: RtlStage, sets: Sequence[Vectors]) -> Measured:
        words = timed_words(self.reference, sets)
        timing = measured_timing(stage, self.reference, words, self.request.progress)
        return Measured(timing, len(words), stage.version)

    def netlist(self, found: Checked, family: Family, time_limit_s: float) -> Checked:
        """Map the RTL to cells; compare and time the netlist with the models of the cells."""
        listener = self.request.progress
        written = self.written()
        folder = Path(tempfile.mkdtemp(prefix="netlist_", dir=self.scratch))
        try:
            mapped = map_design(
                self.project.top,
                written.sources,
                family,
                time_limit_s=time_limit_s,
                cache=default_cache(),
                progress=listener,
            )
            with listener.task("Preparing the mapped netlist for simulation"):
                stage = NetlistStage(written, mapped.write_netlist(folder), self.scratch)
        except ToolFailed as error:  # what was not simulated is not reported either
            note = f"no mapped resources: {error.problem}"
            return replace(found, notes=(*found.notes, note), failure=error)
        few = [vectors.part(0, NETLIST_EVENTS) for vectors in self.inputs.sets]
        added = compare(self.reference, [stage], few, listener)
        comparison = replace(
            found.comparison,
            stages=(*found.comparison.stages, added.stages[1]),
            events_per_s=(*found.comparison.events_per_s, added.events_per_s[1]),
        )
        if added.first_difference is not None:
            return replace(found, comparison=comparison)
        return replace(found, comparison=comparison, mapped=mapped, netlist=self.measured(stage, few))

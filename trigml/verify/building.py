"""Building the stages of a model: those asked for, or all that this model and this machine have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trigml.backends.hls.options import HlsBackend, HlsOptions
from trigml.backends.hls.writer import HlsProject, hls_project
from trigml.backends.rtl import Logic, RtlOptions, combinational_of, logic_of
from trigml.data.names import did_you_mean
from trigml.errors import BadInput, MissingTool
from trigml.graph import Graph
from trigml.graph.products import products_per_event
from trigml.opening import OpenedModel
from trigml.progress import Progress, Silent
from trigml.verify.netlist_stage import NetlistStage, mapped_stage, written_netlist
from trigml.verify.rtl_stage import generated_stage
from trigml.verify.stages import (
    HlsStage,
    KerasStage,
    LogicStage,
    NativeStage,
    QonnxStage,
    RtlStage,
    Stage,
)
from trigml.verify.written import written_project

DEFAULT_CLOCK_NS = 5.0

LARGEST_UNROLLED = 30_000
"""Products per event up to which unrolled logic is built without being asked for; it takes about a minute."""


class StageName(StrEnum):
    """The stages; ``numpy`` is the reference, with which the others are compared."""

    KERAS = "keras"
    QONNX = "qonnx"
    NUMPY = "numpy"
    NATIVE = "native"
    LOGIC = "logic"
    RTL = "rtl"
    NETLIST = "netlist"
    HLS = "hls"


CLOCKED = (StageName.RTL, StageName.NETLIST)
"""Stages that are simulated cycle by cycle, and that can read a project's files as they lie."""

AVAILABLE = tuple(name for name in StageName if name not in CLOCKED)
"""Stages that are built without being asked for; the others need half a minute for a network of some size."""

DEFAULT_HLS = HlsOptions(HlsBackend.VITIS, HlsBackend.VITIS.default_part, DEFAULT_CLOCK_NS)


def require_unrollable(graph: Graph) -> None:
    """Refuse a network that alkaid would unroll for too long.

    Raises:
        BadInput: it has too many products.
    """
    products = products_per_event(graph)
    if products > LARGEST_UNROLLED:
        raise BadInput(
            f"unrolling {products:,} products into logic would take long",
            expected=f"at most {LARGEST_UNROLLED:,}",
            remedy="ask for it by name (trigml verify --stages logic)",
        )


def stage_names(names: Sequence[str]) -> tuple[StageName, ...]:
    """Stages by their names.

    Raises:
        BadInput: a name is not that of a stage.
    """
    known = [stage.value for stage in StageName]
    for name in names:
        if name not in known:
            raise BadInput(
                f"there is no stage {name!r}",
                expected="some of " + ",".join(known),
                remedy=did_you_mean(name, known),
            )
    return tuple(StageName(name) for name in names)


def project_stages(wanted: Sequence[StageName] | None) -> tuple[StageName, ...]:
    """The stages that a project on disk is checked with: those asked for, else ``rtl``.

    Raises:
        BadInput: none of those asked for reads the project.
    """
    stages = (StageName.RTL,) if wanted is None else tuple(wanted)
    if not set(CLOCKED) & set(stages):
        raise BadInput(
            "no stage reads the project of --project",
            expected="--stages with rtl or netlist",
            found=",".join(stages),
        )
    return stages


@dataclass(frozen=True)
class StageSources:
    """What stages are made from.

    Attributes:
        model: the model.
        scratch: a folder for compiling, kept by the caller as long as the stages are used.
        hls: which HLS project the stage ``hls`` is.
        project: that project, if it was made already.
        logic: the graph's logic, if it was made already.
        folder: an RTL project on disk whose files are to be taken as they lie, instead of new ones.
    """

    model: OpenedModel
    scratch: Path
    hls: HlsOptions = DEFAULT_HLS
    project: HlsProject | None = None
    logic: Logic | None = None
    folder: Path | None = None

    def keras(self) -> Stage:
        """The Keras model."""
        if self.model.keras is None:
            raise BadInput("there is no Keras model behind this one", where=self.model.name)
        return KerasStage(self.model.keras(), self.model.graph, self.model.conversion)

    def qonnx(self) -> Stage:
        """The QONNX file in qonnx's executor."""
        if self.model.qonnx is None:
            raise BadInput("this model is not a QONNX file", where=self.model.name)
        return QonnxStage(self.model.qonnx)

    def native(self) -> Stage:
        """The generated C++."""
        return NativeStage(self.model.graph)

    def affordable_shift_and_add(self) -> Stage:
        """The same, if it does not take too long for something that nobody asked for."""
        if self.logic is None:
            require_unrollable(self.model.graph)
        return self.shift_and_add()

    def shift_and_add(self) -> Stage:
        """The logic of the estimate; without a clock, which may be too fast for an operation."""
        return LogicStage(self.logic or combinational_of(self.model.graph))

    def rtl(self) -> Stage:
        """The RTL in Verilator: of the project that lies in ``folder``, else generated now."""
        if self.folder is None:
            options = RtlOptions(DEFAULT_HLS.part, self.hls.clock_ns)
            return generated_stage(self.model.graph, options, self.scratch)
        project = written_project(self.folder, self.model.graph)
        return RtlStage(project, project.sources, self.scratch)

    def netlist(self, progress: Progress) -> Stage:
        """The mapped netlist: of the project that lies in ``folder``, else mapped now, with its cells."""
        if self.folder is None:
            options = RtlOptions(DEFAULT_HLS.part, self.hls.clock_ns)
            logic = self.logic or logic_of(self.model.graph, options.clock_ns)
            return mapped_stage(logic, options, self.scratch, progress)
        project = written_project(self.folder, self.model.graph)
        return NetlistStage(project, [written_netlist(project)], self.scratch)

    def hls_cpp(self) -> Stage:
        """The compiled HLS project."""
        if not self.hls.backend.emulates_with_gxx:
            raise BadInput(f"the C++ of {self.hls.backend.value} projects does not compile with plain g++")
        project = self.project or hls_project(self.model.graph, self.hls)
        return HlsStage(self.model.graph, project, self.scratch)


@dataclass(frozen=True)
class BuiltStages:
    """Stages to be compared with the reference.

    Attributes:
        stages: them, in the order of ``StageName``.
        left_out: lines about stages that were not asked for by name and cannot be built.
    """

    stages: tuple[Stage, ...]
    left_out: tuple[str, ...]


def build_stages(
    sources: StageSources,
    *,
    required: Sequence[StageName] = (),
    optional: Sequence[StageName] = (),
    progress: Progress | None = None,
) -> BuiltStages:
    """Build stages.

    Args:
        sources: what they are made from.
        required: those without which the caller has no use for the others.
        optional: those that may be left out, with a line saying why.
        progress: listener.

    Raises:
        BadInput: a required stage cannot be built for this model.
        MissingTool: a required stage needs a program that is not there.
        ToolFailed: a program failed that should not.
    """
    listener = progress or Silent()
    builders: Mapping[StageName, Callable[[], Stage]] = {
        StageName.KERAS: sources.keras,
        StageName.QONNX: sources.qonnx,
        StageName.NATIVE: sources.native,
        StageName.LOGIC: (
            sources.shift_and_add if StageName.LOGIC in required else sources.affordable_shift_and_add
        ),
        StageName.RTL: sources.rtl,
        StageName.NETLIST: lambda: sources.netlist(listener),
        StageName.HLS: sources.hls_cpp,
    }
    stages, left_out = [], []
    for name, builder in builders.items():
        if name not in required and name not in optional:
            continue
        try:
            with listener.task(f"Preparing the stage {name}"):
                stages.append(builder())
        except (BadInput, MissingTool) as error:
            if name in required:
                raise _explained(name, error) from error
            place = f" ({error.where})" if error.where else ""
            left_out.append(f"{name} left out: {error.problem}{place}")
    return BuiltStages(tuple(stages), tuple(left_out))


def _explained(name: StageName, error: BadInput | MissingTool) -> BadInput | MissingTool:
    kind = MissingTool if isinstance(error, MissingTool) else BadInput
    return kind(
        f"the stage {name} cannot be built: {error.problem}",
        where=error.where,
        expected=error.expected,
        found=error.found,
        remedy=error.remedy,
    )

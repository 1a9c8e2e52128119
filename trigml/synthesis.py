"""``trigml synth``: a run's graph as an HLS project that is checked bit by bit and reported on.

What stands at the output folder was shown to agree with QKeras and with the graph in every word. A
project that does not agree goes to a folder ending in ``.not-exact``, for finding out why.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trigml.atomic import replacing_folder, write_json
from trigml.backends.hls.options import HlsOptions
from trigml.backends.hls.writer import PROJECT_FILE, HlsProject, hls_project
from trigml.backends.rtl import Logic, logic_of
from trigml.data.blocks import Chunk
from trigml.data.splits import Split
from trigml.errors import BadInput
from trigml.fixedpoint import IntArray, to_values
from trigml.graph import Graph
from trigml.opening import OpenedModel, open_model
from trigml.progress import Progress, Silent
from trigml.reports.estimate import estimated_figures
from trigml.reports.stored import REPORT, ProjectReport, stored_content
from trigml.reports.vendor import vendor_figures
from trigml.runs import Run, names
from trigml.toolchains.programs import find_compiler
from trigml.verify.building import StageName, StageSources, build_stages, require_unrollable
from trigml.verify.comparison import Comparison, compare
from trigml.verify.events import NamedEvents, events_of_split
from trigml.verify.stages import GraphStage
from trigml.verify.vectors import Vectors
from trigml.verify.verification import vector_sets

PLOTS = "plots"
NOT_EXACT_SUFFIX = ".not-exact"
TESTBENCH_EVENTS = 1000


@dataclass(frozen=True)
class Synthesis:
    """What ``synthesise`` made.

    Attributes:
        options: what the project is for.
        report: where it is, and what is known of it.
        kept: the same project stood there already and was left as it was.
    """

    options: HlsOptions
    report: ProjectReport
    kept: bool

    def vendor_commands(self) -> tuple[str, ...]:
        """How the vendor's tool is run on the project, for those who have it."""
        script = {
            "vitis": "vitis-run --mode hls --tcl build_prj.tcl",
            "vivado": "vivado_hls -f build_prj.tcl",
        }
        command = script.get(self.options.backend.value)
        return () if command is None else (f"cd {shlex.quote(str(self.report.folder))} && {command}",)


def default_folder(run: Run, options: HlsOptions) -> Path:
    """Where a project goes if nothing else is said: one folder per choice of options, inside the run."""
    target = run.spec.target
    parts = [options.backend.value, options.io.value, options.strategy.value]
    if options.reuse_factor != 1:
        parts.append(f"rf{options.reuse_factor}")
    if options.clock_ns != target.clock_ns:
        parts.append(f"{options.clock_ns:g}ns")
    usual = target.part if options.backend.value == target.backend else options.backend.default_part
    if options.part != usual:
        parts.append(re.sub(r"[^A-Za-z0-9]+", "_", options.part))
    return run.path / names.HLS / "-".join(parts)


def synthesise(
    run: Run,
    options: HlsOptions,
    folder: Path,
    *,
    data: Sequence[str] = (),
    random_count: int | None = None,
    seed: int = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> Synthesis:
    """Write the HLS project of a run, check it and report on it.

    Args:
        run: a finished run with a quantised model.
        options: backend, part, clock and the rest.
        folder: where the project goes.
        data: files of events to take the test split from, default those of the training.
        random_count: random vectors, half of them on the grid (``None``: by the size of the network).
        seed: seed of the random vectors.
        force: replace another trigml project that stands in ``folder``.
        progress: listener.

    Raises:
        BadInput: the folder holds something else, the events are not there, the graph has no HLS form.
        MissingTool: no C++ compiler.
        NotBitExact: a stage differs from the graph; the project is in ``folder`` + ``.not-exact``.
    """
    listener = progress or Silent()
    not_exact = folder.with_name(folder.name + NOT_EXACT_SUFFIX)
    for place in (folder, not_exact):
        refuse_occupied(place, force=force)
    if options.backend.emulates_with_gxx:
        find_compiler()  # its absence should not show only after half a minute of work
    model = open_model(run.path)
    graph = model.graph
    events = events_of_split(run, Split.TEST, data)
    sets = vector_sets(graph, NamedEvents("test split", events.features), random_count, seed)
    words = GraphStage(graph).outputs(sets[0])
    with listener.task(f"Writing the {options.backend.value} project") as task:
        vectors = sets[0].words[:TESTBENCH_EVENTS], words[:TESTBENCH_EVENTS]
        project = hls_project(graph, options, vectors=vectors)
        kept = _same_project(folder, project)
        if not kept and not force:
            refuse_other_project(folder)
        task.advance()
    logic = _logic(graph, options, listener)
    comparison = _comparison(model, project, logic, sets, listener)
    report = ProjectReport(
        folder,
        comparison,
        () if isinstance(logic, str) else tuple(estimated_figures(logic, clock_ns=options.clock_ns)),
        (),
        (*_notes(options), *project.notes, *((logic,) if isinstance(logic, str) else ())),
    )
    if comparison.first_difference is not None:
        _write(project, replace(report, folder=not_exact))
        raise comparison.first_difference.explained()
    if kept:
        write_json(folder / REPORT, stored_content(options, report))
    else:
        emulated = options.backend.emulates_with_gxx
        _write(project, report, (run, graph, events, words) if emulated else None)
    vendor = tuple(vendor_figures(folder, project.top))
    return Synthesis(options, replace(report, vendor=vendor), kept)


def _logic(graph: Graph, options: HlsOptions, listener: Progress) -> Logic | str:
    """The graph as unrolled logic, or why there is no estimate."""
    with listener.task("Estimating latency and resources with alkaid"):
        try:
            require_unrollable(graph)
            return logic_of(graph, options.clock_ns)
        except BadInput as error:
            place = f" ({error.where})" if error.where else ""
            return f"no estimate of latency and resources: {error.problem}{place}"


def _comparison(
    model: OpenedModel,
    project: HlsProject,
    logic: Logic | str,
    sets: Sequence[Vectors],
    listener: Progress,
) -> Comparison:
    wanted = [StageName.KERAS]
    wanted += [] if isinstance(logic, str) else [StageName.LOGIC]
    wanted += [StageName.HLS] if project.options.backend.emulates_with_gxx else []
    with tempfile.TemporaryDirectory(prefix="trigml_synth_") as scratch:
        sources = StageSources(
            model,
            Path(scratch),
            project.options,
            project=project,
            logic=None if isinstance(logic, str) else logic,
        )
        built = build_stages(sources, required=wanted, progress=listener)
        return compare(GraphStage(model.graph), built.stages, sets, listener)


def refuse_occupied(folder: Path, *, force: bool) -> None:
    """Refuse an output folder that holds anything but an HLS project of trigml.

    Raises:
        BadInput: a file, or a folder with something else in it.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / PROJECT_FILE).is_file():
        raise BadInput(
            "the output folder holds something else" if folder.is_dir() else "the output folder is a file",
            where=str(folder),
            remedy="choose another --out" + (" (--force replaces only a trigml project)" if force else ""),
        )


def refuse_other_project(folder: Path) -> None:
    """Refuse a folder with another project of trigml (what ``--force`` replaces).

    Raises:
        BadInput: there is one.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(
            "the output folder holds another project, or a changed one",
            where=str(folder),
            remedy="choose another --out, or replace it with --force",
        )


def _same_project(folder: Path, project: HlsProject) -> bool:
    return folder.is_dir() and all(
        (folder / name).is_file() and (folder / name).read_bytes() == content
        for name, content in project.files.items()
    )


def _notes(options: HlsOptions) -> tuple[str, ...]:
    if options.backend.emulates_with_gxx:
        return ()
    return (
        f"the C++ of {options.backend.value} projects does not compile with plain g++: "
        "the project was written, but not run",
    )


def _write(
    project: HlsProject, report: ProjectReport, plotted: tuple[Run, Graph, Chunk, IntArray] | None = None
) -> None:
    with replacing_folder(report.folder) as beside:
        project.write_into(beside)
        if plotted is not None:
            _plot_with_hardware(*plotted, beside / PLOTS / "roc")
        write_json(beside / REPORT, stored_content(project.options, report))


def _plot_with_hardware(run: Run, graph: Graph, events: Chunk, words: IntArray, stem: Path) -> None:
    """ROC curves of the run with the hardware's line: its words are the graph's, as was just shown."""
    from trigml.reports.roc_plot import write_roc_plot
    from trigml.training.evaluation import models_of
    from trigml.training.events import labels_of

    scores = run.scores()
    models = models_of(scores) if np.array_equal(scores.event_id, events.event_id) else {}
    models["HLS C++"] = to_values(words, graph.output.format.fraction)
    stem.parent.mkdir()
    write_roc_plot(models, labels_of(events), run.spec.data.classes, stem, sample=run.spec.title)

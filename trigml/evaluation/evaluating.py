"""``trigml evaluate``: from a run to its trigger quantities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trigml.emulation.stage import EmulationStage
from trigml.errors import BadInput
from trigml.evaluation.bins import Binning
from trigml.evaluation.discriminants import Discriminant, discriminants_of
from trigml.evaluation.quantities import TriggerQuantities, measure_discriminant
from trigml.evaluation.sample import score_events
from trigml.evaluation.stored import StoredPoints
from trigml.evaluation.targets import Target, TargetKind
from trigml.graph import Graph
from trigml.progress import Progress, Silent
from trigml.runs import Run

DEFAULT_TARGETS = (Target(TargetKind.EFFICIENCY, 0.5),)


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What to evaluate, and on which events.

    Attributes:
        files: events; none: the test split of the run.
        signals: classes to look for; none: each class.
        background: the one class that they are told from; ``None``: all others.
        targets: of the working points; none: a signal efficiency of 0.5.
        input_rate: rate in Hz of the background that enters the trigger.
        stored: working points found earlier, instead of signals, background and targets.
        against: the column of the turn-on curves.
        binning: their bins.
        stage: what computes the scores.
        threads: of the native emulator.
    """

    files: tuple[Path, ...] = ()
    signals: tuple[str, ...] = ()
    background: str | None = None
    targets: tuple[Target, ...] = ()
    input_rate: float | None = None
    stored: StoredPoints | None = None
    against: str | None = None
    binning: Binning = field(default_factory=Binning)
    stage: EmulationStage = EmulationStage.NATIVE
    threads: int | None = None


def evaluate_run(run: Run, options: EvaluationOptions, progress: Progress | None = None) -> TriggerQuantities:
    """Score the events with the integer network and find what its thresholds do.

    Raises:
        BadInput: a class, column or file that is not there, options that do not go together, a target that
            cannot be reached, no events, or events that are not finite.
    """
    listener = progress or Silent()
    graph = run.graph()
    plan = _plan(run, graph, options)
    classes = run.spec.data.classes
    needed = {name for found, _ in plan for name in (found.signal, *found.others)}
    events = score_events(
        run,
        graph,
        options.files,
        [name for name in classes if name in needed],
        against=options.against,
        stage=options.stage,
        threads=options.threads,
        progress=listener,
    )
    counts = np.bincount(events.labels, minlength=len(classes))
    found = []
    with listener.task("Scanning thresholds", len(plan)) as task:
        for discriminant, targets in plan:
            found.append(
                measure_discriminant(discriminant, events, targets, options.input_rate, options.binning)
            )
            task.advance()
    return TriggerQuantities(
        network=graph.name,
        graph=graph.digest,
        sample=events.sample,
        classes=tuple(
            (name, int(count)) for name, count in zip(classes, counts, strict=True) if name in needed
        ),
        input_rate=options.input_rate,
        column=events.column,
        discriminants=tuple(found),
    )


def _plan(run: Run, graph: Graph, options: EvaluationOptions) -> list[tuple[Discriminant, Sequence[Target]]]:
    """The discriminants, each with the targets of its working points."""
    classes = run.spec.data.classes
    if options.stored is None:
        targets = options.targets or DEFAULT_TARGETS
        if any(target.kind is TargetKind.RATE for target in targets) and options.input_rate is None:
            raise BadInput(
                "a target rate needs the rate of the background that enters the trigger",
                where="--rate",
                remedy="give it, for example --input-rate '40 MHz' for one candidate per bunch crossing",
            )
        made = discriminants_of(graph, classes, options.signals, options.background)
        return [(discriminant, targets) for discriminant in made]
    if options.signals or options.background is not None or options.targets:
        raise BadInput(
            "stored working points say by themselves which classes and thresholds are meant",
            where="--points",
            found="--signal, --background, --efficiency, --rate or --threshold",
            remedy="leave them out",
        )
    plan: list[tuple[Discriminant, Sequence[Target]]] = []
    for (signal, background), thresholds in options.stored.by_classes().items():
        (discriminant,) = discriminants_of(graph, classes, (signal,), background)
        plan.append((discriminant, [Target(TargetKind.THRESHOLD, value) for value in thresholds]))
    return plan

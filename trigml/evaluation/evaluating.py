"""``trigml evaluate``: from a run to its trigger quantities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trigml.errors import BadInput
from trigml.evaluation.bins import Binning
from trigml.evaluation.discriminants import Discriminant, discriminants_of
from trigml.evaluation.options import EvaluationOptions
from trigml.evaluation.quantities import TriggerQuantities, measure_discriminant, refuse_out_of_reach
from trigml.evaluation.sample import score_events
from trigml.evaluation.targets import Target, TargetKind
from trigml.graph import Graph
from trigml.progress import Progress, Silent
from trigml.runs import Run

DEFAULT_TARGETS = (Target(TargetKind.EFFICIENCY, 0.5),)


def evaluate_run(run: Run, options: EvaluationOptions, progress: Progress | None = None) -> TriggerQuantities:
    """Score the events with the integer network and find what its thresholds do.

    Of a regressor, its response and resolution are measured, too.

    Raises:
        BadInput: a class, column or file that is not there, options that do not go together, a target that
            cannot be reached, no events, or events that are not finite.
    """
    if run.spec.task == "regression":
        from trigml.evaluation.regressing import evaluate_regressor

        return evaluate_regressor(run, options, progress)
    return _evaluate_classifier(run, options, progress or Silent())


def _evaluate_classifier(run: Run, options: EvaluationOptions, listener: Progress) -> TriggerQuantities:
    graph = run.graph()
    plan = _plan(run, graph, options)
    for discriminant, targets in plan:
        refuse_out_of_reach(discriminant, targets, "--threshold" if options.stored is None else "--points")
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
                measure_discriminant(
                    discriminant, events, targets, options.input_rate, options.binning or Binning()
                )
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
    if options.target_above is not None or any(t.kind is TargetKind.VALUE for t in options.targets):
        raise BadInput(
            "values with a unit are for runs that measure something; this run tells classes apart",
            where="--target-above" if options.target_above is not None else "--threshold",
            remedy="say which class is signal (--signal CLASS), and give thresholds as integers",
        )
    if options.stored is None:
        targets = options.targets or DEFAULT_TARGETS
        options.check_rates()
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
    if options.stored.division is not None:
        raise BadInput("these working points are those of a regressor", where="--points")
    for (signal, background), thresholds in options.stored.by_classes().items():
        (discriminant,) = discriminants_of(graph, classes, (signal,), background)
        plan.append((discriminant, [Target(TargetKind.THRESHOLD, value) for value in thresholds]))
    return plan

"""``trigml evaluate`` for a regressor: thresholds on its output word, response and resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from trigml.data.header import read_header
from trigml.data.layout import Column
from trigml.errors import BadInput
from trigml.evaluation.bins import Binning
from trigml.evaluation.options import EvaluationOptions
from trigml.evaluation.output_word import Division, OutputWord, output_word_of
from trigml.evaluation.quantities import (
    DiscriminantQuantities,
    TriggerQuantities,
    measure_discriminant,
    refuse_out_of_reach,
)
from trigml.evaluation.regressor_quantities import RegressorQuantities, threshold_turn_ons
from trigml.evaluation.sample import ScoredEvents, column_of, files_of, score_events
from trigml.evaluation.targets import Target, TargetKind
from trigml.physics.regression import regressor_performance
from trigml.physics.regressor_comparison import compare_regressors
from trigml.progress import Progress, Silent
from trigml.runs import Run
from trigml.training.regression_baselines import CalibratedSum, stored_sum
from trigml.training.regressors import RegressorFigures
from trigml.training.standing import SUM

TURN_ON_BINS = 30
"""A resolution of some per cent shows in narrower bins than those of a classifier's turn-on."""


def evaluate_regressor(
    run: Run, options: EvaluationOptions, progress: Progress | None = None
) -> TriggerQuantities:
    """Compute the words of the events, and find what thresholds on them do and how well they measure.

    Raises:
        BadInput: as ``trigml.evaluation.evaluate_run``.
    """
    listener = progress or Silent()
    graph, target = run.graph(), str(run.spec.data.target)
    paths = files_of(run, options.files)
    truth = _target_column(run, target, paths)
    division, targets = _plan(options, target, truth)
    classes = _classes(run, division, paths)
    word = output_word_of(graph, target, _unit(run, target, truth), classes, division)
    for wanted in targets:
        _check_unit(wanted, word, "--threshold")
    refuse_out_of_reach(word, targets, "--threshold" if options.stored is None else "--points")
    if options.target_above is not None:
        _check_unit(options.target_above, word, "--target-above")
    against = options.against or (None if truth is None else target)
    calibrated = None if truth is None else stored_sum(run, word.unit)
    events = score_events(
        run,
        graph,
        options.files,
        classes,
        against=against,
        truth=None if truth is None else target,
        calibrated=calibrated,
        stage=options.stage,
        threads=options.threads,
        progress=listener,
    )
    # Labels count from here on in the classes that are read.
    read = np.array([run.spec.data.classes.index(name) for name in classes])
    events = replace(events, labels=np.searchsorted(read, events.labels))
    _check_both_sides(word, events)
    with listener.task("Scanning thresholds"):
        divided = _divided(word, events, targets, options.input_rate)
        thresholds = _thresholds(word, targets, divided)
        curves, outside = threshold_turn_ons(
            word, events, thresholds, options.binning or Binning(count=TURN_ON_BINS)
        )
    with listener.task("Measuring response and resolution"):
        figures = _figures(word, events)
    counts = np.bincount(events.labels, minlength=len(classes)).tolist()
    return TriggerQuantities(
        network=graph.name,
        graph=graph.digest,
        sample=events.sample,
        classes=tuple(zip(classes, counts, strict=True)),
        input_rate=options.input_rate,
        column=events.column,
        discriminants=divided,
        regressor=RegressorQuantities(word, thresholds, curves, figures, outside),
        remarks=_remarks(word, targets, truth, calibrated),
    )


def _plan(options: EvaluationOptions, target: str, truth: Column | None) -> tuple[Division, Sequence[Target]]:
    """Which events are signal and background, and what the thresholds are to reach."""
    above = None if options.target_above is None else options.target_above.value
    given = Division(options.signals, options.background, above)
    division, targets = given, options.targets
    if options.stored is not None:
        if given != Division() or targets:
            raise BadInput(
                "stored working points say by themselves which events and thresholds are meant",
                where="--points",
                found="--signal, --background, --target-above, --efficiency, --rate or --threshold",
                remedy="leave them out",
            )
        division = options.stored.division or given
        thresholds = dict.fromkeys(point.threshold for point in options.stored.points)
        targets = tuple(Target(TargetKind.THRESHOLD, value) for value in thresholds)
    if division.above is not None and truth is None:
        raise BadInput(
            f"the events have no column {target!r}, whose value tells signal from background",
            where="--target-above" if options.stored is None else "--points",
            remedy="give events that have it, or one class as background: --background CLASS",
        )
    if truth is None and not division.has_background and options.against is None:
        raise BadInput(
            f"the events have no column {target!r}: neither response nor rates can be measured",
            where="--events",
            remedy="give events that have it, or one class as background: --background CLASS",
        )
    if not division.has_background and not all(wanted.is_given for wanted in targets):
        raise BadInput(
            "an efficiency or a rate needs signal and background",
            where="--efficiency, --rate",
            remedy=f"say from which {target} on events are signal, as --target-above '20 GeV', or which "
            "class is background: --background CLASS",
        )
    if not division.has_background and options.input_rate is not None:
        raise BadInput(
            "a rate needs a background",
            where="--input-rate",
            remedy="give --target-above VALUE or --background CLASS",
        )
    options.check_rates()
    return division, targets


def _target_column(run: Run, target: str, paths: Sequence[Path]) -> Column | None:
    """The true target of the events; ``None`` if one of the files has no such column."""
    headers = [read_header(path) for path in paths]
    if not all(target in header.feature_names for header in headers):
        return None
    column = column_of(target, paths)
    for header in headers:
        unit = next(found.unit for found in header.features if found.name == target)
        if unit != column.unit:
            raise BadInput(
                f"the files give the column {target!r} in different units",
                where=str(header.path),
                expected=repr(column.unit),
                found=repr(unit),
            )
    return column


def _unit(run: Run, target: str, truth: Column | None) -> str:
    """Unit of the output word: that of the target in the training; the events must have the same."""
    learned = _learned_unit(run, target)
    if learned is None:
        return "" if truth is None else truth.unit
    if truth is not None and truth.unit != learned:
        raise BadInput(
            f"the events give the column {target!r} in another unit than the network learned",
            where="--events",
            expected=repr(learned),
            found=repr(truth.unit),
            remedy="convert the column and state its unit (trigml data convert --unit NAME=UNIT)",
        )
    return learned


def _learned_unit(run: Run, target: str) -> str | None:
    """``None`` if the events of the training are gone."""
    try:
        return column_of(target, files_of(run, ())).unit
    except BadInput:  # then the unit is the one that the evaluated events state
        return None


def _classes(run: Run, division: Division, paths: Sequence[Path]) -> tuple[str, ...]:
    """The run's classes that are read: those that the files have, or all that are asked for by name."""
    classes = run.spec.data.classes
    signals = division.signal_classes(classes)
    present = {name for path in paths for name in read_header(path).class_names or ()}
    if not present:
        raise BadInput(
            "the events have no labels that say their particle types",
            where=", ".join(str(path) for path in paths),
            expected=f"labels of {', '.join(classes)}",
            remedy="give events with labels",
        )
    named = {*division.signals, *([] if division.background is None else [division.background])}
    counted = {*signals} if division.has_background and division.above is None else {*classes}
    return tuple(name for name in classes if name in named or name in present & counted) or tuple(classes)


def _check_unit(wanted: Target, word: OutputWord, option: str) -> None:
    if wanted.kind is TargetKind.VALUE and wanted.unit != word.unit:
        raise BadInput(
            "this value has another unit than the network's output",
            where=option,
            expected=f"a number with {word.unit}" if word.unit else "a number: the output has no unit",
            found=str(wanted),
        )


def _check_both_sides(word: OutputWord, events: ScoredEvents) -> None:
    """Refuse a ``--target-above`` that all events of the sample are below, or none."""
    above = word.division.above
    if above is None or events.truth is None:
        return
    is_signal, is_background = word.divide(events)
    among = np.isin(events.labels, [word.classes.index(name) for name in word.signals])
    unit = f" {word.unit}".rstrip()
    if not is_signal.any() and among.any():
        raise BadInput(
            f"no event has a {word.target} of at least {above:g}{unit}",
            where="--target-above",
            expected=f"at most {events.truth[among].max():g}{unit}, the highest in the sample",
            found=f"{above:g}{unit}",
        )
    if not is_background.any() and word.division.background is None:
        raise BadInput(
            f"no event has a {word.target} below {above:g}{unit}: there is no background",
            where="--target-above",
            expected=f"more than {events.truth.min():g}{unit}, the lowest in the sample",
            found=f"{above:g}{unit}",
        )


def _divided(
    word: OutputWord, events: ScoredEvents, targets: Sequence[Target], input_rate: float | None
) -> tuple[DiscriminantQuantities, ...]:
    """Scan and working points; none without a background."""
    if not word.division.has_background:
        return ()
    wanted = targets or (Target(TargetKind.EFFICIENCY, 0.9),)
    without_column = replace(events, column=None, values=None)
    return (measure_discriminant(word, without_column, wanted, input_rate, Binning()),)


def _thresholds(
    word: OutputWord, targets: Sequence[Target], divided: Sequence[DiscriminantQuantities]
) -> tuple[tuple[Target, int], ...]:
    found = [(point.target, point.point.threshold) for one in divided for point in one.points]
    return tuple(found or ((target, target.threshold(word.lsb)) for target in targets))


def _figures(word: OutputWord, events: ScoredEvents) -> RegressorFigures | None:
    """Response and resolution of the words and of the sum, per class that was read."""
    if events.truth is None:
        return None
    name = f"words ({events.sample.stage})"
    predicted = {name: word.of(events.words) * word.lsb}
    if events.calibrated_sum is not None:
        predicted[SUM] = events.calibrated_sum.astype(np.float64)
    about = (events.truth, events.labels, word.classes)
    models = {model: regressor_performance(values, *about) for model, values in predicted.items()}
    if SUM not in predicted:
        return RegressorFigures(models, {})
    return RegressorFigures(
        models, {(name, SUM): compare_regressors(predicted[SUM], predicted[name], *about)}
    )


def _remarks(
    word: OutputWord, targets: Sequence[Target], truth: Column | None, calibrated: CalibratedSum | None
) -> tuple[str, ...]:
    given = [(target, target.threshold(word.lsb)) for target in targets if target.kind is TargetKind.VALUE]
    remarks = [
        f"{target} lies between two LSBs: rounded up to {threshold} = {word.text(threshold)}"
        for target, threshold in given
        if threshold * word.lsb != target.value
    ]
    if truth is None:
        remarks.append(f"no response and no resolution: the events have no column {word.target!r}")
    elif calibrated is None:
        remarks.append("no calibrated sum beside the words: the run holds no factors for it")
    if word.division.has_background:
        remarks.append("the background has the spectrum and the mixture of this sample, not of collisions")
    return tuple(remarks)

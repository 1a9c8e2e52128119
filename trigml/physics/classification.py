"""How well a classifier of C classes does on a test sample, and what one model loses against another.

Each class is taken as the signal against all other classes together, in the proportions of the sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.physics.roc import auc, background_rejection, roc_curve
from trigml.physics.uncertainties import Estimate, FloatArray, LowerLimit, Measured, mean

SIGNAL_EFFICIENCIES = (0.3, 0.5)
"""Where background rejection is quoted unless asked otherwise."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Background rejection 1/ε_B at a signal efficiency."""

    signal_efficiency: float
    rejection: Measured | LowerLimit

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        return {"signal_efficiency": self.signal_efficiency} | self.rejection.to_json()


@dataclass(frozen=True, slots=True)
class ClassPerformance:
    """One class against all others: its events in the sample, AUC and background rejections."""

    name: str
    n_events: int
    auc: Measured
    rejections: tuple[Rejection, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        return {
            "name": self.name,
            "n_events": self.n_events,
            "auc": self.auc.to_json(),
            "background_rejection": [rejection.to_json() for rejection in self.rejections],
        }


@dataclass(frozen=True, slots=True)
class ClassifierPerformance:
    """What a classifier reaches on a test sample of ``n_events``.

    Attributes:
        accuracy: part of the events whose highest score is that of their class; binomial uncertainty.
        macro_auc: unweighted mean of the classes' AUCs, their correlations taken into account.
        classes: per class, in the order of the labels.
    """

    n_events: int
    accuracy: Measured
    macro_auc: Measured
    classes: tuple[ClassPerformance, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        return {
            "n_events": self.n_events,
            "accuracy": self.accuracy.to_json(),
            "macro_auc": self.macro_auc.to_json(),
            "classes": [performance.to_json() for performance in self.classes],
        }


@dataclass(frozen=True, slots=True)
class ClassLoss:
    """AUC that the candidate loses on one class against all others."""

    name: str
    auc: Measured


@dataclass(frozen=True, slots=True)
class PerformanceLoss:
    """What a candidate loses against a reference on the same ``n_events``; positive: it is worse.

    The uncertainties are those of the paired differences, much smaller than those of the two values.
    """

    n_events: int
    accuracy: Measured
    macro_auc: Measured
    classes: tuple[ClassLoss, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        return {
            "n_events": self.n_events,
            "accuracy": self.accuracy.to_json(),
            "macro_auc": self.macro_auc.to_json(),
            "classes": [{"name": loss.name, "auc": loss.auc.to_json()} for loss in self.classes],
        }


def measure_classifier(
    logits: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    class_names: Sequence[str],
    signal_efficiencies: Sequence[float] = SIGNAL_EFFICIENCIES,
) -> ClassifierPerformance:
    """Measure a classifier on a test sample.

    Args:
        logits: shape (n, C), floating: logits or log-probabilities, *not* probabilities. Hardware
            words have to be multiplied by their LSB first, since softmax depends on the scale.
        labels: shape (n,), integers in [0, C).
        class_names: C different names.
        signal_efficiencies: where background rejection is wanted, each in (0, 1].

    Raises:
        BadInput: shapes, types or labels do not fit; a logit is not finite; a class has fewer than two
            events.
    """
    values, truth = check_sample(logits, labels, class_names)
    scores = class_scores(values)
    areas, classes = [], []
    for index, name in enumerate(class_names):
        is_signal = truth == index
        area = auc(scores[:, index], is_signal)
        curve = roc_curve(scores[:, index], is_signal)
        rejections = tuple(Rejection(at, background_rejection(curve, at)) for at in signal_efficiencies)
        areas.append(area)
        classes.append(ClassPerformance(name, curve.n_signal, area.measured(), rejections))
    return ClassifierPerformance(
        n_events=truth.size,
        accuracy=accuracy(values, truth).measured(),
        macro_auc=mean(areas).measured(),
        classes=tuple(classes),
    )


def compare(
    reference: NDArray[np.floating[Any]],
    candidate: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    class_names: Sequence[str],
) -> PerformanceLoss:
    """What ``candidate`` loses against ``reference``: (n, C) logits of the same events in the same order.

    Arguments and errors are those of ``measure_classifier``.
    """
    ours, truth = check_sample(reference, labels, class_names)
    theirs, _ = check_sample(candidate, labels, class_names)
    our_scores, their_scores = class_scores(ours), class_scores(theirs)
    losses = []
    for index in range(len(class_names)):
        is_signal = truth == index
        losses.append(auc(our_scores[:, index], is_signal).minus(auc(their_scores[:, index], is_signal)))
    return PerformanceLoss(
        n_events=truth.size,
        accuracy=accuracy(ours, truth).minus(accuracy(theirs, truth)).measured(),
        macro_auc=mean(losses).measured(),
        classes=tuple(
            ClassLoss(name, loss.measured()) for name, loss in zip(class_names, losses, strict=True)
        ),
    )


def class_scores(logits: FloatArray) -> FloatArray:
    """Score of each class against all others: the log-odds of its softmax probability p, ln(p / (1 − p)).

    It rises strictly with p, so that ROC curves are those of p; unlike p it does not saturate at 1,
    which would make ties of events that differ. The other classes' exponentials are added in rising
    order: events whose logits are the same but for the order of the other classes stay exactly tied.

    Args:
        logits: shape (n, C), C >= 2.

    Returns:
        Shape (n, C), float64.
    """
    scores = np.empty_like(logits)
    for index in range(logits.shape[1]):
        others = np.sort(np.delete(logits, index, axis=1), axis=1)
        highest = others[:, -1]
        rest = np.exp(others[:, :-1] - highest[:, np.newaxis]).sum(axis=1)
        scores[:, index] = (logits[:, index] - highest) - np.log1p(rest)
    return scores


def accuracy(logits: FloatArray, labels: NDArray[np.int64]) -> Estimate:
    """Part of the events whose highest logit, the first of equal ones, is that of their label.

    The uncertainty is binomial, √(p (1 − p) / n). That of a difference of two models on the same events
    follows from the b and c events that only one of them gets right (McNemar, Psychometrika 12 (1947)
    153): √(b + c − (b − c)² / n) / n.
    """
    correct = np.argmax(logits, axis=1) == labels
    value = int(np.count_nonzero(correct)) / correct.size
    return Estimate(value, (correct - value) / correct.size)


def check_sample(
    logits: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]], class_names: Sequence[str]
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Logits as float64 and labels as int64, after the checks that ``measure_classifier`` promises.

    Raises:
        BadInput: see ``measure_classifier``.
    """
    n_classes = len(class_names)
    if n_classes < 2 or len(set(class_names)) != n_classes:
        raise BadInput(
            "a classifier needs two or more classes of different names",
            found=", ".join(class_names) or "none",
        )
    if not np.issubdtype(logits.dtype, np.floating):
        raise BadInput(
            "logits have to be real values",
            expected="floating-point numbers; of hardware, word × LSB",
            found=str(logits.dtype),
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise BadInput("labels have to be integers", found=str(labels.dtype))
    if labels.ndim != 1 or logits.shape != (labels.size, n_classes):
        raise BadInput(
            "logits and labels do not fit together",
            expected=f"logits of shape (n, {n_classes}) and labels of shape (n,)",
            found=f"{logits.shape} and {labels.shape}",
        )
    _check_labels(labels, class_names)
    values = logits.astype(np.float64)
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise BadInput(
            "a logit is not a finite number",
            where=f"event {int(np.flatnonzero(~finite)[0])} of the sample",
        )
    return values, labels.astype(np.int64)


def _check_labels(labels: NDArray[np.integer[Any]], class_names: Sequence[str]) -> None:
    outside = (labels < 0) | (labels >= len(class_names))
    if outside.any():
        event = int(np.flatnonzero(outside)[0])
        raise BadInput(
            "a label is out of range",
            where=f"event {event} of the sample",
            expected=f"0 to {len(class_names) - 1} ({', '.join(class_names)})",
            found=str(labels[event]),
        )
    counts = np.bincount(labels.astype(np.int64), minlength=len(class_names))
    if counts.min() < 2:
        rare = int(counts.argmin())
        raise BadInput(
            f"the sample holds {counts[rare]} events of class {class_names[rare]!r}",
            expected="at least two of each class",
            remedy="use a larger test sample that holds all classes",
        )

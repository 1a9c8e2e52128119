"""Gradient-boosted trees on the same features: the baseline that a network has to beat.

The trees are a yardstick, not a product: nothing of them is saved but their scores on the test split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.physics.uncertainties import FloatArray
from trigml.progress import Progress, Silent

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

MAX_EVENTS = 100_000
MAX_ROUNDS = 300
TREE_SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "learning_rate": 0.1,
        "max_iter": MAX_ROUNDS,
        "max_leaf_nodes": 31,
        "min_samples_leaf": 20,
        "early_stopping": True,
        "scoring": "loss",
        "n_iter_no_change": 10,
    }
)
"""What ``HistGradientBoostingClassifier`` and its regressing twin are told."""


@dataclass(frozen=True, slots=True, eq=False)
class BoostedTrees:
    """A trained ensemble; ``scores`` is what it is for.

    Attributes:
        n_features: F.
        n_classes: C.
        n_rounds: boosting rounds that are used (one tree per class and round): those up to the lowest
            validation loss.
        validation_loss: cross-entropy on the validation events after ``n_rounds``.
        n_events: training events used.
    """

    n_features: int
    n_classes: int
    n_rounds: int
    validation_loss: float
    n_events: int
    _model: HistGradientBoostingClassifier = field(repr=False)

    def scores(self, features: NDArray[np.floating[Any]]) -> FloatArray:
        """Log-probabilities of the classes, float64 of shape (n, C), for ``features`` of shape (n, F).

        Raises:
            BadInput: the shape is another one, or a feature is not finite.
        """
        if features.ndim != 2 or features.shape[1] != self.n_features:
            raise BadInput(
                "the features do not fit the boosted trees",
                expected=f"shape (n, {self.n_features})",
                found=str(features.shape),
            )
        check_finite(features)
        if features.shape[0] == 0:
            return np.empty((0, self.n_classes))
        with one_thread():
            rounds = self._model.staged_decision_function(features)
            raw = np.asarray(next(islice(rounds, self.n_rounds - 1, None)), dtype=np.float64)
        if raw.ndim == 1 or raw.shape[1] == 1:  # two classes: the logit of the second
            raw = np.stack([np.zeros(features.shape[0]), raw.reshape(-1)], axis=1)
        raw = raw - raw.max(axis=1, keepdims=True)
        return np.asarray(raw - np.log(np.exp(raw).sum(axis=1, keepdims=True)))


def train_trees(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    validation_features: NDArray[np.floating[Any]],
    validation_labels: NDArray[np.integer[Any]],
    class_names: Sequence[str],
    *,
    seed: int = 0,
    max_events: int = MAX_EVENTS,
    progress: Progress = Silent(),
) -> BoostedTrees:
    """Train scikit-learn's histogram-based gradient boosting, stopped early on the given validation split.

    Learning rate 0.1, at most 300 rounds, 31 leaves a tree, 255 bins a feature, at least 20 events a leaf;
    training stops when the validation loss has not fallen for 10 rounds, and the rounds up to the lowest
    loss are used. It runs on one thread: sums are then made in one order, the same seed gives the same
    trees, and a machine shared with others is not slowed down by threads that wait for each other.

    Args:
        features: shape (n, F), finite; raw values, since trees need no scaling.
        labels: shape (n,), integers in [0, C).
        validation_features: shape (v, F).
        validation_labels: shape (v,).
        class_names: the C names.
        seed: chooses the events when there are more than ``max_events``, and the bins' subsample.
        max_events: use at most so many training events, chosen at random, and as many for validation.
        progress: who listens.

    Raises:
        BadInput: shapes or labels do not fit, a feature is not finite, or a class is absent from the
            training events.
    """
    _check_events("training", features, labels, features.shape[-1], class_names)
    _check_events("validation", validation_features, validation_labels, features.shape[-1], class_names)
    rng = np.random.default_rng(seed)
    features, labels = at_most(max_events, features, labels, rng)
    validation_features, validation_labels = at_most(max_events, validation_features, validation_labels, rng)
    absent = set(range(len(class_names))) - set(np.unique(labels).tolist())
    if absent:
        raise BadInput(
            "a class is absent from the training events of the boosted trees",
            expected="events of every class",
            found=f"none of class {class_names[min(absent)]!r} in {labels.size} events",
        )
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(random_state=seed, **TREE_SETTINGS)
    with progress.task(f"boosted trees on {labels.size:,} events"), one_thread():
        model.fit(features, labels, X_val=validation_features, y_val=validation_labels)
    # Entry 0 is the loss before the first round, with its sign turned.
    best = max(1, int(np.argmax(model.validation_score_)))
    trees = BoostedTrees(
        n_features=features.shape[1],
        n_classes=len(class_names),
        n_rounds=best,
        validation_loss=-float(model.validation_score_[best]),
        n_events=labels.size,
        _model=model,
    )
    progress.detail(f"boosted trees: {best} rounds, validation loss {trees.validation_loss:.5f}")
    return trees


def at_most(
    limit: int, features: NDArray[Any], labels: NDArray[Any], rng: np.random.Generator
) -> tuple[NDArray[Any], NDArray[Any]]:
    """At most ``limit`` events, drawn at random."""
    if labels.size <= limit:
        return features, labels
    chosen = np.sort(rng.choice(labels.size, size=limit, replace=False))
    return features[chosen], labels[chosen]


def _check_events(
    split: str,
    features: NDArray[Any],
    labels: NDArray[Any],
    n_features: int,
    class_names: Sequence[str],
) -> None:
    if features.ndim != 2 or features.shape != (labels.size, n_features) or labels.ndim != 1:
        raise BadInput(
            f"features and labels of the {split} events do not fit together",
            expected="features of shape (n, F) and labels of shape (n,)",
            found=f"{features.shape} and {labels.shape}",
        )
    if labels.size == 0:
        raise BadInput(f"there are no {split} events for the boosted trees")
    if not np.issubdtype(labels.dtype, np.integer):
        raise BadInput(f"the labels of the {split} events have to be integers", found=str(labels.dtype))
    outside = (labels < 0) | (labels >= len(class_names))
    if outside.any():
        raise BadInput(
            f"a label of the {split} events is out of range",
            where=f"event {int(np.flatnonzero(outside)[0])} of the split",
            expected=f"0 to {len(class_names) - 1} ({', '.join(class_names)})",
            found=str(labels[outside][0]),
        )
    check_finite(features)


def check_finite(features: NDArray[Any]) -> None:
    """Refuse features that are not finite.

    Raises:
        BadInput: naming the first one.
    """
    if not np.isfinite(features).all():
        event, column = np.argwhere(~np.isfinite(features))[0]
        raise BadInput(
            "a feature is not a finite number", where=f"event {event} of the split, feature {column}"
        )


def one_thread() -> AbstractContextManager[Any]:
    """OpenMP, which scikit-learn's trees use, on one thread while the block runs."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="openmp")
    return limits

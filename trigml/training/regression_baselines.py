"""What a network that measures an energy has to beat: the calibrated sum, and trees on the same inputs.

Both are yardsticks, not products: nothing of them is saved but what they give on the test split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from trigml.data.layout import Column
from trigml.errors import BadInput
from trigml.json_files import read_json_object
from trigml.progress import Progress, Silent
from trigml.runs import Run, names
from trigml.spec import InputsSpec
from trigml.training.baseline import MAX_EVENTS, TREE_SETTINGS, at_most, check_finite, one_thread

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedSum:
    """Sums of groups of inputs, each times one factor; the same factors for all particle types.

    Attributes:
        groups: per group, the places of its inputs: those in the target's unit.
        factors: per group.
    """

    groups: tuple[NDArray[np.intp], ...]
    factors: tuple[float, ...]

    def predictions(self, features: Floats) -> Floats:
        """(n,) in the target's unit, for ``features`` of shape (n, F)."""
        return np.asarray(_sums(features, self.groups) @ np.array(self.factors), dtype=np.float32)


def calibrated_sum(
    features: Floats, truth: Floats, inputs: InputsSpec, columns: tuple[Column, ...], unit: str
) -> CalibratedSum | None:
    """Fit the factors by least squares of the relative error.

    Each image of the spec's cells (such as ECAL and HCAL) is a group of its own; all other inputs in the
    target's unit are one more. A group without energy in any event gets the factor 0.

    Args:
        features: training events (n, F), as they are in the files.
        truth: (n,), above 0.
        inputs: of the spec.
        columns: of the features.
        unit: of the target.

    Returns:
        ``None`` if no input has the target's unit.
    """
    groups = _groups(inputs, columns, unit)
    if not groups:
        return None
    relative = _sums(features, groups) / truth[:, np.newaxis]
    factors = np.linalg.lstsq(relative, np.ones(len(truth)), rcond=None)[0]
    return CalibratedSum(groups, tuple(factors.tolist()))


def stored_sum(run: Run, unit: str) -> CalibratedSum | None:
    """The sum that was calibrated in a run's training; ``None`` if the run holds no factors of one.

    Args:
        run: of a regression.
        unit: of its target.

    Raises:
        BadInput: the factors are not those of the run's inputs.
    """
    path = run.path / names.HISTORY
    if not path.is_file():
        return None
    history = read_json_object(path, "a file of this run")
    inputs = [Column(feature.name, feature.unit) for feature in run.contract.features]
    groups = _groups(run.spec.inputs, tuple(inputs), unit)
    try:
        parts = history["calibrated_sum"].get("parts", [])
        sizes, factors = [part["inputs"] for part in parts], tuple(float(part["factor"]) for part in parts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("the history of this run has no calibrated sum", where=str(path)) from error
    if parts and sizes != [len(group) for group in groups]:
        raise BadInput(
            "the calibrated sum of this run is that of other inputs",
            where=str(path),
            expected=", ".join(str(len(group)) for group in groups) + " inputs",
            found=", ".join(map(str, sizes)),
        )
    return CalibratedSum(groups, factors) if parts else None


def _groups(inputs: InputsSpec, columns: tuple[Column, ...], unit: str) -> tuple[NDArray[np.intp], ...]:
    group_of = np.zeros(len(columns), dtype=np.intp)
    if inputs.cells is not None and inputs.cells.images:
        own = len(inputs.features)
        sizes = [int(np.prod(image)) for image in inputs.cells.images]
        group_of[own:] = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    in_unit = np.array([column.unit == unit for column in columns])
    groups = (np.flatnonzero(in_unit & (group_of == group)) for group in range(group_of.max() + 1))
    return tuple(group for group in groups if len(group))


def _sums(features: Floats, groups: tuple[NDArray[np.intp], ...]) -> NDArray[np.float64]:
    return np.stack([features[:, group].sum(axis=1, dtype=np.float64) for group in groups], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class RegressionTrees:
    """Predictions of a trained ensemble.

    Attributes:
        predictions: (n,) of the events asked for.
        n_rounds: boosting rounds that are used: those up to the lowest validation loss.
        validation_loss: mean squared relative error of the validation events after them.
        n_events: training events used.
    """

    predictions: Floats
    n_rounds: int
    validation_loss: float
    n_events: int


def regression_trees(
    training: tuple[Floats, Floats],
    validation: tuple[Floats, Floats],
    wanted: Floats,
    *,
    seed: int = 0,
    max_events: int = MAX_EVENTS,
    progress: Progress = Silent(),
) -> RegressionTrees:
    """Train scikit-learn's histogram-based gradient boosting on the squared relative error, and apply it.

    The settings are those of the classifiers' trees (``trigml.training.baseline``); an event's weight is the
    inverse square of its true energy, which makes the squared error a relative one.

    Args:
        training: features (n, F), finite, and the truth (n,), above 0.
        validation: the same of the events that decide when to stop.
        wanted: features of the events to predict.
        seed: chooses the events when there are more than ``max_events``, and the bins' subsample.
        max_events: use at most so many training events, chosen at random, and as many for validation.
        progress: who listens.

    Raises:
        BadInput: a feature is not finite.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng = np.random.default_rng(seed)
    features, truth = at_most(max_events, *training, rng)
    held_features, held_truth = at_most(max_events, *validation, rng)
    for values in (features, held_features, wanted):
        check_finite(values)
    weights, held_weights = (1 / energies.astype(np.float64) ** 2 for energies in (truth, held_truth))
    model = HistGradientBoostingRegressor(loss="squared_error", random_state=seed, **TREE_SETTINGS)
    with progress.task(f"boosted trees on {len(truth):,} events"), one_thread():
        model.fit(
            features,
            truth,
            sample_weight=weights,
            X_val=held_features,
            y_val=held_truth,
            sample_weight_val=held_weights,
        )
        stages = model.staged_predict(held_features)
        losses = [float(np.mean((stage / held_truth - 1) ** 2)) for stage in stages]
        best = int(np.argmin(losses))
        for number, stage in enumerate(model.staged_predict(wanted)):
            if number == best:
                predictions = stage.astype(np.float32)
                break
    found = RegressionTrees(predictions, best + 1, losses[best], len(truth))
    progress.detail(f"boosted trees: {found.n_rounds} rounds, validation loss {found.validation_loss:.5f}")
    return found

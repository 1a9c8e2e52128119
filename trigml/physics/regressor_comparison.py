"""What one regressor does better or worse than another on the same events, as ratios candidate / reference.

A ratio above 1 means that the candidate is worse. Both models see the same fluctuations, so a ratio is known
much better than the two figures: the uncertainties are from a paired bootstrap, in which a resample draws the
same events for both (from within each bin of true energy).

The stochastic term is no figure that can be compared as it is: in a fit of σ/E = a/√E ⊕ b/E ⊕ c the terms
trade against each other, so that a may rise because c falls. Three ratios answer three questions:

* ``width``: the geometric mean over the bins of the ratio of σ/E. It needs no formula.
* ``stochastic``: the ratio a / a in one fit of both models in which each has its own a, and b and c are
  common. All of the difference in resolution is then put down to the stochastic term: a candidate that is
  worse in the noise or the constant term only, is shown to be worse. This is for models that differ little,
  as float and quantised do, and for gates.
* ``free``: the ratio a / a of separate fits in which each model has all three terms. This is for models that
  differ in kind, as a sum and a network do; it is known less well, and says nothing of b and c.

The fits minimise the χ² of ``resolution_fit`` under the condition that no term is negative; the uncertainties
of the bins are the bootstrap's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.errors import BadInput
from trigml.physics.regression import checked_energies, energy_edges, groups_of
from trigml.physics.resolution import bin_members, checked_edges, middle_and_ends, why_not
from trigml.physics.resolution_fit import FEWEST_BINS, term_shapes
from trigml.physics.uncertainties import FloatArray, Measured, NotMeasured

RESAMPLES = 200
_STEPS = 50
_SETTLED = 1e-10
_MOST_AT_BOUND = 0.1
"""In more resamples than these a stochastic term may not be at its bound, or the ratio is not measured."""


@dataclass(frozen=True, slots=True)
class BinRatio:
    """Ratio of the resolutions (half-width of the central 68.27 % / median) in one bin of true energy.

    Attributes:
        lower, upper: edges in GeV.
        energy: 1 / ⟨1/E⟩ in GeV, as in ``EnergyBin``.
        n_events: in the bin.
        ratio: candidate / reference.
    """

    lower: float
    upper: float
    energy: float
    n_events: int
    ratio: Measured

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "lower": self.lower,
            "upper": self.upper,
            "energy": self.energy,
            "n_events": self.n_events,
            "ratio": self.ratio.to_json(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class TypeComparison:
    """Candidate / reference for one particle type, or for all together; the module says what is what.

    Attributes:
        name: of the particle type, or ``all``.
        n_events: in the sample.
        width: geometric mean of the bins' ratios.
        stochastic: ratio of the stochastic terms with common b and c.
        free: ratio of the stochastic terms of separate fits.
        bins: the ratio in each bin in which both models can be measured.
    """

    name: str
    n_events: int
    width: Measured | NotMeasured
    stochastic: Measured | NotMeasured
    free: Measured | NotMeasured
    bins: tuple[BinRatio, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "n_events": self.n_events,
            "width": self.width.to_json(),
            "stochastic": self.stochastic.to_json(),
            "stochastic_of_free_fits": self.free.to_json(),
            "bins": [found.to_json() for found in self.bins],
        }


@dataclass(frozen=True, slots=True, eq=False)
class RegressorComparison:
    """A candidate against a reference on the same ``n_events``.

    Attributes:
        edges: of the bins of true energy, in GeV.
        overall: all types together, in the proportions of the sample.
        types: per particle type, in the order of the names.
    """

    n_events: int
    edges: tuple[float, ...]
    overall: TypeComparison
    types: tuple[TypeComparison, ...]

    @property
    def groups(self) -> tuple[TypeComparison, ...]:
        """What tables and plots show: each type, and all together if there are several."""
        return self.types if len(self.types) == 1 else (*self.types, self.overall)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "n_events": self.n_events,
            "edges": list(self.edges),
            "overall": self.overall.to_json(),
            "types": [comparison.to_json() for comparison in self.types],
        }


def compare_regressors(
    reference: NDArray[Any],
    candidate: NDArray[Any],
    truth: NDArray[Any],
    types: NDArray[np.integer[Any]],
    type_names: Sequence[str],
    *,
    bins: ArrayLike | None = None,
    seed: int = 1,
    resamples: int = RESAMPLES,
) -> RegressorComparison:
    """Compare the resolutions of two regressors on the same events in the same order.

    Args:
        reference, candidate: (n,) predictions; scales do not matter, as resolutions are relative.
        truth, types, type_names, bins: as of ``regressor_performance``.
        seed: of the bootstrap; the same seed gives the same uncertainties.
        resamples: of the bootstrap, at least 10.

    Raises:
        BadInput: as ``regressor_performance``.
    """
    ours, true = checked_energies(reference, truth, types, type_names)
    theirs, _ = checked_energies(candidate, truth, types, type_names)
    edges = energy_edges(true, len(type_names)) if bins is None else checked_edges(ours, true, bins)
    if resamples < 10:
        raise BadInput("a bootstrap needs at least 10 resamples", found=str(resamples))
    overall, *kinds = (
        _compared(
            name, np.stack([ours, theirs])[:, chosen], true[chosen], edges, seed=seed, resamples=resamples
        )
        for name, chosen in groups_of(types, type_names)
    )
    return RegressorComparison(len(true), tuple(edges.tolist()), overall, tuple(kinds))


@dataclass(frozen=True, slots=True, eq=False)
class _PairedBin:
    """Resolutions of both models in one bin.

    Attributes:
        lower, upper, energy, n_events: as of ``BinRatio``.
        widths: (2,), reference and candidate.
        drawn: (resamples, 2), the same in each resample of the events.
    """

    lower: float
    upper: float
    energy: float
    n_events: int
    widths: FloatArray
    drawn: FloatArray

    @property
    def ratio(self) -> BinRatio:
        ratios = self.drawn[:, 1] / self.drawn[:, 0]
        value = Measured(float(self.widths[1] / self.widths[0]), float(ratios.std(ddof=1)))
        return BinRatio(self.lower, self.upper, self.energy, self.n_events, value)


def _compared(
    name: str, values: FloatArray, true: FloatArray, edges: FloatArray, *, seed: int, resamples: int
) -> TypeComparison:
    """The comparison of one type: ``values`` is (2, n), reference and candidate."""
    pairs = tuple(_paired_bins(values, true, edges, seed, resamples))
    if not pairs:
        nothing = NotMeasured("no bin of true energy in which both models can be measured")
        return TypeComparison(name, len(true), nothing, nothing, nothing, ())
    widths = np.stack([pair.widths for pair in pairs], axis=1)
    drawn = np.stack([pair.drawn for pair in pairs], axis=2)
    errors = drawn.std(axis=0, ddof=1)
    shapes = term_shapes(np.array([pair.energy for pair in pairs]))
    return TypeComparison(
        name=name,
        n_events=len(true),
        width=_ratio(_width_ratio, widths, drawn),
        stochastic=_fitted_ratio(lambda both: _common_ratio(shapes, both, errors), widths, drawn, errors),
        free=_fitted_ratio(lambda both: _free_ratio(shapes, both, errors), widths, drawn, errors),
        bins=tuple(pair.ratio for pair in pairs),
    )


def _paired_bins(
    values: FloatArray, true: FloatArray, edges: FloatArray, seed: int, resamples: int
) -> Iterator[_PairedBin]:
    rng = np.random.default_rng(seed)
    for lower, upper, inside in bin_members(true, edges):
        responses = values[:, inside] / true[inside]
        if any(why_not(model) for model in responses):
            continue
        n = len(inside)
        yield _PairedBin(
            lower=lower,
            upper=upper,
            energy=float(1 / np.mean(1 / true[inside])),
            n_events=n,
            widths=_resolutions(responses),
            drawn=np.stack([_resolutions(responses[:, rng.integers(0, n, n)]) for _ in range(resamples)]),
        )


def _resolutions(responses: FloatArray) -> FloatArray:
    """(2,): half-width of the central 68.27 % / median of the responses (2, n) of each model."""
    low, median, high = middle_and_ends(np.sort(responses, axis=1))
    return np.asarray((high - low) / 2 / median)


def _width_ratio(widths: FloatArray) -> float | None:
    return float(np.exp(np.mean(np.log(widths[1] / widths[0])))) if (widths > 0).all() else None


def _common_ratio(shapes: FloatArray, widths: FloatArray, errors: FloatArray) -> float | None:
    """a / a in a fit with common b and c."""
    stochastic, noise, constant = shapes
    nothing = np.zeros_like(stochastic)
    columns = np.stack(
        [
            np.concatenate([stochastic, nothing]),
            np.concatenate([nothing, stochastic]),
            np.tile(noise, 2),
            np.tile(constant, 2),
        ]
    )
    squares = _squared_terms(columns, widths.ravel(), errors.ravel())
    return _root_ratio(squares[1], squares[0])


def _free_ratio(shapes: FloatArray, widths: FloatArray, errors: FloatArray) -> float | None:
    """a / a of separate fits."""
    ours, theirs = (_squared_terms(shapes, widths[model], errors[model])[0] for model in (0, 1))
    return _root_ratio(theirs, ours)


def _root_ratio(above: float, below: float) -> float | None:
    # The steps of the fit settle at 1e-10: two equal models are equal.
    return round(float(np.sqrt(above / below)), 9) if above > 0 and below > 0 else None


def _squared_terms(columns: FloatArray, widths: FloatArray, errors: FloatArray) -> FloatArray:
    """(k,), not negative: the x that minimise Σ ((width − √(Σ x column)) / error)², columns (k, m).

    σ² is linear in the squared terms, and around a curve f the width is (f + σ²/f) / 2: so each step is a
    linear problem with non-negative unknowns (Lawson and Hanson), with the curve of the step before.
    """
    from scipy.optimize import nnls  # type: ignore[import-untyped]

    curve = widths
    squares = np.zeros(len(columns))
    for _ in range(_STEPS):
        weight = 1 / (2 * curve * errors)
        before, (squares, _) = (
            squares,
            nnls(columns.T * weight[:, None], (2 * widths - curve) * curve * weight),
        )
        curve = np.sqrt(squares @ columns)
        if not (curve > 0).all() or np.abs(squares - before).max() <= _SETTLED * squares.max():
            break
    return np.asarray(squares)


def _fitted_ratio(
    ratio: Callable[[FloatArray], float | None], widths: FloatArray, drawn: FloatArray, errors: FloatArray
) -> Measured | NotMeasured:
    n_bins = widths.shape[1]
    if n_bins < FEWEST_BINS:
        return NotMeasured(f"{n_bins} bins of true energy, at least {FEWEST_BINS} are needed for a fit")
    if not (errors > 0).all():
        return NotMeasured("a bin shows no spread at all")
    return _ratio(ratio, widths, drawn)


def _ratio(
    ratio: Callable[[FloatArray], float | None], widths: FloatArray, drawn: FloatArray
) -> Measured | NotMeasured:
    """The ratio with half the width of the central 68.27 % of its resamples."""
    value = ratio(widths)
    resampled = [ratio(sample) for sample in drawn]
    at_bound = resampled.count(None)
    if value is None or at_bound > _MOST_AT_BOUND * len(resampled):
        where = "the fit" if value is None else f"{at_bound} of {len(resampled)} resamples"
        return NotMeasured(f"a stochastic term may be 0, it is at its bound in {where}")
    # A resample at the bound, whose ratio may be anything, counts in both tails.
    low, _, _ = middle_and_ends(np.sort([0.0 if one is None else one for one in resampled]))
    _, _, high = middle_and_ends(np.sort([np.inf if one is None else one for one in resampled]))
    return Measured(value, float(high - low) / 2)

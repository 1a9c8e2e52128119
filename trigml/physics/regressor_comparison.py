"""What one regressor does better or worse than another on the same events, as ratios candidate / reference.

A ratio above 1 means that the candidate is worse. Both models see the same fluctuations, so a ratio is known
much better than the two figures: the uncertainties are from a paired bootstrap, in which a resample draws the
same events for both (from within each bin of true energy).

The stochastic term is no figure that can be compared as it is: in a fit of σ/E = a/√E ⊕ b/E ⊕ c the terms
trade against each other, so that a may rise because c falls. Four ratios answer four questions:

* ``width``: the geometric mean over the bins of the ratio of σ/E. It needs no formula.
* ``corrected``: the same of the resolutions corrected for the slope of the response (``response_slope``),
  over all bins but the first and the last. It does not change if a model is recalibrated, and a model that
  knows the range of the sample gains nothing from it: between models that differ in kind this is the fair
  measure.
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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.physics.many_fits import squared_terms
from trigml.physics.regression import checked_energies, energy_edges, groups_of
from trigml.physics.resampling import check_resamples
from trigml.physics.resolution import checked_edges, middle_and_ends
from trigml.physics.resolution_fit import FEWEST_BINS, term_shapes
from trigml.physics.response_slope import DrawnBin, corrected, drawn_bins
from trigml.physics.uncertainties import FloatArray, Measured, NotMeasured

RESAMPLES = 200
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
        corrected: ratio of the resolutions corrected for the slope, or why there is none.
    """

    lower: float
    upper: float
    energy: float
    n_events: int
    ratio: Measured
    corrected: Measured | NotMeasured

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "lower": self.lower,
            "upper": self.upper,
            "energy": self.energy,
            "n_events": self.n_events,
            "ratio": self.ratio.to_json(),
            "ratio_corrected_for_slope": self.corrected.to_json(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class TypeComparison:
    """Candidate / reference for one particle type, or for all together; the module says what is what.

    Attributes:
        name: of the particle type, or ``all``.
        n_events: in the sample.
        width: geometric mean of the bins' ratios.
        corrected: that of the ratios corrected for the slope.
        stochastic: ratio of the stochastic terms with common b and c.
        free: ratio of the stochastic terms of separate fits.
        bins: the ratio in each bin in which both models can be measured.
    """

    name: str
    n_events: int
    width: Measured | NotMeasured
    corrected: Measured | NotMeasured
    stochastic: Measured | NotMeasured
    free: Measured | NotMeasured
    bins: tuple[BinRatio, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "n_events": self.n_events,
            "width": self.width.to_json(),
            "width_corrected_for_slope": self.corrected.to_json(),
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
    check_resamples(resamples)
    overall, *kinds = (
        _compared(
            name, np.stack([ours, theirs])[:, chosen], true[chosen], edges, seed=seed, resamples=resamples
        )
        for name, chosen in groups_of(types, type_names)
    )
    return RegressorComparison(len(true), tuple(edges.tolist()), overall, tuple(kinds))


def _compared(
    name: str, values: FloatArray, true: FloatArray, edges: FloatArray, *, seed: int, resamples: int
) -> TypeComparison:
    """The comparison of one type: ``values`` is (2, n), reference and candidate."""
    bins = tuple(drawn_bins(values, true, edges, seed=seed, resamples=resamples))
    if not bins:
        nothing = NotMeasured("no bin of true energy in which both models can be measured")
        return TypeComparison(name, len(true), nothing, nothing, nothing, nothing, ())
    widths, drawn = _resolutions(bins)
    errors = drawn.std(axis=0, ddof=1)
    shapes = term_shapes(np.array([one.energy for one in bins]))
    whole, of_bins = _corrected_ratios(bins)
    return TypeComparison(
        name=name,
        n_events=len(true),
        width=_ratio(_width_ratio, widths, drawn),
        corrected=whole,
        stochastic=_fitted_ratio(lambda both: _common_ratio(shapes, both, errors), widths, drawn, errors),
        free=_fitted_ratio(lambda both: _free_ratio(shapes, both, errors), widths, drawn, errors),
        bins=tuple(
            BinRatio(
                lower=one.lower,
                upper=one.upper,
                energy=one.energy,
                n_events=len(one.true),
                ratio=_bin_ratio(widths[:, place], drawn[:, :, place]),
                corrected=of_bins[place],
            )
            for place, one in enumerate(bins)
        ),
    )


def _resolutions(bins: Sequence[DrawnBin]) -> tuple[FloatArray, FloatArray]:
    """Half-width of the central 68.27 % / median, (2, b) of both models, (resamples, 2, b) drawn."""
    widths = np.empty((2, len(bins)))
    drawn = np.empty((len(bins[0].counts), 2, len(bins)))
    for place, one in enumerate(bins):
        for model, predicted in enumerate(one.predicted):
            for ends, to in zip(one.ends(predicted / one.true), (widths, drawn), strict=True):
                low, median, high = ends
                to[..., model, place] = (high - low) / 2 / median
    return widths, drawn


def _bin_ratio(widths: FloatArray, drawn: FloatArray) -> Measured:
    return Measured(float(widths[1] / widths[0]), float((drawn[:, 1] / drawn[:, 0]).std(ddof=1)))


def _corrected_ratios(
    bins: Sequence[DrawnBin],
) -> tuple[Measured | NotMeasured, tuple[Measured | NotMeasured, ...]]:
    """The ratio of the corrected resolutions: geometric mean, and in each bin."""
    ours, theirs = (corrected(bins, model) for model in (0, 1))
    if isinstance(ours, NotMeasured) or isinstance(theirs, NotMeasured):
        nothing = next(one for one in (ours, theirs) if isinstance(one, NotMeasured))
        return nothing, (nothing,) * len(bins)
    reasons = [one or other for one, other in zip(ours.why_not, theirs.why_not, strict=True)]
    widths = np.stack([ours.widths, theirs.widths])
    drawn = np.stack([ours.drawn_widths, theirs.drawn_widths], axis=1)

    def over(places: list[int]) -> Measured | NotMeasured:
        return _ratio(_width_ratio, widths[:, places], drawn[:, :, places])

    usable = [place for place, reason in enumerate(reasons) if not reason]
    return (
        over(usable) if usable else NotMeasured("no bin in which both models can be corrected for the slope"),
        tuple(NotMeasured(reason) if reason else over([place]) for place, reason in enumerate(reasons)),
    )


def _width_ratio(widths: FloatArray) -> FloatArray:
    """(samples,), geometric mean of the ratios of widths (samples, 2, b); NaN if one of them is none."""
    is_good = (np.isfinite(widths) & (widths > 0)).all(axis=(1, 2))
    ratios = np.full(len(widths), np.nan)
    ratios[is_good] = np.exp(np.log(widths[is_good, 1] / widths[is_good, 0]).mean(axis=1))
    return ratios


def _common_ratio(shapes: FloatArray, widths: FloatArray, errors: FloatArray) -> FloatArray:
    """(samples,), a / a in fits of widths (samples, 2, b) with common b and c."""
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
    squares = squared_terms(columns, widths.reshape(len(widths), -1), errors.ravel())
    return _root_ratio(squares[:, 1], squares[:, 0])


def _free_ratio(shapes: FloatArray, widths: FloatArray, errors: FloatArray) -> FloatArray:
    """(samples,), a / a of separate fits of widths (samples, 2, b)."""
    ours, theirs = (squared_terms(shapes, widths[:, model], errors[model])[:, 0] for model in (0, 1))
    return _root_ratio(theirs, ours)


def _root_ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """NaN where one of them is 0."""
    ratios = np.full(len(above), np.nan)
    is_good = (above > 0) & (below > 0)
    # The steps of the fit settle at 1e-10: two equal models are equal.
    ratios[is_good] = np.round(np.sqrt(above[is_good] / below[is_good]), 9)
    return ratios


def _fitted_ratio(
    ratio: Callable[[FloatArray], FloatArray], widths: FloatArray, drawn: FloatArray, errors: FloatArray
) -> Measured | NotMeasured:
    n_bins = widths.shape[1]
    if n_bins < FEWEST_BINS:
        return NotMeasured(f"{n_bins} bins of true energy, at least {FEWEST_BINS} are needed for a fit")
    if not (errors > 0).all():
        return NotMeasured("a bin shows no spread at all")
    return _ratio(ratio, widths, drawn)


def _ratio(
    ratio: Callable[[FloatArray], FloatArray], widths: FloatArray, drawn: FloatArray
) -> Measured | NotMeasured:
    """The ratio with half the width of the central 68.27 % of its resamples."""
    value, resampled = float(ratio(widths[None])[0]), ratio(drawn)
    at_bound = np.isnan(resampled)
    if np.isnan(value) or at_bound.sum() > _MOST_AT_BOUND * len(resampled):
        where = "the sample itself" if np.isnan(value) else f"{at_bound.sum()} of {len(resampled)} resamples"
        return NotMeasured(f"a width or a stochastic term may be 0 or without bound, it is in {where}")
    # A resample at the bound, whose ratio may be anything, counts in both tails.
    low, _, _ = middle_and_ends(np.sort(np.where(at_bound, 0.0, resampled)))
    _, _, high = middle_and_ends(np.sort(np.where(at_bound, np.inf, resampled)))
    return Measured(value, float(high - low) / 2)

"""Resolutions that a knowledge of the sample's range cannot flatter: corrected for the slope of the response.

A regressor that was trained between two energies knows them: near the ends its predictions are pulled
together, and the width of its response is smaller than what it knows of the energy. What counts is how well
two true energies can be told apart. With m(E) the median prediction, the slope d ln m / d ln E says by how
much the predictions differ if the true energies do, and the resolution in true energy is, to first order,
(width / median) / slope.

It does not change if the output is recalibrated by any rising function g: locally g is a power law of some
exponent p, which multiplies the relative width and the slope alike. For the same reason it is the resolution
that a threshold on the output has in true energy. The efficiency of the threshold t at E is the part of
predictions above t, it is 50 % where m(E) = t, and g(prediction) > g(t) selects the same events: the width
of a turn-on in true energy does not change either. An uncorrected resolution does: p = 0.5 halves it.

Here the power law is undone event by event: in a bin of true energy with slope s, the ends and the median of
prediction / E^s are raised to 1/s before half-width and median are divided. So large widths are invariant,
too, and with s = 1 it is the resolution as it is.

The slope is the derivative of a polynomial in ln E fitted to ln of the bins' median predictions, of half as
high a degree as there are bins, and at most the fifth: a cubic smears the bend at an end of the range, which
is as short as a bin of ten, over its neighbours. The first and the last bin have a neighbour on one side
only: there a polynomial is worth little (another degree gives another slope), and there the range of the
sample bends the response most. They count for the polynomial, but are not corrected.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.physics.resampling import check_resamples, drawn_counts, drawn_ordered
from trigml.physics.resolution import bin_members, checked_edges, middle_and_ends, why_not
from trigml.physics.uncertainties import FloatArray, Measured, NotMeasured

FEWEST_BINS = 4
"""With fewer bins there is no slope: the curve would go through all of their medians."""

_HIGHEST_DEGREE = 5
_FLATTENINGS = 3
"""Times that the slopes are found from predictions / E^slope of the time before; they settle to 0.01 %."""
_LEAST_POWER = 0.1
"""Where the slope is smaller or not above 0, this power of E is taken out of the predictions of a bin."""
_LEAST_SIGNIFICANCE = 5.0
"""Standard deviations by which a slope has to be above 0 before anything is divided by it."""
_MEDIAN_ERROR = math.sqrt(math.pi / 2)  # of a Gaussian's median, in standard deviations / √n


@dataclass(frozen=True, slots=True)
class CorrectedBin:
    """Slope and corrected resolution in one bin of true energy.

    Attributes:
        lower, upper: edges in GeV.
        energy: 1 / ⟨1/E⟩ in GeV, as in ``EnergyBin``.
        n_events: in the bin.
        slope: d ln(median prediction) / d ln E, in which a linear response has 1.
        resolution: σ/E corrected for the slope, or why it is not.
    """

    lower: float
    upper: float
    energy: float
    n_events: int
    slope: Measured | NotMeasured
    resolution: Measured | NotMeasured

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "lower": self.lower,
            "upper": self.upper,
            "energy": self.energy,
            "n_events": self.n_events,
            "slope": self.slope.to_json(),
            "resolution": self.resolution.to_json(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class DrawnBin:
    """The events of a bin of true energy and their resamples.

    Attributes:
        lower, upper: edges in GeV.
        predicted: (models, n), those of each model for the same events.
        true: (n,), GeV.
        counts: (resamples, n), how often each event is drawn.
    """

    lower: float
    upper: float
    predicted: FloatArray
    true: FloatArray
    counts: NDArray[np.int64]

    @property
    def energy(self) -> float:
        """1 / ⟨1/E⟩ in GeV."""
        return float(1 / np.mean(1 / self.true))

    def ends(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower end of the central 68.27 %, median, upper end: (3,) of values (n,), (3, resamples) drawn."""
        drawn = middle_and_ends(drawn_ordered(values, self.counts))
        return np.array(middle_and_ends(np.sort(values))), np.array(drawn)


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """Slopes and corrected resolutions of one model in b bins, and those of each resample of all bins.

    Attributes:
        slopes, widths: (b,).
        drawn_slopes, drawn_widths: (resamples, b); a width is infinite where the slope is not above 0.
        why_not: (b,), why a bin is not corrected; empty for one that is.
    """

    slopes: FloatArray
    widths: FloatArray
    drawn_slopes: FloatArray
    drawn_widths: FloatArray
    why_not: tuple[str, ...]


def drawn_bins(
    predicted: FloatArray, true: FloatArray, edges: FloatArray, *, seed: int, resamples: int
) -> Iterator[DrawnBin]:
    """The bins in which the width of every model can be measured, with the same resamples for all models.

    Args:
        predicted: (models, n).
        true: (n,), GeV, above 0.
        edges: (b + 1,), rising.
        seed: of the bootstrap.
        resamples: of the bootstrap, at least 10.

    Raises:
        BadInput: too few resamples.
    """
    check_resamples(resamples)
    rng = np.random.default_rng(seed)
    for lower, upper, inside in bin_members(true, edges):
        values, energies = predicted[:, inside], true[inside]
        if not any(why_not(responses) for responses in values / energies):
            yield DrawnBin(lower, upper, values, energies, drawn_counts(len(inside), resamples, rng))


def corrected_bins(
    predicted: FloatArray, true: FloatArray, edges: FloatArray, *, seed: int = 1, resamples: int = 200
) -> tuple[CorrectedBin, ...]:
    """Slope and corrected resolution in all bins in which a resolution can be measured.

    Args:
        predicted: (n,), in any unit.
        true: (n,), GeV, above 0; events outside the bins are left out.
        edges: (b + 1,), GeV, rising; the last bin contains its upper edge.
        seed: of the bootstrap; the same seed gives the same uncertainties.
        resamples: of the bootstrap, at least 10.

    Raises:
        BadInput: shapes, values or edges that cannot be used.
    """
    borders = checked_edges(predicted, true, edges)
    bins = tuple(drawn_bins(predicted[None], true, borders, seed=seed, resamples=resamples))
    found = corrected(bins, 0)
    if isinstance(found, NotMeasured):
        return tuple(CorrectedBin(b.lower, b.upper, b.energy, len(b.true), found, found) for b in bins)
    return tuple(
        CorrectedBin(
            lower=one.lower,
            upper=one.upper,
            energy=one.energy,
            n_events=len(one.true),
            slope=Measured(float(found.slopes[place]), _spread(found.drawn_slopes[:, place])),
            resolution=NotMeasured(found.why_not[place])
            if found.why_not[place]
            else Measured(float(found.widths[place]), _spread(found.drawn_widths[:, place])),
        )
        for place, one in enumerate(bins)
    )


def corrected(bins: Sequence[DrawnBin], model: int) -> Corrected | NotMeasured:
    """Slopes and corrected resolutions of one model; or why there are none."""
    if len(bins) < FEWEST_BINS:
        return NotMeasured(
            f"too few bins for the slope of the response ({len(bins)}, at least {FEWEST_BINS} are needed)"
        )
    log_energy = np.array([np.log(one.true).mean() for one in bins])
    power = np.ones(len(bins))
    for _ in range(_FLATTENINGS):
        ends = np.array(
            [middle_and_ends(np.sort(_flat(*pair, model))) for pair in zip(bins, power, strict=True)]
        )
        derivative = slope_matrix(log_energy, _errors(bins, ends, power))
        # Relative to the first, so that the unit of the predictions does not count, not even by rounding.
        power = np.maximum(_LEAST_POWER, _slopes(derivative, ends[:, 1] / ends[0, 1], power * log_energy))

    found = [one.ends(_flat(one, s, model)) for one, s in zip(bins, power, strict=True)]
    ends, drawn = np.stack([of_all for of_all, _ in found]), np.stack([of_each for _, of_each in found])
    middle = ends[0, 1]
    slopes = _slopes(derivative, ends[:, 1] / middle, power * log_energy)
    drawn_slopes = _slopes(derivative, drawn[:, 1].T / middle, power * log_energy)
    uncertain = slopes <= _LEAST_SIGNIFICANCE * drawn_slopes.std(axis=0, ddof=1)
    reasons = tuple(_reason(place, len(bins), bool(one)) for place, one in enumerate(uncertain))
    return Corrected(
        slopes,
        _widths(ends.T, slopes),
        drawn_slopes,
        _widths(drawn.transpose(1, 2, 0), drawn_slopes),
        reasons,
    )


def _flat(one: DrawnBin, power: float, model: int) -> FloatArray:
    """(n,), predictions / E^power: without what a response of this slope has of the bin's width."""
    return np.asarray(one.predicted[model] / one.true**power)


def _errors(bins: Sequence[DrawnBin], ends: FloatArray, power: FloatArray) -> FloatArray:
    """(b,), of ln of the medians, from the ends (b, 3) of predictions / E^power."""
    widths = power * _widths(ends.T, power)
    return np.asarray(_MEDIAN_ERROR * widths / np.sqrt([len(one.true) for one in bins]))


def _slopes(derivative: FloatArray, middles: FloatArray, powers: FloatArray) -> FloatArray:
    """(..., b), from medians (..., b) of predictions / E^power, to which ln E · power (b,) is added again."""
    return np.asarray((np.log(middles) + powers) @ derivative.T)


def slope_matrix(log_energy: FloatArray, errors: FloatArray) -> FloatArray:
    """(b, b), what takes ln of the median predictions to the slopes at the same energies.

    Args:
        log_energy: (b,), different ones, at least ``FEWEST_BINS``.
        errors: (b,), of ln of the medians, above 0: the weights of the fit.
    """
    middle, reach = log_energy.mean(), np.ptp(log_energy) / 2
    at = (log_energy - middle) / reach  # from about −1 to 1, for a well-conditioned fit
    degree = min(_HIGHEST_DEGREE, len(at) // 2)
    powers = np.arange(degree + 1)
    polynomial = at[:, None] ** powers
    fitted = np.linalg.pinv(polynomial / errors[:, None]) / errors
    derivative = powers[1:] * at[:, None] ** (powers[1:] - 1) / reach
    return np.asarray(derivative @ fitted[1:])


def _widths(ends: FloatArray, slopes: FloatArray) -> FloatArray:
    """(..., b), half-width / median after the power law is undone, of ends (3, ..., b), slopes (..., b)."""
    low, middle, high = ends
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        power = 1 / slopes
        widths = ((high / middle) ** power - np.maximum(low / middle, 0) ** power) / 2
    return np.where(slopes > 0, widths, np.inf)


def _spread(drawn: FloatArray) -> float:
    """Half the width of the central 68.27 % of the resamples, in which a few may be infinite."""
    low, _, high = middle_and_ends(np.sort(drawn))
    return float(high - low) / 2


def _reason(place: int, n_bins: int, is_uncertain: bool) -> str:
    if place in (0, n_bins - 1):
        return "the first and the last bin are not corrected for the slope, known there from one side only"
    if is_uncertain:
        return f"the slope of the response is not above 0 by {_LEAST_SIGNIFICANCE:g} standard deviations"
    return ""

"""Response and resolution of an energy measurement in bins of the true energy.

The response of an event is reconstructed / true energy. The resolution of a bin is relative: the width of its
responses divided by their middle, so that it does not depend on the scale of the calibration. All
uncertainties are those of the finite sample, from bootstrap (``trigml.physics.resampling``): the standard
deviation over samples of the same size drawn from the bin's events with replacement.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.errors import BadInput
from trigml.physics.resampling import check_resamples, drawn_counts, drawn_ordered
from trigml.physics.uncertainties import FloatArray, Measured

FEWEST_EVENTS = 50
"""A bin with fewer events is refused: the 16 % quantile would hang on a handful of them."""

_HALF_TAIL = 0.158655253931457  # of the central 68.27 %
_CORE = 2.0  # half-width of the window of the Gaussian core, in standard deviations
_CORE_STEPS = 50
_CORE_SETTLED = 1e-6


@dataclass(frozen=True, slots=True)
class EnergyBin:
    """Response and resolution of the events in one bin of true energy.

    Attributes:
        lower, upper: edges in GeV.
        energy: 1 / ⟨1/E⟩ of the bin's true energies in GeV, at which a/√E has its mean square over the bin.
        n_events: in the bin.
        median, mean: of the response.
        resolution: half-width of the central 68.27 % of the response / median.
        rms: standard deviation of the response, its tails and all, / mean.
        core_resolution: standard deviation / mean of the response's Gaussian core.
    """

    lower: float
    upper: float
    energy: float
    n_events: int
    median: Measured
    mean: Measured
    resolution: Measured
    rms: Measured
    core_resolution: Measured

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        measured = {name: getattr(self, name).to_json() for name in _MEASURED}
        return {
            "lower": self.lower,
            "upper": self.upper,
            "energy": self.energy,
            "n_events": self.n_events,
        } | measured


@dataclass(frozen=True, slots=True)
class LeftOutBin:
    """A bin of true energy in which nothing can be measured, and why.

    Attributes:
        lower, upper: edges in GeV.
        n_events: in the bin.
        reason: why.
    """

    lower: float
    upper: float
    n_events: int
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


_MEASURED = ("median", "mean", "resolution", "rms", "core_resolution")
_SHRINK = math.sqrt(
    1 - 2 * _CORE * math.exp(-(_CORE**2) / 2) / math.sqrt(2 * math.pi) / math.erf(_CORE / math.sqrt(2))
)  # of the spread of a Gaussian that is cut at ±_CORE


def half_width(responses: FloatArray) -> float:
    """Half the width of the central 68.27 % of the responses, (n,).

    For a Gaussian it is the standard deviation; tails count only by how many events they hold.
    """
    low, _, high = middle_and_ends(np.sort(responses))
    return float(high - low) / 2


def middle_and_ends(ordered: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lower end of the central 68.27 %, median and upper end, along the last axis of rising values.

    As ``numpy.quantile`` interpolates, without its checks: a bootstrap does this very often.
    """

    def quantile(part: float) -> FloatArray:
        place = part * (ordered.shape[-1] - 1)
        below, above = math.floor(place), math.ceil(place)
        return np.asarray(ordered[..., below] + (place - below) * (ordered[..., above] - ordered[..., below]))

    return quantile(_HALF_TAIL), quantile(0.5), quantile(1 - _HALF_TAIL)


def gaussian_core(responses: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation of the Gaussian core of the responses, (n,).

    Mean and standard deviation of the responses within ±2 standard deviations of the mean, again and again
    from the median and the half-width on. The cut makes the spread of a Gaussian smaller by the square root
    of 1 − 2 k φ(k) / (2 Φ(k) − 1), k = 2, which is corrected for; so a pure Gaussian keeps its width, and
    tails beyond 2 standard deviations have no weight.
    """
    middle, width = _ordered_core(np.sort(responses)[None])
    return float(middle[0]), float(width[0])


def _ordered_core(ordered: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Middle and width, (samples,) each, of the core of rising responses (samples, n)."""
    low, middle, high = middle_and_ends(ordered)
    # Sums of every stretch of the ordered responses; relative to the middle, so that nothing cancels.
    apart = ordered - middle[:, None]
    sums, squares = _running_sums(apart), _running_sums(apart**2)
    offset, width = np.zeros(len(ordered)), (high - low) / 2
    going = np.arange(len(ordered))
    for _ in range(_CORE_STEPS):
        reach = _CORE * width[going]
        first = (apart[going] < (offset[going] - reach)[:, None]).sum(axis=1)
        end = (apart[going] <= (offset[going] + reach)[:, None]).sum(axis=1)
        going, first, end = going[end > first], first[end > first], end[end > first]
        # One without events lies between two heaps of equal responses, and stays as it is.
        offset[going] = (sums[going, end] - sums[going, first]) / (end - first)
        variance = (squares[going, end] - squares[going, first]) / (end - first) - offset[going] ** 2
        before, width[going] = width[going], np.sqrt(np.maximum(0, variance)) / _SHRINK
        going = going[np.abs(width[going] - before) > _CORE_SETTLED * width[going]]
        if not len(going):
            break
    return middle + offset, width


def _running_sums(values: FloatArray) -> FloatArray:
    """(samples, n + 1), the sum of all values before each place, from 0 on."""
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def energy_bins(
    reconstructed: FloatArray, true: FloatArray, edges: ArrayLike, *, seed: int = 1, resamples: int = 200
) -> tuple[EnergyBin, ...]:
    """Response and resolution in every bin of true energy.

    Args:
        reconstructed: (n,), in the unit of ``true`` (or any other one: the resolutions do not depend on it).
        true: (n,), GeV, above 0; events outside the bins are left out.
        edges: (b + 1,), GeV, rising; the last bin contains its upper edge.
        seed: of the bootstrap; the same seed gives the same uncertainties.
        resamples: of the bootstrap, at least 10.

    Raises:
        BadInput: shapes, values or edges that cannot be used, fewer than ``FEWEST_EVENTS`` in a bin, or a bin
            whose median response is not above 0.
    """
    measured, left_out = usable_bins(reconstructed, true, edges, seed=seed, resamples=resamples)
    for unusable in left_out:
        raise BadInput(
            unusable.reason,
            where=f"true energy from {unusable.lower:g} to {unusable.upper:g} GeV",
            remedy="wider bins or a larger sample",
        )
    return measured


def usable_bins(
    reconstructed: FloatArray, true: FloatArray, edges: ArrayLike, *, seed: int = 1, resamples: int = 200
) -> tuple[tuple[EnergyBin, ...], tuple[LeftOutBin, ...]]:
    """As ``energy_bins``, but bins in which nothing can be measured are left out, and told.

    Raises:
        BadInput: shapes, values or edges that cannot be used.
    """
    borders = checked_edges(reconstructed, true, edges)
    check_resamples(resamples)
    rng = np.random.default_rng(seed)
    measured, left_out = [], []
    for lower, upper, inside in bin_members(true, borders):
        responses = reconstructed[inside] / true[inside]
        if reason := why_not(responses):
            left_out.append(LeftOutBin(lower, upper, len(responses), reason))
        else:
            measured.append(_bin(responses, true[inside], (lower, upper), rng, resamples))
    return tuple(measured), tuple(left_out)


def bin_members(true: FloatArray, edges: FloatArray) -> Iterator[tuple[float, float, NDArray[np.intp]]]:
    """Per bin its edges and the places of its events; the last bin contains its upper edge."""
    index = np.searchsorted(edges, true, side="right") - 1
    index[true == edges[-1]] = len(edges) - 2
    for place, (lower, upper) in enumerate(pairwise(edges.tolist())):
        yield lower, upper, np.flatnonzero(index == place)


def why_not(responses: FloatArray) -> str:
    """Why a width cannot be measured of these responses, (n,); empty if it can."""
    if len(responses) < FEWEST_EVENTS:
        return f"too few events ({len(responses)}, at least {FEWEST_EVENTS} are needed)"
    if np.quantile(responses, _HALF_TAIL) <= 0:
        return "16 % of the events or more have no energy; a relative width needs a response above 0"
    if half_width(responses) == 0:
        return "the central 68.27 % of the events all have the same response"
    return ""


def _bin(
    responses: FloatArray,
    true: FloatArray,
    edges: tuple[float, float],
    rng: np.random.Generator,
    resamples: int,
) -> EnergyBin:
    drawn = drawn_ordered(responses, drawn_counts(len(responses), resamples, rng))
    spread = _figures(drawn).std(axis=1, ddof=1)
    values = _figures(np.sort(responses)[None])[:, 0]
    measured = {
        name: Measured(float(value), float(error))
        for name, value, error in zip(_MEASURED, values, spread, strict=True)
    }
    return EnergyBin(
        lower=edges[0],
        upper=edges[1],
        energy=float(1 / np.mean(1 / true)),
        n_events=len(responses),
        **measured,
    )


def _figures(ordered: FloatArray) -> FloatArray:
    """(5, samples), the figures of ``_MEASURED``, in its order, of rising responses (samples, n)."""
    low, median, high = middle_and_ends(ordered)
    mean, spread = ordered.mean(axis=1), ordered.std(axis=1)
    middle, width = _ordered_core(ordered)
    return np.stack([median, mean, (high - low) / 2 / median, spread / mean, width / middle])


def checked_edges(reconstructed: NDArray[Any], true: NDArray[Any], edges: ArrayLike) -> FloatArray:
    """The edges as an array.

    Raises:
        BadInput: shapes, values or edges that cannot be used.
    """
    if reconstructed.ndim != 1 or reconstructed.shape != true.shape:
        raise BadInput(
            "reconstructed and true energies do not fit together",
            found=f"{reconstructed.shape} and {true.shape}",
        )
    if not (np.isfinite(reconstructed).all() and np.isfinite(true).all() and (true > 0).all()):
        raise BadInput("an energy is not finite, or a true energy not above 0")
    borders = np.asarray(edges, dtype=np.float64)
    if borders.ndim != 1 or len(borders) < 2 or not (np.diff(borders) > 0).all() or borders[0] < 0:
        raise BadInput(
            "the edges of the energy bins have to rise from 0 or above", found=str(borders.tolist())
        )
    return borders

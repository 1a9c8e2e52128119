"""Response and resolution of an energy measurement in bins of the true energy.

The response of an event is reconstructed / true energy. The resolution of a bin is relative: the width of its
responses divided by their middle, so that it does not depend on the scale of the calibration. All
uncertainties are those of the finite sample, from bootstrap (Efron, Ann. Statist. 7 (1979) 1): the standard
deviation over samples of the same size drawn from the bin's events with replacement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.errors import BadInput
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
        core_resolution: standard deviation / mean of the response's Gaussian core.
    """

    lower: float
    upper: float
    energy: float
    n_events: int
    median: Measured
    mean: Measured
    resolution: Measured
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


_MEASURED = ("median", "mean", "resolution", "core_resolution")
_SHRINK = math.sqrt(
    1 - 2 * _CORE * math.exp(-(_CORE**2) / 2) / math.sqrt(2 * math.pi) / math.erf(_CORE / math.sqrt(2))
)  # of the spread of a Gaussian that is cut at ±_CORE


def half_width(responses: FloatArray) -> float:
    """Half the width of the central 68.27 % of the responses, (n,).

    For a Gaussian it is the standard deviation; tails count only by how many events they hold.
    """
    low, high = np.quantile(responses, (_HALF_TAIL, 1 - _HALF_TAIL))
    return float(high - low) / 2


def gaussian_core(responses: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation of the Gaussian core of the responses, (n,).

    Mean and standard deviation of the responses within ±2 standard deviations of the mean, again and again
    from the median and the half-width on. The cut makes the spread of a Gaussian smaller by the square root
    of 1 − 2 k φ(k) / (2 Φ(k) − 1), k = 2, which is corrected for; so a pure Gaussian keeps its width, and
    tails beyond 2 standard deviations have no weight.
    """
    ordered = np.sort(responses)
    median = float(np.median(ordered))
    # Sums of every stretch of the ordered responses; relative to the median, so that nothing cancels.
    sums = np.concatenate(([0.0], np.cumsum(ordered - median)))
    squares = np.concatenate(([0.0], np.cumsum((ordered - median) ** 2)))
    offset, width = 0.0, half_width(ordered)
    for _ in range(_CORE_STEPS):
        reach = _CORE * width
        first = int(np.searchsorted(ordered, median + offset - reach, side="left"))
        end = int(np.searchsorted(ordered, median + offset + reach, side="right"))
        n = end - first
        offset = (sums[end] - sums[first]) / n
        before, width = width, math.sqrt(max(0.0, (squares[end] - squares[first]) / n - offset**2)) / _SHRINK
        if abs(width - before) <= _CORE_SETTLED * width:
            break
    return median + float(offset), width


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
    borders = _checked_edges(reconstructed, true, edges)
    if resamples < 10:
        raise BadInput("a bootstrap needs at least 10 resamples", found=str(resamples))
    rng = np.random.default_rng(seed)
    index = np.searchsorted(borders, true, side="right") - 1
    index[true == borders[-1]] = len(borders) - 2
    return tuple(
        _bin(
            reconstructed[index == i] / true[index == i], true[index == i], borders[i : i + 2], rng, resamples
        )
        for i in range(len(borders) - 1)
    )


def _bin(
    responses: FloatArray, true: FloatArray, edges: FloatArray, rng: np.random.Generator, resamples: int
) -> EnergyBin:
    where = f"true energy from {edges[0]:g} to {edges[1]:g} GeV"
    if len(responses) < FEWEST_EVENTS:
        raise BadInput(
            "too few events in a bin of true energy",
            where=where,
            expected=f"at least {FEWEST_EVENTS}",
            found=str(len(responses)),
            remedy="wider bins or a larger sample",
        )
    if np.quantile(responses, _HALF_TAIL) <= 0:
        raise BadInput(
            "a relative resolution needs a response above 0",
            where=where,
            found="16 % of the events or more have no energy",
        )
    ordered = np.sort(responses)
    n = len(ordered)
    drawn = [
        _figures(np.repeat(ordered, np.bincount(rng.integers(0, n, n), minlength=n)))
        for _ in range(resamples)
    ]
    spread = np.std(drawn, axis=0, ddof=1)
    values = _figures(ordered)
    measured = {
        name: Measured(float(value), float(error))
        for name, value, error in zip(_MEASURED, values, spread, strict=True)
    }
    return EnergyBin(
        lower=float(edges[0]),
        upper=float(edges[1]),
        energy=float(1 / np.mean(1 / true)),
        n_events=len(responses),
        **measured,
    )


def _figures(responses: FloatArray) -> tuple[float, float, float, float]:
    """The figures of ``_MEASURED``, in its order."""
    median = float(np.median(responses))
    middle, width = gaussian_core(responses)
    return median, float(responses.mean()), half_width(responses) / median, width / middle


def _checked_edges(reconstructed: NDArray[Any], true: NDArray[Any], edges: ArrayLike) -> FloatArray:
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

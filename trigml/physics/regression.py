"""How well a regressor measures the energy on a test sample: response and resolution, per particle type.

The response of an event is predicted / true. All uncertainties are those of the finite sample, by bootstrap.
What cannot be measured on a sample is ``NotMeasured``, with the reason; it is never replaced by a number.
Two models on the same events are compared by ``trigml.physics.regressor_comparison``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.errors import BadInput
from trigml.physics.resolution import FEWEST_EVENTS, EnergyBin, LeftOutBin, checked_edges, usable_bins
from trigml.physics.resolution_fit import ResolutionFit, Term, fit_resolution
from trigml.physics.response_slope import CorrectedBin, corrected_bins
from trigml.physics.uncertainties import FloatArray, Measured, NotMeasured

ALL = "all"
"""Name of all particle types together, in the proportions of the sample."""

DEFAULT_BINS = 10
RESAMPLES = 100


@dataclass(frozen=True, slots=True, eq=False)
class TypePerformance:
    """Response and resolution for one particle type, or for all together.

    Attributes:
        name: of the particle type, or ``all``.
        n_events: in the sample.
        whole: figures of all its events in one bin. Its widths have the spread of the response with energy in
            them, and depend on the spectrum of the sample.
        bins: figures per bin of true energy.
        left_out: bins in which nothing can be measured.
        fit: of the bins' half-widths, σ/E = a/√E ⊕ b/E ⊕ c.
        corrected: slope of the response and resolution corrected for it, in the same bins as ``bins``.
        corrected_fit: of the corrected resolutions, σ/E = a/√E ⊕ c. Without b, so that models have the same
            terms: without the lowest bin, a and b can hardly be told apart.
    """

    name: str
    n_events: int
    whole: EnergyBin | NotMeasured
    bins: tuple[EnergyBin, ...]
    left_out: tuple[LeftOutBin, ...]
    fit: ResolutionFit | NotMeasured
    corrected: tuple[CorrectedBin, ...]
    corrected_fit: ResolutionFit | NotMeasured

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "n_events": self.n_events,
            "whole": self.whole.to_json(),
            "bins": [energy_bin.to_json() for energy_bin in self.bins],
            "left_out": [energy_bin.to_json() for energy_bin in self.left_out],
            "fit": self.fit.to_json(),
            "corrected_for_slope": [energy_bin.to_json() for energy_bin in self.corrected],
            "fit_corrected_for_slope_without_b": self.corrected_fit.to_json(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class RegressorPerformance:
    """What a regressor reaches on a test sample of ``n_events``.

    Attributes:
        edges: of the bins of true energy, in GeV; the same for all types.
        overall: all types together, in the proportions of the sample.
        types: per particle type, in the order of the names; those without an event, too.
    """

    n_events: int
    edges: tuple[float, ...]
    overall: TypePerformance
    types: tuple[TypePerformance, ...]

    @property
    def groups(self) -> tuple[TypePerformance, ...]:
        """What tables and plots show: each type, and all together if there are several."""
        return self.types if len(self.types) == 1 else (*self.types, self.overall)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "n_events": self.n_events,
            "edges": list(self.edges),
            "overall": self.overall.to_json(),
            "types": [performance.to_json() for performance in self.types],
        }


def regressor_performance(
    predicted: NDArray[Any],
    truth: NDArray[Any],
    types: NDArray[np.integer[Any]],
    type_names: Sequence[str],
    *,
    bins: ArrayLike | None = None,
    seed: int = 1,
    resamples: int = RESAMPLES,
) -> RegressorPerformance:
    """Measure a regressor on a test sample.

    Args:
        predicted: (n,), finite, in the unit of ``truth``; hardware words are multiplied by their LSB first.
        truth: (n,), GeV, above 0.
        types: (n,), integers in [0, len(type_names)).
        type_names: different names of the particle types.
        bins: (b + 1,), rising edges of true energy; events outside do not count for the bins and the fit.
            ``None``: those of ``energy_edges``.
        seed: of the bootstrap; the same seed gives the same uncertainties.
        resamples: of the bootstrap, at least 10.

    Raises:
        BadInput: no events; shapes, types or edges do not fit; a value is not finite, a true one not above 0.
    """
    values, true = checked_energies(predicted, truth, types, type_names)
    edges = energy_edges(true, len(type_names)) if bins is None else checked_edges(values, true, bins)

    everything, *kinds = (
        _measured(name, values[chosen], true[chosen], edges, seed=seed, resamples=resamples)
        for name, chosen in groups_of(types, type_names)
    )
    return RegressorPerformance(len(true), tuple(edges.tolist()), everything, tuple(kinds))


def energy_edges(truth: FloatArray, n_types: int, most: int = DEFAULT_BINS) -> FloatArray:
    """Edges of bins that hold about equally many events.

    There are at most ``most`` bins, and as few as it takes for a type of average size to have 50 events in
    each. Edges are rounded to three digits, outwards at both ends, so that every event lies in a bin.

    Args:
        truth: (n,), above 0, n >= 1.
        n_types: in how many parts the events of a bin are divided.
        most: bins at most.
    """
    count = min(most, max(1, len(truth) // (FEWEST_EVENTS * n_types)))
    quantiles = np.quantile(truth, np.linspace(0, 1, count + 1)).tolist()
    low, high = _rounded(quantiles[0], math.floor), _rounded(quantiles[-1], math.ceil)
    if low == high:  # one and the same energy
        return np.array([low * 0.99, high * 1.01])
    inner = (_rounded(edge, round) for edge in quantiles[1:-1])
    return np.unique([low, *(edge for edge in inner if low < edge < high), high])


def checked_energies(
    predicted: NDArray[Any],
    truth: NDArray[Any],
    types: NDArray[np.integer[Any]],
    type_names: Sequence[str],
) -> tuple[FloatArray, FloatArray]:
    """Predicted and true energies as float64.

    Raises:
        BadInput: see ``regressor_performance``.
    """
    if not type_names or len(set(type_names)) != len(type_names):
        raise BadInput(
            "particle types need different names", found=", ".join(type_names) or "no particle type"
        )
    if truth.ndim != 1 or not len(truth) or predicted.shape != truth.shape or types.shape != truth.shape:
        raise BadInput(
            "predicted energies, true ones and particle types do not fit together",
            expected="one of each per event, and at least one event",
            found=f"{predicted.shape}, {truth.shape} and {types.shape}",
        )
    if types.dtype.kind not in "iu" or types.min() < 0 or types.max() >= len(type_names):
        raise BadInput(
            "a particle type is out of range",
            expected=f"integers from 0 to {len(type_names) - 1} ({', '.join(type_names)})",
            found=f"{types.dtype} from {types.min()} to {types.max()}",
        )
    values, true = predicted.astype(np.float64), truth.astype(np.float64)
    _check_each("a predicted energy is not a finite number", values, np.isfinite(values))
    _check_each("a true energy is not a finite number above 0", true, np.isfinite(true) & (true > 0))
    return values, true


def groups_of(
    types: NDArray[np.integer[Any]], type_names: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """All events together, then each particle type: its name and the places of its events."""
    yield ALL, np.arange(len(types))
    for place, name in enumerate(type_names):
        yield name, np.flatnonzero(types == place)


def _check_each(problem: str, values: FloatArray, is_good: NDArray[np.bool_]) -> None:
    if not is_good.all():
        bad = np.flatnonzero(~is_good)
        raise BadInput(
            problem,
            where=f"event {bad[0]} of the sample",
            found=f"{values[bad[0]]:g}, and {len(bad) - 1:,} more" if len(bad) > 1 else f"{values[bad[0]]:g}",
        )


def _measured(
    name: str, values: FloatArray, true: FloatArray, edges: FloatArray, *, seed: int, resamples: int
) -> TypePerformance:
    bins, left_out = usable_bins(values, true, edges, seed=seed, resamples=resamples)
    corrected = corrected_bins(values, true, edges, seed=seed, resamples=resamples)
    return TypePerformance(
        name=name,
        n_events=len(true),
        whole=_in_one_bin(values, true, seed, resamples),
        bins=bins,
        left_out=left_out,
        fit=_fitted(bins),
        corrected=corrected,
        corrected_fit=_fitted(corrected, without=("b",)),
    )


def _in_one_bin(values: FloatArray, true: FloatArray, seed: int, resamples: int) -> EnergyBin | NotMeasured:
    if not len(true):
        return NotMeasured("no events")
    ends = (0.0, float(true.max()))
    bins, left_out = usable_bins(values, true, ends, seed=seed, resamples=resamples)
    return bins[0] if bins else NotMeasured(left_out[0].reason)


def _fitted(
    bins: Sequence[EnergyBin | CorrectedBin], without: tuple[Term, ...] | None = None
) -> ResolutionFit | NotMeasured:
    points = [(one.energy, one.resolution) for one in bins if isinstance(one.resolution, Measured)]
    rows = [(energy, figure.value, figure.uncertainty) for energy, figure in points]
    try:
        return fit_resolution(*np.array(rows).reshape(-1, 3).T, without=without, limits=True)
    except BadInput as error:
        found = f" ({error.found})" if error.found else ""
        return NotMeasured(f"{error.problem}{found}")


def _rounded(value: float, how: Any) -> float:
    """To three digits, by ``round``, ``math.floor`` or ``math.ceil``."""
    exponent = math.floor(math.log10(value)) - 2
    scaled = value / 10.0**exponent
    nearest = round(scaled)
    digits = nearest if math.isclose(scaled, nearest, rel_tol=1e-12) else how(scaled)
    return float(f"{digits}e{exponent}")

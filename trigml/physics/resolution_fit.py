"""The fit of the energy resolution, σ/E = a/√E ⊕ b/E ⊕ c, with iminuit.

a is the stochastic term (in √GeV), b the noise term (in GeV), c the constant term; ⊕ is the square root of
the sum of the squares. None of them can be negative, and near 0 χ² is no parabola in a term, since only its
square counts: there an uncertainty says nothing. So a term is held at 0 if χ² then is at most 0.25 above its
minimum (its square is within half a standard deviation of 0); the others are fitted without it, and its upper
limit is told. The others are then known better than with it: where two models are compared, both fits should
have the same terms, which ``without`` says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.errors import BadInput
from trigml.physics.resolution import EnergyBin
from trigml.physics.uncertainties import FloatArray, Measured

if TYPE_CHECKING:
    from iminuit import Minuit

FEWEST_BINS = 4
Term: TypeAlias = Literal["a", "b", "c"]
_TERMS: tuple[Term, ...] = ("a", "b", "c")
_NOT_NEEDED = 0.25  # rise of χ² up to which a term is held at 0
_UPPER_95 = 2.7055  # rise of χ² at a one-sided limit at 95 % CL


@dataclass(frozen=True, slots=True)
class UpperLimit:
    """What is known of a term that the data do not need; prints as ``< 0.012 (95 % CL)``."""

    value: float
    confidence: float = 0.95

    def __str__(self) -> str:
        return f"< {self.value:.2g} ({100 * self.confidence:g} % CL)"

    def to_json(self) -> dict[str, float]:
        """As plain numbers: ``upper_limit`` and ``confidence``."""
        return {"upper_limit": self.value, "confidence": self.confidence}


@dataclass(frozen=True, slots=True, eq=False)
class ResolutionFit:
    """The fitted terms; ``None`` for one that was left out on request.

    Attributes:
        stochastic: a in √GeV (0.18 is "18 %/√E").
        noise: b in GeV.
        constant: c.
        covariance: (3, 3) of a, b, c; 0 in the rows and columns of terms held at 0.
        chi2, ndf: of the fit; terms held at 0 are not counted as fitted.
    """

    stochastic: Measured | UpperLimit | None
    noise: Measured | UpperLimit | None
    constant: Measured | UpperLimit | None
    covariance: FloatArray
    chi2: float
    ndf: int

    @property
    def values(self) -> tuple[float, float, float]:
        """a, b, c at the minimum; 0 where there is only an upper limit, or nothing."""
        terms = (self.stochastic, self.noise, self.constant)
        a, b, c = (term.value if isinstance(term, Measured) else 0.0 for term in terms)
        return (a, b, c)

    @property
    def p_value(self) -> float:
        """Probability of a χ² at least as high if the formula is true."""
        from scipy.special import gammaincc  # type: ignore[import-untyped]

        return float(gammaincc(self.ndf / 2, self.chi2 / 2))

    def at(self, energy: ArrayLike) -> FloatArray:
        """σ/E at energies in GeV, above 0."""
        return resolution_formula(np.asarray(energy, dtype=np.float64), *self.values)

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        terms = {"stochastic": self.stochastic, "noise": self.noise, "constant": self.constant}
        return {name: None if term is None else term.to_json() for name, term in terms.items()} | {
            "covariance": self.covariance.tolist(),
            "chi2": self.chi2,
            "ndf": self.ndf,
        }


def resolution_formula(energy: FloatArray, a: float, b: float, c: float) -> FloatArray:
    """σ/E = a/√E ⊕ b/E ⊕ c, with E in GeV."""
    return np.asarray(np.sqrt(a**2 / energy + (b / energy) ** 2 + c**2))


def fit_bins(
    bins: Sequence[EnergyBin], *, core: bool = False, without: Collection[Term] | None = None
) -> ResolutionFit:
    """Fit the resolutions of bins of true energy: the half-widths, or with ``core`` the Gaussian cores.

    ``without`` is that of ``fit_resolution``.

    Raises:
        BadInput: as ``fit_resolution``.
    """
    figures = [energy_bin.core_resolution if core else energy_bin.resolution for energy_bin in bins]
    return fit_resolution(
        np.array([energy_bin.energy for energy_bin in bins]),
        np.array([figure.value for figure in figures]),
        np.array([figure.uncertainty for figure in figures]),
        without=without,
    )


def fit_resolution(
    energy: FloatArray,
    resolution: FloatArray,
    uncertainty: FloatArray,
    *,
    without: Collection[Term] | None = None,
    limits: bool = False,
) -> ResolutionFit:
    """Least-squares fit of σ/E against E.

    The fit starts at the non-negative linear solution: σ² is linear in a², b², c².

    Args:
        energy: (b,), GeV, above 0, at least ``FEWEST_BINS`` different ones.
        resolution: (b,), σ/E, above 0.
        uncertainty: (b,), of the resolutions, above 0.
        without: the terms to leave out, none or at most two; all others are fitted, however small they are.
            ``None``: the terms that the data do not need are held at 0 and get upper limits.
        limits: with terms to leave out, the others are held at 0 and get upper limits, too, if not needed.

    Raises:
        BadInput: too few bins, no term left, values out of range, or a fit that does not converge.
    """
    _check(energy, resolution, uncertainty)
    if without is not None and set(without) >= set(_TERMS):
        raise BadInput("a fit of the resolution needs at least one term")
    chi2 = _Chi2(energy, resolution, uncertainty)
    held = dict.fromkeys(without or (), 0.0)
    if without is None or limits:
        minuit, held = _without_needless_terms(chi2, held)
    else:
        minuit = _minimised(chi2, [float(value) for value in chi2.start()], held)
    minuit.hesse()
    if not minuit.valid or minuit.covariance is None:
        raise BadInput(
            "the fit of the resolution does not converge",
            found=", ".join(f"{term} = {minuit.values[term]:g}" for term in _TERMS),
            remedy="check the resolutions of the bins for outliers",
        )

    def found(term: Term) -> Measured | UpperLimit | None:
        if without is not None and term in without:
            return None
        if term in held:
            return UpperLimit(_upper_limit(chi2, minuit, term, held))
        return Measured(float(minuit.values[term]), float(minuit.errors[term]))

    return ResolutionFit(
        stochastic=found("a"),
        noise=found("b"),
        constant=found("c"),
        covariance=np.array(minuit.covariance, dtype=np.float64),
        chi2=float(minuit.fval),
        ndf=len(energy) - len(_TERMS) + len(held),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Chi2:
    """χ² of the terms."""

    energy: FloatArray
    resolution: FloatArray
    uncertainty: FloatArray

    def __call__(self, a: float, b: float, c: float) -> float:
        pull = (self.resolution - resolution_formula(self.energy, a, b, c)) / self.uncertainty
        return float(np.dot(pull, pull))

    def start(self) -> FloatArray:
        """(3,), the terms of the non-negative linear solution.

        None is exactly 0: there the slope is 0, and the fit would never leave it.
        """
        from scipy.optimize import nnls  # type: ignore[import-untyped]

        parts = term_shapes(self.energy)
        weight = 1 / (2 * self.resolution * self.uncertainty)
        squares, _ = nnls(parts.T * weight[:, None], self.resolution**2 * weight)
        least = 0.1 * self.resolution.min() / np.sqrt(parts.max(axis=1))
        return np.asarray(np.maximum(np.sqrt(squares), least))


def _minimised(chi2: _Chi2, start: Sequence[float], held: Mapping[Term, float]) -> Minuit:
    """The fit with the terms ``held`` at their values."""
    from iminuit import Minuit

    minuit = Minuit(chi2, *start, name=_TERMS)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.limits = (0, None)
    minuit.strategy = 2
    for term, value in held.items():
        minuit.values[term] = value
        minuit.fixed[term] = True
    minuit.migrad()
    return minuit


def _without_needless_terms(chi2: _Chi2, left_out: Mapping[Term, float]) -> tuple[Minuit, dict[Term, float]]:
    """The fit in which terms are held at 0, one after the other, as long as the data do not need them."""
    start = [float(value) for value in chi2.start()]
    held = dict(left_out)
    lowest = _minimised(chi2, start, held)
    while len(held) < len(_TERMS) - 1:
        free = [term for term in _TERMS if term not in held]
        without = {term: _minimised(chi2, start, held | {term: 0.0}) for term in free}
        term = min(free, key=lambda term: float(without[term].fval))
        if without[term].fval - lowest.fval > _NOT_NEEDED:
            break
        held[term] = 0.0
        lowest = without[term]
    return lowest, held


def term_shapes(energy: FloatArray) -> FloatArray:
    """(3, b), what a², b², c² are multiplied by in σ²."""
    return np.stack([1 / energy, 1 / energy**2, np.ones_like(energy)])


def _upper_limit(chi2: _Chi2, minuit: Minuit, term: Term, held: Mapping[Term, float]) -> float:
    """Where χ², minimised over the terms that are not held, is 2.71 above its minimum; to 0.01 %."""
    start = [float(value) for value in minuit.values]
    others = {name: value for name, value in held.items() if name != term}

    def is_within(value: float) -> bool:
        return bool(_minimised(chi2, start, others | {term: value}).fval - minuit.fval < _UPPER_95)

    low, high = 0.0, float(chi2.start()[_TERMS.index(term)])
    while is_within(high):
        low, high = high, 2 * high
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if is_within(middle) else (low, middle)
    return high


def _check(energy: NDArray[Any], resolution: NDArray[Any], uncertainty: NDArray[Any]) -> None:
    if energy.ndim != 1 or not energy.shape == resolution.shape == uncertainty.shape:
        raise BadInput(
            "energies, resolutions and uncertainties do not fit together",
            found=f"{energy.shape}, {resolution.shape}, {uncertainty.shape}",
        )
    n_bins = len(np.unique(energy))
    if n_bins < FEWEST_BINS:
        raise BadInput(
            "too few bins for a fit with three terms",
            expected=f"at least {FEWEST_BINS} different energies",
            found=str(n_bins),
            remedy="more bins of true energy",
        )
    for name, values in (("energy", energy), ("resolution", resolution), ("uncertainty", uncertainty)):
        if not (np.isfinite(values).all() and (values > 0).all()):
            index = int(np.flatnonzero(~(np.isfinite(values) & (values > 0)))[0])
            raise BadInput(
                "the fit of the resolution needs finite numbers above 0",
                where=f"{name} of bin {index} (from 0)",
                found=str(values[index]),
            )

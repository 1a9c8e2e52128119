"""Fitting the coefficients to vendor reports, and the error of the fit on reports that it has not seen.

Least squares with coefficients that are not negative, in relative residuals for resources, absolute ones for
cycles and ns; reports far off are weighted down (Huber). Each tool has coefficients of its own, held to the
mean over the tools by a weak pull, so that two reports do not fit three numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trigml.estimation.coefficients import Coefficients
from trigml.estimation.design import Design, Generation, Schedule, schedule
from trigml.estimation.features import (
    DELAY_TERMS,
    Quantity,
    Row,
    Term,
    ff_row,
    latency_row,
    lut_row,
    period_row,
)
from trigml.estimation.model import Model
from trigml.estimation.reports import Measured, Sample

PULL = 0.05
"""Weight of a coefficient's relative deviation from the mean over the tools, against a report's residual."""

HUBER = 0.1
"""Residual beyond which a report counts less."""

ROUNDS = 8


@dataclass(frozen=True)
class Observation:
    """One equation: the terms of a report and its figure."""

    row: Row
    generation: Generation
    value: float


def fit_model(samples: Sequence[Sample]) -> Model:
    """All coefficients from these reports."""
    periods = [
        Observation(period_row(s.design), s.design.generation, s.measured.period_ns)
        for s in samples
        if s.measured.latency == 0 and not s.design.is_stream
    ]
    period = fit(periods, relative=True)
    cuts = [_cut(s.design, period) for s in samples]

    def observations(
        row: Callable[[Design, Schedule], Row], value: Callable[[Measured], float]
    ) -> list[Observation]:
        return [
            Observation(row(s.design, cut), s.design.generation, value(s.measured))
            for s, cut in zip(samples, cuts, strict=True)
        ]

    return Model(
        {
            Quantity.PERIOD: period,
            Quantity.LUT: fit(observations(lambda d, _: lut_row(d), lambda m: m.lut), relative=True),
            Quantity.FF: fit(observations(ff_row, lambda m: m.ff), relative=True),
            Quantity.LATENCY: fit(observations(latency_row, lambda m: m.latency), relative=False),
        },
        frozenset(basis for s in samples for basis in s.design.bases()),
    )


def _cut(design: Design, period: Coefficients) -> Schedule:
    delays = {delay: period.of(term, design.generation) or 0.0 for delay, term in DELAY_TERMS.items()}
    return schedule(design, delays)


def fit(observations: Sequence[Observation], *, relative: bool) -> Coefficients:
    """Coefficients of one quantity.

    Args:
        observations: the equations.
        relative: residuals as a share of the figure, else in its unit.
    """
    terms = [t for t in Term if any(o.row.terms.get(t) for o in observations)]
    tools = [g for g in Generation if any(o.generation is g for o in observations)]
    left = np.array([[o.row.terms.get(t, 0.0) for t in terms] for o in observations])
    right = np.array([o.value - o.row.fixed for o in observations])
    scale = np.array([1 / max(o.value, 1.0) if relative else 1.0 for o in observations])
    left, right = left * scale[:, None], right * scale
    typical = np.maximum(_robust(left, right, np.zeros((0, len(terms)))), 1e-3)
    owner = [tools.index(o.generation) for o in observations]
    wide = np.zeros((len(observations), len(terms) * (1 + len(tools))))
    for i, tool in enumerate(owner):
        wide[i, len(terms) * (1 + tool) : len(terms) * (2 + tool)] = left[i]
    solution = _robust(wide, right, _pull(len(tools), typical))
    pooled, *own = solution.reshape(1 + len(tools), len(terms))
    seen = {(t, o.generation) for o in observations for t in o.row.terms}
    return Coefficients(
        dict(zip(terms, map(float, pooled), strict=True)),
        {
            g: {t: float(v) for t, v in zip(terms, values, strict=True) if (t, g) in seen}
            for g, values in zip(tools, own, strict=True)
        },
    )


def _pull(tools: int, typical: np.ndarray) -> np.ndarray:
    """Equations "own coefficient = pooled coefficient", in units of the typical one."""
    one = np.diag(PULL / typical)
    return np.vstack(
        [
            np.hstack([-one, *(one if other == tool else np.zeros_like(one) for other in range(tools))])
            for tool in range(tools)
        ]
    )


def _robust(left: np.ndarray, right: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """Non-negative least squares, reweighted; ``ties`` are equations with zero on the right."""
    from scipy.optimize import nnls  # type: ignore[import-untyped]

    weights = np.ones(len(right))
    solution = np.zeros(left.shape[1])
    for _ in range(ROUNDS):
        matrix = np.vstack([left * weights[:, None], ties])
        target = np.concatenate([right * weights, np.zeros(len(ties))])
        solution = nnls(matrix, target, maxiter=100 * left.shape[1])[0]
        residual = np.abs(left @ solution - right)
        weights = np.sqrt(np.minimum(1.0, HUBER / np.maximum(residual, 1e-12)))
    return solution

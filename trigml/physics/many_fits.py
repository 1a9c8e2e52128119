"""The fit of σ/E = a/√E ⊕ b/E ⊕ c for many resamples at once: what a bootstrap of a fit needs.

The same χ² as that of ``resolution_fit``, minimised under the condition that no term is negative.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from trigml.physics.uncertainties import FloatArray

_STEPS = 50
_SETTLED = 1e-10
_RIDGE = 1e-15  # of a diagonal of ones: columns that are as good as equal do not stop the other fits


def squared_terms(columns: FloatArray, widths: FloatArray, errors: FloatArray) -> FloatArray:
    """(samples, k), not negative: the x that minimise Σ ((width − √(Σ x column)) / error)².

    σ² is linear in the squared terms, and around a curve f the width is (f + σ²/f) / 2: so each step is a
    linear problem with non-negative unknowns, with the curve of the step before.

    Args:
        columns: (k, m), not negative, what each squared term is multiplied by in σ².
        widths: (samples, m), σ/E, above 0.
        errors: (m,), of the widths, above 0.
    """
    squares = np.zeros((len(widths), len(columns)))
    curves = widths.copy()
    going = np.arange(len(widths))
    for _ in range(_STEPS):
        curve, width, before = curves[going], widths[going], squares[going]
        weight = 1 / (2 * curve * errors)
        rows = columns.T * weight[:, :, None]
        found = _non_negative(rows, (2 * width - curve) * curve * weight)
        squares[going], curves[going] = found, np.sqrt(found @ columns)
        moved = np.abs(found - before).max(axis=1) > _SETTLED * found.max(axis=1)
        going = going[moved & (curves[going] > 0).all(axis=1)]
        if not len(going):
            break
    return squares


def _non_negative(rows: FloatArray, values: FloatArray) -> FloatArray:
    """(samples, k): x ≥ 0 of least Σ (rows x − values)², rows (samples, m, k), values (samples, m).

    The solution is the best of the least-squares solutions in some of the unknowns, the others at 0, that are
    not negative; with at most four unknowns all of them can be tried.
    """
    norms = np.sqrt((rows**2).sum(axis=1))
    scaled = rows / norms[:, None, :]
    k = scaled.shape[2]
    gram = scaled.swapaxes(1, 2) @ scaled + _RIDGE * np.eye(k)
    along = (values[:, None, :] @ scaled)[:, 0]
    best, gains = np.zeros(along.shape), np.zeros(len(along))
    left = np.arange(len(along))
    for size in range(k, 0, -1):
        for chosen in map(list, combinations(range(k), size)):
            part = along[left][:, chosen]
            found = np.linalg.solve(gram[left][:, chosen][:, :, chosen], part[:, :, None])[:, :, 0]
            gain = (part * found).sum(axis=1)
            better = (found >= 0).all(axis=1) & (gain > gains[left])
            places = left[better]
            gains[places], best[places] = gain[better], 0.0
            best[places[:, None], chosen] = found[better]
        if size == k:  # with all unknowns free there is nothing better
            left = left[gains[left] == 0]
            if not len(left):
                break
    return np.asarray(best / norms)

"""Rounding of stored numbers, so that a packaged file is small."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def rounded(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Round to ``bits`` significant binary digits, so that the file compresses well."""
    mantissa, exponent = np.frexp(np.asarray(values, dtype=np.float64))
    result: NDArray[Any] = np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)
    return result

"""Choosing integer bits for numbers that are known: those with the least mean squared error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint.format import FixedPoint, Overflow, Rounding

MOST_INTEGER_BITS = 16


def quantization_error(values: NDArray[Any], format_: FixedPoint) -> float:
    """Mean squared error of bringing values into a format that rounds half to even and saturates."""
    scaled = np.ldexp(values.astype(np.float64), format_.fraction)
    words = np.clip(np.rint(scaled), format_.min_word, format_.max_word)
    return float(np.mean(np.square(np.ldexp(words - scaled, -format_.fraction))))


def signed_integer_bits(values: NDArray[Any], bits: int) -> int:
    """Integer bits from 1 to 16, the sign included, with the least error; the fewest of equal ones."""
    largest = float(np.max(np.abs(values), initial=0.0))
    enough = int(np.ceil(np.log2(largest))) + 2 if largest else 1
    candidates = range(1, min(max(enough, 1), MOST_INTEGER_BITS) + 1)
    errors = [
        quantization_error(values, FixedPoint(True, bits, integer, Rounding.RND_CONV, Overflow.SAT))
        for integer in candidates
    ]
    return candidates[int(np.argmin(errors))]

"""Quantisers as logic: every rounding and overflow rule composed from what alkaid has, exactly.

alkaid truncates, wraps and saturates. Every other rounding is a truncation after a small amount was added
(``h`` half an LSB of the target, ``e`` an LSB of the source): ``RND`` adds ``h``, ``RND_MIN_INF`` adds
``h - e``, ``RND_CONV`` adds ``h - e`` and ``e`` more where the lowest bit that is kept is one, and those that
look at the sign add or leave out ``e`` where it is negative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trigml.fixedpoint import FixedPoint, Overflow, Rounding


def requantized(x: Any, fraction: int, target: FixedPoint) -> Any:
    """alkaid variables with ``fraction`` fractional bits, brought into ``target``.

    Args:
        x: an array of alkaid's variables.
        fraction: their fractional bits.
        target: the format, with its rounding and overflow.
    """
    from alkaid.trace.ops import quantize

    if fraction > target.fraction:
        x = x + _amount(x, fraction, target)
    if target.overflow is Overflow.SAT_ZERO:
        return _zero_where_outside(x, target)
    return quantize(x, *alkaid_bits(target), target.overflow.value, "TRN")


def alkaid_bits(format_: FixedPoint) -> tuple[int, int, int]:
    """alkaid's description: sign bit, integer bits without it, fractional bits."""
    return int(format_.signed), format_.integer - int(format_.signed), format_.fraction


def _amount(x: Any, fraction: int, target: FixedPoint) -> Any:
    """What is added before the truncation."""
    from alkaid.trace.ops import quantize

    half, step = 2.0 ** -(target.fraction + 1), 2.0**-fraction
    match target.rounding:
        case Rounding.TRN:
            return 0.0
        case Rounding.RND:
            return half
        case Rounding.RND_MIN_INF:
            return half - step
        case Rounding.RND_CONV:
            odd = quantize(x, 0, 1 - target.fraction, target.fraction, "WRAP", "TRN")
            return odd * 2.0 ** (target.fraction - fraction) + (half - step)
        case Rounding.TRN_ZERO:
            return np.signbit(x) * (2 * half - step)
        case Rounding.RND_ZERO:
            return np.signbit(x) * step + (half - step)
        case Rounding.RND_INF:
            return np.signbit(x) * -step + half


def _zero_where_outside(x: Any, target: FixedPoint) -> Any:
    from alkaid.trace import FVArray

    low, high = target.min_word * target.lsb, target.max_word * target.lsb
    wide = [v.quantize(*_wide(v, target), "WRAP", "TRN") for v in np.asarray(x).ravel()]
    fitted = [
        (v < low).msb_mux(0.0, (v > high).msb_mux(0.0, v)).quantize(*alkaid_bits(target), "WRAP", "TRN")
        for v in wide
    ]
    return FVArray(np.array(fitted, dtype=object).reshape(x.shape), x.solver_options, hwconf=x.hwconf)


def _wide(variable: Any, target: FixedPoint) -> tuple[int, int, int]:
    """Enough integer bits for everything that the variable can be."""
    signed, integer, _ = variable.kif
    return int(signed), int(integer) + 1, target.fraction

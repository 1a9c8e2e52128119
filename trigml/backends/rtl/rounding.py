"""Quantisers as logic: every rounding and overflow rule, exactly, in as few look-up tables as we know how.

alkaid itself truncates, rounds half up, wraps and saturates, the last by a subtraction and a choice for each
end. Here a rounding is an addition of a constant, which merges with the bias of the layer before (``h`` is
half an LSB of the target, ``e`` an LSB of the source): ``RND`` adds ``h``, ``RND_MIN_INF`` adds ``h - e``.
``RND_CONV`` adds ``h`` as well, and then clears the lowest bit that it keeps where all dropped bits are zero:
these are the ties, all of them were rounded up, and the even neighbour is the one below exactly where the
upper one is odd. The rules that look at the sign add one bit, made from the sign and the dropped bits, to the
truncated word. What does not fit is found by looking at the bits above the target, not by comparing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import log2
from typing import Any

import numpy as np

from trigml.backends.rtl.overflow import fitted
from trigml.fixedpoint import FixedPoint, Rounding, to_words
from trigml.fixedpoint.words import FloatArray

_WHERE_NOT_NEGATIVE = {
    Rounding.TRN_ZERO: Rounding.TRN,
    Rounding.RND_ZERO: Rounding.RND_MIN_INF,
    Rounding.RND_INF: Rounding.RND,
}
_WHERE_NEGATIVE = {
    Rounding.RND_ZERO: Rounding.RND,
    Rounding.RND_INF: Rounding.RND_MIN_INF,
}


def requantized(
    x: Any,
    target: FixedPoint,
    *,
    rectified: bool = False,
    plus: Callable[[FloatArray], Any] | None = None,
) -> Any:
    """alkaid variables brought into ``target``.

    Args:
        x: an array of alkaid's variables.
        target: the format, with its rounding and overflow.
        rectified: negative values count as zero, as after a ReLU. Every rounding leaves zero alone and never
            falls when its input rises: so the ReLU can come after it, where there are fewer bits.
        plus: ``x`` with constants of its shape added, if there is a better way than to add them here.
    """
    from alkaid.trace import FVArray

    amounts = np.array([_amount(v, target, rectified) for v in np.asarray(x).ravel()]).reshape(x.shape)
    above = (plus(amounts) if plus else x + amounts) if amounts.any() else x
    flat = np.empty(x.size, dtype=object)
    flat[:] = [
        _quantized(variable, amount, target, rectified)
        for variable, amount in zip(np.asarray(above).ravel(), amounts.ravel().tolist(), strict=True)
    ]
    return FVArray(flat.reshape(x.shape), x.solver_options, hwconf=x.hwconf)


def _amount(variable: Any, target: FixedPoint, rectified: bool) -> float:
    """What is added before the truncation."""
    if variable.low == variable.high or variable.kif[2] <= target.fraction:
        return 0.0
    match _rule(float(variable.low), float(variable.high), target.rounding, rectified):
        case Rounding.RND | Rounding.RND_CONV:
            return target.lsb / 2
        case Rounding.RND_MIN_INF:
            return target.lsb / 2 - float(variable.step)
    return 0.0


def _quantized(above: Any, amount: float, target: FixedPoint, rectified: bool) -> Any:
    """One variable, to which the amount has been added already.

    The variable is taken without its scale: where alkaid's optimiser sees a single bit taken out of a scaled
    variable, it can mistake it for the highest one (`canonicalize_msb_wraps` of 0.8.2 ignores the shift).
    """
    if above.low == above.high:
        value = max(0.0, float(above.low)) if rectified else float(above.low)
        (word,) = to_words(np.array([value]), target)
        return type(above).from_const(float(word) * target.lsb, hwconf=above.hwconf)
    scale = abs(float(above._factor))
    local = replace(target, integer=target.integer - round(log2(scale)))
    unscaled, amount = above * (1 / scale), amount / scale
    low, high = float(unscaled.low) - amount, float(unscaled.high) - amount
    whole = _rounded(unscaled, _rule(low, high, target.rounding, rectified), local.fraction)
    return fitted(whole.relu() if rectified else whole, local) * scale


def _rounded(above: Any, rule: Rounding, fraction: int) -> Any:
    """A multiple of the target's LSB, not yet inside its range."""
    if above.kif[2] <= fraction:
        return above
    half = -fraction - 1
    match rule:
        case Rounding.TRN | Rounding.RND | Rounding.RND_MIN_INF:
            return _truncated(above, fraction)
        case Rounding.RND_CONV:
            return _to_even(above, fraction)
        case Rounding.TRN_ZERO:
            carry = above.is_negative() & _any(above, -fraction)
        case Rounding.RND_ZERO:
            carry = _bit(above, half) & _either(above.is_negative(), above, fraction)
        case Rounding.RND_INF:
            carry = _bit(above, half) & _either(~above.is_negative(), above, fraction)
    return _truncated(above, fraction) + carry * 2.0**-fraction


def _rule(low: float, high: float, rounding: Rounding, rectified: bool) -> Rounding:
    """The rule, or a simpler one that is the same where one of the signs does not matter."""
    if low >= 0 or rectified:
        return _WHERE_NOT_NEGATIVE.get(rounding, rounding)
    if high <= 0:
        return _WHERE_NEGATIVE.get(rounding, rounding)
    return rounding


def _to_even(above: Any, fraction: int) -> Any:
    """Half to even of a variable to which half an LSB has been added."""
    lowest = _bit(above, -fraction) & _any(above, -fraction)
    return _truncated(above, fraction - 1) + lowest * 2.0**-fraction


def _either(sign: Any, variable: Any, fraction: int) -> Any:
    """The given bit, or any bit below half an LSB."""
    if variable.kif[2] <= fraction + 1:
        return sign
    return sign | _any(variable, -fraction - 1)


def _truncated(variable: Any, fraction: int) -> Any:
    signed, integer, _ = variable.kif
    return variable.quantize(int(signed), max(int(integer), 1 - fraction), fraction)


def _bit(variable: Any, place: int) -> Any:
    """The bit worth ``2**place``, as 0 or 1."""
    return variable.quantize(0, place + 1, -place) * 2.0**-place


def _any(variable: Any, place: int) -> Any:
    """1 where any bit below ``2**place`` is set."""
    return variable.quantize(0, place, int(variable.kif[2])).unary_bit_op("any")

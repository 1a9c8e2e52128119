"""Arithmetic on integer words: rounding, overflow, and the ways between words and values.

Every function is exact: the results are those of infinitely precise arithmetic followed by the
stated rounding and overflow. Words are int64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.fixedpoint.format import MAX_WIDTH, FixedPoint, Overflow, Rounding

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.floating[Any]]


def round_shift(words: IntArray, shift: int, rounding: Rounding) -> IntArray:
    """Divide words by ``2**shift`` and round to integers.

    Args:
        words: any shape, int64; ``abs(words)`` below 2**62.
        shift: bits to drop; negative multiplies by a power of two (the result has to fit int64).
        rounding: what happens to the dropped bits.

    Returns:
        int64 array of the same shape.
    """
    if shift <= 0:
        return np.asarray(words << -shift)
    if shift > 62:  # a word is below half an LSB then: only its sign can matter
        words, shift = np.sign(words), 62
    floor: IntArray = words >> shift
    if rounding is Rounding.TRN:
        return floor
    rest = words - (floor << shift)
    if rounding is Rounding.TRN_ZERO:
        return np.asarray(floor + ((words < 0) & (rest > 0)))
    half = np.int64(1) << np.int64(shift - 1)
    tie_up = _tie_goes_up(rounding, negative=words < 0, floor_is_odd=(floor & 1) == 1)
    return np.asarray(floor + ((rest > half) | ((rest == half) & tie_up)))


def divide_rounded(words: IntArray, divisor: IntArray, rounding: Rounding) -> IntArray:
    """Divide words by positive integers and round to integers.

    Args:
        words: int64; ``abs(words)`` below 2**62.
        divisor: int64, 1 to 2**61, broadcast against ``words``.
        rounding: what happens to the rest.
    """
    floor, rest = np.divmod(words, divisor)
    if rounding is Rounding.TRN:
        return np.asarray(floor)
    if rounding is Rounding.TRN_ZERO:
        return np.asarray(floor + ((words < 0) & (rest > 0)))
    tie_up = _tie_goes_up(rounding, negative=words < 0, floor_is_odd=(floor & 1) == 1)
    return np.asarray(floor + ((2 * rest > divisor) | ((2 * rest == divisor) & tie_up)))


def _tie_goes_up(
    rounding: Rounding, *, negative: NDArray[np.bool_], floor_is_odd: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether a value half-way between two words becomes the upper one."""
    match rounding:
        case Rounding.RND:
            return np.ones_like(negative)
        case Rounding.RND_INF:
            return ~negative
        case Rounding.RND_ZERO:
            return negative
        case Rounding.RND_CONV:
            return floor_is_odd
    return np.zeros_like(negative)  # RND_MIN_INF; truncation knows no ties


def fit_into(words: IntArray, target: FixedPoint) -> IntArray:
    """Apply the overflow rule of ``target`` to words that are already in units of its LSB."""
    low, high = target.min_word, target.max_word
    match target.overflow:
        case Overflow.SAT | Overflow.SAT_SYM:
            return np.asarray(np.clip(words, low, high))
        case Overflow.SAT_ZERO:
            return np.where((words < low) | (words > high), np.int64(0), words)
        case Overflow.WRAP:
            wrapped = words & np.int64((1 << target.width) - 1)
            if not target.signed:
                return wrapped
            return wrapped - ((wrapped >> (target.width - 1)) << target.width)


def rounded(words: IntArray, fraction: int, target: FixedPoint) -> IntArray:
    """Words with ``fraction`` fractional bits in units of ``target.lsb``, after its rounding.

    The overflow rule is not applied yet: a word beyond the range of ``target`` stays beyond it (where int64
    ends, only just beyond it).
    """
    shift = fraction - target.fraction
    if shift >= 0:
        return round_shift(words, shift, target.rounding)
    left = min(-shift, MAX_WIDTH)
    beyond = (max(-target.min_word, target.max_word) >> left) + 1
    return np.asarray(np.clip(words, -beyond, beyond) << left)


def requantize(words: IntArray, fraction: int, target: FixedPoint) -> IntArray:
    """Bring words with ``fraction`` fractional bits into ``target``: rounding first, then overflow."""
    left = target.fraction - fraction
    if left > 0 and target.overflow is Overflow.WRAP:  # int64 itself wraps, further up
        return fit_into(words << left if left < 64 else np.zeros_like(words), target)
    return fit_into(rounded(words, fraction, target), target)


def to_words(values: FloatArray, target: FixedPoint) -> IntArray:
    """Bring floating-point values into ``target``, exactly as infinitely precise arithmetic would.

    Args:
        values: finite float32 or float64 values of any shape.
        target: format to bring them into.

    Returns:
        int64 words in units of ``target.lsb``.

    Raises:
        BadInput: a value is NaN or infinite.
        OverflowError: ``target`` wraps and a value is beyond 2**62 LSB.
    """
    if not np.all(np.isfinite(values)):
        raise BadInput("a value is NaN or infinite and has no fixed-point word")
    with np.errstate(over="ignore", invalid="ignore"):  # 1e308 may become infinite here, and saturates
        scaled = np.ldexp(values.astype(np.float64), target.fraction)  # exact: a change of exponent
        whole = _round_float(scaled, target.rounding)
    limit = float(1 << MAX_WIDTH)
    if target.overflow is Overflow.WRAP and np.any(np.abs(whole) > limit):
        raise OverflowError(f"a value is too large to be wrapped into {target}")
    # Clipping at 2**62 changes nothing for the saturating rules and keeps the cast defined.
    return fit_into(np.clip(whole, -limit, limit).astype(np.int64), target)


def _round_float(scaled: NDArray[np.float64], rounding: Rounding) -> NDArray[np.float64]:
    if rounding is Rounding.RND_CONV:
        return np.asarray(np.rint(scaled))
    if rounding is Rounding.TRN_ZERO:
        return np.asarray(np.trunc(scaled))
    floor: NDArray[np.float64] = np.floor(scaled)
    if rounding is Rounding.TRN:
        return floor
    tie = np.abs(scaled - np.trunc(scaled)) == 0.5  # the difference is exact
    tie_up = _tie_goes_up(rounding, negative=scaled < 0, floor_is_odd=np.fmod(floor, 2) != 0)
    return np.where(tie, floor + tie_up, np.rint(scaled))


def to_values(words: IntArray, fraction: int) -> NDArray[np.float64]:
    """Values of words with ``fraction`` fractional bits, as float64 (exact below 2**53)."""
    return np.asarray(np.ldexp(words.astype(np.float64), -fraction))

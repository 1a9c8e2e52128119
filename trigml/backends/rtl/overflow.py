"""What does not fit a format, as logic: found and replaced by looking at the bits above the format."""

from __future__ import annotations

from typing import Any

from trigml.fixedpoint import FixedPoint, Overflow


def fitted(whole: Any, target: FixedPoint) -> Any:
    """An alkaid variable that is a multiple of the target's LSB, by the target's overflow rule.

    Nothing is done about ends that the variable cannot reach.
    """
    low, high = target.min_word * target.lsb, target.max_word * target.lsb
    if low <= whole.low and whole.high <= high:
        return whole
    integer = target.integer - int(target.signed)
    if target.overflow is Overflow.WRAP:
        return whole.quantize(int(target.signed), integer, target.fraction)
    if target.overflow is Overflow.SAT_ZERO:
        kept = whole.quantize(int(target.signed and whole.low < 0), integer, target.fraction)
        return _outside(whole, target).msb_mux(0.0, kept)
    if not target.signed:
        whole = whole.relu()
    if whole.low >= 0:
        if whole.high <= high:
            return whole
        return _outside(whole, target).msb_mux(high, whole.quantize(0, integer, target.fraction))
    return _saturated(whole, target, low, high)


def _saturated(whole: Any, target: FixedPoint, low: float, high: float) -> Any:
    """Of a variable that can be negative, into a signed format."""
    end = (
        whole.msb_mux(low, high)
        if whole.low < low and whole.high > high
        else low
        if whole.low < low
        else high
    )
    lowest = -(2.0 ** (target.integer - 1))
    kept = whole.quantize(1, target.integer - 1, target.fraction)
    if whole.low <= lowest < low:  # SAT_SYM: a sign with nothing below it becomes the word above
        below = kept.quantize(0, target.integer - 1, target.fraction).unary_bit_op("any")
        kept = kept | ((kept.msb() & ~below) * target.lsb)
    if lowest <= whole.low and whole.high <= high:
        return kept
    return _outside(whole, target).msb_mux(end, kept, qint=(lowest, high, target.lsb))


def _outside(whole: Any, target: FixedPoint) -> Any:
    """1 where the bits above the target are not all copies of its sign, or zeros where it has none."""
    signed, integer, fraction = whole.kif
    if target.signed and whole.low < 0:
        if fraction < 1 - target.integer:  # zeros at the place of the sign
            return whole.unary_bit_op("any")
        above = whole.quantize(1, int(integer), 1 - target.integer)
        return above.unary_bit_op("any") & ~above.unary_bit_op("all")
    place = target.integer - int(target.signed)
    top = max(int(integer) + int(signed), place + 1)  # at least one bit, if only a copy of the sign
    return whole.quantize(0, top, -place).unary_bit_op("any")

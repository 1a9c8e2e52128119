"""Fixed-point numbers: formats, rounding, overflow and exact intervals, all on integer words."""

from trigml.fixedpoint.format import FixedPoint, Overflow, Rounding
from trigml.fixedpoint.intervals import Interval
from trigml.fixedpoint.words import (
    IntArray,
    divide_rounded,
    fit_into,
    requantize,
    round_shift,
    to_values,
    to_words,
)

__all__ = [
    "FixedPoint",
    "IntArray",
    "Interval",
    "Overflow",
    "Rounding",
    "divide_rounded",
    "fit_into",
    "requantize",
    "round_shift",
    "to_values",
    "to_words",
]

"""Exact intervals of integer words, propagated over the actual weights of a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trigml.errors import BadInput
from trigml.fixedpoint.format import MAX_WIDTH, FixedPoint, Overflow
from trigml.fixedpoint.words import IntArray, fit_into, rounded


@dataclass(frozen=True, slots=True)
class Interval:
    """Per element, the smallest and the largest word that can occur; int64, same shape."""

    low: IntArray
    high: IntArray

    @classmethod
    def of_format(cls, format_: FixedPoint, shape: tuple[int, ...]) -> Interval:
        """Everything that a format can hold."""
        return cls(
            np.full(shape, format_.min_word, dtype=np.int64),
            np.full(shape, format_.max_word, dtype=np.int64),
        )

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest word over all elements."""
        return int(self.low.min()), int(self.high.max())

    @property
    def largest_magnitude(self) -> int:
        """The largest absolute word over all elements."""
        low, high = self.bounds
        return max(abs(low), abs(high))

    def matmul(self, weight: IntArray) -> Interval:
        """Interval of ``x @ weight`` for any ``x`` (..., n_in) inside this one; weight (n_in, n_out).

        Raises:
            BadInput: a sum could leave 62 bits.
        """
        reach = np.maximum(np.abs(self.low), np.abs(self.high)).astype(np.float64)
        if np.any(reach @ np.abs(weight).astype(np.float64) >= 2.0**MAX_WIDTH):
            raise BadInput(
                "an accumulator could need more than 62 bits",
                remedy="use fewer bits in the weights or the activations before this layer",
            )
        positive, negative = np.maximum(weight, 0), np.minimum(weight, 0)
        return Interval(
            self.low @ positive + self.high @ negative,
            self.high @ positive + self.low @ negative,
        )

    def times(self, factors: IntArray) -> Interval:
        """Interval of ``x * factors``, broadcast.

        Raises:
            BadInput: a product could leave 62 bits.
        """
        return self.times_interval(Interval(factors, factors))

    def times_interval(self, other: Interval) -> Interval:
        """Interval of ``x * y``, broadcast, for ``x`` inside this one and ``y`` inside the other.

        Raises:
            BadInput: a product could leave 62 bits.
        """
        if float(self.largest_magnitude) * float(other.largest_magnitude) >= 2.0**MAX_WIDTH:
            raise BadInput(
                "a product could need more than 62 bits", remedy="use fewer bits in the tensors before it"
            )
        corners = [one * two for one in (self.low, self.high) for two in (other.low, other.high)]
        return Interval(np.minimum.reduce(corners), np.maximum.reduce(corners))

    def summed(self, axis: int) -> Interval:
        """Interval of the sum over one axis.

        Raises:
            BadInput: a sum could leave 62 bits.
        """
        reach = np.maximum(np.abs(self.low), np.abs(self.high)).astype(np.float64).sum(axis=axis)
        if np.any(reach >= 2.0**MAX_WIDTH):
            raise BadInput("a sum could need more than 62 bits", remedy="use fewer bits before this layer")
        return Interval(self.low.sum(axis=axis), self.high.sum(axis=axis))

    def reshaped(self, shape: tuple[int, ...]) -> Interval:
        """The same words in another shape."""
        return Interval(self.low.reshape(shape), self.high.reshape(shape))

    def shifted(self, offset: IntArray) -> Interval:
        """Interval after adding constants."""
        return Interval(self.low + offset, self.high + offset)

    def with_zero(self) -> Interval:
        """The hull with zero: where every partial sum of a sum lies, in any order of the terms.

        Holds when the terms' own intervals contain zero; a term whose interval does not is covered
        by ``matmul`` on an interval that was extended with this function first.
        """
        return Interval(np.minimum(self.low, 0), np.maximum(self.high, 0))

    def requantized(self, fraction: int, target: FixedPoint) -> Interval:
        """Interval after ``requantize``; monotone for saturating formats, the full range if it may wrap."""
        low, high = (rounded(side, fraction, target) for side in (self.low, self.high))
        if target.overflow in (Overflow.SAT, Overflow.SAT_SYM):
            return Interval(fit_into(low, target), fit_into(high, target))
        return Interval(low, high).wrapped_into(target)

    def wrapped_into(self, target: FixedPoint) -> Interval:
        """Interval after an overflow rule that is not monotone: the full range where it may act."""
        outside = (self.low < target.min_word) | (self.high > target.max_word)
        return Interval(
            np.where(outside, target.min_word, self.low),
            np.where(outside, target.max_word, self.high),
        )

    def smallest_format(self, fraction: int, *, signed: bool | None = None) -> FixedPoint:
        """The narrowest exact format with ``fraction`` fractional bits that holds every element."""
        low, high = self.bounds
        is_signed = low < 0 if signed is None else signed
        magnitude_bits = max(max(high, 0).bit_length(), int(-low - 1).bit_length() if low < 0 else 0)
        width = max(1, magnitude_bits + is_signed)
        return FixedPoint(is_signed, width, width - fraction)

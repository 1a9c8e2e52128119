"""What a value of an ONNX graph is while it is read: a constant, a tensor of our graph, or not known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import FixedPoint, IntArray, Interval
from trigml.graph import Constants

MAX_CONSTANT_BITS = 24
"""Bits of a constant on one grid of which it is believed that somebody quantised it; float32 has as many."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A constant.

    Attributes:
        array: its numbers, in the type of the file.
        format: the format that a quantiser gave them, if one for all did.
    """

    array: NDArray[Any]
    format: FixedPoint | None = None


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of the graph.

    Attributes:
        name: in the graph.
        shape: in the order of the ONNX value, events not counted; () is one word per event.
        axes: axis ``i`` of the graph's tensor is axis ``axes[i]`` of the value.
        quantised: whether no sum of products made it since a quantiser.
        raw: whether the file has it before the quantiser of its input; in the graph it is quantised.
    """

    name: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    quantised: bool = True
    raw: bool = False

    @property
    def rank(self) -> int:
        """Number of axes of the value, events not counted."""
        return len(self.shape)

    def named(self, name: str) -> Tensor:
        """Another tensor with the same axes."""
        return replace(self, name=name)


@dataclass(frozen=True, slots=True)
class Unknown:
    """What lies behind a node that has no exact form."""


Value = Known | Tensor | Unknown


def exact_constants(array: NDArray[Any], format_: FixedPoint | None = None) -> Constants | None:
    """Numbers as words; ``None`` if they need more than 24 bits: nobody quantised them.

    Args:
        array: finite numbers.
        format_: the format that a quantiser gave them; without one, the narrowest that holds them.
    """
    values = array.astype(np.float64)
    if format_ is not None:
        words = np.ldexp(values, format_.fraction)
        if np.array_equal(words, np.rint(words)):
            return Constants(words.astype(np.int64), format_.exact())
    fraction = finest_fraction(values)
    scaled = np.ldexp(values, fraction)
    if float(np.abs(scaled).max(initial=0.0)) > 1 << MAX_CONSTANT_BITS:
        return None
    words_: IntArray = scaled.astype(np.int64)
    return Constants(words_, Interval(words_, words_).smallest_format(fraction))


def finest_fraction(values: NDArray[np.float64]) -> int:
    """The fewest fractional bits with which every number is exact (negative if all are multiples of 2, …)."""
    numbers = values[values != 0]
    if not numbers.size:
        return 0
    mantissas, exponents = np.frexp(numbers)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    lowest = (whole & -whole).astype(np.float64)  # the least significant bit that is set
    trailing = np.frexp(lowest)[1] - 1
    return int((53 - trailing - exponents).max())


def power_of_two(value: float) -> int | None:
    """The ``n`` of ``2**n``; ``None`` for any other number."""
    mantissa, exponent = np.frexp(value)
    return int(exponent) - 1 if mantissa == 0.5 else None

"""The bins of turn-on curves: named edges, or round ones that hold nearly all signal events."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput

DEFAULT_BINS = 12
MOST_BINS = 1000
_LEFT_OUT = 0.01
"""Automatic bins leave out at most this part of the signal events on either side."""


@dataclass(frozen=True, slots=True)
class Binning:
    """How a column is divided.

    Attributes:
        edges: rising; empty: found from the events.
        count: about how many bins are found from the events.
    """

    edges: tuple[float, ...] = ()
    count: int = DEFAULT_BINS

    def of(self, values: NDArray[np.float64], column: str) -> NDArray[np.float64]:
        """The edges for the signal's ``values`` (n,).

        Raises:
            BadInput: all values are the same, so that there is nothing to turn on against.
        """
        if self.edges:
            return np.array(self.edges)
        low, high = (float(end) for end in np.quantile(values, (_LEFT_OUT, 1 - _LEFT_OUT)))
        if not low < high:
            low, high = float(values.min()), float(values.max())
        if not low < high:
            raise BadInput(
                f"the column {column!r} has the same value for all signal events",
                found=f"{low:g}",
                expected="values that differ, for turn-on curves",
                remedy="choose another column (--against)",
            )
        return round_edges(low, high, self.count)


def round_edges(low: float, high: float, count: int) -> NDArray[np.float64]:
    """Equal bins from below ``low`` to above ``high`` at multiples of 1, 2, 2.5 or 5 times a power of ten.

    The width is the smallest such number with which ``count`` bins would reach from ``low`` to ``high``.
    """
    wanted = (high - low) / count
    power = 10.0 ** math.floor(math.log10(wanted))
    width = next(step * power for step in (1, 2, 2.5, 5, 10, 20) if step * power >= wanted)
    first, last = math.floor(low / width), math.ceil(high / width)
    if first == last:  # a range so small beside its place that doubles cannot hold the edges
        return np.array([low, high])
    return np.round(np.arange(first, last + 1) * width, 12 - math.floor(math.log10(width)))


def parse_binning(text: str | None) -> Binning:
    """A number of bins (``20``) or their edges (``0,25,50,100``).

    Raises:
        BadInput: it is neither.
    """
    if text is None:
        return Binning()
    try:
        if "," not in text:
            count = int(text)
            if not 1 <= count <= MOST_BINS:
                raise ValueError
            return Binning(count=count)
        edges = tuple(float(word) for word in text.split(","))
        if not all(map(math.isfinite, edges)) or any(low >= high for low, high in pairwise(edges)):
            raise ValueError
    except ValueError as error:
        raise BadInput(
            "these are no bins",
            where="--bins",
            expected=f"a number from 1 to {MOST_BINS}, or rising edges as 0,25,50,100",
            found=repr(text),
        ) from error
    return Binning(edges=edges)

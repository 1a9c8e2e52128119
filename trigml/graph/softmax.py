"""Softmax with an exact integer meaning, made of operations of the graph.

Along the last axis, of logits x:

    d_i = max(x) - x_i        rounded half to even to steps of 2**-7 (or that of x), at most 16 - 2**-7
    e_i = exp(-d_i)           a table, rounded half to even to 16 fractional bits; the largest is exactly 1
    s   = sum of e            exact
    r   = 1 / s               a table of s rounded half to even to 10 fractional bits;
                              itself rounded half to even to 18 fractional bits
    p_i = e_i * r             rounded half to even to 12 fractional bits, at most 1 - 2**-12

The error against the real softmax, for n classes: rounding d moves each logit by at most 2**-8, and p by
at most ``p (1 - p) (exp(2**-7) - 1) < 2**-8.9``. A word of e is off by at most 2**-17, or exp(-16) where d is
limited, which moves p by at most ``(n + 1) * 2**-17``, since s >= 1. Rounding s moves p by at most 2**-11,
and rounding r by at most 2**-19. Rounding p adds at most 2**-13, or 2**-12 where p is limited. For 64 classes
that is 0.0021 + 0.0005 + 0.0005 + 0.0003 together: below ``SOFTMAX_ERROR``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray, Overflow, Rounding
from trigml.graph.builder import GraphBuilder

MOST_CLASSES = 64
SOFTMAX_ERROR = 0.004
"""Largest difference from the real softmax of the same logits."""

_DIFFERENCE_FRACTION = 7
_EXPONENTIAL = FixedPoint(False, 17, 1)
_SUM_FRACTION = 10
_INVERSE = FixedPoint(False, 19, 1)
_PROBABILITY = FixedPoint(False, 12, 0, Rounding.RND_CONV, Overflow.SAT)


def softmax(
    graph: GraphBuilder, name: str, source: str, fresh: Callable[[str], str] = lambda name: name
) -> str:
    """Append a softmax along the last axis; its result is called ``name``.

    Args:
        graph: the graph to append to.
        name: name of the result.
        source: the logits.
        fresh: makes the names of the tensors in between unique.

    Raises:
        BadInput: more than 64 classes.
    """
    logits = graph[source]
    classes = logits.shape[-1]
    if classes > MOST_CLASSES:
        raise BadInput(
            f"a softmax over {classes} classes is more than its tables hold",
            where=name,
            expected=f"at most {MOST_CLASSES}",
            remedy="compare the logits instead (--softmax logits)",
        )
    axis = [len(logits.shape) - 1]
    largest = graph.maximum(fresh(f"{name}_largest"), source, axis, keep_axes=True)
    difference = graph.subtract(fresh(f"{name}_difference"), [largest, source])
    fraction = max(0, min(logits.format.fraction, _DIFFERENCE_FRACTION))
    narrow = FixedPoint(False, 4 + fraction, 4, Rounding.RND_CONV, Overflow.SAT)
    distance = graph.quantize(fresh(f"{name}_distance"), difference, narrow)
    words = np.arange(narrow.max_word + 1)
    exponential = graph.table(
        fresh(f"{name}_exponential"),
        distance,
        0,
        _rounded(np.exp(-np.ldexp(words.astype(np.float64), -fraction)), _EXPONENTIAL),
        _EXPONENTIAL,
    )
    total = graph.sum(fresh(f"{name}_sum"), exponential, axis, keep_axes=True)
    integer = classes.bit_length()
    rounded = FixedPoint(False, integer + _SUM_FRACTION, integer, Rounding.RND_CONV, Overflow.SAT)
    shortened = graph.quantize(fresh(f"{name}_total"), total, rounded)
    low, high = graph.ranges[shortened].bounds
    totals = np.ldexp(np.arange(low, high + 1).astype(np.float64), -_SUM_FRACTION)
    # The largest e is 1, so no sum is below 1; interval arithmetic does not know that.
    inverses = _rounded(1 / np.maximum(totals, 1.0), _INVERSE)
    inverse = graph.table(fresh(f"{name}_inverse"), shortened, low, inverses, _INVERSE)
    product = graph.multiply(fresh(f"{name}_product"), [exponential, inverse])
    return graph.quantize(name, product, _PROBABILITY)


def _rounded(values: NDArray[np.float64], format_: FixedPoint) -> IntArray:
    return np.rint(np.ldexp(values, format_.fraction)).astype(np.int64)

"""Constants added to the results of a tree of adders, in the place where that takes the fewest bits.

A bias, and with it half an LSB for the rounding, can be added to a result, or to any term of the sums below
it that nothing else reads. The terms are narrower, and a negative constant that is added where it is
subtracted is a positive one, which has few bits set: each takes an inverter before the carry chain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from trigml.backends.rtl.signs import Sum, tree_of
from trigml.fixedpoint.words import FloatArray

PER_CARRY_BIT = 0.15
"""What alkaid's cost model counts for a bit of an addition of a constant."""


def raised(sums: Any, leaves: Any, amounts: FloatArray) -> Any:
    """The sums with a constant added to each.

    Args:
        sums: results of a product with a constant matrix.
        leaves: the variables that were multiplied.
        amounts: of the shape of the sums.
    """
    from alkaid.trace import FVArray

    results = np.asarray(sums).ravel()
    tree = tree_of(results, leaves)
    ends = Counter(variable.id for variable in results)
    flat = np.empty(len(results), dtype=object)
    for place, (variable, amount) in enumerate(zip(results, np.ravel(amounts).tolist(), strict=True)):
        alone = variable.id in tree and not tree[variable.id].readers and ends[variable.id] == 1
        routes = [*(_routes(variable, amount, tree) if alone else ()), ()]
        best = min(routes, key=lambda route: _price(variable, amount, tree, route)) if amount else ()
        flat[place] = _added(variable, amount, tree, best)
    return FVArray(flat.reshape(np.shape(sums)), sums.solver_options, hwconf=sums.hwconf)


Route = tuple[int, ...]
"""Which term to take at each sum on the way down; it ends at the term that gets the constant."""


def _routes(reference: Any, amount: float, tree: Mapping[Any, Sum]) -> Iterator[Route]:
    """Ways to leaves through sums that nothing else reads."""
    for index, term in enumerate(tree[reference.id].terms):
        if term.id not in tree:
            yield (index,)
        elif len(tree[term.id].readers) == 1 and not tree[term.id].fixed:
            yield from ((index, *route) for route in _routes(term, amount, tree))


def _price(reference: Any, amount: float, tree: Mapping[Any, Sum], route: Route) -> float:
    """Look-up tables that the constant takes there, roughly."""
    for index in route:
        amount /= _scale(reference, tree)
        reference = tree[reference.id].terms[index]
    if reference._factor < 0:
        reference, amount = -reference, -amount
    high, low = float(reference.high) + amount, float(reference.low) + amount
    step = min(float(reference.step), _lowest_bit(amount))
    width = int(np.ceil(np.log2(max(high + step, -low, step) / step))) + (low < 0)
    word = round(amount / step) % (1 << width)
    growth = width - int(np.sum(reference.kif))
    span = width - round(np.log2(_lowest_bit(amount) / step))
    return float(word.bit_count() + PER_CARRY_BIT * span + max(0, growth))


def _added(reference: Any, amount: float, tree: Mapping[Any, Sum], route: Route) -> Any:
    if not route:  # alkaid would negate a negative variable before it adds
        return -((-reference) + -amount) if reference._factor < 0 else reference + amount
    scale = _scale(reference, tree)
    terms = list(tree[reference.id].terms)
    terms[route[0]] = _added(terms[route[0]], amount / scale, tree, route[1:])
    return (terms[0] + terms[1]) * scale


def _scale(reference: Any, tree: Mapping[Any, Sum]) -> float:
    """What the sum is multiplied with where it is read, or as a result."""
    return float(reference._factor / tree[reference.id].terms[0]._factor)


def _lowest_bit(amount: float) -> float:
    numerator, denominator = abs(amount).as_integer_ratio()
    return (numerator & -numerator) / denominator

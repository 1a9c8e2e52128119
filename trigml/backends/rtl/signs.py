"""Signs of the sums in a tree of adders, chosen so that no subtraction has to negate low bits.

In ``a - b`` the bits of ``a`` below the lowest of ``b`` are copied, and cost nothing. The other way round
they have to be negated, with a borrow into the rest, and Yosys takes twice the look-up tables. Whether a
difference is kept as ``a - b`` or as ``b - a`` is free as long as what reads it is itself a sum: that one
adds instead of subtracting, or the reverse. Only the last sums of a tree have to come out with their own
sign. If every sum takes the sign of the term with the lower lowest bit, no subtraction is of the expensive
kind, except where this meets the last sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SWEEPS = 20
"""Passes over the tree at most; they end when no single sign is worth changing, mostly after two or three."""


@dataclass
class Sum:
    """A sum of two references to sums or leaves; ``flipped`` if it is kept with the opposite sign."""

    variable: Any
    terms: tuple[Any, Any]
    fixed: bool = False
    flipped: bool = False
    readers: list[Sum] = field(default_factory=list)


def resigned(sums: Any, leaves: Any) -> Any:
    """The same sums, as an array of new alkaid variables.

    Args:
        sums: results of a product with a constant matrix.
        leaves: the variables that were multiplied; nothing behind them is touched.
    """
    from alkaid.trace import FVArray

    results = np.asarray(sums).ravel()
    tree = tree_of(results, leaves)
    _choose(tree)
    built: dict[Any, Any] = {}
    for key, node in tree.items():  # terms come before what reads them
        first, second = (_term(built, tree, term) for term in node.terms)
        built[key] = -((-first) + (-second)) if node.flipped else first + second
    flat = np.empty(len(results), dtype=object)
    flat[:] = [_term(built, tree, variable) for variable in results]
    return FVArray(flat.reshape(np.shape(sums)), sums.solver_options, hwconf=sums.hwconf)


def tree_of(results: Iterable[Any], multiplied: Any) -> dict[Any, Sum]:
    """The sums behind some results by their identity, terms before what reads them.

    Args:
        results: alkaid variables.
        multiplied: an array of variables; nothing behind them is looked at.
    """
    leaves = {variable.id for variable in np.asarray(multiplied).ravel()}
    tree: dict[Any, Sum] = {}
    waiting = [variable for variable in results if hasattr(variable, "opr")]
    ends = {variable.id: variable._factor < 0 for variable in waiting}
    while waiting:
        variable = waiting[-1]
        if variable.id in tree or variable.opr != "vadd" or variable.id in leaves:
            waiting.pop()
            continue
        missing = [t for t in variable._from if t.opr == "vadd" and t.id not in leaves and t.id not in tree]
        if missing:
            waiting.extend(missing)
            continue
        fixed, flipped = variable.id in ends, ends.get(variable.id, False)
        tree[variable.id] = Sum(variable, variable._from, fixed, flipped)
        waiting.pop()
    for node in tree.values():
        for term in node.terms:
            if term.id in tree:
                tree[term.id].readers.append(node)
    return tree


def _choose(tree: dict[Any, Sum]) -> None:
    """Every sum takes the sign of its finer term, and then single signs change while that is cheaper."""
    for node in tree.values():
        if not node.fixed:
            first, second = _negative(tree, node)
            finer = _finer(node)
            node.flipped = first and second if finer is None else (first, second)[finer]
    for _ in range(SWEEPS):
        free = (node for node in tree.values() if not node.fixed)
        changed = sum(_flipped_where_cheaper(tree, node) for node in free)
        if not changed:
            return


def _flipped_where_cheaper(tree: dict[Any, Sum], node: Sum) -> bool:
    around = [node, *node.readers]
    before = sum(_price(tree, near) for near in around)
    node.flipped = not node.flipped
    if sum(_price(tree, near) for near in around) < before:
        return True
    node.flipped = not node.flipped
    return False


def _price(tree: dict[Any, Sum], node: Sum) -> int:
    """Look-up tables beyond those of a plain sum, roughly."""
    negative = _negative(tree, node)
    width = sum(int(part) for part in node.variable.kif)
    if all(negative):
        return 4 * width  # no such form: alkaid would build the opposite and negate it
    finer = _finer(node)
    return width if finer is not None and negative[finer] else 0


def _negative(tree: dict[Any, Sum], node: Sum) -> tuple[bool, bool]:
    """Which of the terms are subtracted, with the signs as they are chosen."""
    first, second = (
        (term._factor < 0) ^ (term.id in tree and tree[term.id].flipped) ^ node.flipped for term in node.terms
    )
    return first, second


def _finer(node: Sum) -> int | None:
    """Which of the terms has the lower lowest bit; none if they are equal."""
    first, second = (float(term.step) for term in node.terms)
    return None if first == second else int(second < first)


def _term(built: dict[Any, Any], tree: dict[Any, Sum], reference: Any) -> Any:
    """The new variable for a reference to an old one, with the factor of the reference."""
    if not hasattr(reference, "opr") or reference.id not in built:
        return reference
    return built[reference.id] * (reference._factor / tree[reference.id].terms[0]._factor)

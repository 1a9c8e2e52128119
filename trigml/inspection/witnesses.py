"""Looking for an input that makes a word leave the range of a type: known inputs, exact extremes, ascent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigml.emulation.numpy_emulator import emulate
from trigml.fixedpoint import FixedPoint, IntArray, requantize
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.graph.products import products_per_event
from trigml.verify.vectors import input_limits

AFFINE = (ops.Input, ops.Linear, ops.Add, ops.Subtract, ops.Sum, ops.Concatenate)
SAME_WORDS = (ops.Reshape, ops.Permute, ops.Slice, ops.ZeroPad)
"""Operations of whose inputs every word of the result is a sum with constant factors."""

MOST_TARGETS = 8
MOST_ROUNDS = 40
STARTS = 3
SEARCH_PRODUCTS = 1 << 33
LEAST_ROWS, MOST_ROWS = 2_000, 200_000
"""How many inputs a search may try, by the products that each one costs."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Input words that are at hand.

    Attributes:
        origin: what they are, for messages.
        words: (n, n_in) int64.
    """

    origin: str
    words: IntArray


@dataclass(frozen=True)
class FoundInput:
    """An input that makes a word leave a type's range.

    Attributes:
        origin: where it comes from.
        words: the input words of the event.
        element: index in the tensor, flattened.
        exact: the word before the overflow rule, in the type's LSB.
    """

    origin: str
    words: tuple[int, ...]
    element: int
    exact: int


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Attributes:
        found: an input, if one was found.
        impossible: there is none, since the network is affine up to there and its exact extremes fit.
    """

    found: FoundInput | None
    impossible: bool = False


@dataclass(frozen=True)
class _Target:
    """One element of the tensor, and the direction (1 or -1) in which it may leave the range."""

    element: int
    sign: int


def search(network: Graph, target: FixedPoint, at_hand: Sequence[Inputs]) -> Outcome:
    """Look for an input with which an output word of ``network`` lies outside of ``target``.

    Args:
        network: with one output, in words that have the LSB of ``target`` and any range, from a quantiser or
            a mean as its last operation.
        target: the type.
        at_hand: inputs to try first: events, corners, random vectors.
    """
    for inputs in at_hand:
        if (found := _among(network, target, inputs)) is not None:
            return Outcome(found)
    if is_affine(network):
        return _at_extremes(network, target)
    low, high = input_limits(network)
    known = [inputs.words for inputs in at_hand] or [np.clip(np.zeros_like(low), low, high)[None]]
    return Outcome(_by_ascent(network, target, np.concatenate(known)))


def is_affine(network: Graph) -> bool:
    """Whether all words that enter the last operation, a quantiser, are affine in the input words."""
    *before, last = network.operations
    return isinstance(last, ops.Quantize) and all(isinstance(o, AFFINE + SAME_WORDS) for o in before)


def _among(network: Graph, target: FixedPoint, inputs: Inputs) -> FoundInput | None:
    exact = emulate(network, inputs.words)
    outside = (exact < target.min_word) | (exact > target.max_word)
    if not outside.any():
        return None
    event, element = np.unravel_index(int(np.argmax(outside)), outside.shape)
    words = tuple(inputs.words[event].tolist())
    return FoundInput(inputs.origin, words, int(element), int(exact[event, element]))


def _at_extremes(network: Graph, target: FixedPoint) -> Outcome:
    """The exact ends of every element, from its coefficients: the differences that single steps make."""
    *before, last = network.operations
    source = Graph(network.name, tuple(before), last.inputs, network.contracts)
    low, high = input_limits(network)
    base = np.clip(np.zeros_like(low), low, high)
    step = np.where(base < high, 1, -1)
    rows = emulate(source, np.concatenate([base[None], base + np.diag(step)]))
    slopes = (rows[1:] - rows[0]) * step[:, None]
    for sign in (1, -1):
        best = np.where(sign * slopes > 0, high[:, None], low[:, None])
        ends = rows[0] + ((best - base[:, None]) * slopes).sum(axis=0)
        rounded = requantize(ends, source.output.format.fraction, last.format)
        outside = (rounded < target.min_word) | (rounded > target.max_word)
        if outside.any():
            element = int(np.argmax(outside))
            row = best[:, element]
            exact = int(emulate(network, row[None])[0, element])
            return Outcome(FoundInput("the extreme of every input", tuple(row.tolist()), element, exact))
    return Outcome(None, impossible=True)


def _by_ascent(network: Graph, target: FixedPoint, known: IntArray) -> FoundInput | None:
    """From the best known inputs, move the inputs to the ends of their ranges as long as that helps."""
    budget = _Budget(network)
    exact = emulate(network, known)
    for aim in _targets(network, target):
        heights = aim.sign * exact[:, aim.element]
        for start in np.argsort(-heights, kind="stable")[:STARTS]:
            row, height = _climbed(network, aim, known[start], int(heights[start]), budget)
            word = aim.sign * height
            if not target.holds(word, word):
                return FoundInput("search", tuple(row.tolist()), aim.element, word)
            if budget.spent:
                return None
    return None


def _targets(network: Graph, target: FixedPoint) -> Iterator[_Target]:
    """The elements that the proof does not keep inside, the farthest ones first."""
    proven = network.ranges[network.outputs[0]]
    beyond = np.concatenate([proven.high.ravel() - target.max_word, target.min_word - proven.low.ravel()])
    count = proven.high.size
    for place in np.argsort(-beyond, kind="stable")[:MOST_TARGETS]:
        if beyond[place] > 0:
            yield _Target(int(place % count), 1 if place < count else -1)


@dataclass
class _Budget:
    """How many more inputs may be tried."""

    network: Graph
    rows: int = 0

    def __post_init__(self) -> None:
        affordable = SEARCH_PRODUCTS // max(1, products_per_event(self.network))
        self.rows = max(LEAST_ROWS, min(MOST_ROWS, affordable))

    @property
    def spent(self) -> bool:
        return self.rows <= 0

    def heights(self, aim: _Target, rows: IntArray) -> IntArray:
        self.rows -= len(rows)
        return np.asarray(aim.sign * emulate(self.network, rows)[:, aim.element])


def _climbed(
    network: Graph, aim: _Target, row: IntArray, height: int, budget: _Budget
) -> tuple[IntArray, int]:
    low, high = input_limits(network)
    ends = (low, high, np.clip(np.zeros_like(low), low, high))
    for _ in range(MOST_ROUNDS):
        if budget.spent:
            break
        moved = np.concatenate([_one_by_one(row, end) for end in ends])
        gains = (budget.heights(aim, moved) - height).reshape(len(ends), -1)
        choice, gain = gains.argmax(axis=0), gains.max(axis=0)
        order = np.argsort(-gain, kind="stable")[: np.count_nonzero(gain > 0)]
        if not len(order):
            break
        best = np.choose(choice, ends)
        together = np.stack([_moved(row, best, order[:count]) for count in _counts(len(order))])
        heights = budget.heights(aim, together)
        row, height = together[heights.argmax()], int(heights.max())
    return row, height


def _one_by_one(row: IntArray, end: IntArray) -> IntArray:
    """The row with one input after the other moved to its end, (n_in, n_in)."""
    return np.where(np.eye(len(row), dtype=bool), end, row)


def _moved(row: IntArray, best: IntArray, places: NDArray[np.intp]) -> IntArray:
    moved = row.copy()
    moved[places] = best[places]
    return moved


def _counts(most: int) -> list[int]:
    """How many of the best moves are made at once: one, two, four and so on, and all."""
    return [*(1 << power for power in range(most.bit_length() - 1)), most]

"""Integers that firmware compares with a threshold, made from a classifier's output words without division.

A network of C classes gives C words, and a trigger needs one number that is higher for its signal. The
probability of a softmax would need exponentials and a division; differences of words need subtractions only:

* signal word − the highest of the other words: the signal against all the rest. With logits z it lies within
  ln(C − 1) of the log-odds of the softmax, ln(p / (1 − p)), and is the same for two classes.
* signal word − the word of one background: exactly the log of p_signal / p_background.

Words of different scale are brought to the finest LSB by shifts to the left first. The differences are exact
integers; a comparison with a threshold T in firmware is word_s − T >= each of the other words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trigml.data.names import did_you_mean
from trigml.errors import BadInput
from trigml.graph import Graph
from trigml.physics.classification import class_scores

if TYPE_CHECKING:
    from trigml.evaluation.sample import ScoredEvents

_LARGEST = 2**53
"""Scores beyond this cannot be counted exactly by ``trigml.physics.turn_on``."""


class Compared(Protocol):
    """An integer per event that firmware compares with a threshold, and which events are to pass."""

    @property
    def name(self) -> str:
        """What is told from what, for tables."""

    @property
    def formula(self) -> str:
        """What firmware computes."""

    @property
    def sides(self) -> tuple[str, str]:
        """Signal and background, for tables; empty: all the rest."""

    @property
    def bits(self) -> int:
        """Width of the integer."""

    @property
    def bounds(self) -> tuple[int, int]:
        """Lowest and highest integer that can occur."""

    @property
    def lsb(self) -> float:
        """What one unit of the integer is worth."""

    @property
    def unit(self) -> str:
        """In which unit; empty if it has none."""

    def of(self, words: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """The integers (n,) of output words (n, n_out)."""

    def divide(self, events: ScoredEvents) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n,) which events are signal, and which are background; the others do not count."""

    def log_odds(self, words: NDArray[np.integer[Any]]) -> NDArray[np.float64] | None:
        """(n,) the ideal quantity that ranks events in another order; ``None`` if there is none."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, all that firmware needs to know."""


@dataclass(frozen=True, slots=True)
class Discriminant:
    """One integer per event, higher for signal.

    Attributes:
        signal: the class that is looked for.
        background: the one class that it is told from; ``None``: all others.
        labels: the classes, in the order of the output words.
        shifts: per output word, the bits by which it is shifted to the left to have the common LSB.
        lsb: what one unit of the discriminant is worth in the units of the network's output.
        bounds: lowest and highest value that can occur, proven from the network's ranges.
    """

    signal: str
    background: str | None
    labels: tuple[str, ...]
    shifts: tuple[int, ...]
    lsb: float
    bounds: tuple[int, int]

    @property
    def others(self) -> tuple[str, ...]:
        """The classes whose words are subtracted, in the order of the words."""
        if self.background is not None:
            return (self.background,)
        return tuple(label for label in self.labels if label != self.signal)

    @property
    def name(self) -> str:
        """For tables: ``t against g``, ``t against the rest``."""
        return f"{self.signal} against {'the rest' if self.background is None else self.background}"

    @property
    def formula(self) -> str:
        """What firmware computes, as ``t − max(g, q)``; shifted words as ``g·2^1``."""
        signal, *others = (self._word(label) for label in (self.signal, *self.others))
        subtracted = ", ".join(others)
        return f"{signal} − {subtracted}" if len(others) == 1 else f"{signal} − max({subtracted})"

    @property
    def sides(self) -> tuple[str, str]:
        """Signal and background, for tables; empty: all the rest."""
        return self.signal, self.background or ""

    @property
    def unit(self) -> str:
        """Differences of logits have none."""
        return ""

    @property
    def bits(self) -> int:
        """Width of the two's complement integer that holds every value that can occur."""
        return 1 + max((~bound if bound < 0 else bound).bit_length() for bound in self.bounds)

    def of(self, words: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """The integers (n,) of output words (n, n_out)."""
        subtracted = self._column(words, self.others[0])
        for other in self.others[1:]:
            np.maximum(subtracted, self._column(words, other), out=subtracted)
        return self._column(words, self.signal) - subtracted

    def divide(self, events: ScoredEvents) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n,) which events are signal, and which are background; with one background others do not count."""
        is_signal = events.labels == self.labels.index(self.signal)
        if self.background is None:
            return is_signal, ~is_signal
        return is_signal, events.labels == self.labels.index(self.background)

    def log_odds(self, words: NDArray[np.integer[Any]]) -> NDArray[np.float64] | None:
        """(n,) ln(p / (1 − p)) of the softmax; ``None`` against one background, in the same order."""
        if self.background is not None:
            return None
        logits = (words.astype(np.int64) << np.array(self.shifts)) * self.lsb
        return class_scores(logits)[:, self.labels.index(self.signal)]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, all that firmware needs to know."""
        return {
            "name": self.name,
            "formula": self.formula,
            "signal": self.signal,
            "background": self.background,
            "lsb": self.lsb,
            "bits": self.bits,
            "bounds": list(self.bounds),
        }

    def _column(self, words: NDArray[np.integer[Any]], label: str) -> NDArray[np.int64]:
        place = self.labels.index(label)
        return words[:, place].astype(np.int64) << self.shifts[place]

    def _word(self, label: str) -> str:
        shift = self.shifts[self.labels.index(label)]
        return f"{label}·2^{shift}" if shift else label


def discriminants_of(
    graph: Graph, classes: Sequence[str], signals: Sequence[str] = (), background: str | None = None
) -> tuple[Discriminant, ...]:
    """The discriminants of a classifier.

    Args:
        graph: the network; one output word per class, in the order of ``classes``.
        classes: at least two.
        signals: the classes to look for; none: all but ``background``.
        background: the one class that they are told from; ``None``: each from all others.

    Raises:
        BadInput: the network's outputs are not one word per class, there is no such class, a class is named
            twice or against itself, or differences could not be counted exactly.
    """
    if graph.n_out != len(classes) or len(classes) < 2:
        needed = f"{len(classes)} for {', '.join(classes)}" if len(classes) > 1 else "at least two"
        raise BadInput(
            "trigger quantities are made from one output word per class",
            where=f"the network {graph.name}",
            expected=f"output words: {needed}",
            found=str(graph.n_out),
        )
    if graph.output_labels and graph.output_labels != tuple(classes):
        raise BadInput(
            "the network's outputs are in another order than the classes",
            where=f"the network {graph.name}",
            expected=", ".join(classes),
            found=", ".join(graph.output_labels),
        )
    for name in (*signals, *([] if background is None else [background])):
        if name not in classes:
            raise BadInput(
                f"there is no class {name!r}",
                expected="one of " + ", ".join(classes),
                remedy=did_you_mean(name, classes),
            )
    if len(set(signals)) != len(signals):
        raise BadInput("a class is named twice as signal", found=", ".join(signals))
    if background in signals:
        raise BadInput(f"the class {background!r} is signal and background at once")
    wanted = signals or [name for name in classes if name != background]
    return tuple(_made(graph, tuple(classes), name, background) for name in wanted)


def _made(graph: Graph, labels: tuple[str, ...], signal: str, background: str | None) -> Discriminant:
    fractions = [int(fraction) for fraction in graph.output_fractions]
    shifts = tuple(max(fractions) - fraction for fraction in fractions)
    lows, highs = (
        [int(word) << shift for word, shift in zip(ends, shifts, strict=True)] for ends in output_ends(graph)
    )
    at = labels.index(signal)
    others = [
        labels.index(name) for name in labels if name == background or (not background and name != signal)
    ]
    bounds = (
        lows[at] - max(highs[place] for place in others),
        highs[at] - max(lows[place] for place in others),
    )
    if max(abs(bound) for bound in bounds) > _LARGEST:
        raise BadInput(
            "the network's output words are too wide for trigger quantities",
            where=f"the network {graph.name}",
            expected="differences of words within ±2^53",
            found=f"{bounds[0]} to {bounds[1]}",
        )
    return Discriminant(signal, background, labels, shifts, 2.0 ** -max(fractions), bounds)


def output_ends(graph: Graph) -> tuple[list[int], list[int]]:
    """The lowest and the highest word of each output, as Python integers."""
    ranges = [graph.ranges[name] for name in graph.outputs]
    lows = [int(word) for found in ranges for word in found.low.ravel()]
    highs = [int(word) for found in ranges for word in found.high.ravel()]
    return lows, highs

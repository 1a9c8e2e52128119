"""The integer of a regressor: its output word as it leaves the FPGA, compared with a threshold in LSBs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trigml.data.names import did_you_mean
from trigml.errors import BadInput
from trigml.evaluation.discriminants import output_ends
from trigml.graph import Graph

if TYPE_CHECKING:
    from trigml.evaluation.sample import ScoredEvents


@dataclass(frozen=True, slots=True)
class Division:
    """Which events a threshold on the output word is to let pass, and which it is to hold back.

    Attributes:
        signals: the classes whose events are signal; none: all but ``background``.
        background: the class whose events are background, whatever their target; ``None``: the events of all
            classes whose target is below ``above``.
        above: signal events have at least this true target; ``None``: any.
    """

    signals: tuple[str, ...] = ()
    background: str | None = None
    above: float | None = None

    @property
    def has_background(self) -> bool:
        """Whether there is anything to hold back; if not, there are no rates."""
        return self.background is not None or self.above is not None

    def signal_classes(self, classes: Sequence[str]) -> tuple[str, ...]:
        """Of these classes those whose events are signal, in their order.

        Raises:
            BadInput: a class is not there, named twice, or signal and background at once.
        """
        for name in (*self.signals, *([] if self.background is None else [self.background])):
            if name not in classes:
                raise BadInput(
                    f"there is no class {name!r}",
                    expected="one of " + ", ".join(classes),
                    remedy=did_you_mean(name, classes),
                )
        if len(set(self.signals)) != len(self.signals):
            raise BadInput("a class is named twice as signal", found=", ".join(self.signals))
        if self.background in self.signals:
            raise BadInput(f"the class {self.background!r} is signal and background at once")
        wanted = self.signals or [name for name in classes if name != self.background]
        return tuple(name for name in classes if name in wanted)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"signals": list(self.signals), "background": self.background, "target_above": self.above}

    @classmethod
    def from_json(cls, content: Any) -> Division:
        """What ``to_json`` made.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        signals, background, above = content["signals"], content["background"], content["target_above"]
        if not isinstance(signals, list) or not all(isinstance(name, str) for name in signals):
            raise TypeError("the classes of the signal are texts")
        if not isinstance(background, str | None):
            raise TypeError("a class is a text")
        if above is not None and (isinstance(above, bool) or not isinstance(above, int | float)):
            raise TypeError(f"a target is a number, not {above!r}")
        return cls(tuple(signals), background, None if above is None else float(above))


@dataclass(frozen=True, slots=True)
class OutputWord:
    """One integer per event: the output word of a regressor.

    Attributes:
        target: the column that the network learned.
        unit: of the target.
        lsb: what one unit of the word is worth, in that unit.
        bounds: lowest and highest word that can occur, proven from the network's ranges.
        classes: all that are read.
        division: which events are signal, and which background.
    """

    target: str
    unit: str
    lsb: float
    bounds: tuple[int, int]
    classes: tuple[str, ...]
    division: Division

    @property
    def formula(self) -> str:
        """The word's name: ``energy`` if the target is ``true_energy``."""
        return self.target.removeprefix("true_")

    @property
    def name(self) -> str:
        """What is told from what, for tables."""
        signal, background = self.sides
        return f"{signal} against {background}"

    @property
    def sides(self) -> tuple[str, str]:
        """Signal and background, for tables."""
        division = self.division
        edge = "" if division.above is None else f"{self.target} {{}} {division.above:g} {self.unit}".rstrip()
        above, below = edge.format(">="), edge.format("<")
        named = ", ".join(division.signals)
        signal = ", ".join(filter(None, (named, above)))
        return signal or "other classes", division.background or below

    @property
    def bits(self) -> int:
        """Width of the word that holds every value that can occur; unsigned."""
        return max(1, self.bounds[1].bit_length())

    @property
    def signals(self) -> tuple[str, ...]:
        """The classes whose events are signal."""
        return self.division.signal_classes(self.classes)

    def text(self, threshold: int) -> str:
        """What a threshold is worth: ``25 GeV``."""
        return f"{threshold * self.lsb:g} {self.unit}".rstrip()

    def of(self, words: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """The integers (n,) of output words (n, 1)."""
        return words[:, 0].astype(np.int64)

    def divide(self, events: ScoredEvents) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n,) which events are signal, and which are background; the others do not count.

        Raises:
            BadInput: the true target is needed and was not read.
        """
        is_signal = np.isin(events.labels, [self.classes.index(name) for name in self.signals])
        division = self.division
        if division.above is None:
            is_above = np.ones(len(is_signal), dtype=np.bool_)
        elif events.truth is None:
            raise BadInput(f"the true target {self.target!r} of the events is not known")
        else:
            is_above = events.truth >= division.above
        if division.background is None:
            return is_signal & is_above, ~is_above
        return is_signal & is_above, events.labels == self.classes.index(division.background)

    def log_odds(self, words: NDArray[np.integer[Any]]) -> None:
        """There is nothing that the word stands for but itself."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, all that firmware needs to know."""
        return {
            "name": self.name if self.division.has_background else self.formula,
            "formula": self.formula,
            "target": self.target,
            "unit": self.unit,
            "lsb": self.lsb,
            "bits": self.bits,
            "bounds": list(self.bounds),
            **self.division.to_json(),
        }


def output_word_of(
    graph: Graph, target: str, unit: str, classes: Sequence[str], division: Division
) -> OutputWord:
    """The output word of a regressor.

    Raises:
        BadInput: the network has several words, or words below 0; or as ``Division.signal_classes``.
    """
    lows, highs = output_ends(graph)
    if graph.n_out != 1 or lows[0] < 0:
        raise BadInput(
            "a threshold on the output of a regressor needs one unsigned word",
            where=f"the network {graph.name}",
            expected="one output word, not below 0",
            found=f"{graph.n_out} words, the first from {lows[0]}",
        )
    division.signal_classes(classes)
    lsb = 2.0 ** -int(graph.output_fractions[0])
    return OutputWord(target, unit, lsb, (lows[0], highs[0]), tuple(classes), division)

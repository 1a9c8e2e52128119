"""Co-simulation: events through a clocked design, and what its valid signals say of latency and interval.

The events are fed back to back, then with gaps, then through a reset, as an experiment's firmware would.
Latency and initiation interval are measured, not taken from the tool that made the design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trigml.backends.rtl.ports import Word, packed_bytes, unpacked_words
from trigml.errors import NotBitExact
from trigml.fixedpoint import IntArray

RESET, VALID = 1, 2
_RESET_CYCLES = 4


Stimuli: TypeAlias = NDArray[np.uint8]
"""(cycles, 1 + in_bytes): per cycle bit 0 ``rst`` and bit 1 ``in_valid``, and the bytes of ``in_words``."""


@runtime_checkable
class Driven(Protocol):
    """A design that can be driven cycle by cycle."""

    def run(self, control: NDArray[np.uint8], words: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(cycles,) control and (cycles, in_bytes) words → (cycles, 1 + out_bytes)."""


class SideBySide(Protocol):
    """A design of which copies can be driven at the same time."""

    @property
    def copies(self) -> int:
        """How many."""

    def run_all(self, stimuli: Sequence[Stimuli]) -> list[NDArray[np.uint8]]:
        """Of each copy (cycles, 1 + out_bytes)."""


Design: TypeAlias = Driven | SideBySide
"""A compiled design."""


@dataclass(frozen=True)
class Timing:
    """What was measured on the valid signals.

    Attributes:
        latency: cycles from ``in_valid`` to ``out_valid``, the same for every event.
        interval: fewest cycles between two events that both left with their results.
    """

    latency: int
    interval: int


@dataclass(frozen=True)
class Trace:
    """One run of a design.

    Attributes:
        entered: cycles in which an event entered.
        left: cycles in which a result left.
        words: (results, n_out) the results.
    """

    entered: NDArray[np.int64]
    left: NDArray[np.int64]
    words: IntArray


@dataclass(frozen=True)
class Cosimulation:
    """A simulated design with its buses.

    Attributes:
        simulation: the compiled design.
        inputs: words of ``in_words``.
        outputs: words of ``out_words``.
        drain: cycles that are waited for the last results; more than the latency.
    """

    simulation: Design
    inputs: tuple[Word, ...]
    outputs: tuple[Word, ...]
    drain: int

    @property
    def copies(self) -> int:
        """Runs that cost no more than one."""
        return 1 if isinstance(self.simulation, Driven) else self.simulation.copies

    def traces(self, stimuli: Sequence[Stimuli]) -> list[Trace]:
        """What comes out of runs of their own."""
        if isinstance(self.simulation, Driven):
            seen = [self.simulation.run(one[:, 0], one[:, 1:]) for one in stimuli]
        else:
            seen = self.simulation.run_all(stimuli)
        return [self._read(one[:, 0], rows) for one, rows in zip(stimuli, seen, strict=True)]

    def back_to_back(self, words: IntArray) -> Stimuli:
        """An event in every cycle, after a reset."""
        return self._stimuli(np.full(len(words), VALID, dtype=np.uint8), words)

    def with_gaps(self, words: IntArray, seed: int) -> Stimuli:
        """Events with 0 to 3 idle cycles between them; the bus holds noise in these."""
        random = np.random.default_rng(seed)
        gaps = random.integers(0, 4, len(words))
        places = np.cumsum(gaps + 1) - 1
        control = np.zeros(places[-1] + 1 if len(words) else 0, dtype=np.uint8)
        control[places] = VALID
        low = np.array([word.format.min_word for word in self.inputs])
        high = np.array([word.format.max_word for word in self.inputs])
        noisy = random.integers(low, high + 1, (len(control), len(self.inputs)))
        noisy[places] = words
        return self._stimuli(control, noisy)

    def through_reset(self, words: IntArray) -> Stimuli:
        """Events, a reset with some in the pipeline and more at the input, and the same events again."""
        once = np.full(len(words), VALID, dtype=np.uint8)
        pause = np.full(_RESET_CYCLES, RESET | VALID, dtype=np.uint8)
        lost = np.resize(words, (_RESET_CYCLES, len(self.inputs)))
        return self._stimuli(np.concatenate([once, pause, once]), np.concatenate([words, lost, words]))

    def _stimuli(self, control: NDArray[np.uint8], words: IntArray) -> Stimuli:
        """A reset, the words, and the cycles in which the last results leave."""
        before = np.full(_RESET_CYCLES, RESET, dtype=np.uint8)
        after = np.zeros(self.drain, dtype=np.uint8)
        everything = np.concatenate([before, control, after])
        rows = np.zeros((len(everything), len(self.inputs)), dtype=np.int64)
        rows[_RESET_CYCLES : _RESET_CYCLES + len(words)] = words
        return np.concatenate([everything[:, None], packed_bytes(rows, self.inputs)], axis=1)

    def _read(self, control: NDArray[np.uint8], seen: NDArray[np.uint8]) -> Trace:
        left = np.flatnonzero(seen[:, 0] & 1)
        entered = np.flatnonzero((control & (VALID | RESET)) == VALID)
        return Trace(entered, left, unpacked_words(seen[left, 1:], self.outputs))


def measured(trace: Trace, where: str) -> Timing:
    """Latency and initiation interval of a run without a reset.

    Raises:
        NotBitExact: events are lost or made up, or the latency is not the same for all of them.
    """
    if len(trace.left) != len(trace.entered):
        raise NotBitExact(
            "the design loses events or makes some up",
            where=where,
            expected=f"{len(trace.entered)} results",
            found=f"{len(trace.left)}",
        )
    latencies = np.unique(trace.left - trace.entered)
    if len(latencies) != 1:
        raise NotBitExact(
            "the latency of the design is not constant", where=where, found=f"{latencies.tolist()} cycles"
        )
    distances = np.diff(trace.entered)
    return Timing(int(latencies[0]), int(distances.min()) if len(distances) else 1)

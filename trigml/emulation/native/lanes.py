"""Which integer type a word needs, from its proven range."""

from __future__ import annotations

from enum import IntEnum

from trigml.errors import BadInput
from trigml.fixedpoint import Interval


class Lane(IntEnum):
    """A C++ integer type, by its bits; the narrower, the more events go through one instruction."""

    INT16 = 16
    INT32 = 32
    INT64 = 64

    @property
    def cpp(self) -> str:
        """The C++ type."""
        return f"std::int{self.value}_t"

    def holds(self, *words: int) -> bool:
        """Whether all words fit."""
        return all(-(1 << (self - 1)) <= word < 1 << (self - 1) for word in words)


def lane_for(*words: int) -> Lane:
    """The narrowest lane that holds these words.

    Raises:
        BadInput: none does; no checked graph has such words.
    """
    for lane in Lane:
        if lane.holds(*words):
            return lane
    raise BadInput("a word needs more than 64 bits", found=", ".join(map(str, words)))


def lane_of(interval: Interval) -> Lane:
    """The narrowest lane for a tensor."""
    return lane_for(*interval.bounds)

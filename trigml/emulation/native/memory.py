"""Where tensors stand in the memory of a block: places are used again once nobody reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALIGNMENT = 64


@dataclass(frozen=True)
class Lifetime:
    """How long a tensor is needed.

    Attributes:
        size: bytes.
        first: the step that writes it.
        last: the last step that reads it.
    """

    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Arena:
    """Offsets of all tensors, in bytes, and the size of the whole."""

    offsets: Mapping[str, int]
    size: int


def arranged(lifetimes: Mapping[str, Lifetime]) -> Arena:
    """First fit, the largest tensors first."""
    placed: dict[str, tuple[int, int]] = {}
    for name in sorted(lifetimes, key=lambda name: -lifetimes[name].size):
        life = lifetimes[name]
        taken = sorted(placed[other] for other in placed if _meet(life, lifetimes[other]))
        start = _first_gap(taken, life.size)
        placed[name] = (start, start + life.size)
    end = max((end for _, end in placed.values()), default=0)
    return Arena({name: start for name, (start, _) in placed.items()}, _aligned(end))


def _meet(one: Lifetime, other: Lifetime) -> bool:
    return one.first <= other.last and other.first <= one.last


def _first_gap(taken: Sequence[tuple[int, int]], size: int) -> int:
    start = 0
    for low, high in taken:
        if start + size <= low:
            break
        start = max(start, _aligned(high))
    return start


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT

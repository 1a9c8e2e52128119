"""A model that grows, line by line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Shape = tuple[int, ...]

WIDEST = 26
"""Bits, as far as estimated here, up to which a tensor goes on without a quantiser."""
LONGEST_TABLE = 12
"""Bits up to which a function is tabulated."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of the model.

    Attributes:
        name: its Python variable.
        shape: without the event axis.
        bits: how wide its words may be.
        quantised: whether sums of products may read it.
    """

    name: str
    shape: Shape
    bits: float
    quantised: bool

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass
class Growing:
    """A model that grows, line by line."""

    draw: st.DrawFn
    lines: list[str] = field(default_factory=list)
    drawn: set[str] = field(default_factory=set)
    count: int = 0

    def pick(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def maybe(self, one_in: int = 2) -> bool:
        """True in one of so many cases; hypothesis shrinks towards False."""
        return bool(self.draw(st.integers(0, one_in - 1)) == one_in - 1)

    def whole(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def mark(self, *tags: str) -> None:
        self.drawn.update(tags)

    def line(
        self, call: str, sources: Sequence[Tensor], shape: Shape, bits: float, quantised: bool
    ) -> Tensor:
        """``x_n = call(sources)``; ``NAME`` in the call becomes the layer's name."""
        self.count += 1
        name = f"x_{self.count}"
        kind = call.split("(", maxsplit=1)[0].rsplit(".", 1)[-1]
        argument = ", ".join(source.name for source in sources)
        argument = argument if len(sources) == 1 else f"[{argument}]"
        layer = f"{kind.lower()}_{self.count}"
        if call.startswith("tf."):
            self.lines.append(f"{name} = {call.replace('INPUT', argument)}")
        else:
            self.lines.append(f"{name} = {call.replace('NAME', repr(layer))}({argument})")
        self.mark(kind)
        return Tensor(name, shape, bits, quantised)

"""Windows over the places of a tensor, and how many fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .growing import Growing, Shape, Tensor


def positions(g: Growing, n: int, k: int, *, stride: int, padding: str, dilation: int = 1) -> int:
    g.mark(f"padding={padding}")
    if stride > 1:
        g.mark("strides")
    if dilation > 1:
        g.mark("dilation")
    if padding != "valid":
        return -(-n // stride)
    return (n - dilation * (k - 1) - 1) // stride + 1


def window(g: Growing, n: int, *, dilated: bool = False, paddings: Sequence[str] = ("valid", "same")) -> Any:
    """Kernel, stride, padding and dilation for axes of at least ``n`` places."""
    k = g.whole(1, min(3, n))
    stride = g.whole(1, 3)
    dilation = 2 if dilated and stride == 1 and 2 * (k - 1) + 1 <= n and g.maybe(4) else 1
    return k, stride, g.pick(paddings), dilation


def places_of(g: Growing, x: Tensor, k: Shape, s: Shape, padding: str, *, dilation: int = 1) -> Shape:
    return tuple(
        positions(g, n, size, stride=stride, padding=padding, dilation=dilation)
        for n, size, stride in zip(x.shape[:-1], k, s, strict=True)
    )

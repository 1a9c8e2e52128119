"""Layers that are called twice, and tensors that become one."""

from __future__ import annotations

from collections.abc import Sequence

from .growing import Growing, Tensor
from .places import flatten, relu
from .quantisers import narrow, quantiser
from .sums import dense, sum_options, summed_bits


def shared(g: Growing, x: Tensor) -> Tensor:
    """One layer, called twice."""
    one = narrow(g, x)
    other = quantiser(g, one)
    options, width, _ = sum_options(g, ["kernel"])
    g.count += 1
    layer, units = f"shared_{g.count}", g.whole(1, 3)
    g.lines.append(f"{layer} = qkeras.QDense({units}, {options}, name={layer!r})")
    shape = (*one.shape[:-1], units)
    bits = max(summed_bits(source, width, one.shape[-1]) for source in (one, other))
    calls = [g.line(f"{layer}", [source], shape, bits, False) for source in (one, other)]
    g.drawn = {tag for tag in g.drawn if not tag.startswith("shared_")} | {"shared layer"}
    return merged(g, calls)


def branched(g: Growing, x: Tensor) -> Tensor:
    """Two paths from one tensor to another."""
    g.mark("branches")
    return merged(g, [quantiser(g, x), dense(g, x) if g.maybe() else relu(g, x)])


def merged(g: Growing, sources: Sequence[Tensor]) -> Tensor:
    """Two tensors become one."""
    one, other = sources
    equal = one.shape == other.shape
    kind = g.pick(["Concatenate", "Add", "Subtract", "Multiply"] if equal else ["Concatenate"])
    quantised = one.quantised and other.quantised
    bits = max(one.bits, other.bits) + 8
    if kind == "Multiply":
        one, other = (narrow(g, source) for source in (one, other))
        return g.line(
            "keras.layers.Multiply(name=NAME)", [one, other], one.shape, one.bits + other.bits, False
        )
    if kind != "Concatenate":
        return g.line(f"keras.layers.{kind}(name=NAME)", [one, other], one.shape, bits, False)
    one_axis = [
        axis
        for axis in range(len(one.shape))
        if len(one.shape) == len(other.shape)
        and all(a == b for i, (a, b) in enumerate(zip(one.shape, other.shape, strict=True)) if i != axis)
    ]
    if not one_axis:
        one, other = (source if len(source.shape) == 1 else flatten(g, source) for source in (one, other))
        one_axis = [0]
    axis = g.pick(one_axis)
    shape = list(one.shape)
    shape[axis] += other.shape[axis]
    call = f"keras.layers.Concatenate(axis={axis + 1}, name=NAME)"
    return g.line(call, [one, other], tuple(shape), bits, quantised)


def joined(g: Growing, x: Tensor) -> Tensor:
    """Two quantised tensors of one shape, merged."""
    g.mark("joined")
    return merged(g, [quantiser(g, x), quantiser(g, x)])

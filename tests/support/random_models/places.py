"""Layers that move, pool or reduce words, and those that look at each word by itself."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from .growing import Growing, Tensor
from .quantisers import bits_text, narrow
from .windows import places_of, window


def relu(g: Growing, x: Tensor) -> Tensor:
    kind = g.pick(["ReLU", "slope", "limit", "Activation", "LeakyReLU"])
    g.mark(f"relu {kind}")
    call, bits = {
        "ReLU": ("keras.layers.ReLU(name=NAME)", x.bits),
        "slope": ("keras.layers.ReLU(negative_slope=0.25, name=NAME)", x.bits + 2),
        "limit": ("keras.layers.ReLU(max_value=6.0, name=NAME)", x.bits),
        "Activation": ("keras.layers.Activation('relu', name=NAME)", x.bits),
        "LeakyReLU": ("keras.layers.LeakyReLU(alpha=0.125, name=NAME)", x.bits + 3),
    }[kind]
    return g.line(call, [x], x.shape, bits, x.quantised)


def dropout(g: Growing, x: Tensor) -> Tensor:
    return g.line("keras.layers.Dropout(0.25, name=NAME)", [x], x.shape, x.bits, x.quantised)


def max_pool(g: Growing, x: Tensor) -> Tensor:
    axes = len(x.shape) - 1
    k, stride, padding, _ = window(g, min(x.shape[:-1]))
    call = f"keras.layers.MaxPooling{axes}D({k}, strides={stride}, padding={padding!r}, name=NAME)"
    shape = (*places_of(g, x, (k,) * axes, (stride,) * axes, padding), x.shape[-1])
    return g.line(call, [x], shape, x.bits, x.quantised)


def average_pool(g: Growing, x: Tensor) -> Tensor:
    """Of windows whose count may be 3: then a quantiser has to follow."""
    axes = len(x.shape) - 1
    k, stride, padding, _ = window(g, min(x.shape[:-1]))
    call = f"keras.layers.AveragePooling{axes}D({k}, strides={stride}, padding={padding!r}, name=NAME)"
    shape = (*places_of(g, x, (k,) * axes, (stride,) * axes, padding), x.shape[-1])
    return plainly_quantised(g, g.line(call, [x], shape, x.bits + 4, False))


def plainly_quantised(g: Growing, x: Tensor) -> Tensor:
    """By a quantiser that may be fused with a mean."""
    if g.maybe(4):
        text, bits = f"quantized_relu({g.whole(2, 7)},{g.whole(0, 3)})", 7
    else:
        text, bits = bits_text(g)
    g.mark("mean and quantiser")
    return g.line(f"qkeras.QActivation({text!r}, name=NAME)", [x], x.shape, bits, True)


def global_pool(g: Growing, x: Tensor) -> Tensor:
    axes, kind = len(x.shape) - 1, g.pick(["Max", "Average"])
    if kind == "Max":
        return g.line(
            f"keras.layers.GlobalMaxPooling{axes}D(name=NAME)", [x], x.shape[-1:], x.bits, x.quantised
        )
    pooled = g.line(
        f"keras.layers.GlobalAveragePooling{axes}D(name=NAME)", [x], x.shape[-1:], x.bits + 6, False
    )
    return plainly_quantised(g, pooled)


def q_average_pool(g: Growing, x: Tensor) -> Tensor:
    x = narrow(g, x)
    k = g.whole(1, min(2, *x.shape[:-1]))
    text = bits_text(g)[0]
    if g.maybe():
        call = f"qkeras.QGlobalAveragePooling2D(activation={text!r}, name=NAME)"
        return g.line(call, [x], x.shape[-1:], 7, True)
    weight = g.maybe()
    options = ", average_quantizer='quantized_bits(6,0,alpha=1)'" if weight else ""
    call = f"qkeras.QAveragePooling2D({k}, strides={k}, activation={text!r}{options}, name=NAME)"
    shape = (*places_of(g, x, (k, k), (k, k), "valid"), x.shape[-1])
    return g.line(call, [x], shape, 7, True)


def reduce_sum(g: Growing, x: Tensor) -> Tensor:
    axis = g.whole(1, len(x.shape) - 1)
    shape = tuple(n for i, n in enumerate(x.shape, start=1) if i != axis)
    bits = x.bits + math.ceil(math.log2(x.shape[axis - 1]))
    return g.line(f"tf.reduce_sum(INPUT, axis={axis})", [x], shape, bits, False)


def reduce_max(g: Growing, x: Tensor) -> Tensor:
    shape = (1, *x.shape[1:])
    return g.line("tf.reduce_max(INPUT, axis=1, keepdims=True)", [x], shape, x.bits, x.quantised)


def flatten(g: Growing, x: Tensor) -> Tensor:
    return g.line("keras.layers.Flatten(name=NAME)", [x], (x.size,), x.bits, x.quantised)


def reshape(g: Growing, x: Tensor) -> Tensor:
    first = g.pick([n for n in range(1, x.size + 1) if x.size % n == 0])
    rest = x.size // first
    second = g.pick([n for n in range(1, rest + 1) if rest % n == 0])
    shape = g.pick([(first, rest), (x.size,), (first, second, rest // second)])
    return g.line(f"keras.layers.Reshape({shape}, name=NAME)", [x], shape, x.bits, x.quantised)


def permute(g: Growing, x: Tensor) -> Tensor:
    order = g.draw(st.permutations(range(1, len(x.shape) + 1)))
    shape = tuple(x.shape[axis - 1] for axis in order)
    return g.line(f"keras.layers.Permute({tuple(order)}, name=NAME)", [x], shape, x.bits, x.quantised)


def crop(g: Growing, x: Tensor) -> Tensor:
    axes = len(x.shape) - 1
    pairs = [
        (before, g.whole(0, n - 1 - before)) for n, before in [(n, g.whole(0, n - 1)) for n in x.shape[:-1]]
    ]
    shape = (*(n - sum(pair) for n, pair in zip(x.shape[:-1], pairs, strict=True)), x.shape[-1])
    text = tuple(pairs) if axes == 2 else pairs[0]
    return g.line(f"keras.layers.Cropping{axes}D({text}, name=NAME)", [x], shape, x.bits, x.quantised)


def zero_pad(g: Growing, x: Tensor) -> Tensor:
    axes = len(x.shape) - 1
    pairs = [(g.whole(0, 2), g.whole(0, 1)) for _ in range(axes)]
    shape = (*(n + sum(pair) for n, pair in zip(x.shape[:-1], pairs, strict=True)), x.shape[-1])
    text = tuple(pairs) if axes == 2 else pairs[0]
    return g.line(f"keras.layers.ZeroPadding{axes}D({text}, name=NAME)", [x], shape, x.bits, x.quantised)

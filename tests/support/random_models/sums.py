"""Layers that sum products: dense, convolutions, and batch normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .growing import Growing, Shape, Tensor
from .quantisers import activation_text, bits_text, narrow, weight_text
from .windows import places_of, positions, window


def sum_options(g: Growing, kernels: Sequence[str]) -> tuple[str, float, bool]:
    """Quantisers, bias and activation of a layer of sums; bits of the weights, bits of the activation."""
    parts, width = [], 0.0
    for kernel in kernels:
        text, bits = weight_text(g)
        parts.append(f"{kernel}_quantizer={text!r}")
        width += bits
    if g.maybe(3):
        parts.append("use_bias=False")
        g.mark("use_bias=False")
    else:
        parts.append(f"bias_quantizer={bits_text(g, 6, weights=True)[0]!r}")
    return ", ".join(parts), width, False


def with_activation(g: Growing, bits: float) -> tuple[str, float, bool]:
    """Perhaps an activation inside of the layer: the option, the bits, whether the result is quantised."""
    if not g.maybe(3):
        return "", bits, False
    text, after = activation_text(g, bits)
    g.mark("activation inside a layer")
    return f", activation={text!r}", after, True


def summed_bits(x: Tensor, weights: float, terms: int) -> float:
    return x.bits + weights + math.ceil(math.log2(terms + 1)) + 1


def dense(g: Growing, x: Tensor) -> Tensor:
    x = narrow(g, x)
    units = g.whole(1, 4)
    options, width, _ = sum_options(g, ["kernel"])
    activation, bits, done = with_activation(g, summed_bits(x, width, x.shape[-1]))
    if len(x.shape) > 1:
        g.mark("pointwise dense")
    call = f"qkeras.QDense({units}, {options}{activation}, name=NAME)"
    return g.line(call, [x], (*x.shape[:-1], units), bits, done)


def conv1d(g: Growing, x: Tensor) -> Tensor:
    x = narrow(g, x)
    k, stride, padding, dilation = window(g, x.shape[0], dilated=True, paddings=("valid", "same", "causal"))
    filters = g.whole(1, 3)
    options, width, _ = sum_options(g, ["kernel"])
    activation, bits, done = with_activation(g, summed_bits(x, width, k * x.shape[-1]))
    call = (
        f"qkeras.QConv1D({filters}, {k}, strides={stride}, padding={padding!r}, dilation_rate={dilation}, "
        f"{options}{activation}, name=NAME)"
    )
    places = positions(g, x.shape[0], k, stride=stride, padding=padding, dilation=dilation)
    shape = (places, filters)
    return g.line(call, [x], shape, bits, done)


def _kernel_2d(g: Growing, x: Tensor) -> Shape:
    return g.whole(1, min(3, x.shape[0])), g.whole(1, min(3, x.shape[1]))


def conv2d(g: Growing, x: Tensor) -> Tensor:
    x = narrow(g, x)
    kernel, padding = _kernel_2d(g, x), g.pick(["valid", "same"])
    strides = (g.whole(1, 2), g.whole(1, 3))
    dilation = 1
    if strides == (1, 1) and all(2 * (k - 1) + 1 <= n for k, n in zip(kernel, x.shape, strict=False)):
        dilation = 2 if g.maybe(4) else 1
    filters = g.whole(1, 3)
    options, width, _ = sum_options(g, ["kernel"])
    activation, bits, done = with_activation(g, summed_bits(x, width, math.prod(kernel) * x.shape[-1]))
    call = (
        f"qkeras.QConv2D({filters}, {kernel}, strides={strides}, padding={padding!r}, "
        f"dilation_rate={dilation}, {options}{activation}, name=NAME)"
    )
    shape = (*places_of(g, x, kernel, strides, padding, dilation=dilation), filters)
    return g.line(call, [x], shape, bits, done)


def depthwise(g: Growing, x: Tensor) -> Tensor:
    x = narrow(g, x)
    kernel, padding, stride, m = _kernel_2d(g, x), g.pick(["valid", "same"]), g.whole(1, 2), g.whole(1, 2)
    options, width, _ = sum_options(g, ["depthwise"])
    activation, bits, done = with_activation(g, summed_bits(x, width, math.prod(kernel)))
    call = (
        f"qkeras.QDepthwiseConv2D({kernel}, strides={stride}, padding={padding!r}, depth_multiplier={m}, "
        f"{options}{activation}, name=NAME)"
    )
    shape = (*places_of(g, x, kernel, (stride, stride), padding), x.shape[-1] * m)
    return g.line(call, [x], shape, bits, done)


def separable(g: Growing, x: Tensor) -> Tensor:
    x = narrow(g, x)
    axes = len(x.shape) - 1
    k, stride, padding, _ = window(g, min(x.shape[:-1]))
    filters, m = g.whole(1, 3), g.whole(1, 2)
    options, width, _ = sum_options(g, ["depthwise", "pointwise"])
    activation, bits, done = with_activation(g, summed_bits(x, width, k**axes * x.shape[-1] * m) + 1)
    call = (
        f"qkeras.QSeparableConv{axes}D({filters}, {k}, strides={stride}, padding={padding!r}, "
        f"depth_multiplier={m}, {options}{activation}, name=NAME)"
    )
    shape = (*places_of(g, x, (k,) * axes, (stride,) * axes, padding), filters)
    return g.line(call, [x], shape, bits, done)


def conv2d_batchnorm(g: Growing, x: Tensor) -> Tensor:
    x = narrow(g, x)
    kernel, padding, filters = _kernel_2d(g, x), g.pick(["valid", "same"]), g.whole(1, 3)
    quantisers = ", ".join(
        f"{name}_quantizer={bits_text(g, 6, weights=True)[0]!r}" for name in ("kernel", "bias")
    )
    call = (
        f"qkeras.QConv2DBatchnorm({filters}, {kernel}, padding={padding!r}, {quantisers}, "
        f"folding_mode={g.pick(['ema_stats_folding', 'batch_stats_folding'])!r}, name=NAME)"
    )
    shape = (*places_of(g, x, kernel, (1, 1), padding), filters)
    return g.line(call, [x], shape, summed_bits(x, 6, math.prod(kernel) * x.shape[-1]), False)


def depthwise_batchnorm(g: Growing, x: Tensor) -> Tensor:
    x = narrow(g, x)
    kernel, padding = _kernel_2d(g, x), g.pick(["valid", "same"])
    quantisers = ", ".join(
        f"{name}_quantizer={bits_text(g, 6, weights=True)[0]!r}" for name in ("depthwise", "bias")
    )
    call = f"qkeras.QDepthwiseConv2DBatchnorm({kernel}, padding={padding!r}, {quantisers}, name=NAME)"
    shape = (*places_of(g, x, kernel, (1, 1), padding), x.shape[-1])
    return g.line(call, [x], shape, summed_bits(x, 6, math.prod(kernel)), False)


def batchnorm(g: Growing, x: Tensor) -> Tensor:
    g.mark("batchnorm")
    return g.line("keras.layers.BatchNormalization(name=NAME)", [x], x.shape, x.bits + 14, False)


def q_batchnorm(g: Growing, x: Tensor) -> Tensor:
    g.mark("batchnorm")
    names = ("gamma", "beta", "mean", "variance")
    quantisers = ", ".join(
        f"{name}_quantizer='quantized_bits(8,2,alpha=1)'" for name in names if name != "variance"
    )
    quantisers += ", variance_quantizer='quantized_relu(8,2)'"
    call = f"qkeras.QBatchNormalization({quantisers}, name=NAME)"
    return g.line(call, [x], x.shape, x.bits + 14, False)

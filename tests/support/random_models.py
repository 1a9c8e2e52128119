"""A hypothesis strategy for QKeras models: their architecture as Python source, their weights from a seed.

As source, a failing example is its own reproduction. ``built`` makes the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

Shape = tuple[int, ...]

WIDEST = 26
"""Bits, as far as estimated here, up to which a tensor goes on without a quantiser."""
LONGEST_TABLE = 12
"""Bits up to which a function is tabulated."""


@dataclass(frozen=True)
class RandomModel:
    """A model to be built.

    Attributes:
        source: Python that ends with ``model = keras.Model(...)``; it knows ``keras``, ``qkeras`` and ``tf``.
        seed: of the weights.
        batchnorm_type: format of factors and offsets of batch normalisations; None if there is none.
        input_type: format of the inputs; None if the model quantises them itself.
        drawn: layers and options in it, for the count of what was covered.
    """

    source: str
    seed: int
    batchnorm_type: str | None
    input_type: str | None
    drawn: frozenset[str]

    def __repr__(self) -> str:
        return (
            f"# weights of seed {self.seed}, batchnorm_type={self.batchnorm_type}, "
            f"input_type={self.input_type}\n{self.source}"
        )


def built(drawn: RandomModel) -> Any:
    """The Keras model with its weights."""
    from trigml.legacy_keras import load

    modules = load()
    names: dict[str, Any] = {"keras": modules.keras, "qkeras": modules.qkeras, "tf": modules.tensorflow}
    exec(drawn.source, names)
    model = names["model"]
    random = np.random.default_rng(drawn.seed)
    model.set_weights([_weights(random, v.name, tuple(v.shape)) for v in model.weights])
    return model


def _weights(random: np.random.Generator, name: str, shape: Shape) -> np.ndarray:
    """Small, saturating, or exactly between two words; variances are positive, counters stay integers."""
    if not shape:
        return np.zeros(shape)
    if "variance" in name:
        return random.choice([random.uniform(0.3, 3.0), 0.999], size=shape)
    style = random.integers(0, 4)
    values = random.normal(0.0, 0.6, shape)
    if style == 1:
        values = values * 8
    elif style == 2:
        values = (np.floor(values * 16) + 0.5) / 2.0 ** random.integers(1, 6)
    elif style == 3:
        values = np.where(random.random(shape) < 0.5, 0.0, values)
    return np.clip(values, -3.9, 3.9) if any(w in name for w in ("gamma", "beta", "mean")) else values


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


# --- quantisers, as text ------------------------------------------------------------------------------


def bits_text(g: Growing, widest: int = 7, *, weights: bool = False) -> tuple[str, int]:
    """``quantized_bits(...)`` and its width."""
    keep_negative = weights or not g.maybe(4)
    bits = g.whole(2 if keep_negative else 1, widest)
    integer = g.whole(0, 3)
    symmetric = g.maybe(3) and keep_negative
    if not keep_negative:
        g.mark("keep_negative=False")
    if symmetric:
        g.mark("symmetric")
    options = f",{int(symmetric)},{keep_negative},alpha=1"
    return f"quantized_bits({bits},{integer}{options})", bits


def relu_text(g: Growing) -> tuple[str, int]:
    """``quantized_relu(...)`` with its options."""
    bits, integer = g.whole(2, 7), g.whole(0, 3)
    options = ""
    if g.maybe(3):
        options += f",negative_slope={2.0 ** -g.whole(0, bits - 1)}"
        g.mark("negative_slope")
    if g.maybe(3):
        signed = "negative_slope" in options
        lsb = 2.0 ** (integer - bits + signed)
        options += f",relu_upper_bound={g.whole(1, 2 ** (bits - signed)) * lsb},is_quantized_clip=False"
        g.mark("relu_upper_bound")
    return f"quantized_relu({bits},{integer}{options})", bits


def activation_text(g: Growing, source_bits: float) -> tuple[str, int]:
    """A quantiser of activations; functions that become tables only of narrow tensors."""
    kinds = ["bits", "bits", "relu", "relu", "tanh", "sigmoid", "binary"]
    if source_bits <= LONGEST_TABLE:
        kinds += ["ternary", "real_tanh", "real_sigmoid", "po2", "relu_po2", "hswish"]
    kind = g.pick(kinds)
    bits = g.whole(2, 7)
    symmetric = g.maybe()
    text = {
        "tanh": f"quantized_tanh({bits},symmetric={symmetric})",
        "sigmoid": f"quantized_sigmoid({bits},symmetric={symmetric})",
        "real_tanh": f"quantized_tanh({bits},use_real_tanh=True)",
        "real_sigmoid": f"quantized_sigmoid({bits},use_real_sigmoid=True)",
        "binary": f"binary({symmetric},alpha=1)",
        "ternary": f"ternary(alpha=1,threshold={g.pick([0.25, 0.5, 1.0, 0.3])})" if kind == "ternary" else "",
        "po2": f"quantized_po2({min(bits, 4)},2)",
        "relu_po2": f"quantized_relu_po2({min(bits, 4)},2)",
        "hswish": f"quantized_hswish({bits},2,alpha=1)",
    }.get(kind)
    g.mark(f"activation {kind}")
    if kind == "bits":
        return bits_text(g)
    if kind == "relu":
        return relu_text(g)
    assert text
    return text, 10 if "po2" in kind else bits


def weight_text(g: Growing) -> tuple[str, int]:
    """A quantiser of weights and about how wide its words are."""
    kind = g.pick(["bits", "bits", "bits", "auto_po2", "half", "binary", "ternary", "po2", "binary_po2"])
    g.mark(f"weights {kind}")
    bits = g.whole(2, 6)
    match kind:
        case "bits":
            return bits_text(g, 6, weights=True)
        case "auto_po2":
            return f"quantized_bits({bits},0,1,alpha='auto_po2')", bits + 6
        case "half":
            return f"quantized_bits({bits},0,1,alpha=0.5)", bits + 1
        case "binary":
            return "binary(alpha=1)", 2
        case "ternary":
            return f"ternary(alpha=1,threshold={g.pick([0.25, 0.5])})", 2
        case "po2":
            return f"quantized_po2({g.whole(2, 4)},{g.pick([1, 2])})", 10
    return "binary(alpha='auto_po2')", 6


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


# --- layers -------------------------------------------------------------------------------------------


def quantiser(g: Growing, x: Tensor) -> Tensor:
    text, bits = activation_text(g, x.bits)
    return g.line(f"qkeras.QActivation({text!r}, name=NAME)", [x], x.shape, bits, True)


def narrow(g: Growing, x: Tensor) -> Tensor:
    """What sums of products may read."""
    return x if x.quantised and x.bits <= 12 else quantiser(g, x)


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


def _places(g: Growing, x: Tensor, k: Shape, s: Shape, padding: str, *, dilation: int = 1) -> Shape:
    return tuple(
        positions(g, n, size, stride=stride, padding=padding, dilation=dilation)
        for n, size, stride in zip(x.shape[:-1], k, s, strict=True)
    )


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
    shape = (*_places(g, x, kernel, strides, padding, dilation=dilation), filters)
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
    shape = (*_places(g, x, kernel, (stride, stride), padding), x.shape[-1] * m)
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
    shape = (*_places(g, x, (k,) * axes, (stride,) * axes, padding), filters)
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
    shape = (*_places(g, x, kernel, (1, 1), padding), filters)
    return g.line(call, [x], shape, summed_bits(x, 6, math.prod(kernel) * x.shape[-1]), False)


def depthwise_batchnorm(g: Growing, x: Tensor) -> Tensor:
    x = narrow(g, x)
    kernel, padding = _kernel_2d(g, x), g.pick(["valid", "same"])
    quantisers = ", ".join(
        f"{name}_quantizer={bits_text(g, 6, weights=True)[0]!r}" for name in ("depthwise", "bias")
    )
    call = f"qkeras.QDepthwiseConv2DBatchnorm({kernel}, padding={padding!r}, {quantisers}, name=NAME)"
    shape = (*_places(g, x, kernel, (1, 1), padding), x.shape[-1])
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
    shape = (*_places(g, x, (k,) * axes, (stride,) * axes, padding), x.shape[-1])
    return g.line(call, [x], shape, x.bits, x.quantised)


def average_pool(g: Growing, x: Tensor) -> Tensor:
    """Of windows whose count may be 3: then a quantiser has to follow."""
    axes = len(x.shape) - 1
    k, stride, padding, _ = window(g, min(x.shape[:-1]))
    call = f"keras.layers.AveragePooling{axes}D({k}, strides={stride}, padding={padding!r}, name=NAME)"
    shape = (*_places(g, x, (k,) * axes, (stride,) * axes, padding), x.shape[-1])
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
    shape = (*_places(g, x, (k, k), (k, k), "valid"), x.shape[-1])
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


def zero_pad(g: Growing, x: Tensor) -> Tensor:
    axes = len(x.shape) - 1
    pairs = [(g.whole(0, 2), g.whole(0, 1)) for _ in range(axes)]
    shape = (*(n + sum(pair) for n, pair in zip(x.shape[:-1], pairs, strict=True)), x.shape[-1])
    text = tuple(pairs) if axes == 2 else pairs[0]
    return g.line(f"keras.layers.ZeroPadding{axes}D({text}, name=NAME)", [x], shape, x.bits, x.quantised)


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


Layer = Callable[[Growing, Tensor], Tensor]

ANY: tuple[Layer, ...] = (dense, quantiser, batchnorm, q_batchnorm, relu, dropout, shared, branched, joined)
PLACES: tuple[Layer, ...] = (max_pool, average_pool, global_pool, reduce_sum, reduce_max, zero_pad, permute)
PLACES += (flatten, reshape, separable)
SEQUENCE: tuple[Layer, ...] = (conv1d,)
IMAGE: tuple[Layer, ...] = (conv2d, depthwise, conv2d_batchnorm, depthwise_batchnorm, q_average_pool)
LAYERS: tuple[Layer, ...] = (*ANY, *PLACES, *SEQUENCE, *IMAGE)
"""Every kind of layer; each one can be asked for."""

SHAPES: dict[str, tuple[Shape, ...]] = {
    "vector": ((3,), (5,), (1,), (6,)),
    "sequence": ((4, 2), (5, 1), (3, 3), (6, 2)),
    "image": ((4, 4, 1), (5, 3, 2), (3, 4, 1), (6, 5, 1)),
}


def fits(layer: Layer, x: Tensor) -> bool:
    """Whether a layer can follow a tensor."""
    if layer in (zero_pad, separable, depthwise) and x.size > 60:
        return False
    if layer in SEQUENCE:
        return len(x.shape) == 2
    return len(x.shape) == 3 if layer in IMAGE else layer in ANY or len(x.shape) in (2, 3)


def with_layer(g: Growing, layer: Layer, x: Tensor) -> Tensor:
    """The layer behind a tensor, behind a quantiser if the tensor is too wide."""
    x = x if x.bits <= WIDEST else quantiser(g, x)
    g.mark(f"layer {layer.__name__}")
    return layer(g, x)


def _kinds_for(layer: Layer) -> list[str]:
    if layer in SEQUENCE:
        return ["sequence"]
    if layer in IMAGE:
        return ["image"]
    return sorted(SHAPES) if layer in ANY else ["image", "sequence"]


OPTIONS = frozenset(
    """
    symmetric keep_negative=False negative_slope relu_upper_bound use_bias=False strides dilation
    padding=valid padding=same padding=causal batchnorm
    """.split()
    + ["two inputs", "two outputs", "input type", "shared layer", "branches", "pointwise dense"]
    + ["activation inside a layer", "mean and quantiser", "input vector", "input sequence", "input image"]
    + [f"weights {kind}" for kind in "bits auto_po2 half binary ternary po2 binary_po2".split()]
    + [
        f"activation {kind}"
        for kind in "bits relu tanh sigmoid binary ternary real_tanh real_sigmoid po2 relu_po2 hswish".split()
    ]
    + [f"relu {kind}" for kind in "ReLU slope limit Activation LeakyReLU".split()]
    + "Add Subtract Multiply Concatenate GlobalMaxPooling1D GlobalMaxPooling2D argmax".split()
    + "QSeparableConv1D QSeparableConv2D QAveragePooling2D QGlobalAveragePooling2D".split()
    + [f"layer {layer.__name__}" for layer in LAYERS]
)
"""What a whole run has to have drawn."""


def _inputs(g: Growing, focus: Layer, *, input_quantisers: bool) -> list[Tensor]:
    tensors = []
    for number in range(1 + g.maybe(3)):
        kind = g.pick(sorted(SHAPES) if number else _kinds_for(focus))
        shape = g.pick(SHAPES[kind])
        g.mark(f"input {kind}")
        if number:
            g.mark("two inputs")
        name = f"input_{number}"
        g.lines.append(f"{name} = keras.Input({shape}, name={name!r})")
        tensor = Tensor(name, shape, 8, True)
        if input_quantisers:
            text, bits = bits_text(g, 8)
            tensor = g.line(f"qkeras.QActivation({text!r}, name=NAME)", [tensor], shape, bits, True)
        tensors.append(tensor)
    return tensors


def _grown(g: Growing, x: Tensor, focus: Layer, most: int) -> Tensor:
    """``focus`` among some other layers; those before it leave a tensor that it can read."""
    before = g.whole(0, 1)
    for _ in range(before):
        after = with_layer(g, g.pick([layer for layer in LAYERS if fits(layer, x)]), x)
        if not fits(focus, after):
            g.drawn.add("branches")
            after = x  # the layer was a dead end: its line stays, Keras leaves it away
        x = after
    x = with_layer(g, focus, x)
    for _ in range(g.whole(0, most)):
        x = with_layer(g, g.pick([layer for layer in LAYERS if fits(layer, x)]), x)
    return x


@st.composite
def models(draw: st.DrawFn, focus: Layer, most: int = 3) -> RandomModel:
    """One or two inputs and outputs, the layer ``focus``, up to one before it and ``most`` behind it."""
    g = Growing(draw)
    input_type = None
    if g.maybe(6):
        width = g.whole(2, 8)
        input_type = f"ap_fixed<{width},{g.whole(0, width)}>"
        g.mark("input type")
    ends = _inputs(g, focus, input_quantisers=input_type is None)
    inputs = [line.split(" ", maxsplit=1)[0] for line in g.lines if line.startswith("input_")]
    ends[0] = _grown(g, ends[0], focus, most)
    if len(ends) == 2:
        if g.maybe(3):
            g.mark("two outputs")
            ends[1] = dense(g, ends[1])
        else:
            ends = [merged(g, ends)]
    elif g.maybe(5):
        g.mark("two outputs")
        ends.append(quantiser(g, ends[0]))
    # An output is made by a layer.
    ends = [quantiser(g, x) if x.name.startswith("input") else x for x in ends]
    if g.maybe(6):
        ends[0] = g.line("tf.argmax(INPUT, axis=-1)", ends[:1], ends[0].shape[:-1] or (1,), 4, True)
    outputs = [x.name for x in ends]
    g.lines.append(f"model = keras.Model([{', '.join(inputs)}], [{', '.join(outputs)}], name='network')")
    batchnorm_type = f"ap_fixed<{g.whole(10, 14)},6>" if "batchnorm" in g.drawn else None
    return RandomModel("\n".join(g.lines), g.whole(0, 2**16), batchnorm_type, input_type, frozenset(g.drawn))

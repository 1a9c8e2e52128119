"""Layers drawn one after the other, with one kind that has to be among them."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from .building import RandomModel
from .growing import WIDEST, Growing, Shape, Tensor
from .merges import branched, joined, merged, shared
from .places import (
    average_pool,
    crop,
    dropout,
    flatten,
    global_pool,
    max_pool,
    permute,
    q_average_pool,
    reduce_max,
    reduce_sum,
    relu,
    reshape,
    zero_pad,
)
from .quantisers import bits_text, quantiser
from .sums import (
    batchnorm,
    conv1d,
    conv2d,
    conv2d_batchnorm,
    dense,
    depthwise,
    depthwise_batchnorm,
    q_batchnorm,
    separable,
)

Layer = Callable[[Growing, Tensor], Tensor]

ANY: tuple[Layer, ...] = (dense, quantiser, batchnorm, q_batchnorm, relu, dropout, shared, branched, joined)
PLACES: tuple[Layer, ...] = (max_pool, average_pool, global_pool, reduce_sum, reduce_max, zero_pad, permute)
PLACES += (flatten, reshape, crop, separable)
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

"""Quantisers of weights and activations as text, and quantisers as layers."""

from __future__ import annotations

from .growing import LONGEST_TABLE, Growing, Tensor


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


def quantiser(g: Growing, x: Tensor) -> Tensor:
    text, bits = activation_text(g, x.bits)
    return g.line(f"qkeras.QActivation({text!r}, name=NAME)", [x], x.shape, bits, True)


def narrow(g: Growing, x: Tensor) -> Tensor:
    """What sums of products may read."""
    return x if x.quantised and x.bits <= 12 else quantiser(g, x)

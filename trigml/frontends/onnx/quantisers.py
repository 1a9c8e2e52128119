"""Quant, BipolarQuant and Trunc nodes: of constants, of tensors, and of the network's inputs.

Source of the meanings: ``qonnx.custom_op.general`` of qonnx 1.0. ROUND is half to even; the values are
clipped to the range first and rounded then, which gives what rounding and then saturating gives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import FixedPoint, Overflow, Rounding, to_values, to_words
from trigml.frontends.onnx.file import Node
from trigml.frontends.onnx.reader import Reader, number_of
from trigml.frontends.onnx.values import Known, Tensor, exact_constants, power_of_two
from trigml.frontends.refusals import Reasons, Refused, refused
from trigml.graph.operations import Input, Quantize

ROUNDING_MODES = {
    "ROUND": Rounding.RND_CONV,
    "HALF_EVEN": Rounding.RND_CONV,
    "FLOOR": Rounding.TRN,
    "DOWN": Rounding.TRN_ZERO,
    "HALF_UP": Rounding.RND_INF,  # away from zero, as qonnx computes it
    "HALF_DOWN": Rounding.RND_ZERO,
}

MAX_BITS = 24
"""Widest Quant: the executor computes the ends of the range in float32."""


@dataclass(frozen=True, slots=True)
class Quantiser:
    """What a Quant node does to every number.

    Attributes:
        format: rounding and saturation.
        top: largest word, if it is below that of the format (narrow and unsigned).
        bipolar: -1 or +1 LSB by the sign, instead of all that.
    """

    format: FixedPoint
    top: int | None = None
    bipolar: bool = False


def is_quantiser(node: Node) -> bool:
    """Whether a node brings numbers into a format."""
    return node.kind in ("Quant", "IntQuant", "BipolarQuant")


def quantiser_of(reader: Reader, node: Node) -> Quantiser:
    """The quantiser of a node with one scale for all.

    Raises:
        Refused: it has no fixed-point form; all the reasons.
    """
    scale = reader.known(node, 1).array.astype(np.float64)
    if np.unique(scale).size > 1:
        raise refused(
            "quantises a tensor with another scale per channel",
            "a tensor of the graph has one format",
            "use one scale per tensor (Brevitas: scaling_per_output_channel=False)",
        )
    return _quantiser(reader, node, float(scale.ravel()[0]) if scale.size else 0.0)


def _quantiser(reader: Reader, node: Node, scale: float) -> Quantiser:
    reasons = Reasons()
    exponent = power_of_two(scale)
    reasons.expect(
        exponent is not None and abs(exponent) <= 120,
        f"the scale is {scale:.9g}, not a power of two",
        "its products are no fixed-point words",
        "use scales that are powers of two (Brevitas: restrict_scaling_type=POWER_OF_TWO; "
        "QKeras: alpha=1 or 'auto_po2')",
    )
    if node.kind == "BipolarQuant":
        reasons.raise_any()
        assert exponent is not None
        return Quantiser(_bipolar_format(exponent), bipolar=True)
    zero = reasons.attempt(lambda: _zero_point(reader, node))
    reasons.expect(
        zero in (None, 0.0),
        f"the zero point is {zero}",
        "words stand for multiples of the scale",
        "quantise symmetrically, with zero point 0",
    )
    bits = reasons.attempt(lambda: number_of(reader.known(node, 3), "bit width")) or 0.0
    signed, narrow = bool(node.integer("signed", 1)), bool(node.integer("narrow", 0))
    reasons.expect(
        bits == int(bits) and 1 <= bits <= MAX_BITS,
        f"{bits:g} bits",
        "Quant computes in float32",
        f"use a whole number of bits, at most {MAX_BITS}",
    )
    mode = node.text("rounding_mode", "ROUND").upper()
    reasons.expect(
        mode in ROUNDING_MODES,
        f"rounding_mode {mode}",
        "fixed-point types have no such rounding",
        f"use one of {', '.join(ROUNDING_MODES)}",
    )
    reasons.raise_any()
    assert exponent is not None
    width = int(bits)
    if width == 1 and signed:
        return Quantiser(_bipolar_format(exponent), bipolar=True)
    overflow = Overflow.SAT_SYM if narrow and signed else Overflow.SAT
    format_ = FixedPoint(signed, width, width + exponent, ROUNDING_MODES[mode], overflow)
    return Quantiser(format_, top=format_.max_word - 1 if narrow and not signed else None)


def _bipolar_format(exponent: int) -> FixedPoint:
    return FixedPoint(True, 2, 2 + exponent, Rounding.RND_CONV, Overflow.SAT_SYM)


def _zero_point(reader: Reader, node: Node) -> float:
    points = reader.known(node, 2).array.ravel()
    return float(points[np.argmax(np.abs(points))]) if points.size else 0.0


def quantised_constant(reader: Reader, node: Node) -> Known:
    """A constant behind its quantiser, with one scale or with one per channel."""
    values = reader.known(node, 0).array.astype(np.float64)
    scale = reader.known(node, 1).array.astype(np.float64)
    try:
        scales = np.broadcast_to(scale, values.shape)
    except ValueError as error:
        raise refused(f"scales of shape {scale.shape} for weights of shape {values.shape}", "", "") from error
    result = np.empty_like(values)
    formats = set()
    for one in np.unique(scale):
        quantiser = _quantiser(reader, node, float(one))
        result[scales == one] = _applied(quantiser, values[scales == one])
        formats.add(quantiser.format.exact())
    return Known(result, formats.pop() if len(formats) == 1 else None)


def _applied(quantiser: Quantiser, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if quantiser.bipolar:
        return np.where(values >= 0, 1.0, -1.0) * quantiser.format.lsb
    words = to_words(values, quantiser.format)
    if quantiser.top is not None:
        words = np.minimum(words, quantiser.top)
    return to_values(words, quantiser.format.fraction)


def read_quantiser(reader: Reader, node: Node) -> None:
    """A Quant or BipolarQuant node on a tensor."""
    source = reader.tensor(node)
    quantiser = quantiser_of(reader, node)
    if quantiser.bipolar:
        _read_bipolar(reader, node, source, quantiser)
        return
    operation = reader.operation(source)
    already = isinstance(operation, Input | Quantize) and operation.format == quantiser.format
    if source.raw or (already and quantiser.top is None):
        reader.put(node, replace(source, quantised=True, raw=False))
        return
    name = reader.name_for(node)
    if quantiser.top is None:
        reader.graph.quantize(name, source.name, quantiser.format)
    else:
        wide = reader.graph.quantize(reader.fresh(f"{name}_wide"), source.name, quantiser.format)
        reader.graph.clip(name, wide, 0, quantiser.top)
    reader.put(node, replace(source, name=name, quantised=True))


def _read_bipolar(reader: Reader, node: Node, source: Tensor, quantiser: Quantiser) -> None:
    """``-scale`` or ``+scale``: the sign as a word (-1 or 0), doubled, plus one."""
    name, fraction = reader.name_for(node), reader.fraction(source)
    sign = reader.graph.clip(reader.fresh(f"{name}_sign"), source.name, -1, 0)
    channels = reader.graph[sign].shape[-1]
    factor = exact_constants(np.full(channels, 2.0 ** (fraction + 1) * quantiser.format.lsb))
    offset = exact_constants(np.full(channels, quantiser.format.lsb))
    assert factor is not None
    reader.graph.scale(name, sign, factor, offset)
    reader.put(node, replace(source, name=name, quantised=True))


def read_trunc(reader: Reader, node: Node) -> None:
    """A Trunc node: words on the grid of ``scale`` lose their lowest bits.

    Version 1 has five inputs: it divides the words by a power of two and keeps the scale. Version 2 has
    six: it saturates and has a scale of its own.
    """
    source = reader.tensor(node)
    exponent = power_of_two(number_of(reader.known(node, 1), "scale"))
    if exponent is None or number_of(reader.known(node, 2), "zero point") != 0:
        raise refused(
            "a scale that is no power of two, or a zero point", "", "use powers of two, and no zero point"
        )
    mode = node.text("rounding_mode", "FLOOR").upper()
    if mode not in ROUNDING_MODES:
        raise refused(f"rounding_mode {mode}", "no such rounding", f"use one of {', '.join(ROUNDING_MODES)}")
    on_grid = _on_grid(reader, node, source, exponent)
    if len(node.inputs) > 5:
        _read_trunc_2(reader, node, on_grid, mode)
        return
    dropped = number_of(reader.known(node, 3), "bit width") - number_of(reader.known(node, 4), "bit width")
    if dropped != int(dropped) or not 0 <= dropped <= MAX_BITS:
        raise refused(f"drops {dropped:g} bits", "", f"drop 0 to {MAX_BITS} bits")
    name, count = reader.name_for(node), int(dropped)
    kept = reader.graph.quantize(
        reader.fresh(f"{name}_kept"),
        on_grid.name,
        _wide(reader, on_grid, count, exponent, mode),
    )
    factor = exact_constants(np.full(reader.graph[kept].shape[-1], 2.0**-count))
    assert factor is not None
    reader.graph.scale(name, kept, factor)
    reader.put(node, replace(on_grid, name=name, quantised=True))


def _wide(reader: Reader, tensor: Tensor, dropped: int, exponent: int, mode: str) -> FixedPoint:
    """A format without these bits in which nothing overflows."""
    found = reader.operation(tensor).format
    integer = max(found.integer + 1 + (not found.signed), exponent + dropped + 2)
    fraction = -exponent - dropped
    return FixedPoint(True, max(2, integer + fraction), integer, ROUNDING_MODES[mode], Overflow.SAT)


def _on_grid(reader: Reader, node: Node, source: Tensor, exponent: int) -> Tensor:
    if reader.fraction(source) <= -exponent:
        return source
    name = reader.graph.quantize(
        reader.fresh(f"{node.output}_grid"), source.name, _wide(reader, source, 0, exponent, "ROUND")
    )
    return source.named(name)


def _read_trunc_2(reader: Reader, node: Node, source: Tensor, mode: str) -> None:
    exponent = power_of_two(number_of(reader.known(node, 4), "output scale"))
    bits = number_of(reader.known(node, 5), "bit width")
    if exponent is None or bits != int(bits) or not 2 <= bits <= MAX_BITS:
        raise refused(
            f"an output of {bits:g} bits, scale no power of two", "", "use a power of two, 2 to 24 bits"
        )
    signed, narrow = bool(node.integer("signed", 1)), bool(node.integer("narrow", 0))
    if narrow and not signed:
        raise refused("narrow and unsigned", "no type has this range", "set narrow=0")
    overflow = Overflow.SAT_SYM if narrow else Overflow.SAT
    format_ = FixedPoint(signed, int(bits), int(bits) + exponent, ROUNDING_MODES[mode], overflow)
    name = reader.graph.quantize(reader.name_for(node), source.name, format_)
    reader.put(node, replace(source, name=name, quantised=True))


def input_format(reader: Reader, node: Node) -> FixedPoint | None:
    """The format of a quantiser if it can be that of a network's input; ``None`` if it cannot."""
    try:
        quantiser = quantiser_of(reader, node)
    except Refused:
        return None
    format_ = quantiser.format
    fits = format_.rounding is Rounding.RND_CONV and not quantiser.bipolar and quantiser.top is None
    return format_ if fits else None


def same_words(one: FixedPoint, other: FixedPoint) -> bool:
    """Whether two formats make the same words: an unsigned range has no word to leave out for symmetry."""
    if not one.signed and not other.signed:
        one, other = (
            replace(f, overflow=Overflow.SAT) if f.overflow is Overflow.SAT_SYM else f for f in (one, other)
        )
    return one == other

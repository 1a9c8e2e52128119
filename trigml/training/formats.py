"""The number formats of a resolved spec, layer by layer, and QKeras's words for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow
from trigml.legacy_keras import load
from trigml.spec import AUTO, Spec


@dataclass(frozen=True, slots=True)
class LayerFormats:
    """Formats of a resolved spec, layer by layer.

    Attributes:
        weights: one per convolution and dense layer, in their order.
        biases: the same.
        activations: one per convolution and hidden dense layer.
        linear: of the weights of the linear path; ``None`` without one.
    """

    weights: tuple[FixedPoint, ...]
    biases: tuple[FixedPoint, ...]
    activations: tuple[FixedPoint, ...]
    linear: FixedPoint | None

    @classmethod
    def of(cls, spec: Spec) -> LayerFormats:
        """The formats that a resolved spec asks for.

        Raises:
            BadInput: a number of integer bits is still ``auto``.
        """
        bits = spec.quantization
        hidden = spec.model.hidden_layers
        linear = None
        if spec.model.linear:
            (integer,) = _numbers(bits.linear_integer or AUTO, 1)
            linear = FixedPoint(True, bits.linear_bits or bits.weight_bits, integer)
        return cls(
            tuple(FixedPoint(True, bits.weight_bits, i) for i in _numbers(bits.weight_integer, hidden + 1)),
            tuple(FixedPoint(True, bits.bias_bits, i) for i in _numbers(bits.bias_integer, hidden + 1)),
            tuple(
                FixedPoint(False, bits.activation_bits, i) for i in _numbers(bits.activation_integer, hidden)
            ),
            linear,
        )


def _numbers(value: int | tuple[int, ...] | str, layers: int) -> tuple[int, ...]:
    if isinstance(value, str):
        raise BadInput("the spec is not resolved: its integer bits are still 'auto'")
    return value if isinstance(value, tuple) else (value,) * layers


def signed_text(format_: FixedPoint) -> str:
    """A signed format as QKeras's text, for activations."""
    symmetric = ",symmetric=1" if format_.overflow is Overflow.SAT_SYM else ""
    return f"quantized_bits({format_.width},{format_.integer - 1},alpha=1{symmetric})"


def unsigned_text(format_: FixedPoint) -> str:
    """An unsigned format as QKeras's text, for activations."""
    return f"quantized_relu({format_.width},{format_.integer})"


def signed_quantizer(format_: FixedPoint) -> Any:
    """A signed format as a quantiser of weights."""
    return load().qkeras.quantized_bits(format_.width, format_.integer - 1, alpha=1)

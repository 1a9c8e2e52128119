"""The file of ``--quantizers``: formats for the tensors of a plain Keras model (docs/models.md)."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.fixedpoint.fitting import MOST_INTEGER_BITS, signed_integer_bits
from trigml.spec.mistakes import Schema
from trigml.spec.yaml_text import read_yaml

MOST_BITS = 24
"""Bits of a float32 significand, in which QKeras computes."""

_AUTO = re.compile(r"\s*(?:ap_)?fixed\s*<\s*([0-9]{1,4})\s*,\s*auto\s*>\s*")
_MODES = (
    (Rounding.TRN, Overflow.WRAP),
    (Rounding.RND_CONV, Overflow.SAT),
    (Rounding.RND_CONV, Overflow.SAT_SYM),
)


@dataclass(frozen=True, slots=True)
class Format:
    """A fixed-point format into which QKeras can bring values: half to even, saturating.

    Attributes:
        signed: two's complement if true.
        bits: all bits.
        integer: integer bits, the sign included; ``None``: those that suit the weights best.
        symmetric: without the most negative word.
    """

    signed: bool
    bits: int
    integer: int | None
    symmetric: bool = False

    def quantiser(self, values: NDArray[np.float32] | None = None, *, keras_relu: bool = False) -> str:
        """QKeras's own text for it.

        Args:
            values: the weights, of which ``auto`` takes the integer bits with the least squared error.
            keras_relu: as ``quantized_relu``, of an unsigned format.
        """
        integer = self.integer
        if integer is None:
            integer = signed_integer_bits(np.zeros(1) if values is None else values, self.bits)
        if not self.signed:
            if keras_relu:
                return f"quantized_relu({self.bits},{integer})"
            return f"quantized_bits({self.bits},{integer},keep_negative=0,alpha=1)"
        symmetric = ",symmetric=1" if self.symmetric else ""
        return f"quantized_bits({self.bits},{integer - 1}{symmetric},alpha=1)"

    def __str__(self) -> str:
        integer = "auto" if self.integer is None else self.integer
        return f"{'fixed' if self.signed else 'ufixed'}<{self.bits},{integer}>"


def _format(value: object, *, auto: bool, signed: bool | None) -> Format:
    if isinstance(value, Format):
        return value
    example = {True: "fixed<8,3>", False: "ufixed<8,3>", None: "fixed<8,3> or ufixed<8,3>"}[signed]
    if not isinstance(value, str):
        raise ValueError(f"expected a fixed-point format, for example {example}")
    chosen = _AUTO.fullmatch(value)
    if chosen is not None:
        if not auto:
            raise ValueError(f"expected a number of integer bits, for example {example}; auto is for weights")
        parsed = FixedPoint(True, int(chosen[1]), 1)
    else:
        try:
            parsed = FixedPoint.parse(value)
        except BadInput as error:
            raise ValueError(f"expected {example}, not {value!r}") from error
    if (parsed.rounding, parsed.overflow) not in _MODES:
        raise ValueError("expected no modes: a quantiser of QKeras rounds half to even and saturates")
    if signed is not None and parsed.signed != signed:
        raise ValueError(f"expected {'a signed' if signed else 'an unsigned'} format, for example {example}")
    if not 1 + parsed.signed <= parsed.width <= MOST_BITS:
        raise ValueError(f"expected {1 + parsed.signed} to {MOST_BITS} bits")
    if not int(parsed.signed) <= parsed.integer <= MOST_INTEGER_BITS:
        raise ValueError(
            f"expected {int(parsed.signed)} to {MOST_INTEGER_BITS} integer bits"
            + (", the sign included" if parsed.signed else "")
        )
    integer = None if chosen is not None else parsed.integer
    return Format(parsed.signed, parsed.width, integer, parsed.overflow is Overflow.SAT_SYM)


def _input(value: object) -> Format | dict[str, Format]:
    if isinstance(value, dict):
        return {str(name): _format(entry, auto=False, signed=None) for name, entry in value.items()}
    return _format(value, auto=False, signed=None)


_Weights: TypeAlias = Annotated[Format, BeforeValidator(lambda v: _format(v, auto=True, signed=True))]
_Signed: TypeAlias = Annotated[Format, BeforeValidator(lambda v: _format(v, auto=False, signed=True))]
_Unsigned: TypeAlias = Annotated[Format, BeforeValidator(lambda v: _format(v, auto=False, signed=False))]
_Either: TypeAlias = Annotated[Format, BeforeValidator(lambda v: _format(v, auto=False, signed=None))]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class DefaultFormats(_Section):
    """Formats of every layer that ``layers`` does not name."""

    weights: _Weights | None = None
    biases: _Weights | None = None
    activations: _Unsigned | None = None
    signed_activations: _Signed | None = None
    table_inputs: _Signed | None = None


class LayerFormats(_Section):
    """Formats of one layer; what is left out is as the default says."""

    weights: _Weights | None = None
    biases: _Weights | None = None
    activations: _Either | None = None
    table_inputs: _Signed | None = None


class Quantizers(_Section):
    """The whole file."""

    input: Annotated[Format | dict[str, Format], BeforeValidator(_input)] | None = None
    default: DefaultFormats = DefaultFormats()
    layers: dict[str, LayerFormats] = {}

    def input_format(self, name: str) -> Format | None:
        """The format of an input of the model; ``None`` if the file does not say."""
        return self.input.get(name) if isinstance(self.input, dict) else self.input

    def of(self, name: str) -> LayerFormats:
        """What the file says of one layer by name."""
        return self.layers.get(name, LayerFormats())

    def refuse_strangers(self, layers: Iterable[str], inputs: Iterable[str], where: str) -> None:
        """Check that the file names layers and inputs of the model only.

        Raises:
            BadInput: with the nearest names that the model has.
        """
        named = self.input if isinstance(self.input, dict) else {}
        for kind, asked, known in (("a layer", self.layers, list(layers)), ("an input", named, list(inputs))):
            for name in asked:
                if name not in known:
                    near = difflib.get_close_matches(name, known, n=2, cutoff=0.4)
                    raise BadInput(
                        f"the quantizers file names {kind} that the model does not have",
                        where=where,
                        expected=f"one of: {', '.join(known)}",
                        found=name,
                        remedy=f"did you mean {' or '.join(near)}?" if near else None,
                    )


_SCHEMA = Schema(Quantizers, "quantizers file")


def load_quantizers(path: Path) -> Quantizers:
    """Load a quantizers file.

    Raises:
        BadInput: no such file, broken YAML, an unknown key (with the nearest ones), a format that QKeras
            does not have.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadInput("there is no such quantizers file", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise BadInput("this is not a text file in UTF-8, so no quantizers file", where=str(path)) from error
    except OSError as error:
        raise BadInput(
            f"cannot read the quantizers file: {error.strerror or error}", where=str(path)
        ) from error
    return quantizers_from_text(text, str(path))


def quantizers_from_text(text: str, source: str) -> Quantizers:
    """Validate the YAML of a quantizers file; ``source`` is how messages call it.

    Raises:
        BadInput: as ``load_quantizers``.
    """
    document = read_yaml(text, source)
    try:
        return Quantizers.model_validate(json.loads(json.dumps(document.content, default=str)))
    except ValidationError as error:
        raise _SCHEMA.explained(error.errors(include_url=False), document, source) from error

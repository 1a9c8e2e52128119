"""QKeras quantisers as fixed-point formats, with the reasons where there is no exact one.

Source of the meanings: the ``__call__`` methods of QKeras 0.9. Both round half to even and saturate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trigml.fixedpoint import FixedPoint, Overflow, Rounding

MAX_BITS = 24
"""Bits of a float32 significand: QKeras trains, and ``quantized_relu`` always computes, in float32."""


class NoExactFormat(Exception):
    """A quantiser that no fixed-point format describes; the message says why and what to write instead."""


def quantiser_format(quantiser: Any) -> FixedPoint:
    """The format of a ``quantized_bits`` or ``quantized_relu`` object.

    Raises:
        NoExactFormat: any other quantiser, or an option that has no exact meaning in integers.
    """
    kind = type(quantiser).__name__
    if kind not in ("quantized_bits", "quantized_relu"):
        name = getattr(quantiser, "__name__", kind)
        raise NoExactFormat(f"{name} is not supported; use quantized_bits or quantized_relu")
    if quantiser.use_variables:
        raise NoExactFormat(
            f"{kind} keeps its settings in variables that training may change; set use_variables=False"
        )
    if int(quantiser.bits) > MAX_BITS:
        raise NoExactFormat(
            f"{kind} has {int(quantiser.bits)} bits, more than float32 training can tell apart; "
            f"use at most {MAX_BITS}"
        )
    if quantiser.use_stochastic_rounding:
        raise NoExactFormat(f"{kind} rounds at random; set use_stochastic_rounding=False")
    if float(quantiser.qnoise_factor) != 1.0:
        raise NoExactFormat(
            f"{kind} mixes in the unquantised value (qnoise_factor is {float(quantiser.qnoise_factor)}); "
            "set it to 1"
        )
    return _bits_format(quantiser) if kind == "quantized_bits" else _relu_format(quantiser)


def _bits_format(quantiser: Any) -> FixedPoint:
    alpha = quantiser.alpha
    if alpha is None or isinstance(alpha, str) or not np.all(np.asarray(alpha) == 1.0):
        raise NoExactFormat(f"quantized_bits may scale its values (alpha is {alpha!r}); write alpha=1")
    keep_negative = bool(quantiser.keep_negative)
    bits = int(quantiser.bits)
    if bits - keep_negative < 1:
        raise NoExactFormat("quantized_bits with one bit is a sign; use at least 2 bits")
    overflow = Overflow.SAT_SYM if quantiser.symmetric and keep_negative else Overflow.SAT
    return FixedPoint(
        keep_negative, bits, int(quantiser.integer) + keep_negative, Rounding.RND_CONV, overflow
    )


def _relu_format(quantiser: Any) -> FixedPoint:
    if quantiser.use_sigmoid:
        raise NoExactFormat("quantized_relu with use_sigmoid is not supported; leave it at 0")
    if float(quantiser.negative_slope) != 0.0:
        raise NoExactFormat("quantized_relu with a negative slope is not supported; leave it at 0")
    if quantiser.relu_upper_bound is not None and not quantiser.is_quantized_clip:
        raise NoExactFormat(
            "quantized_relu with relu_upper_bound is not supported; use is_quantized_clip=True"
        )
    return FixedPoint(False, int(quantiser.bits), int(quantiser.integer), Rounding.RND_CONV, Overflow.SAT)

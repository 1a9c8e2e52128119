"""QKeras quantisers as fixed-point formats, with the reasons where there is no exact one.

Source of the meanings: the ``__call__`` methods of QKeras 0.9, at inference. All round half to even.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.frontends.refusals import Reason, Reasons, refused

MAX_BITS = 24
"""Bits of a float32 significand: QKeras trains in float32."""

_AT_RANDOM = ("bernoulli",)
_FORMATS = ("quantized_bits", "quantized_relu")


def kind_of(quantiser: Any) -> str:
    """Class of a quantiser, or name of an activation function."""
    if isinstance(quantiser, type) or not callable(quantiser):
        return str(quantiser)
    name = getattr(quantiser, "__name__", None)
    return str(name) if name is not None else type(quantiser).__name__


def is_quantiser(quantiser: Any) -> bool:
    """Whether it is one of QKeras' quantiser objects (not a function, not something of a user's own)."""
    return type(quantiser).__module__ == "qkeras.quantizers" and hasattr(quantiser, "get_config")


def common_reasons(quantiser: Any) -> list[Reason]:
    """What forbids any use of a quantiser, whatever it quantises."""
    kind, reasons = kind_of(quantiser), Reasons()
    reasons.expect(
        kind not in _AT_RANDOM, f"{kind} draws random numbers", "also at inference", "use binary(alpha=1)"
    )
    reasons.expect(
        not getattr(quantiser, "use_variables", False) and not hasattr(quantiser_integer(quantiser), "numpy"),
        f"{kind} keeps its settings in variables that training may change",
        "its format is not fixed",
        "set use_variables=False",
    )
    integer = quantiser_integer(quantiser)
    reasons.expect(
        not isinstance(integer, int | float) or (float(integer).is_integer() and integer >= 0),
        f"{kind} has {integer} integer bits",
        "QKeras raises 2 to it as an int, and fails at the first event",
        "use a whole number, 0 or more",
    )
    reasons.expect(
        int(getattr(quantiser, "bits", 1)) <= MAX_BITS,
        f"{kind} has {int(getattr(quantiser, 'bits', 1))} bits",
        "float32 training cannot tell so many apart",
        f"use at most {MAX_BITS}",
    )
    reasons.expect(
        not getattr(quantiser, "use_stochastic_rounding", False),
        f"{kind} rounds at random",
        "hardware rounds half to even",
        "set use_stochastic_rounding=False",
    )
    noise = getattr(quantiser, "qnoise_factor", 1.0)
    reasons.expect(
        float(noise) == 1.0,
        f"{kind} mixes in the unquantised value (qnoise_factor is {float(noise)})",
        "its results are no words",
        "set it to 1",
    )
    return reasons.found


def quantiser_integer(quantiser: Any) -> Any:
    """Its ``integer`` setting; 0 for quantisers without."""
    return getattr(quantiser, "integer", 0)


def quantiser_format(quantiser: Any) -> FixedPoint:
    """The format of a ``quantized_bits`` or ``quantized_relu`` that is nothing but a format.

    Raises:
        Refused: any other quantiser, or an option that has no exact meaning in integers.
    """
    kind = kind_of(quantiser)
    if not is_quantiser(quantiser) or kind not in _FORMATS:
        raise refused(f"{kind} is not a plain fixed-point format", "", "use quantized_bits or quantized_relu")
    reasons = Reasons(common_reasons(quantiser))
    format_ = reasons.attempt(lambda: plain_format(quantiser))
    reasons.raise_any()
    assert format_ is not None
    return format_


def plain_format(quantiser: Any) -> FixedPoint:
    """The same, what is common to all quantisers looked at already."""
    return _bits_format(quantiser) if kind_of(quantiser) == "quantized_bits" else _relu_format(quantiser)


def _bits_format(quantiser: Any) -> FixedPoint:
    # Without alpha, an activation is not scaled; only the kernel's quantiser takes None for 'auto_po2'.
    check_no_scale(quantiser)
    keep_negative = bool(quantiser.keep_negative)
    bits = int(quantiser.bits)
    if bits - keep_negative < 1:
        raise refused("quantized_bits with one bit is a sign", "", "use at least 2 bits")
    overflow = Overflow.SAT_SYM if quantiser.symmetric and keep_negative else Overflow.SAT
    return FixedPoint(
        keep_negative, bits, int(quantiser.integer) + keep_negative, Rounding.RND_CONV, overflow
    )


def check_no_scale(quantiser: Any) -> None:
    """Refuse a quantiser of activations that scales them.

    Raises:
        Refused: ``alpha`` is neither 1 nor None.
    """
    alpha = quantiser.alpha
    if isinstance(alpha, str):
        raise refused(
            f"{kind_of(quantiser)} has alpha={alpha!r}",
            "the scale depends on the batch of events",
            "write alpha=1",
        )
    if alpha is not None and not np.all(np.asarray(alpha) == 1.0):
        raise refused(f"{kind_of(quantiser)} scales its values by alpha={alpha!r}", "", "write alpha=1")


def _relu_format(quantiser: Any) -> FixedPoint:
    check_relu(quantiser)
    if float(quantiser.negative_slope) != 0.0:
        raise refused("quantized_relu has a negative slope", "it is no plain format", "leave it at 0")
    if upper_bound(quantiser) is not None:
        raise refused("quantized_relu has an upper bound", "it is no plain format", "leave it away")
    return FixedPoint(False, int(quantiser.bits), int(quantiser.integer), Rounding.RND_CONV, Overflow.SAT)


def check_relu(quantiser: Any) -> None:
    """Refuse a ``quantized_relu`` of which not even a slope or a bound makes an exact operation.

    Raises:
        Refused: it uses a sigmoid.
    """
    if quantiser.use_sigmoid:
        raise refused("quantized_relu with use_sigmoid is not supported", "", "leave it at 0")


def upper_bound(quantiser: Any) -> float | None:
    """The ``relu_upper_bound`` that acts, in float32 as QKeras has it; ``None`` if the format ends before."""
    bound = quantiser.relu_upper_bound
    if bound is None or not bound or quantiser.is_quantized_clip:
        return None
    signed = float(quantiser.negative_slope) != 0.0
    lsb = 2.0 ** (int(quantiser.integer) - (int(quantiser.bits) - signed))
    value = float(np.float32(bound))
    return None if value >= 2.0 ** int(quantiser.integer) - lsb else value


def internal_sigmoid() -> str:
    """Which sigmoid QKeras' hard functions use (``qkeras.set_internal_sigmoid``): hard, smooth or real."""
    from qkeras import quantizers

    return {"hard_sigmoid": "hard", "smooth_sigmoid": "smooth"}.get(quantizers._sigmoid.__name__, "real")

"""Weights: the words that a layer's own quantiser makes of its trained floats."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.fixedpoint import FixedPoint, Interval, to_values, to_words
from trigml.frontends.quantisers import common_reasons, is_quantiser, kind_of, quantiser_format
from trigml.frontends.refusals import Reasons, Refused, refused
from trigml.graph import Constants
from trigml.legacy_keras import load

_KINDS = {
    "quantized_bits": True,  # True: it may be scaled by alpha
    "quantized_relu": False,
    "quantized_po2": False,
    "quantized_relu_po2": False,
    "binary": True,
    "ternary": True,
    "stochastic_binary": True,
    "stochastic_ternary": True,
}
_NO_STE_OPTION = ("binary", "ternary", "stochastic_binary", "stochastic_ternary")
_SIGNIFICANT_BITS = 24
_WIDEST = 48


@dataclass(frozen=True)
class Weights:
    """Quantised weights.

    Attributes:
        values: as float64, each exactly a word.
        noisy: whether QKeras in float32 makes a rounding beside them: it computes ``x + (q - x)``.
        declared: the quantiser's own format, if it has one (it is not scaled).
    """

    values: NDArray[np.float64]
    noisy: bool
    declared: FixedPoint | None

    @property
    def constants(self) -> Constants:
        """As words of the declared format, else of the smallest one that holds them."""
        if self.declared is None:
            return constants_of(self.values)
        return Constants(to_words(self.values, self.declared), self.declared.exact())


def quantised_weights(what: str, values: NDArray[Any], quantiser: Any, given: Any) -> Weights:
    """What a quantiser makes of trained floats, in float32 as in the trained model.

    Args:
        what: name of the parameter, for messages.
        values: trained floats, in the shape in which the layer quantises them.
        quantiser: the quantiser object.
        given: the quantiser as the user gave it, perhaps as text.

    Raises:
        Refused: there is no quantiser, or its results are no words.
    """
    if quantiser is None:
        raise refused(
            f"has float {what} weights",
            "a float is no word",
            f"give {what}_quantizer='quantized_bits(6,0,alpha=1)'",
        )
    if not np.all(np.isfinite(values)):
        raise refused(f"has {what} weights that are NaN or infinite", "", "train the model again")
    kind = kind_of(quantiser)
    if not is_quantiser(quantiser) or kind not in _KINDS:
        raise refused(f"{kind} as {what}_quantizer is not supported", "", "use quantized_bits(6,0,alpha=1)")
    reasons = Reasons(common_reasons(quantiser))
    if _KINDS[kind]:
        _check_alpha(reasons, what, quantiser, given)
    reasons.raise_any()
    single = values.astype(np.float32)
    deployed = _called(quantiser, single)
    intended = _without_noise(quantiser, single)
    _check_words(what, intended, kind)
    noisy = not np.array_equal(deployed, intended)
    return Weights(intended, noisy, _declared_format(quantiser, intended))


def _declared_format(quantiser: Any, values: NDArray[np.float64]) -> FixedPoint | None:
    """The format that the user wrote, where the weights are plain words of it."""
    try:
        format_ = quantiser_format(quantiser)
    except Refused:  # scaled, or of a kind that is no format
        return None
    return format_ if np.array_equal(to_values(to_words(values, format_), format_.fraction), values) else None


def _check_alpha(reasons: Reasons, what: str, quantiser: Any, given: Any) -> None:
    alpha, kind = quantiser.alpha, kind_of(quantiser)
    reasons.expect(
        not (what != "bias" and isinstance(given, str) and "alpha" not in given),
        f"{kind} without alpha for the {what}",
        "QKeras then scales the weights by powers of two (alpha='auto_po2')",
        "write alpha=1, or alpha='auto_po2' if that is meant",
    )
    reasons.expect(
        alpha != "auto" if isinstance(alpha, str) else True,
        f"{kind} has alpha='auto' for the {what}",
        "the scale is a float",
        "write alpha=1 or alpha='auto_po2'",
    )
    if alpha is not None and not isinstance(alpha, str):
        mantissas = np.frexp(np.asarray(alpha, dtype=np.float32).astype(np.float64))[0]
        reasons.expect(
            bool(np.all(np.ldexp(mantissas, 12) == np.rint(np.ldexp(mantissas, 12)))),
            f"{kind} has alpha={alpha!r} for the {what}",
            "that has no short binary form",
            "write alpha=1 or a power of two",
        )


def _called(quantiser: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(quantiser(load().tensorflow.constant(values)).numpy(), dtype=np.float64)


def _without_noise(quantiser: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The quantiser's results without the ``x + (q - x)`` that it computes for its gradient."""
    twin = copy.copy(quantiser)
    if kind_of(quantiser) not in _NO_STE_OPTION:
        twin.use_ste = False
        return _called(twin, values)
    results = _called(twin, values)
    scale = np.asarray(twin.scale, dtype=np.float64)
    return np.asarray(scale * np.rint(results / scale))


def _check_words(what: str, values: NDArray[np.float64], kind: str) -> None:
    mantissas = np.ldexp(np.frexp(values)[0], _SIGNIFICANT_BITS)
    if not np.all(np.isfinite(values)) or not np.array_equal(mantissas, np.rint(mantissas)):
        raise refused(f"{kind} makes {what} weights that are no words", "", "please report this model")
    constants_of(values)


def constants_of(values: NDArray[np.float64]) -> Constants:
    """Binary fractions as words of the smallest format that holds them.

    Raises:
        Refused: that format has more than 48 bits.
    """
    used = values[values != 0]
    if not used.size:
        return Constants(np.zeros(values.shape, dtype=np.int64), FixedPoint(False, 1, 1))
    fraction = int((-_lowest_bits(used)).max())
    scaled = np.ldexp(values, fraction)
    if np.abs(scaled).max() >= 2.0**_WIDEST:
        raise refused(
            f"has values from {np.abs(used).min():g} to {np.abs(used).max():g}",
            f"one format for both needs more than {_WIDEST} bits",
            "limit their exponents, for example with max_value, or with fewer bits",
        )
    words = scaled.astype(np.int64)
    return Constants(words, Interval(words, words).smallest_format(fraction))


def _lowest_bits(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The exponent of the lowest bit that is set, of values that are not zero."""
    mantissas, exponents = np.frexp(values)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    lowest = whole & -whole
    return np.asarray(exponents.astype(np.int64) - 53 + np.log2(lowest.astype(np.float64)).astype(np.int64))

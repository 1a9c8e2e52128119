"""QKeras quantisers and their fixed-point formats: the same words for every value tried."""

from typing import Any

import numpy as np
import pytest

from trigml.fixedpoint import FixedPoint, Overflow, Rounding, to_values, to_words
from trigml.frontends.float_types import quantised_exactly
from trigml.frontends.quantisers import quantiser_format
from trigml.frontends.refusals import Refused
from trigml.legacy_keras import load


@pytest.fixture(scope="module")
def qkeras() -> Any:
    return load().qkeras


def values_around(format_: FixedPoint) -> np.ndarray:
    """Quarter steps beyond both ends of the range, each with its float32 neighbours; and far away."""
    reach = 6 * (format_.max_word + 1)
    quarters = np.arange(-reach, reach + 1) / 4 * format_.lsb
    single = quarters.astype(np.float32)
    assert (single == quarters).all()
    near = [np.nextafter(single, np.float32(side)) for side in (-np.inf, np.inf)]
    far = np.array([-1e4, -1e-30, 1e-30, 1e4], dtype=np.float32) * np.float32(format_.lsb)
    return np.concatenate([single, *near, far])


def assert_same(quantiser: Any, format_: FixedPoint) -> None:
    values = values_around(format_)
    expected = to_values(to_words(values, format_), format_.fraction)
    tensorflow = load().tensorflow
    np.testing.assert_array_equal(quantiser(tensorflow.constant(values)).numpy(), expected)
    np.testing.assert_array_equal(quantised_exactly(quantiser, values.astype(np.float64)), expected)


@pytest.mark.parametrize("bits", range(2, 13))
def test_quantized_bits_by_enumeration(qkeras: Any, bits: int) -> None:
    """Protects the claim that a quantized_bits is its format: float32 and float64 QKeras against to_words."""
    for integer in (0, 1, 3):
        for keep_negative in (True, False):
            for symmetric in (0, 1):
                quantiser = qkeras.quantized_bits(
                    bits, integer, symmetric=symmetric, keep_negative=keep_negative, alpha=1
                )
                format_ = quantiser_format(quantiser)
                assert (format_.width, format_.signed) == (bits, keep_negative)
                assert format_.integer == integer + keep_negative
                assert_same(quantiser, format_)


@pytest.mark.parametrize("bits", range(1, 13))
def test_quantized_relu_by_enumeration(qkeras: Any, bits: int) -> None:
    """Protects the same for quantized_relu, whose negative values become zero."""
    for integer in (0, 1, 4):
        quantiser = qkeras.quantized_relu(bits, integer)
        format_ = quantiser_format(quantiser)
        assert format_ == FixedPoint(False, bits, integer, Rounding.RND_CONV, Overflow.SAT)
        assert_same(quantiser, format_)


def test_options_that_change_nothing(qkeras: Any) -> None:
    """Protects that harmless options are read for what they do."""
    for quantiser in (
        qkeras.quantized_relu(6, 2, relu_upper_bound=1.5),  # is_quantized_clip has precedence
        qkeras.quantized_relu(6, 2, is_quantized_clip=False),
        qkeras.quantized_relu(6, 2, use_ste=False),
        qkeras.quantized_bits(6, 2, alpha=1.0, use_ste=False),
        qkeras.quantized_bits(6, 2),  # only the kernel's quantiser takes None for auto_po2
        qkeras.quantized_bits(6, 2, symmetric=True, alpha=np.ones(1, dtype=np.float32)),
    ):
        assert_same(quantiser, quantiser_format(quantiser))


REFUSED = {
    "stochastic": (
        lambda q: q.quantized_bits(6, 0, alpha=1, use_stochastic_rounding=True),
        "rounds at random",
    ),
    "stochastic relu": (lambda q: q.quantized_relu(6, 0, use_stochastic_rounding=True), "rounds at random"),
    "noise": (lambda q: q.quantized_bits(6, 0, alpha=1, qnoise_factor=0.5), "set it to 1"),
    "noise relu": (lambda q: q.quantized_relu(6, 0, qnoise_factor=0.0), "set it to 1"),
    "alpha auto": (lambda q: q.quantized_bits(6, 0, alpha="auto"), "write alpha=1"),
    "alpha auto_po2": (lambda q: q.quantized_bits(6, 0, alpha="auto_po2"), "write alpha=1"),
    "alpha two": (lambda q: q.quantized_bits(6, 0, alpha=2.0), "write alpha=1"),
    "alpha per channel": (lambda q: q.quantized_bits(6, 0, alpha=[1.0, 2.0]), "write alpha=1"),
    "variables": (
        lambda q: q.quantized_bits(6, 0, alpha=1, use_variables=True),
        "set use_variables=False",
    ),
    "one bit": (lambda q: q.quantized_bits(1, 0, alpha=1), "at least 2 bits"),
    "too many bits": (lambda q: q.quantized_bits(25, 0, alpha=1), "at most 24"),
    "too many bits in a relu": (lambda q: q.quantized_relu(25, 0), "at most 24"),
    "sigmoid": (lambda q: q.quantized_relu(6, 0, use_sigmoid=1), "leave it at 0"),
    "leaky": (lambda q: q.quantized_relu(6, 0, negative_slope=0.25), "leave it at 0"),
    "upper bound": (
        lambda q: q.quantized_relu(6, 2, relu_upper_bound=1.5, is_quantized_clip=False),
        "leave it away",
    ),
    "tanh": (
        lambda q: q.quantized_tanh(6),
        "quantized_tanh is not a plain fixed-point format .use quantized_bits",
    ),
    "po2": (
        lambda q: q.quantized_po2(6),
        "quantized_po2 is not a plain fixed-point format .use quantized_bits",
    ),
    "binary": (lambda q: q.binary(alpha=1), "binary is not a plain fixed-point format .use quantized_bits"),
    "a function": (
        lambda q: q.get_quantizer("relu"),
        "relu is not a plain fixed-point format .use quantized_bits",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_options_without_an_exact_meaning_are_refused(qkeras: Any, what: str) -> None:
    """Protects against a silent approximation: each is refused with what to write instead."""
    make, remedy = REFUSED[what]
    with pytest.raises(Refused, match=remedy):
        quantiser_format(make(qkeras))

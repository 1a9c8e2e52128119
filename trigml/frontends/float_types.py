"""The float type in which Keras and QKeras compute, changed for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.legacy_keras import load


@contextmanager
def float_type(name: str) -> Iterator[None]:
    """Keras in ``float32`` or ``float64``; as it was before, afterwards."""
    keras = load().keras
    before = keras.backend.floatx(), keras.mixed_precision.global_policy()
    keras.backend.set_floatx(name)
    keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        keras.backend.set_floatx(before[0])
        keras.mixed_precision.set_global_policy(before[1])


def quantised_exactly(quantiser: Any, values: NDArray[Any]) -> NDArray[np.float64]:
    """What a QKeras quantiser makes of values, evaluated in float64."""
    with float_type("float64"):
        tensor = load().tensorflow.constant(values, dtype="float64")
        return np.asarray(in_float64(quantiser)(tensor).numpy(), dtype=np.float64)


def in_float64(activation: Any) -> Any:
    """A quantiser or an activation function, as one that computes in float64 where Keras does.

    Only ``quantized_relu`` needs more than Keras' setting: it casts to float32 whatever the setting.
    """
    is_relu = type(activation).__name__ == "quantized_relu"
    return (lambda x: _relu_in_float64(activation, x)) if is_relu else activation


def _relu_in_float64(quantiser: Any, x: Any) -> Any:
    """QKeras' formula of ``quantized_relu`` (without the sigmoid), line by line, in float64."""
    tensorflow = load().tensorflow
    clip, round_ = tensorflow.clip_by_value, tensorflow.round
    slope = float(quantiser.negative_slope)
    m = 2.0 ** (int(quantiser.bits) - (slope != 0.0))
    m_i = 2.0 ** int(quantiser.integer)
    p = tensorflow.cast(x, "float64") * m / m_i
    xq = m_i * clip(round_(p) / m, 0.0, 1.0 - 1.0 / m)
    if slope > 0:
        neg_factor = 1 / (slope * m)
        xq = xq + m_i * slope * clip(round_(p * slope) * neg_factor, -1.0, 0.0)
    if quantiser.relu_upper_bound and not quantiser.is_quantized_clip:
        xq = tensorflow.minimum(xq, float(np.float32(quantiser.relu_upper_bound)))
    return xq

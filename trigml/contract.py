"""The input contract: how a physical feature becomes the fixed-point word that the FPGA receives.

The input is part of the hardware. Per feature there is an offset and a power-of-two scale:

    word = round_half_even((value - offset) / lsb),  lsb = 2**(shift - fraction),

saturated to the range of the format. Training, the emulators and the firmware all use this one
definition. The offset is a multiple of the LSB, so that firmware can subtract it from a fixed-point
feature without another rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray, Overflow, Rounding, to_values, to_words

LARGEST_SHIFT = 64
"""Scales of inputs are from 2**-64 to 2**64; far beyond, single precision and fixed-point types end."""


@dataclass(frozen=True, slots=True)
class InputFeature:
    """One input of the network.

    Attributes:
        name: column in the events.
        unit: physical unit, empty if dimensionless.
        offset: value (in ``unit``) that becomes word 0; a multiple of the LSB.
        shift: the normalised value is ``(value - offset) / 2**shift``; from -64 to 64.
    """

    name: str
    unit: str
    offset: float
    shift: int


@dataclass(frozen=True, slots=True)
class InputContract:
    """All inputs in the order of the network's ports, and the one format of their words.

    Attributes:
        features: one entry per input word, in order.
        format: format of the normalised value; rounds half to even and saturates.
    """

    features: tuple[InputFeature, ...]
    format: FixedPoint

    def __post_init__(self) -> None:
        if self.format.rounding is not Rounding.RND_CONV or self.format.overflow not in (
            Overflow.SAT,
            Overflow.SAT_SYM,
        ):
            raise BadInput(
                "the input format has to round half to even and to saturate",
                expected="for example ap_fixed<12,4,RND_CONV,SAT>",
                found=str(self.format),
            )
        if self.format.width > 24:
            raise BadInput(
                "the input format is too wide for single-precision training",
                expected="at most 24 bits",
                found=str(self.format),
                remedy="give the inputs a format of at most 24 bits",
            )
        for feature in self.features:
            if not math.isfinite(feature.offset) or math.fmod(feature.offset, self.lsb(feature)) != 0:
                raise BadInput(
                    f"the offset of input feature {feature.name!r} is not a multiple of its LSB",
                    expected=f"a multiple of {self.lsb(feature)} ({feature.unit or 'dimensionless'})",
                    found=str(feature.offset),
                    remedy=f"use {self.on_grid(feature.offset, feature.shift, self.format)}",
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features in the order of the input words."""
        return tuple(feature.name for feature in self.features)

    def lsb(self, feature: InputFeature) -> float:
        """Physical value of one LSB of a feature's word."""
        return float(2.0 ** (feature.shift - self.format.fraction))

    def reach(self, feature: InputFeature) -> tuple[float, float]:
        """Smallest and largest physical value that has its own word; outside, the word saturates."""
        lsb = self.lsb(feature)
        return feature.offset + self.format.min_word * lsb, feature.offset + self.format.max_word * lsb

    def normalise(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """``(value - offset) / 2**shift`` in float64, neither rounded nor saturated; (n, features)."""
        offsets = np.array([feature.offset for feature in self.features])
        shifts = np.array([feature.shift for feature in self.features])
        if values.ndim != 2 or values.shape[1] != len(self.features):
            raise BadInput(
                "events do not have the shape of the network's inputs",
                expected=f"(events, {len(self.features)})",
                found=str(values.shape),
            )
        return np.asarray(np.ldexp(values.astype(np.float64) - offsets, -shifts))

    def physical(self, words: NDArray[Any]) -> NDArray[np.float64]:
        """Physical features of words (n, features), which may have fractions: ``normalise`` undone."""
        offsets = np.array([feature.offset for feature in self.features])
        lsbs = np.array([self.lsb(feature) for feature in self.features])
        return np.asarray(words.astype(np.float64) * lsbs + offsets)

    def words(self, values: NDArray[Any]) -> IntArray:
        """Input words (n, features) int64 of physical features (n, features).

        Raises:
            BadInput: a feature is NaN or infinite, or the shape is wrong.
        """
        normalised = self.normalise(values)
        if not np.all(np.isfinite(normalised)):
            event, column = np.argwhere(~np.isfinite(normalised))[0]
            raise BadInput(
                "an input feature is NaN or infinite",
                where=f"event {event}, feature {self.names[column]!r}",
                found=str(values[event, column]),
            )
        return to_words(normalised, self.format)

    def saturated(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Fraction of events per feature whose value lies outside the format's range."""
        scaled = np.rint(np.ldexp(self.normalise(values), self.format.fraction))
        outside = (scaled < self.format.min_word) | (scaled > self.format.max_word)
        return np.asarray(outside.mean(axis=0))

    def model_inputs(self, words: IntArray) -> NDArray[np.float32]:
        """The words as the normalised values that the Keras models receive; exact in float32."""
        return to_values(words, self.format.fraction).astype(np.float32)

    @classmethod
    def plain(cls, name: str, count: int, format_: FixedPoint) -> InputContract:
        """Words without physics: ``count`` inputs of a model that came without a contract."""
        return cls(tuple(InputFeature(f"{name}_{i}", "", 0.0, 0) for i in range(count)), format_)

    @staticmethod
    def on_grid(offset: float, shift: int, format_: FixedPoint) -> float:
        """The multiple of the LSB that is nearest to ``offset``."""
        lsb = 2.0 ** (shift - format_.fraction)
        return float(np.rint(offset / lsb) * lsb)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "format": str(self.format),
            "features": [
                {"name": f.name, "unit": f.unit, "offset": f.offset, "shift": f.shift} for f in self.features
            ],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], *, where: str | None = None) -> InputContract:
        """Read what ``to_json`` wrote; ``where`` is how messages call the file.

        Raises:
            BadInput: an entry is missing, of a wrong type or out of range.
        """
        try:
            features = tuple(
                InputFeature(str(f["name"]), str(f["unit"]), float(f["offset"]), _shift(f["shift"]))
                for f in content["features"]
            )
            return cls(features, FixedPoint.parse(content["format"]))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BadInput(
                "the input contract is damaged", where=where, found=f"{type(error).__name__}: {error}"
            ) from error


def _shift(value: Any) -> int:
    if type(value) is not int or abs(value) > LARGEST_SHIFT:
        raise ValueError(f"expected a shift from -{LARGEST_SHIFT} to {LARGEST_SHIFT}, not {value!r}")
    return value


def fitted_feature(name: str, unit: str, values: NDArray[Any], format_: FixedPoint) -> InputFeature:
    """Offset and scale of one feature from training events.

    The offset is the median, moved to the grid; the scale is the smallest power of two with which
    99.8 % of the events stay inside the format's range. A feature that is rarely anything but one value
    (its quantiles coincide) gets the range of all events.

    Args:
        name: column name.
        unit: physical unit.
        values: (n,) finite values of training events.
        format_: format of the normalised value.

    Raises:
        BadInput: the feature is constant, or its scale is beyond 2**-64 to 2**64.
    """
    low, middle, high = fitted_range(values)
    if high == low:
        raise BadInput(
            f"input feature {name!r} is constant in the training events",
            found=f"{middle} in {len(values)} events",
            remedy="leave it out of the spec's inputs",
        )
    return feature_over(name, unit, (low, middle, high), format_)


def fitted_range(values: NDArray[Any]) -> tuple[float, float, float]:
    """Lower end, middle and upper end of 99.8 % of the values (n,), or of all if nearly all are the same."""
    values = values.astype(np.float64)
    low, middle, high = (float(q) for q in np.quantile(values, (0.001, 0.5, 0.999)))
    if high == low:
        low, high = float(values.min()), float(values.max())
    return low, middle, high


def feature_over(
    name: str, unit: str, values: tuple[float, float, float], format_: FixedPoint
) -> InputFeature:
    """A feature whose words reach over values from a lower end over a middle to an upper end.

    Raises:
        BadInput: its scale is beyond 2**-64 to 2**64.
    """
    low, middle, high = values
    reach = max(high - middle, middle - low) if format_.signed else high - low
    shift = _ceil_log2(reach) - (format_.integer - format_.signed)
    if not math.isfinite(reach) or abs(shift) > LARGEST_SHIFT:
        raise BadInput(
            f"the values of input feature {name!r} are too large or too small for an input",
            expected=f"a scale from 2^-{LARGEST_SHIFT} to 2^{LARGEST_SHIFT}",
            found=f"values from {low:g} to {high:g} {unit}".rstrip(),
            remedy="rescale the column, for example by another unit",
        )
    centre = middle if format_.signed else low
    return InputFeature(name, unit, InputContract.on_grid(centre, shift, format_), shift)


def _ceil_log2(value: float) -> int:
    """The smallest n with ``value <= 2**n``, exact also where a quotient would over- or underflow."""
    mantissa, exponent = math.frexp(value)
    return exponent - (mantissa == 0.5)

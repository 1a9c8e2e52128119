"""Constants with which features become input words, in double or, where exact, in single precision."""

from __future__ import annotations

import json

import numpy as np

from trigml.contract import InputContract, InputFeature

SINGLE_SHIFT = 1.5 * 2.0**23
"""A float32 sum with it has no bits below one; as in ``trigml_inputs.h``."""

SINGLE_REACH = 2.0**22
"""Words and offsets below it stay whole in such a sum."""

LARGEST_SINGLE_EXPONENT = 120
"""Scales from 2**-120 to 2**120 are normal float32 numbers."""

LARGEST_OFFSET = 2.0**100
"""Offsets below it leave the distance of any float32 value finite, whatever the scale."""


def exact_in_single(contract: InputContract) -> bool:
    """Whether float32 arithmetic gives float32 features the same words as the float64 of the definition.

    A power of two scales exactly. The offset is a whole number N of LSBs, and the one sum
    ``value / lsb + (1.5 * 2**23 - N)`` rounds the exact ``value / lsb - N`` half to even to an integer.
    In float64 the difference is exact wherever it is within the range of the words and anywhere near half-way
    between two of them; so both round the same number.
    """
    reach = max(-contract.format.min_word, contract.format.max_word)
    return reach < SINGLE_REACH and all(
        abs(feature.offset / contract.lsb(feature)) + reach < SINGLE_REACH
        and abs(contract.format.fraction - feature.shift) <= LARGEST_SINGLE_EXPONENT
        and abs(feature.offset) < LARGEST_OFFSET
        for feature in contract.features
    )


def features_text(name: str, contract: InputContract) -> str:
    """The C++ array of ``Feature`` of an input contract."""
    lines = [
        f"    {{{', '.join(_numbers(contract, feature))}}},  // {_comment(feature.name)}"
        for feature in contract.features
    ]
    return f"constexpr Feature {name}[] = {{\n" + "\n".join(lines) + "\n};"


def _numbers(contract: InputContract, feature: InputFeature) -> list[str]:
    format_ = contract.format
    scale = 2.0 ** (format_.fraction - feature.shift)
    limit = float(np.finfo(np.float64).max) * 2.0 ** min(feature.shift, 0)
    numbers = [repr(feature.offset), repr(scale), repr(limit)]
    if not exact_in_single(contract):
        return [*numbers, "0", "0", "0", "0"]
    offset = feature.offset / contract.lsb(feature)
    singles = (scale, format_.min_word + offset, format_.max_word + offset, SINGLE_SHIFT - offset)
    return [*numbers, *(f"{single!r}f" for single in singles)]


def _comment(text: str) -> str:
    """A name in a comment of one line."""
    return json.dumps(text).strip('"').replace("\\", "/")

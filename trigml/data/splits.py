"""Which split an event belongs to: a function of its id alone.

So a split stays what it was when events are added, reordered or spread over other files, and no event
of the test split can be seen in training. All rows of one collision share their id and their split.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trigml.errors import BadInput

_BITS = 53  # as many as a float64 fraction has: thresholds are exact


class Split(enum.IntEnum):
    """The three splits; the values are the codes that ``assign`` returns."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2


@dataclass(frozen=True, slots=True)
class SplitFractions:
    """How large the splits are, as fractions of all collisions; they sum to 1.

    The test split depends on ``test`` and ``salt`` only, so that moving events between training and
    validation leaves it alone. Another ``salt`` gives another, independent division.

    Raises:
        BadInput: a fraction outside [0, 1], no training events, a sum that is not 1, a salt outside 64 bits.
    """

    train: float = 0.6
    validation: float = 0.2
    test: float = 0.2
    salt: int = 0

    def __post_init__(self) -> None:
        fractions = (self.train, self.validation, self.test)
        if not all(0 <= fraction <= 1 for fraction in fractions) or abs(sum(fractions) - 1) > 1e-9:
            raise BadInput(
                "the fractions of the splits do not make a whole",
                expected="train + validation + test = 1, each from 0 to 1",
                found=f"train {self.train}, validation {self.validation}, test {self.test}",
            )
        if self.train == 0:
            raise BadInput("the fraction of the training split is 0")
        if not 0 <= self.salt < 2**64:
            raise BadInput("the salt of the splits is not a 64-bit number", found=str(self.salt))


def assign(event_id: npt.NDArray[np.uint64], fractions: SplitFractions) -> npt.NDArray[np.int8]:
    """The split codes, shape (n,), of events with the ids ``event_id``, shape (n,).

    u = top 53 bits of splitmix64(event_id XOR splitmix64(salt)), as a fraction of 2^53; the event is in the
    test split if u < test, in the validation split if u < test + validation, else in the training split.
    """
    salt = _splitmix64(np.array([fractions.salt], dtype=np.uint64))
    hashed = _splitmix64(event_id ^ salt)
    hashed >>= np.uint64(64 - _BITS)
    test = np.uint64(round(fractions.test * 2**_BITS))
    held_out = np.uint64(round((fractions.test + fractions.validation) * 2**_BITS))
    codes = (hashed < held_out).view(np.int8)  # 1 is VALIDATION
    codes += hashed < test  # 2 is TEST
    return codes


def _splitmix64(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """One step of SplitMix64 from the state ``values``.

    Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, Fig. 17, with the
    constants of Vigna's splitmix64.c; a bijection of the 64-bit numbers.
    """
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    shifted = np.empty_like(mixed)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= np.right_shift(mixed, np.uint64(shift), out=shifted)
        mixed *= np.uint64(factor)
    mixed ^= np.right_shift(mixed, np.uint64(31), out=shifted)
    return mixed

"""Tests of trigml.data.splits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.data.splits import Split, SplitFractions, assign
from trigml.errors import BadInput

ids = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50)
salts = st.integers(0, 2**64 - 1)


@given(ids, salts, st.randoms())
def test_an_id_decides_alone(values: list[int], salt: int, random: object) -> None:
    """Neither the order of the events nor the other events of the file change an event's split."""
    fractions = SplitFractions(salt=salt)
    together = assign(np.array(values, dtype=np.uint64), fractions)
    alone = [int(assign(np.array([value], dtype=np.uint64), fractions)[0]) for value in values]
    assert together.tolist() == alone
    assert set(alone) <= {split.value for split in Split}


@given(ids, salts, st.floats(0, 0.5), st.floats(0, 0.4))
def test_test_split_depends_on_its_fraction_only(
    values: list[int], salt: int, test: float, validation: float
) -> None:
    """Events can move between training and validation without touching the test split."""
    event_id = np.array(values, dtype=np.uint64)
    one = assign(event_id, SplitFractions(1 - test, 0.0, test, salt))
    other = assign(event_id, SplitFractions(1 - test - validation, validation, test, salt))
    np.testing.assert_array_equal(one == Split.TEST, other == Split.TEST)


@given(ids, st.floats(0, 0.4), st.floats(0, 0.4))
def test_a_larger_test_split_keeps_its_events(values: list[int], one: float, other: float) -> None:
    """A larger test fraction only adds events to the test split."""
    event_id = np.array(values, dtype=np.uint64)
    small, large = sorted((one, other))
    in_small = assign(event_id, SplitFractions(1 - small, 0.0, small)) == Split.TEST
    in_large = assign(event_id, SplitFractions(1 - large, 0.0, large)) == Split.TEST
    assert not (in_small & ~in_large).any()


@pytest.mark.parametrize("start", [0, 2**63, 10**12])
def test_sizes(start: int) -> None:
    """Consecutive ids divide by the fractions, within five standard deviations."""
    n = 200_000
    codes = assign(np.arange(start, start + n, dtype=np.uint64), SplitFractions(0.6, 0.15, 0.25))
    for split, fraction in ((Split.TRAIN, 0.6), (Split.VALIDATION, 0.15), (Split.TEST, 0.25)):
        sigma = np.sqrt(n * fraction * (1 - fraction))
        assert abs(np.count_nonzero(codes == split) - n * fraction) < 5 * sigma


def test_salts_are_independent() -> None:
    """Another salt gives a division that has nothing to do with the first."""
    event_id = np.arange(200_000, dtype=np.uint64)
    one = assign(event_id, SplitFractions(salt=1)) == Split.TEST
    other = assign(event_id, SplitFractions(salt=2)) == Split.TEST
    assert abs(np.count_nonzero(one & other) - 200_000 * 0.04) < 5 * np.sqrt(200_000 * 0.04)


def test_the_division_never_changes() -> None:
    """The splits of finished runs stay valid: the documented formula, in Python's integers."""

    def mix(value: int) -> int:
        value = (value + 0x9E3779B97F4A7C15) % 2**64
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
        return value ^ (value >> 31)

    assert mix(0) == 0xE220A8397B1DCDAF  # the first output of splitmix64 with seed 0
    event_id = [*range(40), 2**64 - 1, 2**63]
    shares = [(mix(value ^ mix(11)) >> 11) / 2**53 for value in event_id]
    expected = [2 if share < 0.2 else 1 if share < 0.2 + 0.1 else 0 for share in shares]
    codes = assign(np.array(event_id, dtype=np.uint64), SplitFractions(0.7, 0.1, 0.2, salt=11))
    assert codes.tolist() == expected
    assert set(expected) == {0, 1, 2}


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ((0.5, 0.1, 0.1), "do not make a whole"),
        ((1.2, -0.1, -0.1), "do not make a whole"),
        ((float("nan"), 0.5, 0.5), "do not make a whole"),
        ((0.0, 0.5, 0.5), "training split is 0"),
        ((0.7, 0.1, 0.2, -1), "not a 64-bit number"),
        ((0.7, 0.1, 0.2, 2**64), "not a 64-bit number"),
    ],
)
def test_bad_fractions(fractions: tuple[float, ...], message: str) -> None:
    """Fractions that make no sense are refused."""
    with pytest.raises(BadInput, match=message):
        SplitFractions(*fractions)  # type: ignore[arg-type]

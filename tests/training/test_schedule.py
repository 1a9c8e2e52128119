"""Learning rates and early stopping."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.spec import ScheduleSpec
from trigml.training.schedule import epochs_since_best, learning_rate


def test_the_cosine_goes_from_the_peak_to_the_floor() -> None:
    """First and last epoch, and the middle, have the rates that the formula gives."""
    schedule = ScheduleSpec(kind="cosine", final_fraction=0.1)
    rates = [learning_rate(schedule, 2.0, epoch, 11, []) for epoch in range(11)]
    assert rates[0] == 2.0
    assert rates[5] == pytest.approx(2.0 * 0.55)
    assert rates[10] == pytest.approx(0.2)
    assert rates == sorted(rates, reverse=True)


def test_warm_up_rises_to_the_peak() -> None:
    """The rate rises linearly, and the cosine begins at the peak after it."""
    schedule = ScheduleSpec(kind="cosine", warmup_epochs=3)
    assert [learning_rate(schedule, 4.0, epoch, 10, []) for epoch in range(4)] == [1.0, 2.0, 3.0, 4.0]


def test_a_plateau_lowers_the_rate() -> None:
    """After each ``patience`` epochs without a new minimum the rate is multiplied, down to the floor."""
    schedule = ScheduleSpec(kind="plateau", factor=0.5, patience=2, final_fraction=0.2)
    losses = [3.0, 2.0, 2.0, 2.5, 2.1, 2.1, 1.0, 1.1, 1.2, 1.3, 1.4]
    rates = [learning_rate(schedule, 1.0, epoch, 20, losses[:epoch]) for epoch in range(len(losses) + 1)]
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_constant_is_constant() -> None:
    """Nothing changes the constant rate."""
    schedule = ScheduleSpec(kind="constant")
    assert {learning_rate(schedule, 0.3, epoch, 9, [1.0] * epoch) for epoch in range(9)} == {0.3}


@given(
    st.sampled_from(["cosine", "plateau", "constant"]),
    st.integers(0, 5),
    st.integers(1, 30),
    st.lists(st.floats(0, 10), max_size=29),
)
def test_rates_stay_between_floor_and_peak(kind: str, warmup: int, epochs: int, losses: list[float]) -> None:
    """Whatever the losses and however short the training, no rate is zero, negative or above the peak."""
    schedule = ScheduleSpec(kind=kind, warmup_epochs=warmup, final_fraction=0.05)
    for epoch in range(epochs):
        rate = learning_rate(schedule, 1.0, epoch, epochs, losses[:epoch])
        assert min(0.05, 1 / (warmup + 1)) <= rate <= 1.0 + 1e-12
        assert math.isfinite(rate)


def test_epochs_since_the_best_count_from_the_first_minimum() -> None:
    """An equal loss is no improvement."""
    assert epochs_since_best([1.0]) == 0
    assert epochs_since_best([3.0, 1.0, 2.0, 1.0]) == 2

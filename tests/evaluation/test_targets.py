"""Rates and targets as people write them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.evaluation.targets import Target, TargetKind, parse_rate, parse_threshold, rate_text
from trigml.physics.turn_on import threshold_scan


@pytest.mark.parametrize(
    ("text", "rate"),
    [("100 kHz", 1e5), ("0.1kHz", 100.0), (" 40 MHz ", 4e7), ("1e3 Hz", 1e3), ("1 GHz", 1e9)],
)
def test_rates_have_units(text: str, rate: float) -> None:
    """Protects against rates that are wrong by a thousand."""
    assert parse_rate(text, "--rate") == rate


@pytest.mark.parametrize("text", ["100", "kHz", "-3 kHz", "0 kHz", "nan kHz", "inf Hz", "1 khz", "3 kHz 4"])
def test_what_is_no_rate(text: str) -> None:
    """Protects against numbers without a unit, and ones that no rate can be."""
    with pytest.raises(BadInput, match="no rate"):
        parse_rate(text, "--rate")


@pytest.mark.parametrize(
    ("rate", "text"), [(97_530.0, "97.5 kHz"), (4e7, "40 MHz"), (0.0, "0 Hz"), (0.5, "0.5 Hz")]
)
def test_rates_are_shown_with_a_unit_that_suits(rate: float, text: str) -> None:
    """Protects what the tables say."""
    assert rate_text(rate) == text


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_an_efficiency_lies_between_0_and_1(value: float) -> None:
    """Protects against targets that pass all events or none."""
    with pytest.raises(BadInput, match="between 0 and 1"):
        Target(TargetKind.EFFICIENCY, value)


def test_a_threshold_is_an_integer() -> None:
    """Protects firmware from a threshold that it cannot compare with."""
    for value in (1.0, True, 2**53 + 1):
        with pytest.raises(BadInput, match="integer"):
            Target(TargetKind.THRESHOLD, value)


def test_each_kind_finds_its_threshold() -> None:
    """Protects the sides from which targets are met, with ties: signal 3, 3, 2, 1, background 2, 2, 1, 0."""
    scores = np.array([3, 3, 2, 1, 2, 2, 1, 0])
    scan = threshold_scan(scores, np.arange(8) < 4, input_rate=4000.0)
    assert Target(TargetKind.EFFICIENCY, 0.6).find(scan).threshold == 2
    assert Target(TargetKind.RATE, 2000.0).find(scan).threshold == 2
    assert Target(TargetKind.RATE, 1999.0).find(scan).threshold == 3
    assert Target(TargetKind.THRESHOLD, -7).find(scan).threshold == -7
    with pytest.raises(BadInput, match="higher than the rate that enters"):
        Target(TargetKind.RATE, 4001.0).find(scan)


@pytest.mark.parametrize(
    "target",
    [Target(TargetKind.EFFICIENCY, 0.3), Target(TargetKind.RATE, 1e5), Target(TargetKind.THRESHOLD, -12)],
)
def test_targets_survive_json(target: Target) -> None:
    """Protects what working_points.json says of why a threshold was chosen."""
    assert Target.from_json(target.to_json()) == target


@pytest.mark.parametrize(
    ("text", "threshold", "shown"),
    [
        ("-7", -7, "given"),
        (" 400 ", 400, "given"),
        ("25 GeV", 400, "25 GeV"),
        ("25.01GeV", 401, "25.01 GeV"),
        ("1e-2 GeV", 1, "0.01 GeV"),
        ("25.0", 400, "25"),
    ],
)
def test_thresholds_are_integers_or_what_they_are_worth(text: str, threshold: int, shown: str) -> None:
    """Protects the integer that an energy becomes, and that it comes back from a file."""
    target = parse_threshold(text)
    assert (target.threshold(1 / 16), str(target)) == (threshold, shown)
    assert Target.from_json(target.to_json()) == target


@pytest.mark.parametrize("text", ["", "GeV", "nan GeV", "inf", "--3"])
def test_what_is_no_threshold(text: str) -> None:
    """Protects against numbers read out of something else."""
    with pytest.raises(BadInput, match="no value"):
        parse_threshold(text)

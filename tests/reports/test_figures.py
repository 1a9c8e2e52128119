"""Figures: no number without its tier and tool; latency in three units."""

import json

import pytest

from trigml.reports.figures import (
    BUNCH_CROSSING_NS,
    UNVERIFIED_CLOCK,
    Figure,
    Tier,
    figures_json,
    latency_figures,
)


def figure(value: float, unit: str = "") -> Figure:
    return Figure("LUT", value, unit, Tier.ESTIMATE, "alkaid 0.8", "xcvu13p", 5.0)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (41203, "", "41,203"),
        (7, "cycles", "7 cycles"),
        (1.4, "BX", "1.4 BX"),
        (35.0, "ns", "35 ns"),
        (0, "", "0"),
    ],
)
def test_text(value: float, unit: str, text: str) -> None:
    """Protects how figures are shown: whole numbers whole, thousands separated, the unit behind."""
    assert figure(value, unit).text == text


def test_large_fractions_are_not_rounded_away() -> None:
    """Protects figures above 10,000 that are not whole."""
    assert figure(12345.6, "ns").text == "1.235e+04 ns"


def test_json_names_tier_and_tool() -> None:
    """Protects the machine-readable form: plain JSON, every figure with its source."""
    (entry,) = json.loads(json.dumps(figures_json([figure(3)])))
    assert entry == {
        "metric": "LUT",
        "value": 3,
        "unit": "",
        "tier": "estimate",
        "tool": "alkaid 0.8",
        "part": "xcvu13p",
        "clock_ns": 5.0,
        "note": "",
    }


def test_latency_in_cycles_ns_and_bunch_crossings() -> None:
    """Protects the conversion, and the caution beside nanoseconds that rest on a requested clock."""
    rows = latency_figures(
        11,
        2,
        tier=Tier.VENDOR,
        tool="HLS 2023.1",
        part="xcvu13p",
        clock_ns=2.5,
        caution=UNVERIFIED_CLOCK,
    )
    assert [(row.metric, row.value, row.unit) for row in rows] == [
        ("latency", 11, "cycles"),
        ("latency", 27.5, "ns"),
        ("latency", 27.5 / 25, "BX"),
        ("initiation interval", 2, "cycles"),
    ]
    assert BUNCH_CROSSING_NS == 25
    for row in rows:
        assert (row.tier, row.tool, row.part, row.clock_ns) == (Tier.VENDOR, "HLS 2023.1", "xcvu13p", 2.5)
        assert ("not verified" in row.note) == (row.unit in ("ns", "BX"))

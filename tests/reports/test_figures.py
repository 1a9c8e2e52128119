"""Figures: no number without its tier and tool; latency in three units."""

import json

import pytest

from trigml.reports.figures import (
    BUNCH_CROSSING_NS,
    VERIFIED_CLOCK,
    Clock,
    EventRate,
    Figure,
    Tier,
    figures_json,
    in_order,
    latency_figures,
    with_clock,
)


def figure(value: float, unit: str = "") -> Figure:
    return Figure("LUT", value, unit, Tier.ESTIMATE, "alkaid 0.8", "xcvu13p", 5.0)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (41203, "", "41,203"),
        (7, "cycles", "7 cycles"),
        (1, "cycles", "1 cycle"),
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
        "version": "",
        "clock": "requested",
        "error": None,
    }
    assert type(entry["value"]) is int


def test_latency_in_cycles_ns_and_bunch_crossings() -> None:
    """Protects the conversion, and the caution beside nanoseconds that rest on a requested clock."""
    rows = latency_figures(
        11,
        2,
        tier=Tier.VENDOR,
        tool="HLS 2023.1",
        part="xcvu13p",
        clock_ns=2.5,
    )
    assert [(row.metric, row.value, row.unit) for row in rows] == [
        ("latency", 11, "cycles"),
        ("latency", 27.5, "ns"),
        ("latency", 27.5 / 25, "BX"),
        ("initiation interval", 2, "cycles"),
        ("events per bunch crossing", 5, ""),
    ]
    assert BUNCH_CROSSING_NS == 25
    for row in rows:
        assert (row.tier, row.tool, row.part, row.clock_ns) == (Tier.VENDOR, "HLS 2023.1", "xcvu13p", 2.5)
        assert ("not verified" in row.note) == (row.unit in ("ns", "BX"))


@pytest.mark.parametrize(
    ("clock", "sentence"),
    [
        (Clock.REQUESTED, "timing not verified"),
        (Clock.MET, "met in the vendor's timing report"),
        (Clock.MISSED, "timing report says is missed"),
    ],
)
def test_nanoseconds_say_what_clock_they_rest_on(clock: Clock, sentence: str) -> None:
    """Protects the difference between a requested clock and one that a timing report confirms."""
    rows = latency_figures(
        4, 1, tier=Tier.VENDOR, tool="Vivado", part="", clock_ns=4.0, clock=clock, caution="slack 0.1 ns"
    )
    for row in rows:
        assert row.clock is clock
        assert (row.note.endswith(f"{sentence}; slack 0.1 ns")) == (row.unit in ("ns", "BX"))


@pytest.mark.parametrize(
    ("interval", "clock_ns", "copies", "per_crossing", "sentence"),
    [
        (1, 5.0, 1, 5, "one event per 5 ns: 5 per bunch crossing of 25 ns"),
        (1, 3.0, 1, 8, "one event per 3 ns: 8 per bunch crossing of 25 ns"),
        (5, 5.0, 1, 1, "one event per 25 ns: 1 per bunch crossing of 25 ns"),
        (9, 2.778, 1, 1, "one event per 25.002 ns: 1 per bunch crossing of 25 ns"),
        (10, 5.0, 2, 0, "one event per 50 ns: needs time-multiplexing by 2 at 40 MHz"),
        (11, 5.0, 3, 0, "one event per 55 ns: needs time-multiplexing by 3 at 40 MHz"),
    ],
)
def test_event_rate(interval: int, clock_ns: float, copies: int, per_crossing: int, sentence: str) -> None:
    """Protects the time-multiplexing: whole events per crossing, whole copies, written clock periods."""
    rate = EventRate(interval, clock_ns)
    assert (rate.multiplexing, rate.per_crossing, rate.text) == (copies, per_crossing, sentence)


def test_an_error_stands_beside_the_value() -> None:
    """Protects figures whose error was measured: nobody reads them as counts."""
    estimate = Figure("LUT", 31_205, "", Tier.ESTIMATE, "trigml", "", 5.0, error=6_200)
    assert estimate.text == "31,205 ± 6,200"


def test_a_met_clock_is_that_of_the_rtl_and_not_of_an_estimate() -> None:
    """Protects times measured on the RTL: a vendor's timing report verifies them, no estimate, no cells."""
    measured = latency_figures(4, 1, tier=Tier.MAPPED, tool="Verilator", part="", clock_ns=4.0, note="seen")
    guessed = latency_figures(5, 1, tier=Tier.ESTIMATE, tool="alkaid", part="", clock_ns=4.0)
    cells = Figure("LUT", 100, "", Tier.MAPPED, "Yosys", "", 4.0)
    rows = with_clock([*measured, *guessed, cells], Clock.MET)
    assert all(row.clock is Clock.MET for row in rows[:5])
    assert [row.note for row in rows[:3]] == ["seen", VERIFIED_CLOCK, VERIFIED_CLOCK]
    assert rows[5:] == (*guessed, cells)


def test_tiers_stand_side_by_side() -> None:
    """Protects the order of a report: quantity after quantity, the most trustworthy tier of each first."""

    def row(metric: str, tier: Tier, unit: str = "") -> Figure:
        return Figure(metric, 1, unit, tier, "tool", "", 5.0)

    given = [
        row("latency", Tier.MAPPED, "ns"),
        row("latency", Tier.MAPPED, "cycles"),
        row("LUT", Tier.ESTIMATE),
        row("odd cells", Tier.MAPPED),
        row("FF", Tier.MAPPED),
        row("LUT", Tier.VENDOR),
        row("latency", Tier.VENDOR, "ns"),
    ]
    assert in_order(given) == tuple(given[index] for index in (5, 2, 4, 3, 6, 0, 1))

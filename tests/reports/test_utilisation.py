"""Figures as fractions of a device and of one of its regions."""

from __future__ import annotations

from trigml.devices import load_devices
from trigml.reports.figures import Figure, Tier, latency_figures
from trigml.reports.utilisation import utilisation, utilisation_grid

DEVICES = load_devices()


def figures() -> list[Figure]:
    counts = {"LUT": 43200, "FF": 0, "DSP": 12288, "CARRY": 5, "ALM": 7}
    rows = [Figure(name, value, "", Tier.MAPPED, "tool", "", 5.0) for name, value in counts.items()]
    return [*rows, *latency_figures(3, 1, tier=Tier.MAPPED, tool="tool", part="", clock_ns=5.0)]


def test_resources_are_fractions_of_the_part_and_of_a_region() -> None:
    """43,200 LUTs are 2.5 % of a VU13P and 10 % of one of its four regions; the rest is left out."""
    rows = {row.figure.metric: row for row in utilisation(figures(), DEVICES.part("xcvu13p"))}
    assert list(rows) == ["LUT", "FF", "DSP"]
    assert (rows["LUT"].of_part, rows["LUT"].of_region) == (0.025, 0.1)
    assert (rows["FF"].of_part, rows["FF"].of_region) == (0.0, 0.0)
    assert (rows["DSP"].of_part, rows["DSP"].of_region) == (1.0, 4.0)
    assert rows["LUT"].to_json()["of_region"] == 0.1


def test_the_table_names_part_and_regions() -> None:
    """Per cent of the part and of a region, and whether the part's numbers are verified."""
    vu13p = utilisation_grid(figures(), DEVICES.part("xcvu13p"))
    assert vu13p is not None
    text = vu13p.text()
    for part in ("of xcvu13p", "2.5 %", "10 %", "400 %", "4 super logic regions"):
        assert part in text
    assert "not verified" not in text
    virtex7 = utilisation_grid(figures(), DEVICES.part("xc7vx690t"))
    assert virtex7 is not None
    assert "not verified: AMD DS180" in virtex7.text()
    assert all(row.of_region is None for row in utilisation(figures(), DEVICES.part("xc7vx690t")))


def test_without_a_resource_there_is_no_table() -> None:
    """Latencies alone fill no device."""
    assert utilisation_grid(figures()[5:], DEVICES.part("xcvu13p")) is None


def test_of_two_stages_of_a_build_the_latest_is_shown() -> None:
    """Rows of synthesis and of routing cannot be told apart in this table: the first of each tier counts."""
    rows = [
        Figure("LUT", value, "", tier, "tool", "", 5.0)
        for value, tier in ((400, Tier.VENDOR), (500, Tier.VENDOR), (300, Tier.MAPPED))
    ]
    shown = utilisation(rows, DEVICES.part("xcvu13p"))
    assert [(row.figure.value, row.figure.tier) for row in shown] == [(400, Tier.VENDOR), (300, Tier.MAPPED)]

"""Estimated figures say that they are estimates, and of what."""

from collections.abc import Callable

from trigml.backends.rtl import logic_of
from trigml.graph import Graph
from trigml.reports.estimate import estimated_figures
from trigml.reports.figures import Tier


def test_every_estimate_names_its_tier_tool_and_basis(make_graph: Callable[..., Graph]) -> None:
    """Protects the rows of tier estimate: alkaid's own numbers, its version, and the caution about time."""
    logic = logic_of(make_graph(1), 2.0)
    rows = estimated_figures(logic, clock_ns=2.0)
    values = {(row.metric, row.unit): row.value for row in rows}
    assert values == {
        ("LUT", ""): logic.lut,
        ("FF", ""): logic.register_bits,
        ("DSP", ""): 0,
        ("latency", "cycles"): logic.latency_cycles,
        ("latency", "ns"): 2.0 * logic.latency_cycles,
        ("latency", "BX"): 2.0 * logic.latency_cycles / 25,
        ("initiation interval", "cycles"): 1,
        ("events per bunch crossing", ""): 12,
    }
    assert logic.lut > 0
    assert logic.latency_cycles > 1
    for row in rows:
        assert row.tier is Tier.ESTIMATE
        assert row.tool == "alkaid"
        assert row.version.startswith("0.")
        assert row.clock_ns == 2.0
        if row.metric in ("LUT", "FF", "DSP"):
            assert "not the HLS tool's schedule" in row.note
        if row.unit in ("ns", "BX"):
            assert "timing not verified" in row.note

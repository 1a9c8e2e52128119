"""Estimates of HLS projects: figures with measured errors, or the reason why there are none."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.backends.hls.options import HlsBackend, HlsOptions, IoType, Strategy
from trigml.contract import InputContract
from trigml.estimation import HlsEstimate, estimate_hls
from trigml.estimation.hls import TOOL
from trigml.estimation.stored import shipped_model
from trigml.fixedpoint import FixedPoint
from trigml.graph import Constants, Graph, GraphBuilder
from trigml.graph import operations as ops
from trigml.reports.figures import Tier

VITIS = HlsOptions(HlsBackend.VITIS, "xcvu13p-flga2577-2-e", 5.0)
VIVADO = replace(VITIS, backend=HlsBackend.VIVADO)


def value(estimate: HlsEstimate, metric: str, unit: str = "") -> float:
    """The one figure of a metric and unit."""
    (found,) = [f.value for f in estimate.figures if f.metric == metric and f.unit == unit]
    return found


@pytest.mark.parametrize("options", [VITIS, VIVADO, replace(VITIS, io=IoType.STREAM)], ids=str)
def test_every_figure_tells_its_tool_and_its_measured_error(
    make_graph: Callable[..., Graph], options: HlsOptions
) -> None:
    """Protects what is printed with an estimate: tier, the modelled tool, and the stored errors."""
    found = estimate_hls(make_graph(1), options)
    assert found.refusals == ()
    assert [f.metric for f in found.figures][:4] == ["LUT", "FF", "DSP", "BRAM18"]
    errors = shipped_model().by_network
    for figure in found.figures:
        assert (figure.tier, figure.tool, figure.part) == (Tier.ESTIMATE, TOOL, options.part)
    for figure, spread in zip(found.figures[:2], (errors.lut, errors.ff), strict=True):
        assert f"median {100 * spread.median:.0f} % off, 90 % of the reports" in figure.note
        assert f"within {100 * spread.bar:.0f} % of the estimate" in figure.note
        assert "HLS 20" in figure.note
        assert figure.value > 0
        assert figure.error is not None
        assert figure.error >= 0.99 * spread.bar * figure.value
    for unit in ("cycles", "ns", "BX"):
        (row,) = [f for f in found.figures if f.metric == "latency" and f.unit == unit]
        assert row.error is not None
        assert row.error > 0


def test_errors_of_narrow_words_are_those_of_published_narrow_designs(
    make_graph: Callable[..., Graph],
) -> None:
    """Protects against lending the error of 16-bit reports to 6-bit networks."""
    narrow = estimate_hls(make_graph(1), VITIS)
    wide = estimate_hls(
        make_graph(
            1,
            activation_formats=("ap_ufixed<16,6,RND_CONV,SAT>",),
            input_format="ap_fixed<16,6,RND_CONV,SAT>",
        ),
        VITIS,
    )
    assert "with such narrow words" in narrow.figures[0].note
    assert "with such narrow words" not in wide.figures[0].note
    checks = [c for c in shipped_model().checks if c.is_narrow and c.has_narrow_factors and c.lut]
    worst = max(abs(c.lut[0] - c.lut[1]) / c.lut[1] for c in checks if c.lut)
    assert narrow.figures[0].error == pytest.approx(worst * narrow.figures[0].value, rel=0.02)


def test_more_bits_and_more_layers_cost_more(make_graph: Callable[..., Graph]) -> None:
    """Protects the direction of the model: wider words and more layers never cost less."""
    luts = [
        value(estimate_hls(make_graph(2, input_format=f"ap_fixed<{bits},3,RND_CONV,SAT>"), VITIS), "LUT")
        for bits in (4, 6, 8, 10, 12)
    ]
    assert luts == sorted(luts)
    assert luts[0] < luts[-1]
    sizes = [(8, 8), (8, 8, 8), (8, 8, 8, 8)]
    deeper = [estimate_hls(make_graph(3, sizes=s), VITIS) for s in sizes]
    assert value(deeper[0], "LUT") < value(deeper[1], "LUT") < value(deeper[2], "LUT")
    assert value(deeper[0], "latency", "cycles") < value(deeper[2], "latency", "cycles")


def test_a_slower_clock_takes_fewer_cycles_and_registers(make_graph: Callable[..., Graph]) -> None:
    """Protects the schedule's use of the requested clock, and the caution for clocks without reports."""
    fast, slow = (estimate_hls(make_graph(1), replace(VITIS, clock_ns=ns)) for ns in (2.5, 10.0))
    assert value(fast, "latency", "cycles") > value(slow, "latency", "cycles")
    assert value(fast, "FF") > value(slow, "FF")
    assert "for 5 ns" in next(f.note for f in fast.figures if f.unit == "ns")


def test_wide_products_take_dsp_blocks(make_graph: Callable[..., Graph]) -> None:
    """Protects the passage from logic to DSP blocks at the width that the reports tell."""
    narrow = estimate_hls(make_graph(1, weight_format="ap_fixed<6,1>"), VITIS)
    wide = estimate_hls(
        make_graph(
            1,
            input_format="ap_fixed<16,6,RND_CONV,SAT>",
            activation_formats=("ap_ufixed<16,6,RND_CONV,SAT>",),
        ),
        VITIS,
    )
    assert value(narrow, "DSP") == 0
    assert value(wide, "DSP") > 0


def test_reuse_gives_bounds_and_says_that_the_rest_has_no_basis(make_graph: Callable[..., Graph]) -> None:
    """Protects reuse factors: interval as asked, fewer multipliers, and nothing that no report tells."""
    found = [estimate_hls(make_graph(1), replace(VITIS, reuse_factor=r)) for r in (2, 4, 8)]
    assert [value(e, "initiation interval", "cycles") for e in found] == [2, 4, 8]
    bounds = [value(e, "DSP") for e in found]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] > bounds[-1] > 0
    for estimate in found:
        assert "reuse factor above 1" in estimate.refusals[0]
        assert not {"LUT", "FF", "latency"} & {f.metric for f in estimate.figures}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            replace(VITIS, strategy=Strategy.RESOURCE),
            "dense layer, io_parallel, resource strategy, Vitis HLS",
        ),
        (replace(VITIS, backend=HlsBackend.QUARTUS), "quartus"),
        (replace(VITIS, backend=HlsBackend.ONEAPI), "oneapi"),
    ],
    ids=str,
)
def test_what_no_report_has_is_refused(
    make_graph: Callable[..., Graph], options: HlsOptions, said: str
) -> None:
    """Protects against figures for strategies and tools without a report."""
    found = estimate_hls(make_graph(1), options)
    assert found.figures == ()
    assert said in found.refusals[0]


def image(contract: InputContract, *, filters: int) -> Graph:
    """A convolution of a 6 x 6 image of two channels, or for 0 filters a pool of 2 x 2 cells."""
    builder = GraphBuilder("image")
    last = builder.input("x", (6, 6, 2), contract)
    none = ((0, 0), (0, 0))
    if filters:
        words = np.random.default_rng(1).integers(-500, 500, (3, 3, 2, filters))
        weight = Constants(words, FixedPoint.parse("ap_fixed<16,6>"))
        last = builder.convolution("conv", last, weight, strides=(1, 1), padding=none)
    else:
        last = builder.max_pool("pool", last, pool=(2, 2), strides=(2, 2), padding=none)
    return builder.finish([last])


def test_convolutions_take_their_places_in_turn(make_contract: Callable[..., InputContract]) -> None:
    """Protects the time of convolutions with the resource strategy, and the refusal of the other strategy."""
    graph = image(make_contract(72, "ap_fixed<16,6,RND_CONV,SAT>"), filters=3)
    found = estimate_hls(graph, replace(VIVADO, strategy=Strategy.RESOURCE))
    assert value(found, "initiation interval", "cycles") == 4 * 4
    assert value(found, "latency", "cycles") >= 4 * 4
    assert value(found, "DSP") > 0
    assert "convolution, io_parallel, latency strategy" in estimate_hls(graph, VIVADO).refusals[0]


def test_published_dense_layers_tell_nothing_of_pools(make_contract: Callable[..., InputContract]) -> None:
    """Protects the error of designs without products: that of the reports alone."""
    found = estimate_hls(image(make_contract(72, "ap_fixed<16,6,RND_CONV,SAT>"), filters=0), VITIS)
    bar = shipped_model().by_network.lut.bar
    assert found.figures[0].error == pytest.approx(bar * found.figures[0].value, rel=0.02)
    assert "published" not in found.figures[0].note
    assert value(found, "LUT") == pytest.approx(
        18 * 3 * 39 + 80, rel=0.05
    )  # 39 LUT per comparison of 16 bits


def softmax_like(contract: InputContract) -> Graph:
    """A dense layer with a table behind it."""
    builder = GraphBuilder("tables")
    last = builder.input("x", (4,), contract)
    words = FixedPoint.parse("ap_fixed<4,1>")
    last = builder.dense("sums", last, Constants(np.ones((4, 2), np.int64), words))
    low, high = builder.finish([last]).ranges[last].bounds
    last = builder.table("exp", last, low, np.arange(high - low + 1), FixedPoint.parse("ap_ufixed<12,12>"))
    return builder.finish([last])


def test_an_operation_without_a_report_is_named(make_contract: Callable[..., InputContract]) -> None:
    """Protects the reason given for an operation that was never seen: its name and kind."""
    found = estimate_hls(softmax_like(make_contract(4, "ap_fixed<4,2,RND_CONV,SAT>")), VITIS)
    assert found.figures == ()
    assert found.refusals == (
        "no estimate of the HLS tool's figures: exp (Table): no vendor report of such an operation",
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_network_gets_figures_with_errors_or_reasons(
    random_graphs: ModuleType, data: st.DataObject
) -> None:
    """Protects against crashes, and against a zero where something is not known."""
    graph = data.draw(random_graphs.graphs())
    options = data.draw(st.sampled_from([VITIS, VIVADO, replace(VIVADO, io=IoType.STREAM)]))
    found = estimate_hls(graph, options)
    assert found.figures or found.refusals
    known = (ops.Input, ops.Dense, ops.Relu, ops.Quantize, ops.MaxPool, ops.Convolution, ops.Reshape)
    used = graph.upto(*graph.outputs).operations
    if any(not isinstance(operation, known) for operation in used):
        assert found.figures == ()
    for figure in found.figures:
        assert np.isfinite(figure.value)
        if figure.metric in ("LUT", "FF"):
            assert figure.value > 0
            assert figure.error

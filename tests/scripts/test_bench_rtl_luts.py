"""scripts/bench_rtl_luts.py: the flows that it compares, on a small network."""

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from trigml.backends.rtl import logic_of
from trigml.emulation.numpy_emulator import emulate
from trigml.graph import Graph

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_rtl_luts.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The script as a module."""
    spec = spec_from_file_location("bench_rtl_luts", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look modules up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def graph(make_graph: Callable[..., Graph]) -> Graph:
    """Two hidden layers that round half to even and saturate."""
    return make_graph(
        3,
        sizes=(12, 16, 16, 4),
        input_format="ap_fixed<10,4,RND_CONV,SAT>",
        weight_format="ap_fixed<6,1>",
        bias_format="ap_fixed<6,1>",
        activation_formats=("ap_ufixed<6,3,RND_CONV,SAT>", "ap_ufixed<6,3,RND_CONV,SAT>"),
    )


def test_the_even_flow_is_the_network(
    bench: ModuleType, graph: Graph, make_words: Callable[..., np.ndarray]
) -> None:
    """Protects the comparison: alkaid's flow has the same words, and half up only differs at ties."""
    words = make_words(graph, 3000, 1)
    values = np.ldexp(words.astype(np.float64), -graph.input_fractions)
    expected = np.ldexp(emulate(graph, words).astype(np.float64), -graph.output_fractions)
    even, up = (bench.plain_flow(graph, rule).predict(values) for rule in (bench.half_to_even, bench.half_up))
    np.testing.assert_array_equal(even, expected)
    differing = (up != expected).any(axis=1).mean()
    assert 0 < differing < 1


def test_no_dearer_than_alkaids_own_flow(bench: ModuleType, graph: Graph, tmp_path: Path) -> None:
    """Protects the LUTs: by alkaid's own cost, half to even costs no more here than half up there."""
    flows = [("up", bench.half_up), ("even", bench.half_to_even)]
    up, even = (bench.plain_core(name, graph, rule, 5.0, tmp_path / name) for name, rule in flows)
    ours = bench.our_core(graph, 5.0, tmp_path)
    assert 0 < ours.cost < up.cost < even.cost
    assert ours.cost == pytest.approx(sum(part.cost for part in logic_of(graph, 5.0).pipeline.logic.values()))

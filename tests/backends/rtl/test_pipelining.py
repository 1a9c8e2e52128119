"""Pipelines: no stage slower than the clock by the delay model, and a clear word where that cannot be."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.backends.rtl import Logic, logic_of
from trigml.backends.rtl.pipelining import Delays
from trigml.errors import BadInput
from trigml.graph import Graph


@pytest.fixture(scope="module")
def graph(make_graph: Callable[..., Graph]) -> Graph:
    return make_graph(8, sizes=(4, 6, 3))


def stage_delays(logic: Logic) -> list[float]:
    """The delay of each stage as alkaid's own model finds it in the stages that are written."""
    from alkaid.trace.passes import add_surrogate

    parts = [add_surrogate(part, _skip_op8_cost=True) for part in logic.pipeline.logic.values()]
    return [max(operation.latency for operation in part.ops) for part in parts]


@pytest.mark.parametrize("clock", [2.0, 3.0, 5.0])
def test_no_stage_is_slower_than_the_clock(graph: Graph, clock: float) -> None:
    """Protects 'pipelined for the requested clock': also operations that would begin before a cut count."""
    delays = stage_delays(logic_of(graph, clock))
    assert max(delays) <= clock + 1e-6
    assert len(delays) == 1 or len(delays) * clock < 2 * sum(delays)


@pytest.mark.parametrize("stages", [3, 4, 6, 12])
def test_a_number_of_stages(graph: Graph, stages: int) -> None:
    """Protects --stages: exactly so many, evenly cut, and more than are of use are registers only."""
    logic = logic_of(graph, 5.0, stages)
    assert logic.latency_cycles == stages
    shortest = Delays.of(logic.combinational).shortest_period(stages)
    assert max(stage_delays(logic)) <= shortest + 1e-6
    assert shortest <= Delays.of(logic.combinational).shortest_period(stages - 1)


def test_an_operation_slower_than_the_clock(graph: Graph) -> None:
    """Protects the message: the layer, the operation, its delay, what the delay rests on, and the clock."""
    with pytest.raises(BadInput, match="no pipeline can meet the clock") as error:
        logic_of(graph, 0.9)
    assert "'dense_1', an adder" in str(error.value.where)
    assert error.value.expected == "at most 0.9 ns in a stage"
    assert "by alkaid's delay model (no vendor's timing)" in str(error.value.found)
    assert "slower clock" in str(error.value.remedy)


def test_too_few_stages_for_the_clock(graph: Graph) -> None:
    """Protects --stages against the clock that was asked for: refused, with the number that would do."""
    with pytest.raises(BadInput, match="2 pipeline stages are too few") as error:
        logic_of(graph, 5.0, 2)
    needed = int(str(error.value.remedy).split()[2])
    assert logic_of(graph, 5.0, needed).latency_cycles == needed
    assert logic_of(graph, 100.0, 1).latency_cycles == 1


@st.composite
def delays(draw: st.DrawFn) -> Delays:
    """Operations in any order that logic can have."""
    inputs, own = [], []
    for index in range(draw(st.integers(1, 25))):
        inputs.append(tuple(draw(st.lists(st.integers(0, index - 1), max_size=3)) if index else []))
        own.append(draw(st.sampled_from([0.0, 0.5, 1.1, 1.9])))
    return Delays(tuple(inputs), tuple(own))


@given(delays(), st.floats(2.0, 6.0), st.integers(1, 6))
@settings(deadline=None, max_examples=60)
def test_any_logic(logic: Delays, period: float, count: int) -> None:
    """Protects the cut: in time, never backwards, and no longer than the given number of stages."""
    stages = logic.stages(period)
    assert logic.longest(stages) <= period + 1e-6
    for sources, stage in zip(logic.inputs, stages, strict=True):
        assert all(stages[source] <= stage for source in sources)
    shortest = logic.shortest_period(count)
    assert max(logic.stages(shortest)) < count
    assert logic.slowest <= shortest <= max(logic.slowest, logic.longest([0] * len(stages)))

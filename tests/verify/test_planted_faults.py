"""A fault planted in a stage is found, and the layer that has it is named: NumPy, native C++, logic.

QKeras and the HLS project have theirs in ``test_comparison`` and ``test_hls_exactness``.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from trigml.backends.rtl import logic_of
from trigml.fixedpoint import Rounding
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.verify.comparison import Difference, compare
from trigml.verify.stages import GraphStage, LogicStage, NativeStage, Stage
from trigml.verify.vectors import Vectors, corner_vectors, event_vectors, random_vectors

MakeGraph = Callable[..., Graph]


def with_operation(graph: Graph, name: str, **changes: object) -> Graph:
    """The network with one operation changed; checked, since each stage takes only what is consistent."""
    operations = [replace(o, **changes) if o.name == name else o for o in graph.operations]
    return replace(graph, operations=tuple(operations)).check()


def weight_bit(graph: Graph) -> tuple[Graph, str, int]:
    """The lowest bit of one weight of the second layer."""
    dense = graph["dense_2"]
    assert isinstance(dense, ops.Dense)
    weight = dense.weight.copy()
    weight[1, 3] ^= 1
    return with_operation(graph, "dense_2", weight=weight), "dense_2", 3


def rounding(graph: Graph) -> tuple[Graph, str, None]:
    """Ties away from zero instead of to the even word."""
    format_ = replace(graph["act_1"].format, rounding=Rounding.RND_INF)
    return with_operation(graph, "act_1", format=format_), "act_1", None


def saturation(graph: Graph) -> tuple[Graph, str, None]:
    """A type that is one bit narrower, at the top."""
    format_ = graph["act_1"].format
    narrow = replace(format_, width=format_.width - 1, integer=format_.integer - 1)
    return with_operation(graph, "act_1", format=narrow), "act_1", None


FAULTS = [weight_bit, rounding, saturation]


@pytest.fixture(scope="module")
def graph(make_graph: MakeGraph) -> Graph:
    """Sums one bit finer than the activations: half of them are ties."""
    return make_graph(8, sizes=(3, 5, 4, 2), input_format="ap_fixed<5,3,RND_CONV,SAT>")


def sets_of(graph: Graph) -> list[Vectors]:
    return [corner_vectors(graph), *random_vectors(graph, 4000, seed=5)]


def first_difference(graph: Graph, stage: Stage, sets: list[Vectors]) -> Difference:
    result = compare(GraphStage(graph), [stage], sets).stages[1]
    assert result.differences > 0
    assert result.first is not None
    return result.first


STAGES: dict[str, Callable[[Graph], Stage]] = {
    "numpy": GraphStage,
    "native": NativeStage,
    "logic": lambda graph: LogicStage(logic_of(graph, 5.0)),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found_and_located(
    graph: Graph, stage: str, fault: Callable[[Graph], tuple[Graph, str, int | None]]
) -> None:
    """Protects 'located': the layer with the fault is named, not one behind it, with both words."""
    faulty, layer, element = fault(graph)
    first = first_difference(graph, STAGES[stage](faulty), sets_of(graph))
    assert first.tensor == layer
    assert element is None or first.element == element
    words = np.array([first.inputs])
    assert first.graph == GraphStage(graph.upto(layer)).outputs(Vectors("", words, words))[0, first.element]
    assert first.found == str(
        GraphStage(faulty.upto(layer)).outputs(Vectors("", words, words))[0, first.element]
    )


@pytest.mark.parametrize("stage", STAGES)
def test_without_a_fault_there_is_none(graph: Graph, stage: str) -> None:
    """Protects the tests above: the same stages of the right network agree in every word."""
    result = compare(GraphStage(graph), [STAGES[stage](graph)], sets_of(graph)).stages[1]
    assert (result.differences, result.first) == (0, None)
    assert result.words == 2 * (len(corner_vectors(graph)) + 4000)


@pytest.mark.parametrize("what", ["offset", "shift"])
def test_a_wrong_input_quantiser_is_found(graph: Graph, what: str) -> None:
    """Protects the way from features to words in the native emulator: it is compared, and named."""
    contract = graph.contract
    feature = contract.features[1]
    wrong = (
        replace(feature, offset=feature.offset + contract.lsb(feature))
        if what == "offset"
        else replace(feature, shift=feature.shift + 1, offset=0.0)
    )
    features = (contract.features[0], wrong, *contract.features[2:])
    faulty = replace(graph, contracts=(replace(contract, features=features),))
    stage = NativeStage(faulty)
    on_grid, off_grid = random_vectors(graph, 400, seed=1)
    assert compare(GraphStage(graph), [stage], [on_grid]).first_difference is None  # words need no quantiser
    events = event_vectors(graph, contract.physical(on_grid.words).astype(np.float32), "events")
    for vectors in (events, off_grid):
        first = first_difference(graph, stage, [vectors])
        assert (first.tensor, first.element) == ("quantised", 1)


def test_the_native_input_quantiser_saturates_and_rounds(make_graph: MakeGraph) -> None:
    """Protects the off-grid vectors' reach: features beyond both ends, and ties, agree word by word."""
    graph = make_graph(2, input_format="ap_fixed<8,3,RND_CONV,SAT_SYM>")
    _, off_grid = random_vectors(graph, 20_000, seed=4)
    assert off_grid.features is not None
    scaled = np.ldexp(graph.contract.normalise(off_grid.features), graph.contract.format.fraction)
    assert (np.abs(scaled % 1) == 0.5).mean() > 0.1
    assert (scaled > graph.contract.format.max_word + 1).mean() > 0.05
    assert compare(GraphStage(graph), [NativeStage(graph)], [off_grid]).first_difference is None

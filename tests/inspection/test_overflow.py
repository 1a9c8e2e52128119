"""What is said of overflow is true: by brute force over every input of tiny networks, and by hand."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, fit_into
from trigml.fixedpoint.words import rounded
from trigml.graph import Constants, Graph, GraphBuilder
from trigml.graph import operations as ops
from trigml.inspection.overflow import Verdict, Witness, declared_finding, overflow_findings
from trigml.inspection.witnesses import Inputs

MakeGraph = Callable[..., Graph]


@pytest.fixture(scope="session")
def assert_shows(exact_arithmetic: ModuleType) -> Callable[..., None]:
    """``assert_shows(graph, tensor, format, witness)``: emulated, its word is what the witness says."""
    return partial(_assert_shows, exact_arithmetic)


def _assert_shows(
    exact_arithmetic: ModuleType, graph: Graph, tensor: str, format_: FixedPoint, witness: Witness
) -> None:
    words = np.array([witness.words], dtype=np.int64)
    source = emulate(graph.upto(tensor), words)[0].reshape(graph[tensor].shape)[witness.element]
    value = Fraction(int(source)) * exact_arithmetic.lsb_of(graph[tensor].format)
    assert witness.exact == exact_arithmetic.rounded(
        value / exact_arithmetic.lsb_of(format_), format_.rounding
    )
    assert not format_.holds(witness.exact, witness.exact)
    assert witness.stored == exact_arithmetic.fitted(witness.exact, format_)


def overflows_somewhere(graph: Graph, tensor: str, format_: FixedPoint, words: np.ndarray) -> bool:
    exact = rounded(emulate_tensors(graph, words)[tensor], graph[tensor].format.fraction, format_)
    return not format_.holds(int(exact.min()), int(exact.max()))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_declared_types_against_every_input(
    random_graphs: ModuleType, assert_shows: Callable[..., None], data: st.DataObject
) -> None:
    """Protects the verdicts: a type that 'never overflows' never does, one that 'overflows' is shown to."""
    graph: Graph = data.draw(random_graphs.graphs(tiny=True, most=3))
    note(random_graphs.described(graph))
    tensor = data.draw(st.sampled_from([operation.name for operation in graph.operations]))
    format_ = data.draw(random_graphs.formats(6))
    found = declared_finding(graph, tensor, format_, [])
    truth = overflows_somewhere(graph, tensor, format_, random_graphs.all_input_words(graph))
    finding = found.overflow
    note(f"{tensor} {format_} {finding}")
    if finding.verdict is Verdict.FITS:
        assert not truth
    if finding.verdict is Verdict.SHOWN:
        assert finding.witness is not None
        assert_shows(graph, tensor, format_, finding.witness)
    else:
        assert finding.witness is None
    if truth:  # no verdict that calms down
        assert finding.verdict in (Verdict.SHOWN, Verdict.POSSIBLE)
    if found.exact:
        words = random_graphs.all_input_words(graph)
        source = emulate_tensors(graph, words)[tensor]
        shift = format_.fraction - graph[tensor].format.fraction
        stored = fit_into(rounded(source, graph[tensor].format.fraction, format_), format_)
        np.testing.assert_array_equal(np.ldexp(stored.astype(float), -shift), source.astype(float))


@pytest.mark.parametrize("kind", [ops.Dense, ops.Convolution, ops.Sum, ops.Subtract])
@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_first_layers_are_decided_exactly(
    random_graphs: ModuleType, kind: type[ops.Operation], data: st.DataObject
) -> None:
    """Protects exactness where it is possible: for what is affine in the inputs, nothing stays undecided."""
    graph: Graph = data.draw(random_graphs.graphs(tiny=True, most=0, last=kind))
    note(random_graphs.described(graph))
    tensor = graph.operations[-1].name
    format_ = data.draw(random_graphs.formats(6))
    finding = declared_finding(graph, tensor, format_, []).overflow
    truth = overflows_somewhere(graph, tensor, format_, random_graphs.all_input_words(graph))
    assert finding.verdict is (Verdict.SHOWN if truth else Verdict.FITS)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_the_networks_own_rules(
    random_graphs: ModuleType, assert_shows: Callable[..., None], data: st.DataObject
) -> None:
    """Protects the report of a network's own types: what wraps is shown, what saturates is not searched."""
    graph: Graph = data.draw(random_graphs.graphs(tiny=True, last=ops.Quantize, most=2))
    note(random_graphs.described(graph))
    words = random_graphs.all_input_words(graph)
    for finding in overflow_findings(graph, [Inputs("every input", words)]):
        operation = graph[finding.tensor]
        assert finding.format == operation.format
        if isinstance(operation, ops.AveragePool):
            continue
        (source,) = operation.inputs
        truth = overflows_somewhere(graph, source, operation.format, words)
        if operation.format.overflow in (Overflow.SAT, Overflow.SAT_SYM):
            assert finding.verdict in (Verdict.FITS, Verdict.SATURATES)
            assert not (truth and finding.verdict is Verdict.FITS)
            continue
        assert (finding.verdict is Verdict.SHOWN) == truth
        if finding.witness is not None:
            assert_shows(graph, source, operation.format, finding.witness)
            assert finding.witness.origin == "every input"


def test_a_mean_that_wraps(make_contract: Callable[..., InputContract]) -> None:
    """Protects means: their overflow rule acts on the rounded mean, and the witness shows it."""
    builder = GraphBuilder("network")
    builder.input("x", (4, 1), make_contract(4, "ap_fixed<6,6,RND_CONV,SAT>"))
    narrow = FixedPoint.parse("ap_fixed<5,5,RND,WRAP>")
    builder.average_pool("mean", "x", (2,), strides=(2,), padding=((0, 0),), format_=narrow)
    (finding,) = overflow_findings(builder.finish(["mean"]), [])
    assert (finding.verdict, finding.needed) == (Verdict.SHOWN, (-32, 31))
    assert finding.witness is not None
    words = np.array(finding.witness.words)
    (place, _) = finding.witness.element
    mean = np.floor(words[2 * place : 2 * place + 2].mean() + 0.5)
    assert finding.witness.exact == mean
    assert not narrow.holds(int(mean), int(mean))


def test_behind_quantisers_a_witness_is_searched(
    make_graph: MakeGraph, assert_shows: Callable[..., None]
) -> None:
    """Protects the search: deep in a network, from nothing at hand, an input is found."""
    graph = make_graph(4)
    low, high = graph.ranges["dense_3"].bounds
    width = graph["dense_3"].format.width
    format_ = FixedPoint(True, width - 2, width - 2 - graph["dense_3"].format.fraction)
    assert not format_.holds(low, high)
    finding = declared_finding(graph, "dense_3", format_, []).overflow
    assert finding.verdict is Verdict.SHOWN
    assert finding.witness is not None
    assert finding.witness.origin == "search"
    assert_shows(graph, "dense_3", format_, finding.witness)


def test_what_cancels_never_overflows(make_contract: Callable[..., InputContract]) -> None:
    """Protects exact extremes: x - x is zero, though the intervals do not know it."""
    builder = GraphBuilder("network")
    builder.input("x", (2,), make_contract(2, "ap_fixed<6,3,RND_CONV,SAT>"))
    builder.subtract("zero", ["x", "x"])
    graph = builder.finish(["zero"])
    finding = declared_finding(graph, "zero", FixedPoint.parse("ap_fixed<4,1>"), []).overflow
    assert (finding.verdict, finding.exactly) == (Verdict.FITS, True)


def test_what_cannot_be_shown_is_said_so(make_contract: Callable[..., InputContract]) -> None:
    """Protects honesty: behind a quantiser the same cancellation is neither proven nor shown."""
    builder = GraphBuilder("network")
    builder.input("x", (2,), make_contract(2, "ap_fixed<6,3,RND_CONV,SAT>"))
    builder.quantize("coarse", "x", FixedPoint.parse("ap_fixed<5,3,RND_CONV,SAT>"))
    builder.subtract("zero", ["coarse", "coarse"])
    graph = builder.finish(["zero"])
    finding = declared_finding(graph, "zero", FixedPoint.parse("ap_fixed<4,1>"), []).overflow
    assert (finding.verdict, finding.witness) == (Verdict.POSSIBLE, None)


def test_a_type_by_hand(make_contract: Callable[..., InputContract]) -> None:
    """Protects the numbers: needed words, width, dropped bits, partial sums, the physical input."""
    builder = GraphBuilder("network")
    contract = make_contract(2, "ap_fixed<4,4,RND_CONV,SAT>")
    builder.input("x", (2,), contract)
    weight = Constants(np.array([[3], [-2]]), FixedPoint.parse("ap_fixed<4,2>"))
    builder.dense("y", "x", weight, Constants(np.array([8]), FixedPoint.parse("ap_fixed<5,3>")))
    graph = builder.finish(["y"])
    # y = 8 + 3 a - 2 b in units of 1/4, a and b from -8 to 7: from -30 to 45.
    found = declared_finding(graph, "y", FixedPoint.parse("ap_fixed<5,4>"), [])
    assert found.overflow.needed == (-15, 22)
    assert found.overflow.needed_width == 6
    assert found.dropped_bits == 1
    assert found.partial_sums is not None
    assert found.partial_sums[:2] == (-38, 45)
    witness = found.overflow.witness
    assert witness is not None
    assert (witness.words, witness.exact, witness.stored) == ((7, -8), 22, -10)
    physical = contract.physical(np.array([[7, -8]]))[0]
    assert witness.features == tuple(
        (f.name, value, f.unit) for f, value in zip(contract.features, physical, strict=True)
    )
    np.testing.assert_array_equal(contract.words(physical[None]), [[7, -8]])
    assert declared_finding(graph, "y", graph["y"].format, []).exact
    wide = replace(graph["y"].format, width=60, integer=50)
    assert declared_finding(graph, "y", wide, []).exact


def test_a_layer_that_is_not_there(make_graph: MakeGraph) -> None:
    """Protects the message for a wrong name."""
    with pytest.raises(BadInput, match="the network has no layer 'dense_9'") as caught:
        declared_finding(make_graph(1), "dense_9", FixedPoint.parse("ap_fixed<8,4>"), [])
    assert "dense_1" in str(caught.value)

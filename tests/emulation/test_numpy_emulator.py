"""The NumPy emulator against plain Python integers and fractions."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from trigml.emulation import numpy_emulator
from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.errors import BadInput
from trigml.fixedpoint import Overflow, Rounding
from trigml.graph import Graph, Operation
from trigml.graph.operations import KINDS

MakeGraph = Callable[..., Graph]


@st.composite
def format_texts(draw: st.DrawFn, *, signed: bool | None = None, modes: bool = True) -> str:
    width = draw(st.integers(2, 12))
    integer = draw(st.integers(-2, width + 2))
    prefix = "ap_fixed" if (draw(st.booleans()) if signed is None else signed) else "ap_ufixed"
    if not modes:
        return f"{prefix}<{width},{integer}>"
    rounding, overflow = draw(st.sampled_from(Rounding)), draw(st.sampled_from(Overflow))
    return f"{prefix}<{width},{integer},{rounding},{overflow}>"


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    input_bits=st.integers(2, 12),
    weight_format=format_texts(signed=True, modes=False),
    bias_format=format_texts(modes=False),
    activation_formats=st.lists(format_texts(), min_size=1, max_size=2),
)
def test_random_dense_networks_against_exact_arithmetic(
    make_graph: MakeGraph,
    make_words: Callable[..., np.ndarray],
    exact_arithmetic: ModuleType,
    seed: int,
    input_bits: int,
    **shape: Any,
) -> None:
    """Protects chains of layers: each word of each tensor, for all roundings and overflows."""
    graph = make_graph(seed, input_format=f"ap_fixed<{input_bits},3,RND_CONV,SAT>", **shape)
    words = make_words(graph, 6, seed)
    tensors = emulate_tensors(graph, words)
    assert list(tensors) == [operation.name for operation in graph.operations]
    for event, inputs in enumerate(words.tolist()):
        for name, expected in exact_arithmetic.exact_words(graph, inputs).items():
            assert tensors[name][event].tolist() == expected.tolist(), name
    np.testing.assert_array_equal(emulate(graph, words), tensors[graph.outputs[0]])


@pytest.mark.parametrize("kind", KINDS[1:], ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=40)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_each_operation_against_exact_arithmetic(
    random_graphs: ModuleType,
    exact_arithmetic: ModuleType,
    kind: type[Operation],
    data: st.DataObject,
    seed: int,
) -> None:
    """Protects every operation's meaning, behind any others: each word of each tensor and the rows."""
    graph = data.draw(random_graphs.graphs(last=kind, most=3))
    note(random_graphs.described(graph))
    assert isinstance(graph.operations[-1], kind)
    words = random_graphs.random_input_words(graph, 4, seed)
    tensors = emulate_tensors(graph, words)
    rows = emulate(graph, words)
    assert rows.shape == (4, graph.n_out)
    for event, inputs in enumerate(words.tolist()):
        expected = exact_arithmetic.exact_words(graph, inputs)
        for name, tensor in expected.items():
            assert tensors[name].dtype == np.int64
            assert tensors[name][event].tolist() == tensor.tolist(), name
        assert rows[event].tolist() == [w for name in graph.outputs for w in expected[name].ravel()]


def test_sums_at_the_end_of_float64(make_graph: MakeGraph, exact_arithmetic: ModuleType) -> None:
    """Protects accumulators of the full 53 bits: the last bit is still there."""
    graph = make_graph(
        5,
        sizes=(4, 3),
        input_format="ap_fixed<24,24,RND_CONV,SAT>",
        weight_format="ap_fixed<27,27>",
        bias_format="ap_fixed<20,20>",
    )
    assert graph.output.format.width in (52, 53)
    low, high = graph.inputs[0].format.min_word, graph.inputs[0].format.max_word
    words = np.random.default_rng(0).choice([low, low + 1, high, high - 1], (50, 4)).astype(np.int64)
    for event, inputs in zip(emulate(graph, words).tolist(), words.tolist(), strict=True):
        assert event == exact_arithmetic.exact_words(graph, inputs)["dense_1"].tolist()


def test_chunks_join(
    make_graph: MakeGraph, make_words: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the order and number of events over chunk boundaries."""
    graph = make_graph(2)
    words = make_words(graph, 37)
    expected = emulate(graph, words)
    monkeypatch.setattr(numpy_emulator, "CHUNK_WORDS", 25)
    np.testing.assert_array_equal(emulate(graph, words), expected)
    np.testing.assert_array_equal(emulate_tensors(graph, words)["dense_3"], expected)


def test_no_events(make_graph: MakeGraph) -> None:
    """Protects empty input: empty output of the right shape and type."""
    graph = make_graph(2)
    nothing = np.empty((0, 3), dtype=np.int64)
    assert emulate(graph, nothing).shape == (0, 2)
    assert emulate(graph, nothing).dtype == np.int64
    assert {name: tensor.shape for name, tensor in emulate_tensors(graph, nothing).items()} == {
        operation.name: (0, *operation.shape) for operation in graph.operations
    }


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_no_events_in_any_network(random_graphs: ModuleType, data: st.DataObject) -> None:
    """Protects empty input through every operation, also windows, reductions and reshapes."""
    graph = data.draw(random_graphs.graphs())
    note(random_graphs.described(graph))
    nothing = np.empty((0, graph.n_in), dtype=np.int64)
    assert emulate(graph, nothing).shape == (0, graph.n_out)
    for name, tensor in emulate_tensors(graph, nothing).items():
        assert (tensor.shape, tensor.dtype) == ((0, *graph[name].shape), np.int64), name


def test_words_that_do_not_fit_are_refused(make_graph: MakeGraph) -> None:
    """Protects against silent wrapping, casting and broadcasting of the input."""
    graph = make_graph(2)
    for words in (
        np.zeros((4, 2), dtype=np.int64),
        np.zeros(3, dtype=np.int64),
        np.zeros((4, 3, 1), dtype=np.int64),
        np.zeros((4, 3)),
        np.zeros((4, 3), dtype=np.int32),
    ):
        with pytest.raises(BadInput, match="do not fit the network") as error:
            emulate(graph, words)
        assert error.value.expected == "int64 (events, 3)"
    for outside in (-129, 128):
        words = np.zeros((4, 3), dtype=np.int64)
        words[2, 1] = outside
        with pytest.raises(BadInput, match="outside the range of the input format"):
            emulate(graph, words)

"""The NumPy emulator against plain Python integers and fractions."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.emulation import numpy_emulator
from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.graph import Graph, Operation
from trigml.graph.operations import Dense, Input, Quantize, Relu

MakeGraph = Callable[..., Graph]


def rounded(value: Fraction, rounding: Rounding) -> int:
    """To an integer; ties as the mode says."""
    down, up = math.floor(value), math.ceil(value)
    towards_zero = down if value > 0 else up
    match rounding:
        case Rounding.TRN:
            return down
        case Rounding.TRN_ZERO:
            return towards_zero
    if value - down != Fraction(1, 2):
        return math.floor(value + Fraction(1, 2))
    return {
        Rounding.RND: up,
        Rounding.RND_MIN_INF: down,
        Rounding.RND_ZERO: towards_zero,
        Rounding.RND_INF: up if value > 0 else down,
        Rounding.RND_CONV: down if down % 2 == 0 else up,
    }[rounding]


def fitted(word: int, format_: FixedPoint) -> int:
    """Into the range, as the overflow mode says."""
    if format_.min_word <= word <= format_.max_word:
        return word
    match format_.overflow:
        case Overflow.SAT | Overflow.SAT_SYM:
            return format_.min_word if word < 0 else format_.max_word
        case Overflow.SAT_ZERO:
            return 0
    return (word - format_.min_word) % 2**format_.width + format_.min_word


def slowly(graph: Graph, words: list[int]) -> dict[str, list[int]]:
    """One event through the graph, value by value, as the docstrings of the operations say."""
    values: dict[str, list[Fraction]] = {}

    def evaluated(operation: Operation) -> list[Fraction]:
        lsb = Fraction(2) ** -operation.format.fraction
        match operation:
            case Input():
                return [word * lsb for word in words]
            case Dense():
                bias_lsb = Fraction(2) ** -operation.bias_format.fraction
                weight_lsb = Fraction(2) ** -operation.weight_format.fraction
                x = values[operation.inputs[0]]
                return [
                    int(operation.bias[j]) * bias_lsb
                    + sum(x[i] * int(operation.weight[i, j]) * weight_lsb for i in range(len(x)))
                    for j in range(len(operation.bias))
                ]
            case Relu():
                return [max(value, Fraction(0)) for value in values[operation.inputs[0]]]
            case Quantize():
                exact = [value / lsb for value in values[operation.inputs[0]]]
                format_ = operation.format
                return [fitted(rounded(value, format_.rounding), format_) * lsb for value in exact]
        raise AssertionError(operation)

    for operation in graph.operations:
        values[operation.name] = evaluated(operation)
    scaled = {
        name: [value * Fraction(2) ** graph[name].format.fraction for value in tensor]
        for name, tensor in values.items()
    }
    assert all(word.denominator == 1 for tensor in scaled.values() for word in tensor)
    return {name: [int(word) for word in tensor] for name, tensor in scaled.items()}


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
def test_random_graphs_against_exact_arithmetic(
    make_graph: MakeGraph, make_words: Callable[..., np.ndarray], seed: int, input_bits: int, **shape: Any
) -> None:
    """Protects every operation's meaning: each word of each tensor, for all roundings and overflows."""
    graph = make_graph(seed, input_format=f"ap_fixed<{input_bits},3,RND_CONV,SAT>", **shape)
    words = make_words(graph, 6, seed)
    tensors = emulate_tensors(graph, words)
    assert list(tensors) == [operation.name for operation in graph.operations]
    for event, inputs in enumerate(words.tolist()):
        for name, expected in slowly(graph, inputs).items():
            assert tensors[name][event].tolist() == expected, name
    np.testing.assert_array_equal(emulate(graph, words), tensors[graph.outputs[0]])


def test_sums_at_the_end_of_float64(make_graph: MakeGraph) -> None:
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
        assert event == slowly(graph, inputs)["dense_1"]


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

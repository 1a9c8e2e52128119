"""The inputs of the comparison reach every corner that they are meant to reach."""

from collections.abc import Callable

import numpy as np
import pytest

from trigml.fixedpoint import to_values, to_words
from trigml.graph import Graph
from trigml.verify.vectors import corner_vectors, event_vectors, random_vectors

MakeGraph = Callable[..., Graph]
FORMATS = ["ap_fixed<8,3,RND_CONV,SAT>", "ap_ufixed<6,2,RND_CONV,SAT>", "ap_fixed<24,24,RND_CONV,SAT_SYM>"]
ONE_BIT = ["ap_fixed<1,1,RND_CONV,SAT>", "ap_ufixed<1,1,RND_CONV,SAT>"]


@pytest.mark.parametrize("format_", FORMATS + ONE_BIT)
def test_corners(make_graph: MakeGraph, format_: str) -> None:
    """Protects the corners: all at an end, all zero, one LSB beside it, and each input alone at an end."""
    graph = make_graph(1, sizes=(4, 2), input_format=format_)
    contract = graph.contract
    vectors = corner_vectors(graph)
    low, high = contract.format.min_word, contract.format.max_word
    rows = {tuple(row) for row in vectors.words.tolist()}
    assert low <= vectors.words.min()
    assert vectors.words.max() <= high
    assert {(low,) * 4, (high,) * 4, (0,) * 4, (min(1, high),) * 4, (max(-1, low),) * 4} <= rows
    for i in range(4):
        assert tuple(low if j == i else high for j in range(4)) in rows
        assert tuple(high if j == i else low for j in range(4)) in rows
    np.testing.assert_array_equal(vectors.inputs, to_values(vectors.words, contract.format.fraction))
    assert vectors.words.dtype == np.int64


@pytest.mark.parametrize("format_", FORMATS)
def test_random_vectors(make_graph: MakeGraph, format_: str) -> None:
    """Protects the random inputs: half on the grid; half off it, with ties, beyond both ends."""
    graph = make_graph(1, sizes=(4, 2), input_format=format_)
    contract = graph.contract
    on_grid, off_grid = random_vectors(graph, 8001, seed=3)
    assert (len(on_grid), len(off_grid)) == (4000, 4001)
    low, high = contract.format.min_word, contract.format.max_word
    for vectors in (on_grid, off_grid):
        assert low <= vectors.words.min()
        assert vectors.words.max() <= high
        np.testing.assert_array_equal(vectors.inputs, vectors.inputs.astype(np.float32))
        np.testing.assert_array_equal(vectors.words, to_words(vectors.inputs, contract.format))
    np.testing.assert_array_equal(on_grid.inputs, to_values(on_grid.words, contract.format.fraction))
    span = high - low
    assert on_grid.words.min() < low + span // 100 + 1
    assert on_grid.words.max() > high - span // 100 - 1
    scaled = np.ldexp(off_grid.inputs, contract.format.fraction)
    assert (scaled < low - 1).mean() > 0.1
    assert (scaled > high + 1).mean() > 0.1
    inside = scaled[(scaled > low) & (scaled < high)]
    assert (inside % 1 != 0).mean() > 0.2
    if contract.format.width < 24:
        assert 0.2 < (inside % 1 == 0.5).mean() < 0.3


def test_random_vectors_repeat_with_their_seed(make_graph: MakeGraph) -> None:
    """Protects reproducibility."""
    graph = make_graph(1, sizes=(4, 2), input_format=FORMATS[0])
    for ours, again, other in zip(
        random_vectors(graph, 50, 1),
        random_vectors(graph, 50, 1),
        random_vectors(graph, 50, 2),
        strict=True,
    ):
        np.testing.assert_array_equal(ours.inputs, again.inputs)
        assert (ours.inputs != other.inputs).any()


def test_events_pass_the_contract(make_graph: MakeGraph) -> None:
    """Protects the way of physical events: words by the contract, model inputs from the words."""
    graph = make_graph(1, input_format=FORMATS[0])
    contract = graph.contract
    features = np.random.default_rng(0).normal(0, 5, (40, 3))
    vectors = event_vectors(graph, features, "test split")
    assert vectors.name == "test split"
    assert len(vectors) == 40
    np.testing.assert_array_equal(vectors.words, contract.words(features))
    np.testing.assert_array_equal(vectors.inputs, contract.model_inputs(vectors.words))

"""Weights and products are counted as one would by hand."""

from itertools import product
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from trigml.contract import InputContract
from trigml.fixedpoint import FixedPoint
from trigml.graph import Constants, GraphBuilder
from trigml.graph import operations as ops
from trigml.graph.network import words_in
from trigml.graph.products import Products, products_of, products_per_event

INPUT = FixedPoint.parse("ap_fixed<6,3,RND_CONV,SAT>")
WEIGHT = FixedPoint.parse("ap_fixed<6,2>")


def constants(*words: object) -> Constants:
    return Constants(np.array(words, dtype=np.int64), WEIGHT)


def builder_with(*shape: int) -> GraphBuilder:
    builder = GraphBuilder("network")
    builder.input("x", shape, InputContract.plain("x", words_in(shape), INPUT))
    return builder


def test_a_dense_layer() -> None:
    """Protects the counts of a layer: zeros, powers of two of either sign, biases that are there."""
    builder = builder_with(3)
    builder.dense("y", "x", constants([0, 3], [-4, 5], [1, -7]), constants(0, 2))
    graph = builder.finish(["y"])
    assert products_of(graph, graph["y"]) == Products(
        weights=6, zeros=1, biases=1, products=6, multiplications=3
    )
    assert products_of(graph, graph["x"]) == Products()
    assert products_per_event(graph) == 6


def test_a_dense_layer_at_every_particle() -> None:
    """Protects shared weights: they count once as weights, and per particle as products."""
    builder = builder_with(5, 2)
    builder.dense("y", "x", constants([3], [4]))
    graph = builder.finish(["y"])
    assert products_of(graph, graph["y"]) == Products(
        weights=2, zeros=0, biases=0, products=10, multiplications=5
    )


def test_padding_does_not_count() -> None:
    """Protects convolutions: 3 taps over 4 cells with one cell of padding on either side are 10 products."""
    builder = builder_with(4, 1)
    kernel = np.array([[[3]], [[2]], [[5]]])
    builder.convolution("y", "x", Constants(kernel, WEIGHT), strides=(1,), padding=((1, 1),))
    graph = builder.finish(["y"])
    assert products_of(graph, graph["y"]) == Products(
        weights=3, zeros=0, biases=0, products=3 + 4 + 3, multiplications=3 + 3
    )


def test_the_product_of_two_tensors() -> None:
    """Protects multiplications without weights."""
    builder = builder_with(4)
    builder.multiply("y", ["x", "x"])
    graph = builder.finish(["y"])
    assert products_of(graph, graph["y"]) == Products(products=4, multiplications=4)


@pytest.mark.parametrize("kind", [ops.Dense, ops.Scale, ops.Convolution, ops.DepthwiseConvolution])
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_products_one_by_one(
    random_graphs: ModuleType,
    exact_arithmetic: ModuleType,
    kind: type[ops.Linear],
    data: st.DataObject,
) -> None:
    """Protects every kind, stride, padding and dilation: as many products as the exact reference forms."""
    graph = data.draw(random_graphs.graphs(last=kind, most=1))
    note(random_graphs.described(graph))
    operation = graph.operations[-1]
    assert isinstance(operation, ops.Linear)
    source = graph[operation.inputs[0]].shape
    weights = [
        weight
        for index in product(*map(range, operation.shape))
        for _, weight in exact_arithmetic.terms_of(operation, source, index)
    ]
    counted = products_of(graph, operation)
    assert counted.products == len(weights)
    assert counted.multiplications == sum(bin(abs(weight)).count("1") > 1 for weight in weights)
    assert counted.zeros == np.count_nonzero(operation.weight == 0)

"""``GraphBuilder``: the narrowest exact formats, the shapes, and clear refusals."""

from dataclasses import fields, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import BrokenInvariant, Constants, Graph, GraphBuilder
from trigml.graph import operations as ops


def builder_of(
    *shapes: tuple[int, ...], format_: str = "ap_fixed<6,3,RND_CONV,SAT>", name: str = "net"
) -> GraphBuilder:
    """Inputs ``x0``, ``x1`` …"""
    builder = GraphBuilder(name)
    for number, shape in enumerate(shapes):
        contract = InputContract.plain(f"x{number}", int(np.prod(shape)), FixedPoint.parse(format_))
        builder.input(f"x{number}", shape, contract)
    return builder


def constants_of(words: Any, format_: str = "ap_fixed<6,3>") -> Constants:
    return Constants(np.array(words, dtype=np.int64), FixedPoint.parse(format_))


def with_format(graph: Graph, name: str, format_: FixedPoint) -> Graph:
    operations = [replace(o, format=format_) if o.name == name else o for o in graph.operations]
    return replace(graph, operations=tuple(operations))


CHOSEN = (ops.Input, ops.Quantize, ops.AveragePool, ops.Table)
"""Operations whose format the caller chooses."""


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_formats_are_the_narrowest(random_graphs: ModuleType, data: st.DataObject) -> None:
    """Protects resources and exactness: a bit less is refused, no sign is there for nothing."""
    graph = data.draw(random_graphs.graphs())
    note(random_graphs.described(graph))
    for operation in graph.operations:
        if isinstance(operation, CHOSEN):
            continue
        format_ = operation.format
        assert format_ == format_.exact()
        low, high = graph.ranges[operation.name].bounds
        if not isinstance(operation, ops.Linear):  # partial sums have both signs
            assert format_.signed == (low < 0), operation.name
        if format_.width > 1:
            narrower = replace(format_, width=format_.width - 1, integer=format_.integer - 1)
            assert isinstance(operation, ops.Linear) or not narrower.holds(low, high)
            with pytest.raises(BrokenInvariant):
                with_format(graph, operation.name, narrower).check()


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_the_builder_knows_what_the_graph_proves(random_graphs: ModuleType, data: st.DataObject) -> None:
    """Protects that ranges and shapes found while building are those of the finished graph."""
    graph = data.draw(random_graphs.graphs())
    again = GraphBuilder(graph.name)
    for operation, contract in zip(graph.inputs, graph.contracts, strict=True):
        again.input(operation.name, operation.shape, contract)
    for operation in graph.operations[len(graph.inputs) :]:
        again._add(operation)
    for name, interval in graph.ranges.items():
        np.testing.assert_array_equal(interval.low, again.ranges[name].low)
        np.testing.assert_array_equal(interval.high, again.ranges[name].high)
    finished = again.finish(graph.outputs)
    assert finished.digest == graph.digest
    shown = fields(ops.Operation)
    for ours, theirs in zip(finished.operations, graph.operations, strict=True):
        assert all(getattr(ours, f.name) == getattr(theirs, f.name) for f in shown)


def test_no_bias_is_a_bias_of_zero() -> None:
    """Protects layers without bias: zeros that cost neither a bit nor a sign."""
    builder = builder_of((3, 2))
    weight = constants_of([[1, 2, 3], [4, 5, 6]])
    builder.dense("without", "x0", weight)
    builder.dense("with_zeros", "x0", weight, constants_of([0, 0, 0], "ap_ufixed<1,1>"))
    builder.scale("scaled", "x0", constants_of([1, -1]))
    builder.convolution("conv", "x0", constants_of(np.ones((2, 2, 4))), strides=[1], padding=((0, 0),))
    builder.convolution(
        "depthwise", "x0", constants_of(np.ones((2, 2, 3))), strides=[1], padding=((0, 0),), depthwise=True
    )
    without, zeros = builder["without"], builder["with_zeros"]
    assert without.format == zeros.format
    sizes = {"without": 3, "scaled": 2, "conv": 4, "depthwise": 6}
    for name, count in sizes.items():
        operation = builder[name]
        assert isinstance(operation, ops.Linear)
        assert operation.bias.tolist() == [0] * count
        assert operation.format.fraction == 6


def test_an_exact_mean_has_the_bits_for_it() -> None:
    """Protects average pools without a format: of 1, 2 and 4 cells nothing is rounded."""
    builder = builder_of((3, 3, 1), format_="ap_fixed<4,4,RND_CONV,SAT>")
    padding = ((1, 0), (1, 0))
    builder.average_pool("mean", "x0", (2, 2), strides=(2, 2), padding=padding)
    assert builder["mean"].format == FixedPoint.parse("ap_fixed<6,4>")
    graph = builder.finish(["mean"])
    words = np.array([[7, -8, 3, 1, 1, 0, -1, 0, 5]], dtype=np.int64)
    # Windows hold 1, 2, 2 and 4 cells; words of the mean have two more fractional bits.
    assert emulate(graph, words).tolist() == [[28, -10, 0, 6]]


def test_a_mean_of_three_needs_a_format() -> None:
    """Protects against silent rounding: a mean without a finite binary form is refused without a format."""
    builder = builder_of((4, 1))
    with pytest.raises(BadInput, match="mean of 3 values has no finite binary form") as error:
        builder.average_pool("mean", "x0", (3,), strides=(1,), padding=((0, 0),))
    assert error.value.where == "mean"
    with pytest.raises(BadInput, match="mean of 3 values"):
        builder.average_pool("mean", "x0", (4,), strides=(1,), padding=((1, 0),))
    builder.average_pool("mean", "x0", (3,), strides=(1,), padding=((0, 0),), format_=FixedPoint(True, 4, 2))
    assert builder["mean"].format == FixedPoint(True, 4, 2)


def test_a_name_twice_is_refused() -> None:
    """Protects names: two layers with one C++ name are one clear error, and the first one stays."""
    builder = builder_of((3,))
    builder.relu("act", "x0")
    for again in ("act", "x0"):
        with pytest.raises(BadInput, match=f"another layer is called '{again}'"):
            builder.permute(again, "x0", [0])
    assert list(builder.operations) == ["x0", "act"]


def test_accumulators_beyond_float64_are_refused() -> None:
    """Protects exactness in Keras: more than 53 bits are refused, with the layer and the number of bits."""
    builder = builder_of((8,), format_="ap_fixed<24,24,RND_CONV,SAT>")
    weight = Constants(np.full((8, 1), (1 << 25) - 1, dtype=np.int64), FixedPoint(True, 26, 26))
    builder.dense("fits", "x0", weight)
    assert builder["fits"].format.width == 52
    with pytest.raises(BadInput, match="wider than float64 can check") as error:
        builder.dense("more", "x0", Constants(weight.words * 4, FixedPoint(True, 28, 28)))
    assert (error.value.where, error.value.found) == ("more", "54 bits")
    assert "more" not in builder.operations


def test_shapes_that_do_not_go_together_are_refused() -> None:
    """Protects the message: the layer, what was expected, and the shapes that were found."""
    builder = builder_of((3,), (2, 2))
    with pytest.raises(BadInput, match="shapes around a layer") as error:
        builder.add("sum", ["x0", "x1"])
    assert error.value.where == "sum"
    assert error.value.expected == "shapes that are equal but for axes of length 1"
    assert error.value.found == "(3,), (2, 2)"
    with pytest.raises(BadInput, match="shapes around a layer"):
        builder.convolution("conv", "x1", constants_of(np.ones((3, 2, 1))), strides=[1], padding=((0, 0),))
    with pytest.raises(BadInput, match="shapes around a layer"):
        builder.reshape("other", "x1", (-2, -2))


def test_slopes_and_limits_that_have_no_meaning() -> None:
    """Protects LeakyRelu and Clip from arguments that the operations do not define."""
    builder = builder_of((3,))
    with pytest.raises(BadInput, match="slope above 1"):
        builder.leaky_relu("leaky", "x0", -1)
    with pytest.raises(BadInput, match="wrong order"):
        builder.clip("clip", "x0", 3, 2)
    assert list(builder.operations) == ["x0"]


def test_kept_and_dropped_axes() -> None:
    """Protects reductions: kept axes have length 1, dropped ones are gone, and the words are the same."""
    builder = builder_of((2, 3, 2))
    builder.sum("dropped", "x0", [1, 0])
    builder.sum("kept", "x0", [1, 0], keep_axes=True)
    builder.maximum("everything", "x0", [0, 1, 2])
    assert builder["dropped"].shape == (2,)
    assert builder["kept"].shape == (1, 1, 2)
    assert builder["everything"].shape == (1,)
    graph = builder.finish(["dropped", "kept", "everything"])
    words = np.arange(-6, 6, dtype=np.int64)[None]
    assert emulate(graph, words).tolist() == [[-6, 0, -6, 0, 5]]

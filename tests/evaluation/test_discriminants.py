"""Integers that a classifier's words become."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.contract import InputContract, InputFeature
from trigml.errors import BadInput
from trigml.evaluation.discriminants import discriminants_of
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder


def network(*formats: str, labels: tuple[str, ...] = ()) -> Graph:
    """A network that hands its inputs on, one output word of each format."""
    builder = GraphBuilder("network")
    tensors = []
    for place, text in enumerate(formats):
        format_ = FixedPoint.parse(text.replace(">", ",RND_CONV,SAT>"))
        contract = InputContract((InputFeature(f"x{place}", "", 0.0, 0),), format_)
        tensors.append(builder.input(f"in_{place}", (1,), contract))
    return builder.finish(tensors, labels)


WORDS = st.lists(st.tuples(*[st.integers(-128, 127)] * 3), min_size=1, max_size=20)


@given(WORDS)
def test_the_integers_are_those_of_plain_arithmetic(rows: list[tuple[int, int, int]]) -> None:
    """Protects the arithmetic, from int8 words whose differences leave int8, and the proven bounds."""
    graph = network(*["ap_fixed<8,8>"] * 3)
    words = np.array(rows, dtype=np.int8)
    for found, place in zip(discriminants_of(graph, ("a", "b", "c")), range(3), strict=True):
        expected = [row[place] - max(row[:place] + row[place + 1 :]) for row in rows]
        assert found.of(words).tolist() == expected
        assert found.bounds == (-255, 255)
        assert found.bits == 9
    (one,) = discriminants_of(graph, ("a", "b", "c"), ("c",), "a")
    assert one.of(words).tolist() == [row[2] - row[0] for row in rows]


@given(WORDS)
def test_words_of_other_scales_are_compared_as_values(rows: list[tuple[int, int, int]]) -> None:
    """Protects the shifts: order and size are those of the values, in units of the finest LSB."""
    graph = network("ap_fixed<8,8>", "ap_fixed<8,5>", "ap_fixed<8,7>")
    words = np.array(rows)
    values = words * np.array([1, 1 / 8, 1 / 2])
    (found,) = discriminants_of(graph, ("a", "b", "c"), ("b",))
    assert (found.lsb, found.shifts) == (1 / 8, (3, 0, 2))
    np.testing.assert_array_equal(
        found.of(words) * found.lsb, values[:, 1] - np.maximum(values[:, 0], values[:, 2])
    )
    low, high = found.bounds
    assert -(2 ** (found.bits - 1)) <= low <= found.of(words).min()
    assert found.of(words).max() <= high < 2 ** (found.bits - 1)
    assert found.formula == "b − max(a·2^3, c·2^2)"


def test_which_ones_are_made() -> None:
    """Protects the defaults: each class against the rest, or each other class against the background."""
    graph = network(*["ap_fixed<8,8>"] * 3, labels=("a", "b", "c"))
    classes = ("a", "b", "c")
    assert [found.name for found in discriminants_of(graph, classes)] == [
        "a against the rest",
        "b against the rest",
        "c against the rest",
    ]
    assert [found.formula for found in discriminants_of(graph, classes, (), "b")] == ["a − b", "c − b"]


@pytest.mark.parametrize(
    ("classes", "signals", "background", "message"),
    [
        (("a", "b"), (), None, "one output word per class"),
        (("b", "a", "c"), (), None, "another order"),
        (("a", "b", "c"), ("d",), None, "no class 'd'"),
        (("a", "b", "c"), (), "B", "did you mean 'b'"),
        (("a", "b", "c"), ("a", "a"), None, "twice"),
        (("a", "b", "c"), ("a",), "a", "signal and background at once"),
    ],
)
def test_what_makes_none(
    classes: tuple[str, ...], signals: tuple[str, ...], background: str | None, message: str
) -> None:
    """Protects against scores of another class, or of none."""
    graph = network(*["ap_fixed<8,8>"] * 3, labels=("a", "b", "c"))
    with pytest.raises(BadInput, match=message):
        discriminants_of(graph, classes, signals, background)


def test_a_network_with_one_word_or_too_wide_ones_is_refused() -> None:
    """Protects against a regressor taken for a classifier, and against integers that floats cannot count."""
    with pytest.raises(BadInput, match="one output word per class"):
        discriminants_of(network("ap_fixed<8,8>"), ("energy",))
    with pytest.raises(BadInput, match="too wide"):
        discriminants_of(network("ap_fixed<40,40>", "ap_fixed<40,10>"), ("a", "b"))

"""The softmax in integers: what its docstring promises, for any logits."""

import numpy as np
import pytest

from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder
from trigml.graph.softmax import MOST_CLASSES, SOFTMAX_ERROR, softmax


def softmax_of(classes: int, format_: str) -> Graph:
    builder = GraphBuilder("network")
    contract = InputContract.plain("x", classes, FixedPoint.parse(format_))
    source = builder.input("x", (classes,), contract)
    return builder.finish([softmax(builder, "p", source)])


@pytest.mark.parametrize(
    ("classes", "format_"),
    [
        (2, "ap_fixed<12,4,RND_CONV,SAT>"),
        (5, "ap_fixed<16,6,RND_CONV,SAT>"),
        (64, "ap_fixed<8,3,RND_CONV,SAT>"),
    ],
)
def test_the_error_bound(classes: int, format_: str) -> None:
    """Protects the stated error: logits close together, far apart, equal, and all over the range."""
    graph = softmax_of(classes, format_)
    input_format = graph.inputs[0].format
    random = np.random.default_rng(0)
    parts = [
        random.integers(-(1 << bits), 1 << bits, (3000, classes))
        for bits in (1, 4, 7, input_format.width - 1)
    ]
    corners = np.array([[input_format.min_word] * classes, [input_format.max_word] * classes])
    words = np.concatenate([*parts, corners])
    words = np.clip(words, input_format.min_word, input_format.max_word)
    logits = np.ldexp(words.astype(np.float64), -input_format.fraction)
    real = np.exp(logits - logits.max(axis=1, keepdims=True))
    real /= real.sum(axis=1, keepdims=True)
    found = np.ldexp(emulate(graph, words).astype(np.float64), -graph.output.format.fraction)
    assert np.abs(found - real).max() <= SOFTMAX_ERROR


def test_too_many_classes_are_refused() -> None:
    """Protects the tables' size and the error bound, which hold for so many classes only."""
    with pytest.raises(BadInput, match=f"more than its tables hold(.|\n)*at most {MOST_CLASSES}"):
        softmax_of(MOST_CLASSES + 1, "ap_fixed<8,3,RND_CONV,SAT>")

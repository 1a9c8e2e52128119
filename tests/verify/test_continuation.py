"""The graph's own last operations, behind what a stage has before them."""

import numpy as np

from trigml.contract import InputContract
from trigml.fixedpoint import FixedPoint
from trigml.graph import GraphBuilder
from trigml.verify.continuation import continued_outputs


def test_what_is_no_word_shows() -> None:
    """Protects against a wrong value that the graph's own operations would hide: its event differs."""
    format_ = FixedPoint.parse("ap_fixed<4,4,RND_CONV,SAT>")
    builder = GraphBuilder("net")
    source = builder.input("x", (1,), InputContract.plain("x", 1, format_))
    table = np.arange(16) % 3
    graph = builder.finish([builder.table("t", source, -8, table, FixedPoint.parse("ap_ufixed<2,2>"))])
    values = np.array([[-8.0], [0.5], [7.0], [8.0], [-9.0], [np.nan], [np.inf], [-1e300], [0.0]])
    rows = continued_outputs(graph, {"x": values})
    words = [0, 2, 8]
    np.testing.assert_array_equal(rows[words, 0], table[[0, 15, 8]])
    assert np.isnan(np.delete(rows, words)).all()

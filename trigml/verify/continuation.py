"""Outputs of a stage that does not compute the graph's last operations: a softmax by tables, say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trigml.emulation.numpy_emulator import continued
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.verify.stage import Scaled


def continued_outputs(graph: Graph, found: Mapping[str, Scaled]) -> Scaled:
    """The graph's outputs, its own operations going on from what a stage has before them.

    Args:
        graph: the network.
        found: tensors of the stage in units of their LSB, (events, *shape).

    Returns:
        (events, n_out) float64; NaN, which equals nothing, for events with a value that is no word of its
        tensor: from such a value nothing follows.
    """
    words: dict[str, IntArray] = {}
    follows = np.ones(len(next(iter(found.values()))), dtype=bool)
    for name, values in found.items():
        format_ = graph[name].format
        is_word = (values == np.rint(values)) & (values >= format_.min_word) & (values <= format_.max_word)
        words[name] = np.where(is_word, values, 0).astype(np.int64)
        follows &= is_word.reshape(len(values), -1).all(axis=1)
    rows = graph.output_rows(continued(graph, words)).astype(np.float64)
    rows[~follows] = np.nan
    return rows

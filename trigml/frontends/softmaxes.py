"""Softmax in a Keras model: left away at the end of the network, or made of tables."""

from __future__ import annotations

from trigml.frontends.context import Context, Value
from trigml.frontends.keras_calls import Call
from trigml.frontends.options import Softmax
from trigml.graph.softmax import SOFTMAX_ERROR, softmax


def append_softmax(context: Context, call: Call, source: Value, name: str) -> Value:
    """The logits, marked; or the softmax along the last axis, as tables.

    Raises:
        Refused: the tables cannot be made.
    """
    if context.options.softmax is Softmax.LOGITS:
        context.note(
            f"{call.layer.name} ({call.kind}): the softmax is left away; the outputs are the logits, "
            "which have the same order"
        )
        return Value(source.tensor, quantised=source.quantised, softmax=True)
    context.note(
        f"{call.layer.name} ({call.kind}): the softmax is made of tables, within {SOFTMAX_ERROR:g} "
        "of the real one; Keras is compared up to its logits"
    )
    context.logits[call] = source.tensor
    return Value(softmax(context.graph, name, source.tensor, context.network.fresh))

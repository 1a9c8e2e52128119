"""The QKeras model as a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trigml.graph import Graph
from trigml.progress import Progress
from trigml.verify.continuation import continued_outputs
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors

if TYPE_CHECKING:
    from trigml.frontends.options import ConversionOptions


class KerasStage:
    """The QKeras model, in a float type in which it is exact.

    A softmax that the graph has as tables is not what Keras computes: Keras is compared up to the
    logits, and the graph's own operations go on from Keras' logits.

    Args:
        model: a built QKeras model.
        graph: its integer network.
        options: how it was converted; not needed for the model of a run.
    """

    name = "QKeras"

    def __init__(self, model: Any, graph: Graph, options: ConversionOptions | None = None) -> None:
        from trigml.frontends.keras_reference import KerasReference
        from trigml.legacy_keras import load

        self._graph = graph
        self._reference = KerasReference(model, graph, options)
        self.version = f"qkeras {load().versions['qkeras']}, {self._reference.float_type}"

    @property
    def may_round(self) -> tuple[str, ...]:
        """Tensors at which even float64 could round."""
        return self._reference.may_round

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Tensors that are the graph's own, from Keras' logits on."""
        return self._reference.not_compared

    def outputs(self, vectors: Vectors) -> Scaled:
        """The model's outputs."""
        if not self.not_compared:
            return self._reference.outputs(vectors.inputs)
        return continued_outputs(self._graph, self._reference.tensors(vectors.inputs))

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Outputs of the layers that are tensors of the graph."""
        return dict(self._reference.tensors(vectors.inputs))

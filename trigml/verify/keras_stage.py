"""The QKeras model as a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trigml.graph import Graph
from trigml.progress import Progress
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors

if TYPE_CHECKING:
    from trigml.frontends.options import ConversionOptions


class KerasStage:
    """The QKeras model, in a float type in which it is exact.

    Args:
        model: a built QKeras model.
        graph: its integer network.
        options: how it was converted; not needed for the model of a run.
    """

    name = "QKeras"

    def __init__(self, model: Any, graph: Graph, options: ConversionOptions | None = None) -> None:
        from trigml.frontends.keras_reference import KerasReference
        from trigml.legacy_keras import load

        self._reference = KerasReference(model, graph, options)
        self.version = f"qkeras {load().versions['qkeras']}, {self._reference.float_type}"

    @property
    def may_round(self) -> tuple[str, ...]:
        """Tensors at which QKeras itself could round (float32 inside of quantized_relu)."""
        return self._reference.may_round

    def outputs(self, vectors: Vectors) -> Scaled:
        """The model's outputs."""
        return self._reference.outputs(vectors.inputs)

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Outputs of the layers that are tensors of the graph."""
        return dict(self._reference.tensors(vectors.inputs))

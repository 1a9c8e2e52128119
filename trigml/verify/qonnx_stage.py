"""The stage of qonnx's executor: an exported model, or someone's QONNX file itself."""

from __future__ import annotations

from importlib.metadata import version

from trigml.progress import Progress
from trigml.qonnx_model import QonnxModel, executed
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors


class QonnxStage:
    """A QONNX model in qonnx's executor, which computes in float32.

    Args:
        model: the model; its inputs receive values that may lie off the grid, its own quantisers round them.
    """

    name = "QONNX"

    def __init__(self, model: QonnxModel) -> None:
        self._model = model
        self.version = f"qonnx {version('qonnx')}, onnxruntime {version('onnxruntime')}"

    @property
    def may_round(self) -> tuple[str, ...]:
        """Tensors at which float32 itself could round."""
        return self._model.may_round

    def outputs(self, vectors: Vectors) -> Scaled:
        """The model's outputs."""
        graph = self._model.graph
        return graph.output_rows(executed(self._model, vectors.inputs, graph.outputs))

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Every tensor that the model shares with the graph, in the graph's order."""
        names = [o.name for o in self._model.graph.operations if o.name in self._model.places]
        return dict(executed(self._model, vectors.inputs, names))

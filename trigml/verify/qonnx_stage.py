"""The stage of qonnx's executor: an exported model, or someone's QONNX file itself."""

from __future__ import annotations

from importlib.metadata import version

from trigml.progress import Progress
from trigml.qonnx_model import QonnxModel, executed
from trigml.verify.continuation import continued_outputs
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors


class QonnxStage:
    """A QONNX model in qonnx's executor, which computes in float32.

    A softmax that the graph has as tables is not what the executor computes: it is compared up to the
    logits, and the graph's own operations go on from the executor's logits.

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

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Outputs that are the graph's own."""
        return tuple(name for name in self._model.graph.outputs if name not in self._model.places)

    def outputs(self, vectors: Vectors) -> Scaled:
        """The model's outputs."""
        graph = self._model.graph
        if not self.not_compared:
            return graph.output_rows(executed(self._model, vectors.inputs, graph.outputs))
        return continued_outputs(graph, executed(self._model, vectors.inputs, self._shared()))

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Every tensor that the model shares with the graph, in the graph's order."""
        return dict(executed(self._model, vectors.inputs, self._shared()))

    def _shared(self) -> list[str]:
        return [o.name for o in self._model.graph.operations if o.name in self._model.places]

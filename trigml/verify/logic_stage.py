"""The logic of the estimate as a stage."""

from __future__ import annotations

from trigml.backends.rtl import Combinational, combinational_of
from trigml.graph.operations import Input
from trigml.progress import Progress
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors


class LogicStage:
    """The shift-and-add logic that the estimate is made from, in alkaid's interpreter.

    Args:
        logic: the logic of the graph; pipeline registers would not change a word.
    """

    name = "logic (alkaid)"

    def __init__(self, logic: Combinational) -> None:
        self._logic = logic
        self.version = logic.tool

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs of the logic."""
        return self._logic.outputs(vectors.words)

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Every layer, each from logic that ends there: the logic of the whole network is one piece."""
        graph = self._logic.graph
        tensors: dict[str, Scaled] = {}
        layers = [operation for operation in graph.operations if not isinstance(operation, Input)]
        with progress.task("building the logic layer by layer", len(layers)) as task:
            for operation in layers:
                task.advance(note=operation.name)
                rows = combinational_of(graph.upto(operation.name)).outputs(vectors.words)
                tensors[operation.name] = rows.reshape(len(rows), *operation.shape)
        return tensors

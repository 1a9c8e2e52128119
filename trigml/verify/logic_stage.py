"""The logic of the estimate as a stage."""

from __future__ import annotations

from trigml.backends.rtl import Logic
from trigml.progress import Progress
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors


class LogicStage:
    """The shift-and-add logic that the estimate is made from, in alkaid's interpreter.

    Args:
        logic: the logic of the graph.
    """

    name = "logic (alkaid)"

    def __init__(self, logic: Logic) -> None:
        self._logic = logic
        self.version = logic.tool

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs of the logic."""
        return self._logic.outputs(vectors.words)

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Only the output: the logic is one piece."""
        return {self._logic.graph.outputs[0]: self.outputs(vectors)}

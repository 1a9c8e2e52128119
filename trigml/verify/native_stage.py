"""The native emulator, generated C++ behind its own input quantiser, as a stage."""

from __future__ import annotations

import numpy as np

from trigml.graph import Graph
from trigml.progress import Progress
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors


class NativeStage:
    """The native emulator.

    Where there are physical features, it gets these, so that its input quantiser is part of what is compared;
    elsewhere it gets words.

    Args:
        graph: a checked graph.

    Raises:
        BadInput: the graph has no native form.
        MissingTool: no C++ compiler.
        ToolFailed: the compiler failed.
    """

    name = "native"

    def __init__(self, graph: Graph) -> None:
        from trigml.emulation.native import Emulator

        self._emulator = Emulator(graph)
        self.version = self._emulator.tool

    def outputs(self, vectors: Vectors) -> Scaled:
        """Output words."""
        if vectors.features is not None:
            return np.asarray(self._emulator.predict(vectors.features))
        return np.asarray(self._emulator.predict_words(vectors.words))

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Words of every tensor, those of the input quantiser too where there are features."""
        given = vectors.words if vectors.features is None else vectors.features
        return dict(self._emulator.tensors(given))

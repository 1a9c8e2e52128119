"""The reference stage: the graph in the NumPy emulator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.graph import Graph
from trigml.progress import Progress
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors


@dataclass(frozen=True)
class GraphStage:
    """The reference: the graph in the NumPy emulator."""

    graph: Graph
    name: str = "graph"

    @property
    def version(self) -> str:
        """NumPy's version."""
        return f"numpy {np.__version__}"

    def outputs(self, vectors: Vectors) -> Scaled:
        """Output words."""
        return emulate(self.graph, vectors.words)

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Words of every tensor."""
        return dict(emulate_tensors(self.graph, vectors.words))

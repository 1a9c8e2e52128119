"""The compiled C++ of an HLS project as a stage."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trigml.backends.hls import HlsProject
from trigml.backends.hls.writer import write_layers
from trigml.graph import Graph
from trigml.progress import Progress
from trigml.toolchains.hls_emulation import HlsEmulation, compile_emulation
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors


class HlsStage:
    """The C++ of the HLS project, compiled with g++.

    Args:
        graph: the network.
        project: its HLS project.
        scratch: a folder for compiling, kept by the caller as long as the stage is used.
    """

    def __init__(self, graph: Graph, project: HlsProject, scratch: Path) -> None:
        from importlib.metadata import version

        self._graph = graph
        self._project = project
        self._scratch = scratch
        self._emulation: HlsEmulation = compile_emulation(graph, project, scratch)
        self.name = f"HLS C++ ({project.options.backend.value}, {project.options.io.value})"
        self.version = f"hls4ml {version('hls4ml')}, {self._emulation.compiler}"

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs of the compiled project."""
        return self._emulation.outputs(vectors.words)

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Every layer, each from a project that ends there.

        hls4ml's own tracing does not work in every backend (in Quartus' stream mode each trace shows the
        output), so the project is written and compiled up to each layer in turn.
        """
        tensors: dict[str, Scaled] = {}
        layers: Sequence[Any] = self._project.layers
        with progress.task("compiling the HLS project layer by layer", len(layers) - 1) as task:
            for end in range(2, len(layers) + 1):
                tensor = layers[end - 1].tensor
                part = self._graph.upto(tensor)
                project = write_layers(part, layers[:end], self._project.options)
                with tempfile.TemporaryDirectory(dir=self._scratch) as scratch:
                    emulation = compile_emulation(part, project, Path(scratch))
                    tensors[tensor] = emulation.outputs(vectors.words)
                task.advance(note=tensor)
        return tensors

"""The compiled C++ of an HLS project as a stage."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from trigml.backends.hls.passes import tappable, with_outputs
from trigml.backends.hls.writer import HlsProject, write_layers
from trigml.graph import Graph
from trigml.graph.network import words_in
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

    def __init__(
        self, graph: Graph, project: HlsProject, scratch: Path, *, optimisation: str = "-O2"
    ) -> None:
        from importlib.metadata import version

        self._graph = graph
        self._project = project
        self._scratch = scratch
        self._emulation: HlsEmulation = compile_emulation(graph, project, scratch, optimisation=optimisation)
        self.name = f"HLS C++ ({project.options.backend.value}, {project.options.io.value})"
        self.version = f"hls4ml {version('hls4ml')}, {self._emulation.compiler}"

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs of the compiled project."""
        return self._emulation.outputs(vectors.words)

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Every layer, from the same layers with a port at each.

        hls4ml's own tracing does not work in every backend (in Quartus' stream mode each trace shows the
        output), so a second project is written and compiled, in which every tensor leaves the network.
        """
        layers = self._project.layers
        names = tappable(layers, self._project.options.io)
        shown = self._graph.upto(*names)
        project = write_layers(shown, with_outputs(layers, names), self._project.options)
        with (
            progress.task("compiling the HLS project with a port at every layer", 1) as task,
            tempfile.TemporaryDirectory(dir=self._scratch) as scratch,
        ):
            emulation = compile_emulation(shown, project, Path(scratch), optimisation="-O0")
            rows = emulation.outputs(vectors.words)
            task.advance()
        ends = np.cumsum([words_in(operation.shape) for operation in shown.results])
        parts = np.split(rows, ends[:-1], axis=1)
        return {
            operation.name: part.reshape(len(rows), *operation.shape)
            for operation, part in zip(shown.results, parts, strict=True)
        }

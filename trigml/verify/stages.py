"""Stages: the things that can compute the network's outputs, seen from where they are compared."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trigml.backends.hls import HlsProject
from trigml.backends.hls.writer import write_layers
from trigml.backends.rtl import Logic
from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.graph import Graph
from trigml.progress import Progress
from trigml.toolchains.hls_emulation import HlsEmulation, compile_emulation
from trigml.verify.vectors import Vectors

Scaled = NDArray[Any]
"""Outputs in units of the tensor's LSB: int64 words, or float64 that are integers if all is exact."""


class Stage(Protocol):
    """Something that computes the network."""

    @property
    def name(self) -> str:
        """Name for tables."""

    @property
    def version(self) -> str:
        """The tool that does it, with its version."""

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs (events, n_out) in units of the output LSB."""

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Tensors by name in units of their LSB, as many as the stage can show; for few events."""


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


class KerasStage:
    """The QKeras model, in a float type in which it is exact.

    Args:
        model: a built QKeras model.
        graph: its integer network.
    """

    name = "QKeras"

    def __init__(self, model: Any, graph: Graph) -> None:
        from trigml.frontends.keras_reference import KerasReference
        from trigml.legacy_keras import load

        self._reference = KerasReference(model, graph)
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


def only(vectors: Vectors, event: int) -> Vectors:
    """One event of a set."""
    return replace(vectors, inputs=vectors.inputs[event : event + 1], words=vectors.words[event : event + 1])

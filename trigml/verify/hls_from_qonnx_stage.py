"""The stage of a QONNX model that hls4ml reads and g++ compiles."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from trigml.backends.hls.from_qonnx import project_from_qonnx
from trigml.backends.hls.options import HlsOptions
from trigml.progress import Progress
from trigml.qonnx_model import QonnxModel
from trigml.toolchains.hls_emulation import compile_emulation
from trigml.verify.stage import Scaled
from trigml.verify.vectors import Vectors


class HlsFromQonnxStage:
    """The C++ that hls4ml makes of a QONNX model by itself, compiled with g++.

    Args:
        model: the exported model.
        options: of the project; its backend has to compile with g++.
        scratch: a folder for compiling, kept by the caller as long as the stage is used.

    Raises:
        NotReadByHls4ml: hls4ml reads an operation not at all, or not exactly.
    """

    def __init__(self, model: QonnxModel, options: HlsOptions, scratch: Path) -> None:
        project = project_from_qonnx(model.proto, model.graph, options)
        self._emulation = compile_emulation(model.graph, project, scratch, optimisation="-O1")
        self.name = f"hls4ml from QONNX ({options.backend.value}, {options.io.value})"
        self.version = f"hls4ml {version('hls4ml')}, {self._emulation.compiler}"

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs of the compiled project."""
        return self._emulation.outputs(vectors.words)

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """None: hls4ml's layers have lost the names of the graph's tensors, and some are merged."""
        return {}

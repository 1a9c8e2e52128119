"""What a model can be exported as."""

from __future__ import annotations

from enum import StrEnum


class ExportKind(StrEnum):
    """What a model can be exported as."""

    ONNX = "onnx"  # the float reference of a run
    QONNX = "qonnx"  # the integer graph, with Quant nodes
    EMULATOR = "emulator"  # the integer graph as C++ with a C interface

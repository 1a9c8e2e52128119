"""The stages: the things that can compute the network's outputs. Each has a module of its own."""

from trigml.verify.graph_stage import GraphStage
from trigml.verify.hls_stage import HlsStage
from trigml.verify.keras_stage import KerasStage
from trigml.verify.logic_stage import LogicStage
from trigml.verify.native_stage import NativeStage
from trigml.verify.qonnx_stage import QonnxStage
from trigml.verify.rtl_stage import RtlStage
from trigml.verify.stage import Scaled, Stage

__all__ = [
    "GraphStage",
    "HlsStage",
    "KerasStage",
    "LogicStage",
    "NativeStage",
    "QonnxStage",
    "RtlStage",
    "Scaled",
    "Stage",
]

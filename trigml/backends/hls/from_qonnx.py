"""The exported QONNX file as hls4ml itself reads it: a second way to an HLS project, to check the file with.

``trigml synth`` writes its projects from the graph. Here hls4ml's own ONNX converter reads the file, after the
steps that its documentation asks for: qonnx's cleanup, channels last, Gemm as MatMul. hls4ml takes the formats
of activations and weights from the ``Quant`` nodes, and infers the types of sums from them, exactly. What it
does not infer, it is told: the type of the input port, the default type, the types of means.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trigml.backends.hls.calls import hls4ml_calls, project_files
from trigml.backends.hls.layers import spelled
from trigml.backends.hls.options import HlsOptions
from trigml.backends.hls.writer import HlsProject
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.fixedpoint.format import MAX_WIDTH
from trigml.graph import Graph
from trigml.problems import Problem
from trigml.graph import operations as ops


def project_from_qonnx(proto: Any, graph: Graph, options: HlsOptions) -> HlsProject:
    with tempfile.TemporaryDirectory(prefix="trigml_hls_") as scratch:
        folder = Path(scratch) / "project"
        with hls4ml_calls(options.backend):
            model = prepared(proto)
            configuration = _configuration(model, graph, options)
            from hls4ml.converters import convert_from_onnx_model

            written = convert_from_onnx_model(
                model,
                output_dir=str(folder),
                project_name=graph.name,
                backend=options.backend.hls4ml_name,
                part=options.part,
                clock_period=options.clock_ns,
                io_type=f"io_{options.io.value}",
                hls_config=configuration,
                write_tar=False,
            )
            written.write()
        global LAST
        LAST = (model, written)
        files = project_files(
            folder, stamp=str(written.config.config.get("Stamp", "")), replacement=f"g{graph.digest[:7]}"
        )
    return HlsProject(graph.name, files, options, (), ())


def prepared(proto):
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    model = cleanup_model(ModelWrapper(proto, make_deepcopy=True))
    model = model.transform(ConvertToChannelsLastAndClean(make_input_channels_last=False))
    return cleanup_model(model.transform(GemmToMatMul()))


def _configuration(model, graph, options):
    from hls4ml.utils import config_from_onnx_model

    wide = spelled(_wide(graph))
    configuration = config_from_onnx_model(
        model, granularity="name", backend=options.backend.hls4ml_name, default_precision=wide
    )
    layers = configuration["LayerName"]
    for value, operation in zip(model.graph.input, graph.inputs, strict=True):
        layers[value.name]["Precision"]["result"] = spelled(operation.format.exact())
    for node in model.graph.node:
        if node.op_type == "AveragePool":
            layers[node.name]["Precision"] |= {"accum": wide, "result": wide}
    return configuration


def _wide(graph):
    formats = [o.format for o in graph.operations]
    for o in graph.operations:
        if isinstance(o, ops.Linear):
            formats += [o.weight_format, o.bias_format]
    more = max(
        [0]
        + [
            (int.bit_length(__import__("math").prod(o.pool) - 1))
            for o in graph.operations
            if isinstance(o, ops.AveragePool)
        ]
    )
    i = max(f.integer for f in formats) + 1 + more
    fr = max(f.fraction for f in formats) + more
    return FixedPoint(True, i + fr, i)

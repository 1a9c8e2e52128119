"""The exported QONNX file as hls4ml itself reads it: a second way to an HLS project, to check the file.

``trigml synth`` writes its projects from the graph. Here hls4ml's own ONNX converter reads the file, after
the steps that its documentation asks for: qonnx's cleanup, channels last, Gemm as MatMul. hls4ml takes the
formats of activations and weights from the ``Quant`` nodes, and infers types that hold every sum. It is told
the type of the input ports, and a default type in which every tensor of the graph is exact.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.backends.hls.calls import hls4ml_calls, project_files
from trigml.backends.hls.layers import spelled
from trigml.backends.hls.options import HlsOptions
from trigml.backends.hls.writer import HlsProject
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Rounding
from trigml.fixedpoint.format import MAX_WIDTH
from trigml.graph import Graph, Operation
from trigml.graph import operations as ops

_WITHOUT_READER = {
    ops.Clip: "Clip",
    ops.Table: "Gather",
    ops.Sum: "ReduceSum",
    ops.Maximum: "ReduceMax",
    ops.ArgMax: "ArgMax",
    ops.Slice: "Slice",
}
"""Operations whose ONNX node hls4ml does not read."""
_REMEDY = "write the file without --check-hls; trigml synth makes an exact project from the graph"


@dataclass(frozen=True, slots=True)
class Unread:
    """An operation that hls4ml does not read, or not exactly.

    Attributes:
        layer: name of the operation.
        kind: class of the operation.
        why: what hls4ml does or cannot do.
    """

    layer: str
    kind: str
    why: str

    def __str__(self) -> str:
        return f"{self.layer} ({self.kind}): {self.why}"


class NotReadByHls4ml(BadInput):
    """A graph whose QONNX file hls4ml does not read, or not exactly; ``problems`` has all the reasons."""

    def __init__(self, graph: str, problems: Sequence[Unread]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "hls4ml cannot read this network from QONNX exactly:\n  - " + "\n  - ".join(map(str, problems)),
            where=f"network {graph!r}",
            remedy=_REMEDY,
        )


def project_from_qonnx(proto: Any, graph: Graph, options: HlsOptions) -> HlsProject:
    """The project that hls4ml makes of a QONNX model.

    Args:
        proto: the ``onnx.ModelProto`` as exported; it is not changed.
        graph: what it was exported from.
        options: backend, part, clock and the rest.

    Raises:
        NotReadByHls4ml: hls4ml reads an operation not at all, or not exactly.
        ToolFailed: hls4ml or qonnx failed.
    """
    refuse_unread(graph)
    with tempfile.TemporaryDirectory(prefix="trigml_hls_") as scratch:
        folder = Path(scratch) / "project"
        with hls4ml_calls(options.backend, _REMEDY):
            from hls4ml.converters import convert_from_onnx_model

            prepared = _prepared(proto)
            _check_order(prepared, graph)
            model = convert_from_onnx_model(
                prepared,
                output_dir=str(folder),
                project_name=graph.name,
                backend=options.backend.hls4ml_name,
                part=options.part,
                clock_period=options.clock_ns,
                io_type=f"io_{options.io.value}",
                write_tar=False,
                hls_config=_configuration(prepared, graph, options),
            )
            model.write()
        stamp = str(model.config.config.get("Stamp", ""))
        files = project_files(folder, stamp=stamp, replacement=f"g{graph.digest[:7]}")
    return HlsProject(graph.name, files, options, (), ())


def refuse_unread(graph: Graph) -> None:
    """Tell what hls4ml does not read exactly from the graph's QONNX.

    Raises:
        NotReadByHls4ml: all of it.
    """
    problems = [problem for operation in graph.operations for problem in _reasons(graph, operation)]
    if problems := [*problems, *_without_default(graph)]:
        raise NotReadByHls4ml(graph.name, problems)


def _reasons(graph: Graph, operation: Operation) -> Iterator[Unread]:
    source = graph[operation.inputs[0]] if operation.inputs else operation
    shapes = {graph[name].shape for name in operation.inputs}
    axes = len(source.shape)
    if operation.name not in graph.outputs and not graph.consumers(operation.name):
        yield _unread(operation, "nothing reads it; the conversion fails")
    if len(set(operation.inputs)) < len(operation.inputs):
        yield _unread(operation, "it reads a tensor twice; the conversion fails")
    match operation:
        case ops.Clip() | ops.Table() | ops.Sum() | ops.Maximum() | ops.ArgMax() | ops.Slice():
            yield _unread(operation, f"it has no reader for {_WITHOUT_READER[type(operation)]}")
        case ops.AveragePool():
            yield _unread(operation, "qonnx does not bring an AveragePool into the order that it needs")
        case ops.ZeroPad():
            yield _unread(operation, "it may take the padded axes for others")
        case ops.Dense() if axes > 1:
            yield _unread(operation, f"its dense layer takes one axis, not {axes}")
        case ops.Scale() if axes > 1:
            yield _unread(operation, f"factors per channel of a tensor of {axes} axes become an Unsqueeze")
        case ops.Windowed() if any(step != 1 for step in operation.dilation):
            yield _unread(operation, "it computes a wrong size for a dilated kernel")
        case ops.DepthwiseConvolution() if operation.weight.shape[-1] != 1:
            yield _unread(operation, "it reads one filter per channel")
        case ops.MaxPool() if axes != 3:
            yield _unread(operation, "it cannot read a pool over one axis")
        case ops.Concatenate() if axes > 1 or len(operation.inputs) != 2:
            yield _unread(operation, "it joins two vectors; more tensors or axes are not known to be exact")
        case ops.Add() | ops.Subtract() | ops.Multiply() if len(shapes) > 1:
            yield _unread(operation, "it does not repeat axes")
        case ops.Quantize() if operation.format.rounding not in (Rounding.RND_CONV, Rounding.TRN):
            yield _unread(operation, f"it knows no rounding by {operation.format.rounding}")
        case ops.Quantize() if len(graph.consumers(source.name)) > 1 or (source.name in graph.outputs):
            yield _unread(operation, f"it also quantises {source.name!r} where others read it")


def _unread(operation: Operation, why: str) -> Unread:
    return Unread(operation.name, type(operation).__name__, why)


def _without_default(graph: Graph) -> list[Unread]:
    integer, fraction = _reach(graph)
    if integer + fraction <= MAX_WIDTH:
        return []
    bits = integer + fraction
    return [Unread(graph.name, "network", f"its default type would need {bits} of {MAX_WIDTH} bits")]


def _reach(graph: Graph) -> tuple[int, int]:
    """Integer and fractional bits of a signed type in which every tensor and constant is exact."""
    formats = [operation.format for operation in graph.operations]
    for operation in graph.operations:
        if isinstance(operation, ops.Linear):
            formats += [operation.weight_format, operation.bias_format]
    return max(f.integer + (not f.signed) for f in formats), max(f.fraction for f in formats)


def _prepared(proto: Any) -> Any:
    """The model after the transformations that hls4ml's documentation asks for."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    model = cleanup_model(ModelWrapper(proto, make_deepcopy=True))
    # Only where it is needed: it moves Transpose nodes of branches, and not always rightly.
    if any(node.op_type in ("Conv", "MaxPool") for node in model.graph.node):
        model = model.transform(ConvertToChannelsLastAndClean(make_input_channels_last=False))
    return cleanup_model(model.transform(GemmToMatMul()))


def _check_order(prepared: Any, graph: Graph) -> None:
    """hls4ml has its output ports in the order of the layers, not in that of the file."""
    outputs = [value.name for value in prepared.graph.output]
    by_layer = [name for node in prepared.graph.node for name in node.output if name in outputs]
    if by_layer != outputs:
        order = ", ".join(graph.outputs)
        why = f"its outputs are {order}, but hls4ml has them in the order of the layers that yield them"
        raise NotReadByHls4ml(graph.name, [Unread(graph.name, "network", why)])


def _configuration(prepared: Any, graph: Graph, options: HlsOptions) -> dict[str, Any]:
    from hls4ml.utils import config_from_onnx_model

    integer, fraction = _reach(graph)
    configuration: dict[str, Any] = config_from_onnx_model(
        prepared,
        granularity="name",
        backend=options.backend.hls4ml_name,
        default_precision=spelled(FixedPoint(True, integer + fraction, integer)),
        default_reuse_factor=options.reuse_factor,
    )
    configuration["Model"]["Strategy"] = options.strategy.value.capitalize()
    for value, operation in zip(prepared.graph.input, graph.inputs, strict=True):
        configuration["LayerName"][value.name]["Precision"]["result"] = spelled(operation.format.exact())
    return configuration

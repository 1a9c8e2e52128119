"""What a backend cannot do exactly for a network: all of it in one go, with reasons and remedies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trigml.backends.hls.extension import has_kernels
from trigml.backends.hls.kernels import MAX_AXES
from trigml.backends.hls.layer import HlsLayer
from trigml.backends.hls.layers import hls_layers
from trigml.backends.hls.options import HlsBackend, HlsOptions, IoType
from trigml.backends.hls.passes import MAX_STREAM_READERS, readers
from trigml.errors import BadInput
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.problems import Problem

_OVER_AXES = (
    *(ops.Permute, ops.Slice, ops.ZeroPad, ops.Sum, ops.Maximum),
    *(ops.Add, ops.Subtract, ops.Multiply),
)


class NoExactProject(BadInput):
    """A network that a backend cannot compute exactly; ``problems`` has all the reasons."""

    def __init__(self, graph: Graph, options: HlsOptions, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n  - ".join(map(str, problems))
        super().__init__(
            f"hls4ml's {options.backend.value} backend cannot compute this network exactly:\n  - {lines}",
            where=f"network {graph.name!r}",
            remedy=f"trigml preflight MODEL --backend {options.backend.value} shows all of this as a table",
        )


def backend_problems(graph: Graph, options: HlsOptions) -> tuple[Problem, ...]:
    """Everything in a network that a backend cannot compute to the bit, in the graph's order."""
    needed = graph.upto(*graph.outputs)
    too_deep = tuple(_of_axes(needed))
    if too_deep:  # such a network has no layer list
        return too_deep
    layers = hls_layers(graph)
    problems = [] if has_kernels(options.backend) else list(_of_missing_kernels(needed, layers, options))
    if options.io is IoType.STREAM:
        problems += _of_streams(needed, layers)
        if options.backend is not HlsBackend.QUARTUS:
            problems += _of_line_buffers(needed)
    return tuple(problems)


def _of_axes(graph: Graph) -> Iterator[Problem]:
    for operation in graph.operations:
        shapes = [operation.shape, *(graph[name].shape for name in operation.inputs)]
        axes = max(map(len, shapes))
        if isinstance(operation, _OVER_AXES) and axes > MAX_AXES:
            yield Problem(
                operation.name,
                type(operation).__name__,
                f"it works on a tensor of {axes} axes",
                f"the loops of the HLS kernels go over {MAX_AXES}",
                "merge axes with a Reshape before it",
            )


def _of_missing_kernels(graph: Graph, layers: Sequence[HlsLayer], options: HlsOptions) -> Iterator[Problem]:
    for layer in layers:
        if layer.description["class_name"] != "TrigmlKernel" or not layer.tensor:
            continue
        operation = graph[layer.tensor]
        what = f"hls4ml's {options.backend.value} backend has no exact layer for it"
        if layer.is_copy:
            what = "it leaves the network and is read inside, too, which needs a layer that copies"
        yield Problem(
            operation.name,
            type(operation).__name__,
            what,
            "trigml's own HLS kernels are for Vitis, Vivado, Quartus and Catapult",
            "choose --backend quartus",
        )


def _of_streams(graph: Graph, layers: Sequence[HlsLayer]) -> Iterator[Problem]:
    counts = readers(layers)
    for layer in layers:
        if layer.tensor and counts[layer.name] > MAX_STREAM_READERS:
            operation = graph[layer.tensor]
            yield Problem(
                operation.name,
                type(operation).__name__,
                f"{counts[layer.name]} layers or ports read it",
                f"hls4ml copies a stream at most {MAX_STREAM_READERS} times",
                "choose --io parallel",
            )


def _of_line_buffers(graph: Graph) -> Iterator[Problem]:
    """hls4ml's line buffer for windows of one row counts columns only: it yields the rows between, too."""
    for operation in graph.operations:
        if not isinstance(operation, ops.Convolution) or len(operation.strides) != 2:
            continue
        rows, columns = operation.weight.shape[:2]
        if rows == 1 and columns > 1 and operation.strides[0] > 1:
            yield Problem(
                operation.name,
                "Convolution",
                f"its window has one row and moves by {operation.strides[0]} rows",
                "hls4ml's stream of such windows does not leave rows out",
                "choose --io parallel, or swap the axes of the image",
            )

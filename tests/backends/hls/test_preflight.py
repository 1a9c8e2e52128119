"""What a backend cannot do exactly is refused in one go; the table in docs/hls.md says the same."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from trigml.backends.hls.options import HlsBackend, HlsOptions, IoType
from trigml.backends.hls.preflight import NoExactProject, backend_problems
from trigml.backends.hls.writer import hls_project
from trigml.graph import Graph, GraphBuilder
from trigml.graph import operations as ops

DOCUMENT = Path(__file__).parents[3] / "docs" / "hls.md"


def options_for(backend: HlsBackend, io: IoType = IoType.PARALLEL) -> HlsOptions:
    return HlsOptions(backend, backend.default_part, 5.0, io)


@pytest.fixture(scope="module")
def single_operations(hls_networks: ModuleType) -> dict[str, Graph]:
    """Per operation of the graph a network that ends with it, an image or a row before it."""
    h = hls_networks

    def built(make: Callable[[GraphBuilder, str, str], str]) -> Graph:
        b = GraphBuilder("network")
        x, y = h.port(b, "img", (4, 4, 2)), h.port(b, "row", (4,))
        return b.finish([make(b, x, y)])

    d = h.Drawing(7)
    no_padding = ((0, 0), (0, 0))
    window = {"strides": (1, 1), "padding": no_padding}
    entries = d.table(64, h.POSITIVE)
    return {
        "Input": built(lambda b, x, y: y),
        "Dense": built(lambda b, x, y: b.dense("y", y, d.words(4, 3))),
        "Scale": built(lambda b, x, y: b.scale("y", x, d.words(2))),
        "Convolution": built(lambda b, x, y: b.convolution("y", x, d.words(2, 2, 2, 3), **window)),
        "DepthwiseConvolution": built(
            lambda b, x, y: b.convolution("y", x, d.words(2, 2, 2, 1), depthwise=True, **window)
        ),
        "Relu": built(lambda b, x, y: b.relu("y", x)),
        "LeakyRelu": built(lambda b, x, y: b.leaky_relu("y", x, 2)),
        "Clip": built(lambda b, x, y: b.clip("y", x, -3, 5)),
        "Quantize": built(lambda b, x, y: b.quantize("y", x, h.POSITIVE)),
        "Table": built(lambda b, x, y: b.table("y", x, -32, entries, h.POSITIVE)),
        "MaxPool": built(lambda b, x, y: b.max_pool("y", x, (2, 2), **window)),
        "AveragePool": built(lambda b, x, y: b.average_pool("y", x, (2, 2), **window)),
        "Sum": built(lambda b, x, y: b.sum("y", x, (0,))),
        "Maximum": built(lambda b, x, y: b.maximum("y", x, (0,))),
        "ArgMax": built(lambda b, x, y: b.argmax("y", y)),
        "Reshape": built(lambda b, x, y: b.reshape("y", x, (32,))),
        "Permute": built(lambda b, x, y: b.permute("y", x, (2, 0, 1))),
        "Slice": built(lambda b, x, y: b.slice("y", x, (1, 0, 1), (2, 4, 1))),
        "ZeroPad": built(lambda b, x, y: b.zero_pad("y", x, ((1, 1), (0, 0)))),
        "Concatenate": built(lambda b, x, y: b.concatenate("y", [x, x], 2)),
        "Add": built(lambda b, x, y: b.add("y", [x, x])),
        "Subtract": built(lambda b, x, y: b.subtract("y", [x, x])),
        "Multiply": built(lambda b, x, y: b.multiply("y", [x, x])),
    }


def support_table(graphs: dict[str, Graph]) -> str:
    """The table of the document: per operation and backend, exact or refused; both io types agree."""
    lines = [
        "| operation | " + " | ".join(backend.value for backend in HlsBackend) + " |",
        "|---|" + "---|" * len(HlsBackend),
    ]
    for name, graph in graphs.items():
        cells = []
        for backend in HlsBackend:
            refused = {bool(backend_problems(graph, options_for(backend, io))) for io in IoType}
            assert len(refused) == 1, (name, backend)
            kept = "exact" if backend.emulates_with_gxx else "written, not run"
            cells.append("refused" if refused.pop() else kept)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def test_the_table_of_the_document_is_what_the_preflight_says(single_operations: dict[str, Graph]) -> None:
    """Protects docs/hls.md: every operation has its row, and each cell is what backend_problems finds."""
    assert list(single_operations) == [kind.__name__ for kind in ops.KINDS]
    assert support_table(single_operations) in DOCUMENT.read_text(encoding="utf-8")


def test_oneapi_refuses_all_that_needs_our_kernels_at_once(hls_networks: ModuleType) -> None:
    """Protects against a project that hls4ml cannot write: every reason is in the one error."""
    graph = hls_networks.vectors()
    with pytest.raises(NoExactProject, match="oneapi backend cannot compute this network exactly") as error:
        hls_project(graph, options_for(HlsBackend.ONEAPI))
    refused = {problem.layer for problem in error.value.problems}
    assert {"leaky", "clipped", "table", "product", "joined", "a"} <= refused
    assert not refused & {"hidden", "narrow"}
    assert all(problem.remedy in str(error.value) for problem in error.value.problems)
    for backend in set(HlsBackend) - {HlsBackend.ONEAPI}:
        assert backend_problems(graph, options_for(backend)) == ()


def test_a_stream_with_too_many_readers_is_refused(hls_networks: ModuleType) -> None:
    """Protects streams: hls4ml copies one at most seven times."""

    def fan(count: int) -> Graph:
        b = GraphBuilder("network")
        x = hls_networks.port(b, "a", (3,))
        return b.finish([b.relu(f"relu_{i}", x) for i in range(count)])

    stream = options_for(HlsBackend.VITIS, IoType.STREAM)
    assert backend_problems(fan(7), stream) == ()
    (problem,) = backend_problems(fan(8), stream)
    assert (problem.layer, problem.what) == ("a", "8 layers or ports read it")
    assert backend_problems(fan(8), options_for(HlsBackend.VITIS)) == ()


@pytest.mark.parametrize(
    ("kernel", "strides", "refused"),
    [((1, 2), (2, 1), True), ((1, 2), (1, 2), False), ((1, 1), (2, 2), False), ((2, 2), (2, 2), False)],
)
def test_windows_of_one_row_that_leave_out_rows(
    hls_networks: ModuleType, kernel: tuple[int, int], strides: tuple[int, int], refused: bool
) -> None:
    """Protects against hls4ml's line buffer, which yields the rows between (seen in Vitis and Catapult)."""
    b = GraphBuilder("network")
    x = hls_networks.port(b, "img", (4, 4, 1))
    weight = hls_networks.Drawing(1).words(*kernel, 1, 2)
    graph = b.finish([b.convolution("conv", x, weight, strides=strides, padding=((0, 0), (0, 0)))])
    for backend in HlsBackend:
        if not backend.emulates_with_gxx:
            continue
        found = backend_problems(graph, options_for(backend, IoType.STREAM))
        assert bool(found) == (refused and backend is not HlsBackend.QUARTUS), backend
        assert backend_problems(graph, options_for(backend)) == ()


def test_more_than_four_axes_are_refused(hls_networks: ModuleType) -> None:
    """Protects the kernels' loops, which go over four axes."""
    b = GraphBuilder("network")
    five = b.reshape("five", hls_networks.port(b, "a", (4,)), (1, 2, 1, 2, 1))
    graph = b.finish([b.permute("turned", five, (4, 3, 2, 1, 0))])
    (problem,) = backend_problems(graph, options_for(HlsBackend.VITIS))
    assert (problem.layer, problem.kind) == ("turned", "Permute")
    assert "5 axes" in problem.what
    assert np.prod(graph["turned"].shape) == 4

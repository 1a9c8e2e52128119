"""hls4ml's own reading of exported QONNX files, through ``trigml export --check-hls`` and the stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper

from trigml.backends.hls.from_qonnx import NotReadByHls4ml, project_from_qonnx, refuse_unread
from trigml.backends.hls.options import HlsOptions
from trigml.backends.onnx.assembly import serialised
from trigml.backends.onnx.qonnx_writer import qonnx_model
from trigml.cli.main import exit_code_of
from trigml.contract import InputContract
from trigml.fixedpoint import FixedPoint
from trigml.graph import Constants, Graph, GraphBuilder
from trigml.verify import hls_from_qonnx_stage
from trigml.verify.building import DEFAULT_HLS
from trigml.verify.comparison import compare
from trigml.verify.graph_stage import GraphStage
from trigml.verify.hls_from_qonnx_stage import HlsFromQonnxStage
from trigml.verify.vectors import corner_vectors, random_vectors

ACTIVATION = FixedPoint.parse("ap_ufixed<5,2,RND_CONV,SAT>")
NONE = ((0, 0), (0, 0))


def constants(random: np.random.Generator, *shape: int) -> Constants:
    return Constants(random.integers(-16, 16, shape), FixedPoint.parse("ap_fixed<5,1>"))


def opened(shape: tuple[int, ...]) -> tuple[GraphBuilder, str]:
    builder = GraphBuilder("network")
    contract = InputContract.plain("x", int(np.prod(shape)), FixedPoint.parse("ap_fixed<6,3,RND_CONV,SAT>"))
    return builder, builder.input("x", shape, contract)


def image_network() -> Graph:
    """Convolution with a branch around one, ReLU, quantisers, pool, flatten, dense layers."""
    random = np.random.default_rng(5)
    b, x = opened((6, 6, 2))
    conv = b.convolution(
        "conv", x, constants(random, 3, 3, 2, 3), constants(random, 3), strides=(1, 1),
        padding=((1, 1), (1, 1)),
    )  # fmt: skip
    act = b.quantize("act", b.relu("relu", conv), ACTIVATION)
    point = b.convolution("point", act, constants(random, 1, 1, 3, 3), strides=(1, 1), padding=NONE)
    signed = FixedPoint.parse("ap_fixed<6,3,RND_CONV,SAT>")
    total = b.quantize("total", b.add("sum", [act, b.quantize("q", point, signed)]), signed)
    pooled = b.max_pool("pooled", total, (2, 2), strides=(2, 2), padding=NONE)
    flat = b.reshape("flat", pooled, (27,))
    hidden = b.dense("hidden", flat, constants(random, 27, 5), constants(random, 5))
    narrow = b.quantize("narrow", hidden, FixedPoint.parse("ap_fixed<6,4,TRN,SAT_SYM>"))
    return b.finish([b.dense("out", narrow, constants(random, 5, 3), constants(random, 3))])


@pytest.fixture
def file(make_graph: Callable[..., Graph], tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(serialised(qonnx_model(make_graph(0)).proto))
    return path


@pytest.mark.slow
def test_an_mlp_is_exact(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the promise that hls4ml computes the same words from the exported file."""
    out = file.with_name("out.onnx")
    command = ["export", str(file), "qonnx", "-o", str(out), "--check-hls", "--random", "1000", "--json"]
    assert exit_code_of(command) == 0
    row = json.loads(capsys.readouterr().out)["verification"]["stages"][2]
    assert (row["stage"], row["differences"]) == ("hls4ml from QONNX (vitis, parallel)", 0)
    assert row["events"] > 1000
    assert out.exists()


@pytest.mark.slow
def test_an_image_network_is_exact(tmp_path: Path) -> None:
    """Protects channels-last convolutions, pools, branches and both roundings, read by hls4ml."""
    graph = image_network()
    stage = HlsFromQonnxStage(qonnx_model(graph), DEFAULT_HLS, tmp_path)
    result = compare(GraphStage(graph), [stage], [corner_vectors(graph), *random_vectors(graph, 1000, 1)])
    assert result.stages[1].differences == 0
    assert result.stages[1].words > 3000


@pytest.mark.slow
def test_a_changed_weight_is_seen(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the check: one weight that is off by one LSB ends in exit code 4, and no file is written."""

    def planted(proto: Any, graph: Graph, options: HlsOptions) -> Any:
        tensor = next(t for t in proto.graph.initializer if t.name == "dense_3.weight.words")
        weight = numpy_helper.to_array(tensor).copy()
        weight[0, 0] += 2.0**-5 if weight[0, 0] < 0 else -(2.0**-5)
        tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
        return project_from_qonnx(proto, graph, options)

    monkeypatch.setattr(hls_from_qonnx_stage, "project_from_qonnx", planted)
    out = file.with_name("out.onnx")
    command = ["export", str(file), "qonnx", "-o", str(out), "--check-hls", "--random", "500"]
    assert exit_code_of(command) == 4
    assert "hls4ml from QONNX (vitis, parallel) differs from the graph" in capsys.readouterr().err
    assert not out.exists()


def test_what_is_not_read_exactly_is_refused_in_one_go() -> None:
    """Protects against words that hls4ml silently gets wrong: each operation is named, with the reason."""
    random = np.random.default_rng(1)
    b, x = opened((6, 6, 2))
    dilated = b.convolution(
        "dilated", x, constants(random, 2, 2, 2, 2), strides=(1, 1), padding=NONE, dilation=(2, 2)
    )
    rounded = b.quantize("rounded", dilated, FixedPoint.parse("ap_fixed<5,2,RND_INF,SAT>"))
    both = b.convolution(
        "both", x, constants(random, 2, 2, 2, 2), strides=(1, 1), padding=NONE, depthwise=True
    )  # fmt: skip
    shared = b.dense("shared", b.reshape("flat", x, (72,)), constants(random, 72, 2))
    b.relu("dead", x)
    outputs = [
        b.add("doubled", [both, both]),
        b.scale("scaled", rounded, constants(random, 2)),
        b.average_pool("mean", both, (2, 2), strides=(2, 2), padding=NONE),
        b.dense("per_cell", x, constants(random, 2, 3)),
        b.zero_pad("padded", x, ((1, 0), (0, 0))),
        b.clip("clipped", shared, -4, 4),
        b.quantize("twice", shared, ACTIVATION),
        b.sum("total", x, (0, 1)),
        b.argmax("best", shared),
    ]
    with pytest.raises(NotReadByHls4ml) as refused:
        refuse_unread(b.finish(outputs))
    assert [problem.layer for problem in refused.value.problems] == [
        *(
            "dilated",
            "rounded",
            "both",
            "dead",
            "doubled",
            "scaled",
            "mean",
            "per_cell",
            "padded",
            "clipped",
            "twice",
        ),
        *("total", "best"),
    ]
    assert "it has no reader for Clip" in str(refused.value)
    assert "--check-hls" in str(refused.value)


@pytest.mark.slow
def test_ports_in_another_order_are_refused() -> None:
    """Protects against outputs that would be compared with each other's words."""
    random = np.random.default_rng(1)
    b, x = opened((3,))
    first, second = b.dense("a", x, constants(random, 3, 2)), b.dense("b", x, constants(random, 3, 2))
    graph = b.finish([second, first])
    with pytest.raises(NotReadByHls4ml, match="order of the layers"):
        project_from_qonnx(qonnx_model(graph).proto, graph, DEFAULT_HLS)


def test_only_qonnx_files_are_checked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects against an option that is silently without effect."""
    assert exit_code_of(["export", str(file), "emulator", "--check-hls"]) == 2
    assert "--check-hls is for QONNX files" in capsys.readouterr().err

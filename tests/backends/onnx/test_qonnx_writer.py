"""Graphs as QONNX against qonnx's executor, and back again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from trigml.backends.onnx.assembly import serialised
from trigml.backends.onnx.qonnx_writer import qonnx_model
from trigml.backends.onnx.quant_form import NoQonnxForm
from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.frontends.qonnx import graph_from_qonnx
from trigml.graph import Graph, GraphBuilder
from trigml.progress import Silent
from trigml.verify.comparison import compare
from trigml.verify.graph_stage import GraphStage
from trigml.verify.qonnx_stage import QonnxStage
from trigml.verify.vectors import corner_vectors, random_vectors


def values(graph: Graph, words: np.ndarray) -> np.ndarray:
    return np.ldexp(emulate(graph, words).astype(float), -graph.output_fractions)


def test_every_operation(network: Graph, tmp_path: Path) -> None:
    """Protects every tensor of every operation in the executor, and the words after a round trip."""
    model = qonnx_model(network)
    assert model.may_round == ()
    onnx.checker.check_model(model.proto, full_check=True)
    path = tmp_path / "model.onnx"
    path.write_bytes(serialised(model.proto))
    again = graph_from_qonnx(path).graph
    for vectors in (corner_vectors(network), *random_vectors(network, 300, 1)):
        found, expected = (
            QonnxStage(model).tensors(vectors, Silent()),
            emulate_tensors(network, vectors.words),
        )
        assert found.keys() == expected.keys()
        for name, words in expected.items():
            assert np.array_equal(found[name], words), name
        assert np.array_equal(values(network, vectors.words), values(again, vectors.words))
    assert again.contracts == network.contracts
    assert again.output_labels == network.output_labels


def test_random_networks(random_graphs: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Protects executor and round trip on any network that QONNX can express."""
    path = tmp_path_factory.mktemp("random") / "model.onnx"
    written = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        graph = data.draw(random_graphs.graphs(most=3))
        try:
            model = qonnx_model(graph)
        except NoQonnxForm:
            return
        if model.may_round:
            return
        path.write_bytes(serialised(model.proto))
        vectors = random_vectors(graph, 40, 1)[1]
        assert np.array_equal(QonnxStage(model).outputs(vectors), emulate(graph, vectors.words))
        again = graph_from_qonnx(path).graph
        assert np.array_equal(values(graph, vectors.words), values(again, vectors.words))
        written.append(graph)

    run()
    assert len(written) >= 30


def test_planted_weight_is_located(make_graph: Callable[..., Graph]) -> None:
    """Protects the check itself: one weight that is one LSB off is found, in its layer."""
    graph = make_graph(0)
    model = qonnx_model(graph)
    (tensor,) = (t for t in model.proto.graph.initializer if t.name == "dense_2.weight.words")
    array = numpy_helper.to_array(tensor).copy()
    array[0, 0] += (
        -graph["dense_2"].weight_format.lsb if array[0, 0] > 0 else graph["dense_2"].weight_format.lsb
    )
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    result = compare(GraphStage(graph), [QonnxStage(model)], random_vectors(graph, 400, 1))
    assert result.first_difference is not None
    assert result.first_difference.tensor == "dense_2"


def truncated(model: onnx.ModelProto) -> None:
    """Rounds down instead of half to even."""
    (node,) = (node for node in model.graph.node if "act_1" in node.output)
    (attribute,) = (attribute for attribute in node.attribute if attribute.name == "rounding_mode")
    attribute.s = b"FLOOR"


def one_bit_less(model: onnx.ModelProto) -> None:
    """A narrower type: the activation saturates earlier."""
    (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == "act_1.bits")
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) - 1, tensor.name))


@pytest.mark.parametrize("plant", [truncated, one_bit_less])
def test_planted_quantiser_is_located(
    make_graph: Callable[..., Graph], plant: Callable[[onnx.ModelProto], None]
) -> None:
    """Protects the check of roundings and types: the quantiser that has the fault is named."""
    graph = make_graph(0)
    model = qonnx_model(graph)
    plant(model.proto)
    result = compare(GraphStage(graph), [QonnxStage(model)], random_vectors(graph, 400, 1))
    assert result.first_difference is not None
    assert result.first_difference.tensor == "act_1"


@pytest.mark.parametrize(
    ("format_", "reason"),
    [
        ("ap_fixed<4,2,RND_CONV,WRAP>", "WRAP"),
        ("ap_fixed<4,2,RND_CONV,SAT_ZERO>", "SAT_ZERO"),
        ("ap_fixed<4,2,RND,SAT>", "RND"),
        ("ap_fixed<4,2,RND_MIN_INF,SAT>", "RND_MIN_INF"),
        ("ap_fixed<1,1,RND_CONV,SAT>", "one bit"),
        ("ap_fixed<30,8,RND_CONV,SAT>", "24 bits"),
    ],
)
def test_refusals(format_: str, reason: str) -> None:
    """Protects against a Quant node that would not do what the quantiser does."""
    builder = GraphBuilder("net")
    contract = InputContract.plain("x", 2, FixedPoint.parse("ap_fixed<8,4,RND_CONV,SAT>"))
    source = builder.input("x", (2,), contract)
    graph = builder.finish([builder.quantize("q", source, FixedPoint.parse(format_))])
    with pytest.raises(NoQonnxForm, match=reason):
        qonnx_model(graph)


def test_wrap_that_cannot_act_is_written() -> None:
    """Protects quantisers whose overflow rule provably never acts."""
    builder = GraphBuilder("net")
    contract = InputContract.plain("x", 2, FixedPoint.parse("ap_fixed<6,3,RND_CONV,SAT>"))
    source = builder.input("x", (2,), contract)
    graph = builder.finish([builder.quantize("q", source, FixedPoint.parse("ap_fixed<7,5,TRN,WRAP>"))])
    vectors = corner_vectors(graph)
    assert np.array_equal(QonnxStage(qonnx_model(graph)).outputs(vectors), emulate(graph, vectors.words))


def test_same_bytes(network: Graph) -> None:
    """Protects reproducible files."""
    assert serialised(qonnx_model(network).proto) == serialised(qonnx_model(replace(network)).proto)


@pytest.mark.parametrize("cut", ["truncated", "empty", "domain", "external"])
def test_damaged_files(cut: str, make_graph: Callable[..., Graph], tmp_path: Path) -> None:
    """Protects against files that are damaged, or that would make qonnx import a module."""
    proto = qonnx_model(make_graph(0)).proto
    if cut == "domain":
        proto.graph.node[0].domain = "antigravity"
    if cut == "external":
        proto.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    content = serialised(proto)
    path = tmp_path / "model.onnx"
    path.write_bytes({"truncated": content[: len(content) // 2], "empty": b""}.get(cut, content))
    with pytest.raises(BadInput, match=r"ONNX|unknown kind|another file"):
        graph_from_qonnx(path)

"""Other people's QONNX: models node by node in the style of each exporter, against qonnx's own executor."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.frontends.options import ConversionOptions, Softmax
from trigml.frontends.qonnx import graph_from_qonnx, problems_of_qonnx, qonnx_from_file
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.problems import NoExactForm
from trigml.verify.comparison import compare
from trigml.verify.graph_stage import GraphStage
from trigml.verify.qonnx_stage import QonnxStage
from trigml.verify.vectors import corner_vectors, random_vectors

DOMAIN = "qonnx.custom_op.general"


class Model:
    """An ONNX model that grows node by node."""

    def __init__(self, seed: int = 0, *, domain: str = DOMAIN, opset: int = 13) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.random = np.random.default_rng(seed)
        self.domain, self.opset = domain, opset

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array, dtype=dtype)
        return name

    def weights(self, *shape: int) -> str:
        return self.constant(self.random.normal(0, 0.6, shape))

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        output = f"v{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(
                kind, inputs, [output], name=f"{kind}_{len(self.nodes)}", domain=domain, **attributes
            )
        )
        return output

    def quant(self, value: str, scale: Any, bits: float, mode: str = "ROUND", **more: int) -> str:
        parameters = [self.constant(part) for part in (scale, 0.0, bits)]
        flags = {"signed": 1, "narrow": 0} | more
        return self.node("Quant", value, *parameters, domain=self.domain, rounding_mode=mode, **flags)

    def bipolar(self, value: str, scale: Any) -> str:
        return self.node("BipolarQuant", value, self.constant(scale), domain=self.domain)

    def proto(
        self, outputs: Sequence[str], n_in: Sequence[int], shapes: Sequence[Sequence[int]]
    ) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "main_graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *n_in])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *shape])
                for name, shape in zip(outputs, shapes, strict=True)
            ],
            initializer=[numpy_helper.from_array(a, name) for name, a in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(self.domain, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def check(model: onnx.ModelProto, folder: Path, options: ConversionOptions | None = None) -> Graph:
    """Convert a file; the graph has to give the words of qonnx's executor on the original file."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    conversion = qonnx_from_file(path, options)
    graph = conversion.model.graph
    assert not conversion.model.may_round
    vectors = random_vectors(graph, 60, 3)[1]
    words = emulate(graph, vectors.words)
    cleaned = cleanup_model(ModelWrapper(model.SerializeToString()))
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    port, outputs = cleaned.graph.input[0].name, [value.name for value in cleaned.graph.output]
    rows = []
    for event in vectors.inputs[:12].astype(np.float32):
        found = execute_onnx(cleaned, {port: event.reshape(shape)})
        rows.append(np.concatenate([found[name].ravel() for name in outputs]).astype(np.float64))
    assert np.array_equal(np.ldexp(np.array(rows), graph.output_fractions), words[:12])
    sets = [corner_vectors(graph), *random_vectors(graph, 200, 1)]
    assert compare(GraphStage(graph), [QonnxStage(conversion.model)], sets).stages[1].differences == 0
    cleaned.save(str(path))
    again = graph_from_qonnx(path, options).graph
    assert np.array_equal(emulate(again, vectors.words), words)
    return graph


def brevitas_mlp(domain: str = DOMAIN) -> onnx.ModelProto:
    """Transposed weights with a scale per channel, MatMul, Add, BipolarQuant, 1-bit activations."""
    m = Model(domain=domain)
    x = m.quant("x", 0.125, 8.0)
    scales = np.exp2(m.random.integers(-5, -2, (6, 1))).astype(np.float32)
    w = m.node("Transpose", m.quant(m.weights(6, 5), scales, 4.0, narrow=1), perm=[1, 0])
    x = m.node("Add", m.node("MatMul", x, w), m.quant(m.weights(6), 2.0**-6, 8.0))
    x = m.bipolar(x, 0.5)
    w = m.node("Transpose", m.bipolar(m.weights(4, 6), 0.25), perm=[1, 0])
    x = m.node("MatMul", x, w)
    x = m.quant(x, 0.25, 1.0, signed=1)
    x = m.node("MatMul", x, m.quant(m.weights(4, 3), 0.25, 2.0, narrow=1))
    return m.proto([x], [5], [[3]])


def brevitas_cnn() -> onnx.ModelProto:
    """Channels first, depthwise, pools, a flatten whose order matters, a bias behind the Conv."""
    m = Model(1)
    x = m.quant("x", 0.25, 6.0, signed=0)
    x = m.node(
        "Conv", x, m.quant(m.weights(4, 2, 3, 3), 0.125, 4.0, narrow=1), pads=[1, 0, 1, 1], strides=[1, 2]
    )
    x = m.node("Add", x, m.quant(m.weights(1, 4, 1, 1), 0.125, 5.0))
    x = m.node("Relu", x)
    x = m.quant(x, 0.25, 4.0, signed=0, narrow=1)
    x = m.node("Conv", x, m.quant(m.weights(4, 1, 2, 2), 0.25, 3.0), group=4)
    x = m.quant(x, 0.5, 5.0, "FLOOR")
    x = m.node(
        "Conv", x, m.quant(m.weights(6, 2, 1, 1), 0.25, 3.0), m.quant(m.weights(6), 0.25, 4.0), group=2
    )
    x = m.quant(x, 0.5, 5.0, "HALF_UP")
    x = m.node("MaxPool", x, kernel_shape=[2, 2], strides=[1, 1], auto_pad="SAME_UPPER")
    x = m.node("AveragePool", x, kernel_shape=[2, 1], pads=[1, 0, 0, 0], strides=[2, 1], count_include_pad=1)
    shape = m.node("Shape", x)
    batch = m.node("Gather", shape, m.constant(0, np.int64), axis=0)
    batch = m.node("Unsqueeze", batch, m.constant([0], np.int64))
    target = m.node("Concat", batch, m.constant([-1], np.int64), axis=0)
    x = m.node("Reshape", x, target)
    x = m.node("Gemm", x, m.quant(m.weights(3, 24), 2.0**-4, 4.0), m.quant(m.weights(3), 0.25, 5.0), transB=1)
    return m.proto([x], [2, 5, 6], [[3]])


def qkeras_style() -> onnx.ModelProto:
    """Channels last with transposes around each convolution, a reshape before the input's quantiser."""
    m = Model(2)
    x = m.node("Reshape", "x", m.constant([-1, 6, 2], np.int64))
    x = m.quant(x, 2.0**-4, 7.0)
    x = m.node("Transpose", x, perm=[0, 2, 1])
    x = m.node("Conv", x, m.quant(m.weights(3, 2, 3), 0.25, 4.0), dilations=[2])
    x = m.node("Transpose", x, perm=[0, 2, 1])
    x = m.node("LeakyRelu", x, alpha=0.25)
    x = m.quant(x, 0.125, 6.0, narrow=1)
    x = m.node("MatMul", x, m.quant(m.weights(3, 4), 0.25, 3.0))
    x = m.quant(x, 0.125, 6.0, "DOWN")
    y = m.node("Sub", x, m.quant(m.weights(2, 4), 0.125, 5.0))
    y = m.node("Mul", m.quant(y, 0.25, 5.0), x)
    y = m.node("ReduceMean", y, axes=[1], keepdims=0)
    z = m.node("ReduceMax", x, axes=[-1], keepdims=0)
    return m.proto([y, z], [12], [[4], [2]])


def pytorch_style() -> onnx.ModelProto:
    """Global pools, Squeeze, Pad, Slice, Concat of branches, Clip, Neg, Div and several constants' shapes."""
    m = Model(3)
    x = m.quant("x", 0.25, 5.0)
    padded = m.node("Pad", x, m.constant([0, 0, 1, 0, 0, 0, 0, 2], np.int64))
    a = m.node("Conv", padded, m.quant(m.weights(4, 3, 2, 2), 0.25, 3.0))
    a = m.quant(m.node("Clip", a, m.constant(-0.5), m.constant(2.0)), 0.25, 5.0, "HALF_DOWN")
    g = m.node("Squeeze", m.node("GlobalMaxPool", a), m.constant([2, 3], np.int64))
    h = m.node("Flatten", m.node("GlobalAveragePool", a))
    f = m.node("Flatten", m.node("Neg", x))
    ends = [m.constant(numbers, np.int64) for numbers in ([0, 1, -2], [2**31 - 1, 1 << 40, 3], [0, 1, 3])]
    block = m.node("Flatten", m.node("Slice", a, *ends))
    joined = m.node("Concat", m.node("Div", h, m.constant(4.0)), g, f, block, axis=1)
    y = m.quant(m.node("MatMul", joined, m.quant(m.weights(56, 5), 0.125, 4.0)), 0.25, 6.0)
    best = m.node("Cast", m.node("ArgMax", y, axis=1, keepdims=1), to=1)
    total = m.node("Sum", y, m.node("Relu", y))
    return m.proto([total, best], [3, 4, 3], [[5], [1]])


def truncating() -> onnx.ModelProto:
    """Trunc of version 1 behind an average, as Brevitas writes it."""
    m = Model(4)
    x = m.quant("x", 0.5, 6.0)
    parts = [m.constant(part) for part in (0.5, 0.0, 8.0, 6.0)]
    x = m.node("Trunc", x, *parts, domain=DOMAIN, rounding_mode="FLOOR")
    return m.proto([m.node("MatMul", x, m.quant(m.weights(4, 2), 0.25, 3.0))], [4], [[2]])


@pytest.mark.parametrize(
    "make", [brevitas_mlp, brevitas_cnn, qkeras_style, pytorch_style, truncating], ids=lambda f: f.__name__
)
def test_exporters(make: Callable[[], onnx.ModelProto], tmp_path: Path) -> None:
    """Protects the words of models as each exporter writes them, before and after qonnx's clean-up."""
    check(make(), tmp_path)


def test_old_domains(tmp_path: Path) -> None:
    """Protects files of older Brevitas versions, which call the domain of Quant otherwise."""
    graph = check(brevitas_mlp(), tmp_path)
    (tmp_path / "old.onnx").write_bytes(brevitas_mlp("onnx.brevitas").SerializeToString())
    other = graph_from_qonnx(tmp_path / "old.onnx").graph
    words = random_vectors(graph, 100, 1)[0].words
    assert np.array_equal(emulate(graph, words), emulate(other, words))


def test_layout_of_the_input_is_kept(tmp_path: Path) -> None:
    """Protects the order of the input words: that of the file, channels first."""
    graph = check(brevitas_cnn(), tmp_path)
    assert graph.inputs[0].shape == (2, 5, 6)
    kinds = [type(operation) for operation in graph.operations]
    assert kinds.count(ops.Permute) == 2  # behind the input, and before the flatten


def test_bias_becomes_part_of_its_layer(tmp_path: Path) -> None:
    """Protects the layers from falling into pieces that no HLS tool puts together again."""
    graph = check(brevitas_mlp(), tmp_path)
    assert isinstance(graph.operations[1], ops.Dense)
    assert graph.operations[1].bias.any()


def with_batchnorm() -> onnx.ModelProto:
    m = Model(5)
    x = m.quant("x", 0.25, 6.0)
    x = m.node("Conv", x, m.quant(m.weights(3, 2, 2), 0.25, 4.0))
    parts = [m.constant(m.random.uniform(0.5, 1.5, 3)) for _ in range(4)]
    x = m.node("BatchNormalization", x, *parts)
    x = m.quant(m.node("Relu", x), 0.25, 5.0, signed=0)
    return m.proto([x], [2, 5], [[3, 4]])


def test_batch_normalisation(tmp_path: Path) -> None:
    """Protects batch normalisation: refused as floats, exact after the rounding that was asked for."""
    path = tmp_path / "bn.onnx"
    path.write_bytes(with_batchnorm().SerializeToString())
    (problem,) = problems_of_qonnx(path)
    assert problem.kind == "BatchNormalization"
    assert "--batchnorm-type" in problem.remedy
    conversion = qonnx_from_file(path, ConversionOptions(batchnorm_type=FixedPoint.parse("fixed<10,3>")))
    assert "rounded to ap_fixed<10,3,RND_CONV,SAT>" in conversion.notes[0]
    graph = conversion.model.graph
    sets = [corner_vectors(graph), *random_vectors(graph, 400, 1)]
    assert compare(GraphStage(graph), [QonnxStage(conversion.model)], sets).stages[1].differences == 0
    narrow = ConversionOptions(batchnorm_type=FixedPoint.parse("fixed<4,0>"))
    assert "beyond the range" in problems_of_qonnx(path, narrow)[0].what


def test_input_type(tmp_path: Path) -> None:
    """Protects models without an input quantiser: refused, or quantised as asked, in graph and executor."""
    m = Model(6)
    x = m.quant(m.node("MatMul", "x", m.quant(m.weights(3, 4), 0.25, 4.0)), 0.25, 5.0)
    path = tmp_path / "m.onnx"
    path.write_bytes(m.proto([x], [3], [[4]]).SerializeToString())
    (problem,) = problems_of_qonnx(path)
    assert (problem.layer, problem.kind) == ("x", "input")
    conversion = qonnx_from_file(path, ConversionOptions(input_type=FixedPoint.parse("fixed<7,3>")))
    graph = conversion.model.graph
    assert str(graph.inputs[0].format) == "ap_fixed<7,3,RND_CONV,SAT>"
    sets = [corner_vectors(graph), *random_vectors(graph, 400, 1)]
    assert compare(GraphStage(graph), [QonnxStage(conversion.model)], sets).stages[1].differences == 0


@pytest.mark.parametrize("form", list(Softmax))
def test_softmax(form: Softmax, tmp_path: Path) -> None:
    """Protects a softmax at the end: left away with a note, or as tables behind the executor's logits."""
    m = Model(7)
    x = m.node("MatMul", m.quant("x", 0.25, 5.0), m.quant(m.weights(3, 4), 0.25, 4.0))
    path = tmp_path / "m.onnx"
    path.write_bytes(m.proto([m.node("Softmax", x, axis=1)], [3], [[4]]).SerializeToString())
    conversion = qonnx_from_file(path, ConversionOptions(softmax=form))
    graph, stage = conversion.model.graph, QonnxStage(conversion.model)
    assert any("Softmax" in note for note in conversion.notes)
    assert bool(stage.not_compared) == (form is Softmax.TABLE)
    sets = random_vectors(graph, 400, 1)
    assert compare(GraphStage(graph), [stage], sets).stages[1].differences == 0
    if form is Softmax.TABLE:
        scores = np.ldexp(emulate(graph, sets[0].words).astype(float), -graph.output_fractions)
        assert np.all(np.abs(scores.sum(axis=1) - 1) < 0.02)


def broken_model() -> onnx.ModelProto:
    m = Model(8)
    x = m.quant("x", 0.3, 5.0)
    x = m.node("MatMul", x, m.weights(3, 4))
    x = m.node("Sigmoid", x)
    x = m.quant(x, 0.25, 5.0, "CEIL")
    x = m.node("MatMul", x, m.quant(m.weights(4, 4), 0.1, 4.0))
    x = m.node("LeakyRelu", x, alpha=0.3)
    x = m.node("Slice", x, *(m.constant([number], np.int64) for number in (0, 4, 1, 2)))
    x = m.node("Reshape", x, m.constant([2], np.int64))
    return m.proto([x], [3], [[2]])


def test_all_problems_in_one_go(tmp_path: Path) -> None:
    """Protects the list of all broken rules, each with its node, reason and remedy."""
    path = tmp_path / "broken.onnx"
    path.write_bytes(broken_model().SerializeToString())
    problems = {(problem.layer, problem.what) for problem in problems_of_qonnx(path)}
    expected = {
        ("x", "it is not quantised"),
        ("Quant_0", "the scale is 0.300000012, not a power of two"),
        ("MatMul_1", "its weights are floats"),
        ("Sigmoid_2", "Sigmoid is not supported"),
        ("Quant_3", "rounding_mode CEIL"),
        ("Quant_4", "the scale is 0.100000001, not a power of two"),
        ("LeakyRelu_6", "the slope is 0.300000012"),
        ("Slice_7", "steps=[2]"),
    }
    assert expected - {("x", "it is not quantised")} <= problems
    with pytest.raises(NoExactForm, match=r"broken\.onnx"):
        graph_from_qonnx(path)


@pytest.mark.parametrize(
    ("kind", "numbers", "problem"),
    [
        ("Slice", ([0], [2], [0]), "axis 0 of 2"),
        ("Slice", ([1], [2**31 - 1], [-2]), "axis -2 of 2"),
        ("Slice", ([0], [2], [2]), "axis 2 of 2"),
        ("Slice", ([0, 1], [2, 3], [1, -1]), "axes=[1, -1]"),
        ("Slice", ([0, 1], [2], [1]), "starts=[0, 1], ends=[2], axes=[1], steps=[1, 1]"),
        ("Slice", ([3], [0], [1], [-1]), "steps=[-1]"),
        ("Slice", ([2], [2], [1]), "takes (0,) of (4,)"),
        ("Slice", ([-9], [-7], [1]), "takes (0,) of (4,)"),
        ("Reshape", ([4],), "reshapes (events, 4) to [4]"),
    ],
)
def test_moves_that_a_graph_does_not_know(
    tmp_path: Path, kind: str, numbers: tuple[list[int], ...], problem: str
) -> None:
    """Protects events from each other, and slices from being read as another block than they say."""
    m = Model(8)
    moved = m.node(kind, m.quant("x", 0.25, 5.0), *(m.constant(some, np.int64) for some in numbers))
    path = tmp_path / "moved.onnx"
    path.write_bytes(m.proto([moved], [4], [[4]]).SerializeToString())
    assert problem in {found.what for found in problems_of_qonnx(path)}


@pytest.mark.parametrize("kind", ["Concat", "Gather", "Add"])
def test_constants_that_would_fill_the_memory(tmp_path: Path, kind: str) -> None:
    """Protects against a small file that asks for terabytes: refused before anything is computed."""
    m = Model()
    half = m.constant(np.zeros(1 << 11))
    inputs = {
        "Concat": [half] * (1 << 14),
        "Gather": [m.constant(np.zeros((2, 1 << 13))), m.constant(np.zeros(1 << 13), np.int64)],
        "Add": [m.constant(np.zeros((1 << 13, 1))), m.constant(np.zeros((1, 1 << 13)))],
    }[kind]
    x = m.node("Add", m.quant("x", 0.25, 6), m.node(kind, *inputs, **({"axis": 0} if kind != "Add" else {})))
    path = tmp_path / "bomb.onnx"
    path.write_bytes(m.proto([x], [3], [[3]]).SerializeToString())
    assert f"{kind} of constants" in {problem.what for problem in problems_of_qonnx(path)}


def test_plain_onnx_with_a_quantizers_file(tmp_path: Path) -> None:
    """Protects post-training quantisation: the formats of the file, exact in the executor."""
    m = Model(9)
    x = m.node("Relu", m.node("Gemm", "x", m.weights(3, 6), m.weights(6)))
    y = m.node("Add", m.node("MatMul", x, m.weights(6, 4)), m.weights(4))
    x = m.node("MatMul", m.node("Identity", y), m.weights(4, 2))
    path, formats = tmp_path / "plain.onnx", tmp_path / "formats.yml"
    path.write_bytes(m.proto([m.node("Softmax", x, axis=1)], [3], [[2]]).SerializeToString())
    formats.write_text("default:\n  weights: fixed<6,auto>\n  biases: fixed<6,1>\n")
    lacking = {
        (problem.layer, problem.what.split(" for its ")[-1])
        for problem in problems_of_qonnx(path, None, formats)
    }
    assert {("Relu_1", "activations"), ("MatMul_2", "activations"), ("x", "it is not quantised")} <= lacking
    formats.write_text(
        "input: fixed<8,3>\ndefault:\n  weights: fixed<6,auto>\n  biases: fixed<6,1>\n"
        "  activations: ufixed<6,2>\n  signed_activations: fixed<7,3>\nlayers:\n  Relu_1:\n"
        "    activations: ufixed<5,2>\n"
    )
    conversion = qonnx_from_file(path, None, formats)
    graph = conversion.model.graph
    quantised = [str(o.format.exact()) for o in graph.operations if isinstance(o, ops.Quantize)]
    assert quantised == ["ap_ufixed<5,2>", "ap_fixed<7,3>"]
    assert [o.weight_format.width for o in graph.operations if isinstance(o, ops.Dense)] == [6, 6, 6]
    sets = [corner_vectors(graph), *random_vectors(graph, 400, 1)]
    assert compare(GraphStage(graph), [QonnxStage(conversion.model)], sets).stages[1].differences == 0
    formats.write_text("layers:\n  Relu_7:\n    activations: ufixed<5,2>\n")
    with pytest.raises(BadInput, match="Relu_1"):
        qonnx_from_file(path, None, formats)

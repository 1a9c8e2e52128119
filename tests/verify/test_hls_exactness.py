"""QKeras = graph = the C++ of the HLS project, to the bit; and planted faults are found and named."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trigml.backends.hls.layers import HlsLayer, hls_layers
from trigml.backends.hls.options import HlsBackend, HlsOptions, IoType, Strategy
from trigml.backends.hls.writer import hls_project, write_layers
from trigml.backends.rtl import logic_of
from trigml.contract import InputContract, fitted_feature
from trigml.data.blocks import Chunk
from trigml.data.splits import Split
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import NotBitExact
from trigml.fixedpoint import FixedPoint, Rounding, to_values
from trigml.frontends.qkeras import graph_from_qkeras
from trigml.graph import Graph
from trigml.graph.operations import KINDS, Dense
from trigml.spec import load_spec
from trigml.training.events import event_source
from trigml.verify.comparison import Comparison, compare
from trigml.verify.stages import GraphStage, HlsStage, KerasStage, LogicStage, Stage
from trigml.verify.vectors import Vectors, corner_vectors, event_vectors, random_vectors

pytestmark = pytest.mark.slow

VITIS = HlsOptions(HlsBackend.VITIS, "xcvu13p-flga2577-2-e", 5.0)


def vectors_of(graph: Graph, count: int = 6000) -> list[Vectors]:
    return [corner_vectors(graph), *random_vectors(graph, count, seed=11)]


def assert_exact(comparison: Comparison, stages: int) -> None:
    assert comparison.first_difference is None, comparison.first_difference
    assert [result.differences for result in comparison.stages] == [0] * (stages + 1)
    assert len({result.words for result in comparison.stages}) == 1


@pytest.fixture(scope="module")
def jets() -> Chunk:
    """Real jets: events of the packaged sample with the 16 features of the shipped tagger."""
    spec = load_spec("jet_tagger_hlf")
    return event_source(spec).gather(Split.TEST, 3000, seed=1)


@pytest.mark.parametrize("bits", [4, 6, 8, 12])
def test_all_stages_agree(make_qkeras: Callable[..., Any], jets: Chunk, tmp_path: Path, bits: int) -> None:
    """Protects what trigml is for: no differing word in any stage, on real jets and on random vectors."""
    format_ = FixedPoint.parse(f"ap_fixed<{bits + 2},4,RND_CONV,SAT>")
    columns = [
        fitted_feature(name, "", jets.features[:, column], format_)
        for column, name in enumerate(load_spec("jet_tagger_hlf").inputs.names)
    ]
    contract = InputContract(tuple(columns), format_)
    trained = make_qkeras(bits, seed=bits, sizes=(16, 24, 12, 5))
    graph = graph_from_qkeras(trained.model, contract)
    real = event_vectors(graph, jets.features, "jets")
    stages: list[Stage] = [
        KerasStage(trained.model, graph),
        HlsStage(graph, hls_project(graph, VITIS), tmp_path),
        LogicStage(logic_of(graph, 5.0)),
    ]
    comparison = compare(GraphStage(graph), stages, [real, *vectors_of(graph)])
    assert_exact(comparison, 3)
    assert dict(comparison.vectors)["jets"] == 3000
    assert len(np.unique(GraphStage(graph).outputs(real))) > 20
    assert comparison.stages[2].stage == "HLS C++ (vitis, parallel)"
    assert comparison.stages[2].version.startswith("hls4ml 1.")


PARALLEL, STREAM = IoType.PARALLEL, IoType.STREAM
LATENCY, RESOURCE = Strategy.LATENCY, Strategy.RESOURCE
CHOICES = [
    ("image", HlsBackend.VITIS, PARALLEL, LATENCY, 1),
    ("vectors", HlsBackend.VITIS, PARALLEL, LATENCY, 1),
    ("modes", HlsBackend.VITIS, PARALLEL, LATENCY, 1),
    ("tagger", HlsBackend.VITIS, PARALLEL, RESOURCE, 2),
    ("image", HlsBackend.VITIS, STREAM, LATENCY, 1),
    ("vectors", HlsBackend.VITIS, STREAM, RESOURCE, 1),
    ("tagger", HlsBackend.VITIS, STREAM, LATENCY, 1),
    ("image", HlsBackend.VIVADO, PARALLEL, LATENCY, 1),
    ("image", HlsBackend.VIVADO, STREAM, LATENCY, 1),
    ("vectors", HlsBackend.VIVADO, PARALLEL, LATENCY, 1),
    ("vectors", HlsBackend.VIVADO, STREAM, LATENCY, 1),
    ("image", HlsBackend.QUARTUS, PARALLEL, RESOURCE, 1),
    ("image", HlsBackend.QUARTUS, STREAM, RESOURCE, 1),
    ("vectors", HlsBackend.QUARTUS, PARALLEL, RESOURCE, 1),
    ("vectors", HlsBackend.QUARTUS, STREAM, RESOURCE, 1),
    ("modes", HlsBackend.QUARTUS, PARALLEL, RESOURCE, 1),
    ("tagger", HlsBackend.QUARTUS, STREAM, RESOURCE, 1),
    ("image", HlsBackend.CATAPULT, PARALLEL, LATENCY, 1),
    ("image", HlsBackend.CATAPULT, STREAM, LATENCY, 1),
    ("vectors", HlsBackend.CATAPULT, PARALLEL, LATENCY, 1),
    ("vectors", HlsBackend.CATAPULT, STREAM, LATENCY, 1),
    ("tagger", HlsBackend.CATAPULT, PARALLEL, RESOURCE, 1),
]
"""Every operation in every backend and io type that docs/hls.md calls exact; together every strategy."""


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(map(str, choice)))
def test_every_operation_agrees(
    hls_networks: ModuleType, tmp_path: Path, choice: tuple[str, HlsBackend, IoType, Strategy, int]
) -> None:
    """Protects every operation in every backend that g++ can compile: no differing word."""
    name, backend, io, strategy, reuse = choice
    graph = hls_networks.NETWORKS[name]()
    options = HlsOptions(backend, backend.default_part, 5.0, io, strategy, reuse)
    project = hls_project(graph, options)
    stage = HlsStage(graph, project, tmp_path, optimisation="-O0")
    comparison = compare(GraphStage(graph), [stage], vectors_of(graph, 600))
    assert_exact(comparison, 1)


def test_the_choices_hold_every_operation(hls_networks: ModuleType) -> None:
    """Protects the test above: no operation is left out in any backend and io type."""
    for backend in HlsBackend:
        for io in IoType:
            names = [name for name, *choice in CHOICES if choice[:2] == [backend, io]]
            held = {
                type(operation) for name in names for operation in hls_networks.NETWORKS[name]().operations
            }
            assert held == (set(KINDS) if backend.emulates_with_gxx else set()), (backend, io)


def test_names_that_hls4ml_would_confuse(make_graph: Callable[..., Graph], tmp_path: Path) -> None:
    """Protects networks whose tensors are named like the port, or alike but for their case."""
    graph = make_graph(6, sizes=(3, 4, 2))
    names = {"dense_1": "features", "act_1": "Layer", "dense_2": "layer"}
    operations = tuple(
        replace(
            operation,
            name=names.get(operation.name, operation.name),
            inputs=tuple(names.get(name, name) for name in operation.inputs),
        )
        for operation in graph.operations
    )
    graph = replace(graph, operations=operations, outputs=("layer",)).check()
    stage = HlsStage(graph, hls_project(graph, VITIS), tmp_path, optimisation="-O0")
    assert_exact(compare(GraphStage(graph), [stage], vectors_of(graph, 1000)), 1)


# --- planted faults ----------------------------------------------------------------------------------


def with_precision(layers: Sequence[HlsLayer], name: str, changed: dict[str, FixedPoint]) -> list[HlsLayer]:
    return [
        replace(layer, precisions=layer.precisions | changed) if layer.name == name else layer
        for layer in layers
    ]


def one_bit_less(format_: FixedPoint) -> FixedPoint:
    """Without the lowest bit of the fraction."""
    return replace(format_, width=format_.width - 1)


def coarse_accumulator(graph: Graph, layers: list[HlsLayer]) -> list[HlsLayer]:
    return with_precision(layers, "dense_2", {"accum": one_bit_less(graph["dense_2"].format)})


def narrow_result(graph: Graph, layers: list[HlsLayer]) -> list[HlsLayer]:
    format_ = graph["dense_1"].format
    narrow = replace(format_, width=format_.width - 2, integer=format_.integer - 2)
    return with_precision(layers, "dense_1", {"result": narrow})


def other_rounding(graph: Graph, layers: list[HlsLayer]) -> list[HlsLayer]:
    return with_precision(layers, "act_1", {"result": replace(graph["act_1"].format, rounding=Rounding.RND)})


def other_weight(graph: Graph, layers: list[HlsLayer]) -> list[HlsLayer]:
    dense = graph["dense_2"]
    assert isinstance(dense, Dense)
    words = dense.weight.copy()
    words[2, 1] ^= 1
    return [
        replace(
            layer,
            description=layer.description | {"weight_data": to_values(words, dense.weight_format.fraction)},
        )
        if layer.name == "dense_2"
        else layer
        for layer in layers
    ]


FAULTS: dict[str, tuple[Callable[[Graph, list[HlsLayer]], list[HlsLayer]], str, int | None]] = {
    "an accumulator without its last bit": (coarse_accumulator, "dense_2", None),
    "a result two bits too narrow": (narrow_result, "dense_1", None),
    "ties rounded up instead of to even": (other_rounding, "act_1", None),
    "one bit of one weight": (other_weight, "dense_2", 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_named(
    make_graph: Callable[..., Graph], tmp_path: Path, fault: str
) -> None:
    """Protects the check itself: each kind of fault is seen, with event, layer, element and values."""
    plant, layer, element = FAULTS[fault]
    graph = make_graph(8, sizes=(4, 6, 3))
    project = write_layers(graph, plant(graph, hls_layers(graph)), VITIS)
    sets = vectors_of(graph)
    comparison = compare(GraphStage(graph), [HlsStage(graph, project, tmp_path, optimisation="-O0")], sets)
    first = comparison.first_difference
    assert comparison.stages[1].differences > 0
    assert first is not None
    assert first.tensor == layer
    assert element is None or first.element == element
    assert str(first.graph) != first.found
    chosen = next(vectors for vectors in sets if vectors.name == first.vectors)
    assert first.inputs == tuple(chosen.words[first.event].tolist())
    assert first.graph == emulate(graph.upto(layer), chosen.words[[first.event]])[0, first.element]
    error = first.explained()
    assert isinstance(error, NotBitExact)
    assert error.exit_code == 4
    assert f"layer {layer!r}" in str(error)
    assert "HLS C++ (vitis, parallel)" in str(error)


def one_word_more(layers: Sequence[HlsLayer], name: str, place: tuple[int, ...]) -> list[HlsLayer]:
    """One constant of a layer is an LSB off."""

    def changed(layer: HlsLayer) -> HlsLayer:
        words = np.array(layer.description["weight_data"])
        words[place] += layer.precisions["weight"].lsb * (1 if words[place] < 0 else -1)
        return replace(layer, description=layer.description | {"weight_data": words})

    return [changed(layer) if layer.name == name else layer for layer in layers]


def other_mean(layers: Sequence[HlsLayer]) -> list[HlsLayer]:
    """The average pool rounds down instead of to even."""

    def changed(layer: HlsLayer) -> HlsLayer:
        kernel = layer.description["kernel"]
        sizes = dict(kernel.sizes) | {"rounding": "trigml::TRN"}
        return replace(layer, description=layer.description | {"kernel": replace(kernel, sizes=sizes)})

    return [changed(layer) if layer.name == "mean" else layer for layer in layers]


KERNEL_FAULTS: dict[str, tuple[str, str, Callable[[Graph, list[HlsLayer]], list[HlsLayer]]]] = {
    "a weight of a convolution": (
        "image", "conv", lambda graph, layers: one_word_more(layers, "conv", (1, 1, 1, 2)),
    ),
    "a weight of a depthwise convolution": (
        "image", "depthwise", lambda graph, layers: one_word_more(layers, "depthwise", (1, 0, 2, 1)),
    ),
    "the rounding of a pool": ("image", "mean", lambda graph, layers: other_mean(layers)),
    "the type of a sum": (
        "image", "three",
        lambda graph, layers: with_precision(
            layers, "three", {"result": one_bit_less(graph["three"].format)}
        ),
    ),
    "an entry of a table": (
        "vectors", "table", lambda graph, layers: one_word_more(layers, "table", (40,)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", KERNEL_FAULTS)
def test_a_planted_fault_in_a_branching_network_is_located(
    hls_networks: ModuleType, tmp_path: Path, fault: str
) -> None:
    """Protects the check in every kind of layer: the tensor where it arises is named, with both words."""
    network, tensor, plant = KERNEL_FAULTS[fault]
    graph = hls_networks.NETWORKS[network]()
    project = write_layers(graph, plant(graph, hls_layers(graph)), VITIS)
    stage = HlsStage(graph, project, tmp_path, optimisation="-O0")
    first = compare(GraphStage(graph), [stage], vectors_of(graph, 600)).first_difference
    assert first is not None
    assert first.tensor == tensor
    assert str(first.graph) != first.found


# --- the project by itself ---------------------------------------------------------------------------


def test_the_project_builds_elsewhere_with_its_own_script(
    make_graph: Callable[..., Graph], make_words: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    """Protects what the user gets: in any folder, its build script and its testbench work."""
    graph = make_graph(5, sizes=(4, 6, 3))
    words = make_words(graph, 50)
    outputs = emulate(graph, words)
    folder = tmp_path / "some where" / "project"
    hls_project(graph, VITIS, vectors=(words, outputs)).write(folder)
    subprocess.run(["bash", "build_lib.sh"], cwd=folder, check=True, capture_output=True)
    (library,) = (folder / "firmware").glob("*.so")
    assert library.name == f"network-g{graph.digest[:7]}.so"
    top = ctypes.CDLL(str(library)).network_double
    inputs, found = to_values(words, graph.inputs[0].format.fraction), np.empty(outputs.shape)
    for event in range(len(words)):
        top(ctypes.c_void_p(inputs[event].ctypes.data), ctypes.c_void_p(found[event].ctypes.data))
    np.testing.assert_array_equal(np.ldexp(found, graph.output.format.fraction), outputs)

    compiler = shutil.which("g++")
    assert compiler is not None
    subprocess.run(
        [compiler, "-std=c++17", "-O1", "-w", "-Ifirmware/ap_types", '-DWEIGHTS_DIR="firmware/weights"',
         "network_test.cpp", "firmware/network.cpp", "-o", "bench"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(["./bench"], cwd=folder, check=True, capture_output=True)
    printed = (folder / "tb_data" / "csim_results.log").read_text().splitlines()
    values = np.array([[float(value) for value in line.split()] for line in printed])
    # hls4ml's testbench prints six digits, enough to tell which word it was.
    np.testing.assert_array_equal(np.rint(np.ldexp(values, graph.output.format.fraction)), outputs)

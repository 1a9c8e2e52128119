"""Random QKeras models: Keras, NumPy and native emulator agree in every bit; some also through hls4ml.

``TRIGML_RANDOM_NETWORKS=3000 pytest tests/verify/test_random_networks.py`` draws so many networks, others
with ``TRIGML_RANDOM_SEED=1``. Without these the same networks are drawn every time. A network that fails is
shown as a program; with ``TRIGML_RANDOM_SHRINK=1`` the smallest one that hypothesis finds in some minutes.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from trigml.backends.hls.options import HlsBackend, HlsOptions
from trigml.backends.hls.preflight import backend_problems
from trigml.backends.hls.writer import hls_project
from trigml.emulation.native import Emulator
from trigml.fixedpoint import FixedPoint
from trigml.frontends.options import ConversionOptions
from trigml.frontends.qkeras import graph_from_keras
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.legacy_keras import load
from trigml.progress import Progress
from trigml.verify.comparison import compare
from trigml.verify.stages import GraphStage, HlsStage, KerasStage, Stage
from trigml.verify.vectors import Vectors, corner_vectors, random_vectors

pytestmark = pytest.mark.slow

NETWORKS = int(os.environ.get("TRIGML_RANDOM_NETWORKS", "300"))
SEED = os.environ.get("TRIGML_RANDOM_SEED", "")
FOCUSES = 26
"""Kinds of layers: each one is the subject of as many networks."""
VITIS = HlsOptions(HlsBackend.VITIS, HlsBackend.VITIS.default_part, 5.0)


class CheapNative:
    """The native emulator, compiled quickly; behind its own input quantiser where there are features."""

    name = "native"

    def __init__(self, graph: Graph) -> None:
        self._emulator = Emulator(graph, 1, optimise=False)
        self.version = self._emulator.tool

    def outputs(self, vectors: Vectors) -> Any:
        if vectors.features is not None:
            return self._emulator.predict(vectors.features)
        return self._emulator.predict_words(vectors.words)

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Any]:
        return dict(self._emulator.tensors(vectors.words))


@dataclass
class Record:
    """What was compared."""

    networks: int = 0
    drawn: Counter[str] = field(default_factory=Counter)
    graphs: list[Graph] = field(default_factory=list)


@pytest.fixture(scope="module")
def record() -> Record:
    return Record()


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled emulators of these networks are of no use later."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIGML_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def options_of(drawn: Any) -> ConversionOptions:
    return ConversionOptions(
        input_type=FixedPoint.parse(drawn.input_type) if drawn.input_type else None,
        batchnorm_type=FixedPoint.parse(drawn.batchnorm_type) if drawn.batchnorm_type else None,
    )


def vectors_of(graph: Graph, number: int = 100, seed: int = 7) -> list[Vectors]:
    return [corner_vectors(graph), *random_vectors(graph, number, seed)]


def explained(comparison: Any, drawn: Any) -> str:
    first = comparison.first_difference
    return f"{first.explained() if first else ''}\n{drawn!r}"


@pytest.mark.parametrize("focus", range(FOCUSES))
def test_keras_numpy_and_native_agree(random_models: ModuleType, record: Record, focus: int) -> None:
    """Protects the promise: whatever network of supported parts is trained, no stage differs in a bit."""
    layer = random_models.LAYERS[focus]
    compared = []

    def agree(drawn: Any) -> None:
        try:
            model = random_models.built(drawn)
            options = options_of(drawn)
            graph = graph_from_keras(model, options).graph
            stages: list[Stage] = [KerasStage(model, graph, options), CheapNative(graph)]
            sets = vectors_of(graph, seed=drawn.seed)
            comparison = compare(GraphStage(graph), stages, sets)
            assert comparison.first_difference is None, explained(comparison, drawn)
            assert [result.differences for result in comparison.stages] == [0, 0, 0]
            assert f"layer {layer.__name__}" in drawn.drawn
        finally:
            load().keras.backend.clear_session()
        compared.append(graph)
        record.networks += 1
        record.drawn.update(drawn.drawn)
        record.graphs.append(graph)

    wanted = -(-NETWORKS // FOCUSES)
    chosen = settings(
        deadline=None,
        database=None,
        derandomize=not SEED,
        max_examples=wanted,
        phases=[Phase.generate, *([Phase.shrink] if "TRIGML_RANDOM_SHRINK" in os.environ else [])],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    test = chosen(given(drawn=random_models.models(layer))(agree))
    (seed(int(SEED))(test) if SEED else test)()
    assert len(compared) >= wanted


def test_everything_was_drawn(random_models: ModuleType, record: Record) -> None:
    """Protects the test above from shrinking in silence: 300 networks, each layer and each option."""
    assert len(random_models.LAYERS) == FOCUSES
    if not record.networks:
        pytest.skip("counts what the test above has compared; run the whole file")
    kinds = Counter(type(operation).__name__ for graph in record.graphs for operation in graph.operations)
    lines = [f"{count:5} {name}" for name, count in sorted((record.drawn + kinds).items())]
    sys.stdout.write("\n".join([f"{record.networks} networks", *lines, ""]))  # pytest -rP shows it
    assert record.networks >= min(NETWORKS, 300)
    assert random_models.OPTIONS - set(record.drawn) == set()
    assert {kind.__name__ for kind in ops.KINDS} - set(kinds) == set()


def chosen_networks(graphs: list[Graph], count: int) -> list[Graph]:
    """The smallest networks that together have each operation, and the next smallest, up to ``count``."""
    fitting = [graph for graph in graphs if not backend_problems(graph, VITIS)]
    fitting.sort(key=lambda graph: (sum(int(np.prod(o.shape)) for o in graph.operations), graph.digest))
    covered: set[type[ops.Operation]] = set()
    chosen: list[Graph] = []
    for graph in fitting:
        kinds = {type(operation) for operation in graph.operations}
        if not kinds <= covered:
            chosen.append(graph)
            covered |= kinds
    chosen += [graph for graph in fitting if graph not in chosen][: max(0, count - len(chosen))]
    return chosen


def test_networks_through_hls4ml(record: Record, tmp_path: Path) -> None:
    """Protects the firmware: at least 12 of these networks, with each operation, agree in hls4ml's C++."""
    if not record.networks:
        pytest.skip("takes its networks from the test above; run the whole file")
    networks = chosen_networks(record.graphs, 12)
    assert len(networks) >= 12
    assert {type(operation) for graph in networks for operation in graph.operations} == set(ops.KINDS)
    for graph in networks:
        stage = HlsStage(graph, hls_project(graph, VITIS), tmp_path, optimisation="-O0")
        comparison = compare(GraphStage(graph), [stage], vectors_of(graph, 60))
        assert comparison.first_difference is None, comparison.first_difference
        assert comparison.stages[1].differences == 0


@pytest.mark.parametrize("stage", ["native", "keras", "hls"])
def test_a_planted_bit_is_found(random_graphs: ModuleType, stage: str, tmp_path: Path) -> None:
    """Protects the comparison itself: one bit of one weight is seen in each stage, and its layer named."""
    if stage == "keras":
        modules = load()
        inputs = modules.keras.Input((3,), name="inputs")
        x = modules.qkeras.QActivation("quantized_bits(4,1,alpha=1)", name="words")(inputs)
        x = modules.qkeras.QDense(
            2, kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False, name="d"
        )(x)
        model = modules.keras.Model(inputs, x, name="network")
        model.set_weights([np.array([[0.5, 0.25], [0.125, 0.0], [-0.5, 0.375]])])
        graph = graph_from_keras(model).graph
        name = "d"
    else:
        # The sums leave the network themselves: behind them, a saturating quantiser hides a bit.
        graph, name = random_graphs.every_operation().upto("joined", "dense"), "dense"
    weight = graph[name].weight.copy()
    column = weight[:, 1]
    # A bit that brings the weight nearer to zero: the formats still hold the proven ranges.
    row = int(np.argmax(np.where(column > 0, column & 1 == 1, (column < 0) & (column & 1 == 0))))
    weight[row, 1] ^= 1
    assert abs(weight[row, 1]) == abs(graph[name].weight[row, 1]) - 1
    changed = tuple(
        replace(operation, weight=weight) if operation.name == name else operation
        for operation in graph.operations
    )
    other = replace(graph, operations=changed).check()
    stages: dict[str, Any] = {
        "native": lambda: CheapNative(other),
        "keras": lambda: KerasStage(model, graph),
        "hls": lambda: HlsStage(other, hls_project(other, VITIS), tmp_path, optimisation="-O0"),
    }
    reference = GraphStage(other if stage == "keras" else graph)
    comparison = compare(reference, [stages[stage]()], vectors_of(graph))
    assert comparison.stages[1].differences > 0
    assert comparison.first_difference is not None
    assert comparison.first_difference.tensor == name
    assert comparison.first_difference.element == 1

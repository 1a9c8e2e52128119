"""Small networks that many tests share, handed out as session-wide factories.

The test tree is not a package (``--import-mode=importlib``), so what tests share comes as fixtures. The
factories hold no state; hypothesis may call them as often as it likes.
"""

import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trigml.contract import InputContract, InputFeature
from trigml.fixedpoint import FixedPoint
from trigml.graph import Constants, Graph, GraphBuilder

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would all programs that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def contract_of(count: int, format_: str) -> InputContract:
    """``count`` features with different scales and offsets."""
    parsed = FixedPoint.parse(format_)
    features = [
        InputFeature(f"x{i}", "GeV" if i % 2 else "", InputContract.on_grid(0.3 * i, i - 1, parsed), i - 1)
        for i in range(count)
    ]
    return InputContract(tuple(features), parsed)


def random_network(
    seed: int,
    *,
    sizes: Sequence[int] = (3, 5, 4, 2),
    input_format: str = "ap_fixed<8,3,RND_CONV,SAT>",
    weight_format: str = "ap_fixed<6,1>",
    bias_format: str = "ap_fixed<7,2>",
    activation_formats: Sequence[str] = ("ap_ufixed<6,2,RND_CONV,SAT>", "ap_fixed<6,3,RND_CONV,SAT>"),
) -> Graph:
    """Dense layers with random words; activations alternate through ``activation_formats``.

    An unsigned activation stands behind a ReLU. The last layer's sums are the output.
    """
    random = np.random.default_rng(seed)
    contract = contract_of(sizes[0], input_format)
    weights, biases = FixedPoint.parse(weight_format), FixedPoint.parse(bias_format)
    builder = GraphBuilder("network")
    last = builder.input("quantised", (sizes[0],), contract)
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        last = builder.dense(
            f"dense_{layer}",
            last,
            Constants(random.integers(weights.min_word, weights.max_word + 1, (n_in, n_out)), weights),
            Constants(random.integers(biases.min_word, biases.max_word + 1, n_out), biases),
        )
        if layer == len(sizes) - 1:
            break
        target = FixedPoint.parse(activation_formats[(layer - 1) % len(activation_formats)])
        if not target.signed:
            last = builder.relu(f"relu_{layer}", last)
        last = builder.quantize(f"act_{layer}", last, target)
    return builder.finish([last])


def random_words(graph: Graph, count: int, seed: int = 0) -> np.ndarray:
    """Input words, each one equally likely, and both ends of the range."""
    format_ = graph.inputs[0].format
    words = np.random.default_rng(seed).integers(format_.min_word, format_.max_word + 1, (count, graph.n_in))
    words[:1], words[1:2] = format_.min_word, format_.max_word
    return words


@dataclass(frozen=True)
class Trained:
    """A QKeras model with its contract and graph."""

    model: Any
    contract: InputContract
    graph: Graph


def qkeras_mlp(
    bits: int, seed: int = 0, *, sizes: Sequence[int] = (4, 8, 6, 3), input_format: str | None = None
) -> Trained:
    """A QKeras model as trigml trains them, with random weights (some beyond the weights' range)."""
    from trigml.frontends.qkeras import graph_from_qkeras
    from trigml.legacy_keras import load

    modules = load()
    keras, qkeras = modules.keras, modules.qkeras
    contract = contract_of(sizes[0], input_format or f"ap_fixed<{bits + 2},4,RND_CONV,SAT>")
    width, integer = contract.format.width, contract.format.integer - 1
    inputs = keras.Input((sizes[0],), name="inputs")
    x = qkeras.QActivation(f"quantized_bits({width},{integer},alpha=1)", name="input_quantiser")(inputs)
    for layer, units in enumerate(sizes[1:], start=1):
        x = qkeras.QDense(
            units,
            kernel_quantizer=f"quantized_bits({bits},0,alpha=1)",
            bias_quantizer=f"quantized_bits({bits},1,alpha=1)",
            name=f"dense_{layer}",
        )(x)
        if layer == len(sizes) - 1:
            break
        quantiser = f"quantized_relu({bits},2)" if layer % 2 else f"quantized_bits({bits},2,alpha=1)"
        x = qkeras.QActivation(quantiser, name=f"act_{layer}")(x)
    model = keras.Model(inputs, x, name="tagger")
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.6, array.shape) for array in model.get_weights()])
    return Trained(model, contract, graph_from_qkeras(model, contract))


@pytest.fixture(scope="session")
def make_contract() -> Callable[..., InputContract]:
    """``contract_of(count, format)``."""
    return contract_of


@pytest.fixture(scope="session")
def make_graph() -> Callable[..., Graph]:
    """``random_network(seed, ...)``: a checked graph."""
    return random_network


@pytest.fixture(scope="session")
def make_words() -> Callable[..., np.ndarray]:
    """``random_words(graph, count, seed)``."""
    return random_words


@pytest.fixture(scope="session")
def make_qkeras() -> Callable[..., Trained]:
    """``qkeras_mlp(bits, seed, ...)``: model, contract and graph."""
    return qkeras_mlp


def support(name: str) -> ModuleType:
    """A module or package of ``tests/support``, which no import path leads to."""
    path = Path(__file__).parent / "support" / name
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    spec = spec_from_file_location(f"tests_support_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # hypothesis and dataclasses look modules up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def exact_arithmetic() -> ModuleType:
    """Every operation in Python integers and fractions: ``exact_words(graph, words)``."""
    return support("exact_arithmetic")


@pytest.fixture(scope="session")
def random_graphs() -> ModuleType:
    """The hypothesis strategy ``graphs()``, and ``random_input_words``, ``described``."""
    return support("random_graphs")


@pytest.fixture(scope="session")
def random_models() -> ModuleType:
    """The hypothesis strategy ``models(focus)``, its kinds ``LAYERS`` and ``OPTIONS``, and ``built``."""
    return support("random_models")


@pytest.fixture(scope="session")
def hls_networks() -> ModuleType:
    """Small networks that together hold every operation: ``NETWORKS[name]()``."""
    return support("hls_networks")


@pytest.fixture(scope="session")
def vendor_reports() -> ModuleType:
    """Report texts in the formats of the vendors' tools: ``csynth_text(Figures())`` and so on."""
    return support("vendor_reports")


@pytest.fixture(scope="session")
def vendor_stand_ins() -> ModuleType:
    """Executables under the names of the vendors' tools that replay report texts, and projects for them."""
    return support("vendor_stand_ins")


@pytest.fixture(scope="session")
def toy_classifier() -> ModuleType:
    """A run whose scores are known from its events: ``toy_events``, ``toy_graph`` and ``toy_run``.

    And ``graph_run``: a run of any graph.
    """
    return support("toy_classifier")


@pytest.fixture(scope="session")
def toy_calorimeter() -> ModuleType:
    """Events and spec of a small regression: ``write_toy_showers``, ``toy_energies``, ``toy_energy_spec``."""
    return support("toy_calorimeter")


@pytest.fixture(scope="session")
def toy_regressor(toy_classifier: ModuleType) -> ModuleType:
    """A run whose energies are known from its events: ``toy_measurements`` and ``toy_energy_run``."""
    assert toy_classifier is not None
    return support("toy_regressor")

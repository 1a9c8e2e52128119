"""What comes out of a training: the integer graph held against the QKeras model (imports TensorFlow)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from trigml.contract import InputContract
from trigml.data.blocks import Chunk
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import NotBitExact
from trigml.frontends.qkeras import graph_from_qkeras
from trigml.training.architecture import initial_weights, quantized_model
from trigml.training.heads import LINEAR_PATH
from trigml.training.trained import Trained

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s

EVENTS = Chunk(
    np.arange(100, dtype=np.uint64),
    np.random.default_rng(2).exponential(1, (100, 22)).astype(np.float32),
    labels=None,
    targets=None,
    constituents=None,
)


@pytest.fixture
def trained(toy_calorimeter: ModuleType) -> Trained:
    spec = toy_calorimeter.toy_energy_spec(
        Path("none.h5"),
        "inputs.cells.count=22",
        "quantization.weight_integer=2",
        "quantization.bias_integer=2",
        "quantization.activation_integer=4",
        "quantization.linear_integer=2",
    )
    contract = InputContract.plain("energy", 22, spec.inputs.fixed_point)
    model = quantized_model(spec, contract)
    model.set_weights(initial_weights(model, 1))
    model.get_layer(LINEAR_PATH).set_weights([np.ones((22, 1), np.float32)])
    graph = graph_from_qkeras(model, contract, name="toy")
    return Trained(spec, contract, None, model, graph, {})


def test_the_words_are_those_of_the_graph(trained: Trained) -> None:
    """Where graph and QKeras model agree, the graph's words are handed on."""
    assert trained.graph is not None
    words = trained.words(EVENTS)
    assert words is not None
    np.testing.assert_array_equal(words, emulate(trained.graph, trained.contract.words(EVENTS.features)))
    assert len(np.unique(words)) > 10
    assert replace(trained, graph=None, quantized_model=None).words(EVENTS) is None


def test_a_graph_that_is_not_the_models_is_noticed(trained: Trained) -> None:
    """One weight of the model that is one step away from the graph's is found, and its first event named."""
    assert trained.quantized_model is not None
    weights = np.ones((22, 1), np.float32)
    weights[5] -= 2**-4  # 6 bits, 2 of them integer
    trained.quantized_model.get_layer(LINEAR_PATH).set_weights([weights])
    with pytest.raises(
        NotBitExact, match=r"graph and the QKeras model differ[\s\S]*test event \d+, output 0"
    ):
        trained.words(EVENTS)

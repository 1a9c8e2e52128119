"""The QKeras model as a reference: exact where it says so, and honest where it may round."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate, emulate_tensors
from trigml.frontends.float_proofs import float32_is_exact
from trigml.frontends.keras_reference import KerasReference
from trigml.frontends.qkeras import graph_from_qkeras
from trigml.graph import Graph
from trigml.legacy_keras import load
from trigml.verify.vectors import random_vectors

MakeContract = Callable[..., InputContract]


def model_with(weights: list[np.ndarray], kernel: str, activation: str, inputs: str) -> Any:
    """One dense layer with given weights and an activation behind it."""
    modules = load()
    keras, qkeras = modules.keras, modules.qkeras
    first = keras.Input((weights[0].shape[0],))
    x = qkeras.QActivation(inputs, name="in")(first)
    x = qkeras.QDense(weights[0].shape[1], kernel_quantizer=kernel, bias_quantizer=kernel, name="sum")(x)
    x = qkeras.QActivation(activation, name="act")(x)
    model = keras.Model(first, x)
    model.set_weights(weights)
    return model


def float32_words(model: Any, graph: Graph, words: np.ndarray) -> list[list[float]]:
    """What the model as trained, in float32, makes of inputs with LSB 1, in output LSB."""
    values = model.predict(words.astype(np.float32), verbose=0).astype(np.float64)
    scaled: list[list[float]] = np.ldexp(values, graph.output.format.fraction).tolist()
    return scaled


def test_small_networks_stay_in_float32(make_qkeras: Callable[..., Any]) -> None:
    """Protects that ordinary models are compared as they were trained, with no remark."""
    for bits in (4, 6, 8):
        trained = make_qkeras(bits)
        reference = KerasReference(trained.model, trained.graph)
        assert reference.float_type == "float32"
        assert reference.may_round == ()


def test_wide_sums_are_computed_in_float64(make_contract: MakeContract) -> None:
    """Protects sums beyond 2**24: float32 loses their last bits (seen here), the reference does not."""
    contract = make_contract(4, "ap_fixed<16,16,RND_CONV,SAT>")
    kernel = np.array([[32767.0], [32767.0], [1.0], [0.0]])
    model = model_with(
        [kernel, np.zeros(1)],
        "quantized_bits(16,15,alpha=1)",
        "quantized_bits(24,23,alpha=1)",
        "quantized_bits(16,15,alpha=1)",
    )
    graph = graph_from_qkeras(model, contract).upto("sum")
    assert not float32_is_exact(graph)
    words = np.array([[32767, 32767, 1, 0], [32767, 30001, 1, 5]])
    single = load().keras.Model(model.inputs, model.get_layer("sum").output)
    assert float32_words(single, graph, words) != emulate(graph, words).tolist()
    reference = KerasReference(single, graph)
    assert reference.float_type == "float64"
    assert reference.may_round == ()
    assert reference.outputs(words).tolist() == emulate(graph, words).tolist()


def test_the_boundary_of_float32(make_contract: MakeContract) -> None:
    """Protects the bound itself: 2**24 steps are exact in float32, a bit more is not claimed to be."""
    for largest, exact in ((4096, True), (4097, False)):  # 2 * 4096 * 2048 = 2**24
        contract = make_contract(2, "ap_fixed<12,12,RND_CONV,SAT>")
        model = model_with(
            [np.array([[largest / 2], [largest / 2]]), np.zeros(1)],
            "quantized_bits(14,12,alpha=1)",
            "quantized_bits(6,5,alpha=1)",
            "quantized_bits(12,11,alpha=1)",
        )
        graph = graph_from_qkeras(model, contract)
        assert float32_is_exact(graph) == exact


def test_a_quantiser_finer_than_its_input_needs_float64(make_contract: MakeContract) -> None:
    """Protects against QKeras's ``x + (q - x)``, which in float32 loses a step of a fine q at a large x."""
    contract = make_contract(4, "ap_fixed<12,12,RND_CONV,SAT>")
    model = model_with(
        [np.full((4, 2), 100.0), np.zeros(2)],
        "quantized_bits(8,7,alpha=1)",
        "quantized_bits(8,0,alpha=1)",
        "quantized_bits(12,11,alpha=1)",
    )
    graph = graph_from_qkeras(model, contract)
    words = np.array([[2047, 2047, 2047, 2046], [1, 0, 0, 0], [-2000, 1, 1, 1]])
    expected = [[127, 127], [127, 127], [-128, -128]]
    assert emulate(graph, words).tolist() == expected
    assert float32_words(model, graph, words)[0] == [128, 128]  # a word that 8 bits do not even have
    reference = KerasReference(model, graph)
    assert reference.float_type == "float64"
    assert reference.outputs(words).tolist() == expected


def test_the_cast_inside_of_quantized_relu(make_contract: MakeContract) -> None:
    """Protects sums beyond 2**24 before a quantized_relu, which QKeras casts to float32 in any setting."""
    contract = make_contract(6, "ap_fixed<12,12,RND_CONV,SAT>")
    kernel = np.array([[2047.0]] * 5 + [[1.0]])
    model = model_with(
        [kernel, np.zeros(1)],
        "quantized_bits(12,11,alpha=1)",
        "quantized_relu(8,26)",
        "quantized_bits(12,11,alpha=1)",
    )
    graph = graph_from_qkeras(model, contract)
    # 64.5 steps and a bit more: rounds to 65. In float32 the bit is lost and the tie goes to the even 64.
    words = np.array([[2047, 2047, 2047, 2047, 72, 69]])
    assert emulate_tensors(graph, words)["sum"].tolist() == [[64 * 2**18 + 2**17 + 1]]
    assert emulate(graph, words).tolist() == [[65]]
    assert float32_words(model, graph, words) == [[64]]
    reference = KerasReference(model, graph)
    assert reference.float_type == "float64"
    assert reference.may_round == ()
    assert reference.outputs(words).tolist() == [[65]]


def test_tensors_are_those_of_the_graph(make_qkeras: Callable[..., Any]) -> None:
    """Protects the layer-by-layer view: every layer's tensor in units of its LSB, in either float type."""
    for bits, float_type in ((6, "float32"), (12, "float64")):
        trained = make_qkeras(bits, sizes=(16, 32, 32, 3))
        reference = KerasReference(trained.model, trained.graph)
        assert reference.float_type == float_type
        vectors = random_vectors(trained.graph, 50, seed=2)[1]
        expected = emulate_tensors(trained.graph, vectors.words)
        found = reference.tensors(vectors.inputs)
        assert set(found) == {name for name in expected if not name.endswith("_positive")}
        for name, tensor in found.items():
            np.testing.assert_array_equal(tensor, expected[name], err_msg=name)


@pytest.mark.parametrize("float_type", ["float32", "float64"])
def test_the_float_type_of_keras_is_left_alone(make_qkeras: Callable[..., Any], float_type: str) -> None:
    """Protects a user's own Keras settings, also when the prediction fails."""
    keras = load().keras
    trained = make_qkeras(6 if float_type == "float32" else 12, sizes=(16, 32, 32, 3))
    reference = KerasReference(trained.model, trained.graph)
    assert reference.float_type == float_type
    with pytest.raises(ValueError, match="shape"):
        reference.outputs(np.zeros((2, 99)))
    assert keras.backend.floatx() == "float32"
    assert keras.mixed_precision.global_policy().name == "float32"

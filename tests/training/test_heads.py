"""Heads of regressions: the linear path, and the word (imports TensorFlow)."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trigml.contract import InputContract, InputFeature
from trigml.emulation.numpy_emulator import emulate
from trigml.frontends.keras_reference import KerasReference
from trigml.frontends.qkeras import graph_from_qkeras
from trigml.graph import Graph
from trigml.spec import Spec
from trigml.training.architecture import copy_weights, float_model, initial_weights, quantized_model
from trigml.training.calibration import resolve_integer_bits
from trigml.training.heads import LINEAR_PATH, start_as_sum

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s

CELLS = 22


def contract_of(spec: Spec, *, shift: int = 0, offset: float = 0.0) -> InputContract:
    features = [InputFeature(f"energy[{i}]", "GeV", offset, shift) for i in range(CELLS)]
    return InputContract(tuple(features), spec.inputs.fixed_point)


@pytest.fixture(scope="module")
def spec(toy_calorimeter: ModuleType) -> Spec:
    made: Spec = toy_calorimeter.toy_energy_spec(Path("none.h5"), "inputs.cells.count=22")
    return made


def started(spec: Spec, contract: InputContract, unit: str = "GeV") -> Any:
    model = float_model(spec)
    model.set_weights(initial_weights(model, 1))
    if spec.model.linear:
        start_as_sum(model, contract, unit)
    return model


def energies(n: int = 400) -> np.ndarray:
    rng = np.random.default_rng(8)
    return rng.exponential(0.2, (n, CELLS)) * rng.uniform(0, 20, (n, 1))


@pytest.mark.parametrize(("shift", "offset"), [(0, 0.0), (3, 0.0), (-1, 2.0)])
def test_a_linear_path_starts_as_the_plain_sum(spec: Spec, shift: int, offset: float) -> None:
    """Whatever scale and offset the inputs have, the untrained network gives the sum in the target's unit."""
    contract = contract_of(spec, shift=shift, offset=offset)
    inputs = contract.normalise(energies()).astype(np.float32)
    given = np.asarray(started(spec, contract)(inputs))[:, 0]
    np.testing.assert_allclose(given, energies().sum(axis=1), rtol=1e-4)


def test_inputs_of_another_unit_are_not_summed(spec: Spec) -> None:
    """A width in mm is no energy: its weight starts at 0."""
    features = list(contract_of(spec).features)
    features[3] = InputFeature("width", "mm", 0.0, 2)
    contract = InputContract(tuple(features), spec.inputs.fixed_point)
    weights = started(spec, contract).get_layer(LINEAR_PATH).kernel.numpy()[:, 0]
    assert weights[3] == 0
    assert set(np.delete(weights, 3)) == {1.0}


def test_without_an_input_in_the_targets_unit_the_drawn_weights_stay(spec: Spec) -> None:
    """A network on shapes only starts as any other: were its output weights 0, it would predict 0."""
    model = float_model(spec)
    model.set_weights(initial_weights(model, 1))
    before = [weight.copy() for weight in model.get_weights()]
    start_as_sum(model, contract_of(spec), "mm")
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def exact_graph(spec: Spec, inputs: np.ndarray) -> tuple[Any, Graph]:
    contract = contract_of(spec)
    reference = started(spec, contract)
    rng = np.random.default_rng(3)
    reference.set_weights([w + rng.normal(0, 0.2, w.shape) for w in reference.get_weights()])
    resolved = resolve_integer_bits(spec, reference, inputs)
    model = quantized_model(resolved, contract)
    copy_weights(reference, model)
    return model, graph_from_qkeras(model, contract, name="toy")


@pytest.mark.parametrize("changes", [(), ("model.linear=false",), ("output.lsb=8", "output.bits=3")])
def test_the_word_is_that_of_the_spec_and_saturates(
    toy_calorimeter: ModuleType, changes: tuple[str, ...]
) -> None:
    """Declared LSB and width, 0 below and the largest word above, equal to QKeras in every word."""
    spec = toy_calorimeter.toy_energy_spec(Path("none.h5"), "inputs.cells.count=22", *changes)
    inputs = np.concatenate([energies(), -energies(50), 50 * energies(50)]).astype(np.float32)
    model, graph = exact_graph(spec, inputs)
    assert spec.output is not None
    assert graph.output.format == spec.output.fixed_point
    assert graph.output.format.lsb == spec.output.lsb
    words = graph.contract.words(inputs)
    given = emulate(graph, words)
    assert len(set(given[:, 0])) > 3
    if spec.model.linear:
        assert {0, 2**spec.output.bits - 1} <= set(given[:, 0])
    reference = KerasReference(model, graph).outputs(graph.contract.model_inputs(words))
    np.testing.assert_array_equal(reference, given)


def test_the_linear_path_has_bits_of_its_own(toy_calorimeter: ModuleType) -> None:
    """quantization.linear_bits and linear_integer decide about its weights, and about no others."""
    spec = toy_calorimeter.toy_energy_spec(
        Path("none.h5"),
        "inputs.cells.count=22",
        "quantization.linear_bits=10",
        "quantization.linear_integer=3",
        "quantization.weight_integer=2",
        "quantization.bias_integer=2",
        "quantization.activation_integer=2",
    )
    model = quantized_model(spec, contract_of(spec))
    given = {layer.name: layer.get_config() for layer in model.layers if layer.weights}
    bits = {name: config["kernel_quantizer"]["config"]["bits"] for name, config in given.items()}
    assert bits == {"dense_1": 6, "prediction": 6, "linear": 10}
    assert given["linear"]["kernel_quantizer"]["config"]["integer"] == 2  # QKeras does not count the sign


def test_the_integer_bits_of_the_linear_path_are_chosen_for_its_own_width(
    toy_calorimeter: ModuleType,
) -> None:
    """One weight of 1.1 among small ones saturates where bits are few, and is held where they are many."""
    chosen = []
    for linear_bits in (3, 12):
        spec = toy_calorimeter.toy_energy_spec(
            Path("none.h5"), "inputs.cells.count=22", f"quantization.linear_bits={linear_bits}"
        )
        reference = started(spec, contract_of(spec))
        kernel = np.full((CELLS, 1), 0.2, np.float32)
        kernel[4] = 1.1
        reference.get_layer(LINEAR_PATH).set_weights([kernel])
        resolved = resolve_integer_bits(spec, reference, energies().astype(np.float32))
        chosen.append(resolved.quantization.linear_integer)
    assert chosen == [1, 2]

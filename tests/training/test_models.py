"""Architecture and files of the Keras models (imports TensorFlow)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.contract import InputContract, InputFeature
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, to_values
from trigml.frontends.qkeras import graph_from_qkeras
from trigml.spec import Spec
from trigml.training.architecture import float_model, initial_weights, quantized_model
from trigml.training.formats import LayerFormats
from trigml.training.loop import outputs
from trigml.training.model_files import load_model, save_model

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s


def contract(overflow: str = "SAT") -> InputContract:
    features = tuple(InputFeature(f"f{index}", "", 0.0, 0) for index in range(4))
    return InputContract(features, FixedPoint.parse(f"ap_fixed<10,3,RND_CONV,{overflow}>"))


@pytest.fixture
def spec(toy_spec: Callable[..., Spec]) -> Spec:
    return toy_spec(
        Path("none.h5"),
        "quantization.weight_integer=[2, 1, 1]",
        "quantization.bias_integer=1",
        "quantization.activation_integer=[2, 3]",
    )


def filled(model: Any, seed: int = 1) -> Any:
    model.set_weights(initial_weights(model, seed))
    return model


@pytest.mark.parametrize("overflow", ["SAT", "SAT_SYM"])
def test_the_quantised_model_has_the_formats_of_the_spec(spec: Spec, overflow: str) -> None:
    """Every format asked for is the one in the integer graph: input, weights, biases, activations."""
    graph = graph_from_qkeras(filled(quantized_model(spec, contract(overflow))), contract(overflow))
    assert graph.inputs[0].format == contract(overflow).format
    formats = LayerFormats.of(spec)
    for index, name in enumerate(["dense_1", "dense_2", "logits"]):
        layer: Any = graph[name]
        assert layer.weight_format == formats.weights[index]
        assert layer.bias_format == formats.biases[index]
    for index in range(2):
        assert graph[f"relu_{index + 1}"].format.exact() == formats.activations[index]
    assert graph.output.name == "logits"


def test_a_spec_that_still_says_auto_makes_no_model(toy_spec: Callable[..., Spec]) -> None:
    """Integer bits are chosen once, in training, and never guessed."""
    with pytest.raises(BadInput, match="still 'auto'"):
        quantized_model(toy_spec(Path("none.h5")), contract())


@pytest.mark.parametrize("quantized", [False, True])
def test_a_saved_model_computes_the_same_after_loading(spec: Spec, tmp_path: Path, quantized: bool) -> None:
    """Weights and outputs keep their bits, Keras can read the weights file itself, and the bytes repeat."""
    model = filled(quantized_model(spec, contract()) if quantized else float_model(spec))
    save_model(model, tmp_path / "a")
    again = load_model(tmp_path / "a")
    inputs = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.testing.assert_array_equal(outputs(again, inputs), outputs(model, inputs))
    again.set_weights([np.zeros_like(w) for w in again.get_weights()])
    again.load_weights(tmp_path / "a" / "weights.h5")
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    save_model(again, tmp_path / "b")
    for name in ("model.json", "weights.h5"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_quantised_model_and_its_graph_agree(spec: Spec) -> None:
    """On words all over the input's range, the graph gives what Keras gives."""
    model = filled(quantized_model(spec, contract()))
    graph = graph_from_qkeras(model, contract())
    words = np.random.default_rng(0).integers(-512, 512, size=(500, 4))
    exact = to_values(emulate(graph, words), graph.output.format.fraction)
    np.testing.assert_array_equal(exact, outputs(model, contract().model_inputs(words)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"class_name": "Dense"', '"class_name": "Lambda"'),
        ('"class_name": "Zeros"', '"class_name": "os.system"'),
    ],
)
def test_a_model_with_foreign_parts_is_not_loaded(spec: Spec, tmp_path: Path, old: str, new: str) -> None:
    """A model file cannot make trigml run code: a layer outside the list is refused before Keras sees it."""
    save_model(filled(float_model(spec)), tmp_path)
    path = tmp_path / "model.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BadInput, match=r"could run code of the file"):
        load_model(tmp_path)


def test_an_unknown_activation_is_not_loaded(spec: Spec, tmp_path: Path) -> None:
    """QKeras evaluates the text of a quantiser: only its own quantisers get that far."""
    save_model(filled(quantized_model(spec, contract())), tmp_path)
    path = tmp_path / "model.json"
    path.write_text(path.read_text().replace("quantized_relu(6,2)", "__import__('os').getcwd()"))
    with pytest.raises(BadInput, match=r"could run code of the file[\s\S]*a known activation"):
        load_model(tmp_path)


def test_a_model_cannot_import_a_module(spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras imports the module that a part names: a planted one must not run."""
    (tmp_path / "evilmod.py").write_text("import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n")
    monkeypatch.syspath_prepend(tmp_path)
    save_model(filled(quantized_model(spec, contract())), tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    text = path.read_text()
    old = '"module": "qkeras.quantizers"'
    assert old in text
    for module in ('"evilmod"', '"keras_evil"', '"qkeras..evilmod"', '["evilmod"]'):
        changed = text.replace(old, f'"module": {module}', 1)
        path.write_text(changed.replace('"registered_name": "quantized_bits"', '"registered_name": "x"'))
        with pytest.raises(BadInput, match=r"could run code of the file"):
            load_model(tmp_path / "model")
        path.write_text(changed)
        with pytest.raises(BadInput, match=r"could run code of the file"):
            load_model(tmp_path / "model")
    assert not (tmp_path / "ran").exists()
    assert "evilmod" not in sys.modules


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kernel_quantizer", "safe_eval(a)"),
        ("kernel_quantizer", "quantized_bits(6,0,alpha=1)\n"),
        ("bias_constraint", "Clip"),
        ("kernel_initializer", "os.getcwd"),
        ("kernel_regularizer", "l2"),
        ("registered_name", "QAdaptiveActivation"),
        ("class_name", ["Dense"]),
    ],
)
def test_parts_given_as_text_are_not_loaded(spec: Spec, tmp_path: Path, key: str, value: object) -> None:
    """Text that names a function is looked up and called by QKeras: only known words get that far."""
    save_model(filled(quantized_model(spec, contract())), tmp_path)
    path = tmp_path / "model.json"
    content = json.loads(path.read_text())
    layer = next(layer for layer in content["config"]["layers"] if layer["name"] == "dense_1")
    (layer if key in layer else layer["config"])[key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput, match=r"could run code of the file"):
        load_model(tmp_path)


def test_weights_that_claim_to_be_huge_are_refused(spec: Spec, tmp_path: Path) -> None:
    """A dataset that was never written may have any size: it is checked before memory is asked for."""
    save_model(filled(float_model(spec)), tmp_path)
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        del file["dense_1/dense_1/kernel:0"]
        file.create_dataset("dense_1/dense_1/kernel:0", shape=(10**6, 10**6), dtype="f4", chunks=(64, 64))
    with pytest.raises(BadInput, match=r"do not fit the model[\s\S]*\(1000000, 1000000\)"):
        load_model(tmp_path)


def test_damaged_model_files_are_explained(spec: Spec, tmp_path: Path) -> None:
    """Half a file, weights of another model and weights that are not finite get one message each."""
    model = filled(float_model(spec))
    save_model(model, tmp_path)
    good = (tmp_path / "weights.h5").read_bytes()
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        file["dense_1/dense_1/kernel:0"][0, 0] = np.nan
    with pytest.raises(BadInput, match=r"do not fit the model[\s\S]*dense_1/dense_1/kernel:0"):
        load_model(tmp_path)
    (tmp_path / "weights.h5").write_bytes(good[:100])
    with pytest.raises(BadInput, match=r"truncated|not an HDF5|damaged"):
        load_model(tmp_path)
    (tmp_path / "weights.h5").write_bytes(good)
    text = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(text.replace('"units": 8', '"units": 9'))
    with pytest.raises(BadInput, match=r"do not fit the model[\s\S]*\(4, 9\)"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text(text[:100])
    with pytest.raises(BadInput, match="the model cannot be read"):
        load_model(tmp_path)
    content = json.loads(text)
    del content["config"]["layers"]
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match="the model is damaged"):
        load_model(tmp_path)


def test_initial_weights_depend_on_the_seed(spec: Spec) -> None:
    """The same seed starts from the same weights, of the width that He et al. ask for."""
    model = float_model(spec)
    one, same, other = (initial_weights(model, seed) for seed in (1, 1, 2))
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[0], other[0])
    assert abs(one[0].std() / np.sqrt(2 / 4) - 1) < 0.5
    assert not one[1].any()

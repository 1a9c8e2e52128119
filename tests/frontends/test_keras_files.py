"""Loading model files of Keras and QKeras, whole and damaged, honest and hostile (imports TensorFlow)."""

from __future__ import annotations

import base64
import copy
import io
import json
import marshal
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.frontends.keras_config import LAYERS, QUANTISERS, ForeignParts
from trigml.frontends.keras_files import load_keras_model
from trigml.legacy_keras import load

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s


def many_layers() -> Any:
    """A model with nested and shared layers, operators, and quantisers given as objects and as text."""
    modules = load()
    keras, qkeras, tf = modules.keras, modules.qkeras, modules.tensorflow
    image, vector = keras.Input((6, 6, 2), name="image"), keras.Input((4,), name="vector")
    bits = "quantized_bits(6,0,alpha=1)"
    x = qkeras.QActivation("quantized_bits(8,2,alpha=1)", name="image_bits")(image)
    x = keras.layers.ZeroPadding2D(((1, 1), (1, 0)), name="pad")(x)
    x = qkeras.QConv2DBatchnorm(3, (3, 3), kernel_quantizer=bits, bias_quantizer=bits, name="folded")(x)
    x = qkeras.QActivation(qkeras.quantized_relu(6, 2), name="as_object")(x)
    x = qkeras.QSeparableConv2D(
        4,
        (2, 2),
        depthwise_quantizer=bits,
        pointwise_quantizer=qkeras.quantized_bits(4, 0, alpha="auto"),
        bias_quantizer=qkeras.quantized_po2(4),
        activation="quantized_relu(4)",
        name="separable",
    )(x)
    x = qkeras.QDepthwiseConv2D((2, 2), depthwise_quantizer=qkeras.ternary(alpha=1), name="depthwise")(x)
    x = qkeras.QBatchNormalization(name="quantised_norm")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = tf.reduce_sum(keras.layers.MaxPooling2D(name="pool")(x), axis=1)
    x = keras.layers.Flatten(name="flat")(x * 2.0)
    start = keras.Input((4,), name="start")
    dense = keras.layers.Dense(3, kernel_regularizer="l2", kernel_constraint="non_neg", name="first")
    inner = keras.Model(start, dense(start), name="inner")
    shared = keras.layers.Dense(3, activation="relu", name="shared")
    y = shared(shared(inner(vector)))
    y = keras.Sequential([keras.layers.Dense(2, input_shape=(3,), name="only")], name="sequential")(y)
    x = keras.layers.Dense(2, activation="tanh", name="last")(x)
    result = keras.layers.Add(name="sum")([x, y])
    return keras.Model([image, vector], [result, tf.argmax(result, axis=-1)], name="many")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A model with random weights, and a folder with it in every format that Keras writes."""
    folder = tmp_path_factory.mktemp("models")
    model = many_layers()
    random = np.random.default_rng(1)
    model.set_weights(
        [random.uniform(0.1, 2, w.shape).astype(w.dtype) if w.ndim else w + 7 for w in model.get_weights()]
    )
    model.compile("adam", "mse")
    for name in ("model.keras", "model.h5"):
        model.save(folder / name)
    model.save_weights(folder / "old.h5")
    model.save_weights(folder / "new.weights.h5")
    (folder / "model.json").write_text(model.to_json())
    return model, folder


def assert_same(model: Any, other: Any) -> None:
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    random = np.random.default_rng(0)
    inputs = [random.normal(size=(5, 6, 6, 2)), random.normal(size=(5, 4))]
    for one, two in zip(model(inputs), other(inputs), strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("model.keras", None),
        ("model.h5", None),
        ("model.json", "old.h5"),
        ("model.json", "new.weights.h5"),
        ("model.json", "model.h5"),
    ],
)
def test_every_format_of_keras_keeps_every_bit(
    saved: tuple[Any, Path], name: str, weights: str | None
) -> None:
    """Protects the weights and the computation of a model on its way through each file format."""
    model, folder = saved
    assert_same(model, load_keras_model(folder / name, None if weights is None else folder / weights))


def test_files_are_told_by_their_content(saved: tuple[Any, Path], tmp_path: Path) -> None:
    """Protects from a wrong ending: older Keras wrote HDF5 into files called .keras."""
    model, folder = saved
    assert_same(model, load_keras_model(shutil.copy(folder / "model.h5", tmp_path / "old.keras")))
    assert_same(model, load_keras_model(shutil.copy(folder / "model.keras", tmp_path / "new.h5")))
    for source, name in (("model.json", "model.json"), ("old.h5", "weights.h5")):
        shutil.copy(folder / source, tmp_path / name)
    assert_same(model, load_keras_model(tmp_path))


def test_a_model_of_keras_2_0_loads(tmp_path: Path) -> None:
    """Protects models of 2017: the class is called Model, and settings that came later are missing."""
    none = {"kernel_constraint": None, "bias_regularizer": None}
    layers = [
        {
            "class_name": "InputLayer",
            "config": {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "name": "in"},
            "inbound_nodes": [],
            "name": "in",
        },
        {
            "class_name": "Dense",
            "config": {
                **none,
                "activation": "relu",
                "kernel_initializer": {
                    "class_name": "VarianceScaling",
                    "config": {"distribution": "uniform", "mode": "fan_in", "scale": 1.0, "seed": None},
                },
                "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.0}},
                "name": "fc",
                "trainable": True,
                "units": 2,
                "use_bias": True,
            },
            "inbound_nodes": [[["in", 0, 0, {}]]],
            "name": "fc",
        },
    ]
    config = {
        "name": "old",
        "layers": layers,
        "input_layers": [["in", 0, 0]],
        "output_layers": [["fc", 0, 0]],
    }
    text = json.dumps(
        {"class_name": "Model", "config": config, "keras_version": "2.0.0", "backend": "tensorflow"}
    )
    (tmp_path / "old.json").write_text(text)
    kernel, bias = np.arange(6, dtype="f4").reshape(3, 2), np.array([5, -1], dtype="f4")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        group = file.create_group("fc")
        group.attrs["weight_names"] = [b"fc/kernel:0", b"fc/bias:0"]
        group["fc/kernel:0"], group["fc/bias:0"] = kernel, bias
        file.create_group("in").attrs["weight_names"] = np.array([])
    model = load_keras_model(tmp_path / "old.json", tmp_path / "old.h5")
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    np.testing.assert_array_equal(model.get_weights()[1], bias)


def test_every_listed_class_exists() -> None:
    """Protects the lists of layers and quantisers from names that Keras and QKeras do not have."""
    modules = load()
    known = {"Functional", "TFOpLambda", "SlicingOpLambda"}
    of_layers = {n for n in LAYERS if hasattr(modules.keras.layers, n) or hasattr(modules.keras, n)}
    of_qkeras = {n for n in LAYERS | QUANTISERS if hasattr(modules.qkeras, n)}
    assert (LAYERS | QUANTISERS) - of_layers - of_qkeras - known == set()


# Hostile files: none of these may run anything, and each is refused by name.


Change = Callable[[dict[str, Any]], None]


def layer_of(config: dict[str, Any], name: str) -> dict[str, Any]:
    return next(layer for layer in config["config"]["layers"] if layer["config"]["name"] == name)


def lambda_layer(config: dict[str, Any]) -> None:
    code = base64.b64encode(marshal.dumps((lambda x: __import__("os").mkdir("ran")).__code__)).decode()
    layer_of(config, "flat").update(
        {
            "class_name": "Lambda",
            "config": {"name": "flat", "function": [code, None, None], "function_type": "lambda"},
        }
    )


def class_of_someone(config: dict[str, Any]) -> None:
    layer_of(config, "flat").update({"class_name": "Secret", "module": "evil", "registered_name": "x>Secret"})


def foreign_module(config: dict[str, Any]) -> None:
    layer_of(config, "as_object")["config"]["activation"]["module"] = "evil"


def registered_twin(config: dict[str, Any]) -> None:
    layer_of(config, "as_object")["registered_name"] = "evil>QActivation"


def text_to_evaluate(config: dict[str, Any]) -> None:
    layer_of(config, "image_bits")["config"]["activation"] = "__import__('evil').run()"


def looked_up_text(config: dict[str, Any]) -> None:
    layer_of(config, "separable")["config"]["depthwise_quantizer"] = "K.eval(1)"


def inner_constraint(config: dict[str, Any]) -> None:
    layer_of(config, "inner")["config"]["layers"][1]["config"]["kernel_constraint"] = {
        "class_name": "function",
        "config": "evil.run",
        "module": "builtins",
    }


def writing_function(config: dict[str, Any]) -> None:
    layer_of(config, "tf.math.multiply")["config"]["function"] = "io.write_file"


def pickled_constant(config: dict[str, Any]) -> None:
    value = {"class_name": "__lambda__", "config": {"value": "gASV"}}
    layer_of(config, "tf.math.multiply")["inbound_nodes"][0][3]["y"] = value


def tensor_constant(config: dict[str, Any]) -> None:
    value = {"class_name": "__numpy__", "config": {"value": [1], "dtype": "O"}}
    layer_of(config, "tf.math.multiply")["inbound_nodes"][0][3]["y"] = value


HOSTILE: dict[Change, tuple[str, str]] = {
    lambda_layer: ("flat (Lambda)", "Python code that the file brings along"),
    class_of_someone: ("flat (Secret)", "its class is none of Keras or QKeras"),
    foreign_module: ("as_object (QActivation)", 'module is "evil"'),
    registered_twin: ("as_object (QActivation)", 'registered_name is "evil>QActivation"'),
    text_to_evaluate: ("image_bits (QActivation)", "activation is \"__import__('evil').run()\""),
    looked_up_text: ("separable (QSeparableConv2D)", 'depthwise_quantizer is "K.eval(1)"'),
    inner_constraint: ("first (Dense)", 'class_name is "function"'),
    writing_function: ("tf.math.multiply (TFOpLambda)", 'function is "io.write_file"'),
    pickled_constant: ("tf.math.multiply (TFOpLambda)", 'class_name is "__lambda__"'),
    tensor_constant: ("tf.math.multiply (TFOpLambda)", 'class_name is "__numpy__"'),
}


@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: change.__name__)
def test_nothing_of_a_hostile_model_is_run(
    saved: tuple[Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    """Protects the user: text that Keras or QKeras would import, look up or call is refused before that."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil.py").write_text("open('ran', 'w')\nclass Secret: pass\ndef run(): open('ran', 'w')\n")
    config = json.loads((saved[1] / "model.json").read_text())
    change(config)
    (tmp_path / "model.json").write_text(json.dumps(config))
    with h5py.File(shutil.copy(saved[1] / "model.h5", tmp_path / "model.h5"), "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
    rewritten(saved[1] / "model.keras", tmp_path / "model.keras", {"config.json": json.dumps(config)})
    for name, weights in (("model.json", saved[1] / "old.h5"), ("model.h5", None), ("model.keras", None)):
        with pytest.raises(ForeignParts) as caught:
            load_keras_model(tmp_path / name, weights)
        layer, what = HOSTILE[change]
        assert layer in str(caught.value)
        assert what in str(caught.value)
    assert not (tmp_path / "ran").exists()
    assert "evil" not in sys.modules


def test_all_hostile_parts_are_told_at_once(saved: tuple[Any, Path], tmp_path: Path) -> None:
    """Protects from mending a file one message at a time."""
    config = json.loads((saved[1] / "model.json").read_text())
    changes: tuple[Change, ...] = (lambda_layer, text_to_evaluate, looked_up_text, writing_function)
    for change in changes:
        change(config)
    (tmp_path / "model.json").write_text(json.dumps(config))
    with pytest.raises(ForeignParts) as caught:
        load_keras_model(tmp_path / "model.json", saved[1] / "old.h5")
    found = [problem.layer for problem in caught.value.problems]
    assert sorted(found) == ["flat", "image_bits", "separable", "tf.math.multiply"]


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    """Protects from pickled bytes in the place of a model or of its weights."""

    class Opens:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(tmp_path / "ran"), "w")

    for name in ("model.h5", "model.keras"):
        (tmp_path / name).write_bytes(pickle.dumps(Opens()))
        with pytest.raises(BadInput, match="not a model file of Keras"):
            load_keras_model(tmp_path / name)
    assert not (tmp_path / "ran").exists()


# Damage.


def rewritten(source: Path, target: Path, changed: dict[str, str | bytes | None]) -> Path:
    """A copy of a ``.keras`` archive with members replaced, added, or left out (``None``)."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        members = {name: old.read(name) for name in old.namelist()} | changed
        for name, content in members.items():
            if content is not None:
                new.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"config.json": None}, "a part is missing"),
        ({"metadata.json": None}, "a part is missing"),
        ({"model.weights.h5": None}, "a part is missing"),
        ({"../../outside": b"x"}, r"a member that no Keras archive has[\s\S]*outside"),
        ({"/etc/outside": b"x"}, "a member that no Keras archive has"),
        ({"c:\\outside": b"x"}, "a member that no Keras archive has"),
        ({"config.json": b"{"}, "the model cannot be read"),
        ({"config.json": b"[" * 100_000}, "the model cannot be read"),
        ({"config.json": b"[]"}, "the model is damaged"),
        ({"config.json": b'{"class_name": "Dense", "config": {}}'}, "a part of a model"),
        ({"config.json": b" " * (65 * 2**20)}, "too large"),
        ({"model.weights.h5": b"\0" * (65 * 2**20)}, "too large"),
        ({"model.weights.h5": b"\x89HDF\r\n\x1a\nnothing"}, "damaged"),
        ({"metadata.json": b'{"keras_version": "3.8.0"}'}, r"another Keras[\s\S]*Keras 3.8.0"),
    ],
)
def test_a_damaged_archive_is_explained(
    saved: tuple[Any, Path], tmp_path: Path, changed: dict[str, bytes | None], message: str
) -> None:
    """Protects from zip slips, zip bombs, missing parts and the files of another Keras."""
    path = rewritten(saved[1] / "model.keras", tmp_path / "model.keras", changed)
    with pytest.raises(BadInput, match=message):
        load_keras_model(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.keras"]


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_explained(
    saved: tuple[Any, Path], tmp_path: Path, name: str, fraction: float
) -> None:
    """Protects from half a download: one message, no traceback."""
    content = (saved[1] / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(BadInput, match=r"damaged|truncated|not a model file"):
        load_keras_model(tmp_path / name)


def change_of_weights(path: Path, dataset: str, change: str) -> None:
    with h5py.File(path, "r+") as file:
        values = file[dataset][()]
        if change == "nan":
            file[dataset][...] = np.nan
            return
        del file[dataset]
        if change == "shape":
            file[dataset] = values[:-1]
        if change == "huge":
            file.create_dataset(dataset, shape=(10**6, 10**6), dtype="f4", chunks=(64, 64))
        if change == "text":
            file[dataset] = np.full(values.shape, b"x")
        if change == "external":
            file[dataset] = h5py.ExternalLink("other.h5", "/secret")
        if change == "range":
            file[dataset] = np.full(values.shape, 1e300)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("nan", r"do not fit the model[\s\S]*NaN or infinite"),
        ("range", r"do not fit the model[\s\S]*NaN or infinite"),
        ("missing", r"missing|do not fit the model"),
        ("shape", r"do not fit the model[\s\S]*shape"),
        ("huge", r"do not fit the model[\s\S]*\(1000000, 1000000\)"),
        ("text", "values of the wrong kind"),
        ("external", r"an external link[\s\S]*other.h5"),
    ],
)
@pytest.mark.parametrize(
    ("name", "dataset"),
    [("old.h5", "last/last/kernel:0"), ("new.weights.h5", "layers/dense_1/vars/0")],
)
def test_damaged_weights_are_explained(
    saved: tuple[Any, Path], tmp_path: Path, *, name: str, dataset: str, change: str, message: str
) -> None:
    """Protects from weights that are missing, of another model, not numbers, or in another file."""
    weights = Path(shutil.copy(saved[1] / name, tmp_path / name))
    change_of_weights(weights, dataset, change)
    with pytest.raises(BadInput, match=message) as caught:
        load_keras_model(saved[1] / "model.json", weights)
    assert name in str(caught.value)


def test_weights_of_another_model_are_refused(saved: tuple[Any, Path], tmp_path: Path) -> None:
    """Protects from an architecture with the weights of another one, whichever is larger."""
    keras = load().keras
    other = keras.Sequential([keras.layers.Dense(3, input_shape=(4,), name="other")])
    other.save_weights(tmp_path / "other.h5")
    other.save_weights(tmp_path / "other.weights.h5")
    for name in ("other.h5", "other.weights.h5"):
        with pytest.raises(BadInput, match="do not fit the model"):
            load_keras_model(saved[1] / "model.json", tmp_path / name)
    with h5py.File(tmp_path / "events.h5", "w") as file:
        file["pt"] = np.zeros(3)
    with pytest.raises(BadInput, match="holds no weights of a Keras model"):
        load_keras_model(saved[1] / "model.json", tmp_path / "events.h5")


def test_layers_that_read_each_other_in_a_circle_are_refused(saved: tuple[Any, Path], tmp_path: Path) -> None:
    """Protects from a file with which Keras would never end."""
    config = json.loads((saved[1] / "model.json").read_text())
    circle, stray, inner = (copy.deepcopy(config) for _ in range(3))
    layer_of(circle, "pad")["inbound_nodes"][0][0][0] = "norm"
    layer_of(stray, "pad")["inbound_nodes"][0][0][0] = "nobody"
    layer_of(inner, "inner")["config"]["layers"][1]["inbound_nodes"][0][0][0] = "first"
    for content, layer in ((circle, "norm"), (stray, "pad"), (inner, "first")):
        (tmp_path / "model.json").write_text(json.dumps(content))
        with pytest.raises(BadInput, match=rf"in a circle[\s\S]*{layer}"):
            load_keras_model(tmp_path / "model.json", saved[1] / "old.h5")


@pytest.mark.parametrize(
    ("layer", "key", "value"),
    [
        ("folded", "filters", -1),
        ("folded", "strides", "three"),
        ("image_bits", "activation", "quantized_bits(8,2,nothing=1)"),
        ("image_bits", "activation", "quantized_bits(,)"),
        ("image_bits", "activation", {"class_name": "quantized_bits", "config": {"pieces": 3}}),
        ("last", "unknown_setting", 1),
        ("last", "units", None),
        ("pool", "pool_size", []),
    ],
)
def test_settings_that_make_no_layer_are_explained(
    saved: tuple[Any, Path], tmp_path: Path, layer: str, key: str, value: Any
) -> None:
    """Protects from a traceback of Keras or QKeras about a setting that is damaged."""
    config = json.loads((saved[1] / "model.json").read_text())
    layer_of(config, layer)["config"][key] = value
    (tmp_path / "model.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match="the model is damaged"):
        load_keras_model(tmp_path / "model.json", saved[1] / "old.h5")


def test_what_is_no_model_is_explained(saved: tuple[Any, Path], tmp_path: Path) -> None:
    """Protects from wrong files: each says what was expected and what to do."""
    folder = saved[1]
    for path, weights, message in [
        (tmp_path / "none.keras", None, "there is no such file"),
        (folder / "old.h5", None, r"not the model's architecture[\s\S]*--weights"),
        (folder / "model.json", None, r"needs its weights[\s\S]*--weights"),
        (folder / "model.json", tmp_path / "none.h5", "there is no such file"),
        (folder / "model.keras", folder / "old.h5", "has its weights inside"),
        (tmp_path, None, "the model cannot be read"),
    ]:
        with pytest.raises(BadInput, match=message):
            load_keras_model(path, weights)
    (tmp_path / "model.txt").write_bytes(io.BytesIO(b"a poem").getvalue())
    with pytest.raises(BadInput, match=r"not a model file of Keras[\s\S]*a poem"):
        load_keras_model(tmp_path / "model.txt")

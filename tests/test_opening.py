"""Opening a MODEL: every kind of file, and what is refused (imports TensorFlow)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput
from trigml.legacy_keras import load
from trigml.opening import OpenOptions, open_model
from trigml.problems import NoExactForm

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s


@pytest.fixture(scope="module")
def trained(make_qkeras: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A QKeras model with its graph, and a folder with it in several formats."""
    made = make_qkeras(6)
    folder = tmp_path_factory.mktemp("models")
    for name in ("tagger.keras", "tagger.h5"):
        made.model.save(folder / name)
    (folder / "model.json").write_text(made.model.to_json())
    made.model.save_weights(folder / "weights.h5")
    return made, folder


@pytest.mark.parametrize(
    ("name", "weights"),
    [("tagger.keras", None), ("tagger.h5", None), ("model.json", "weights.h5"), (".", None)],
)
def test_every_kind_of_file_gives_the_same_words(
    trained: tuple[Any, Path], name: str, weights: str | None
) -> None:
    """Protects the way from a file to the graph: the words are those of the model that was saved."""
    made, folder = trained
    opened = open_model(folder / name, OpenOptions(None if weights is None else folder / weights))
    words = np.random.default_rng(0).integers(-128, 128, (200, 4))
    np.testing.assert_array_equal(emulate(opened.graph, words), emulate(made.graph, words))
    assert opened.keras is not None
    for one, two in zip(opened.keras().get_weights(), made.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_keras_model_behind_formats_is_the_quantised_one(tmp_path: Path) -> None:
    """Protects verify: it compares with the model that was converted, not with the floats before it."""
    keras = load().keras
    plain = keras.Sequential([keras.Input((3,), name="in"), keras.layers.Dense(2, name="out")], name="layer1")
    plain.save(tmp_path / "plain.keras")
    with pytest.raises(NoExactForm, match="out"):
        open_model(tmp_path / "plain.keras")
    formats = tmp_path / "formats.yml"
    formats.write_text("input: fixed<8,2>\ndefault: {weights: 'fixed<6,auto>', biases: 'fixed<6,auto>'}\n")
    opened = open_model(tmp_path / "plain.keras", OpenOptions(quantizers=formats))
    assert opened.keras is not None
    assert [type(layer).__name__ for layer in opened.keras().layers][1:] == ["QActivation", "QDense"]
    assert opened.graph.name == "layer1_net"  # layer1 is a type in generated code


def test_options_that_mean_nothing_are_refused(trained: tuple[Any, Path], tmp_path: Path) -> None:
    """Protects from options that are silently ignored, and from formats that are none."""
    folder = trained[1]
    (tmp_path / "x.onnx").write_bytes(b"")
    for path, options, message in [
        (folder / "tagger.h5", OpenOptions(input_type="fixed<6>"), "--input-type fixed<6>"),
        (folder / "tagger.h5", OpenOptions(batchnorm_type="float"), "--batchnorm-type float"),
        (tmp_path / "x.onnx", OpenOptions(weights=folder / "weights.h5"), "leave --weights out"),
        (tmp_path / "none.keras", OpenOptions(), "there is no such file"),
        (tmp_path / "none", OpenOptions(), "there is no such run or model file"),
        (tmp_path, OpenOptions(), "not a run"),
    ]:
        with pytest.raises(BadInput, match=message):
            open_model(path, options)

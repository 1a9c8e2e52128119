"""``trigml preflight``: all broken rules at once, or the network in figures (imports TensorFlow)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trigml.cli.main import exit_code_of
from trigml.legacy_keras import load

pytestmark = pytest.mark.slow  # importing TensorFlow takes 5 s


def bad_model(path: Path) -> None:
    """A model that breaks eleven rules in ten layers."""
    modules = load()
    keras, q = modules.keras, modules.qkeras
    bits = "quantized_bits(6,0,alpha=1)"
    scaled = q.quantized_bits(6, 0, alpha="auto")
    at_random = q.quantized_bits(6, 0, alpha=1, use_stochastic_rounding=True)
    image = keras.Input((8, 8, 3), name="image")
    x = q.QConv2D(4, (3, 3), kernel_quantizer=bits, bias_quantizer=bits, name="no_input")(image)
    x = keras.layers.BatchNormalization(name="float_norm")(x)
    x = keras.layers.Activation("gelu", name="gelu")(x)
    x = q.QConv2D(4, (3, 3), kernel_quantizer=scaled, bias_quantizer=bits, name="float_scale")(x)
    x = keras.layers.LayerNormalization(name="norm")(x)
    x = keras.layers.Flatten(name="flat")(x)
    x = keras.layers.Dense(4, activation="relu", name="float_dense")(x)
    x = q.QDense(4, kernel_quantizer=at_random, name="at_random")(x)
    x = keras.layers.LeakyReLU(0.3, name="no_shift")(x)
    x = q.QDense(4, kernel_quantizer=bits, bias_quantizer="quantized_bits(30,0,alpha=1)", name="too_wide")(x)
    x = keras.layers.LSTM(3, name="lstm")(keras.layers.Reshape((2, 2), name="shape")(x))
    keras.Model(image, x, name="bad").save(path)


def test_all_broken_rules_are_listed_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the promise of a preflight: every rule, each with its layer and the line to change."""
    bad_model(tmp_path / "bad.h5")
    assert exit_code_of(["preflight", str(tmp_path / "bad.h5")]) == 2
    text = capsys.readouterr().out
    assert "11 broken rules in 10 layers" in text
    assert exit_code_of(["preflight", str(tmp_path / "bad.h5"), "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is False
    assert [problem["layer"] for problem in found["problems"]] == (
        "no_input float_norm gelu float_scale norm float_dense at_random at_random no_shift too_wide lstm"
    ).split()
    for problem in found["problems"]:
        assert problem["what"]
        assert problem["remedy"]
        assert f"{problem['layer']} ({problem['kind']})" in text


def test_parts_that_could_run_code_are_broken_rules(
    make_qkeras: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects from a bare error for a Lambda: it is listed with its layer, and what was skipped is said."""
    made = make_qkeras(6)
    config = json.loads(made.model.to_json())
    config["config"]["layers"][2]["class_name"] = "Lambda"
    config["config"]["layers"][3]["config"]["activation"] = "eval('1')"
    (tmp_path / "model.json").write_text(json.dumps(config))
    made.model.save_weights(tmp_path / "weights.h5")
    arguments = [str(tmp_path / "model.json"), "--weights", str(tmp_path / "weights.h5")]
    assert exit_code_of(["preflight", *arguments]) == 2
    text = capsys.readouterr().out
    assert "2 broken rules in 2 layers" in text
    assert "dense_1 (Lambda)" in text
    assert "note: nothing of the model was loaded" in text


def test_a_good_model_is_summed_up(
    make_qkeras: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the figures of a convertible model, and the refusals of a backend beside them."""
    made = make_qkeras(6)
    made.model.save(tmp_path / "good.keras")
    path = str(tmp_path / "good.keras")
    assert exit_code_of(["preflight", path, "--json", "--backend", "vitis"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is True
    assert found["backend"]["backend"] == "vitis"
    assert found["backend_problems"] == []
    summary = found["summary"]
    assert summary["parameters"] == 4 * 8 + 8 + 8 * 6 + 6 + 6 * 3 + 3
    assert [port["shape"] for port in summary["inputs"] + summary["outputs"]] == [[4], [3]]
    linear = [o for o in made.graph.operations if o.name.startswith("dense") and hasattr(o, "weight")]
    assert summary["widest"]["bits"] == max(operation.format.width for operation in linear)
    assert exit_code_of(["preflight", path]) == 0
    shown = capsys.readouterr()
    assert "every rule is kept" in shown.out
    assert f"trigml verify {path}" in shown.err


def test_choices_for_a_tool_need_the_tool(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from a --io that is silently ignored."""
    assert exit_code_of(["preflight", "model.h5", "--io", "stream"]) == 2
    assert "--backend vitis" in capsys.readouterr().err

"""``trigml export``, from a QONNX file to another one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper

from trigml import exporting
from trigml.backends.onnx.assembly import serialised
from trigml.backends.onnx.qonnx_writer import qonnx_model
from trigml.cli.main import exit_code_of
from trigml.graph import Graph
from trigml.graph.operations import Dense
from trigml.verify.stages import NativeStage


@pytest.fixture
def model(make_graph: Callable[..., Graph], tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(serialised(qonnx_model(make_graph(0)).proto))
    return path


def test_export_of_a_model(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the command: it says what was compared, and the file of a file has the same bytes."""
    out = model.with_name("out.onnx")
    assert exit_code_of(["export", str(model), "qonnx", "-o", str(out), "--random", "200", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["verification"]["stages"][1]["differences"] == 0
    assert content["verification"]["stages"][1]["events"] > 200
    assert out.read_bytes() == model.read_bytes()


def test_planted_fault(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the promise that a file which differs is never written: exit code 4."""

    def changed(graph: Graph) -> object:
        made = qonnx_model(graph)
        tensor = next(t for t in made.proto.graph.initializer if t.name == "dense_3.weight.words")
        tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), tensor.name))
        return replace(made, proto=made.proto)

    monkeypatch.setattr(exporting, "qonnx_model", changed)
    out = model.with_name("out.onnx")
    assert exit_code_of(["export", str(model), "qonnx", "-o", str(out), "--random", "200"]) == 4
    assert "dense_3" in capsys.readouterr().err
    assert not out.exists()


def test_only_runs_have_a_float_reference(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects against an onnx export that would be something else than the float reference."""
    assert exit_code_of(["export", str(model), "onnx"]) == 2
    assert "only a run has a float reference" in capsys.readouterr().err
    assert np.all([path.name == "model.onnx" for path in model.parent.iterdir()])


def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects minutes of comparison: an output inside of a file is refused before the model is opened."""
    monkeypatch.setattr("trigml.opening.open_model", lambda *_: pytest.fail("the model was opened"))
    out = model / "out.onnx"
    assert exit_code_of(["export", str(model), "qonnx", "-o", str(out)]) == 2
    assert "is a file, not a folder" in capsys.readouterr().err


def test_the_emulator_as_sources(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the folder for other software: compared first, and never written over something else."""
    folder = model.with_name("emulator")
    arguments = ["export", str(model), "emulator", "-o", str(folder), "--random", "200"]

    def other(graph: Graph) -> NativeStage:
        dense = graph["dense_3"]
        assert isinstance(dense, Dense)
        words = dense.weight.copy()
        words[0, 0] ^= 1
        changed = [replace(dense, weight=words) if o is dense else o for o in graph.operations]
        return NativeStage(replace(graph, operations=tuple(changed)).check())

    with monkeypatch.context() as planted:
        planted.setattr(exporting, "NativeStage", other)
        assert exit_code_of(arguments) == 4
    assert "dense_3" in capsys.readouterr().err
    assert not folder.exists()
    assert exit_code_of([*arguments, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [stage["differences"] for stage in content["stages"]] == [0, 0]
    assert {"network.cpp", "network.h", "Makefile", "README.md"} <= {path.name for path in folder.iterdir()}
    assert exit_code_of(arguments) == 2
    assert "is there already" in capsys.readouterr().err
    assert exit_code_of([*arguments, "--force"]) == 0
    other_folder = model.parent
    assert exit_code_of(["export", str(model), "emulator", "-o", str(other_folder), "--force"]) == 2
    assert "folder of something else" in capsys.readouterr().err
    assert model.is_file()

"""``trigml verify`` and ``trigml inspect`` on someone's QKeras file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from trigml.backends.rtl import RtlOptions, logic_of, rtl_project
from trigml.cli.main import exit_code_of
from trigml.data.layout import Column, EventsWriter
from trigml.graph import Graph
from trigml.graph import operations as ops
from trigml.opening import open_model
from trigml.project import PROJECT_FILE
from trigml.verify import building
from trigml.verify.stages import GraphStage

COLUMNS = ("pt", "eta", "phi", "mass")
READ = ["--features", ",".join(COLUMNS)]


@dataclass(frozen=True)
class Files:
    """A QKeras model in a file, and events for it."""

    model: str
    events: str
    features: np.ndarray


@pytest.fixture(scope="module")
def files(make_qkeras: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A small tagger as people have it, without a contract, and 300 events."""
    folder = tmp_path_factory.mktemp("someone")
    model, events = folder / "model.h5", folder / "jets.h5"
    make_qkeras(5).model.save(model)  # type: ignore[attr-defined]
    features = np.random.default_rng(0).normal(0, 4, (300, 4)).astype(np.float32)
    with EventsWriter(events, title="jets", features=[Column(name) for name in COLUMNS]) as writer:
        writer.append(
            event_id=np.arange(300), features={name: features[:, i] for i, name in enumerate(COLUMNS)}
        )
    return Files(str(model), str(events), features)


def test_stages_agree_on_events_and_random_vectors(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the command: stages in a fixed order, all sets of inputs, words counted, exit code 0."""
    stages = ["--stages", "logic,native,keras", "--random", "1001"]
    assert exit_code_of(["verify", files.model, *stages, "--events", files.events, *READ, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bit_exact"] is True
    assert found["left_out"] == []
    sets = {entry["name"]: entry["events"] for entry in found["verification"]["vectors"]}
    assert sets == {
        "events of jets.h5": 300,
        "corners": 13,
        "random, on the grid": 500,
        "random, off the grid": 501,
    }
    rows = found["verification"]["stages"]
    assert [row["stage"] for row in rows] == ["graph", "QKeras", "native", "logic (alkaid)"]
    assert {row["words"] for row in rows} == {3 * sum(sets.values())}
    assert {row["differences"] for row in rows} == {0}
    assert set(found["events_per_s"]) == {row["stage"] for row in rows}


@pytest.mark.parametrize("command", [["preflight"], ["verify", "--stages", "native"], ["inspect"]])
def test_the_next_command_has_the_options(
    files: Files, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """Protects what people paste: a suggested command opens the model in the same way."""
    name, *options = command
    assert exit_code_of([name, files.model, *options, "--input-type", "fixed<6,3>"]) == 0
    shown = capsys.readouterr()
    assert f"{files.model} --input-type 'fixed<6,3>'" in shown.out + shown.err


def test_a_difference_is_told_with_the_table(
    files: Files, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects exit code 4: the table is printed all the same, and the layer is named."""

    def faulty(graph: Graph) -> GraphStage:
        dense = graph["dense_2"]
        assert isinstance(dense, ops.Dense)
        bias = dense.bias.copy()
        bias[0] ^= 1
        operations = tuple(replace(o, bias=bias) if o is dense else o for o in graph.operations)
        return GraphStage(replace(graph, operations=operations), name="native")

    monkeypatch.setattr(building, "NativeStage", faulty)
    assert exit_code_of(["verify", files.model, "--stages", "numpy,native", "--random", "500"]) == 4
    shown = capsys.readouterr()
    assert "native" in shown.out
    assert "reference" in shown.out
    assert "native differs from the graph" in shown.err
    assert "layer 'dense_2', element 0" in shown.err


def test_what_is_not_there_is_left_out_or_refused(
    files: Files, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the difference between 'all that is there' and 'this one': a line, or exit code 2."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("TRIGML_CACHE", str(Path(files.model).parent / "cache"))
    assert exit_code_of(["verify", files.model, "--random", "100"]) == 0
    shown = capsys.readouterr().out
    assert "QKeras" in shown
    assert "qonnx left out: this model is not a QONNX file" in shown
    assert "native left out: no C++ compiler on this machine" in shown
    assert "hls left out: no C++ compiler on this machine" in shown
    for stages, message in (
        ("hls", "the stage hls cannot be built: no C++ compiler on this machine"),
        ("qonnx", "the stage qonnx cannot be built: this model is not a QONNX file"),
        ("keras,nativ", "did you mean 'native'?"),
        ("", "there is no stage ''"),
    ):
        assert exit_code_of(["verify", files.model, "--stages", stages]) == 2
        assert message in capsys.readouterr().err
    assert exit_code_of(["verify", files.model, "--stages", "hls", "--backend", "oneapi"]) == 2
    assert "does not compile with plain g++" in capsys.readouterr().err


def test_events_that_do_not_fit_are_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the columns: the names of a plain contract are not in the events, and that is said."""
    for command in ("verify", "inspect"):
        assert exit_code_of([command, files.model, "--events", files.events]) == 2
        assert "--features" in capsys.readouterr().err


def test_inspection_of_events(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the command: ranges of the events, products, a declared type with its witness, the plots."""
    options = ["--plot", str(tmp_path / "plots"), "--declare", "dense_1=fixed<6,3>", "--json"]
    assert exit_code_of(["inspect", files.model, "--events", files.events, *READ, *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["inputs"], found["events"]) == ("events of jets.h5", 300)
    graph = open_model(Path(files.model)).graph
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert list(layers) == [operation.name for operation in graph.operations]
    words = graph.contract.words(files.features)
    (port,) = (operation.name for operation in graph.inputs)
    assert layers[port]["seen"]["words"] == [words.min(), words.max()]
    assert layers[port]["saturated"] == pytest.approx(graph.contract.saturated(files.features).mean())
    assert layers["dense_1"]["counts"]["products"] == 4 * 8
    assert layers["act_1"]["saturated"] is not None
    (declared,) = found["declared"]
    assert (declared["tensor"], declared["verdict"]) == ("dense_1", "overflows")
    assert len(declared["witness"]["words"]) == 4
    assert [Path(path).name for path in found["plots"]] == ["ranges.png", "ranges.pdf"]
    assert all(Path(path).stat().st_size > 5_000 for path in found["plots"])


def test_inspection_without_events(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects honesty: without events the seen ranges are those of random vectors, and that is said."""
    assert exit_code_of(["inspect", files.model, "--declare", "dense_2=ap_fixed<24,8>"]) == 0
    shown = capsys.readouterr().out
    assert "seen: 20,000 events (random vectors, every word equally likely)" in shown
    assert "declared for dense_2: ap_fixed<24,8> never overflows" in shown
    assert "act_1: ap_ufixed<5,2,RND_CONV,SAT> may saturate" in shown


def test_what_cannot_be_inspected(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the messages for wrong options; they come before any work."""
    for options, message in (
        (["--declare", "dense_1"], "not a declared type"),
        (["--declare", "dense_1=float"], "not a fixed-point format"),
        (["--declare", "dens_1=fixed<8,4>"], "did you mean 'dense_1'"),
        (["--plot", str(tmp_path / "plot.svg")], "plots are written as PNG and PDF"),
    ):
        assert exit_code_of(["inspect", files.model, *options]) == 2
        assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_table_comes_before_a_fault_in_the_timing(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the other stages' results: a wrong latency takes none of them away, and is exit code 4."""
    project = tmp_path / "project"
    rtl_project(
        logic_of(open_model(Path(files.model)).graph, 5.0), RtlOptions("xcvu13p-flga2577-2-e", 5.0)
    ).write(project)
    description = project / PROJECT_FILE
    content = json.loads(description.read_text())
    description.write_text(json.dumps(content | {"latency_cycles": content["latency_cycles"] + 1}))
    stages = ["--stages", "native,rtl", "--project", str(project), "--random", "100"]
    assert exit_code_of(["verify", files.model, *stages, "--json"]) == 4
    printed = capsys.readouterr()
    assert "the RTL has another latency than its project says" in printed.err
    found = json.loads(printed.out)
    assert found["bit_exact"] is False
    assert "another latency" in found["failure"]
    assert [row["differences"] for row in found["verification"]["stages"]] == [0, 0, 0]
    assert exit_code_of(["verify", files.model, *stages]) == 4
    printed = capsys.readouterr()
    assert "remark: rtl: the words are equal, the timing is wrong: the RTL has another latency" in printed.out

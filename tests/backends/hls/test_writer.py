"""The hls4ml project: reproducible, without traces of this machine, every precision as the graph demands."""

import errno
import json
import os
import re
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trigml.backends.hls import writer as writer_module
from trigml.backends.hls.layers import hls_layers, spelled
from trigml.backends.hls.options import HlsBackend, HlsOptions, IoType, Strategy
from trigml.backends.hls.writer import hls_project
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput, ToolFailed
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph
from trigml.graph.operations import Dense

MakeGraph = Callable[..., Graph]


def options_for(backend: HlsBackend, **others: Any) -> HlsOptions:
    return HlsOptions(backend, backend.default_part, 5.0, **others)


VITIS = options_for(HlsBackend.VITIS)


@pytest.fixture(scope="module")
def graph(make_graph: MakeGraph) -> Graph:
    return make_graph(1)


@pytest.mark.parametrize("io", IoType)
@pytest.mark.parametrize("backend", HlsBackend)
def test_the_same_graph_gives_the_same_project(graph: Graph, backend: HlsBackend, io: IoType) -> None:
    """Protects reproducibility: the same bytes twice, no scratch path, no random stamp, nothing compiled."""
    options = options_for(backend, io=io)
    project, again = hls_project(graph, options), hls_project(graph, options)
    assert project.digest == again.digest
    assert project.files == again.files
    for name, content in project.files.items():
        assert b"trigml_hls_" not in content, name
        assert b"/tmp/" not in content or "ac_" in name or "ap_types" in name, name
        assert b"mystamp" not in content, name
        assert not name.endswith((".so", ".o", ".pyc"))
    assert project.top == "network"
    description = json.loads(project.files["trigml_project.json"])
    assert description["graph"] == graph.digest
    assert description["options"] == options.to_json()
    assert json.loads(project.files["contract.json"]) == graph.contract.to_json()
    assert graph.digest in project.files["INTERFACE.md"].decode()


def test_a_random_stamp_of_digits_leaves_no_trace(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects reproducibility where hls4ml's stamp looks like a number (one in 40 does): YAML quotes it."""
    projects = []
    for stamp in ("0" * 32, "00000000000000000000000012345678", "f" * 32, "0000000000000000000000001234e567"):
        monkeypatch.setattr("uuid.uuid4", lambda stamp=stamp: uuid.UUID(stamp))
        projects.append(hls_project(graph, VITIS))
    assert len({project.digest for project in projects}) == 1


def test_another_weight_is_another_project(make_graph: MakeGraph, graph: Graph) -> None:
    """Protects the digest of a project against being the same for different networks."""
    assert hls_project(graph, VITIS).digest != hls_project(make_graph(2), VITIS).digest


def test_the_typedefs_are_those_of_the_graph(graph: Graph) -> None:
    """Protects the C++ itself: each type in defines.h, read back, is the graph's format."""
    header = hls_project(graph, VITIS).files["firmware/defines.h"].decode()
    typedefs = {
        name: FixedPoint.parse(text)
        for text, name in re.findall(r"typedef (ap_u?fixed<[^>]*>) (\w+);", header)
    }
    assert typedefs["input_t"] == graph.inputs[0].format
    assert typedefs["result_t"] == graph.output.format
    for layer in (1, 2, 3):
        dense = graph[f"dense_{layer}"]
        assert isinstance(dense, Dense)
        assert typedefs[f"dense_{layer}_accum_t"] == dense.format
        assert typedefs[f"dense_{layer}_weight_t"] == dense.weight_format
        assert typedefs[f"dense_{layer}_bias_t"] == dense.bias_format
    assert typedefs["layer3_t"] == graph["act_1"].format
    assert typedefs["layer5_t"] == graph["act_2"].format


def test_weights_are_written_exactly(make_graph: MakeGraph) -> None:
    """Protects the decimal texts of the weights: read as doubles, they are the words."""
    graph = make_graph(3, weight_format="ap_fixed<18,-2>", bias_format="ap_fixed<16,9>")
    files = hls_project(graph, VITIS).files
    for number, layer in ((2, "dense_1"), (4, "dense_2"), (6, "dense_3")):
        dense = graph[layer]
        assert isinstance(dense, Dense)
        for prefix, words, format_ in (
            ("w", dense.weight, dense.weight_format),
            ("b", dense.bias, dense.bias_format),
        ):
            text = files[f"firmware/weights/{prefix}{number}.txt"].decode()
            values = [float(value) for value in text.replace("\n", ",").split(",") if value.strip()]
            np.testing.assert_array_equal(np.ldexp(values, format_.fraction), words.ravel())


def test_vectors_for_the_testbench(graph: Graph, make_words: Callable[..., np.ndarray]) -> None:
    """Protects the project's own C testbench: its inputs and expected outputs, exact, one event a line."""
    words = make_words(graph, 20)
    outputs = emulate(graph, words)
    files = hls_project(graph, VITIS, vectors=(words, outputs)).files
    for name, expected, format_ in (
        ("tb_data/tb_input_features.dat", words, graph.inputs[0].format),
        ("tb_data/tb_output_predictions.dat", outputs, graph.output.format),
    ):
        lines = files[name].decode().splitlines()
        values = np.array([[float(value) for value in line.split()] for line in lines])
        np.testing.assert_array_equal(np.ldexp(values, format_.fraction), expected)
    assert "tb_data/tb_input_features.dat" not in hls_project(graph, VITIS).files


def test_several_ports(hls_networks: ModuleType) -> None:
    """Protects projects with several ports: a contract per input, vectors and names per port."""
    graph = hls_networks.vectors()
    words = np.concatenate([np.full((3, 6), 5), np.full((3, 12), -7)], axis=1)
    files = hls_project(graph, VITIS, vectors=(words, emulate(graph, words))).files
    assert "contract.json" not in files
    for operation, contract in zip(graph.inputs, graph.contracts, strict=True):
        assert json.loads(files[f"contract_{operation.name}.json"]) == contract.to_json()
    for name, rows, fractions in (
        ("tb_data/tb_input_features.dat", words, graph.input_fractions),
        ("tb_data/tb_output_predictions.dat", emulate(graph, words), graph.output_fractions),
    ):
        values = [[float(value) for value in line.split()] for line in files[name].decode().splitlines()]
        np.testing.assert_array_equal(np.ldexp(values, fractions), rows)
    top = files["firmware/network.h"].decode()
    for port in re.findall(r"port `(\w+)`", files["INTERFACE.md"].decode()):
        assert re.search(rf"\b{port}\[", top), port
    assert b"trigml::Table" in files["firmware/parameters.h"]
    assert "firmware/nnet_utils/nnet_trigml.h" in files
    assert "firmware/nnet_utils/nnet_trigml_tool.h" in files


def changed_behind_our_back(monkeypatch: pytest.MonkeyPatch, layer: str, what: str, precision: str) -> None:
    """hls4ml gets one precision that the layer list does not say."""
    original = writer_module._configuration

    def configuration(*arguments: Any) -> dict[str, Any]:
        content = original(*arguments)
        content["HLSConfig"]["LayerName"][layer]["Precision"][what] = precision
        return content

    monkeypatch.setattr(writer_module, "_configuration", configuration)


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        ("features", "result"),
        ("dense_1", "result"),
        ("dense_2", "accum"),
        ("dense_2", "weight"),
        ("dense_3", "bias"),
        ("act_1", "result"),
        ("act_2", "result"),
    ],
)
@pytest.mark.parametrize("change", ["width", "rounding"])
def test_a_precision_changed_by_hls4ml_is_noticed(
    graph: Graph, monkeypatch: pytest.MonkeyPatch, layer: str, what: str, change: str
) -> None:
    """Protects against optimiser passes that change types: the layer, what, and both formats are named."""
    demanded = next(entry for entry in hls_layers(graph) if entry.name == layer).precisions[what]
    text = spelled(demanded)
    if change == "width":
        planted = text.replace(f"<{demanded.width},", f"<{demanded.width - 1},")
    else:
        planted = text.replace(f"AP_{demanded.rounding}", "AP_RND_ZERO")
    changed_behind_our_back(monkeypatch, layer, what, planted)
    with pytest.raises(ToolFailed, match="changed a precision that the graph demands") as error:
        hls_project(graph, VITIS)
    assert error.value.where == f"layer {layer!r}, {what}"
    assert error.value.expected == str(demanded)
    assert error.value.found == str(FixedPoint.parse(planted))


def test_a_layer_merged_away_by_hls4ml_is_noticed(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against hls4ml's pass that deletes a quantiser behind a dense layer of automatic precision."""
    changed_behind_our_back(monkeypatch, "dense_2", "result", "auto")
    with pytest.raises(ToolFailed, match=r"removed a layer|changed a precision") as error:
        hls_project(graph, VITIS)
    assert "dense_2" in str(error.value) or "act_2" in str(error.value)


def test_an_error_inside_of_hls4ml_is_explained(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against a traceback from hls4ml: the backend and the cause are in the message."""

    def configuration(*arguments: Any) -> dict[str, Any]:
        raise KeyError("something inside")

    monkeypatch.setattr(writer_module, "_configuration", configuration)
    with pytest.raises(ToolFailed, match="hls4ml could not write the vitis project") as error:
        hls_project(graph, VITIS)
    assert error.value.found == "KeyError: 'something inside'"
    assert isinstance(error.value.__cause__, KeyError)


def test_a_changed_reuse_factor_is_told(graph: Graph) -> None:
    """Protects the report: where hls4ml rounds the reuse factor, a note says so; where not, there is none."""
    impossible = hls_project(graph, options_for(HlsBackend.VITIS, strategy=Strategy.RESOURCE, reuse_factor=7))
    assert any("instead of 7 in dense_1" in note for note in impossible.notes)
    assert hls_project(graph, VITIS).notes == ()
    header = hls_project(
        graph, options_for(HlsBackend.VITIS, strategy=Strategy.RESOURCE, reuse_factor=5)
    ).files["firmware/parameters.h"]
    assert b"nnet::resource" in header
    assert b"reuse_factor = 5" in header


def test_clock_and_part_are_in_the_project(graph: Graph) -> None:
    """Protects what the vendor tool reads: the requested clock and part."""
    options = HlsOptions(HlsBackend.VITIS, "xcvu9p-flga2104-2-e", 3.5)
    project = hls_project(graph, options).files["project.tcl"].decode()
    assert 'set part "xcvu9p-flga2104-2-e"' in project
    assert re.search(r"set clock_period 3\.5\b", project)


def test_a_full_disk_is_not_called_a_fault_of_hls4ml(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the advice: when the folder for temporary files is full, no other strategy helps."""

    def configuration(*arguments: Any) -> dict[str, Any]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writer_module, "_configuration", configuration)
    with pytest.raises(BadInput, match="No space left on device") as error:
        hls_project(graph, VITIS)
    assert "temporary files" in str(error.value.where)
    assert "TMPDIR" in str(error.value.remedy)

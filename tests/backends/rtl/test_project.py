"""The RTL project: what it holds, and that it says the same as the graph."""

import dataclasses
import json
import re
from collections.abc import Callable

import numpy as np
import pytest

from trigml.backends.rtl import Language, RtlOptions, logic_of, rtl_project
from trigml.backends.rtl.interface import interface_json
from trigml.backends.rtl.ports import input_words, output_words, packed_bytes
from trigml.contract import InputContract
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder

PART = "xcvu13p-flga2577-2-e"


@pytest.fixture(scope="module")
def graph(make_graph: Callable[..., Graph]) -> Graph:
    return make_graph(4, sizes=(3, 4, 2))


def test_a_project_is_whole(graph: Graph, make_words: Callable[..., np.ndarray]) -> None:
    """Protects what the firmware engineer gets: no placeholder left, every port documented, vectors there."""
    words = make_words(graph, 20)
    logic = logic_of(graph, 3.0)
    options = RtlOptions(PART, 3.0)
    project = rtl_project(logic, options, vectors=(words, emulate(graph, words)))
    text = {name: content.decode() for name, content in project.files.items()}
    assert not [name for name, content in text.items() if "@TOP@" in content or "_BITS@" in content]
    assert {"src/top.v", "src/network_core.v", "tb/testbench.v", "vivado.tcl", "clock.xdc"} <= set(text)
    assert f"localparam LATENCY = {logic.latency_cycles};" in text["src/top.v"]
    assert "| 7:0 | x0 | – |" in text["README.md"]
    assert f"out_valid` | out | 1 | {logic.latency_cycles} cycles after" in text["README.md"]
    assert "timing not verified" in text["README.md"]
    assert len(text["tb/inputs.hex"].splitlines()) == len(text["tb/outputs.hex"].splitlines()) == 20
    assert json.loads(text["trigml_project.json"])["graph"] == graph.digest
    again = rtl_project(logic_of(graph, 3.0), options, vectors=(words, emulate(graph, words)))
    assert again.digest == project.digest


def test_stages_can_be_chosen(graph: Graph) -> None:
    """Protects the choice of the pipeline's depth."""
    assert logic_of(graph, 50.0, stages=1).latency_cycles == 1
    assert logic_of(graph, 5.0, stages=4).latency_cycles == 4


def test_vhdl_is_written(graph: Graph) -> None:
    """Protects the second language of the core (GHDL reads it in ``tests/verify``)."""
    project = rtl_project(logic_of(graph, 3.0), RtlOptions(PART, 3.0, Language.VHDL))
    assert b"entity network_core is" in project.files["src/network_core.vhd"]


@pytest.mark.parametrize(("clock", "stages"), [(0.1, None), (2000.0, None), (5.0, 0), (5.0, 500)])
def test_impossible_options_are_refused(clock: float, stages: int | None) -> None:
    """Protects against clocks and depths that no project can have."""
    with pytest.raises(BadInput, match="out of range"):
        RtlOptions(PART, clock, stages=stages)


def test_the_worked_example(graph: Graph) -> None:
    """Protects the numbers in the README: the value gives the word, the word the bits."""
    project = rtl_project(logic_of(graph, 3.0), RtlOptions(PART, 3.0))
    text = project.files["README.md"].decode()
    found = re.search(
        r"Example: x0 = (\S+) gives .* the word (-?\d+), so that `in_words\[7:0\]` = `([01]{8})`", text
    )
    assert found is not None
    value, word, bits = float(found[1]), int(found[2]), int(found[3], 2)
    rows = np.zeros((1, graph.n_in))
    rows[0, 0] = value
    assert graph.contract.words(rows)[0, 0] == word
    packed = packed_bytes(np.array([[word, 0, 0]]), input_words(graph))
    assert packed[0, 0] == bits
    assert value != graph.contract.physical(np.array([[word, 0, 0]]))[0, 0]  # something was rounded


@pytest.mark.parametrize("language", Language)
def test_the_document_names_the_files_that_are_there(
    graph: Graph, make_words: Callable[..., np.ndarray], language: Language
) -> None:
    """Protects the list of files in the README: top level and testbench exist in the language chosen."""
    words = make_words(graph, 5)
    options = RtlOptions(PART, 3.0, language)
    project = rtl_project(logic_of(graph, 3.0), options, vectors=(words, emulate(graph, words)))
    text = project.files["README.md"].decode()
    for name in (f"src/top.{language.suffix}", f"tb/testbench.{language.suffix}", "vivado.tcl", "clock.sdc"):
        assert f"`{name}`" in text
        assert name in project.files
    assert "There is no back-pressure" in text


def word_on(bus: int, bits: str, format_: FixedPoint) -> int:
    """The word that stands in these bits of a bus."""
    high, low = map(int, bits.split(":"))
    assert high - low + 1 == format_.width
    number = (bus >> low) & ((1 << format_.width) - 1)
    return number - (1 << format_.width) * (format_.signed and number >> (format_.width - 1))


@pytest.mark.parametrize("labels", [(), ("gluon", "quark")])
def test_the_contract_for_programs(
    graph: Graph, make_words: Callable[..., np.ndarray], labels: tuple[str, ...]
) -> None:
    """Protects contract.json: all that it takes to fill a bus and to read one; the README agrees."""
    graph = dataclasses.replace(graph, output_labels=labels)
    project = rtl_project(logic_of(graph, 3.0), RtlOptions(PART, 3.0))
    content = json.loads(project.files["contract.json"])
    words = make_words(graph, 10)
    (port,) = content["inputs"]
    contract = InputContract.from_json(port)
    assert contract == graph.contract
    for row, packed in zip(words, packed_bytes(words, input_words(graph)), strict=True):
        bus = int.from_bytes(packed.tobytes(), "little")
        assert [
            word_on(bus, feature["bits"], contract.format) for feature in port["features"]
        ] == row.tolist()
    results = emulate(graph, words)
    for row, packed in zip(results, packed_bytes(results, output_words(graph)), strict=True):
        bus = int.from_bytes(packed.tobytes(), "little")
        formats = [FixedPoint.parse(word["format"]) for word in content["outputs"]]
        found = [word_on(bus, w["bits"], f) for w, f in zip(content["outputs"], formats, strict=True)]
        assert found == row.tolist()
        assert [word["lsb"] for word in content["outputs"]] == [format_.lsb for format_ in formats]
    expected = labels or ("dense_2[0]", "dense_2[1]")
    assert tuple(word["label"] for word in content["outputs"]) == expected
    document = project.files["README.md"].decode()
    for row in content["outputs"]:
        assert f"| {row['bits']} | {row['label']} | `{row['format']}` | {row['lsb']!r} |" in document
    for feature in port["features"]:
        assert f"| {feature['bits']} | {feature['name']} | {feature['unit'] or '–'} |" in document
        assert f"| {feature['offset']!r} | {feature['lsb']!r} |" in document


def test_the_contract_of_several_ports() -> None:
    """Protects networks of several inputs and outputs: each word once, in the order of the buses."""
    builder = GraphBuilder("several")
    for name, size, text in (
        ("jets", 2, "ap_ufixed<4,4,RND_CONV,SAT>"),
        ("met", 1, "ap_fixed<7,3,RND_CONV,SAT>"),
    ):
        builder.input(name, (size,), InputContract.plain(name, size, FixedPoint.parse(text)))
    content = interface_json(builder.finish(["met", "jets"]))
    assert [port["tensor"] for port in content["inputs"]] == ["jets", "met"]
    assert [f["bits"] for port in content["inputs"] for f in port["features"]] == ["3:0", "7:4", "14:8"]
    assert [(w["tensor"], w["element"], w["bits"], w["format"]) for w in content["outputs"]] == [
        ("met", 0, "6:0", "ap_fixed<7,3>"),
        ("jets", 0, "10:7", "ap_ufixed<4,4>"),
        ("jets", 1, "14:11", "ap_ufixed<4,4>"),
    ]

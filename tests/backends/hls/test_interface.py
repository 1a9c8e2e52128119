"""The interface document tells a firmware engineer what each word means."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np

from trigml.backends.hls.interface import Ports, interface_document
from trigml.backends.hls.options import HlsBackend, HlsOptions
from trigml.graph import Graph

OPTIONS = HlsOptions(HlsBackend.VITIS, "xcvu13p-flga2577-2-e", 5.0)
PORTS = Ports(("features",), ("layer7_out",))


def test_every_word_has_its_row(make_graph: Callable[..., Graph]) -> None:
    """Protects offset, LSB and range of every input, format and range of the output, and labels."""
    graph = replace(make_graph(3), output_labels=("signal", "background"))
    text = interface_document(graph, OPTIONS, PORTS)
    contract = graph.contract
    for index, feature in enumerate(contract.features):
        low, high = contract.reach(feature)
        row = next(line for line in text.splitlines() if line.startswith(f"| {index} | {feature.name} |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[2] == (feature.unit or "–")
        assert [float(cell) for cell in cells[3:]] == [feature.offset, contract.lsb(feature), low, high]
    low_word, high_word = graph.ranges[graph.outputs[0]].bounds
    assert f"2 words of `{graph.output.format}`" in text
    assert f"from {low_word} to {high_word}" in text
    assert "| 0 | signal |" in text
    assert "| 1 | background |" in text
    assert graph.digest in text
    assert str(contract.format) in text


def test_without_labels_words_are_numbered(make_graph: Callable[..., Graph]) -> None:
    """Protects networks whose outputs have no names."""
    text = interface_document(make_graph(3), OPTIONS, PORTS)
    assert text.rstrip().endswith("| 1 | 1 |")


def test_several_ports_have_their_sections(hls_networks: ModuleType) -> None:
    """Protects networks with several ports: each with its C++ name, format, shape, and its own labels."""
    graph = hls_networks.vectors()
    labels = tuple(f"label_{index}" for index in range(graph.n_out))
    inputs = tuple(f"in_{operation.name}" for operation in graph.inputs)
    outputs = tuple(f"out_{name}" for name in graph.outputs)
    text = interface_document(replace(graph, output_labels=labels), OPTIONS, Ports(inputs, outputs))
    sections = text.split("\n## ")[1:]
    assert len(sections) == len(inputs) + len(outputs)
    assert sections[1].startswith("Input port `in_b`: 12 words of `ap_fixed<6,4,RND_CONV,SAT>`")
    assert "A tensor of 4 × 3 words, the last axis fastest." in sections[1]
    first = 0
    for name, section in zip(graph.outputs, sections[len(inputs) :], strict=True):
        count = int(np.prod(graph[name].shape))
        assert section.startswith(
            f"Output port `out_{name}` ({name}): {count} words of `{graph[name].format}`"
        )
        rows = [line for line in section.splitlines() if "label_" in line]
        assert rows == [f"| {index} | {labels[first + index]} |" for index in range(count)]
        first += count
    oneapi = HlsOptions(HlsBackend.ONEAPI, "Agilex7", 5.0)
    assert "This project was written, not run" in interface_document(graph, oneapi, Ports(inputs, outputs))
    assert "not run" not in text

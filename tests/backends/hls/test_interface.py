"""The interface document tells a firmware engineer what each word means."""

from collections.abc import Callable
from dataclasses import replace

from trigml.backends.hls import HlsBackend, HlsOptions
from trigml.backends.hls.interface import interface_document
from trigml.graph import Graph

OPTIONS = HlsOptions(HlsBackend.VITIS, "xcvu13p-flga2577-2-e", 5.0)


def test_every_word_has_its_row(make_graph: Callable[..., Graph]) -> None:
    """Protects offset, LSB and range of every input, format and range of the output, and labels."""
    graph = replace(make_graph(3), output_labels=("signal", "background"))
    text = interface_document(graph, OPTIONS)
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
    text = interface_document(make_graph(3), OPTIONS)
    assert text.rstrip().endswith("| 1 | 1 |")

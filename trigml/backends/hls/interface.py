"""The interface of an HLS project in words: which bits mean which feature."""

from __future__ import annotations

from trigml.backends.hls.layers import INPUT_PORT
from trigml.backends.hls.options import HlsOptions
from trigml.graph import Graph


def interface_document(graph: Graph, options: HlsOptions) -> str:
    """Markdown for the firmware engineer: ports, order, formats, LSB, range, what happens outside."""
    contract, output = graph.contract, graph.output
    lines = [
        f"# Interface of `{graph.name}`",
        "",
        f"Made by trigml for {options.backend.value} ({options.part}, requested clock {options.clock_ns} ns, "
        f"io {options.io.value}). Graph digest `{graph.digest}`.",
        "",
        f"## Input port `{INPUT_PORT}`: {len(contract.features)} words of `{contract.format}`",
        "",
        "word = round_half_even((value − offset) / LSB), saturated to the range of the format.",
        "The offset is a multiple of the LSB.",
        "",
        "| word | feature | unit | offset | LSB | smallest value | largest value |",
        "|---|---|---|---|---|---|---|",
    ]
    for index, feature in enumerate(contract.features):
        low, high = contract.reach(feature)
        lines.append(
            f"| {index} | {feature.name} | {feature.unit or '–'} | {feature.offset!r} "
            f"| {contract.lsb(feature)!r} | {low!r} | {high!r} |"
        )
    count = output.shape[0]
    low_word, high_word = graph.ranges[output.name].bounds
    lines += [
        "",
        f"## Output: {count} words of `{output.format.exact()}` (LSB {output.format.lsb!r})",
        "",
        f"Exact sums, never rounded; every word provably lies from {low_word} to {high_word}.",
        "",
        "| word | meaning |",
        "|---|---|",
    ]
    labels = graph.output_labels or tuple(str(index) for index in range(count))
    lines += [f"| {index} | {label} |" for index, label in enumerate(labels)]
    return "\n".join(lines) + "\n"

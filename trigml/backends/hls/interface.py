"""The interface of an HLS project in words: which bits mean which feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trigml.backends.hls.options import HlsOptions
from trigml.contract import InputContract
from trigml.graph import Graph, Operation
from trigml.graph.network import words_in


@dataclass(frozen=True)
class Ports:
    """Names of the ports in the C++ of the top function, in the graph's order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def interface_document(graph: Graph, options: HlsOptions, ports: Ports) -> str:
    """Markdown for the firmware engineer: ports, order, formats, LSB, range, what happens outside."""
    lines = [
        f"# Interface of `{graph.name}`",
        "",
        f"Made by trigml for {options.backend.value} ({options.part}, requested clock {options.clock_ns} ns, "
        f"io {options.io.value}). Graph digest `{graph.digest}`.",
    ]
    if not options.backend.emulates_with_gxx:
        lines += ["", "This project was written, not run: its C++ needs the vendor's compiler."]
    for name, port, contract in zip(ports.inputs, graph.inputs, graph.contracts, strict=True):
        lines += _input_port(name, port, contract)
    labels = graph.output_labels or tuple(str(index) for index in range(graph.n_out))
    for name, operation in zip(ports.outputs, graph.results, strict=True):
        count = words_in(operation.shape)
        lines += _output_port(graph, name, operation, labels[:count])
        labels = labels[count:] if graph.output_labels else labels
    return "\n".join(lines) + "\n"


def _input_port(name: str, operation: Operation, contract: InputContract) -> list[str]:
    lines = [
        "",
        f"## Input port `{name}`: {len(contract.features)} words of `{contract.format}`",
        "",
        *_order(operation),
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
    return lines


def _output_port(graph: Graph, name: str, operation: Operation, labels: Sequence[str]) -> list[str]:
    format_ = operation.format
    low, high = graph.ranges[operation.name].bounds
    rounded = "" if format_ != format_.exact() else "Exact, never rounded; e"
    return [
        "",
        f"## Output port `{name}` ({operation.name}): {len(labels)} words of `{format_}` "
        f"(LSB {format_.lsb!r})",
        "",
        *_order(operation),
        f"{rounded or 'E'}very word provably lies from {low} to {high}.",
        "",
        "| word | meaning |",
        "|---|---|",
        *(f"| {index} | {label} |" for index, label in enumerate(labels)),
    ]


def _order(operation: Operation) -> list[str]:
    if len(operation.shape) == 1:
        return []
    shape = " × ".join(map(str, operation.shape))
    return [f"A tensor of {shape} words, the last axis fastest.", ""]

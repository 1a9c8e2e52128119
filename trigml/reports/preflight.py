"""A preflight as text: a block per broken rule, or the network in a few lines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from trigml.preflight import Port, Preflight, Summary
from trigml.problems import Problem
from trigml.reports.terminal import aligned

_WIDTH = 100


def preflight_text(found: Preflight) -> str:
    """Everything that a preflight found, for people."""
    parts = []
    if found.problems:
        layers = len({problem.layer for problem in found.problems})
        parts.append(
            f"{found.model}: {_counted(len(found.problems), 'broken rule')} in {_counted(layers, 'layer')}"
        )
        parts.append(problems_text(found.problems))
    if found.summary is not None:
        parts.append(f"{found.model}: every rule is kept, the network is exact")
        parts.append(_summary_text(found.summary))
    if found.backend is not None and found.summary is not None:
        asked = f"{found.backend.backend.value}, {found.backend.io.value}, {found.backend.strategy.value}"
        count = len(found.backend_problems)
        parts.append(f"{asked}: {'nothing' if not count else _counted(count, 'operation')} refused")
        if count:
            parts.append(problems_text(found.backend_problems))
    if found.notes:
        parts.append("\n".join(f"note: {note}" for note in found.notes))
    return "\n\n".join(parts)


def problems_text(problems: Sequence[Problem]) -> str:
    """One block per layer, and in it what is wrong, why, and the line to change."""
    layers: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        layers.setdefault((problem.layer, problem.kind), []).append(problem)
    blocks, number = [], 0
    for (layer, kind), broken in layers.items():
        lines = [f"{layer} ({kind})"]
        for problem in broken:
            number += 1
            lines += _wrapped(f"{number:>3}. ", problem.what)
            if problem.why:
                lines += _wrapped("     because  ", problem.why)
            lines += _wrapped("     to do    ", problem.remedy)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary_text(summary: Summary) -> str:
    rows = [("", "name", "shape", "type")]
    rows += [_row("input", port) for port in summary.inputs]
    rows += [_row("output", port) for port in summary.outputs]
    widest = summary.widest
    figures = [
        ("operations", f"{summary.operations:,}"),
        ("parameters", f"{summary.parameters:,}, of which {summary.zeros:,} are zero"),
    ]
    if widest is not None:
        figures.append(("widest accumulator", f"{widest.bits} bits, {widest.type} in {widest.layer}"))
    lines = [*aligned(rows, "<<<<"), "", *(f"{name:<20}{value}" for name, value in figures)]
    return "\n".join(lines)


def _row(side: str, port: Port) -> tuple[str, str, str, str]:
    return side, port.name, " × ".join(map(str, port.shape)), port.type


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

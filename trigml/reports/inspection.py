"""An inspection as text: ranges, weights, and where types overflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trigml.inspection.inspecting import Inspection, LayerInspection
from trigml.inspection.overflow import DeclaredFinding, OverflowFinding, Verdict, Witness
from trigml.reports.terminal import aligned, percent

_SHOWN_INPUTS = 8


def inspection_text(found: Inspection) -> str:
    """Tables and lines for the terminal."""
    lines = [
        f"{found.model}, graph {found.digest[:12]}",
        f"seen: {found.events:,} events ({found.inputs})",
        "",
        *_ranges(found.layers),
        "",
        *_products(found.layers),
        "",
        "Overflow: sums and products never overflow, their types are as wide as the proof needs",
    ]
    for finding in found.overflows:
        lines += _overflow_lines(finding)
    for declared in found.declared:
        lines += _declared_lines(declared)
    return "\n".join([*lines, *(f"note: {note}" for note in found.notes)])


def _ranges(layers: Sequence[LayerInspection]) -> list[str]:
    head = ["layer", "operation", "format", "proven words", "proven values", "seen words", "idle top bits"]
    head += ["low zero bits", "constant", "saturated", "to zero"]
    rows = [
        [
            layer.name,
            layer.operation,
            str(layer.format),
            _interval(layer.proven),
            _interval(layer.values(layer.proven)),
            _interval(layer.seen),
            f"{layer.idle_top} / {layer.idle_top_seen}",
            f"{layer.low_zeros} / {layer.low_zeros_seen}",
            f"{layer.constant:,}" if layer.constant else "",
            _rate(layer.saturated),
            _rate(layer.to_zero),
        ]
        for layer in layers
    ]
    return ["Ranges and bits (proven / seen)", *aligned([head, *rows], "<<<>>>>>>>>")]


def _products(layers: Sequence[LayerInspection]) -> list[str]:
    rows = [["layer", "operation", "shape", "weights", "zero", "biases", "products", "multiplications"]]
    counted = [layer for layer in layers if layer.counts.products]
    rows += [
        [
            layer.name,
            layer.operation,
            "×".join(map(str, layer.shape)),
            f"{layer.counts.weights:,}",
            _rate(layer.counts.zeros / layer.counts.weights if layer.counts.weights else None),
            f"{layer.counts.biases:,}",
            f"{layer.counts.products:,}",
            f"{layer.counts.multiplications:,}",
        ]
        for layer in counted
    ]
    weights = sum(layer.counts.weights for layer in counted)
    rows.append(
        [
            "all",
            "",
            "",
            f"{weights:,}",
            _rate(sum(layer.counts.zeros for layer in counted) / weights if weights else None),
            f"{sum(layer.counts.biases for layer in counted):,}",
            f"{sum(layer.counts.products for layer in counted):,}",
            f"{sum(layer.counts.multiplications for layer in counted):,}",
        ]
    )
    title = "Weights and products per event (multiplications: the weight is not 0 and no power of two)"
    return [title, *aligned(rows, "<<<>>>>>")]


def _overflow_lines(finding: OverflowFinding) -> Iterator[str]:
    reason = "exact extremes" if finding.exactly else f"words before it: {_interval(finding.needed)}"
    line = f"{finding.tensor}: {finding.format} {finding.verdict} ({reason})"
    if finding.verdict in (Verdict.SHOWN, Verdict.POSSIBLE):
        line += f"; {finding.needed_width} bits would hold everything"
    yield line
    if finding.verdict is Verdict.POSSIBLE:
        yield "  no input was found that shows it; the proof by intervals may be wider than the truth"
    if finding.witness is not None:
        yield from _witness_lines(finding.witness)


def _declared_lines(declared: DeclaredFinding) -> Iterator[str]:
    yield "declared for " + next(lines := _overflow_lines(declared.overflow))
    yield from lines
    if declared.dropped_bits:
        yield f"  it drops {declared.dropped_bits} low bits of the exact result"
    if declared.partial_sums is not None:
        low, high, format_ = declared.partial_sums
        yield f"  partial sums: {low:,} to {high:,} in units of {format_.lsb:g}; {format_} holds them"


def _witness_lines(witness: Witness) -> Iterator[str]:
    element = ", ".join(map(str, witness.element))
    yield f"  {witness.origin}: element [{element}] is {witness.exact:,} LSB, and becomes {witness.stored:,}"
    shown = [f"{name}={value:g}{' ' + unit if unit else ''}" for name, value, unit in witness.features]
    more = f", … ({len(shown)} inputs, all with --json)" if len(shown) > _SHOWN_INPUTS else ""
    yield "  inputs: " + ", ".join(shown[:_SHOWN_INPUTS]) + more


def _interval(ends: tuple[float, float]) -> str:
    low, high = (f"{end:,}" if isinstance(end, int) else f"{end:.6g}" for end in ends)
    return low if low == high else f"{low} … {high}"


def _rate(rate: float | None) -> str:
    return "" if rate is None else percent(rate)

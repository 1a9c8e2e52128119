"""A description of a file of events as text."""

from __future__ import annotations

from collections.abc import Sequence

from trigml.data.describe import QUANTILES, ColumnSummary, Count, Description
from trigml.reports.terminal import aligned


def description_text(found: Description) -> str:
    """Title, counts, columns and provenance, aligned for the terminal."""
    collisions = "" if found.n_collisions is None else f" of {found.n_collisions:,} collisions"
    parts = [
        f"{found.title}\n{found.path}: {found.n_events:,} events{collisions}, {found.n_bytes / 1e6:.1f} MB",
        _counts("classes", found.classes) if found.classes else "no labels",
        _counts("splits by collision", found.splits),
        "Features\n" + _columns(found.features),
    ]
    if found.constituents:
        mean = "" if found.mean_constituents is None else f", {found.mean_constituents:.1f} on average"
        head = f"Constituents, at most {found.n_constituents} per event{mean}"
        parts.append(f"{head}\n{_columns(found.constituents)}")
    if found.provenance:
        lines = [f"  {key}: {value}" for key, value in found.provenance.items()]
        parts.append("\n".join(["Provenance", *lines]))
    return "\n\n".join(parts)


def _counts(what: str, counts: Sequence[Count]) -> str:
    return f"{what}: " + ", ".join(f"{count.name} {count.n_events:,}" for count in counts)


def _columns(columns: Sequence[ColumnSummary]) -> str:
    quantiles = [f"{fraction:.0%}" for fraction in QUANTILES]
    rows = [["column", "unit", "mean", "std", "min", *quantiles, "max", "not finite"]]
    for column in columns:
        middle = column.quantiles or (None,) * len(QUANTILES)
        numbers = [column.mean, column.std, column.minimum, *middle, column.maximum]
        missing = column.n_nan + column.n_infinite
        rows.append(
            [
                column.name,
                column.unit,
                *("" if number is None else f"{number:.4g}" for number in numbers),
                f"{missing:,}" if missing else "",
            ]
        )
    return "\n".join(aligned(rows, "<<" + ">" * (len(rows[0]) - 2)))

"""Files of showers, and the events made of them, as text."""

from __future__ import annotations

from trigml.data.describe import QUANTILES
from trigml.data.describe_showers import ShowerDescription
from trigml.data.shower_events import ShowerConversion
from trigml.reports.terminal import aligned

_NAMES = {22: "photons", 111: "neutral pions", 11: "electrons", -11: "positrons"}
_NAMES |= {211: "positive pions", -211: "negative pions"}


def shower_text(found: ShowerDescription) -> str:
    """Layout, cells, particles, energies and what else is in the file."""
    parts = [
        f"Showers in the layout {found.layout}, axes of the cells ({', '.join(found.axes)})\n"
        f"{found.path}: {found.n_showers:,} showers, {found.n_bytes / 1e6:.1f} MB",
        _particles(found),
        f"Cells (deposits from {found.n_sampled:,} showers, spread over the file)\n{_cells(found)}",
        f"Numbers\n{_numbers(found)}",
    ]
    if found.others:
        parts.append(f"not read: {', '.join(found.others)}")
    return "\n\n".join(parts)


def conversion_text(made: ShowerConversion) -> str:
    """What ``trigml data showers`` wrote."""
    rows = [["class", "events", "files", "mean response", "saturated"]]
    for one in made.classes:
        cells = [f"{one.n_events:,}", str(one.n_files), f"{one.response:.3f}", f"{one.saturated:,}"]
        rows.append([one.name, *cells])
    grids = f"ECAL {made.ecal}" + ("" if made.hcal is None else f", HCAL {made.hcal}")
    lines = [
        f"{made.n_events:,} events in {made.output}, from showers in the layout {made.layout}",
        f"trigger cells (segments, y, x): {grids}; {len(made.features)} features",
        "",
        *aligned(rows, "<>>>>"),
        "",
        "response: sum of all words / true energy; saturated: events with a word at the highest value",
    ]
    return "\n".join([*lines, *(f"note: {remark}" for remark in made.remarks)])


def _particles(found: ShowerDescription) -> str:
    if found.particles is None:
        return "no PDG numbers"
    counts = [
        f"{one.pdg_id} ({_NAMES.get(one.pdg_id, 'other')}) {one.n_showers:,}" for one in found.particles
    ]
    return f"PDG numbers: {', '.join(counts)}"


def _cells(found: ShowerDescription) -> str:
    rows = [["dataset", "type", "layers", "y", "x", "MeV per shower", "cells hit", "half within", "chunks"]]
    for one in found.cells:
        rows.append(
            [
                one.dataset,
                one.dtype,
                *map(str, (one.layers, one.y, one.x)),
                f"{one.mean_deposit:.4g}",
                f"{one.hit_cells:.1f}",
                "" if one.first_half is None else f"{one.first_half} layers",
                "none" if one.chunks is None else " x ".join(map(str, one.chunks)),
            ]
        )
    return "\n".join(aligned(rows, "<<>>>>>>>"))


def _numbers(found: ShowerDescription) -> str:
    rows = [["number", "unit", "mean", "min", *(f"{fraction:.0%}" for fraction in QUANTILES), "max"]]
    for one in found.numbers:
        values = [one.mean, one.minimum, *one.quantiles, one.maximum]
        rows.append([one.name, one.unit, *(f"{value:.4g}" for value in values)])
    return "\n".join(aligned(rows, "<<" + ">" * (len(rows[0]) - 2)))

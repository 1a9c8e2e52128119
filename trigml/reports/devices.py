"""Parts and boards as tables, for ``trigml devices``."""

from __future__ import annotations

import textwrap
from typing import Any

from trigml.devices import RESOURCES, Board, Devices, Part
from trigml.reports.figures import EventRate
from trigml.reports.terminal import aligned

_WIDTH = 100


def devices_text(devices: Devices) -> str:
    """All parts and all boards, a line each."""
    parts = [("part", "family", "LUT or ALM", "FF", "DSP", "BRAM18 or M20K", "URAM", "regions", "verified")]
    parts += [
        (
            part.name,
            part.family,
            _count(part, "LUT", "ALM"),
            _count(part, "FF"),
            _count(part, "DSP"),
            _count(part, "BRAM18", "M20K"),
            _count(part, "URAM"),
            str(part.regions),
            "yes" if part.verified else "no",
        )
        for part in devices.parts
    ]
    boards = [("board", "experiment", "FPGAs", "clocks", "what")]
    boards += [
        (
            board.name,
            board.experiment or "–",
            board.parts_text,
            ", ".join(f"{clock.mhz:g} MHz" for clock in board.clocks) or "–",
            board.title,
        )
        for board in devices.boards
    ]
    lines = [*aligned(parts, "<<>>>>>><"), "", *aligned(boards, "<<<<<")]
    return "\n".join([*lines, "", "verified: the numbers were seen in their source (trigml devices NAME)"])


def device_text(device: Part | Board, devices: Devices) -> str:
    """One part or board, with sources; a board with its parts."""
    if isinstance(device, Part):
        return _part_text(device)
    rows = [
        ("FPGAs", device.parts_text),
        ("experiment", device.experiment or "–"),
        *((f"{clock.mhz:g} MHz", _clock_text(clock.period_ns, clock.use)) for clock in device.clocks),
        *(("", f"source: {clock.source}") for clock in device.clocks),
        *_source_rows(device.source, device.verified, device.origin),
    ]
    parts = [_part_text(devices.part(part.part)) for part in device.parts]
    return "\n\n".join(["\n".join([f"{device.name}: {device.title}", *_listed(rows)]), *parts])


def device_json(device: Part | Board, devices: Devices) -> dict[str, Any]:
    """One part or board for machines; a board with its parts."""
    if isinstance(device, Part):
        return {"part": device.to_json()}
    parts = [devices.part(part.part).to_json() for part in device.parts]
    return {"board": device.to_json(), "parts": parts}


def devices_json(devices: Devices) -> dict[str, Any]:
    """All of them for machines."""
    return {
        "parts": [part.to_json() for part in devices.parts],
        "boards": [board.to_json() for board in devices.boards],
    }


def _part_text(part: Part) -> str:
    head = [("resource", "part", *(("one region",) if part.region else ()))]
    counts = [
        (name, f"{part.resources[name]:,}", *((f"{part.region[name]:,}",) if name in part.region else ()))
        for name in RESOURCES
        if name in part.resources
    ]
    width = len(head[0])
    table = aligned([*head, *((*row, *("–",) * (width - len(row))) for row in counts)], "<>>"[:width])
    regions = "one" if part.regions == 1 else f"{part.regions} super logic regions"
    rows = [
        ("regions", regions),
        *([("also called", ", ".join(part.aliases))] if part.aliases else []),
        *([("speed grade", part.speed)] if part.speed else []),
        ("mapping", f"Yosys, family {part.yosys_family}" if part.yosys_family else "none in trigml"),
        *_source_rows(part.source, part.verified, part.origin),
    ]
    return "\n".join([f"{part.name}: {part.vendor} {part.family}", *_listed(rows), "", *table])


def _source_rows(source: str, verified: bool, origin: str) -> list[tuple[str, str]]:
    seen = "seen in the source" if verified else "not verified"
    return [("numbers", seen), ("source", source), ("file", origin)]


def _clock_text(period_ns: float, use: str) -> str:
    rate = EventRate(1, period_ns)
    return f"{period_ns:.4g} ns, {rate.per_crossing} cycles per bunch crossing; {use}"


def _count(part: Part, *names: str) -> str:
    return next((f"{part.resources[name]:,}" for name in names if name in part.resources), "–")


def _listed(rows: list[tuple[str, str]]) -> list[str]:
    """Names and values below each other, long values over several lines."""
    indent = 2 + max(len(name) for name, _ in rows) + 2
    lines = []
    for name, value in rows:
        wrapped = textwrap.wrap(value, _WIDTH - indent, break_long_words=False) or [""]
        lines.append(f"  {name}".ljust(indent) + wrapped[0])
        lines += [" " * indent + more for more in wrapped[1:]]
    return lines

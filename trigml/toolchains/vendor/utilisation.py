"""Reading the utilisation report of Vivado (``report_utilization``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.report_text import Row, find_value, value_of
from trigml.toolchains.vendor.vivado_text import Stage, VivadoReport, read_vivado

# 7-series have slices, UltraScale has CLBs, Versal calls the registers differently.
_LOGIC = ("CLB Logic", "Slice Logic", "Netlist Logic")
_LUTS = ("CLB LUTs", "Slice LUTs")
_REGISTERS = ("CLB Registers", "Slice Registers", "Registers")
_CARRIES = ("CARRY8", "CARRY4", "LOOKAHEAD8")
_MEMORY = ("BLOCKRAM", "Memory")
_ARITHMETIC = ("ARITHMETIC", "DSP")
_DSPS = ("DSPs", "DSP Slices")


@dataclass(frozen=True)
class Utilisation:
    """Cells that a design uses.

    Attributes:
        version: of Vivado.
        part: FPGA part, as the report spells it.
        stage: how far the design was built.
        resources: LUT, FF, CARRY, DSP, BRAM18; URAM where the part has any.
        notes: by resource, what the reader has to know to use it.
        pins: used I/O pins, ``None`` if it does not say; more than 0 means not built out of context.
    """

    version: str
    part: str
    stage: Stage
    resources: Mapping[str, int]
    notes: Mapping[str, str]
    pins: int | None


def read_utilisation(path: Path, expected: Expected, stage: Stage | None = None) -> Utilisation:
    """Read one report.

    Args:
        path: its file.
        expected: what it has to be of.
        stage: as its file name says; its own 'Design State' counts where it is there.

    Raises:
        BadInput: it is truncated, of another project or part, or lacks a figure.
    """
    found = read_vivado(path, expected, stage)
    found.require_contents()
    report = found.report
    logic, memory = found.table(*_LOGIC), found.table(*_MEMORY)
    carries, carry_cell = _carries(found)
    resources = {
        "LUT": report.whole(value_of(report, logic, _LUTS), "LUT"),
        "FF": report.whole(value_of(report, logic, _REGISTERS), "FF"),
        "CARRY": carries,
        "DSP": report.whole(value_of(report, found.table(*_ARITHMETIC), _DSPS), "DSP"),
        "BRAM18": _blocks_of_18_kbit(found, memory),
    }
    ultra = find_value(memory, ("URAM",))
    if ultra is not None:
        resources["URAM"] = report.whole(ultra, "URAM")
    pins = find_value(found.table("I/O", "IO and GT Specific"), ("Bonded IOB",))
    notes = {"CARRY": carry_cell} if carry_cell else {}
    return Utilisation(
        found.version,
        found.part,
        found.stage,
        resources,
        notes,
        None if pins is None else report.whole(pins, "Bonded IOB"),
    )


def _carries(found: VivadoReport) -> tuple[int, str]:
    """Carry cells and their kind; 7-series list them among the primitives only."""
    rows: list[Row] = [*found.table(*_LOGIC), *found.table("Primitives")]
    used = [
        (name, found.report.whole(text, name)) for name in _CARRIES if (text := find_value(rows, (name,)))
    ]
    return sum(count for _, count in used), ", ".join(name for name, _ in used)


def _blocks_of_18_kbit(found: VivadoReport, memory: list[Row]) -> int:
    """A block RAM tile is two blocks of 18 kbit; half a tile may be used."""
    tiles = found.report.number(value_of(found.report, memory, ("Block RAM Tile",)), "Block RAM Tile")
    blocks = 2 * tiles
    if not blocks.is_integer():
        raise found.report.no_number(f"{tiles:g}", "Block RAM Tile (whole or half tiles)")
    return int(blocks)

"""What each cell of a mapped netlist takes; a cell that is not listed is an error, never nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trigml.errors import ToolFailed


class Resource(StrEnum):
    """Counted resources; the values are the metrics of a report."""

    LUT = "LUT"
    FF = "FF"
    CARRY = "CARRY"
    MUX = "MUXF"
    DSP = "DSP"
    BRAM18 = "BRAM18"
    URAM = "URAM"


LUT_SIZES = {"INV": 1, **{f"LUT{inputs}": inputs for inputs in range(1, 7)}}
"""Inputs of the look-up tables. Yosys writes a LUT1 that inverts as INV."""

SHIFT_REGISTERS = frozenset({"SRL16E", "SRLC32E"})
"""LUTs used as memory of one bit's past."""

_LUT_MEMORIES = {
    **{"RAM32X1S": 1, "RAM64X1S": 1, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1S": 2, "RAM128X1D": 4},
    **{"RAM256X1S": 4, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM64X8SW": 8},
    **{"RAM512X1S": 8, "RAM256X1D": 8, "RAM32X16DR8": 8},
}
_FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "LDCE", "LDPE")

COSTS: Mapping[str, tuple[Resource, int]] = {
    **dict.fromkeys(LUT_SIZES, (Resource.LUT, 1)),
    **dict.fromkeys(SHIFT_REGISTERS, (Resource.LUT, 1)),
    **{name: (Resource.LUT, count) for name, count in _LUT_MEMORIES.items()},
    **{name: (Resource.FF, 1) for base in _FLIP_FLOPS for name in (base, f"{base}_1")},
    **dict.fromkeys(("CARRY4", "CARRY8"), (Resource.CARRY, 1)),
    **dict.fromkeys(("MUXF7", "MUXF8", "MUXF9"), (Resource.MUX, 1)),
    **dict.fromkeys(("DSP48E1", "DSP48E2"), (Resource.DSP, 1)),
    **dict.fromkeys(("RAMB18E1", "RAMB18E2"), (Resource.BRAM18, 1)),
    **dict.fromkeys(("RAMB36E1", "RAMB36E2"), (Resource.BRAM18, 2)),
    "URAM288": (Resource.URAM, 1),
}

NO_HARDWARE = frozenset({"$scopeinfo"})
"""Yosys's notes about where flattened cells come from."""


@dataclass(frozen=True)
class Cells:
    """Cells of a mapped module.

    Attributes:
        by_type: how many there are of each type.
        estimated_lc: Yosys's estimate of six-input LUTs if small ones share them.
    """

    by_type: Mapping[str, int] = field(default_factory=dict)
    estimated_lc: int = 0

    def __add__(self, other: Cells) -> Cells:
        total = Counter(self.by_type) + Counter(other.by_type)
        return Cells(dict(total), self.estimated_lc + other.estimated_lc)

    def count(self, resource: Resource) -> int:
        """Of one resource. LUT: each LUT1 to LUT6, inverter, shift register and LUT memory counts as one."""
        counted = [(COSTS[name], number) for name, number in self.by_type.items()]
        return sum(cost * number for (kind, cost), number in counted if kind is resource)

    @property
    def luts_by_inputs(self) -> tuple[int, ...]:
        """LUTs with 1, 2, … 6 inputs."""
        return tuple(
            sum(self.by_type.get(name, 0) for name, size in LUT_SIZES.items() if size == inputs)
            for inputs in range(1, 7)
        )

    @property
    def luts_as_memory(self) -> int:
        """LUTs used as shift registers or memories."""
        return self.count(Resource.LUT) - sum(self.luts_by_inputs)

    @property
    def carry_bits(self) -> int:
        """Bits per carry cell: 4 or 8; 0 if there is none."""
        return 8 if self.by_type.get("CARRY8") else 4 if self.by_type.get("CARRY4") else 0


@dataclass(frozen=True)
class Statistics:
    """What Yosys counted in one mapped module.

    Attributes:
        cells: of the family.
        boxes: how often it instantiates each module that is mapped elsewhere.
    """

    cells: Cells
    boxes: Mapping[str, int]


def statistics_of(text: str, top: str, boxes: frozenset[str]) -> Statistics:
    """Read what ``stat -json`` wrote.

    Args:
        text: its output.
        top: the module.
        boxes: modules that are instantiated there and mapped elsewhere.

    Raises:
        ToolFailed: the text is something else, or holds a cell that is not known here.
    """
    try:
        module = json.loads(text)["modules"][f"\\{top}"]
        by_type = {str(name): int(number) for name, number in module.get("num_cells_by_type", {}).items()}
        estimated = int(module["estimated_num_lc"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolFailed(
            "Yosys's statistics cannot be read",
            where=top,
            expected="cells by their type, as JSON",
            found=f"{type(error).__name__}: {error}",
        ) from error
    kept = {name: number for name, number in by_type.items() if name not in NO_HARDWARE | boxes}
    if unknown := sorted(kept.keys() - COSTS.keys()):
        raise ToolFailed(
            "the mapped netlist has cells that trigml does not know",
            where=top,
            found=", ".join(f"{kept[name]} × {name}" for name in unknown),
            remedy="the figures would be too low without them; please report this with the RTL project",
        )
    return Statistics(Cells(kept, estimated), {name: by_type.get(name, 0) for name in sorted(boxes)})

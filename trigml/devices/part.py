"""What is known of a part and of a board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

RESOURCES = ("LUT", "FF", "CARRY", "DSP", "BRAM18", "URAM", "ALM", "M20K")
"""The resources that a part can have, as figures call them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One FPGA.

    Attributes:
        name: the device without package and speed grade, as ``xcvu13p``.
        vendor: who makes it.
        family: its family, as the vendor calls it.
        resources: how many of each it has; what is not known is not there.
        regions: super logic regions (dies); 1 for a part of one die.
        region: resources of one region, of the smallest where they differ; empty if there is one only, or if
            they are not known.
        yosys_family: the family of ``synth_xilinx`` that maps to its cells; ``None`` if there is none.
        source: where the numbers come from.
        verified: the numbers were seen in that source (or not: they are from memory of it).
        aliases: other names of the device.
        origin: the file that it is from.
        speed: speed grade, where it was asked for by a full name such as ``xcvu13p-flga2577-2-e``.
    """

    name: str
    vendor: str
    family: str
    resources: Mapping[str, int]
    regions: int
    region: Mapping[str, int]
    yosys_family: str | None
    source: str
    verified: bool
    aliases: tuple[str, ...] = ()
    origin: str = ""
    speed: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class BoardPart:
    """A kind of FPGA on a board, and how many of it take part in the trigger's computations."""

    part: str
    count: int


@dataclass(frozen=True, slots=True)
class BoardClock:
    """A clock that firmware of the board computes with.

    Attributes:
        mhz: frequency.
        use: for what.
        source: where that is said.
    """

    mhz: float
    use: str
    source: str

    @property
    def period_ns(self) -> float:
        """Clock period."""
        return 1000 / self.mhz


@dataclass(frozen=True, slots=True)
class Board:
    """One board.

    Attributes:
        name: short name, as ``serenity-s1``.
        title: what it is.
        experiment: of which experiment; empty for a development board.
        parts: its FPGAs.
        clocks: clocks with a source; none where none was found.
        source: where the parts are told.
        verified: that was seen in that source.
        origin: the file that it is from.
    """

    name: str
    title: str
    experiment: str
    parts: tuple[BoardPart, ...]
    clocks: tuple[BoardClock, ...]
    source: str
    verified: bool
    origin: str = ""

    @property
    def parts_text(self) -> str:
        """Its FPGAs for people."""
        return " + ".join(f"{part.count} × {part.part}" for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

"""A design mapped to cells: what each module takes, and the netlist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from trigml.toolchains.yosys.cells import Cells, Resource
from trigml.toolchains.yosys.tool import Family


@dataclass(frozen=True)
class MappedModule:
    """A module that was mapped by itself.

    Attributes:
        name: of the module.
        instances: how often the design holds it.
        cells: of one instance.
        netlist: its Verilog.
    """

    name: str
    instances: int
    cells: Cells
    netlist: str


@dataclass(frozen=True)
class MappedDesign:
    """A design mapped to the cells of a family.

    Attributes:
        top: its top module.
        family: the cells.
        dsp: whether products were allowed to become DSPs.
        modules: those mapped by themselves; the top module is the last.
        version: of Yosys.
        seconds: how long the mapping took.
        cached: how many modules came from the cache.
    """

    top: str
    family: Family
    dsp: bool
    modules: tuple[MappedModule, ...]
    version: str
    seconds: float
    cached: int

    @property
    def tool(self) -> str:
        """Name and version, for tables."""
        return f"Yosys {self.version}"

    @cached_property
    def cells(self) -> Cells:
        """Cells of the whole design."""
        total = Cells()
        for module in self.modules:
            for _ in range(module.instances):
                total += module.cells
        return total

    @property
    def counts(self) -> Mapping[Resource, int]:
        """Resources of the whole design, zeros included."""
        return {resource: self.cells.count(resource) for resource in Resource}

    def write_netlist(self, folder: Path) -> tuple[Path, ...]:
        """Write the netlist as one Verilog file named like its top module into an existing folder."""
        path = folder / f"{self.top}.v"
        path.write_text("\n".join(module.netlist for module in self.modules), encoding="utf-8")
        return (path,)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON without the netlist."""
        return {
            "top": self.top,
            "family": self.family.value,
            "dsp_allowed": self.dsp,
            "tool": self.tool,
            "modules": [
                {"name": module.name, "instances": module.instances, "cells": dict(module.cells.by_type)}
                for module in self.modules
            ],
        }

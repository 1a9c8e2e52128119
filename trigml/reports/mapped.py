"""Rows of a design that Yosys mapped to cells: of the whole, and of each module that was mapped by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trigml.reports.figures import Figure, Tier
from trigml.reports.terminal import Grid
from trigml.toolchains.yosys.cells import Resource
from trigml.toolchains.yosys.mapped import MappedDesign

_NOT_ROUTED = "after technology mapping, before placement"


def mapped_figures(mapped: MappedDesign, part: str, clock_ns: float) -> list[Figure]:
    """Rows of tier ``mapped``: the cells of the whole design, zeros included.

    Args:
        mapped: the design.
        part: the part whose cells they are.
        clock_ns: clock period for which the design was cut into stages.
    """
    return [
        Figure(
            resource.value,
            count,
            "",
            Tier.MAPPED,
            "Yosys",
            part,
            clock_ns,
            _note(resource, mapped),
            mapped.version,
        )
        for resource, count in mapped.counts.items()
    ]


def _note(resource: Resource, mapped: MappedDesign) -> str:
    cells = mapped.cells
    match resource:
        case Resource.LUT:
            sizes = enumerate(cells.luts_by_inputs, start=1)
            kinds = ", ".join(
                f"{count:,} LUT{inputs}{' (inverters)' * (inputs == 1)}" for inputs, count in sizes if count
            )
            return (
                f"{_NOT_ROUTED}: {kinds or 'none'}, each counted as one; a placer puts small ones together "
                f"two by two (Yosys's own estimate: {cells.estimated_lc:,})"
            )
        case Resource.CARRY if cells.carry_bits:
            return f"{_NOT_ROUTED}; of {cells.carry_bits} bits each"
        case Resource.DSP if not mapped.dsp:
            return f"{_NOT_ROUTED}; Yosys was told to use none, a vendor's tool may choose otherwise"
    return _NOT_ROUTED


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """The cells of one module of the design.

    Attributes:
        module: its name: a stage of the pipeline's logic, or the top level with the registers.
        instances: how often the design holds it.
        counts: cells of one instance by resource, zeros included.
    """

    module: str
    instances: int
    counts: Mapping[Resource, int]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        counts = {resource.value: count for resource, count in self.counts.items()}
        return {"module": self.module, "instances": self.instances, "counts": counts}


def module_rows(mapped: MappedDesign) -> tuple[ModuleRow, ...]:
    """A row per module that was mapped by itself: ``logic2`` before ``logic10``, the top level last."""
    *stages, top = mapped.modules
    return tuple(
        ModuleRow(module.name, module.instances, {kind: module.cells.count(kind) for kind in Resource})
        for module in (*sorted(stages, key=lambda stage: _numbered(stage.name)), top)
    )


def _numbered(name: str) -> tuple[str, int]:
    """Name and number of a stage of the pipeline's logic, to sort by."""
    word = name.rstrip("0123456789")
    return word, int(name[len(word) :] or 0)


def modules_grid(rows: Sequence[ModuleRow]) -> Grid:
    """The compact table of ``module_rows``: resources that no module has are left out."""
    used = [kind for kind in Resource if any(row.counts.get(kind) for row in rows)]
    head = ("module", "instances", *(kind.value for kind in used))
    cells = [
        (row.module, str(row.instances), *(f"{row.counts.get(kind, 0):,}" for kind in used)) for row in rows
    ]
    below = ("of one instance each; the last is the top level with the pipeline's registers",)
    return Grid("Cells by module", (head, *cells), "<" + ">" * (len(used) + 1), below)

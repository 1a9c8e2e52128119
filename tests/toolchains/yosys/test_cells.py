"""Cells are counted for what they take; what is not known is an error."""

import json

import pytest

from trigml.errors import ToolFailed
from trigml.toolchains.yosys.cells import Resource, statistics_of


def text(cells: dict[str, int], top: str = "top") -> str:
    """What ``stat -json`` writes."""
    return json.dumps({"modules": {f"\\{top}": {"num_cells_by_type": cells, "estimated_num_lc": 7}}})


def test_cells_are_counted_by_what_they_take() -> None:
    """Protects the figures: inverters and shift registers are LUTs, a RAMB36 two halves, notes nothing."""
    kinds = {"INV": 2, "LUT1": 1, "LUT3": 4, "LUT6": 5, "SRL16E": 3, "FDRE": 6, "FDSE": 1, "CARRY8": 2}
    rest = {"MUXF7": 2, "DSP48E2": 1, "RAMB36E2": 2, "RAMB18E2": 1, "URAM288": 1, "$scopeinfo": 9, "box": 2}
    found = statistics_of(text(kinds | rest), "top", frozenset({"box"}))
    counts = {resource: found.cells.count(resource) for resource in Resource}
    assert counts == {
        Resource.LUT: 15,
        Resource.FF: 7,
        Resource.CARRY: 2,
        Resource.MUX: 2,
        Resource.DSP: 1,
        Resource.BRAM18: 5,
        Resource.URAM: 1,
    }
    assert found.cells.luts_by_inputs == (3, 0, 4, 0, 0, 5)
    assert (found.cells.luts_as_memory, found.cells.carry_bits, found.cells.estimated_lc) == (3, 8, 7)
    assert found.boxes == {"box": 2}
    assert (found.cells + found.cells).count(Resource.LUT) == 30


def test_a_cell_that_is_not_known_is_an_error() -> None:
    """Protects against figures that are too low: nothing is dropped."""
    with pytest.raises(ToolFailed, match="cells that trigml does not know") as error:
        statistics_of(text({"LUT2": 1, "$mul": 3}), "top", frozenset())
    assert error.value.found == "3 × $mul"


@pytest.mark.parametrize("damaged", ["", "{}", "[]", text({}, "other"), '{"modules": {"\\\\top": {}}}'])
def test_statistics_that_cannot_be_read(damaged: str) -> None:
    """Protects against zeros: other text than statistics of this module is an error."""
    with pytest.raises(ToolFailed, match="statistics cannot be read"):
        statistics_of(damaged, "top", frozenset())

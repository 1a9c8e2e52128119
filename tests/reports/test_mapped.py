"""Rows of mapped cells: whole counts, what kind of count they are, and the modules that they add up from."""

import dataclasses
import json

from trigml.reports.figures import Tier
from trigml.reports.mapped import mapped_figures, module_rows, modules_grid
from trigml.toolchains.yosys import Family, MappedDesign, MappedModule
from trigml.toolchains.yosys.cells import Cells, Resource

LOGIC = Cells({"LUT2": 10, "LUT6": 3, "INV": 2, "CARRY4": 4, "MUXF7": 1}, estimated_lc=9)
REGISTERS = Cells({"FDRE": 40, "LUT3": 1}, estimated_lc=1)
DESIGN = MappedDesign(
    top="net",
    family=Family.ULTRASCALE_PLUS,
    dsp=False,
    modules=(MappedModule("logic0", 2, LOGIC, ""), MappedModule("net", 1, REGISTERS, "")),
    version="0.70",
    seconds=1.0,
    cached=0,
)


def test_rows_of_the_whole_design() -> None:
    """Protects the counts: each instance counted, zeros shown; tier, tool, version, part and clock beside."""
    rows = mapped_figures(DESIGN, "xcvu13p", 5.0)
    assert {row.metric: row.value for row in rows} == {
        **{"LUT": 31, "FF": 40, "CARRY": 8, "MUXF": 2},
        **{"DSP": 0, "BRAM18": 0, "URAM": 0},
    }
    for row in rows:
        assert (row.tier, row.tool, row.version) == (Tier.MAPPED, "Yosys", "0.70")
        assert (row.part, row.clock_ns, row.unit) == ("xcvu13p", 5.0, "")
        assert "before placement" in row.note


def test_the_luts_say_how_they_were_counted() -> None:
    """Protects comparisons with a vendor's number, which has small LUTs two to a site."""
    (lut,) = [row for row in mapped_figures(DESIGN, "xcvu13p", 5.0) if row.metric == "LUT"]
    assert "4 LUT1 (inverters), 20 LUT2, 1 LUT3, 6 LUT6, each counted as one" in lut.note
    assert "Yosys's own estimate: 19" in lut.note
    (carry,) = [row for row in mapped_figures(DESIGN, "xcvu13p", 5.0) if row.metric == "CARRY"]
    assert carry.note.endswith("of 4 bits each")


def test_no_dsp_says_that_none_was_allowed() -> None:
    """Protects a 0 from being read as a finding: it was asked for; where DSPs are allowed, it is one."""
    (told,) = [row for row in mapped_figures(DESIGN, "xcvu13p", 5.0) if row.metric == "DSP"]
    assert "Yosys was told to use none" in told.note
    free = dataclasses.replace(DESIGN, dsp=True)
    (found,) = [row for row in mapped_figures(free, "xcvu13p", 5.0) if row.metric == "DSP"]
    assert "told" not in found.note


def test_modules_are_stored_and_shown() -> None:
    """Protects the rows per module: plain JSON, and a table that leaves out what no module has."""
    rows = module_rows(DESIGN)
    assert rows[0].counts[Resource.LUT] == 15
    entry = json.loads(json.dumps(rows[0].to_json()))
    assert (entry["module"], entry["counts"]["LUT"], entry["counts"]["DSP"]) == ("logic0", 15, 0)
    assert modules_grid(rows).rows == (
        ("module", "instances", "LUT", "FF", "CARRY", "MUXF"),
        ("logic0", "2", "15", "0", "4", "1"),
        ("net", "1", "1", "40", "0", "0"),
    )


def test_stages_stand_in_the_order_of_the_pipeline() -> None:
    """Protects the table of modules: the tenth stage does not stand behind the first."""
    names = ["logic0", "logic1", "logic10", "logic11", "logic2", "net"]
    design = dataclasses.replace(DESIGN, modules=tuple(MappedModule(name, 1, LOGIC, "") for name in names))
    assert [row.module for row in module_rows(design)] == [
        *("logic0", "logic1", "logic2", "logic10", "logic11"),
        "net",
    ]

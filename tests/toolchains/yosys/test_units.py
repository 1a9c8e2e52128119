"""A design is cut between its registers, by what its text says."""

import pytest

from trigml.errors import BadInput
from trigml.toolchains.yosys.units import units_of

TOP = "module top(input clk); core c(.clk(clk)); endmodule"
CORE = """
module core(input clk); // holds registers; mentions gone in a comment: logic9
  wire a, b; reg r;
  logic0 first(.x(a)); logic1 second(.x(r));
  always @(posedge clk) r <= a;
endmodule
"""
SOURCES = {
    "top.v": TOP.replace("core c", "reg q; always @(posedge clk) q <= 1; core c"),
    "core.v": CORE,
    "logic0.v": "module logic0(output x); adder #(3) s(x); endmodule",
    "logic1.v": "module logic1(output x); table_a t(x); endmodule",
    "logic9.v": "module logic9(output x); endmodule",
    "adder.v": "module adder #(parameter W = 1) (output x); endmodule",
    "tables.v": "module table_a(output x); endmodule\nmodule table_b(output x); endmodule",
}


def test_logic_between_registers_stands_alone() -> None:
    """Protects the cut: a unit per logic module with the files it needs, and the registers with the top."""
    first, second, shell = units_of("top", SOURCES)
    assert (first.top, first.files, first.boxes) == ("logic0", ("adder.v", "logic0.v"), frozenset())
    assert (second.top, second.files) == ("logic1", ("logic1.v", "tables.v"))
    assert (shell.top, shell.files, shell.box_files) == (
        "top",
        ("core.v", "top.v"),
        ("logic0.v", "logic1.v"),
    )
    assert shell.boxes == {"logic0", "logic1"}


def test_logic_with_registers_or_in_a_shared_file_is_not_cut_off() -> None:
    """Protects optimisation across what holds registers, and the reading of boxes file by file."""
    clocked = SOURCES["logic0.v"].replace("adder", "reg q; always @(posedge c) q <= 1; adder")
    units = units_of("top", {**SOURCES, "logic0.v": clocked})
    assert [unit.top for unit in units] == ["logic1", "top"]
    assert "logic0.v" in units[-1].files
    both = {name: text for name, text in SOURCES.items() if name not in ("logic0.v", "logic1.v")}
    shared = units_of("top", {**both, "logic.v": SOURCES["logic0.v"] + "\n" + SOURCES["logic1.v"]})
    assert [unit.top for unit in shared] == ["top"]
    assert "logic.v" in shared[0].files


def test_sources_without_the_top_module_and_with_one_twice() -> None:
    """Protects the messages about sources that are not this design."""
    with pytest.raises(BadInput, match="no module other"):
        units_of("other", SOURCES)
    with pytest.raises(BadInput, match="defined twice"):
        units_of("top", {**SOURCES, "more.v": "module core(input clk); endmodule"})

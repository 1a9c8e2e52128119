"""Names of top modules: what Verilog, VHDL and the files of a project allow."""

from __future__ import annotations

import hashlib
import re

LONGEST = 60
"""Characters; files, folders and nets are named after the module, and some tools stop at 255."""

_VERILOG = """
always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default
defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive
endspecify endtable endtask event for force forever fork function generate genvar highz0 highz1 if ifnone
incdir include initial inout input instance integer join large liblist library localparam macromodule medium
module nand negedge nmos nor noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive
pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat
rnmos rpmos rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam strong0 strong1
supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire
vectored wait wand weak0 weak1 while wire wor xnor xor
""".split()

_SYSTEMVERILOG = """
accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break byte
chandle checker class clocking const constraint context continue cover covergroup coverpoint cross dist do
endchecker endclass endclocking endgroup endinterface endpackage endprogram endproperty endsequence enum
eventually expect export extends extern final first_match foreach forkjoin global iff ignore_bins
illegal_bins implements implies import inside int interconnect interface intersect join_any join_none let
local logic longint matches modport nettype new nexttime null package packed priority program property
protected pure rand randc randcase randsequence ref reject_on restrict return s_always s_eventually
s_nexttime s_until s_until_with sequence shortint shortreal soft solve static string strong struct super
sync_accept_on sync_reject_on tagged this throughout timeprecision timeunit type typedef union unique
unique0 until until_with untyped var virtual void wait_order weak wildcard with within
""".split()

_VHDL = """
abs access after alias all and architecture array assert assume assume_guarantee attribute begin block body
buffer bus case component configuration constant context cover default disconnect downto else elsif end
entity exit fairness file for force function generate generic group guarded if impure in inertial inout is
label library linkage literal loop map mod nand new next nor not null of on open or others out package
parameter port postponed procedure process property protected pure range record register reject release rem
report restrict restrict_guarantee return rol ror select sequence severity shared signal sla sll sra srl
strong subtype then to transport type unaffected units until use variable vmode vprop vunit wait when while
with xnor xor
""".split()

_OF_THE_PROJECT = frozenset(
    [
        # modules, entities, folders and files of a project, and what its top level declares
        *"shift_adder ternary_adder binop multiplier mux negative lookup_table".split(),
        *"testbench dut core top".split(),
        *"clk rst in_valid in_words out_valid out_words core_in core_out valid latency i".split(),
        *"work ieee std src tb static reports netlist rtl simulation".split(),
    ]
)
_RESERVED = frozenset([*_VERILOG, *_SYSTEMVERILOG, *_VHDL]) | _OF_THE_PROJECT
_GENERATED = re.compile(r"logic\d+|stage\d+_.*|table.*|model_(inp|out)|v\d+")
"""Modules and nets as alkaid names them."""


def module_name(name: str) -> str:
    """The name of a graph's top module, the same in Verilog and in VHDL.

    Most names stay as they are. VHDL knows no difference between capitals and small letters, no underscore at
    an end and no two in a row; words of either language and of the project get ``_net`` behind them, and
    long names are cut, with a digest that tells them apart.

    Args:
        name: the graph's name, a C identifier.
    """
    legal = re.sub(r"_+", "_", name).strip("_") or "net"
    if not legal[0].isalpha():
        legal = f"n_{legal}"
    if legal.lower() in _RESERVED or _GENERATED.fullmatch(legal.lower()):
        legal = f"{legal}_net"
    if len(legal) > LONGEST:
        legal = f"{legal[: LONGEST - 9].rstrip('_')}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return legal

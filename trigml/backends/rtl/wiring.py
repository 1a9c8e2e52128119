"""The assignments of the top level, between its buses and the core, in Verilog and in VHDL."""

from __future__ import annotations

from collections.abc import Sequence

from trigml.backends.languages import Language
from trigml.backends.rtl.ports import InputBits, OutputBits


def input_assignments(wires: Sequence[InputBits], language: Language) -> str:
    """``core_in`` from ``in_words``."""
    lines = []
    for wire in wires:
        core, bus = wire.core + wire.count - 1, wire.bus + wire.count - 1
        if language is Language.VHDL:
            lines.append(f"    core_in({core} downto {wire.core}) <= in_words({bus} downto {wire.bus});")
        else:
            lines.append(f"    assign core_in[{core}:{wire.core}] = in_words[{bus}:{wire.bus}];")
    return "\n".join(lines)


def output_assignments(wires: Sequence[OutputBits], language: Language) -> str:
    """``out_words`` from ``core_out``."""
    if language is Language.VHDL:
        return "\n".join(line for wire in wires for line in _vhdl(wire))
    return "\n".join(_verilog(wire) for wire in wires)


def _verilog(wire: OutputBits) -> str:
    parts = []
    if wire.above > 0:
        sign = "1'b0" if wire.sign is None else f"core_out[{wire.sign}]"
        parts.append(f"{{{wire.above}{{{sign}}}}}")
    if wire.kept > 0:
        parts.append(f"core_out[{wire.core + wire.kept - 1}:{wire.core}]")
    if wire.zeros > 0:
        parts.append(f"{wire.zeros}'b0")
    return f"    assign out_words[{wire.word.bits}] = {{{', '.join(parts)}}};"


def _vhdl(wire: OutputBits) -> list[str]:
    """One assignment per part: not every tool knows the type of an aggregate in a concatenation."""
    sign = "'0'" if wire.sign is None else f"core_out({wire.sign})"
    kept = f"core_out({wire.core + wire.kept - 1} downto {wire.core})"
    low, lines = wire.word.low, []
    for count, value in (
        (wire.zeros, "(others => '0')"),
        (wire.kept, kept),
        (wire.above, f"(others => {sign})"),
    ):
        if count > 0:
            lines.append(f"    out_words({low + count - 1} downto {low}) <= {value};")
            low += count
    return lines

"""What the cells of a netlist do: tables of up to six inputs and D flip-flops with enable and reset.

These say the same as the models that come with Yosys (``cells_sim.v``), which Verilator takes very long for
in netlists of some size; a test compares the two in every cell, for every input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trigml.errors import ToolFailed

ZERO, ONE, UNKNOWN = 0, 1, 2
"""The nets of constants; what is unknown is 0 in one run and 1 in another."""

_INVERTER, _MULTIPLEXER = 0b01, 0b11001010  # (I), (I0, I1, S)
_CARRY_SUM, _OR = 0b0110, 0b1110
_FLIP_FLOPS = {"FDRE": ("R", ZERO), "FDSE": ("S", ONE)}


@dataclass(frozen=True, slots=True)
class Table:
    """``output`` is bit Σ inputs[i] · 2^i of ``content``."""

    content: int
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True, slots=True)
class FlipFlop:
    """At the clock edge ``q`` becomes ``set_to`` where ``sr`` is 1, else ``d`` where ``ce`` is 1."""

    d: int
    ce: int
    sr: int
    q: int
    set_to: int
    start: int


class Nets:
    """Numbers for nets that the netlist does not have: those inside a cell."""

    def __init__(self, first: int) -> None:
        self.count = first

    def new(self) -> int:
        """The next number."""
        self.count += 1
        return self.count - 1


@dataclass(frozen=True)
class Cell:
    """One cell of a netlist.

    Attributes:
        name: where it is, for messages.
        kind: its type.
        parameters: bits as text, the most significant first.
        nets: per port the nets of its bits, the least significant first.
    """

    name: str
    kind: str
    parameters: Mapping[str, str]
    nets: Mapping[str, Sequence[int]]

    def net(self, port: str) -> int:
        """The net of a one-bit input port; unknown if nothing is connected."""
        return self.bus(port, 1)[0]

    def bus(self, port: str, width: int) -> Sequence[int]:
        """The nets of an input port."""
        return self.nets.get(port) or [UNKNOWN] * width

    def driven(self, port: str, nets: Nets, width: int = 1) -> Sequence[int]:
        """The nets of an output port; nobody reads those that are not connected."""
        return self.nets.get(port) or [nets.new() for _ in range(width)]


def behaviour(cell: Cell, clock: int, nets: Nets) -> Iterator[Table | FlipFlop]:
    """Tables and flip-flops of a cell.

    Args:
        cell: the cell.
        clock: the net of the only clock.
        nets: numbers for the nets inside it.

    Raises:
        ToolFailed: it is a cell, or has a parameter, that is not simulated.
    """
    for name, value in cell.parameters.items():
        if name.startswith("IS_") and set(value) != {"0"}:
            raise _not_simulated(cell, f"{name} = {value}")
    if cell.kind == "INV":
        yield Table(_INVERTER, (cell.net("I"),), *cell.driven("O", nets))
    elif cell.kind.startswith("LUT") and cell.kind[3:] in tuple("123456"):
        inputs = tuple(cell.net(f"I{i}") for i in range(int(cell.kind[3:])))
        yield Table(_bits(cell, 1 << len(inputs)), inputs, *cell.driven("O", nets))
    elif cell.kind in ("MUXF7", "MUXF8", "MUXF9"):
        yield Table(_MULTIPLEXER, (cell.net("I0"), cell.net("I1"), cell.net("S")), *cell.driven("O", nets))
    elif cell.kind in ("CARRY4", "CARRY8"):
        yield from _carry(cell, nets)
    elif cell.kind in _FLIP_FLOPS:
        port, set_to = _FLIP_FLOPS[cell.kind]
        _require_clock(cell, "C", clock)
        start = {"0": ZERO, "1": ONE}.get(cell.parameters.get("INIT", str(set_to)), UNKNOWN)
        (q,) = cell.driven("Q", nets)
        yield FlipFlop(cell.net("D"), cell.net("CE"), cell.net(port), q, set_to, start)
    elif cell.kind in ("SRL16E", "SRLC32E"):
        _require_clock(cell, "CLK", clock)
        yield from _shift_register(cell, nets)
    else:
        raise _not_simulated(cell, "there is no model of it here")


def _carry(cell: Cell, nets: Nets) -> Iterator[Table]:
    """Bit by bit: a sum that feeds a higher bit of the same cell is no loop."""
    width = int(cell.kind[-1])
    inputs, select = cell.bus("DI", width), cell.bus("S", width)
    carries, sums = cell.driven("CO", nets, width), cell.driven("O", nets, width)
    if cell.kind == "CARRY4":
        carry = nets.new()
        yield Table(_OR, (cell.net("CI"), cell.net("CYINIT")), carry)
    else:
        carry = cell.net("CI")
        if cell.parameters.get("CARRY_TYPE", "SINGLE_CY8").strip() != "SINGLE_CY8":
            raise _not_simulated(cell, f"CARRY_TYPE {cell.parameters['CARRY_TYPE']}")
    for bit in range(width):
        yield Table(_CARRY_SUM, (select[bit], carry), sums[bit])
        yield Table(_MULTIPLEXER, (inputs[bit], carry, select[bit]), carries[bit])
        carry = carries[bit]


def _shift_register(cell: Cell, nets: Nets) -> Iterator[Table | FlipFlop]:
    depth = 16 if cell.kind == "SRL16E" else 32
    address = [cell.net(f"A{i}") for i in range(4)] if depth == 16 else list(cell.bus("A", 5))
    starts = cell.parameters.get("INIT", "").rjust(depth, "0")[::-1]
    held = [nets.new() for _ in range(depth)]
    if cell.nets.get("Q31"):
        (held[31],) = cell.driven("Q31", nets)
    for bit, (source, net) in enumerate(zip([cell.net("D"), *held], held, strict=False)):
        start = {"0": ZERO, "1": ONE}.get(starts[bit], UNKNOWN)
        yield FlipFlop(source, cell.net("CE"), ZERO, net, 0, start)
    (q,) = cell.driven("Q", nets)
    for select in address:
        pairs = list(zip(held[::2], held[1::2], strict=True))
        held = [q if len(pairs) == 1 else nets.new() for _ in pairs]
        for (low, high), net in zip(pairs, held, strict=True):
            yield Table(_MULTIPLEXER, (low, high, select), net)


def _bits(cell: Cell, width: int) -> int:
    text = cell.parameters.get("INIT", "0")
    if set(text) - {"0", "1"} or len(text.lstrip("0")) > width:
        raise _not_simulated(cell, f"INIT = {text}, where {width} bits are expected")
    return int(text, 2)


def _require_clock(cell: Cell, port: str, clock: int) -> None:
    if cell.net(port) != clock:
        raise _not_simulated(cell, "it has another clock than the port clk")


def _not_simulated(cell: Cell, why: str) -> ToolFailed:
    return ToolFailed(
        f"the netlist holds a cell that is not simulated: {cell.kind}",
        where=cell.name,
        found=why,
        expected="LUT1 to LUT6, INV, MUXF7 to MUXF9, CARRY4, CARRY8, FDRE, FDSE, SRL16E, SRLC32E; one clock",
    )

"""Compares the RTL of trigml with alkaid's own flow on the same weights: both cores mapped by the same Yosys.

Three cores of one trained network of dense layers:
  alkaid        what a user of alkaid writes: quantize(relu(x @ W + b), ..., 'SAT', 'RND'), trace, and
                RTLModel as it comes. Its RND rounds half up and not, as the training did, half to even:
                where a value lies in the middle its words differ. It is the cheaper function.
  alkaid, even  the same with the rounding half to even composed the plain way: before it truncates, it adds
                half an LSB less one step, and one step more where the lowest bit that is kept is one.
  trigml        the core of the RTL project.

LUT, FF and CARRY are cells of Yosys without DSPs, LC its own estimate of six-input LUTs if small ones share
them; cost is alkaid's estimate, cycles the latency. alkaid's flow has a row of registers at the input that
trigml's core has not: its bits are in the last column, and are part of its FF.

    python scripts/bench_rtl_luts.py --model runs/demo
    python scripts/bench_rtl_luts.py --model runs/demo --estimate-only
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.backends.rtl import RtlOptions, logic_of, rtl_project
from trigml.backends.rtl.names import module_name
from trigml.fixedpoint import FixedPoint, Rounding, to_values
from trigml.graph import Graph, operations
from trigml.opening import open_model
from trigml.reports.terminal import aligned
from trigml.toolchains.yosys import Family, MappedDesign, map_design

CORE = "core"
PART = "xcvu13p-flga2577-2-e"


@dataclass(frozen=True)
class Core:
    """A core written to files.

    Attributes:
        name: of the flow.
        top: its module.
        sources: its Verilog.
        cost: alkaid's estimate of its LUTs.
        cycles: from input to output, without registers at the input.
        input_bits: of these registers.
        seconds: how long it took to make.
    """

    name: str
    top: str
    sources: tuple[Path, ...]
    cost: float
    cycles: int
    input_bits: int
    seconds: float


Quantizer = Callable[[Any, FixedPoint], Any]


def half_up(x: Any, target: FixedPoint) -> Any:
    """alkaid's own quantiser; half up in place of half to even."""
    rounding = "TRN" if target.rounding is Rounding.TRN else "RND"
    return x.quantize(*described(target), target.overflow.value, rounding)


def half_to_even(x: Any, target: FixedPoint) -> Any:
    """The same, half to even composed the plain way."""
    if target.rounding is not Rounding.RND_CONV:
        return half_up(x, target)
    step = 2.0 ** -int(x.kif[2].max())
    if step < target.lsb:
        odd = x.quantize(0, 1 - target.fraction, target.fraction)
        x = x + odd * (step / target.lsb) + (target.lsb / 2 - step)
    return x.quantize(*described(target), target.overflow.value, "TRN")


def described(format_: FixedPoint) -> tuple[int, int, int]:
    """alkaid's description: sign bit, integer bits without it, fractional bits."""
    return int(format_.signed), format_.integer - int(format_.signed), format_.fraction


def plain_flow(graph: Graph, quantizer: Quantizer) -> Any:
    """alkaid's logic of the network, as its user would write it."""
    from alkaid.trace import FVArrayInput, trace

    ports = FVArrayInput((graph.n_in,))
    x: Any = ports
    for operation in graph.operations:
        match operation:
            case operations.Input():
                x = ports.quantize(*described(operation.format))
            case operations.Dense():
                weight = to_values(operation.weight, operation.weight_format.fraction)
                x = x @ weight + to_values(operation.bias, operation.bias_format.fraction)
            case operations.Relu():
                x = x.relu()
            case operations.Quantize():
                x = quantizer(x, operation.format)
            case _:
                raise SystemExit(f"{operation.name}: only dense layers, ReLUs and quantisers can be compared")
    return trace(ports, x, keep_dead_inputs=True)


def plain_core(name: str, graph: Graph, quantizer: Quantizer, clock_ns: float, folder: Path) -> Core:
    """alkaid's RTLModel as it comes."""
    from alkaid.codegen import RTLModel

    started = time.monotonic()
    model = RTLModel(
        plain_flow(graph, quantizer), folder, CORE, latency_cutoff=clock_ns, clock_period=clock_ns
    )
    model.write()
    sources = [path for path in (folder / "src").rglob("*.v") if not path.stem.endswith("_wrapper")]
    registers = [signal for signal in model.fsm.signals.values() if signal.reg]
    bits = sum(int(signal.width) for signal in registers if signal.name == "model_inp_reg")
    cost = sum(float(part.cost) for part in model.fsm.logic.values())
    seconds = time.monotonic() - started
    return Core(name, CORE, tuple(sorted(sources)), cost, len(registers) - (bits > 0), bits, seconds)


def our_core(graph: Graph, clock_ns: float, folder: Path) -> Core:
    """The core of the RTL project, without the top level around it."""
    started = time.monotonic()
    logic = logic_of(graph, clock_ns)
    project = rtl_project(logic, RtlOptions(PART, clock_ns))
    sources = []
    for name in project.sources:
        if Path(name).stem != "top":  # the level around the core
            sources.append(folder / Path(name).name)
            sources[-1].write_bytes(project.files[name])
    cost = sum(float(part.cost) for part in logic.pipeline.logic.values())
    seconds = time.monotonic() - started
    return Core(
        "trigml", f"{module_name(graph.name)}_core", tuple(sources), cost, logic.latency_cycles, 0, seconds
    )


def row(core: Core, mapped: MappedDesign | None) -> tuple[str, ...]:
    """One row of the table."""
    cells: tuple[str, ...] = ("", "", "", "")
    if mapped is not None:
        counts = mapped.counts
        figures = (counts["LUT"], counts["FF"], counts["CARRY"], mapped.cells.estimated_lc)
        cells = tuple(f"{number:,}" for number in figures)
    return (core.name, *cells, f"{core.cost:,.0f}", str(core.cycles), str(core.input_bits))


def main() -> None:
    """Make the cores, map them, print the table and the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("runs/demo"))
    parser.add_argument("--clock", type=float, default=5.0, help="clock period in ns")
    parser.add_argument("--family", default="xcup", type=Family, choices=list(Family))
    parser.add_argument("--estimate-only", action="store_true", help="alkaid's cost, nothing is mapped")
    parser.add_argument("--cache", type=Path, help="folder of results of earlier mappings")
    arguments = parser.parse_args()
    graph = open_model(arguments.model).graph
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / name for name in ("up", "even", "trigml")]
        for folder in folders:
            folder.mkdir()
        clock = arguments.clock
        cores = [
            plain_core("alkaid", graph, half_up, clock, folders[0]),
            plain_core("alkaid, even", graph, half_to_even, clock, folders[1]),
            our_core(graph, clock, folders[2]),
        ]
        mapped: list[MappedDesign | None] = [None] * len(cores)
        if not arguments.estimate_only:
            mapped = [
                map_design(core.top, core.sources, arguments.family, cache=arguments.cache) for core in cores
            ]
    head = ("flow", "LUT", "FF", "CARRY", "LC", "cost", "cycles", "input bits")
    rows = [head, *(row(*pair) for pair in zip(cores, mapped, strict=True))]
    print("\n".join(aligned(rows, "<" + ">" * (len(head) - 1))))
    print(f"\nmade in {', '.join(f'{core.seconds:.1f} s' for core in cores)}")
    *plain, ours = zip(cores, mapped, strict=True)
    for core, design in plain:
        ratio = f"cost {ours[0].cost / core.cost:.3f}"
        if design is not None and ours[1] is not None:
            ratio = f"LUT {ours[1].counts['LUT'] / design.counts['LUT']:.3f}, {ratio}"
        print(f"trigml / {core.name}: {ratio}")


if __name__ == "__main__":
    main()

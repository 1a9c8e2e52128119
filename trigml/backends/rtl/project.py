"""Writing the RTL project: alkaid's pipelined core, and around it the files of ``firmware/rtl``."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from trigml import __version__
from trigml.backends.languages import Language
from trigml.backends.rtl.interface import interface_document, interface_json
from trigml.backends.rtl.names import module_name
from trigml.backends.rtl.network import Logic
from trigml.backends.rtl.options import RtlOptions
from trigml.backends.rtl.ports import (
    bus_width,
    core_inputs,
    core_outputs,
    input_words,
    output_words,
    packed_bytes,
)
from trigml.backends.rtl.wiring import input_assignments, output_assignments
from trigml.errors import ToolFailed
from trigml.fixedpoint import IntArray
from trigml.project import PROJECT_FILE, Project
from trigml.resources import shipped_folder


def top_file(language: Language) -> str:
    """The top level's file in a project."""
    return f"src/top.{language.suffix}"


@dataclass(frozen=True)
class RtlProject(Project):
    """An RTL project in memory.

    Attributes:
        options: what it was made for.
        logic: the network as pipelined logic.
    """

    options: RtlOptions
    logic: Logic

    @property
    def sources(self) -> tuple[str, ...]:
        """Files of the design, without the testbench."""
        return tuple(name for name in self.files if name.startswith("src/"))


def rtl_project(
    logic: Logic, options: RtlOptions, *, vectors: tuple[IntArray, IntArray] | None = None
) -> RtlProject:
    """The RTL project of a network.

    Args:
        logic: the network as pipelined logic.
        options: part, clock, language and stages, as the logic was made with.
        vectors: input and output words (events, n) for the project's own testbench.

    Raises:
        ToolFailed: alkaid could not write the core.
    """
    graph = logic.graph
    top = module_name(graph.name)
    files = _core(logic, options)
    files[top_file(options.language)] = _filled(
        f"top.{options.language.suffix}", _names(logic, options.language)
    ).encode()
    description = {
        "trigml": __version__,
        "alkaid": version("alkaid"),
        "top": top,
        "graph": graph.digest,
        "backend": "rtl",
        "options": options.to_json(),
        "latency_cycles": logic.latency_cycles,
    }
    files[PROJECT_FILE] = (json.dumps(description, indent=2) + "\n").encode()
    files["README.md"] = interface_document(logic, options).encode()
    files["contract.json"] = (json.dumps(interface_json(graph), indent=2) + "\n").encode()
    files |= _scripts(logic, options)
    if vectors is not None:
        files |= _testbench(logic, options, *vectors)
    return RtlProject(top, files, options, logic)


def _core(logic: Logic, options: RtlOptions) -> dict[str, bytes]:
    from alkaid.codegen import RTLModel

    suffix = options.language.suffix
    core = f"{module_name(logic.graph.name)}_core"
    with tempfile.TemporaryDirectory(prefix="trigml_rtl_") as scratch:
        try:
            RTLModel(
                logic.pipeline,
                scratch,
                core,
                flavor=options.language.value,
                part_name=options.part,
                clock_period=options.clock_ns,
                print_latency=False,
                ternary_fuse=False,  # done before the stages were cut, and here it would change the logic
            ).write()
        except (ValueError, AssertionError, KeyError, RuntimeError, NotImplementedError) as error:
            raise ToolFailed(
                "alkaid could not write the RTL", found=f"{type(error).__name__}: {error}"
            ) from error
        folder = Path(scratch) / "src"
        sources = {
            path.relative_to(scratch).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in (f".{suffix}", ".mem") and not path.stem.endswith("_wrapper")
        }
    if not any(name.endswith(f"{core}.{suffix}") for name in sources):
        raise ToolFailed("alkaid wrote no core", expected=f"{core}.{suffix}", found=", ".join(sources))
    return sources


def _names(logic: Logic, language: Language) -> dict[str, str]:
    graph, pipeline = logic.graph, logic.pipeline
    (entering,), (leaving,) = pipeline.inp_signals, pipeline.out_signals
    inputs, outputs = input_words(graph), output_words(graph)
    core_in, core_in_bits = core_inputs(inputs, entering.precisions)
    core_out, core_out_bits = core_outputs(outputs, leaving.precisions)
    return {
        "TOP": module_name(graph.name),
        "LATENCY": str(logic.latency_cycles),
        "IN_BITS": str(bus_width(inputs)),
        "OUT_BITS": str(bus_width(outputs)),
        "CORE_IN_BITS": str(core_in_bits),
        "CORE_OUT_BITS": str(core_out_bits),
        "CORE_IN": input_assignments(core_in, language),
        "CORE_OUT": output_assignments(core_out, language),
    }


def _testbench(logic: Logic, options: RtlOptions, inputs: IntArray, outputs: IntArray) -> dict[str, bytes]:
    suffix = options.language.suffix
    names = _names(logic, options.language) | {
        "EVENTS": str(len(inputs)),
        "HALF_PERIOD": f"{options.clock_ns / 2:g}",
    }
    return {
        f"tb/testbench.{suffix}": _filled(f"testbench.{suffix}", names).encode(),
        "tb/inputs.hex": _hexadecimal(packed_bytes(inputs, input_words(logic.graph)).tolist()),
        "tb/outputs.hex": _hexadecimal(packed_bytes(outputs, output_words(logic.graph)).tolist()),
    }


def _hexadecimal(rows: list[list[int]]) -> bytes:
    return "".join(bytes(reversed(row)).hex() + "\n" for row in rows).encode()


def _scripts(logic: Logic, options: RtlOptions) -> dict[str, bytes]:
    names = {
        "TOP": module_name(logic.graph.name),
        "PART": options.part,
        "CLOCK_NS": f"{options.clock_ns:g}",
    }
    return {
        name: _filled(name, names).encode()
        for name in ("vivado.tcl", "clock.xdc", "quartus.tcl", "clock.sdc")
    }


def _filled(template: str, names: dict[str, str]) -> str:
    text = (shipped_folder("firmware") / "rtl" / template).read_text(encoding="utf-8")
    for name, value in names.items():
        text = text.replace(f"@{name}@", value)
    return text

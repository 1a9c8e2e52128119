"""The emulator of a network as a folder of sources that any C or C++ program can build and link."""

from __future__ import annotations

from trigml.backends.project import Project
from trigml.emulation.native.source import emulator_source
from trigml.graph import Graph
from trigml.resources import shipped_folder

HEADERS = (
    "trigml_emulator.h",
    "trigml_inputs.h",
    "trigml_pairs.h",
    "trigml_ports.h",
    "trigml_rows.h",
    "trigml_words.h",
)


def emulator_project(graph: Graph) -> Project:
    """Sources, a C header, a Makefile and a README; nothing else is needed to compile them."""
    folder = shipped_folder("firmware") / "emulation"
    files = {name: (folder / name).read_bytes() for name in HEADERS}
    files[f"{graph.name}.cpp"] = emulator_source(graph).encode()
    return Project(graph.name, files)

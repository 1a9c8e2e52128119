"""Project folders as they lie on disk: whose network they claim to be, and what is to be simulated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.backends.rtl.names import module_name
from trigml.errors import BadInput
from trigml.graph import Graph
from trigml.json_files import read_json_object
from trigml.project import PROJECT_FILE


@dataclass(frozen=True)
class WrittenProject:
    """An RTL project in a folder.

    Attributes:
        folder: where it lies.
        graph: the network that it claims to compute.
        latency_cycles: cycles that it claims to need.
    """

    folder: Path
    graph: Graph
    latency_cycles: int

    @property
    def sources(self) -> list[Path]:
        """The files of the design, as the vendors' scripts take them."""
        return [path for pattern in ("*.v", "*.vhd") for path in sorted((self.folder / "src").rglob(pattern))]

    @property
    def netlist(self) -> Path:
        """Where the mapped netlist lies, if it was made."""
        return self.folder / "netlist" / f"{module_name(self.graph.name)}.v"


def written_project(folder: Path, graph: Graph) -> WrittenProject:
    """An RTL project of a network in a folder, its files taken as they are.

    Raises:
        BadInput: there is no RTL project, or it says that it is of another network.
    """
    content = _description(folder)
    if content.get("backend") != "rtl":
        raise BadInput(
            "the project is not an RTL project",
            where=str(folder),
            found=f"backend {content.get('backend')!r}",
        )
    if content.get("graph") != graph.digest:
        raise BadInput(
            "the project is of another network",
            where=str(folder),
            expected=f"graph {graph.digest[:16]}…",
            found=f"graph {str(content.get('graph'))[:16]}…",
            remedy="name the run that it was made from, or write it again with trigml synth --backend rtl",
        )
    latency = content.get("latency_cycles")
    if not isinstance(latency, int) or isinstance(latency, bool) or not 1 <= latency <= 100_000:
        raise BadInput(
            "the project does not say its latency",
            where=str(folder / PROJECT_FILE),
            expected="latency_cycles, a number of cycles",
            found=repr(latency),
        )
    project = WrittenProject(folder.absolute(), graph, latency)  # Verilator runs in a folder of its own
    if not project.sources:
        raise BadInput("the project has no design files", where=str(folder / "src"), expected="*.v or *.vhd")
    return project


def _description(folder: Path) -> dict[str, Any]:
    path = folder / PROJECT_FILE
    if not path.is_file():
        raise BadInput(
            "the folder is not a project of trigml",
            where=str(folder),
            expected=f"a file {PROJECT_FILE} in it",
        )
    return read_json_object(path, "the description of the project")

"""A project folder as the vendors' tools see it: what it is for, and which of its files count."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trigml.errors import BadInput
from trigml.toolchains.vendor.expected import Expected

DESCRIPTION = "trigml_project.json"
BUILT = "vendor"
"""Folder inside a project for all that ``build`` makes."""

_HLS_INPUTS = (DESCRIPTION, "firmware/**/*", "*.cpp", "*.h", "*.tcl", "Makefile", "tb_data/tb_*.dat")
_RTL_INPUTS = (DESCRIPTION, "src/**/*", "*.tcl", "*.xdc", "*.sdc")
_ALTERA = re.compile(r"10[acm]|1s|5[acs]|ep\d|ag[fim]|a[357][a-z]|arria|stratix|cyclone|agilex|max")
"""How device names of Altera begin, from Stratix II to Agilex; those of AMD begin otherwise."""

_COMPILED = frozenset({".so", ".o", ".a", ".dylib"})


class ProjectKind(StrEnum):
    """Which tools a project is for."""

    VITIS_HLS = "vitis"
    VIVADO_HLS = "vivado"
    QUARTUS_HLS = "quartus"
    RTL_VIVADO = "rtl for vivado"
    RTL_QUARTUS = "rtl for quartus"

    @property
    def is_hls(self) -> bool:
        """Whether it is C++ for an HLS tool."""
        return self in (ProjectKind.VITIS_HLS, ProjectKind.VIVADO_HLS, ProjectKind.QUARTUS_HLS)

    @property
    def instead(self) -> str:
        """What a report holds where the vendor's tools have not run."""
        if self.is_hls:
            return "the report uses estimates"
        return "the report uses cells mapped by Yosys and the latency measured by Verilator"


@dataclass(frozen=True)
class Description:
    """What ``trigml_project.json`` says.

    Attributes:
        kind: which tools it is for; ``None`` if trigml runs none for it.
        backend: name of the backend that wrote it.
        expected: top level, part and clock that reports have to be of.
    """

    kind: ProjectKind | None
    backend: str
    expected: Expected


def describe(project: Path) -> Description | None:
    """Read what a project is for; ``None`` if the folder has no description.

    Raises:
        BadInput: the description is damaged.
    """
    path = project / DESCRIPTION
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        options = content["options"]
        part = str(options["part"])
        backend = str(content.get("backend") or options["backend"])
        expected = Expected(str(content["top"]), part, float(options["clock_ns"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            "the description of the project is damaged",
            where=str(path),
            found=f"{type(error).__name__}: {error}",
            remedy="write the project again with trigml synth --force",
        ) from error
    return Description(_kind(backend, part), backend, expected)


def _kind(backend: str, part: str) -> ProjectKind | None:
    if backend == "rtl":
        return ProjectKind.RTL_QUARTUS if _ALTERA.match(part.lower()) else ProjectKind.RTL_VIVADO
    return next((kind for kind in ProjectKind if kind.value == backend), None)


def input_files(project: Path) -> Iterator[Path]:
    """The files of a project that decide what a vendor's tool makes of it, in a fixed order."""
    patterns = _RTL_INPUTS if (project / "src").is_dir() else _HLS_INPUTS
    found = {path for pattern in patterns for path in project.glob(pattern) if path.is_file()}
    yield from sorted(path for path in found if path.suffix not in _COMPILED)


def inputs_digest(project: Path) -> str:
    """SHA-256 over names and contents of the input files."""
    sha = hashlib.sha256()
    for path in input_files(project):
        content = path.read_bytes()
        sha.update(f"{path.relative_to(project).as_posix()}\0{len(content)}\0".encode())
        sha.update(content)
    return sha.hexdigest()


def newest_input(project: Path) -> tuple[Path, float] | None:
    """The input file that was changed last, and when; ``None`` if there is none."""
    times = [(path.stat().st_mtime, path) for path in input_files(project)]
    return (max(times)[1], max(times)[0]) if times else None

"""The Yosys of the Python package ``pyosys``, which only child processes import."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trigml.errors import BadInput, MissingTool


class Family(StrEnum):
    """Families whose cells Yosys's ``synth_xilinx`` maps to, by the names that it gives them."""

    ULTRASCALE_PLUS = "xcup"
    ULTRASCALE = "xcu"
    SERIES_7 = "xc7"

    @property
    def label(self) -> str:
        """For people."""
        return {"xcup": "UltraScale+", "xcu": "UltraScale", "xc7": "7 series"}[self.value]

    @classmethod
    def of(cls, name: str | None) -> Family:
        """The family of that name.

        Raises:
            BadInput: Yosys is not asked for such a family here.
        """
        try:
            return cls(name or "")
        except ValueError as error:
            raise BadInput(
                "there is no technology mapping for this family",
                expected=", ".join(f"{family.value} ({family.label})" for family in cls),
                found=name or "none",
            ) from error


@dataclass(frozen=True, slots=True)
class Yosys:
    """An installed Yosys.

    Attributes:
        command: what runs ``worker.py``; the path of a job is added to it.
        version: its version.
        package: the folder of its programs, rules and models of cells; ``None`` for a stand-in.
    """

    command: tuple[str, ...]
    version: str
    package: Path | None = None

    def digest(self) -> str:
        """Of the programs, and of the rules and cells that they map with: a version does not tell a rebuilt
        package, or an edited file, from another."""
        sha = hashlib.sha256()
        if self.package is not None:
            programs = [path for path in self.package.iterdir() if path.is_file()]
            rules = [path for path in (self.package / "share").rglob("*") if path.is_file()]
            for path in sorted([*programs, *rules]):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                sha.update(f"{path.relative_to(self.package)}\0{content}\0".encode())
        return sha.hexdigest()


def find_yosys() -> Yosys:
    """Yosys of the package ``pyosys``.

    Raises:
        MissingTool: the package is not there.
    """
    package = _package()
    try:
        number = version("pyosys")
    except PackageNotFoundError:
        number = "of unknown version"
    worker = Path(__file__).with_name("worker.py")  # -P: its folder is no place to import from
    return Yosys((sys.executable, "-P", str(worker)), number, package)


def cell_models() -> Path:
    """The Verilog models of the AMD cells that come with Yosys.

    Raises:
        MissingTool: the package, or the file in it, is not there.
    """
    models = _package() / "share" / "xilinx" / "cells_sim.v"
    if not models.is_file():
        raise MissingTool(
            "Yosys has no models of the cells", expected=str(models), remedy="pip install --force pyosys"
        )
    return models


def _package() -> Path:
    found = importlib.util.find_spec("pyosys")
    if found is None or not found.submodule_search_locations:
        raise MissingTool(
            "there is no Yosys on this machine",
            expected="the Python package pyosys",
            remedy="pip install pyosys",
        )
    return Path(next(iter(found.submodule_search_locations)))

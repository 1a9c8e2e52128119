"""GHDL: VHDL analysed, elaborated, and synthesised to Verilog that the other tools read."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trigml.errors import MissingTool, ToolFailed
from trigml.toolchains.programs import run

OLDEST = (2, 0)
"""Older ones do not write synthesised Verilog (``ghdl --synth --out=verilog``)."""

STANDARD = "--std=08"
"""alkaid's VHDL and the files of ``firmware/rtl`` are VHDL-2008."""

TIMEOUT_S = 1800.0


@dataclass(frozen=True, slots=True)
class Ghdl:
    """An installed GHDL.

    Attributes:
        program: where it is.
        version: for tables.
    """

    program: Path
    version: str


def find_ghdl() -> Ghdl:
    """GHDL on PATH.

    Raises:
        MissingTool: it is not there, or too old to write Verilog.
    """
    found = shutil.which("ghdl")
    seen = "nothing"
    if found is not None:
        printed = run([found, "--version"], what="ghdl --version", timeout_s=30)
        seen = printed.splitlines()[0].strip() if printed.strip() else "a GHDL that prints no version"
        number = re.match(r"GHDL (\d+)\.(\d+)[\w.-]*", seen)
        if number and (int(number[1]), int(number[2])) >= OLDEST:
            return Ghdl(Path(found), number[0])
    raise MissingTool(
        "there is no GHDL on this machine, which VHDL is checked with",
        expected=f"GHDL {OLDEST[0]}.{OLDEST[1]} or newer on PATH",
        found=seen,
        remedy="apt-get install ghdl, or take Verilog",
    )


@dataclass(frozen=True, slots=True)
class Synthesised:
    """VHDL as Verilog.

    Attributes:
        top: name of the top module there: VHDL knows no capitals, and GHDL writes small letters.
        source: the Verilog.
        tool: GHDL's version, for tables.
    """

    top: str
    source: Path
    tool: str


def synthesised(top: str, sources: Sequence[Path], scratch: Path) -> Synthesised:
    """Analyse, elaborate and synthesise a VHDL design.

    Args:
        top: the top entity.
        sources: VHDL files, in any order.
        scratch: an existing folder for what is made on the way.

    Raises:
        MissingTool: no GHDL.
        ToolFailed: the VHDL is wrong, or GHDL failed.
    """
    ghdl = find_ghdl()
    library = scratch / "ghdl"
    library.mkdir(exist_ok=True)
    flags = [STANDARD, f"--workdir={library}"]
    program = str(ghdl.program)

    def step(what: str, *arguments: str) -> str:
        return run([program, *arguments], what=f"GHDL, {what},", timeout_s=TIMEOUT_S, folder=library)

    step("reading the VHDL", "-i", *flags, *(str(path.resolve()) for path in sources))
    step("analysing and elaborating the VHDL", "-m", *flags, top)
    text = step("synthesising the VHDL", "--synth", *flags, "--out=verilog", top)
    name = top.lower()
    if not re.search(rf"^module {name}\b", text, re.MULTILINE):
        raise ToolFailed(
            "GHDL wrote no Verilog of the top entity",
            expected=f"module {name}",
            found=text[-500:] or "nothing",
        )
    source = scratch / f"{name}_synthesised.v"
    source.write_text(text[re.search(r"^module ", text, re.MULTILINE).start() :], encoding="utf-8")  # type: ignore[union-attr]
    return Synthesised(name, source, ghdl.version)

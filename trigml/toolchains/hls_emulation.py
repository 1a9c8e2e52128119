"""Compiling the C++ of an HLS project with g++ and running events through it.

The project runs in processes of its own (one per core), so that a crash in it is an error message and
not the end of trigml. Words go in and out as doubles, which hold them exactly.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from trigml.backends.hls.options import HlsBackend
from trigml.backends.hls.writer import HlsProject
from trigml.errors import BadInput, ToolFailed
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.graph.network import words_in
from trigml.resources import shipped_folder
from trigml.toolchains.programs import find_compiler, run, version_line

Values: TypeAlias = NDArray[np.float64]

COMPILE_TIMEOUT_S = 1200.0
RUN_TIMEOUT_S = 3600.0
EVENTS_WORTH_A_PROCESS = 1000
_INCLUDES = {
    HlsBackend.VITIS: ("firmware/ap_types",),
    HlsBackend.VIVADO: ("firmware/ap_types",),
    HlsBackend.QUARTUS: ("firmware/ac_types", "firmware/ap_types"),
    HlsBackend.CATAPULT: (
        "firmware/ac_types/include",
        "firmware/ac_math/include",
        "firmware/ac_simutils/include",
        "firmware/nnet_utils",
    ),
}


@dataclass(frozen=True)
class HlsEmulation:
    """A compiled project.

    Attributes:
        graph: the network that it computes.
        compiler: version line of the compiler.
        folder: where the project and the executable are.
    """

    graph: Graph
    compiler: str
    folder: Path

    def outputs(self, words: IntArray) -> Values:
        """Outputs (events, n_out) in units of the output LSB, for input words (events, n_in) int64.

        Raises:
            ToolFailed: the emulation crashed, hung or wrote another number of words.
        """
        values = np.ldexp(words.astype(np.float64), -self.graph.input_fractions)
        parts = np.array_split(values, min(_cores(), max(1, len(values) // EVENTS_WORTH_A_PROCESS)))
        with (
            tempfile.TemporaryDirectory(prefix="events_", dir=self.folder.parent) as scratch,
            ThreadPoolExecutor(len(parts)) as pool,
        ):
            stop = Event()
            jobs = [pool.submit(self._run, Path(scratch, str(i)), part, stop) for i, part in enumerate(parts)]
            try:
                rows = [job.result() for job in jobs]
            finally:
                stop.set()  # after Ctrl-C or a failed part the others are not waited for
        return np.asarray(np.ldexp(np.concatenate(rows), self.graph.output_fractions))

    def _run(self, scratch: Path, values: Values, stop: Event) -> Values:
        source, sink = scratch.with_suffix(".in"), scratch.with_suffix(".out")
        np.ascontiguousarray(values).tofile(source)
        run(
            [str(self.folder / "emulation"), str(source), str(sink)],
            what="the emulation of the HLS project",
            timeout_s=RUN_TIMEOUT_S,
            folder=self.folder,
            stop=stop,
        )
        shape = (len(values), self.graph.n_out)
        outputs = np.fromfile(sink, dtype=np.float64)
        if outputs.size != np.prod(shape):
            raise ToolFailed(
                "the emulation of the HLS project wrote another number of words than it should",
                expected=f"{np.prod(shape)}",
                found=f"{outputs.size}",
            )
        return outputs.reshape(shape)


def compile_emulation(
    graph: Graph, project: HlsProject, scratch: Path, *, optimisation: str = "-O2"
) -> HlsEmulation:
    """Write a project into ``scratch`` and compile it.

    Args:
        graph: the network of the project.
        project: its files.
        scratch: an existing folder for the project and the executable.
        optimisation: the compiler's option; for few events ``-O0`` is sooner done.

    Raises:
        BadInput: the backend's C++ does not compile with plain g++.
        MissingTool: no compiler.
        ToolFailed: the compiler failed.
    """
    backend = project.options.backend
    if not backend.emulates_with_gxx:
        raise BadInput(f"the C++ of {backend.value} projects does not compile with plain g++")
    compiler = find_compiler()
    folder = Path(tempfile.mkdtemp(prefix="project_", dir=scratch))
    project.write_into(folder)
    shutil.copy(shipped_folder("firmware") / "hls" / "emulation_driver.cpp", folder)
    (folder / "emulation_ports.h").write_text(_ports_header(graph, project))
    sources = (f"firmware/{project.top}.cpp", f"{project.top}_bridge.cpp", "emulation_driver.cpp")
    one_piece = "".join(f'#include "{source}"\n' for source in sources)  # so that headers are read once
    (folder / "emulation.cpp").write_text(one_piece)
    command = [compiler, "-std=c++17", optimisation, "-w", '-DWEIGHTS_DIR="firmware/weights"']
    command += [f"-I{include}" for include in _INCLUDES[backend]]
    command += ["emulation.cpp", "-o", "emulation"]
    run(
        command,
        what="compiling the emulation of the HLS project",
        timeout_s=COMPILE_TIMEOUT_S,
        folder=folder,
    )
    return HlsEmulation(graph, version_line(compiler), folder)


def _ports_header(graph: Graph, project: HlsProject) -> str:
    """C++ that calls the project's bridge function with each port's place in the rows of words."""
    parameters, arguments = [], []
    for row, operations in (("inputs", graph.inputs), ("outputs", graph.results)):
        start = 0
        for operation in operations:
            parameters.append("double *")
            arguments.append(f"{row} + {start}")
            start += words_in(operation.shape)
    sizes = ""
    if (
        project.options.backend is HlsBackend.QUARTUS
    ):  # its bridge also takes a size per port, which it ignores
        sizes = "    unsigned short size = 0;\n"
        parameters += ["unsigned short &"] * len(arguments)
        arguments += ["size"] * len(arguments)
    function = f"{project.top}_double"
    return (
        f"#define N_IN {graph.n_in}\n#define N_OUT {graph.n_out}\n"
        f'extern "C" void {function}({", ".join(parameters)});\n'
        "static inline void run_event(double *inputs, double *outputs) {\n"
        f"{sizes}    {function}({', '.join(arguments)});\n"
        "}\n"
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

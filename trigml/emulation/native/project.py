"""The emulator of a network as a folder of sources that any C or C++ program can build and link."""

from __future__ import annotations

from trigml.emulation.native.source import GENERATOR, emulator_source
from trigml.graph import Graph
from trigml.project import Project
from trigml.resources import shipped_folder

HEADERS = (
    *("trigml_emulator.h", "trigml_inputs.h", "trigml_pairs.h"),
    *("trigml_ports.h", "trigml_rows.h", "trigml_words.h"),
)
FLAGS = "-std=c++17 -O2 -fPIC -fwrapv -ffp-contract=off"
"""What the sources need from the compiler: sums that wrap around, and no fused floating-point steps."""


def emulator_project(graph: Graph) -> Project:
    """Sources, a C header, a Makefile and a README; a compiler is all that they need."""
    folder = shipped_folder("firmware") / "emulation"
    files = {name: (folder / name).read_bytes() for name in HEADERS}
    files[f"{graph.name}.cpp"] = emulator_source(graph).encode()
    files[f"{graph.name}.h"] = _header(graph).encode()
    files["Makefile"] = _makefile(graph.name).encode()
    files["README.md"] = _readme(graph).encode()
    return Project(graph.name, files)


def _header(graph: Graph) -> str:
    upper = graph.name.upper()
    return f"""/* {graph.name}: an emulator made by {GENERATOR}. */
#ifndef {upper}_EMULATOR_H
#define {upper}_EMULATOR_H

#include "trigml_emulator.h"

#define {upper}_N_INPUTS {graph.n_in}
#define {upper}_N_OUTPUTS {graph.n_out}

#ifdef __cplusplus
extern "C" {{
#endif

/* The network, for as long as the program runs. */
const trigml_emulator *{graph.name}_emulator(void);

#ifdef __cplusplus
}}
#endif
#endif
"""


def _makefile(name: str) -> str:
    headers = " ".join(HEADERS)
    return f"""# ARCH=native is for the machine that compiles, ARCH=x86-64-v3 for all with AVX2. Without
# AVX2 the emulator computes the same, but slower.
CXX ?= g++
ARCH ?= native
CXXFLAGS ?= {FLAGS} -march=$(ARCH)

all: lib{name}.a lib{name}.so

{name}.o: {name}.cpp {headers}
\t$(CXX) $(CXXFLAGS) -fvisibility=hidden -fno-exceptions -c $< -o $@

lib{name}.a: {name}.o
\t$(AR) rcs $@ $^

lib{name}.so: {name}.o
\t$(CXX) -shared $^ -o $@

clean:
\trm -f {name}.o lib{name}.a lib{name}.so

.PHONY: all clean
"""


def _readme(graph: Graph) -> str:
    name, upper = graph.name, graph.name.upper()
    flags = FLAGS.split(" ", 1)[1]
    return f"""# {name}: emulator

The network {graph.digest[:16]}… as C++17 without dependencies, bit-exact to its firmware. `make` gives
`lib{name}.a` and `lib{name}.so` (g++ 12 or clang 12, or newer).

```c
#include "{name}.h"

const trigml_emulator *network = {name}_emulator();
float features[100 * {upper}_N_INPUTS];   /* rows of physical features, named in input_names */
int64_t scores[100 * {upper}_N_OUTPUTS];  /* score * 2^-output_fractions[i] is the value */
int64_t done = network->predict(features, 100, scores);
if (done != 100) {{ /* event number `done` has a NaN or an infinity; or TRIGML_NO_MEMORY */ }}
```

Link a C program with `-l{name} -lstdc++`. Every function may be called from several threads at a time.
Events go through {name} 32 at a time; a call with one event costs as much as one with 32.

With CMake:

```cmake
add_library({name} STATIC {name}.cpp)
target_compile_features({name} PRIVATE cxx_std_17)
target_compile_options({name} PRIVATE {flags} -march=native)
target_include_directories({name} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
```
"""

"""The emulator as a project: a C program links it and gets the same words."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

from trigml.emulation.native import emulator_project
from trigml.emulation.numpy_emulator import emulate
from trigml.graph import Graph

PROGRAM = r"""
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "network.h"

int main(void) {
  const trigml_emulator *network = network_emulator();
  static float features[100 * NETWORK_N_INPUTS];
  static int64_t scores[100 * NETWORK_N_OUTPUTS];
  int64_t events = 0, done, i;
  if (network->interface_version != TRIGML_EMULATOR_VERSION) return 1;
  if (network->n_inputs != NETWORK_N_INPUTS || network->n_outputs != NETWORK_N_OUTPUTS) return 2;
  events = (int64_t)(fread(features, sizeof(float), 100 * NETWORK_N_INPUTS, stdin) / NETWORK_N_INPUTS);
  done = network->predict(features, events, scores);
  printf("%s %s %s %s %" PRId64 "\n", network->name, network->digest, network->input_names[1],
         network->output_names[0], done);
  printf("%d %d\n", (int)network->input_fractions[0], (int)network->output_fractions[1]);
  for (i = 0; i < done * NETWORK_N_OUTPUTS; ++i) printf("%" PRId64 "\n", scores[i]);
  return 0;
}
"""


def test_a_c_program_links_it(make_graph: Callable[..., Graph], tmp_path: Path) -> None:
    """Protects the C interface and the Makefile: C99, no C++ in sight, the same words; it stops at NaN."""
    graph = make_graph(4)
    emulator_project(graph).write(tmp_path / "project")
    folder = tmp_path / "project"
    subprocess.run(["make", "-s", "CXXFLAGS=-std=c++17 -O1 -fwrapv -fPIC"], cwd=folder, check=True)
    assert (folder / "libnetwork.so").exists()
    (folder / "main.c").write_text(PROGRAM)
    command = "gcc -std=c99 -Wall -Wextra -pedantic -Werror main.c -o main -L. -l:libnetwork.a -lstdc++"
    subprocess.run(command.split(), cwd=folder, check=True)
    features = np.random.default_rng(0).normal(0, 2, (70, 3)).astype(np.float32)
    features[66, 1] = np.nan
    ran = subprocess.run([folder / "main"], input=features.tobytes(), capture_output=True, check=True)
    about, fractions, *scores = ran.stdout.decode().splitlines()
    assert about == f"network {graph.digest} x1 dense_3_0 66"
    assert fractions == f"{graph.input_fractions[0]} {graph.output_fractions[1]}"
    expected = emulate(graph, graph.contract.words(features[:66]))
    np.testing.assert_array_equal(np.array(scores, dtype=np.int64).reshape(66, 2), expected)


def test_the_source_is_a_function_of_the_graph(make_graph: Callable[..., Graph]) -> None:
    """Protects the cache and reproducible projects: the same graph gives the same bytes."""
    assert emulator_project(make_graph(4)).digest == emulator_project(make_graph(4)).digest
    assert emulator_project(make_graph(4)).digest != emulator_project(make_graph(5)).digest


def test_portable_code_gives_the_same_words(make_graph: Callable[..., Graph], tmp_path: Path) -> None:
    """Protects machines without AVX2: the same source for plain x86-64 computes the same."""
    graph = make_graph(6, sizes=(3, 9, 6, 2))
    emulator_project(graph).write(tmp_path / "project")
    folder = tmp_path / "project"
    plain = "CXXFLAGS=-std=c++17 -O1 -fwrapv -fPIC -mno-avx -mno-avx2"
    subprocess.run(["make", "-s", plain, "libnetwork.a"], cwd=folder, check=True)
    (folder / "main.c").write_text(PROGRAM)
    command = "gcc -std=c99 main.c -o main -L. -l:libnetwork.a -lstdc++"
    subprocess.run(command.split(), cwd=folder, check=True)
    features = np.random.default_rng(1).normal(0, 2, (90, 3)).astype(np.float32)
    ran = subprocess.run([folder / "main"], input=features.tobytes(), capture_output=True, check=True)
    scores = np.array(ran.stdout.decode().splitlines()[2:], dtype=np.int64).reshape(90, 2)
    np.testing.assert_array_equal(scores, emulate(graph, graph.contract.words(features)))

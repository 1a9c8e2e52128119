"""Measures emulation: the native emulator against hls4ml's predict, alkaid's interpreter and NumPy.

Two networks: 16-64-32-32-5 with 6 bits, and a small CNN on jet images (20 x 20 x 1, two convolutions of 8
filters 3 x 3, each with a max pool behind it, and a dense layer). Weights are random, about as QKeras trains
them; --model takes a trained run or model file in place of the first one.

All run by turns on one core (the process is pinned to it), each on the first so many of the same events, and
have to give the same scores. Figures are medians over the rounds, by the time of the processor, which other
programs do not take from (two cores: by the clock, so that they need to be free):
  native   float32 features in, int64 scores out, input quantisation and all
  numpy    the same with the reference emulator
  hls4ml   its model's predict: the Vitis C++ (io_parallel, Latency) as hls4ml compiles it, g++ -O3, called
           through ctypes; float32 values that are on the input grid already, which the others do not get
  alkaid   its interpreter on one thread, in float64, on the grid as well
The limit is that of the vector units: a loop of nothing but vpmaddubsw (or vpmaddwd) and vpadd in registers,
measured here, and the network's multiply-adds at that speed.

    python scripts/bench_emulation.py
    python scripts/bench_emulation.py --model runs/demo --rounds 9
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import io
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from trigml.contract import InputContract, InputFeature
from trigml.emulation.native import Emulator
from trigml.emulation.native.lanes import Lane
from trigml.emulation.native.plan import plan_of
from trigml.emulation.numpy_emulator import emulate
from trigml.fixedpoint import FixedPoint
from trigml.graph import Constants, Graph, GraphBuilder
from trigml.graph.operations import Convolution

SEED = 1
WEIGHTS = FixedPoint.parse("ap_fixed<6,1>")
ACTIVATIONS = FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>")
FLAGS = ("-O2", "-march=native", "-shared", "-fPIC")
PEAK = r"""
#include <cstdint>
typedef std::int16_t V16 __attribute__((vector_size(32)));
typedef std::int32_t V32 __attribute__((vector_size(32)));
typedef char V8 __attribute__((vector_size(32)));
template <class V, class Dot> static void loop(std::int64_t n, Dot dot) {
  V sums[12] = {}, x = V{} + 3, w = V{} + 5;
  for (std::int64_t i = 0; i < n; ++i) {
    asm volatile("" : "+x"(x), "+x"(w));
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) { V d = dot(x, w); asm volatile("" : "+x"(d)); sums[j] += d; }
  }
  for (int j = 0; j < 12; ++j) asm volatile("" : : "x"(sums[j]));
}
extern "C" void bytes(std::int64_t n) {
  loop<V16>(n, [](V16 x, V16 w) { return (V16)__builtin_ia32_pmaddubsw256((V8)x, (V8)w); });
}
extern "C" void words(std::int64_t n) {
  loop<V32>(n, [](V32 x, V32 w) { return (V32)__builtin_ia32_pmaddwd256((V16)x, (V16)w); });
}
"""


@dataclass(frozen=True)
class Machine:
    """Where it runs: cores, multiply-adds per second of one of them, a scratch folder."""

    cores: list[int]
    peaks: dict[Lane, float]
    folder: Path


@dataclass(frozen=True)
class Way:
    """One way to compute scores: from features or on-grid values of the first ``events`` events."""

    name: str
    events: int
    run: Callable[[], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a trained run or model file, in place of random weights")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=1_000_000, help="for the native emulator")
    parser.add_argument("--skip-cnn", action="store_true")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TRIGML_CACHE"] = folder
        os.sched_setaffinity(0, cores[:1])
        machine = Machine(cores, measured_peaks(Path(folder)), Path(folder))
        in_bytes, in_words = (machine.peaks[lane] / 1e9 for lane in (Lane.INT16, Lane.INT32))
        print(f"one core of {len(cores)}, load average {os.getloadavg()[0]:.1f},", end=" ")
        print(f"medians of {options.rounds} rounds; peak of the core in 10^9 multiply-adds/s:", end=" ")
        print(f"{in_bytes:.0f} of bytes, {in_words:.0f} of 16 bits")
        graph = opened(options.model) if options.model else mlp()
        title = str(options.model or "16-64-32-32-5, 6 bits, random weights")
        compare(title, graph, machine, options.rounds, events=options.events)
        if not options.skip_cnn:
            title = "CNN, jet images 20 x 20 x 1, random weights"
            compare(title, cnn(), machine, options.rounds, events=options.events // 10)


def opened(path: Path) -> Graph:
    from trigml.opening import open_model

    return open_model(path).graph


def random_constants(random: np.random.Generator, shape: tuple[int, ...], spread: float) -> Constants:
    words = np.clip(np.rint(random.normal(0, spread * 32, shape)), WEIGHTS.min_word, WEIGHTS.max_word)
    return Constants(words.astype(np.int64), WEIGHTS)


def mlp() -> Graph:
    """The shipped spec's network; weights about as wide as QKeras trains them, a few percent zero."""
    random = np.random.default_rng(SEED)
    format_ = FixedPoint.parse("ap_fixed<12,5,RND_CONV,SAT>")
    features = tuple(InputFeature(f"x{i}", "", 0.25 * (i % 5), i % 3 - 1) for i in range(16))
    builder = GraphBuilder("mlp")
    last = builder.input("inputs", (16,), InputContract(features, format_))
    sizes = (16, 64, 32, 32, 5)
    for layer in range(4):
        n_in, n_out = sizes[layer : layer + 2]
        weight = random_constants(random, (n_in, n_out), 1.2 / np.sqrt(n_in))
        last = builder.dense(f"dense_{layer}", last, weight, random_constants(random, (n_out,), 0.2))
        if layer < 3:
            last = builder.quantize(f"act_{layer}", builder.relu(f"relu_{layer}", last), ACTIVATIONS)
    return builder.finish([last])


def cnn() -> Graph:
    """Two convolutions of 8 filters 3 x 3, a max pool behind each, and a dense layer of 5."""
    random = np.random.default_rng(SEED)
    format_ = FixedPoint.parse("ap_ufixed<8,2,RND_CONV,SAT>")
    builder = GraphBuilder("cnn")
    last = builder.input("image", (20, 20, 1), InputContract.plain("pixel", 400, format_))
    nothing = ((0, 0), (0, 0))
    for layer, channels in enumerate((1, 8)):
        weight = random_constants(random, (3, 3, channels, 8), 1.0 / np.sqrt(9 * channels))
        bias = random_constants(random, (8,), 0.2)
        last = builder.convolution(f"conv_{layer}", last, weight, bias, strides=(1, 1), padding=nothing)
        last = builder.quantize(f"act_{layer}", builder.relu(f"relu_{layer}", last), ACTIVATIONS)
        last = builder.max_pool(f"pool_{layer}", last, (2, 2), strides=(2, 2), padding=nothing)
    last = builder.reshape("flat", last, (3 * 3 * 8,))
    return builder.finish([builder.dense("dense", last, random_constants(random, (72, 5), 0.15))])


def compare(title: str, graph: Graph, machine: Machine, rounds: int, *, events: int) -> None:
    """Print one table; slow ways get fewer of the events."""
    start = time.perf_counter()
    native = Emulator(graph, threads=1)
    compiled = time.perf_counter() - start
    features = events_of(graph, events)
    few = features[: events // 50]
    words = graph.contract.words(features[: events // 10])
    values = np.ascontiguousarray(np.ldexp(words.astype(np.float64), -graph.input_fractions))
    ways = [
        Way("native", len(features), lambda: native.predict(features)),
        Way("numpy", len(few), lambda: emulate(graph, graph.contract.words(few))),
        hls4ml_way(graph, values[: max(200, events // 300)].astype(np.float32), machine.folder),
    ]
    if is_dense(graph):
        ways.append(alkaid_way(graph, values))
    rates = rates_of(ways, rounds, time.process_time, emulate(graph, words[:1000]))
    work = multiply_adds(graph)
    print(f"\n{title}: {graph.n_in} features, {work:,} multiply-adds; native compiled in {compiled:.2f} s")
    for way in ways:
        rate, ratio = rates[way.name], rates["native"] / rates[way.name]
        print(f"  {way.name:<8} {way.events:>9,} events {rate:>12,.0f} events/s   native / it {ratio:8.1f}")
    rate, limit = rates["native"], seconds_at_peak(graph, machine.peaks)
    print(
        f"  native: {work * rate / 1e9:.0f} * 10^9 multiply-adds/s, {1e9 / rate:.0f} ns per event;", end=" "
    )
    print(f"products alone at the peak: {1e9 * limit:.0f} ns, {limit * rate:.0%} of the time")
    if len(machine.cores) > 1:
        two_cores(graph, features, rounds, machine.cores)


def is_dense(graph: Graph) -> bool:
    """Whether alkaid's interpreter is to be compared: unrolled convolutions take it minutes."""
    return not any(isinstance(operation, Convolution) for operation in graph.operations)


def two_cores(graph: Graph, features: np.ndarray, rounds: int, cores: list[int]) -> None:
    one, two = Emulator(graph, threads=1), Emulator(graph, threads=2)
    ways = [Way(str(e.threads), len(features), partial(e.predict, features)) for e in (one, two)]
    os.sched_setaffinity(0, cores[:2])
    rates = rates_of(ways, 2 * rounds, time.perf_counter, one.predict(features))
    os.sched_setaffinity(0, cores[:1])
    print(f"  native on two cores: {rates['2']:,.0f} events/s, {rates['2'] / rates['1']:.2f} times one core")


def rates_of(
    ways: list[Way], rounds: int, clock: Callable[[], float], expected: np.ndarray
) -> dict[str, float]:
    """Events per second: medians over rounds in which each way has its turn."""
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    for way in ways:  # once before: it fills the caches and shows that the scores are right
        scores = way.run()
        count = min(len(scores), len(expected))
        differing = np.count_nonzero(scores[:count] != expected[:count])
        if differing or not count:
            raise SystemExit(f"{way.name} differs from the reference in {differing} words")
    for turn in range(rounds):
        for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
            start = clock()
            way.run()
            seconds[way.name].append(clock() - start)
    return {way.name: way.events / statistics.median(seconds[way.name]) for way in ways}


def events_of(graph: Graph, count: int) -> np.ndarray:
    """Features across the range of the inputs, a few beyond it."""
    random = np.random.default_rng(SEED)
    reaches = np.array([graph.contract.reach(feature) for feature in graph.contract.features])
    middle, half = reaches.mean(axis=1), (reaches[:, 1] - reaches[:, 0]) / 2
    return (middle + half * random.normal(0, 0.4, (count, graph.n_in))).astype(np.float32)


def multiply_adds(graph: Graph) -> int:
    """Products of one event, those with zero weights or padding counted, too."""
    return sum(
        layer.operation.weight.size * len(layer.arrangement.base) for layer in plan_of(graph).layers.values()
    )


def seconds_at_peak(graph: Graph, peaks: dict[Lane, float]) -> float:
    """Time of one event if nothing but products took time."""
    layers = plan_of(graph).layers.values()
    return sum(
        layer.operation.weight.size * len(layer.arrangement.base) / peaks[layer.word] for layer in layers
    )


def measured_peaks(folder: Path) -> dict[Lane, float]:
    """Multiply-adds per second of one core, by the words that are multiplied."""
    (folder / "peak.cpp").write_text(PEAK)
    subprocess.run(["g++", "-std=c++17", *FLAGS, "peak.cpp", "-o", "peak.so"], cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "peak.so"))
    peaks = {}
    for lane, function, products in ((Lane.INT16, library.bytes, 32), (Lane.INT32, library.words, 16)):
        best = min(timed(lambda call=function: call(ctypes.c_int64(10_000_000))) for _ in range(5))
        peaks[lane] = 12 * products * 10_000_000 / best
    return peaks


def timed(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def alkaid_way(graph: Graph, values: np.ndarray) -> Way:
    from trigml.backends.rtl.network import logic_of

    combinational = logic_of(graph, 5.0).combinational
    scale = 2.0**graph.output_fractions
    return Way("alkaid", len(values), lambda: combinational.predict(values, n_threads=1) * scale)


def hls4ml_way(graph: Graph, values: np.ndarray, folder: Path) -> Way:
    """The project that trigml writes, compiled and called by hls4ml."""
    from trigml.backends.hls.options import HlsBackend, HlsOptions
    from trigml.backends.hls.writer import hls_project

    options = HlsOptions(HlsBackend.VITIS, HlsBackend.VITIS.default_part, 5.0)
    project = folder / f"hls_{graph.name}"
    hls_project(graph, options).write(project)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(project):  # paths in it are relative
        from hls4ml.converters import link_existing_project

        model = link_existing_project(str(project))
        model.compile()
    shaped = np.ascontiguousarray(values.reshape(len(values), *graph.inputs[0].shape))
    scale = 2.0**graph.output_fractions
    return Way("hls4ml", len(values), lambda: model.predict(shaped).reshape(len(values), -1) * scale)


if __name__ == "__main__":
    main()

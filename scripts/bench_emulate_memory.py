"""Measures ``trigml emulate`` on a large file of events: memory, speed, and going on after a SIGKILL.

It writes the packaged jets over and over into a file of 20 million events (16 float32 features and ids,
1.4 GB) and, once, 20,000 of them into a small one, in a temporary folder. The peak of the small emulation
(VmHWM of Linux) is that of the libraries; what the large one takes above it is what grows with the events,
and should stay below 500 MB. Then the large emulation is killed at a random moment (as often as --kills
says), started again, and has to give a file with the same SHA-256 as the undisturbed one.

The network is 16-64-32-32-5 with random 6-bit weights, unless a run is given.

    python scripts/bench_emulate_memory.py
    python scripts/bench_emulate_memory.py --events 2000000 --stage numpy --run runs/jet_tagger_hlf
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from measured import run_measured

import trigml
from trigml.atomic import write_json, write_text
from trigml.contract import InputContract, fitted_feature
from trigml.data.blocks import Chunk
from trigml.data.layout import EventsWriter
from trigml.data.reader import EventSource
from trigml.data.samples import sample_path
from trigml.fixedpoint import FixedPoint
from trigml.graph import Constants, Graph, GraphBuilder, save_graph
from trigml.runs import Manifest, names
from trigml.runs.manifest import RUN_VERSION, hashes_of_folder, sha256_of
from trigml.spec import Spec, load_spec, spec_text

FEW_EVENTS = 20_000
GOAL_BYTES = 500 * 10**6
TRIGML = str(Path(sys.executable).with_name("trigml"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--run", type=Path, help="a run on the packaged jets")
    parser.add_argument("--stage", choices=["native", "numpy"], default="native")
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments of the kills")
    parser.add_argument("--folder", type=Path, help="where the temporary folder goes")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        spec = load_spec("jet_tagger_hlf")
        jets = EventSource([sample_path("jets")], features=spec.inputs.names)
        sample = jets.gather(None)
        run = options.run or random_run(folder / "run", spec, jets, sample)
        few, many = folder / "few.h5", folder / "many.h5"
        for path, n_events in ((few, FEW_EVENTS), (many, options.events)):
            write(path, jets, sample, n_events)
        print(
            f"{options.events:,} events, {many.stat().st_size / 1e9:.2f} GB; stage {options.stage};", end=" "
        )
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}", flush=True)

        def command(events: Path, out: Path) -> list[str]:
            stage = ["--stage", options.stage]
            return [TRIGML, "emulate", str(run), str(events), "-o", str(out), "--json", *stage]

        run_measured(command(few, folder / "warm_up.h5"))  # compiles, if it has to
        peaks = []
        for path in (few, many):
            begin = time.perf_counter()
            done = run_measured(command(path, path.with_suffix(".scores.h5")))
            seconds = time.perf_counter() - begin
            peaks.append(done.peak_bytes)
            summary = json.loads(done.stdout)
            print(f"{summary['events']:>12,} events: peak {done.peak_bytes / 1e6:5.0f} MB,", end=" ")
            print(f"{seconds:6.1f} s in all, {summary['events_per_s']:,.0f} events/s", flush=True)
        above = peaks[1] - peaks[0]
        print(f"above the libraries' {peaks[0] / 1e6:.0f} MB: {above / 1e6:.0f} MB")
        whole = sha256_of(many.with_suffix(".scores.h5"))
        print(f"undisturbed: SHA-256 {whole[:16]}…, {many.with_suffix('.scores.h5').stat().st_size:,} bytes")
        for kill in range(options.kills):
            out = folder / f"killed_{kill}.h5"
            moment = moments.uniform(0.05, 0.95) * seconds
            killed = killed_after(command(many, out), moment)
            summary = json.loads(run_measured(command(many, out)).stdout) if killed else {"resumed": 0}
            found = sha256_of(out)
            print(f"{'killed' if killed else 'ended'} after {moment:.1f} s,", end=" ")
            print(f"went on at event {summary['resumed']:,}: SHA-256 {found[:16]}…", flush=True)
            if found != whole:
                raise SystemExit("the file differs from the undisturbed one")
            out.unlink()
        if above >= GOAL_BYTES:
            raise SystemExit(f"that is more than {GOAL_BYTES / 1e6:.0f} MB")


def killed_after(command: list[str], seconds: float) -> bool:
    """Start a command and kill it with SIGKILL; whether it was still running."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def write(path: Path, jets: EventSource, sample: Chunk, n_events: int) -> None:
    """The sample over and over, with new ids and without labels."""
    with EventsWriter(path, title="benchmark", features=jets.columns, compression=None) as writer:
        for start in range(0, n_events, len(sample)):
            count = min(len(sample), n_events - start)
            columns = dict(zip(jets.feature_names, sample.features[:count].T, strict=True))
            writer.append(event_id=np.arange(start, start + count), features=columns)


def random_run(folder: Path, spec: Spec, jets: EventSource, sample: Chunk) -> Path:
    """A run with random weights, as ``trigml train`` would write it (without its models)."""
    format_ = spec.inputs.fixed_point
    columns = zip(jets.columns, sample.features.T, strict=True)
    features = [fitted_feature(column.name, column.unit, values, format_) for column, values in columns]
    contract = InputContract(tuple(features), format_)
    graph = random_graph(contract)
    folder.mkdir()
    write_text(folder / names.SPEC, spec_text(spec))
    write_json(folder / names.CONTRACT, contract.to_json())
    write_json(folder / names.METRICS, {"models": {}})
    save_graph(graph, folder)
    manifest = Manifest(
        trigml_run=RUN_VERSION,
        trigml=trigml.__version__,
        command="scripts/bench_emulate_memory.py",
        seed=1,
        quantized=True,
        data=(),
        spec_sha256=sha256_of(folder / names.SPEC),
        graph_digest=graph.digest,
        versions={},
        files=hashes_of_folder(folder),
    )
    write_json(folder / names.MANIFEST, manifest.to_json())
    return folder


def random_graph(contract: InputContract) -> Graph:
    rng = np.random.default_rng(1)
    weights, activations = FixedPoint.parse("ap_fixed<6,1>"), FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>")
    builder = GraphBuilder("benchmark")
    last = builder.input("inputs", (len(contract.features),), contract)
    sizes = (len(contract.features), 64, 32, 32, 5)
    for layer, shape in enumerate(pairwise(sizes), start=1):

        def constants(shape: Any) -> Constants:
            return Constants(rng.integers(weights.min_word, weights.max_word + 1, shape), weights)

        last = builder.dense(f"dense_{layer}", last, constants(shape), constants(shape[1]))
        if layer < len(sizes) - 1:
            last = builder.quantize(f"act_{layer}", builder.relu(f"relu_{layer}", last), activations)
    return builder.finish([last], ["g", "q", "W", "Z", "t"])


if __name__ == "__main__":
    main()

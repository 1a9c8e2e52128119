"""Measures the memory of ``trigml train`` on a large file of events, above what its libraries take.

It writes a file of events (16 float32 features, labels, ids; 5 GB unless --gb says otherwise) and a small one
of 20,000 events in a temporary folder, and runs the same training on both, each in a process of its own: a
network 16-16-5, one epoch, boosted trees on 20,000 events. The peak of the small training (VmHWM of Linux) is
that of the libraries: Python, NumPy, h5py, TensorFlow, Keras, scikit-learn and matplotlib, all used. What the
large one takes above it is what grows with the events, and should stay below 1 GB.

    python scripts/bench_training_memory.py
    python scripts/bench_training_memory.py --gb 1
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench_reading import CLASSES, FEATURES, ROW_BYTES, write
from measured import run_measured

FEW_EVENTS = 20_000
GOAL_BYTES = 10**9

SPEC = """\
trigml: 1
name: memory
title: Memory of a training
task: classification
data:
  files: [{path}]
  classes: [{classes}]
  split: {{train: 0.6, validation: 0.2, test: 0.2}}
inputs:
  format: ap_fixed<12,5,RND_CONV,SAT>
  features:
{features}
model:
  hidden: [16]
  activation: relu
quantization:
  weight_bits: 6
  bias_bits: 6
  activation_bits: 6
training:
  seed: 1
  batch_size: 8192
  epochs: 1
  learning_rate: 0.001
  patience: 1
baseline: {{kind: boosted_trees, max_events: 20000}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gb", type=float, default=5.0, help="size of the values in 10^9 bytes")
    parser.add_argument("--folder", type=Path, help="where the temporary folder goes")
    options = parser.parse_args()
    peaks: list[int] = []
    for n_events in (FEW_EVENTS, int(options.gb * 1e9 / ROW_BYTES)):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            path = Path(folder) / "events.h5"
            write(path, n_events, None)
            begin = time.perf_counter()
            peaks.append(peak_bytes_of_training(path))
            seconds = time.perf_counter() - begin
            print(f"{n_events:>12,} events, {path.stat().st_size / 1e9:5.2f} GB:", end=" ")
            print(f"peak {peaks[-1] / 1e6:6.0f} MB, {seconds:5.0f} s", flush=True)
    above = peaks[1] - peaks[0]
    print(f"above the libraries' {peaks[0] / 1e6:.0f} MB: {above / 1e6:.0f} MB")
    if above >= GOAL_BYTES:
        raise SystemExit(f"that is more than {GOAL_BYTES / 1e6:.0f} MB")


def peak_bytes_of_training(path: Path) -> int:
    """The largest resident memory of ``trigml train``."""
    spec = path.with_name("spec.yml")
    features = "\n".join(f"    - {{name: {name}}}" for name in FEATURES)
    spec.write_text(SPEC.format(path=path, classes=", ".join(CLASSES), features=features))
    program = Path(sys.executable).with_name("trigml")
    training = run_measured([str(program), "train", str(spec), "--out", str(path.with_name("run"))])
    print("streamed" if "are streamed" in training.stdout + training.stderr else "in memory", end="; ")
    return training.peak_bytes


if __name__ == "__main__":
    main()

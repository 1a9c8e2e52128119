"""Measures reading: EventSource against plain h5py reading the same chunks of the same columns.

It writes one file of events (16 float32 features, labels, ids; 5 GB unless --gb says otherwise) in a
temporary folder, reads it by turns with both, and prints MB/s (medians over the rounds) and the ratio to h5py
reading the same chunks of 16,384 events of each column and dropping them: in order, or for the mixed stream
in its order. Either way MB/s are those of the whole file, as all of its chunks are read for one split, too.
"Cold" passes begin with the file dropped from the page cache (posix_fadvise), "warm" ones with all of it in
the cache, for both alike. The memory is the peak of a process of its own that does nothing else, above what
it has after its imports (VmHWM of Linux).

    python scripts/bench_reading.py
    python scripts/bench_reading.py --gb 1 --compression gzip
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np

from trigml.data.layout import CHUNK_EVENTS, Column, EventsWriter
from trigml.data.mixing import blocks_mixed, buffer_rows, mixing_block_rows
from trigml.data.reader import EventSource
from trigml.data.splits import Split

FEATURES = tuple(f"feature_{index}" for index in range(16))
CLASSES = ("g", "q", "W", "Z", "t")
ROW_BYTES = 4 * len(FEATURES) + 8 + 1
PLAIN = "h5py, same chunks, dropped"
PLAIN_MIXED = "h5py, same chunks, mixed order"
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gb", type=float, default=5.0, help="size of the values in 10^9 bytes")
    parser.add_argument("--compression", choices=["none", "gzip"], default="none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the temporary folder goes")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of is not None:
        print(peak_bytes(options.memory_of, options.seed))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "events.h5"
        n_events = int(options.gb * 1e9 / ROW_BYTES)
        write(path, n_events, None if options.compression == "none" else options.compression)
        print(f"{n_events:,} events, {n_events * ROW_BYTES / 1e9:.2f} GB of values,", end=" ")
        print(f"{path.stat().st_size / 1e9:.2f} GB on disk, compression {options.compression};", end=" ")
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
        for cold in (False, True):
            compare(path, n_events, options.rounds, cold)
        print("peak memory above the libraries':")
        for text, seed in (("in order", None), ("training split, mixed", SEED)):
            command = [sys.executable, __file__, "--memory-of", str(path)]
            command += [] if seed is None else ["--seed", str(seed)]
            peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"  {text:<30} {peak / 1e6:8.0f} MB")


def write(path: Path, n_events: int, compression: str | None) -> None:
    rng = np.random.default_rng(1)
    with EventsWriter(
        path,
        title="benchmark",
        features=[Column(name) for name in FEATURES],
        class_names=CLASSES,
        compression=compression,
        compression_level=4,
    ) as writer:
        for start in range(0, n_events, CHUNK_EVENTS):
            n = min(CHUNK_EVENTS, n_events - start)
            # Twelve significant bits, about as many as a trigger's features have.
            values = rng.integers(0, 4096, (len(FEATURES), n)).astype(np.float32) / 64
            writer.append(
                event_id=np.arange(start, start + n),
                features=dict(zip(FEATURES, values, strict=True)),
                labels=rng.integers(0, len(CLASSES), n),
            )
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def compare(path: Path, n_events: int, rounds: int, cold: bool) -> None:
    source = EventSource([path], features=FEATURES, class_names=CLASSES)
    mixed_rows = rows_mixed(source)
    ways: dict[str, Callable[[], int]] = {
        PLAIN: lambda: read_plainly(path, rows_in_order(n_events, CHUNK_EVENTS)),
        "h5py, 4 chunks at once, dropped": lambda: read_plainly(
            path, rows_in_order(n_events, 4 * CHUNK_EVENTS)
        ),
        "h5py, chunks into one matrix": lambda: read_into_matrix(path),
        "EventSource, in order": lambda: sum(len(chunk) for chunk in source.chunks(None)),
        PLAIN_MIXED: lambda: read_plainly(path, mixed_rows),
        "EventSource, training, mixed": lambda: sum(
            len(chunk) for chunk in source.chunks(Split.TRAIN, seed=SEED)
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            read = ways[name]
            prepare(path, cold)
            begin = time.perf_counter()
            n_read = read()
            times[name].append(time.perf_counter() - begin)
            if "training" not in name and n_read != n_events:
                raise SystemExit(f"{name} read {n_read} events instead of {n_events}")
    print(f"{'cold' if cold else 'warm'} page cache, {rounds} rounds by turns:")
    for name, seconds in times.items():
        plain = statistics.median(times[PLAIN_MIXED if "mixed" in name else PLAIN])
        median = statistics.median(seconds)
        each = " ".join(f"{second:.2f}" for second in seconds)
        speed = n_events * ROW_BYTES / median / 1e6
        print(f"  {name:<30} {speed:8.0f} MB/s   ratio {plain / median:5.2f}   ({each} s)")


def prepare(path: Path, cold: bool) -> None:
    """Drop the file from the page cache, or have all of it there."""
    with path.open("rb", buffering=0) as file:
        if cold:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        else:
            buffer = bytearray(2**22)
            while file.readinto(buffer):
                pass


def rows_in_order(n_events: int, chunk_events: int) -> list[tuple[int, int]]:
    return [(start, min(start + chunk_events, n_events)) for start in range(0, n_events, chunk_events)]


def rows_mixed(source: EventSource) -> list[tuple[int, int]]:
    """The blocks that the mixed stream reads, in its order."""
    (file,) = source._files
    block_rows = mixing_block_rows(1, buffer_rows([file], source.chunk_events))
    blocks = blocks_mixed([file], block_rows, np.random.default_rng(SEED))
    return [(block.start, block.stop) for block in blocks]


def read_plainly(path: Path, rows: Sequence[tuple[int, int]]) -> int:
    """What h5py can do at most: these rows of each column read and dropped."""
    with h5py.File(path) as file:
        columns = [file["event_id"], file["labels"], *(file[f"features/{name}"] for name in FEATURES)]
        for start, stop in rows:
            for column in columns:
                column[start:stop]
    return sum(stop - start for start, stop in rows)


def read_into_matrix(path: Path) -> int:
    """What a training needs from it: the features side by side."""
    with h5py.File(path) as file:
        others = [file["event_id"], file["labels"]]
        columns = [file[f"features/{name}"] for name in FEATURES]
        n_events = int(file["event_id"].shape[0])
        for start in range(0, n_events, CHUNK_EVENTS):
            stop = min(start + CHUNK_EVENTS, n_events)
            matrix = np.empty((stop - start, len(columns)), dtype=np.float32)
            for other in others:
                other[start:stop]
            for index, column in enumerate(columns):
                matrix[:, index] = column[start:stop]
    return n_events


def peak_bytes(path: Path, seed: int | None) -> int:
    before = highest_resident_bytes()
    source = EventSource([path], features=FEATURES, class_names=CLASSES)
    for _ in source.chunks(None if seed is None else Split.TRAIN, seed=seed):
        pass
    return highest_resident_bytes() - before


def highest_resident_bytes() -> int:
    """The peak of this process alone; getrusage would begin with that of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()

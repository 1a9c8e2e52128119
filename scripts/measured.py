"""Running a program and watching its memory; for the benchmarks."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """A program that ended well: the largest resident memory seen, and what it printed."""

    peak_bytes: int
    stdout: str
    stderr: str


def run_measured(command: Sequence[str]) -> Measured:
    """Run a program to its end; the kernel keeps the peak (VmHWM of Linux), so that none is missed."""
    peak = 0
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            # A process that has ended and was not waited for has no such line.
            peak = max([peak, *(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))])
            time.sleep(0.02)
        stdout.seek(0)
        stderr.seek(0)
        measured = Measured(peak, stdout.read(), stderr.read())
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{measured.stdout}{measured.stderr}")
    return measured

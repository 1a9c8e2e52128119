"""Running the study's steps: two chains of programs at a time, each on one thread, finished steps kept."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from trigml.errors import Interrupted, NotBitExact, ToolFailed

PROCESSES = 2
_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
_TAIL = 12
GATE_BROKEN, NOT_EXACT = 3, 4


@dataclass(frozen=True, slots=True)
class Step:
    """One program to run.

    Attributes:
        title: for the progress.
        command: the program and its arguments.
        log: where its output goes.
        is_done: whether its result lies there already.
        after: what is done when it ended well.
    """

    title: str
    command: tuple[str, ...]
    log: Path
    is_done: Callable[[], bool]
    after: Callable[[], None] = lambda: None


@dataclass(slots=True)
class _Running:
    """What the chains share: the programs that run now, and what is left."""

    total: int
    say: Callable[[str], None]
    finished: int = 0
    stopped: bool = False
    programs: set[subprocess.Popen[bytes]] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, text: str) -> None:
        with self.lock:
            self.finished += 1
            left = self.total - self.finished
            self.say(f"[{self.finished}/{self.total}] {text}; {left} step{'' if left == 1 else 's'} left")

    def stop(self) -> None:
        """Interrupt the programs, which keep what they have, and begin no other one."""
        with self.lock:
            self.stopped = True
            for program in self.programs:
                program.send_signal(signal.SIGINT)


def run_chains(chains: Sequence[Sequence[Step]], say: Callable[[str], None]) -> tuple[str, ...]:
    """Run chains of steps, two chains at a time; the steps of a chain one after another.

    Returns:
        Remarks: steps that ended with a broken gate of their spec, whose results are there all the same.

    Raises:
        ToolFailed, NotBitExact: a step failed; the others are interrupted.
        Interrupted: Ctrl-C; finished steps are kept, and trainings go on where they stopped.
    """
    shared = _Running(sum(map(len, chains)), say)
    with ThreadPoolExecutor(PROCESSES) as pool:
        futures: list[Future[None]] = [pool.submit(_run_chain, chain, shared) for chain in chains]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        except KeyboardInterrupt as error:
            shared.stop()
            raise Interrupted(
                "the study was interrupted",
                found=f"{shared.finished} of {shared.total} steps are finished and kept",
                remedy="to go on, give the same command again",
            ) from error
        if any(future.exception() for future in done):
            shared.stop()
    for future in futures:
        future.result()
    return tuple(shared.notes)


def _run_chain(chain: Sequence[Step], shared: _Running) -> None:
    for step in chain:
        if shared.stopped:
            return
        if step.is_done():
            shared.tell(f"{step.title}: there already")
            continue
        started = time.monotonic()
        code = _run(step, shared)
        if shared.stopped:
            return
        if code == GATE_BROKEN:
            shared.notes.append(
                f"{step.title}: a gate or the budget of the spec is broken (see {step.log.name})"
            )
        elif code:
            raise _failed(step, code)
        step.after()
        shared.tell(f"{step.title}: {time.monotonic() - started:.0f} s")


def _run(step: Step, shared: _Running) -> int:
    step.log.parent.mkdir(parents=True, exist_ok=True)
    environment: Mapping[str, str] = os.environ | _ONE_THREAD
    with step.log.open("wb") as log:
        with shared.lock:
            if shared.stopped:
                return 0
            # In a session of its own: Ctrl-C of the terminal reaches it once, through stop().
            program = subprocess.Popen(
                step.command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
            shared.programs.add(program)
        try:
            return program.wait()
        finally:
            with shared.lock:
                shared.programs.discard(program)


def _failed(step: Step, code: int) -> ToolFailed | NotBitExact:
    lines = step.log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()[-_TAIL:]
    kind = NotBitExact if code == NOT_EXACT else ToolFailed
    return kind(
        f"a step of the study failed: {step.title}",
        where=str(step.log),
        found=f"exit code {code}\n" + "\n".join(f"            {line}" for line in lines),
    )

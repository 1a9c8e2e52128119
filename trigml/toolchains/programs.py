"""Finding and running programs outside of trigml, with errors that say what to do."""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import BinaryIO

from trigml.errors import MissingTool, ToolFailed

LAST_LINES = 15
STOP_LATENCY_S = 0.2
LONGEST_LINE = 2000
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAST_WORDS_S = 2.0
"""How long output is still read after the program has left, if something that it started holds it open."""


def find_compiler() -> str:
    """The C++ compiler: ``$CXX`` if set, else g++.

    Raises:
        MissingTool: neither is there.
    """
    name = os.environ.get("CXX", "").strip() or "g++"
    found = shutil.which(name)
    if found is None:
        raise MissingTool(
            "no C++ compiler on this machine",
            expected=f"{name} on PATH" + (" (from the variable CXX)" if "CXX" in os.environ else ""),
            remedy="apt-get install g++, or set CXX to a C++ compiler",
        )
    return found


def version_line(program: str) -> str:
    """The first line that ``program --version`` prints."""
    lines = run([program, "--version"], what=f"{Path(program).name} --version", timeout_s=30).splitlines()
    return lines[0].strip() if lines else "unknown version"


def run(
    command: Sequence[str],
    *,
    what: str,
    timeout_s: float,
    folder: Path | None = None,
    stop: Event | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end and return what it printed (stdout and stderr together).

    Args:
        command: program and arguments.
        what: what it does, for messages.
        timeout_s: it is ended after this time.
        folder: where it runs.
        stop: if set (from another thread), the program is ended as by Ctrl-C.
        environment: its variables, default those of this process.

    Raises:
        ToolFailed: it could not be started, crashed, failed or did not end in time; the message holds its
            last lines.
    """
    with _running(command, what, folder, environment) as process:
        try:
            printed = _printed(process, timeout_s, stop)
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(
                f"{what} did not end in time", expected=f"at most {timeout_s:g} s", remedy="see why it hangs"
            ) from error
    if process.returncode != 0:
        raise ToolFailed(
            f"{what} failed",
            found=_ending(process.returncode),
            remedy=_last_lines(printed.splitlines()),
        )
    return printed


def stream(
    command: Sequence[str],
    *,
    what: str,
    timeout_s: float,
    log: Path,
    on_line: Callable[[str], None],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a long program; what it prints goes to a file at once, and line by line to a listener.

    Ctrl-C, a time-out and an error of the listener end the program with all that it has started.

    Args:
        command: program and arguments.
        what: what it does, for messages.
        timeout_s: it is ended after this time.
        log: file for its output (stdout and stderr together); its folder has to be there.
        on_line: called with every line that is not blank, cut to ``LONGEST_LINE`` characters.
        folder: where it runs.
        environment: its variables, default those of this process.

    Raises:
        ToolFailed: it could not be started, crashed, failed or did not end in time; the message holds its
            last lines and where the log is.
    """
    try:
        file = log.open("wb", buffering=0)
    except OSError as error:
        raise ToolFailed(f"{what}: the log cannot be written", where=str(log), found=str(error)) from error
    printed = _Lines(file, on_line)
    with file, _running(command, what, folder, environment) as process:
        in_time = _follow(process, printed, time.monotonic() + timeout_s)
        _end(process)
    if not in_time:
        raise ToolFailed(
            f"{what} did not end in time",
            where=str(log),
            expected=f"at most {timeout_s:g} s",
            remedy="allow more time, or see why it hangs; " + _last_lines(printed.last),
        )
    if process.returncode != 0:
        raise ToolFailed(
            f"{what} failed",
            where=str(log),
            found=_ending(process.returncode),
            remedy=_last_lines(printed.last),
        )


@dataclass
class _Lines:
    """Output on its way to the log and, cut into lines, to a listener."""

    log: BinaryIO
    on_line: Callable[[str], None]
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )
    begun: str = ""

    def take(self, content: bytes) -> None:
        self.log.write(content)
        *whole, self.begun = (self.begun + self.decoder.decode(content).replace("\r", "\n")).split("\n")
        for line in whole:
            self._pass_on(line)
        self.begun = self.begun[:LONGEST_LINE]

    def end(self) -> None:
        self._pass_on(self.begun + self.decoder.decode(b"", final=True))
        self.begun = ""

    def _pass_on(self, line: str) -> None:
        shown = line.rstrip()[:LONGEST_LINE]
        if shown:
            self.last.append(shown)
            self.on_line(shown)


def _follow(process: subprocess.Popen[bytes], printed: _Lines, end: float) -> bool:
    """Pass on what a program prints until it has left, or until ``end``; whether it left in time."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    left: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            if left is None and process.poll() is not None:
                left = now
            if left is not None and now >= left + LAST_WORDS_S:
                break  # something that it started lives on and holds the output open
            if left is None and now >= end:
                return False
            if selector.select(STOP_LATENCY_S):
                content = os.read(descriptor, 1 << 16)
                if not content:
                    break
                printed.take(content)
    printed.end()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=max(0.0, end - time.monotonic()))
    return process.poll() is not None


def _last_lines(lines: Sequence[str] | deque[str]) -> str:
    if not lines:
        return "it printed nothing"
    return "its last lines:\n" + "\n".join(f"    {line}" for line in list(lines)[-LAST_LINES:])


@contextmanager
def _running(
    command: Sequence[str], what: str, folder: Path | None, environment: Mapping[str, str] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is ended with all that it has started if the block is left by an error."""
    process: subprocess.Popen[bytes] | None = None
    try:
        with _signals_wait():
            process = _started(command, what, folder, environment)
        yield process
    except BaseException:
        if process is not None:
            _end(process)
        raise
    finally:
        if process is not None and process.stdout is not None:
            process.stdout.close()


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Let Ctrl-C and its like take effect after the block only.

    Between the start of a program and the moment in which it is known here, an interruption would leave it
    behind. Handlers run in the main thread; in others there is nothing to wait for.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    usual = {number: signal.getsignal(number) for number in _ENDING_SIGNALS}
    usual = {number: handler for number, handler in usual.items() if callable(handler)}
    for number in usual:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _started(
    command: Sequence[str], what: str, folder: Path | None, environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    """A program with nothing on stdin and both outputs in one pipe, at the head of a session of its own."""
    try:
        return subprocess.Popen(
            list(command),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolFailed(f"{what} could not be started", found=str(error)) from error


def _printed(process: subprocess.Popen[bytes], timeout_s: float, stop: Event | None) -> str:
    if stop is None:
        return _text(process.communicate(timeout=timeout_s)[0])
    end = time.monotonic() + timeout_s
    while not stop.is_set():
        try:
            left = max(0.0, end - time.monotonic())
            return _text(process.communicate(timeout=min(STOP_LATENCY_S, left))[0])
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
    raise KeyboardInterrupt


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"ended by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"signal {-code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program together with what it started, which may outlive it (it leads a session of its own)."""
    with contextlib.suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

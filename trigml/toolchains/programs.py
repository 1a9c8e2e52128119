"""Finding and running programs outside of trigml, with errors that say what to do."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event

from trigml.errors import MissingTool, ToolFailed

LAST_LINES = 15
STOP_LATENCY_S = 0.2


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
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ToolFailed(f"{what} could not be started", found=str(error)) from error
    with process:
        try:
            printed = _printed(process, timeout_s, stop)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise ToolFailed(
                f"{what} did not end in time", expected=f"at most {timeout_s:g} s", remedy="see why it hangs"
            ) from error
        except BaseException:
            _end(process)
            raise
    if process.returncode != 0:
        raise ToolFailed(
            f"{what} failed",
            found=_ending(process.returncode),
            remedy="its last lines:\n"
            + "\n".join(f"    {line}" for line in printed.splitlines()[-LAST_LINES:]),
        )
    return printed


def _printed(process: subprocess.Popen[str], timeout_s: float, stop: Event | None) -> str:
    if stop is None:
        return process.communicate(timeout=timeout_s)[0]
    end = time.monotonic() + timeout_s
    while not stop.is_set():
        try:
            return process.communicate(timeout=min(STOP_LATENCY_S, max(0.0, end - time.monotonic())))[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
    raise KeyboardInterrupt


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"ended by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"signal {-code}"


def _end(process: subprocess.Popen[str]) -> None:
    """End a program together with what it started, which may outlive it (it leads a session of its own)."""
    with contextlib.suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""Finding and running programs outside of trigml, with errors that say what to do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from trigml.errors import MissingTool, ToolFailed

LAST_LINES = 15


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


def run(command: Sequence[str], *, what: str, timeout_s: float, folder: Path | None = None) -> str:
    """Run a program to its end and return what it printed (stdout and stderr together).

    Raises:
        ToolFailed: it could not be started, crashed, failed or did not end in time; the message holds its
            last lines.
    """
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ToolFailed(f"{what} could not be started", found=str(error)) from error
    try:
        printed, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise ToolFailed(
            f"{what} did not end in time", expected=f"at most {timeout_s:.0f} s", remedy="see why it hangs"
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


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"ended by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"signal {-code}"


def _end(process: subprocess.Popen[str]) -> None:
    """End a program together with what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

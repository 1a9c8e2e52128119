"""Running programs: every way of going wrong is one clear error, and no child is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from trigml.errors import MissingTool, ToolFailed
from trigml.toolchains.programs import LAST_LINES, find_compiler, run, version_line

SHELL = "/bin/sh"


def shell(script: str, timeout_s: float = 60, **options: object) -> str:
    return run([SHELL, "-c", script], what="the test program", timeout_s=timeout_s, **options)  # type: ignore[arg-type]


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def read_when_there(path: Path) -> int:
    for _ in range(200):
        if path.is_file() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.05)
    pytest.fail(f"{path} did not appear")


def assert_ends(pid: int) -> None:
    for _ in range(100):
        if not is_alive(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("a child was left behind")


def test_both_outputs_come_back(tmp_path: Path) -> None:
    """Protects what callers parse: stdout and stderr, run in the folder asked for, nothing on stdin."""
    printed = shell("pwd; echo problem >&2; cat", folder=tmp_path)
    assert printed.splitlines() == [str(tmp_path.resolve()), "problem"]


def test_output_that_is_not_text() -> None:
    """Protects against a decoding error of a compiler's message in another encoding."""
    assert shell(r"printf 'gr\374n'") == "gr�n"


def test_a_failure_shows_exit_code_and_last_lines() -> None:
    """Protects the message of a failed program: what, how it ended, and its last lines only."""
    with pytest.raises(ToolFailed, match="the test program failed") as error:
        shell("for i in $(seq 1 40); do echo line $i; done; exit 3")
    assert error.value.found == "exit code 3"
    assert error.value.exit_code == 2
    lines = (error.value.remedy or "").splitlines()
    assert lines[0] == "its last lines:"
    assert [line.strip() for line in lines[1:]] == [f"line {i}" for i in range(41 - LAST_LINES, 41)]


def test_a_crash_names_the_signal() -> None:
    """Protects the message of a crash, for example of emulated C++."""
    with pytest.raises(ToolFailed) as error:
        shell("echo before; kill -SEGV $$")
    assert error.value.found == "ended by SIGSEGV"
    assert "before" in (error.value.remedy or "")


@pytest.mark.parametrize("command", [["/nowhere/program"], ["/etc"]])
def test_a_program_that_cannot_start(command: list[str]) -> None:
    """Protects the message when the file is not there or not executable."""
    with pytest.raises(ToolFailed, match="the test program could not be started"):
        run(command, what="the test program", timeout_s=10)


@pytest.mark.parametrize("with_stop", [False, True])
def test_a_time_out_ends_the_whole_family(tmp_path: Path, with_stop: bool) -> None:
    """Protects the machine: a hanging program ends in time, and so does what it started."""
    with pytest.raises(ToolFailed, match="did not end in time") as error:
        shell(
            "echo $$ > parent; sleep 600 & echo $! > child; wait",
            timeout_s=0.7,
            folder=tmp_path,
            stop=threading.Event() if with_stop else None,
        )
    assert error.value.expected == "at most 0.7 s"
    for name in ("parent", "child"):
        assert_ends(read_when_there(tmp_path / name))


def test_a_time_out_ends_children_of_a_program_that_has_left(tmp_path: Path) -> None:
    """Protects the same where the program itself is gone and a child of it holds the output open."""
    with pytest.raises(ToolFailed, match="did not end in time"):
        shell("sleep 600 & echo $! > child", timeout_s=0.7, folder=tmp_path)
    assert_ends(read_when_there(tmp_path / "child"))


def test_stopping_from_another_thread(tmp_path: Path) -> None:
    """Protects Ctrl-C while programs run in threads: the event ends them long before their time."""
    stop = threading.Event()
    ended: list[BaseException] = []

    def work() -> None:
        try:
            shell("echo $$ > parent; sleep 600", timeout_s=500, folder=tmp_path, stop=stop)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    pid = read_when_there(tmp_path / "parent")
    stop.set()
    thread.join(timeout=30)
    assert [type(error) for error in ended] == [KeyboardInterrupt]
    assert_ends(pid)


def test_with_a_stop_the_output_is_whole() -> None:
    """Protects the output of a program that takes longer than one look at the event."""
    printed = shell("for i in 1 2 3 4 5; do echo $i; sleep 0.12; done", stop=threading.Event())
    assert printed.split() == ["1", "2", "3", "4", "5"]


def test_ctrl_c_ends_children(tmp_path: Path) -> None:
    """Protects against compilers that go on after Ctrl-C, although they run in a session of their own."""
    program = f"""
        from pathlib import Path
        from trigml.toolchains.programs import run
        run(["{SHELL}", "-c", "echo $$ > parent; sleep 600 & echo $! > child; wait"],
            what="x", timeout_s=500, folder=Path({str(tmp_path)!r}))
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stderr=subprocess.PIPE, text=True
    )
    pids = [read_when_there(tmp_path / name) for name in ("parent", "child")]
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in printed
    for pid in pids:
        assert_ends(pid)


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_compiler_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the order: $CXX, else g++; an empty CXX counts as none."""
    gxx = executable(tmp_path / "g++", "#!/bin/sh\necho 'g++ (test) 99.1'\necho more\n")
    other = executable(tmp_path / "my-c++", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    for value, expected in ((None, gxx), ("", gxx), (" ", gxx), ("my-c++", other), (str(other), other)):
        if value is None:
            monkeypatch.delenv("CXX", raising=False)
        else:
            monkeypatch.setenv("CXX", value)
        assert find_compiler() == str(expected)
    assert version_line(str(gxx)) == "g++ (test) 99.1"
    assert version_line(str(other)) == "unknown version"


def test_no_compiler_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the message on a machine without g++: the command that installs it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(MissingTool, match="no C\\+\\+ compiler") as error:
        find_compiler()
    assert error.value.remedy == "apt-get install g++, or set CXX to a C++ compiler"
    assert error.value.expected == "g++ on PATH"
    assert error.value.exit_code == 2
    monkeypatch.setenv("CXX", "clang++-77")
    with pytest.raises(MissingTool) as error:
        find_compiler()
    assert error.value.expected == "clang++-77 on PATH (from the variable CXX)"

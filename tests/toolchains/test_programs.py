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
from trigml.toolchains.programs import LAST_LINES, LONGEST_LINE, find_compiler, run, stream, version_line

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
        import signal
        from pathlib import Path
        from trigml.toolchains.programs import run
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
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


@pytest.mark.parametrize("ended", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_while_a_program_is_being_started(tmp_path: Path, ended: signal.Signals) -> None:
    """Protects busy machines, where a child runs before its parent knows of it: it is ended all the same."""
    program = f"""
        import signal, subprocess, time
        from pathlib import Path
        from trigml.toolchains.programs import run

        class Slow(subprocess.Popen):
            def __init__(self, *arguments, **options):
                super().__init__(*arguments, **options)
                time.sleep(0.5)

        subprocess.Popen = Slow
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        run(["{SHELL}", "-c", "echo $$ > parent; sleep 600 & echo $! > child; wait"], what="x", timeout_s=500)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    pids = [read_when_there(tmp_path / name) for name in ("parent", "child")]
    process.send_signal(ended)
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


def follow(script: str, folder: Path, timeout_s: float = 60) -> tuple[list[str], str]:
    """Lines passed on, and the log, of a program that ends well."""
    lines: list[str] = []
    log = folder / "log"
    stream(
        [SHELL, "-c", script],
        what="the test program",
        timeout_s=timeout_s,
        log=log,
        on_line=lines.append,
        folder=folder,
    )
    return lines, log.read_text(errors="replace")


def test_lines_are_passed_on_while_the_program_runs(tmp_path: Path) -> None:
    """Protects the live view of a tool that runs for hours: a line arrives before the program has ended."""
    seen: list[str] = []

    def on_line(line: str) -> None:
        seen.append(line)
        if line == "first":
            (tmp_path / "go").touch()

    script = "echo first; while [ ! -e go ]; do sleep 0.05; done; echo problem >&2; cat"
    stream(
        [SHELL, "-c", script],
        what="x",
        timeout_s=30,
        log=tmp_path / "log",
        on_line=on_line,
        folder=tmp_path,
    )
    assert seen == ["first", "problem"]
    assert (tmp_path / "log").read_text() == "first\nproblem\n"


def test_lines_of_any_kind(tmp_path: Path) -> None:
    """Protects the listener from blank lines, progress bars, other encodings and lines without an end."""
    lines, log = follow(r"printf 'a\n\n  \r10 %%\r20 %%\ngr\374n\nlast'", tmp_path)
    assert lines == ["a", "10 %", "20 %", "gr�n", "last"]
    assert "last" in log
    long, log = follow("head -c 100000 /dev/zero | tr '\\0' x; echo; echo end", tmp_path)
    assert [len(line) for line in long] == [LONGEST_LINE, 3]
    assert len(log) == 100_005


def test_a_failure_of_a_streamed_program(tmp_path: Path) -> None:
    """Protects the message: how it ended, its last lines, and where all of them are."""
    for script, found in (("exit 3", "exit code 3"), ("kill -SEGV $$", "ended by SIGSEGV")):
        with pytest.raises(ToolFailed, match="the test program failed") as error:
            follow(f"for i in $(seq 1 40); do echo line $i; done; {script}", tmp_path)
        assert (error.value.found, error.value.where) == (found, str(tmp_path / "log"))
        lines = (error.value.remedy or "").splitlines()
        assert [line.strip() for line in lines[1:]] == [f"line {i}" for i in range(41 - LAST_LINES, 41)]
    with pytest.raises(ToolFailed) as error:
        follow("exit 1", tmp_path)
    assert error.value.remedy == "it printed nothing"


def test_a_hanging_streamed_program_ends_with_its_family(tmp_path: Path) -> None:
    """Protects the machine from a tool that prints for ever, or nothing at all, and from its children."""
    for noise in ("wait", "while true; do echo noise; sleep 0.01; done"):
        for name in ("parent", "child"):
            (tmp_path / name).unlink(missing_ok=True)
        with pytest.raises(ToolFailed, match="did not end in time") as error:
            follow(f"echo $$ > parent; sleep 600 & echo $! > child; {noise}", tmp_path, timeout_s=0.7)
        assert error.value.expected == "at most 0.7 s"
        for name in ("parent", "child"):
            assert_ends(read_when_there(tmp_path / name))


def test_what_a_program_leaves_behind_does_not_hold_it_up(tmp_path: Path) -> None:
    """Protects against waiting for ever for a helper that outlives its tool and holds the output open."""
    lines, _ = follow("sleep 600 & echo $! > child; echo done", tmp_path)
    assert lines == ["done"]
    assert_ends(read_when_there(tmp_path / "child"))


def test_an_error_of_the_listener_ends_the_program(tmp_path: Path) -> None:
    """Protects against a tool that goes on although nobody follows it any more (Ctrl-C arrives like this)."""

    def on_line(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(
            [SHELL, "-c", "echo $$ > parent; echo x; sleep 600"],
            what="x",
            timeout_s=500,
            log=tmp_path / "log",
            on_line=on_line,
            folder=tmp_path,
        )
    assert_ends(read_when_there(tmp_path / "parent"))


def test_a_streamed_program_that_cannot_start(tmp_path: Path) -> None:
    """Protects the messages for a program, and a log, that are not there."""
    for command, log, message in (
        (["/nowhere/program"], tmp_path / "log", "could not be started"),
        ([SHELL], tmp_path / "nowhere" / "log", "log cannot be written"),
    ):
        with pytest.raises(ToolFailed, match=message):
            stream(command, what="x", timeout_s=5, log=log, on_line=print)

"""The command line itself: help, version, usage errors and exit codes."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import trigml
from trigml.cli import main
from trigml.cli.main import exit_code_of
from trigml.errors import BadInput, GateBroken, Interrupted, MissingTool, NotBitExact, ToolFailed

COMMANDS = [
    [],
    ["train"],
    ["synth"],
    ["preflight"],
    ["verify"],
    ["inspect"],
    ["emulate"],
    ["evaluate"],
    ["export"],
    ["report"],
    ["devices"],
    ["data"],
    ["data", "samples"],
    ["data", "describe"],
    ["data", "convert"],
]


def test_version_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts read the version from stdout."""
    assert exit_code_of(["--version"]) == 0
    assert capsys.readouterr().out == f"trigml {trigml.__version__}\n"


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_nothing_heavy_is_imported_for_it(option: str) -> None:
    """Help and version stay fast: none of the heavy libraries is imported for them."""
    code = (
        "import sys; from trigml.cli.main import exit_code_of; "
        f"exit_code_of([{option!r}]); "
        "heavy = {'tensorflow', 'tf_keras', 'keras', 'qkeras', 'hls4ml', 'alkaid', 'sklearn', 'scipy', "
        "'matplotlib', 'uproot', 'awkward', 'h5py', 'pydantic', 'onnx', 'onnxruntime', 'qonnx'}; "
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_examples(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command has a help text on stdout, and those that do something show an example."""
    assert exit_code_of([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: trigml" in shown
    if command != ["data"]:
        assert re.search(r"^ +trigml \w+", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "No such command 'trian'"),
        (["train"], "Missing argument"),
        (["synth", "run", "--backend", "magic"], "'magic' is not one of"),
        (["train", "jet_tagger_hlf", "--epochs", "3"], "No such option"),
    ],
)
def test_usage_errors_are_one_message_with_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped command or option is explained on stderr, and the help is named."""
    assert exit_code_of(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "--help" in captured.err


def test_a_terminal_without_the_signs_still_gets_the_text() -> None:
    """A stdout that knows only ASCII gets escapes, not a traceback."""
    done = subprocess.run(
        [sys.executable, "-c", "from trigml.cli.main import main; main()", "data", "samples"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "sample:jets" in done.stdout
    assert r"\u2500" in done.stdout


def test_exit_codes_are_those_of_the_documentation() -> None:
    """The codes that --help and the README promise."""
    codes = [kind("x").exit_code for kind in (BadInput, MissingTool, ToolFailed)]
    assert codes == [2, 2, 2]
    assert [kind("x").exit_code for kind in (GateBroken, NotBitExact, Interrupted)] == [3, 4, 130]


def test_a_full_disk_says_where_scratch_files_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The system's message names no file; the place that nobody thinks of is named instead."""

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(main, "app", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert exit_code_of(["synth", "run"]) == 2
    messages = capsys.readouterr().err
    assert messages.startswith("trigml: No space left on device\n")
    assert f"a scratch file in {tmp_path}" in messages
    assert "TMPDIR" in messages


@pytest.mark.parametrize("ended", [signal.SIGTERM, signal.SIGHUP])
def test_a_cancelled_job_ends_what_it_started(tmp_path: Path, ended: signal.Signals) -> None:
    """Protects CI machines: a cancelled job or a lost terminal leaves no tool and no scratch folder."""
    program = """
import signal, sys, tempfile
from pathlib import Path
from trigml.cli import main
from trigml.toolchains.programs import run

def command(*arguments, **options):
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as scratch:
        tool = ["sh", "-c", "echo $$ > ../begun; mv ../begun ../pid; exec sleep 600"]
        run(tool, what="a tool", timeout_s=500, folder=Path(scratch))

main.app = command
signal.signal(int(sys.argv[2]), signal.SIG_DFL)  # whoever runs the tests may ignore it
main.main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(int(ended))], stderr=subprocess.PIPE, text=True
    )
    pid, deadline = tmp_path / "pid", time.monotonic() + 60
    while not pid.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    child = int(pid.read_text())
    process.send_signal(ended)
    _, messages = process.communicate(timeout=60)
    assert (process.returncode, messages) == (130, "trigml: interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert list(tmp_path.iterdir()) == [pid]

"""The ``trigml`` command: its parts, and how errors become messages and exit codes."""

from __future__ import annotations

import errno
import io
import signal
import sys
import tempfile
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

import trigml
from trigml.cli import (
    data,
    devices,
    emulate,
    evaluate,
    export,
    inspect,
    preflight,
    report,
    synth,
    train,
    verify,
)
from trigml.errors import TrigmlError

INTERRUPTED = 130

_HELP = """
Neural networks for the Level-1 trigger: from events to bit-exact HLS.

The main job, on the packaged jets:

    trigml train jet_tagger_hlf --quantize    train, make a run

    trigml synth runs/jet_tagger_hlf          make and check the HLS project

    trigml report runs/jet_tagger_hlf         performance, latency, resources

Results go to stdout, messages to stderr.

Exit codes: 0 fine, 2 bad input or a missing tool, 3 a gate or the budget of the spec is broken, 4 two stages
differ in a bit, 130 interrupted.
"""

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train", help=train.HELP)(train.train)
app.command("synth", help=synth.HELP)(synth.synth)
app.command("preflight", help=preflight.HELP)(preflight.preflight)
app.command("inspect", help=inspect.HELP)(inspect.inspect)
app.command("verify", help=verify.HELP)(verify.verify)
app.command("emulate", help=emulate.HELP)(emulate.emulate)
app.command("evaluate", help=evaluate.HELP)(evaluate.evaluate)
app.command("export", help=export.HELP)(export.export)
app.command("report", help=report.HELP)(report.report)
app.command("devices", help=devices.HELP)(devices.devices)
app.add_typer(data.app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"trigml {trigml.__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no ± is no reason to fail
    for ended in (signal.SIGTERM, signal.SIGHUP):  # a cancelled job, a lost terminal: ended as by Ctrl-C
        if signal.getsignal(ended) is signal.SIG_DFL:
            signal.signal(ended, signal.default_int_handler)
    sys.exit(exit_code_of(sys.argv[1:]))


def exit_code_of(arguments: list[str]) -> int:
    """Run one command; errors are printed to stderr, and their exit code is returned."""
    try:
        result = app(arguments, standalone_mode=False, prog_name="trigml")
    except TrigmlError as error:
        return _failed(str(error), error.exit_code)
    except TyperException as error:
        return _failed(f"{error.format_message()}\n  to do:    {_help_for(arguments)}", error.exit_code)
    except (KeyboardInterrupt, Abort):
        result = INTERRUPTED
    except OSError as error:
        return _failed(_system_error(error), TrigmlError.exit_code)
    if result == INTERRUPTED:
        return _failed("interrupted", INTERRUPTED)
    return int(result or 0)


def _help_for(arguments: list[str]) -> str:
    known = {command.name for command in app.registered_commands} | {"data"}
    return " ".join(["trigml", *(word for word in arguments[:1] if word in known), "--help"])


def _system_error(error: OSError) -> str:
    """What the operating system refused, and where; a full disk does not say which one it is."""
    place = f"\n  where:    {error.filename}" if error.filename else ""
    if not place and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        place = f"\n  where:    a scratch file in {tempfile.gettempdir()}, or a result"
        place += "\n  to do:    free some space, or choose another folder for scratch files with TMPDIR"
    return f"{error.strerror or error}{place}"


def _failed(message: str, exit_code: int) -> int:
    sys.stderr.write(f"trigml: {message}\n")
    return exit_code

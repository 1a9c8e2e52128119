"""Calls of hls4ml: quiet, without Keras, with its errors explained; and the files that it wrote."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from trigml.backends.hls.options import HlsBackend
from trigml.errors import BadInput, ToolFailed

_SCRATCH = "."
_WITHOUT_STAMP = {"weights", "nnet_utils", "ap_types", "ac_types", "ac_math", "ac_simutils"}
"""Folders in which the eight hexadecimal digits of hls4ml's stamp could only be part of a number."""
_LEFT_OUT = (".so", ".o", ".pyc", ".tar.gz")


@contextlib.contextmanager
def hls4ml_calls(
    backend: HlsBackend, remedy: str = "try another strategy or io type; -v shows where it failed"
) -> Iterator[None]:
    """The place to import and call hls4ml.

    Raises:
        BadInput: a file cannot be written.
        ToolFailed: hls4ml raised anything else.
    """
    with _hls4ml_errors(backend, remedy), _without_keras(), _quiet():
        yield


def project_files(folder: Path, *, stamp: str, replacement: str) -> dict[str, bytes]:
    """What hls4ml wrote into ``folder``, without its random stamp and the path of the folder."""
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.endswith(_LEFT_OUT):
            continue
        name = path.relative_to(folder)
        content = path.read_bytes().replace(str(folder).encode(), _SCRATCH.encode())
        if stamp and not _WITHOUT_STAMP.intersection(name.parts):
            # YAML puts quotes around a stamp that reads like a number.
            content = content.replace(f"'{stamp}'".encode(), stamp.encode())
            content = content.replace(stamp.encode(), replacement.encode())
        files[name.as_posix()] = content
    return files


@contextlib.contextmanager
def _hls4ml_errors(backend: HlsBackend, remedy: str) -> Iterator[None]:
    try:
        yield
    except (BadInput, ToolFailed):
        raise
    except OSError as error:
        raise BadInput(
            f"cannot write the {backend.value} project: {error.strerror or error}",
            where=f"the folder for temporary files, {tempfile.gettempdir()}",
            remedy="free some space there, or point TMPDIR to another place",
        ) from error
    except Exception as error:  # hls4ml raises anything; the cause is shown and chained
        raise ToolFailed(
            f"hls4ml could not write the {backend.value} project",
            found=f"{type(error).__name__}: {error}",
            remedy=remedy,
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """hls4ml tells of its own steps on stdout and in warnings; what matters of them is checked."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _without_keras() -> Iterator[None]:
    """hls4ml's writers import Keras, if they can, for a feature that is not used here: 4 s for nothing."""
    blocked = [name for name in ("keras", "tensorflow") if name not in sys.modules]
    for name in blocked:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in blocked:
            sys.modules.pop(name, None)

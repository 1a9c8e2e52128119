"""Writing files and folders so that a reader sees either the old content or the new one, never a half.

A file is written beside its place and renamed into it. A full disk or an interruption removes the
half-written piece and leaves what stood there before.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trigml.errors import BadInput


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it becomes ``path`` when the block ends without an error.

    Raises:
        BadInput: the place cannot be written (no permission, a full disk, a folder in the way).
    """
    with _os_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            beside.chmod(0o666 & ~_umask())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; it takes the place of ``path`` when the block ends well.

    What stood at ``path`` is removed only after the new folder is complete.

    Raises:
        BadInput: the place cannot be written (no permission, a full disk, a file in the way).
    """
    with _os_errors_explained(path):
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file is in the way")
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield beside
            beside.chmod(0o777 & ~_umask())
            if path.exists():
                exchange_folders(path, beside)
            else:
                beside.replace(path)
        finally:
            if beside.exists():
                shutil.rmtree(beside)


def refuse_unwritable(path: Path) -> None:
    """Refuse a place that cannot be written before the work for it is done; nothing is left there.

    A disk that fills up in the meantime is not foreseen.

    Raises:
        BadInput: no permission, a disk for reading only, a file where a folder has to be.
    """
    with _os_errors_explained(path):
        place = path.absolute().parent
        while not place.exists():
            place = place.parent
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{place} is a file, not a folder")
        Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=place)).rmdir()


def exchange_folders(path: Path, beside: Path) -> None:
    """Put ``beside`` where the folder ``path`` is; if that fails, ``path`` is as it was."""
    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    try:
        old = path.rename(holder / "old")
    except BaseException:
        holder.rmdir()
        raise
    try:
        beside.rename(path)
    except BaseException:
        old.rename(path)
        holder.rmdir()
        raise
    shutil.rmtree(holder)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to ``path`` atomically."""
    with replacing_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write JSON, indented and with a newline at its end, to ``path`` atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def _os_errors_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"cannot write: {error.strerror or error}",
            where=str(path),
            remedy="free some space or choose another place (what stood there before is unchanged)",
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

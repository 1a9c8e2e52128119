"""Work that can be interrupted: one process at a time, picked up by the command that began it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from trigml.errors import BadInput


@contextmanager
def only_one(lock: Path, *, sign: str, folder: Path, busy: str, elsewhere: str) -> Iterator[None]:
    """Hold a lock, which is made with its folder if it is not there; it is released however the process ends.

    Args:
        lock: the file.
        sign: its content, by which trigml knows a folder as its own.
        folder: the folder that is worked in, for messages.
        busy: what to say if another process holds the lock.
        elsewhere: how to choose another place, as a remedy.

    Raises:
        BadInput: another process holds the lock, or the place cannot be written.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("a+", encoding="utf-8")  # nothing is changed before it is ours
    except OSError as error:
        raise BadInput(
            f"cannot write: {error.strerror or error}", where=str(folder), remedy=elsewhere
        ) from error
    occupied = BadInput(busy, where=str(folder), remedy=f"wait for it, or {elsewhere}")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = os.path.samestat(os.fstat(file.fileno()), os.stat(lock))
        except OSError as error:
            raise occupied from error
        if not ours:  # whoever held it has finished in this moment, and another one has begun
            raise occupied
        _sign(file, sign, folder)
        yield


def _sign(lock: IO[str], sign: str, folder: Path) -> None:
    handle = lock.fileno()
    if os.pread(handle, len(sign.encode()) + 1, 0) == sign.encode():
        return
    try:
        os.ftruncate(handle, 0)
        os.write(handle, sign.encode())  # not buffered: a full disk shows here, not on closing
    except OSError as error:
        raise BadInput(f"cannot write: {error.strerror or error}", where=str(folder)) from error


def is_signed(lock: Path, sign: str, *, begun: bool = False) -> bool:
    """Whether ``only_one`` made this lock with this sign, or (``begun``) died before or while it wrote it."""
    try:
        with lock.open("rb") as file:
            content = file.read(len(sign.encode()) + 1)
    except OSError:
        return False
    return content == sign.encode() or (begun and sign.encode().startswith(content))


def differences(begun: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Where two identities part, as ``key: before, now after``; ``command`` does not count."""
    found: list[str] = []
    for key in sorted(begun.keys() | wanted.keys()):
        if not prefix and key == "command":
            continue
        name = f"{prefix}.{key}" if prefix else key
        before, now = begun.get(key), wanted.get(key)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            found += differences(before, now, name)
        elif before != now:
            found.append(f"{name.removeprefix('spec.')}: {_short(before)}, now {_short(now)}")
    return found


def some_of(found: list[str]) -> str:
    """The first four differences, and how many more there are."""
    more = f"; and {len(found) - 4} more" if len(found) > 4 else ""
    return "; ".join(found[:4]) + more


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"

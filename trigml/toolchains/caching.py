"""Compiled files that are kept between commands, each with a checksum behind it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from trigml.atomic import replacing_file
from trigml.errors import BadInput

CHECKSUM_BYTES = 32


def cache_folder(kind: str) -> Path:
    """A folder in ``$TRIGML_CACHE``, else ``$XDG_CACHE_HOME/trigml``, else ``~/.cache/trigml``.

    Args:
        kind: its name there.
    """
    chosen = os.environ.get("TRIGML_CACHE", "").strip()
    if chosen:
        return Path(chosen).expanduser() / kind
    base = os.environ.get("XDG_CACHE_HOME", "").strip()
    return (Path(base) if base else Path("~/.cache").expanduser()) / "trigml" / kind


def keep(content: bytes, path: Path) -> None:
    """Keep a file's content with its checksum; where that cannot be written, nothing is kept."""
    try:
        with replacing_file(path) as beside:
            beside.write_bytes(content + hashlib.sha256(content).digest())
    except BadInput:
        return  # what was made works all the same, from where it was made


def kept(path: Path) -> bytes | None:
    """What ``keep`` kept, if it is there and whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    content, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    return content if hashlib.sha256(content).digest() == checksum else None

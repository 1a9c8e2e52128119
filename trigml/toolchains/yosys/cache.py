"""Mapped modules kept on disk by the digest of everything that they depend on.

An entry is one file: the SHA-256 of what follows, and behind it JSON with the statistics and the netlist.
An entry that does not fit its digest is damaged; it is made again, never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trigml.atomic import replacing_file
from trigml.errors import BadInput
from trigml.toolchains.caching import cache_folder

LARGEST_BYTES = 1 << 30
"""Of all entries together; the least recently used are removed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What Yosys wrote for one unit.

    Attributes:
        statistics: the output of ``stat -json``.
        netlist: Verilog.
    """

    statistics: str
    netlist: str


def default_cache() -> Path:
    """``yosys`` in the folder of trigml's caches."""
    return cache_folder("yosys")


def key_of(settings: Mapping[str, object], files: Mapping[str, bytes]) -> str:
    """Digest of the settings and of the names and contents of files."""
    contents = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    text = json.dumps([settings, contents], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Cache:
    """A folder of entries.

    Attributes:
        folder: where they are; it need not exist. ``None``: nothing is kept.
    """

    folder: Path | None

    def find(self, key: str) -> Result | None:
        """The entry of a key; ``None`` if there is none that is whole."""
        if self.folder is None:
            return None
        path = self.folder / f"{key}.entry"
        try:
            stored = path.read_bytes()
        except OSError:
            return None  # not there, or not readable: it is made again
        digest, _, content = stored.partition(b"\n")
        if digest.decode("ascii", "replace") != _digest(key, content):
            return None
        fields = json.loads(content)
        with contextlib.suppress(
            OSError
        ):  # a cache of someone else: it can be read, but not be marked as used
            os.utime(path)
        return Result(fields["statistics"], fields["netlist"])

    def keep(self, key: str, result: Result) -> str | None:
        """Store an entry; returns why it could not be stored, or ``None``."""
        if self.folder is None:
            return None
        content = json.dumps({"statistics": result.statistics, "netlist": result.netlist}).encode()
        try:
            with replacing_file(self.folder / f"{key}.entry") as path:
                path.write_bytes(_digest(key, content).encode() + b"\n" + content)
            self._shrink()
        except BadInput as error:
            return f"{error.problem} ({error.where})"
        except OSError as error:  # a folder that others share: their entries cannot be removed
            return f"the cache does not shrink: {error}"
        return None

    def _shrink(self) -> None:
        """Remove the entries that were not used for longest, until the others fit."""
        assert self.folder is not None
        entries = []
        for path in self.folder.glob("*.entry"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # another process has just removed it
            entries.append((status.st_mtime, status.st_size, path))
        room = LARGEST_BYTES
        for _, size, path in sorted(entries, reverse=True):
            room -= size
            if room < 0:
                path.unlink(missing_ok=True)


def _digest(key: str, content: bytes) -> str:
    """Of the content under its key: an entry in the place of another is not whole either."""
    return hashlib.sha256(key.encode() + b"\n" + content).hexdigest()

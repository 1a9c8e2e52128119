"""The file that HDF5 writes to, made so that a full disk is an error and not a crash.

When a write fails, the HDF5 library cannot close the file any more and crashes the process at exit (seen
with HDF5 1.14.6). So it never hears of the failure: this file remembers it, takes the rest of the writes
without storing them, and the writer asks for the failure and throws the file away.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


class OutputFile:
    """A file for h5py's file-object driver; ``failure`` is the first error of writing, if any."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb+", buffering=0)
        self._end = 0
        self.failure: OSError | KeyboardInterrupt | None = None

    def write(self, data: Any) -> int:
        """Write ``data``, or remember why it could not be written."""
        view = memoryview(data).cast("B")
        position = self._file.tell()
        self._end = max(self._end, position + len(view))
        if self.failure is None:
            self._guarded(lambda: self._write_all(view))
        self._file.seek(position + len(view))
        return len(view)

    def _write_all(self, view: memoryview) -> None:
        written = 0
        while written < len(view):
            written += self._file.write(view[written:]) or 0

    def _guarded(self, action: Any) -> None:
        try:
            action()
        except (OSError, KeyboardInterrupt) as error:
            self.failure = error

    def readinto(self, buffer: Any) -> int:
        """Read into ``buffer``; zeros where nothing was stored."""
        view = memoryview(buffer).cast("B")
        count = self._file.readinto(view) or 0
        view[count:] = bytes(len(view) - count)
        return len(view)

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes; h5py recognises a file object by this method."""
        return self._file.read(size) or b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to ``offset``; the end counts what was taken without being stored."""
        if whence == io.SEEK_END:
            offset, whence = self._end + offset, io.SEEK_SET
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def truncate(self, size: int) -> int:
        """Make the file ``size`` bytes long."""
        self._end = size
        if self.failure is None:
            self._guarded(lambda: self._file.truncate(size))
        return size

    def flush(self) -> None:
        """Nothing is buffered here."""

    def close(self) -> None:
        """Close the file; failing to is remembered too."""
        self._guarded(self._file.close)

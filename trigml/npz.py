"""Reading ``.npz`` files whose arrays may claim to be larger than they are."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

UNREADABLE = (OSError, ValueError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""What ``read_arrays`` raises for a file that is missing or damaged."""

_MOST_DEFLATED = 1032
"""Deflate makes data at most so many times smaller (zlib.net, Technical Details)."""


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz`` by name, none of them pickled.

    NumPy asks for the memory of the shape in an array's header before it reads. Here the header has to fit
    the member's size, and that the bytes that are in the file.

    Raises:
        one of ``UNREADABLE``.
    """
    with zipfile.ZipFile(path) as archive:
        on_disk = path.stat().st_size
        for member in archive.infolist():
            most = _MOST_DEFLATED * min(member.compress_size, on_disk)
            with archive.open(member) as file:
                claimed = _claimed_bytes(file)
            if claimed != member.file_size or claimed > most:
                raise ValueError(f"{member.filename} claims {claimed} bytes and does not have them")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _claimed_bytes(file: IO[bytes]) -> int:
    """Size of an ``.npy`` file according to its header."""
    version = npy.read_magic(file)
    read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read_header is None:
        raise ValueError(f"unknown version {version} of the npy format")
    shape, _, kind = read_header(file)
    return file.tell() + math.prod(shape) * kind.itemsize

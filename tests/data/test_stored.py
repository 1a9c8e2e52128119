"""Tests of trigml.data.stored: reading past the HDF5 library gives what the library gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.data.stored import FileState, locate, open_events
from trigml.errors import BadInput

WAYS: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "chunked": {"chunks": True},
    "odd chunks": {"chunks": 97},
    "one chunk": {"chunks": 5000, "maxshape": None},
    "gzip": {"chunks": 100, "compression": "gzip"},
    "gzip, shuffled": {"chunks": 100, "compression": "gzip", "shuffle": True},
    "lzf": {"chunks": 100, "compression": "lzf"},
    "shuffled only": {"chunks": 100, "shuffle": True},
    "checksums": {"chunks": 100, "compression": "gzip", "fletcher32": True},
}
DIRECT = {"contiguous", "chunked", "odd chunks", "one chunk", "gzip", "gzip, shuffled"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("width", [0, 1, 7])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f8", "f2", "i2", "u1", ">u8"])
def test_every_way_of_storing(tmp_path: Path, way: str, width: int, dtype: str) -> None:
    """Whatever the type, the chunks and the filters: any range of rows equals the library's."""
    shape = (1234, width) if width else (1234,)
    values = np.random.default_rng(1).integers(0, 200, shape).astype(dtype)
    options = dict(WAYS[way])
    if isinstance(options.get("chunks"), int) and not isinstance(options["chunks"], bool):
        options["chunks"] = (options["chunks"], *shape[1:])
    if "maxshape" in options:
        options["maxshape"] = (None, *shape[1:])
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, **options)
    with h5py.File(path) as file:
        column = locate(file["x"])
    if not (way == "chunked" and width == 7):  # h5py may cut the rows of a matrix
        assert (column.offsets is not None) == (way in DIRECT)
    with open_events(path, FileState.of(path.stat())) as opened:
        for start, stop in [(0, 1234), (0, 1), (96, 98), (100, 200), (99, 301), (1233, 1234)]:
            got = opened.read(column, start, stop)
            np.testing.assert_array_equal(got.reshape(-1), values[start:stop].reshape(-1))
            assert got.dtype == values.dtype


def test_values_that_were_never_written(tmp_path: Path) -> None:
    """Chunks that are not in the file read as the fill value, through the library."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("x", shape=(1000,), chunks=(100,), dtype="f4", fillvalue=5)
        dataset[300:400] = 1
    with h5py.File(path) as file:
        column = locate(file["x"])
        expected = file["x"][:]
    with open_events(path, FileState.of(path.stat())) as opened:
        np.testing.assert_array_equal(opened.read(column, 0, 1000), expected)


def test_user_block(tmp_path: Path) -> None:
    """A file with a block of the user's own in front is read right."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("x", data=np.arange(1000.0), chunks=(100,))
    with h5py.File(path) as file:
        column = locate(file["x"])
    with open_events(path, FileState.of(path.stat())) as opened:
        np.testing.assert_array_equal(opened.read(column, 250, 760), np.arange(250.0, 760.0))


def test_file_ends_early(tmp_path: Path) -> None:
    """A file cut after it was opened is an error, not values from nowhere."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(10_000.0))
    with h5py.File(path) as file:
        column = locate(file["x"])
    with path.open("r+b") as raw:
        raw.truncate(column.offsets[0] + 4000)
    with (
        pytest.raises(BadInput, match="seems to be damaged") as caught,
        open_events(path, FileState.of(path.stat())) as opened,
    ):
        opened.read(column, 0, 10_000)
    assert caught.value.found == "the file ends before its values do"


def test_file_is_gone(tmp_path: Path) -> None:
    """A file removed in the meantime is one message."""
    path = tmp_path / "x.h5"
    path.write_text("x")
    state = FileState.of(path.stat())
    path.unlink()
    with pytest.raises(BadInput, match="cannot read the file: No such file"), open_events(path, state):
        pass

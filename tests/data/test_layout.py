"""Tests of trigml.data.layout and the file it writes through, trigml.data.output_file."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.data.header import read_header
from trigml.data.layout import Column, EventsWriter
from trigml.errors import BadInput


def write(path: Path, pieces: list[slice], n: int = 5000, **changes: Any) -> None:
    rng = np.random.default_rng(1)
    pt, deta = rng.random(n), rng.random((n, 4))
    options: dict[str, Any] = {
        "title": "t",
        "features": [Column("z", "GeV", "a z"), Column("a", dtype="int16")],
        "constituents": [Column("deta")],
        "n_constituents": 4,
        "class_names": ["g", "q"],
        "provenance": {"generator": "none", "seed": 3, "x": 0.5},
        "chunk_events": 512,
    }
    with EventsWriter(path, **(options | changes)) as writer:
        for piece in pieces:
            writer.append(
                event_id=np.arange(n)[piece],
                features={"z": pt[piece], "a": (100 * pt[piece]).astype(int)},
                labels=(pt > 0.5)[piece],
                constituents={"deta": deta[piece]},
            )


def test_header_says_what_was_written(tmp_path: Path) -> None:
    """Everything given to the writer is found again, the columns in their order."""
    write(tmp_path / "x.h5", [slice(0, 700), slice(700, 5000)])
    header = read_header(tmp_path / "x.h5")
    assert header.title == "t"
    assert header.n_events == 5000
    assert header.features == (Column("z", "GeV", "a z"), Column("a", dtype="int16"))
    assert header.constituents == (Column("deta"),)
    assert header.n_constituents == 4
    assert header.class_names == ("g", "q")
    assert header.provenance == {"generator": "none", "seed": 3, "x": 0.5}


def test_values_are_those_appended(tmp_path: Path) -> None:
    """Pieces that do not fit the chunks lose and reorder nothing."""
    pieces = [slice(0, 1), slice(1, 700), slice(700, 700), slice(700, 3333), slice(3333, 5000)]
    write(tmp_path / "x.h5", pieces)
    rng = np.random.default_rng(1)
    pt, deta = rng.random(5000), rng.random((5000, 4))
    with h5py.File(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(file["event_id"][:], np.arange(5000))
        np.testing.assert_array_equal(file["features/z"][:], pt.astype(np.float32))
        np.testing.assert_array_equal(file["labels"][:], pt > 0.5)
        np.testing.assert_array_equal(file["constituents/deta"][:], deta.astype(np.float32))


def test_same_events_same_bytes(tmp_path: Path) -> None:
    """The bytes depend neither on the time nor on how the events were cut into pieces."""
    write(tmp_path / "a.h5", [slice(0, 5000)])
    time.sleep(1.1)  # the timestamps of HDF5 count seconds
    write(tmp_path / "b.h5", [slice(i, i + 313) for i in range(0, 5000, 313)])
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    write(tmp_path / "c.h5", [slice(0, 5000)], title="other")
    assert (tmp_path / "a.h5").read_bytes() != (tmp_path / "c.h5").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0, 2]}, "an appended value cannot be stored"),
        ({"labels": [0, -1]}, "an appended value cannot be stored"),
        ({"labels": None}, "the appended columns are not those of the file"),
        ({"features": {"z": [1.0, np.nan]}}, "an appended value cannot be stored"),
        ({"features": {"z": [1.0, np.inf]}}, "an appended value cannot be stored"),
        ({"features": {"z": [1.0, 1e39]}}, "an appended value cannot be stored"),
        ({"features": {"z": [1.0]}}, "appended values have the wrong shape"),
        ({"features": {"z": ["a", "b"]}}, "appended values are not numbers"),
        ({"features": {"y": [1.0, 2.0]}}, "the appended columns are not those of the file"),
        ({"event_id": [-1, 2]}, "an appended value cannot be stored"),
        ({"event_id": [0.5, 2]}, "an appended value cannot be stored"),
    ],
)
def test_bad_events_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """What cannot be stored is an error, and no file appears."""
    events: dict[str, Any] = {"event_id": [1, 2], "features": {"z": [1.0, 2.0]}, "labels": [0, 1]}

    def write_both() -> None:
        with EventsWriter(
            tmp_path / "x.h5", title="t", features=[Column("z")], class_names=["g", "q"]
        ) as writer:
            writer.append(**events)
            writer.append(**(events | change))

    with pytest.raises(BadInput, match=message):
        write_both()
    assert list(tmp_path.iterdir()) == []


def test_error_names_row_and_column(tmp_path: Path) -> None:
    """Rows are counted over all pieces."""
    with EventsWriter(tmp_path / "x.h5", title="t", features=[Column("z")]) as writer:
        writer.append(event_id=[0, 1], features={"z": [0, 1]})
        with pytest.raises(BadInput) as caught:
            writer.append(event_id=[2, 3], features={"z": [2, np.nan]})
    assert caught.value.where == f"{tmp_path / 'x.h5'}: /features/z, row 3"
    assert caught.value.found == "nan"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": []}, "at least one feature"),
        ({"features": [Column("z"), Column("z")]}, "named twice"),
        ({"features": [Column("z", dtype="complex64")]}, "type that cannot be stored"),
        ({"n_constituents": 3}, "go together"),
        ({"class_names": []}, "at least one class name"),
        ({"class_names": ["g", "g"]}, "named twice"),
        ({"chunk_events": 0}, "at least one event"),
    ],
)
def test_bad_arguments_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """Arguments that make no file are refused before anything is written."""
    with pytest.raises(BadInput, match=message):
        EventsWriter(tmp_path / "x.h5", **({"title": "t", "features": [Column("z")]} | change))


@pytest.mark.parametrize("name", ["", " ", "a/b", ".", "..", "a\n", "x" * 129])
def test_bad_names_are_refused(name: str) -> None:
    """Names that HDF5 would read as a path, or that nobody can see, are refused."""
    with pytest.raises(BadInput, match="cannot be used"):
        Column(name)


def test_no_events_is_an_error(tmp_path: Path) -> None:
    """An empty file would only fail later, in training."""
    with (
        pytest.raises(BadInput, match="no events were written"),
        EventsWriter(tmp_path / "x.h5", title="t", features=[Column("z")]),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_interruption_keeps_the_old_file(tmp_path: Path) -> None:
    """Ctrl-C, or an error of the caller's own, leaves what stood there and passes through unchanged."""
    path = tmp_path / "x.h5"
    path.write_text("old")

    def interrupted(error: BaseException) -> None:
        with EventsWriter(path, title="t", features=[Column("z")], chunk_events=2) as writer:
            writer.append(event_id=[0, 1, 2], features={"z": [0, 1, 2]})
            raise error

    for error in (KeyboardInterrupt(), OSError(5, "another file's trouble")):
        with pytest.raises(type(error)) as caught:
            interrupted(error)
        assert caught.value is error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from trigml.data.layout import Column, EventsWriter
from trigml.errors import BadInput
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    with EventsWriter(Path(sys.argv[1]), title="t", features=[Column("z")], compression=None) as writer:
        for _ in range(20):
            writer.append(event_id=np.arange(10000), features={"z": np.arange(10000)})
except BadInput as error:
    print(error.problem)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("limit", [100, 3000, 70_000, 2_390_000])
def test_full_disk(tmp_path: Path, limit: int) -> None:
    """A disk that fills up at any stage is one message: no crash of HDF5, no half-written file."""
    path = tmp_path / "x.h5"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(limit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "cannot write: File too large\n", "")
    assert list(tmp_path.iterdir()) == []

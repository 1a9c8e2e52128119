"""The HDF5 layout of scores, ``trigml-scores`` version 1: what such a file says, and making its frame.

The frame is the file without its rows: both large datasets lie in one stretch each, uncompressed, at places
that are known from the beginning. The rows are then written there without the HDF5 library, in pieces, and
by several processes one after the other if need be: the bytes depend on the contents alone.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from trigml.data.output_file import OutputFile
from trigml.graph import Graph
from trigml.graph.network import words_in

FORMAT = "trigml-scores"
VERSION = 1
SCORES = "scores"
EVENT_ID = "event_id"
EVENT_ID_TYPE = np.dtype("<u8")


@dataclass(frozen=True, slots=True)
class OutputWord:
    """One column of the scores.

    Attributes:
        label: what the graph calls it, for example a class; else the tensor and the place in it.
        tensor: the output of the network that it belongs to.
        format: the number format of its words.
        lsb: the value is the word times this.
    """

    label: str
    tensor: str
    format: str
    lsb: float


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """A file of events: its name without folders, its events, bytes and SHA-256."""

    name: str
    events: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ScoresHeader:
    """All that a file of scores says besides its rows; the rows follow from it, too.

    Attributes:
        trigml: version of the program.
        network: name of the graph.
        graph: digest of the graph.
        stage: what computed the scores: ``native`` or ``numpy``.
        tool: the same with its version.
        dtype: NumPy name of the words' type, the smallest that holds the proven range.
        outputs: the columns of the scores.
        columns: the columns of the events that the network read, in the order of its inputs.
        files: the files of events, in the order of the rows.
        version: of the layout.
    """

    trigml: str
    network: str
    graph: str
    stage: str
    tool: str
    dtype: str
    outputs: tuple[OutputWord, ...]
    columns: tuple[str, ...]
    files: tuple[ScoredFile, ...]
    version: int = VERSION

    @property
    def n_events(self) -> int:
        """Rows of the file."""
        return sum(file.events for file in self.files)

    @property
    def word_type(self) -> np.dtype[Any]:
        """The words as they are stored, little endian."""
        return np.dtype(self.dtype).newbyteorder("<")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the files by their place, so that two headers can be compared file by file."""
        files = {str(place): asdict(file) for place, file in enumerate(self.files, start=1)}
        return json.loads(json.dumps(asdict(self) | {"files": files}))  # type: ignore[no-any-return]


def output_words(graph: Graph) -> tuple[OutputWord, ...]:
    """What each output word of a graph means, in the order of its rows."""
    words = [
        OutputWord(f"{result.name}[{place}]", result.name, str(result.format), result.format.lsb)
        for result in graph.results
        for place in range(words_in(result.shape))
    ]
    if not graph.output_labels:
        return tuple(words)
    return tuple(
        OutputWord(label, word.tensor, word.format, word.lsb)
        for label, word in zip(graph.output_labels, words, strict=True)
    )


def smallest_type(graph: Graph) -> str:
    """The smallest integer type that holds every word that can leave the graph, as proven."""
    bounds = [graph.ranges[name].bounds for name in graph.outputs]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    types = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
    return next(name for name in types if np.iinfo(name).min <= low and high <= np.iinfo(name).max)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the rows go.

    Attributes:
        scores: first byte of the words.
        event_id: first byte of the event ids.
        size: bytes of the whole file.
    """

    scores: int
    event_id: int
    size: int


def make_frame(path: Path, header: ScoresHeader) -> Frame:
    """Write the file without its rows and claim the space for them.

    Raises:
        OSError: it cannot be written, or there is no space for the rows.
    """
    output = OutputFile(path)
    # These versions keep timestamps out and let old HDF5 libraries read the file.
    with h5py.File(output, "w", libver=("earliest", "v110")) as file:
        _describe(file, header)
        shape = (header.n_events, len(header.outputs))
        scores = _stretch(file, SCORES, shape, header.word_type)
        event_id = _stretch(file, EVENT_ID, shape[:1], EVENT_ID_TYPE)
    output.close()
    if output.failure is not None:
        raise output.failure
    size = path.stat().st_size
    with path.open("rb+") as made:
        _claim(made.fileno(), size)
        os.fsync(made.fileno())
    return Frame(scores, event_id, size)


def _describe(file: h5py.File, header: ScoresHeader) -> None:
    file.attrs["format"] = FORMAT
    for name in ("version", "trigml", "network", "graph", "stage", "tool"):
        file.attrs[name] = getattr(header, name)
    outputs = header.outputs
    _text(file, "outputs/label", [word.label for word in outputs])
    _text(file, "outputs/tensor", [word.tensor for word in outputs])
    _text(file, "outputs/format", [word.format for word in outputs])
    _numbers(file, "outputs/lsb", [word.lsb for word in outputs], "<f8")
    _text(file, "inputs/column", header.columns)
    _text(file, "files/name", [scored.name for scored in header.files])
    _numbers(file, "files/events", [scored.events for scored in header.files], "<u8")
    _numbers(file, "files/bytes", [scored.bytes for scored in header.files], "<u8")
    _text(file, "files/sha256", [scored.sha256 for scored in header.files])


def _text(file: h5py.File, name: str, lines: Sequence[str]) -> None:
    # Of one length, as text of any length is kept in a heap whose order is the library's affair.
    longest = max(len(line.encode()) for line in lines)
    content = np.array([line.encode() for line in lines], dtype=h5py.string_dtype("utf-8", max(longest, 1)))
    file.create_dataset(name, data=content, track_times=False)


def _numbers(file: h5py.File, name: str, numbers: Sequence[float], dtype: str) -> None:
    file.create_dataset(name, data=np.array(numbers, dtype=dtype), track_times=False)


def _stretch(file: h5py.File, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """A dataset in one stretch whose values nobody has written yet; its first byte."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    dataset = file.create_dataset(name, shape, dtype, dcpl=creation, track_times=False)
    return int(dataset.id.get_offset())


def _claim(handle: int, size: int) -> None:
    """Have the file system set the space aside, so that a full disk shows before the work and not after."""
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # file systems that cannot do it
            raise

"""The journal of a growing file of scores: a line per piece of rows, followed to the last intact one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trigml.scores.layout import EVENT_ID_TYPE, Frame, ScoresHeader

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """What of an unfinished file is intact.

    Attributes:
        frame: where the rows go.
        events: rows that are there, from the first.
        journal_bytes: length of the journal up to there.
    """

    frame: Frame
    events: int
    journal_bytes: int


def first_line(data: int, frame: Frame, header: ScoresHeader) -> dict[str, Any]:
    """What a journal begins with: the identity of the file, and the SHA-256 of everything but the rows."""
    (first, last), (next_first, next_last) = _stretches(frame, header)
    sha256 = _read_digest(data, (0, first), (last, next_first), (next_last, frame.size))
    return {"identity": header.to_json(), "frame": asdict(frame), "sha256": sha256}


def append_line(journal: int, line: Mapping[str, Any]) -> int:
    """Write one line; half of one, on a full disk, is not whole and therefore does not count."""
    content = memoryview(json.dumps(line).encode() + b"\n")
    length = len(content)
    while content:
        content = content[os.write(journal, content) :]
    return length


def begun_identity(journal: Path) -> dict[str, Any] | None:
    """The header that a journal with rows was begun with; ``None`` if there are no rows or it is damaged."""
    if not journal.is_file():
        return None
    lines = list(_whole_lines(journal.read_bytes()))
    identity = lines[0][0].get("identity") if len(lines) > 1 else None
    return identity if isinstance(identity, dict) else None


def intact(journal: Path, data: Path, header: ScoresHeader) -> Kept | None:
    """Follow the journal as far as it is whole and the data is what it says.

    ``None`` if not even the frame is intact, or if it is the journal of another file.
    """
    try:
        with data.open("rb") as file:
            handle = file.fileno()
            kept: Kept | None = None
            for line, end in _whole_lines(journal.read_bytes()):
                kept_now = _after(line, end, kept, handle, header)
                if kept_now is None:
                    break
                kept = kept_now
            return kept
    except FileNotFoundError:
        return None


def _whole_lines(content: bytes) -> Iterator[tuple[dict[str, Any], int]]:
    """The lines that are JSON objects, each with the place where it ends, up to the first that is not."""
    end = 0
    for line in content.splitlines(keepends=True):
        end += len(line)
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if not line.endswith(b"\n") or not isinstance(entry, dict):
            return
        yield entry, end


def _after(
    line: Mapping[str, Any], end: int, kept: Kept | None, data: int, header: ScoresHeader
) -> Kept | None:
    """What is intact after one more line of the journal; ``None`` if the data is not what it says."""
    if kept is None:
        frame = _frame_of(line.get("frame"), os.fstat(data).st_size, header)
        if frame is None or line != first_line(data, frame, header):
            return None
        return Kept(frame, 0, end)
    stop = line.get("events")
    if type(stop) is not int or not kept.events < stop <= header.n_events:
        return None
    if line.get("sha256") != _rows_digest(data, kept.frame, header, kept.events, stop):
        return None
    return Kept(kept.frame, stop, end)


def _frame_of(entry: object, size: int, header: ScoresHeader) -> Frame | None:
    """The frame of a journal, if it can be that of a file of ``size`` bytes."""
    if not isinstance(entry, dict) or entry.keys() != {"scores", "event_id", "size"}:
        return None
    if any(type(value) is not int for value in entry.values()) or entry["size"] != size:
        return None
    frame = Frame(**entry)
    (first, last), (next_first, next_last) = _stretches(frame, header)
    return frame if 0 < first < last <= next_first < next_last <= size else None


def _stretches(frame: Frame, header: ScoresHeader) -> tuple[tuple[int, int], tuple[int, int]]:
    """First byte and end of the words and of the event ids, in the order in which they lie in the file."""
    words = header.n_events * len(header.outputs) * header.word_type.itemsize
    ids = header.n_events * EVENT_ID_TYPE.itemsize
    one, other = sorted([(frame.scores, frame.scores + words), (frame.event_id, frame.event_id + ids)])
    return one, other


def _rows_digest(data: int, frame: Frame, header: ScoresHeader, start: int, stop: int) -> str:
    row = len(header.outputs) * header.word_type.itemsize
    size = EVENT_ID_TYPE.itemsize
    return _read_digest(
        data,
        (frame.scores + start * row, frame.scores + stop * row),
        (frame.event_id + start * size, frame.event_id + stop * size),
    )


def _read_digest(data: int, *stretches: tuple[int, int]) -> str:
    sha = hashlib.sha256()
    for start, stop in stretches:
        for place in range(start, stop, _READ_BYTES):
            sha.update(os.pread(data, min(_READ_BYTES, stop - place), place))
    return sha.hexdigest()


def digest(*pieces: memoryview) -> str:
    """SHA-256 of the pieces, one after the other."""
    sha = hashlib.sha256()
    for piece in pieces:
        sha.update(piece)
    return sha.hexdigest()

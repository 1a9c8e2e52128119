"""A file of scores that grows: ``SCORES.h5.unfinished``, beside the place where the finished file will stand.

The folder holds the file as it will be (its frame from the beginning, its rows as they come), and a journal
with a line per piece of rows and the SHA-256 of the piece. A process may die at any moment: the next one
goes on after the last piece whose rows are what the journal says. When all rows are there, the file is
renamed into its place.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.scores.journal import Kept, append_line, begun_identity, digest, first_line, intact
from trigml.scores.layout import EVENT_ID_TYPE, Frame, ScoresHeader, make_frame
from trigml.unfinished import differences, is_signed, only_one, some_of

SUFFIX = ".unfinished"
LOCK = "lock"
JOURNAL = "journal.jsonl"
DATA = "scores.h5"

SECONDS_BETWEEN_SYNCS = 5.0
"""What a power failure can cost at most; a process that dies costs nothing that is in the journal."""

_ELSEWHERE = "choose another output (-o)"
_LOCK_TEXT = "trigml: scores are computed here, or were interrupted\n"


@dataclass
class GrowingScores:
    """An unfinished file of scores, open for more rows.

    Attributes:
        out: where the finished file will stand.
        folder: where it grows.
        header: what the file says about itself.
        frame: where the rows go.
        events: rows that are there.
        resumed: how many of them were there at the beginning.
    """

    out: Path
    folder: Path
    header: ScoresHeader
    frame: Frame
    events: int
    _data: int
    _journal: int
    resumed: int = 0
    _synced: float = field(default_factory=time.monotonic)

    @property
    def complete(self) -> bool:
        """Whether all rows are there."""
        return self.events == self.header.n_events

    def append(self, words: NDArray[Any], event_id: NDArray[np.uint64]) -> None:
        """Add the rows of the next events.

        Args:
            words: (n, n_out) integers.
            event_id: (n,).

        Raises:
            BadInput: a full disk; the rows before these are kept.
            ValueError: more rows than the file has, a wrong shape, or a word beyond the file's type.
        """
        rows = _packed(words, self.header)
        ids = np.ascontiguousarray(event_id, dtype=EVENT_ID_TYPE)
        stop = self.events + len(ids)
        if len(ids) != len(rows) or stop > self.header.n_events:
            raise ValueError(f"rows {self.events} to {stop} of {self.header.n_events}")
        line = {"events": stop, "sha256": digest(rows.data, ids.data)}
        with _explained(self.folder):
            _write_at(self._data, rows.data.cast("B"), self.frame.scores + self.events * rows.strides[0])
            _write_at(self._data, ids.data.cast("B"), self.frame.event_id + self.events * ids.itemsize)
            append_line(self._journal, line)
            self.events = stop
            if time.monotonic() - self._synced > SECONDS_BETWEEN_SYNCS:
                self.sync()

    def sync(self) -> None:
        """Have everything on the disk, the rows before the journal."""
        with _explained(self.folder):
            os.fdatasync(self._data)
            os.fdatasync(self._journal)
        self._synced = time.monotonic()

    def finish(self) -> None:
        """Move the complete file to its place.

        Raises:
            BadInput: the place cannot be written.
            ValueError: rows are missing.
        """
        if not self.complete:
            raise ValueError(f"{self.events} of {self.header.n_events} rows")
        self.sync()
        with _explained(self.out):
            (self.folder / DATA).replace(self.out)
            _sync_folder(self.out.parent)
        _remove(self.folder)


@contextmanager
def grow_scores(out: Path, header: ScoresHeader, *, force: bool) -> Iterator[GrowingScores | None]:
    """Begin a file of scores, or go on with the unfinished one; one process at a time.

    Yields ``None`` if a process died when the file was in its place already, and nothing is left to do.
    If the block ends before ``finish``, what is there is kept, or removed if no rows are there.

    Args:
        out: where the file goes; its folder is made.
        header: what decides its contents.
        force: replace a finished file, and throw away an unfinished one of other contents.

    Raises:
        BadInput: the place is taken, another process works on it, an unfinished file of other contents is
            there, or the place cannot be written.
    """
    folder = unfinished_folder(out)
    refuse_taken(out, force=force)
    lock = only_one(
        folder / LOCK,
        sign=_LOCK_TEXT,
        folder=folder,
        busy="another trigml computes these scores at the moment",
        elsewhere=_ELSEWHERE,
    )
    with lock:
        if _was_finished(out, folder, header):
            _remove(folder)
            yield None
            return
        if not force:
            _refuse_finished(out, folder)
        kept = _kept_of(folder, header, force=force)
        with ExitStack() as stack:
            growing = _opened(out, folder, header, kept, stack)
            try:
                yield growing
            finally:
                if growing.events == 0:
                    _remove(folder)


def unfinished_folder(out: Path) -> Path:
    """Where the file for ``out`` grows."""
    return out.with_name(out.name + SUFFIX)


def refuse_taken(out: Path, *, force: bool) -> None:
    """Refuse a place that is not free; the quick check before any work.

    Raises:
        BadInput: a folder, a finished file (without ``force``), something else where it would grow, or no
            permission to write.
    """
    if out.name in ("", "..") or out.is_dir():
        raise BadInput("the output is a folder", where=str(out), remedy="name a file: -o scores.h5")
    above = next(path for path in out.absolute().parents if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        found = "no permission" if above.is_dir() else "a file, not a folder"
        raise BadInput("cannot write the scores", where=str(above), found=found, remedy=_ELSEWHERE)
    folder = unfinished_folder(out)
    if not os.path.lexists(folder):
        if not force:
            _refuse_finished(out, folder)
        return
    if not folder.is_dir() or not (_holds_nothing(folder) or is_signed(folder / LOCK, _LOCK_TEXT)):
        raise BadInput(
            "the place where the scores would grow holds something else",
            where=str(folder),
            remedy=_ELSEWHERE,
        )


def _refuse_finished(out: Path, folder: Path) -> None:
    if os.path.lexists(out):
        if folder.is_dir() and _holds_nothing(folder):
            _remove(folder)
        raise BadInput(
            "the output is there already",
            where=str(out),
            remedy="choose another one (-o), or replace it with --force",
        )


def _holds_nothing(folder: Path) -> bool:
    """Whether there is nothing to lose: what a command leaves that died before it wrote anything."""
    names = {path.name for path in folder.iterdir()}
    return not names or (names == {LOCK} and is_signed(folder / LOCK, _LOCK_TEXT, begun=True))


def _was_finished(out: Path, folder: Path, header: ScoresHeader) -> bool:
    """Whether a process died between moving the file to its place and tidying up."""
    if (folder / DATA).exists():
        return False
    kept = intact(folder / JOURNAL, out, header)
    return kept is not None and kept.events == header.n_events


def _kept_of(folder: Path, header: ScoresHeader, *, force: bool) -> Kept | None:
    """What can be gone on with; the folder is emptied if that is nothing."""
    begun = begun_identity(folder / JOURNAL)
    if begun is not None and begun != header.to_json() and not force:
        raise BadInput(
            "unfinished scores of another kind are there",
            where=str(folder),
            expected="the same model, events, stage and versions as when they were begun",
            found=some_of(differences(begun, header.to_json())),
            remedy="choose another output (-o), or throw them away with --force",
        )
    kept = intact(folder / JOURNAL, folder / DATA, header)
    if kept is None or kept.events == 0:
        _remove_files(folder)
        return None
    return kept


def _opened(
    out: Path, folder: Path, header: ScoresHeader, kept: Kept | None, stack: ExitStack
) -> GrowingScores:
    """Open data and journal; without anything kept, the frame is made first."""
    with _explained(folder):
        if kept is None:
            try:
                kept = _begun(folder, header)
            except BaseException:
                _remove(folder)
                raise
        data = os.open(folder / DATA, os.O_RDWR)
        stack.callback(os.close, data)
        journal = os.open(folder / JOURNAL, os.O_RDWR)
        stack.callback(os.close, journal)
        os.ftruncate(journal, kept.journal_bytes)
        os.lseek(journal, kept.journal_bytes, os.SEEK_SET)
    return GrowingScores(
        out, folder, header, kept.frame, kept.events, _data=data, _journal=journal, resumed=kept.events
    )


def _begun(folder: Path, header: ScoresHeader) -> Kept:
    frame = make_frame(folder / DATA, header)
    with (folder / DATA).open("rb") as data:
        line = first_line(data.fileno(), frame, header)
    journal = os.open(folder / JOURNAL, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        length = append_line(journal, line)
        os.fsync(journal)
    finally:
        os.close(journal)
    _sync_folder(folder)
    return Kept(frame, events=0, journal_bytes=length)


def _packed(words: NDArray[Any], header: ScoresHeader) -> NDArray[Any]:
    """The words in the file's type.

    Raises:
        ValueError: a wrong shape, or a word that the graph's ranges exclude.
    """
    limits = np.iinfo(header.word_type)
    if words.shape[1:] != (len(header.outputs),) or words.dtype.kind not in "iu":
        raise ValueError(f"{words.dtype} words of shape {words.shape} for {len(header.outputs)} outputs")
    if len(words) and not (limits.min <= int(words.min()) and int(words.max()) <= limits.max):
        raise ValueError(f"a word is outside of the proven range: {words.min()} to {words.max()}")
    return np.ascontiguousarray(words, dtype=header.word_type)


def _write_at(handle: int, content: memoryview, place: int) -> None:
    while content:
        written = os.pwrite(handle, content, place)
        content, place = content[written:], place + written


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_files(folder: Path) -> None:
    for name in (JOURNAL, DATA):
        (folder / name).unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    """Remove what trigml made there; files of others keep their folder."""
    _remove_files(folder)
    (folder / LOCK).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"cannot write the scores: {error.strerror or error}",
            where=str(place),
            remedy="free some space or choose another output (-o); the same command goes on where it stopped",
        ) from error

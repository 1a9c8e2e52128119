"""Where a run grows: ``OUT.unfinished``, beside the place where the finished run will stand.

``OUT`` itself only ever holds a finished run: the folder is renamed when everything is written. A run
that was interrupted is picked up again by the command that began it, and by no other.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trigml.atomic import exchange_folders, write_json
from trigml.errors import BadInput
from trigml.runs import names
from trigml.runs.manifest import RUN_VERSION, DataFile
from trigml.unfinished import differences, is_signed, only_one, some_of

_LOCK_TEXT = "trigml: a training works here, or was interrupted\n"
"""Content of the lock; the sign by which a folder is known as an unfinished run."""


@dataclass(frozen=True, slots=True)
class Identity:
    """All that decides what a training computes; equal identities give equal runs.

    Attributes:
        trigml: version of the program.
        run_version: version of the run's format.
        quantize: whether a quantised model is trained.
        spec: the spec before training resolved it, as plain JSON.
        data: the events.
        versions: of Python and the libraries.
        command: for messages; two commands may well ask for the same training.
    """

    trigml: str
    quantize: bool
    spec: Mapping[str, Any]
    data: tuple[DataFile, ...]
    versions: Mapping[str, str]
    command: str
    run_version: int = RUN_VERSION

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Workspace:
    """An unfinished run.

    Attributes:
        out: where the finished run will stand.
        folder: where it grows.
        resumed: whether an earlier command began it.
    """

    out: Path
    folder: Path
    resumed: bool

    @property
    def progress(self) -> Path:
        """Folder of checkpoints; not part of the finished run."""
        return self.folder / names.PROGRESS

    @property
    def finished(self) -> bool:
        """Whether the complete run is in its place."""
        return not self.folder.exists() and _is_finished_run(self.out)

    def finish(self) -> None:
        """Move the complete run to its place; a finished run that stood there goes only now.

        If that fails, both are where they were.

        Raises:
            BadInput: the place cannot be written, or what is no longer needed cannot be removed.
        """
        try:
            if self.out.is_dir() and any(self.out.iterdir()):
                exchange_folders(self.out, self.folder)
            else:
                self.folder.replace(self.out)
            shutil.rmtree(self.out / names.PROGRESS)
        except OSError as error:
            if self.finished:
                raise BadInput(
                    f"the run is complete, but leftovers cannot be removed: {error.strerror or error}",
                    where=str(self.out),
                    remedy=f"remove {self.out / names.PROGRESS} and .{self.out.name}.old.* beside the run",
                ) from error
            raise BadInput(
                f"cannot move the finished run to its place: {error.strerror or error}",
                where=f"{self.folder} → {self.out}",
            ) from error

    def discard(self) -> None:
        """Remove the unfinished run: going on with it makes no sense."""
        shutil.rmtree(self.folder)

    def discard_if_untouched(self) -> None:
        """Remove the unfinished run if it holds no checkpoint, so that it is not in the way of another."""
        if self.folder.is_dir() and not has_checkpoints(self.folder):
            self.discard()


def has_checkpoints(folder: Path) -> bool:
    """Whether an unfinished run holds anything that took time to make."""
    return any((folder / names.PROGRESS).glob("*.npz"))


def unfinished_folder(out: Path) -> Path:
    """Where the run for ``out`` grows."""
    return out.with_name(out.name + names.UNFINISHED_SUFFIX)


def refuse_occupied(out: Path, *, force: bool) -> None:
    """Refuse a place that is not free; the quick check before any work.

    Raises:
        BadInput: a file, a folder with something else in it, or (without ``force``) a finished run.
    """
    if out.name in ("", "..") or out.resolve() == Path.cwd():
        raise BadInput(
            "a run needs a folder of its own", where=str(out), remedy="for example --out runs/first"
        )
    if out.name.endswith(names.UNFINISHED_SUFFIX):
        raise BadInput(
            f"a run's name does not end in {names.UNFINISHED_SUFFIX}",
            where=str(out),
            remedy=f"to go on with it: --out {out.with_name(out.name.removesuffix(names.UNFINISHED_SUFFIX))}",
        )
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise BadInput("the output folder is a file", where=str(out), remedy="choose another --out")
    if not any(out.iterdir()):
        return
    if not _is_finished_run(out):
        raise BadInput(
            "the output folder holds something else",
            where=str(out),
            found=", ".join(sorted(path.name for path in out.iterdir())[:4]),
            remedy="choose another --out (--force replaces only a finished run)",
        )
    if not force:
        raise BadInput(
            "the output folder holds a finished run",
            where=str(out),
            remedy="choose another --out, or replace it with --force",
        )
    if added := _added_by_others(out):
        raise BadInput(
            "the finished run holds files that trigml did not make",
            where=str(out),
            found=", ".join(added[:4]),
            remedy="move them away, or choose another --out",
        )


def _added_by_others(run: Path) -> list[str]:
    """Entries of a finished run that are neither in its manifest nor projects or an evaluation."""
    manifest = json.loads((run / names.MANIFEST).read_text(encoding="utf-8"))
    made = {name.split("/")[0] for name in manifest.get("files", {})} | {names.MANIFEST}
    made |= {names.HLS, names.RTL, names.EVALUATION}
    return sorted(path.name for path in run.iterdir() if path.name not in made)


@contextmanager
def open_workspace(out: Path, identity: Identity, *, force: bool) -> Iterator[Workspace]:
    """Begin a run, or go on with the unfinished one of the same identity; one process at a time.

    Raises:
        BadInput: the place is not free (``refuse_occupied``), an unfinished run of another identity is there
            (``force`` throws it away), another process works on it, or the place cannot be written.
    """
    refuse_occupied(out, force=force)
    folder = unfinished_folder(out)
    progress = folder / names.PROGRESS
    _refuse_foreign(folder)
    with only_one(
        progress / names.LOCK,
        sign=_LOCK_TEXT,
        folder=folder,
        busy="another trigml is training into this folder at the moment",
        elsewhere="choose another --out",
    ):
        begun = _begun(progress / names.IDENTITY) if has_checkpoints(folder) else None
        if begun is not None and (found := differences(begun, identity.to_json())):
            if not force:
                raise _other_run(folder, begun, found)
            _remove_files(progress, but=names.LOCK)
            begun = None
        _remove_files(folder, but=names.PROGRESS)  # results of a command that died while it wrote them
        if begun is None:
            write_json(progress / names.IDENTITY, identity.to_json())
        yield Workspace(out, folder, resumed=begun is not None)


def _is_finished_run(folder: Path) -> bool:
    try:
        content = json.loads((folder / names.MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "trigml_run" in content


def _refuse_foreign(folder: Path) -> None:
    if not os.path.lexists(folder):
        return
    if not folder.is_dir() or not (_holds_nothing(folder) or _is_unfinished_run(folder)):
        raise BadInput(
            "the place where the run would grow holds something else",
            where=str(folder),
            remedy="choose another --out",
        )


def _holds_nothing(folder: Path) -> bool:
    """Whether there is nothing to lose: what a command leaves that died before it wrote anything."""
    progress = folder / names.PROGRESS
    if {path.name for path in folder.iterdir()} - {names.PROGRESS} or progress.is_symlink():
        return False
    lock = progress / names.LOCK
    if not progress.is_dir():
        return not progress.exists()
    return not {path.name for path in progress.iterdir()} - {names.LOCK} and (
        not os.path.lexists(lock) or (lock.is_file() and lock.stat().st_size == 0)
    )


def _is_unfinished_run(folder: Path) -> bool:
    """Whether trigml made the folder: its lock says so, or the identity of a training is there."""
    progress = folder / names.PROGRESS
    if progress.is_symlink() or not progress.is_dir():
        return False
    if is_signed(progress / names.LOCK, _LOCK_TEXT):
        return True
    identity = _begun(progress / names.IDENTITY) or {}
    return {"trigml", "run_version", "quantize", "spec", "data"} <= identity.keys()


def _begun(path: Path) -> dict[str, Any] | None:
    """The identity of the unfinished run; ``None`` if it was stopped before it had one, empty if damaged."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _other_run(folder: Path, begun: Mapping[str, Any], found: list[str]) -> BadInput:
    command = begun.get("command")
    return BadInput(
        "an unfinished run of another kind is there",
        where=str(folder),
        expected="the same spec, data, seed and versions as when it was begun",
        found=some_of(found),
        remedy=(f"go on with it: {command}; or " if command else "")
        + "choose another --out, or throw it away with --force",
    )


def _remove_files(folder: Path, *, but: str) -> None:
    for path in folder.iterdir():
        if path.name == but:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

"""The HDF5 layout of events, ``trigml-events`` version 1: its terms, and writing files in it.

``docs/events.md`` describes the layout for those who write such files without trigml; ``trigml.data.header``
validates a file and reads what it says it holds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import h5py
import numpy as np
import numpy.typing as npt

from trigml.atomic import replacing_file
from trigml.data.output_file import OutputFile
from trigml.errors import BadInput

FORMAT = "trigml-events"
VERSION = 1
LARGEST_NAME = 128
CHUNK_EVENTS = 16384
Values = npt.ArrayLike
_ALLOWED = frozenset(
    ["float16", "float32", "float64", *(f"{u}int{b}" for u in ("", "u") for b in (8, 16, 32, 64))]
)

Provenance: TypeAlias = Mapping[str, str | int | float]
"""Where events come from, in free words: generator, command, seed, licence …"""


@dataclass(frozen=True, slots=True)
class Column:
    """One number per event (a feature) or per constituent.

    ``unit`` is ``""`` for a dimensionless column; ``dtype`` is the NumPy name of the stored type.
    """

    name: str
    unit: str = ""
    description: str = ""
    dtype: str = "float32"

    def __post_init__(self) -> None:
        check_name(self.name, "column")


@dataclass(frozen=True, slots=True)
class EventsHeader:
    """What a file of events says it holds; ``n_constituents`` is K, 0 if there are none."""

    path: Path
    title: str
    n_events: int
    features: tuple[Column, ...]
    constituents: tuple[Column, ...] = ()
    n_constituents: int = 0
    class_names: tuple[str, ...] | None = None
    provenance: Provenance = field(default_factory=dict)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, in the file's order."""
        return tuple(column.name for column in self.features)

    @property
    def constituent_names(self) -> tuple[str, ...]:
        """The names of the constituents' columns, in the file's order."""
        return tuple(column.name for column in self.constituents)


def check_name(name: str, what: str) -> None:
    """Refuse a name that HDF5 or a person could not use.

    Raises:
        BadInput: empty, longer than 128 characters, with a slash or control characters, ``.`` or ``..``.
    """
    if (
        not name.strip()
        or len(name) > LARGEST_NAME
        or "/" in name
        or not name.isprintable()
        or name in {".", ".."}
    ):
        raise BadInput(
            f"this name of a {what} cannot be used",
            expected=f"1 to {LARGEST_NAME} printable characters without '/'",
            found=repr(name),
        )


def check_unique(names: Sequence[str], what: str, where: str | None = None) -> None:
    """Refuse a list of names in which one stands twice.

    Raises:
        BadInput: with the first repeated name.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadInput(f"the {what} {name!r} is named twice", where=where)
        seen.add(name)


class _Abandoned(Exception):
    """Tells ``replacing_file`` to remove the unfinished file; nobody sees it."""


class EventsWriter:
    """Writes one file of events piece by piece; use it in a ``with`` block.

    The file appears at ``path`` when the block ends without an error; until then, and after an error,
    what stood there before is untouched. The bytes depend on the events, the arguments and the HDF5
    library, not on the time and not on how the events were cut into pieces.

    Args:
        path: where the file goes; folders are made.
        title: one line for people.
        features: columns with one number per event.
        constituents: columns with ``n_constituents`` numbers per event, zero-padded.
        n_constituents: K.
        class_names: the name of label 0, of label 1, …; ``None``: the file has no labels.
        provenance: where the events come from (text and numbers).
        compression: ``"gzip"``, or ``None`` for files that are read often and need not be small.
        compression_level: 1 (fast) to 9 (small).
        chunk_events: events per HDF5 chunk, the same for all datasets.

    Raises:
        BadInput: from the constructor for arguments that make no file; from ``append`` for values that
            do not fit; from ``append`` and the end of the block if the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        title: str,
        features: Sequence[Column],
        constituents: Sequence[Column] = (),
        n_constituents: int = 0,
        class_names: Sequence[str] | None = None,
        provenance: Provenance | None = None,
        compression: str | None = "gzip",
        compression_level: int = 6,
        chunk_events: int = CHUNK_EVENTS,
    ) -> None:
        self.path = Path(path)
        self.title = title
        self.features = tuple(features)
        self.constituents = tuple(constituents)
        self.n_constituents = n_constituents
        self.class_names = None if class_names is None else tuple(class_names)
        self.provenance = dict(provenance or {})
        self.n_events = 0
        self._filter: dict[str, Any] = {}
        if compression is not None:
            self._filter = {
                "compression": compression,
                "compression_opts": compression_level,
                "shuffle": True,
            }
        self._chunk_events = chunk_events
        self._check_arguments()
        self._columns = self._all_columns()
        self._pending: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in self._columns}
        self._n_pending = 0

    def _check_arguments(self) -> None:
        where = str(self.path)
        if not self.features and not self.constituents:
            raise BadInput("a file of events needs at least one feature or constituent column", where=where)
        if bool(self.constituents) != (self.n_constituents > 0):
            raise BadInput(
                "constituent columns and their number go together",
                where=where,
                found=f"{len(self.constituents)} columns, n_constituents = {self.n_constituents}",
            )
        if self._chunk_events < 1:
            raise BadInput("a chunk holds at least one event", where=where, found=str(self._chunk_events))
        check_unique([column.name for column in self.features], "feature", where)
        check_unique([column.name for column in self.constituents], "constituent column", where)
        for column in (*self.features, *self.constituents):
            if column.dtype not in _ALLOWED:
                raise BadInput(
                    f"the column {column.name!r} has a type that cannot be stored",
                    where=where,
                    expected="one of " + ", ".join(sorted(_ALLOWED)),
                    found=column.dtype,
                )
        if self.class_names is not None:
            if not self.class_names:
                raise BadInput("labels need at least one class name", where=where)
            check_unique(self.class_names, "class", where)
            for name in self.class_names:
                check_name(name, "class")

    def _all_columns(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Dataset path → (dtype, shape of one event)."""
        columns: dict[str, tuple[str, tuple[int, ...]]] = {"event_id": ("uint64", ())}
        for column in self.features:
            columns[f"features/{column.name}"] = (column.dtype, ())
        if self.class_names is not None:
            columns["labels"] = ("uint8" if len(self.class_names) <= 256 else "uint32", ())
        for column in self.constituents:
            columns[f"constituents/{column.name}"] = (column.dtype, (self.n_constituents,))
        return columns

    def __enter__(self) -> EventsWriter:
        self._place = replacing_file(self.path)
        beside = self._place.__enter__()
        try:
            with self._write_errors_explained():
                # These versions keep timestamps out and let old HDF5 libraries read the file.
                self._output = OutputFile(beside)
                self._file = h5py.File(self._output, "w", libver=("earliest", "v110"))
                self._write_structure()
        except BaseException:
            self._discard()
            raise
        return self

    def _write_structure(self) -> None:
        self._file.attrs["format"] = FORMAT
        self._file.attrs["version"] = VERSION
        self._file.attrs["title"] = self.title
        provenance = self._file.create_group("provenance")
        for name, value in sorted(self.provenance.items()):
            provenance.attrs[name] = value
        self._ordered_group("features")
        if self.constituents:
            self._ordered_group("constituents")
        for name, (dtype, shape) in self._columns.items():
            self._file.create_dataset(
                name,
                shape=(0, *shape),
                maxshape=(None, *shape),
                chunks=(self._chunk_events, *shape),
                dtype=dtype,
                track_times=False,
                **self._filter,
            )
        described = [("features", column) for column in self.features]
        described += [("constituents", column) for column in self.constituents]
        for group, column in described:
            attributes = self._file[f"{group}/{column.name}"].attrs
            attributes["unit"] = column.unit
            attributes["description"] = column.description
        if self.class_names is not None:
            names = np.array(self.class_names, dtype=h5py.string_dtype())
            self._file["labels"].attrs["class_names"] = names

    def _ordered_group(self, name: str) -> None:
        """A group that keeps the order of its columns; h5py's own way to ask for it stores the time too."""
        settings = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
        settings.set_link_creation_order(h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED)
        settings.set_obj_track_times(False)
        h5py.h5g.create(self._file.id, name.encode(), gcpl=settings)

    def append(
        self,
        *,
        event_id: Values,
        features: Mapping[str, Values] | None = None,
        labels: Values | None = None,
        constituents: Mapping[str, Values] | None = None,
    ) -> None:
        """Add n events.

        Args:
            event_id: (n,) whole numbers from 0 to 2^64 - 1; rows of one collision share it.
            features: per column (n,) finite numbers.
            labels: (n,) integers in [0, number of classes).
            constituents: per column (n, K) finite numbers, zero-padded.

        Raises:
            BadInput: columns missing or unknown, wrong shapes, values that are not finite or do not fit the
                column's type, labels out of range, or the file cannot be written.
        """
        given = {"event_id": event_id}
        given |= {f"features/{name}": values for name, values in (features or {}).items()}
        given |= {f"constituents/{name}": values for name, values in (constituents or {}).items()}
        if labels is not None:
            given["labels"] = labels
        if given.keys() != self._columns.keys():
            raise BadInput(
                "the appended columns are not those of the file",
                where=str(self.path),
                expected=", ".join(self._columns),
                found=", ".join(given),
            )
        n = len(np.atleast_1d(np.asarray(event_id)))
        checked = {name: self._checked(name, values, n) for name, values in given.items()}
        for name, array in checked.items():
            self._pending[name].append(array)
        self._n_pending += n
        self.n_events += n
        if self._n_pending >= self._chunk_events:
            self._write_pending(keep=self._n_pending % self._chunk_events)

    def _checked(self, name: str, values: Values, n: int) -> npt.NDArray[Any]:
        dtype, shape = self._columns[name]
        where = f"{self.path}: /{name}"
        given = np.asarray(values)
        if given.shape != (n, *shape):
            raise BadInput(
                "appended values have the wrong shape",
                where=where,
                expected=str((n, *shape)),
                found=str(given.shape),
            )
        if given.dtype.kind not in "iufb":
            raise BadInput("appended values are not numbers", where=where, found=str(given.dtype))
        with np.errstate(over="ignore", invalid="ignore"):
            stored = given.astype(dtype)  # always a copy: the caller may reuse its array
        bad = ~np.isfinite(stored)
        if np.dtype(dtype).kind in "iu":
            # By value and by sign: a negative number would wrap around and back unseen.
            bad = (stored.astype(given.dtype) != given) | ((given < 0) != (stored < 0))
        if name == "labels":
            bad |= stored >= len(self.class_names or ())
        if bad.any():
            row = int(np.argwhere(bad)[0][0])
            raise BadInput(
                "an appended value cannot be stored",
                where=f"{where}, row {self.n_events + row}",
                expected=self._range_text(name, dtype),
                found=str(given[np.nonzero(bad)][0]),
            )
        return stored

    def _range_text(self, name: str, dtype: str) -> str:
        if name == "labels":
            return f"a label from 0 to {len(self.class_names or ()) - 1}"
        return f"a finite number of type {dtype}"

    def _write_pending(self, keep: int) -> None:
        """Write whole chunks only, so that the order of chunks in the file does not depend on the pieces."""
        stop = self._n_pending - keep
        start = self.n_events - self._n_pending
        arrays = {name: np.concatenate(pieces) for name, pieces in self._pending.items()}
        with self._write_errors_explained():
            for first in range(0, stop, self._chunk_events):
                last = min(first + self._chunk_events, stop)
                for name, array in arrays.items():
                    dataset = self._file[name]
                    dataset.resize(start + last, axis=0)
                    dataset[start + first : start + last] = array[first:last]
        self._pending = {name: [array[stop:].copy()] for name, array in arrays.items()}
        self._n_pending = keep

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._discard()
            return
        try:
            if self.n_events == 0:
                raise BadInput("no events were written", where=str(self.path))
            if self._n_pending:
                self._write_pending(keep=0)
            with self._write_errors_explained():
                self._file.close()
                self._output.close()
        except BaseException:
            self._discard()
            raise
        self._place.__exit__(None, None, None)

    def _discard(self) -> None:
        """Close and remove the unfinished file; the error that led here is the one worth telling."""
        if hasattr(self, "_file"):
            with contextlib.suppress(OSError, RuntimeError):
                self._file.close()
        if hasattr(self, "_output"):
            self._output.close()
        with contextlib.suppress(_Abandoned):
            self._place.__exit__(_Abandoned, _Abandoned(), None)

    @contextlib.contextmanager
    def _write_errors_explained(self) -> Iterator[None]:
        try:
            yield
            if self._output.failure is not None:
                raise self._output.failure
        except (OSError, RuntimeError) as error:
            raise BadInput(
                f"cannot write: {error.strerror if isinstance(error, OSError) else error}",
                where=str(self.path),
                remedy="free some space or choose another place (nothing half-written was left there)",
            ) from error

"""Validating a file of events and reading what it says it holds."""

from __future__ import annotations

import math
from pathlib import Path

import h5py
import numpy as np

from trigml.data.hdf5 import number_dataset, open_hdf5, refuse_foreign_content
from trigml.data.layout import FORMAT, VERSION, Column, EventsHeader, Provenance, check_name, check_unique
from trigml.errors import BadInput


def read_header(path: Path) -> EventsHeader:
    """Open a file of events, validate its structure, and return what it holds; no event is read.

    Raises:
        BadInput: not HDF5, truncated, not this layout, a newer version of it, a part missing or of the wrong
            type or length, no events, or data that is not in the file itself.
    """
    with open_hdf5(path) as file:
        _check_format(file, path)
        refuse_foreign_content(file, path)
        n_events = _vector_length(number_dataset(file, "event_id", str(path), kinds="u"), path)
        if n_events == 0:
            raise BadInput("the file holds no events", where=str(path))
        features = tuple(
            _column(dataset, name, n_events, f"{path}: /features/{name}", axes=1)
            for name, dataset in _datasets(file, "features", path)
        )
        constituents, n_constituents = _read_constituents(file, path, n_events)
        if not features and not constituents:
            raise BadInput(
                "the file has neither features nor constituents",
                where=str(path),
                expected="one dataset per column in the group /features",
            )
        return EventsHeader(
            path=path,
            title=_text_attribute(file, "title", path),
            n_events=n_events,
            features=features,
            constituents=constituents,
            n_constituents=n_constituents,
            class_names=_read_class_names(file, path, n_events),
            provenance=_read_provenance(file, path),
        )


def _holds_showers(path: Path) -> bool:
    from trigml.data.shower_layouts import recognised

    try:
        return recognised(path) is not None
    except BadInput:  # what is wrong with it as showers is not what was asked
        return False


def _check_format(file: h5py.File, path: Path) -> None:
    found = file.attrs.get("format")
    if found != FORMAT:
        raise BadInput(
            "this HDF5 file is not in the layout trigml-events",
            where=str(path),
            expected=f"the root attribute format = {FORMAT!r}",
            found="no such attribute" if found is None else repr(found),
            remedy="these are showers: trigml data showers CLASS=FILE -o EVENTS.h5 makes events of them"
            if _holds_showers(path)
            else "see docs/events.md; trigml data convert makes one from CSV, NPZ or ROOT",
        )
    version = file.attrs.get("version")
    if not isinstance(version, int | np.integer) or version < 1:
        raise BadInput(
            "the version of the layout is missing or not a number",
            where=str(path),
            expected=f"the root attribute version = {VERSION}",
            found="no such attribute" if version is None else repr(version),
        )
    if version > VERSION:
        raise BadInput(
            "this file was written in a newer version of the layout",
            where=str(path),
            expected=f"version {VERSION}",
            found=f"version {version}",
            remedy="install a newer trigml",
        )


def _datasets(file: h5py.File, group: str, path: Path) -> list[tuple[str, h5py.Dataset]]:
    parent = file.get(group)
    if parent is None:
        raise BadInput(f"the group /{group} is missing", where=str(path))
    if not isinstance(parent, h5py.Group):
        raise BadInput(f"/{group} has to be a group", where=str(path), found=type(parent).__name__.lower())
    return [(name, number_dataset(parent, name, f"{path}: /{group}")) for name in parent]


def _vector_length(dataset: h5py.Dataset, path: Path) -> int:
    if dataset.ndim != 1:
        raise BadInput(
            "the dataset 'event_id' has the wrong shape",
            where=str(path),
            expected="one number per event: (N,)",
            found=str(dataset.shape),
        )
    return int(dataset.shape[0])


def _column(dataset: h5py.Dataset, name: str, n_events: int, where: str, *, axes: int) -> Column:
    if dataset.ndim != axes or dataset.shape[0] != n_events:
        raise BadInput(
            f"the column {name!r} does not fit the number of events",
            where=where,
            expected=f"({n_events},)" if axes == 1 else f"({n_events}, K)",
            found=str(dataset.shape),
        )
    return Column(
        name=name,
        unit=_text(dataset.attrs.get("unit", ""), "unit", where),
        description=_text(dataset.attrs.get("description", ""), "description", where),
        dtype=str(dataset.dtype.newbyteorder("=")),
    )


def _read_constituents(file: h5py.File, path: Path, n_events: int) -> tuple[tuple[Column, ...], int]:
    if "constituents" not in file:
        return (), 0
    columns: list[Column] = []
    lengths: dict[str, int] = {}
    for name, dataset in _datasets(file, "constituents", path):
        columns.append(_column(dataset, name, n_events, f"{path}: /constituents/{name}", axes=2))
        lengths[name] = int(dataset.shape[1])
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise BadInput(
            "the columns of the constituents differ in length",
            where=f"{path}: /constituents",
            expected=f"({n_events}, K) with one K > 0",
            found=", ".join(f"{name}: K = {length}" for name, length in lengths.items()),
        )
    return tuple(columns), max(lengths.values(), default=0)


def _read_class_names(file: h5py.File, path: Path, n_events: int) -> tuple[str, ...] | None:
    if "labels" not in file:
        return None
    dataset = number_dataset(file, "labels", str(path), kinds="u")
    where = f"{path}: /labels"
    if dataset.shape != (n_events,):
        raise BadInput(
            "the labels do not fit the number of events",
            where=where,
            expected=f"({n_events},)",
            found=str(dataset.shape),
        )
    names = np.asarray(dataset.attrs.get("class_names", ()))
    if names.ndim != 1 or names.size == 0:
        raise BadInput(
            "the labels have no class names",
            where=where,
            expected="the attribute class_names, an array of text: the name of label 0, of label 1, …",
            found=repr(names.tolist()),
        )
    class_names = tuple(_text(name, "class_names", where) for name in names)
    for name in class_names:
        check_name(name, "class")
    check_unique(class_names, "class", where)
    return class_names


def _read_provenance(file: h5py.File, path: Path) -> Provenance:
    """Text and numbers; NaN and infinities become text, for JSON has no such numbers."""
    group = file.get("provenance")
    if group is None:
        return {}
    provenance: dict[str, str | int | float] = {}
    for name in sorted(group.attrs):
        value = group.attrs[name]
        where = f"{path}: /provenance"
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            provenance[name] = int(value)
        elif isinstance(value, float | np.floating):
            number = float(value)
            provenance[name] = number if math.isfinite(number) else str(number)
        else:
            provenance[name] = _text(value, name, where)
    return provenance


def _text_attribute(file: h5py.File, name: str, path: Path) -> str:
    if name not in file.attrs:
        raise BadInput(f"the root attribute {name!r} is missing", where=str(path), expected="some text")
    return _text(file.attrs[name], name, str(path))


def _text(value: object, name: str, where: str) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if not isinstance(value, str):
        raise BadInput(f"the attribute {name!r} is not text", where=where, found=type(value).__name__)
    # h5py marks bytes that are not UTF-8 with lone surrogates, which no terminal and no JSON takes
    return value.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")

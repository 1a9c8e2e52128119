"""Opening HDF5 files of other people: only data that lies in the file itself, one clear error otherwise.

An HDF5 file can name other files (external links, external storage, virtual datasets) and can hold
Python objects or ask for compression plugins. None of that is followed: what is read is plain numbers
and text inside the one file that the user named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from trigml.errors import BadInput

LARGEST_CHUNK_BYTES = 64 * 2**20
"""The reader's memory is bounded because no chunk of a dataset may be larger than this."""

_BUILT_IN_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset"}
_BUILT_IN_FILTERS[32000] = "lzf"  # comes with h5py
_NUMBERS = "iuf"
_LARGEST_NUMBER_BYTES = 8


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open ``path`` for reading, with every way in which this can fail explained.

    Errors of the HDF5 library inside the ``with`` block (a damaged file) are explained too.

    Raises:
        BadInput: missing, a folder, empty, not HDF5, truncated, damaged or locked.
    """
    file = open_checked(path)
    try:
        with damage_explained(path):
            yield file
    finally:
        file.close()


def open_checked(path: Path, *, chunk_cache_bytes: int | None = None) -> h5py.File:
    """Open ``path`` for reading; the caller closes it.

    ``chunk_cache_bytes`` is the cache of each dataset (``None``: the HDF5 library's default); a reader that
    takes whole chunks is faster with 0.

    Raises:
        BadInput: missing, a folder, empty, not HDF5, truncated or locked.
    """
    _refuse_what_is_no_hdf5(path)
    try:
        return h5py.File(path, "r", rdcc_nbytes=chunk_cache_bytes, locking="best-effort")
    except OSError as error:
        raise _explained(path, str(error)) from error


@contextmanager
def damage_explained(path: Path) -> Iterator[None]:
    """Turn errors of the HDF5 library while reading ``path`` into ``BadInput``."""
    try:
        yield
    except (OSError, RuntimeError, KeyError) as error:
        raise _explained(path, str(error)) from error


def _refuse_what_is_no_hdf5(path: Path) -> None:
    try:
        if path.is_dir():
            raise BadInput(
                "this is a folder, not an HDF5 file", where=str(path), remedy=f"name the files: {path}/*.h5"
            )
        with path.open("rb") as file:
            if not file.read(1):
                raise BadInput("the file is empty (0 bytes)", where=str(path), expected="an HDF5 file")
    except FileNotFoundError as error:
        raise BadInput("there is no such file", where=str(path)) from error
    except OSError as error:
        raise BadInput(f"cannot read the file: {error.strerror or error}", where=str(path)) from error
    if not h5py.is_hdf5(path):
        raise BadInput(
            "this is not an HDF5 file",
            where=str(path),
            expected="HDF5 in the layout trigml-events",
            remedy="CSV, NPZ and ROOT files are converted with: trigml data convert",
        )


def _explained(path: Path, text: str) -> BadInput:
    if "truncated file" in text:
        return BadInput(
            "the HDF5 file is truncated",
            where=str(path),
            found=f"{path.stat().st_size} bytes, fewer than the file says it has",
            remedy="copy or make the file again",
        )
    if "unable to lock file" in text:
        return BadInput(
            "the HDF5 file is locked",
            where=str(path),
            remedy="wait until the program that is writing it has ended",
        )
    return BadInput(
        "the HDF5 file cannot be read; it seems to be damaged",
        where=str(path),
        found=text.strip("'\" "),
        remedy="copy or make the file again",
    )


def refuse_foreign_content(file: h5py.File, path: Path) -> None:
    """Check all groups and datasets of ``file``: nothing may point out of the file or need a plugin.

    Raises:
        BadInput: an external link, a link of a user-defined kind or to nowhere, a dataset stored in another
            file or made of other datasets, or a compression filter that needs a plugin.
    """
    soft: list[tuple[h5py.Group, str, str, str]] = []
    seen = {_address(file)}
    groups: list[h5py.Group] = [file]
    while groups:
        group = groups.pop()
        for name in group:
            where = f"{path}: {group.name.rstrip('/')}/{name}"
            link = _link(group, name, where)
            if isinstance(link, h5py.SoftLink):
                soft.append((group, name, where, link.path))
                continue
            item = group[name]
            address = _address(item)
            if address in seen:
                continue
            seen.add(address)
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset):
                _refuse_foreign_storage(item, where)
    # Only now is it known that no path leads out of the file; where a soft link leads to was checked above.
    for group, name, where, path_in_file in soft:
        if not _leads_somewhere(group, name):
            raise BadInput(
                "the file has a link that leads nowhere", where=where, found=f"a link to {path_in_file}"
            )


def _link(group: h5py.Group, name: str, where: str) -> Any:
    """The link itself, which is looked at without following it; external ones are refused."""
    try:
        link = group.get(name, getlink=True)
    except TypeError as error:
        raise BadInput(
            "the file has a link of a user-defined kind; it is not followed", where=where
        ) from error
    if isinstance(link, h5py.ExternalLink):
        raise BadInput(
            "the file has an external link; trigml reads only what is in the file itself",
            where=where,
            found=f"a link to {link.path} in {link.filename}",
            remedy="copy the data in: h5copy, or h5py's Group.copy(..., expand_external=True)",
        )
    return link


def _leads_somewhere(group: h5py.Group, name: str) -> bool:
    try:
        return group.get(name) is not None
    except (KeyError, RuntimeError, OSError):  # soft links in a circle
        return False


def _address(item: Any) -> int:
    return int(h5py.h5o.get_info(item.id).addr)


def _refuse_foreign_storage(dataset: h5py.Dataset, where: str) -> None:
    if dataset.is_virtual:
        raise BadInput(
            "a virtual dataset takes its values from elsewhere; trigml reads only what is in the file itself",
            where=where,
            remedy="name the files that it is made of instead",
        )
    if dataset.external:
        raise BadInput(
            "the values of this dataset are in another file; trigml reads only what is in the file itself",
            where=where,
            found=f"values in {dataset.external[0][0]}",
            remedy="copy it with h5repack, which takes the values in",
        )
    creation = dataset.id.get_create_plist()
    for index in range(creation.get_nfilters()):
        code, _, _, name = creation.get_filter(index)
        if code not in _BUILT_IN_FILTERS:
            raise BadInput(
                "this dataset needs a compression plugin",
                where=where,
                found=f"filter {code} ({name.decode(errors='replace')})",
                expected=" or ".join(_BUILT_IN_FILTERS.values()),
                remedy="h5repack -f SHUF -f GZIP=4 OLD NEW",
            )


def number_dataset(parent: h5py.Group, name: str, where: str, *, kinds: str = _NUMBERS) -> h5py.Dataset:
    """The dataset ``name`` of ``parent``, checked to hold plain numbers of the NumPy ``kinds``.

    Raises:
        BadInput: missing, a group, text, objects, numbers wider than 8 bytes, or chunks too large to stream.
    """
    dataset = parent.get(name)
    if dataset is None:
        raise BadInput(f"the dataset {name!r} is missing", where=where)
    if not isinstance(dataset, h5py.Dataset):
        raise BadInput(f"{name!r} has to be a dataset", where=where, found=type(dataset).__name__.lower())
    kind = dataset.dtype
    if kind.kind not in kinds or kind.itemsize > _LARGEST_NUMBER_BYTES:
        names = {"i": "integers", "u": "unsigned integers", "f": "floating-point numbers"}
        raise BadInput(
            f"the dataset {name!r} has values of the wrong kind",
            where=where,
            expected=" or ".join(names[letter] for letter in kinds) + " of at most 64 bits",
            found="variable-length values or objects" if kind.kind == "O" else str(kind),
        )
    if dataset.chunks is not None:
        size = kind.itemsize
        for length in dataset.chunks:
            size *= length
        if size > LARGEST_CHUNK_BYTES:
            raise BadInput(
                f"the dataset {name!r} is stored in chunks that are too large to stream",
                where=where,
                expected=f"at most {LARGEST_CHUNK_BYTES // 2**20} MiB",
                found=f"chunks of {dataset.chunks}, {size // 2**20} MiB",
                remedy="h5repack -l CHUNK=16384 OLD NEW",
            )
    return dataset

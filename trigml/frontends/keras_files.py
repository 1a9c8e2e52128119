"""Model files of Keras 2 and QKeras: ``.keras``, ``.h5``, JSON with weights, and the folders of a run.

Loading never runs code of a file: its architecture is read as data and compared with fixed lists
(``keras_config``), and its weights are plain numbers of that one file (``keras_weights``).
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from trigml.data.hdf5 import damage_explained, open_hdf5, refuse_foreign_content
from trigml.errors import BadInput
from trigml.frontends.keras_config import MODELS, plain_config, refuse_circles, refuse_foreign_parts
from trigml.frontends.keras_weights import read_weights
from trigml.legacy_keras import load

ARCHITECTURE = "model.json"
WEIGHTS = "weights.h5"
"""Names in a folder."""

SUFFIXES = (".keras", ".h5", ".hdf5", ".json")
"""Of model files; what is in a file decides, except for JSON."""

LARGEST_ARCHITECTURE = 64 * 2**20
LARGEST_WEIGHTS = 2 * 2**30
"""Bytes; networks of a trigger have some kilobytes."""

LARGEST_RATIO = 200
"""Of unpacked to packed bytes of a member of a ``.keras`` archive, beyond 64 MiB."""

_ARCHIVE_CONFIG, _ARCHIVE_METADATA, _ARCHIVE_WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def load_keras_model(path: Path, weights: Path | None = None) -> Any:
    """Load a model file of Keras 2 (tf-keras) or QKeras with its weights.

    Args:
        path: a ``.keras`` archive, a whole model in HDF5, an architecture in JSON, or a folder with
            ``model.json`` and ``weights.h5``.
        weights: the weights, for an architecture in JSON.

    Raises:
        ForeignParts: the file has parts that could run code; nothing was loaded.
        BadInput: it is none of these, of Keras 3, damaged, or its parts do not fit each other.
    """
    if path.is_dir():
        _refuse_weights(path, weights)
        return _from_json(path / ARCHITECTURE, path / WEIGHTS)
    if path.suffix == ".json":
        if weights is None:
            raise BadInput(
                "a model given as JSON needs its weights",
                where=str(path),
                remedy="add --weights FILE.h5, as model.save_weights wrote it",
            )
        return _from_json(path, weights)
    _refuse_weights(path, weights)
    kind = _kind_of(path)
    return _from_archive(path) if kind == "archive" else _from_hdf5(path)


def _refuse_weights(path: Path, weights: Path | None) -> None:
    if weights is not None:
        raise BadInput(
            "this model file has its weights inside",
            where=str(path),
            found=f"--weights {weights}",
            remedy="leave out --weights, or give the architecture as JSON",
        )


def _kind_of(path: Path) -> str:
    """``archive`` or ``hdf5``, by the content: older Keras wrote HDF5 into files called ``.keras``."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except FileNotFoundError as error:
        raise BadInput("there is no such file", where=str(path)) from error
    except OSError as error:
        raise BadInput(f"cannot read the file: {error.strerror or error}", where=str(path)) from error
    if start[:2] == b"PK":
        return "archive"
    if start == b"\x89HDF\r\n\x1a\n" or h5py.is_hdf5(path):
        return "hdf5"
    raise BadInput(
        "this is not a model file of Keras",
        where=str(path),
        expected="a .keras archive, a whole model in HDF5 (.h5), or an architecture in JSON (.json)",
        found=f"{path.stat().st_size} bytes that begin with {start!r}",
    )


def _from_json(path: Path, weights: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST_ARCHITECTURE:
            raise _too_large(str(path), path.stat().st_size, LARGEST_ARCHITECTURE)
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(
            "the model cannot be read", where=str(path), found=error.strerror or str(error)
        ) from error
    model = _made(_parsed(content, str(path)), str(path))
    with open_hdf5(weights) as file:
        read_weights(file, weights, model)
    return model


def _from_hdf5(path: Path) -> Any:
    with open_hdf5(path) as file:
        refuse_foreign_content(file, path)
        text = file.attrs.get("model_config")
        if not isinstance(text, str | bytes):
            raise BadInput(
                "the file holds weights, but not the model's architecture",
                where=str(path),
                expected="a whole model, as model.save writes it",
                remedy=f"give the architecture: trigml preflight model.json --weights {path}",
            )
        model = _made(_parsed(text, str(path)), str(path))
        read_weights(file, path, model)
    return model


def _from_archive(path: Path) -> Any:
    members = _members(path)
    config = _parsed(members.config, f"{path}: {_ARCHIVE_CONFIG}")
    _refuse_keras_3(_parsed(members.metadata, f"{path}: {_ARCHIVE_METADATA}"), path)
    model = _made(config, str(path))
    with damage_explained(path), h5py.File(io.BytesIO(members.weights), "r") as file:
        read_weights(file, path, model)
    return model


@dataclass(frozen=True, slots=True)
class _Members:
    config: bytes
    metadata: bytes
    weights: bytes


def _members(path: Path) -> _Members:
    """The three files of an archive; nothing is unpacked to the disk."""
    with _archive_damage_explained(path), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in names:
            parts = name.replace("\\", "/").split("/")
            if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or names.count(name) > 1:
                raise BadInput(
                    "the archive has a member that no Keras archive has",
                    where=str(path),
                    expected=f"{_ARCHIVE_CONFIG}, {_ARCHIVE_METADATA} and {_ARCHIVE_WEIGHTS}, each once",
                    found=repr(name),
                )
        return _Members(
            _member(archive, path, _ARCHIVE_CONFIG, LARGEST_ARCHITECTURE),
            _member(archive, path, _ARCHIVE_METADATA, LARGEST_ARCHITECTURE),
            _member(archive, path, _ARCHIVE_WEIGHTS, LARGEST_WEIGHTS),
        )


def _member(archive: zipfile.ZipFile, path: Path, name: str, limit: int) -> bytes:
    where = f"{path}: {name}"
    if name not in archive.namelist():
        raise BadInput(
            "the archive is not a model of Keras 2: a part is missing",
            where=where,
            expected=f"{_ARCHIVE_CONFIG}, {_ARCHIVE_METADATA} and {_ARCHIVE_WEIGHTS}",
            found=", ".join(archive.namelist()[:8]) or "an empty archive",
        )
    info = archive.getinfo(name)
    packed = info.file_size > LARGEST_ARCHITECTURE and info.file_size > LARGEST_RATIO * info.compress_size
    if info.file_size > limit or packed:
        raise _too_large(where, info.file_size, limit)
    return archive.read(info)


def _too_large(where: str, found: int, limit: int) -> BadInput:
    return BadInput(
        "a part of the model is too large",
        where=where,
        expected=f"at most {limit} bytes",
        found=f"{found} bytes",
    )


@contextmanager
def _archive_damage_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise BadInput(
            "the .keras archive cannot be read; it seems to be damaged or encrypted",
            where=str(path),
            found=str(error),
            remedy="copy or save it again",
        ) from error


def _refuse_keras_3(metadata: Any, path: Path) -> None:
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    if isinstance(version, str) and not version.startswith("2."):
        raise BadInput(
            "this model was saved by another Keras",
            where=str(path),
            expected="Keras 2 (tf-keras), which QKeras needs",
            found=f"Keras {version}",
            remedy="build the model with tf_keras, copy the weights with set_weights, and save it again",
        )


def _parsed(text: str | bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("the model cannot be read", where=where, found=str(error)) from error


def _made(config: Any, where: str) -> Any:
    """The model of an architecture, without its weights."""
    import pyparsing

    if not isinstance(config, dict) or config.get("class_name") is None or "config" not in config:
        raise BadInput(
            "the model is damaged", where=where, expected="an architecture as model.to_json() writes it"
        )
    refuse_foreign_parts(config, where)
    refuse_circles(config, where)
    if config["class_name"] not in MODELS:
        raise BadInput(
            "this is a part of a model",
            where=where,
            expected=" or ".join(sorted(MODELS)),
            found=str(config["class_name"]),
        )
    modules = load()
    custom: dict[str, Any] = {}
    modules.qkeras.utils._add_supported_quantized_objects(custom)
    custom["quantized_hswish"] = modules.qkeras.quantizers.quantized_hswish  # QKeras forgets this one
    damage = (
        *(ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError),
        *(RecursionError, NotImplementedError, SyntaxError, MemoryError, pyparsing.ParseBaseException),
        modules.tensorflow.errors.OpError,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # QKeras and Keras on settings that do not matter here
            plain = plain_config(config, modules.qkeras.get_quantizer)
            model = modules.keras.models.model_from_config(plain, custom_objects=custom)
    except damage as error:
        found = str(error).strip().splitlines()
        raise BadInput(
            "the model is damaged", where=where, found=found[0][:500] if found else type(error).__name__
        ) from error
    if not model.built:
        raise BadInput(
            "the model does not say which shape its inputs have",
            where=where,
            remedy="begin it with keras.Input(shape), and save it again",
        )
    return model

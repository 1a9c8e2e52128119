"""``manifest.json``: what a run was made from and with; it is written last and so marks a run as finished."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trigml.errors import BadInput
from trigml.json_files import read_json
from trigml.runs import names

RUN_VERSION = 1
_REMEDY = "train again"
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of events; ``name`` is what the user wrote, not where this machine keeps it."""

    name: str
    sha256: str
    events: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run was made from and with.

    Attributes:
        trigml_run: version of the run's format.
        trigml: version of the program.
        command: the command line, as the user gave it.
        seed: of weights, order of events, and trees.
        quantized: whether the run holds a quantised model and its graph.
        data: the events.
        spec_sha256: of ``spec.yml``, the spec as resolved.
        graph_digest: of the integer graph, empty without one.
        versions: of Python and the libraries that the results depend on.
        files: SHA-256 of every file of the training, by its path in the run.
    """

    trigml_run: int
    trigml: str
    command: str
    seed: int
    quantized: bool
    data: tuple[DataFile, ...]
    spec_sha256: str
    graph_digest: str
    versions: Mapping[str, str]
    files: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits.

    Raises:
        BadInput: the file cannot be read.
    """
    sha = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                sha.update(block)
    except OSError as error:
        raise BadInput(f"cannot read: {error.strerror or error}", where=str(path)) from error
    return sha.hexdigest()


def hashes_of_folder(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in ``folder`` by its path there, sorted, without the notes of a training."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    relative = {path.relative_to(folder): path for path in paths}
    return {
        name.as_posix(): sha256_of(path)
        for name, path in relative.items()
        if name.parts[0] not in (names.PROGRESS, names.MANIFEST)
    }


def read_manifest(folder: Path) -> Manifest:
    """Read ``manifest.json`` of a finished run.

    Raises:
        BadInput: missing, damaged, or of a newer version.
    """
    path = folder / names.MANIFEST
    content = read_json(path, "the run's manifest", _REMEDY)
    version = content.get("trigml_run") if isinstance(content, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadInput(
            "this folder is not a run of trigml", where=str(folder), expected="a run's manifest.json"
        )
    if version > RUN_VERSION:
        raise BadInput(
            "this run was made by a newer trigml",
            where=str(folder),
            expected=f"run format {RUN_VERSION}",
            found=f"run format {version}, written by trigml {content.get('trigml', '?')}",
            remedy="install a newer trigml",
        )
    try:
        return _parsed(content)
    except (KeyError, TypeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
        raise BadInput(
            "the run's manifest is damaged", where=str(path), found=found, remedy=_REMEDY
        ) from error


def _parsed(content: Mapping[str, Any]) -> Manifest:
    return Manifest(
        trigml_run=int(content["trigml_run"]),
        trigml=str(content["trigml"]),
        command=str(content["command"]),
        seed=int(content["seed"]),
        quantized=bool(content["quantized"]),
        data=tuple(DataFile(str(d["name"]), str(d["sha256"]), int(d["events"])) for d in content["data"]),
        spec_sha256=str(content["spec_sha256"]),
        graph_digest=str(content["graph_digest"]),
        versions={str(name): str(version) for name, version in dict(content["versions"]).items()},
        files={str(name): str(sha) for name, sha in dict(content["files"]).items()},
    )

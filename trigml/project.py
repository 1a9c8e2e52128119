"""A project in memory: what a backend makes, before anything is written or run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trigml.atomic import replacing_folder

PROJECT_FILE = "trigml_project.json"
"""What a project says of itself; a folder that has it is one of trigml."""


@dataclass(frozen=True)
class Project:
    """Files of a firmware project.

    Attributes:
        top: name of the top function or module.
        files: relative path → content.
    """

    top: str
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """SHA-256 over the paths and contents."""
        sha = hashlib.sha256()
        for path, content in sorted(self.files.items()):
            sha.update(f"{path}\0{len(content)}\0".encode())
            sha.update(content)
        return sha.hexdigest()

    def write(self, folder: Path) -> None:
        """Write all files; ``folder`` is replaced once the new content is complete.

        Raises:
            BadInput: the place cannot be written.
        """
        with replacing_folder(folder) as beside:
            self.write_into(beside)

    def write_into(self, folder: Path) -> None:
        """Write all files into an existing folder."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            if name.endswith(".sh"):
                path.chmod(path.stat().st_mode | 0o111)


def added_sources(folder: Path, files: Iterable[str]) -> list[str]:
    """Files in a folder's ``src``, all of which the vendors' scripts and the simulator read, beyond some.

    Args:
        folder: a project.
        files: those that belong to it, relative.
    """
    found = (path.relative_to(folder).as_posix() for path in (folder / "src").rglob("*") if path.is_file())
    return sorted(set(found) - set(files))

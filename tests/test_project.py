"""Projects in memory: digest, and writing as a whole."""

from pathlib import Path

import pytest

from trigml.errors import BadInput
from trigml.project import Project

FILES = {"build.sh": b"#!/bin/sh\n", "src/net.cpp": b"int net;\n", "src/empty.h": b""}


def test_the_digest_is_that_of_paths_and_contents() -> None:
    """Protects the identity of a project: each byte, each name and each border counts; order does not."""
    project = Project("net", FILES)
    assert Project("net", dict(reversed(FILES.items()))).digest == project.digest
    others = [
        FILES | {"src/net.cpp": b"int nex;\n"},
        FILES | {"src/more.h": b""},
        {name.replace("net", "nat"): content for name, content in FILES.items()},
        {"a": b"xy", "b": b"z"},
        {"a": b"x", "b": b"yz"},
        {"a": b"xyb", "": b"z"},
    ]
    digests = [project.digest, *(Project("net", files).digest for files in others)]
    assert len(set(digests)) == len(digests)


def test_writing(tmp_path: Path) -> None:
    """Protects that exactly the files are there afterwards, scripts executable."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "stale.cpp").write_text("old")
    Project("net", FILES).write(folder)
    written = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert written == FILES
    assert (folder / "build.sh").stat().st_mode & 0o111
    assert not (folder / "src/net.cpp").stat().st_mode & 0o111


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """Protects against half a project: one clear error, and the file in the way stays."""
    (tmp_path / "taken").write_text("precious")
    with pytest.raises(BadInput, match="cannot write"):
        Project("net", FILES).write(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]

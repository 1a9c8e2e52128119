"""What is kept between commands: where, and only whole."""

from pathlib import Path

import pytest

from trigml.toolchains.caching import cache_folder, keep, kept


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Protects the documented places, in their order."""
    monkeypatch.setenv("TRIGML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder("native") == tmp_path / "cache" / "native"
    monkeypatch.delenv("TRIGML_CACHE")
    assert cache_folder("native") == tmp_path / "xdg" / "trigml" / "native"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder("native") == tmp_path / ".cache" / "trigml" / "native"


def test_only_what_is_whole(tmp_path: Path) -> None:
    """Protects against using a file that another process is writing, or that a disk has damaged."""
    path = tmp_path / "folder" / "made.o"
    assert kept(path) is None
    keep(b"compiled", path)
    assert kept(path) == b"compiled"
    for damaged in (path.read_bytes()[:-1], b"x" + path.read_bytes()[1:], b""):
        path.write_bytes(damaged)
        assert kept(path) is None


def test_where_nothing_can_be_kept(tmp_path: Path) -> None:
    """Protects work on a machine whose cache cannot be written: nothing is kept, nothing fails."""
    (tmp_path / "file").write_text("in the way")
    keep(b"compiled", tmp_path / "file" / "made.o")
    assert kept(tmp_path / "file" / "made.o") is None

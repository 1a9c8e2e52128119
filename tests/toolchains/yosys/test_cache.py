"""Mapped modules are kept by digest; a damaged entry is never used."""

import os
from pathlib import Path

import pytest

from trigml.toolchains.yosys import cache as module
from trigml.toolchains.yosys.cache import Cache, Result, default_cache, key_of

RESULT = Result("statistics", "netlist")


def test_an_entry_is_found_until_a_byte_of_it_changes(tmp_path: Path) -> None:
    """Protects against stored rubbish: a flipped bit, a cut file, an entry under another's name."""
    cache = Cache(tmp_path / "cache")
    assert cache.find("a") is None
    assert cache.keep("a", RESULT) is None
    assert cache.find("a") == RESULT
    path = tmp_path / "cache" / "a.entry"
    whole = path.read_bytes()
    (tmp_path / "cache" / "b.entry").write_bytes(whole)
    assert cache.find("b") is None
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.find("a") is None
    path.write_bytes(whole[:-5])
    assert cache.find("a") is None
    path.write_bytes(whole)
    assert cache.find("a") == RESULT


def test_keys_depend_on_settings_names_and_contents() -> None:
    """Protects against the result of other sources."""
    keys = {
        key_of({"family": "xcup"}, {"a.v": b"1", "b.v": b"2"}),
        key_of({"family": "xcu"}, {"a.v": b"1", "b.v": b"2"}),
        key_of({"family": "xcup"}, {"a.v": b"2", "b.v": b"1"}),
        key_of({"family": "xcup"}, {"a.v": b"1"}),
        key_of({"family": "xcup"}, {"a.v": b"1", "b.v": b"2 "}),
    }
    assert len(keys) == 5
    assert key_of({"family": "xcup"}, {"b.v": b"2", "a.v": b"1"}) in keys


def test_the_least_recently_used_entries_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the disk: all entries together stay below a limit, and what is used stays longest."""
    cache = Cache(tmp_path)
    for age, key in enumerate(("new", "old", "oldest")):
        cache.keep(key, RESULT)
        os.utime(tmp_path / f"{key}.entry", (1e9 - age, 1e9 - age))
    assert cache.find("oldest") == RESULT  # and is the most recently used now
    size = (tmp_path / "new.entry").stat().st_size
    monkeypatch.setattr(module, "LARGEST_BYTES", 3 * size + 20)
    cache.keep("more", RESULT)
    assert {path.stem for path in tmp_path.glob("*.entry")} == {"new", "oldest", "more"}


def test_a_cache_that_cannot_be_written_is_a_remark(tmp_path: Path) -> None:
    """Protects the result: it is there, only not kept."""
    (tmp_path / "file").write_text("")
    assert "cannot write" in (Cache(tmp_path / "file").keep("a", RESULT) or "")
    assert Cache(None).keep("a", RESULT) is None
    assert Cache(None).find("a") is None


def test_entries_that_cannot_be_removed_are_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the result in a folder that others share: their entries may not be ours to remove."""

    def refused(cache: Cache) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Cache, "_shrink", refused)
    assert "does not shrink" in (Cache(tmp_path).keep("a", RESULT) or "")
    assert Cache(tmp_path).find("a") == RESULT


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Protects the convention of the desktop: in XDG_CACHE_HOME if it is set, else in ~/.cache."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    monkeypatch.delenv("TRIGML_CACHE", raising=False)
    assert default_cache() == tmp_path / "x" / "trigml" / "yosys"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_cache() == tmp_path / ".cache" / "trigml" / "yosys"

"""JSON that trigml wrote: read back, or one clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from trigml.errors import BadInput
from trigml.json_files import read_json_object


def test_an_object_comes_back(tmp_path: Path) -> None:
    """Protects the plain case, with signs beyond ASCII."""
    (tmp_path / "a.json").write_text('{"unit": "µs"}', encoding="utf-8")
    assert read_json_object(tmp_path / "a.json", "the file") == {"unit": "µs"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"null", b'{"a": 1}}', b'{"a": "\xff"}'])
def test_anything_else_is_damaged(tmp_path: Path, content: bytes) -> None:
    """Protects against tracebacks from files that were cut short, changed, or are something else."""
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_json_object(path, "the manifest", "train again")
    assert caught.value.problem == "the manifest is damaged"
    assert (caught.value.where, caught.value.remedy) == (str(path), "train again")
    assert caught.value.found


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    """Protects the difference between a damaged file and none."""
    for place in (tmp_path / "none.json", tmp_path):
        with pytest.raises(BadInput, match="cannot read: "):
            read_json_object(place, "the manifest")

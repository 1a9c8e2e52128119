"""Files and folders appear whole or not at all."""

import errno
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from trigml.atomic import refuse_unwritable, replacing_file, replacing_folder, write_json, write_text
from trigml.errors import BadInput


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


class Stop(BaseException):
    """Like Ctrl-C."""


def test_a_file_appears_with_its_parents_and_ordinary_permissions(tmp_path: Path) -> None:
    """Protects the plain case, and that others may read the file as the umask says."""
    path = tmp_path / "a" / "b.txt"
    write_text(path, "größer\n")
    assert path.read_text(encoding="utf-8") == "größer\n"
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    assert names(path.parent) == {"b.txt"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Stop])
def test_an_interrupted_file_leaves_the_old_one(tmp_path: Path, error: type[BaseException]) -> None:
    """Protects what stood there before, and leaves nothing beside it."""
    path = tmp_path / "result.json"
    path.write_text("old")

    def interrupted() -> None:
        with replacing_file(path) as beside:
            beside.write_text("half of the n")
            assert path.read_text() == "old"
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_text() == "old"
    assert names(tmp_path) == {"result.json"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Stop])
def test_an_interrupted_folder_leaves_the_old_one(tmp_path: Path, error: type[BaseException]) -> None:
    """Protects a finished project from a half-written one."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "old.cpp").write_text("old")

    def interrupted() -> None:
        with replacing_folder(folder) as beside:
            (beside / "new.cpp").write_text("new")
            raise error

    with pytest.raises(error):
        interrupted()
    assert names(folder) == {"old.cpp"}
    assert names(tmp_path) == {"project"}


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Protects against a mixture of old and new files."""
    folder = tmp_path / "deep" / "project"
    for content in ("first", "second"):
        with replacing_folder(folder) as beside:
            (beside / f"{content}.cpp").write_text(content)
        assert names(folder) == {f"{content}.cpp"}
        assert names(folder.parent) == {"project"}
    mask = os.umask(0)
    os.umask(mask)
    assert folder.stat().st_mode & 0o777 == 0o777 & ~mask


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    """Protects the message, and the old content, when the disk is full."""
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(BadInput, match="No space left") as error, replacing_file(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.where == str(path)
    assert "free some space" in (error.value.remedy or "")
    assert path.read_text() == "old"
    assert names(tmp_path) == {"result.json"}


def test_a_file_size_limit_is_met_as_by_a_full_disk(tmp_path: Path) -> None:
    """Protects the same with a write that the kernel really refuses."""
    program = """
        import resource, signal, sys
        from pathlib import Path
        from trigml.atomic import write_text
        from trigml.errors import BadInput
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_text(Path(sys.argv[1]), "x" * 100_000)
        except BadInput as error:
            sys.exit(str(error))
    """
    path = tmp_path / "result.txt"
    path.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert path.read_text() == "old"
    assert names(tmp_path) == {"result.txt"}


def test_a_folder_in_the_way_of_a_file(tmp_path: Path) -> None:
    """Protects the message when the name is taken by a folder."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(BadInput, match="cannot write"):
        write_text(tmp_path / "taken", "text")
    assert names(tmp_path) == {"taken"}


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    """Protects the file that stands where the folder should go, and leaves nothing beside it."""
    path = tmp_path / "taken"
    path.write_text("precious")
    with pytest.raises(BadInput, match="cannot write"), replacing_folder(path) as beside:
        (beside / "new").write_text("new")
    assert path.read_text() == "precious"
    assert names(tmp_path) == {"taken"}


def test_a_file_where_a_parent_should_be(tmp_path: Path) -> None:
    """Protects the message when the path leads through a file."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot write"):
        write_text(tmp_path / "file" / "result", "text")
    with pytest.raises(BadInput, match="cannot write"), replacing_folder(tmp_path / "file" / "project"):
        pytest.fail("the block must not be entered")


def test_json_is_readable_and_finite(tmp_path: Path) -> None:
    """Protects the form of JSON files: indented, a newline at the end, no NaN (which is not JSON)."""
    path = tmp_path / "a.json"
    write_json(path, {"β": [1, 2.5]})
    assert path.read_text(encoding="utf-8").endswith("}\n")
    assert json.loads(path.read_text(encoding="utf-8")) == {"β": [1, 2.5]}
    assert "β" in path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"x": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8")) == {"β": [1, 2.5]}


@pytest.mark.parametrize("place", ["thesis.tex/project", "thesis.tex/deep/project", f"{'long' * 70}/project"])
def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path: Path, place: str) -> None:
    """Protects minutes of work from an output whose folder is a file, or cannot have its name."""
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BadInput, match="cannot write") as error:
        refuse_unwritable(tmp_path / place)
    assert error.value.where == str(tmp_path / place)
    assert names(tmp_path) == {"thesis.tex"}


def test_a_place_that_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    """Protects the other half: folders that are not there yet are no obstacle, and are not made either."""
    refuse_unwritable(tmp_path / "deep" / "deeper" / "project")
    refuse_unwritable(tmp_path / "project")
    assert names(tmp_path) == set()

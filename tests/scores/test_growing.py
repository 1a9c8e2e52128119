"""A growing file of scores: any death, any damage, and still the same bytes."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.scores import OutputWord, ScoredFile, ScoresHeader, grow_scores
from trigml.scores.growing import DATA, JOURNAL, LOCK, unfinished_folder

N_EVENTS, PIECE = 70, 16
WORDS = np.random.default_rng(1).integers(-128, 128, (N_EVENTS, 3))
IDS = np.arange(N_EVENTS, dtype=np.uint64) * 7


def header(**changes: Any) -> ScoresHeader:
    made = ScoresHeader(
        trigml="1.0",
        network="toy",
        graph="ab12",
        stage="numpy",
        tool="numpy 2",
        dtype="int8",
        outputs=tuple(OutputWord(label, "logits", "ap_fixed<8,3>", 0.03125) for label in ("g", "q", "τ")),
        columns=("pt", "mass"),
        files=(ScoredFile("one.h5", 30, 1000, "aa"), ScoredFile("two.h5", N_EVENTS - 30, 2000, "bb")),
    )
    return replace(made, **changes)


def grow(out: Path, *, stop: int = N_EVENTS, force: bool = False, **changes: Any) -> int | None:
    """Add rows up to ``stop``, in pieces; how many were there before (``None``: the file was finished)."""
    with grow_scores(out, header(**changes), force=force) as growing:
        if growing is None:
            return None
        while growing.events < stop:
            rows = slice(growing.events, min(growing.events + PIECE, stop))
            growing.append(WORDS[rows], IDS[rows])
        if growing.complete:
            growing.finish()
        return growing.resumed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of an undisturbed file."""
    out = tmp_path_factory.mktemp("whole") / "scores.h5"
    assert grow(out) == 0
    return out.read_bytes()


def test_the_file_holds_what_was_appended(tmp_path: Path) -> None:
    """Protects the layout that docs/scores.md describes, and that nothing is left beside the file."""
    out = tmp_path / "new" / "scores.h5"
    grow(out)
    assert [path.name for path in out.parent.iterdir()] == ["scores.h5"]
    with h5py.File(out) as file:
        assert file["scores"].dtype == np.int8
        np.testing.assert_array_equal(file["scores"][:], WORDS)
        np.testing.assert_array_equal(file["event_id"][:], IDS)
        assert dict(file.attrs) == {
            "format": "trigml-scores",
            "version": 1,
            "trigml": "1.0",
            "network": "toy",
            "graph": "ab12",
            "stage": "numpy",
            "tool": "numpy 2",
        }
        assert file["outputs/label"].asstr()[:].tolist() == ["g", "q", "τ"]
        assert file["outputs/tensor"].asstr()[:].tolist() == ["logits"] * 3
        assert file["outputs/format"].asstr()[:].tolist() == ["ap_fixed<8,3>"] * 3
        assert file["outputs/lsb"][:].tolist() == [0.03125] * 3
        assert file["inputs/column"].asstr()[:].tolist() == ["pt", "mass"]
        assert file["files/name"].asstr()[:].tolist() == ["one.h5", "two.h5"]
        assert file["files/events"][:].tolist() == [30, 40]
        assert file["files/bytes"][:].tolist() == [1000, 2000]
        assert file["files/sha256"].asstr()[:].tolist() == ["aa", "bb"]


def test_many_inputs_and_outputs_fit(tmp_path: Path) -> None:
    """Protects models with more columns than an attribute of HDF5 could hold."""
    out = tmp_path / "scores.h5"
    outputs = tuple(OutputWord(f"logits[{i}]", "logits", "ap_fixed<8,3>", 1.0) for i in range(9000))
    wide = header(outputs=outputs, columns=tuple(f"x_{i}" for i in range(20_000)))
    with grow_scores(out, wide, force=False) as growing:
        assert growing is not None
        growing.append(np.ones((N_EVENTS, 9000), dtype=np.int64), IDS)
        growing.finish()
    with h5py.File(out) as file:
        assert file["scores"][:].sum() == N_EVENTS * 9000
        assert file["inputs/column"].asstr()[-1] == "x_19999"


_CALLS = ["os.pwrite", "os.write", "os.fsync", "os.fdatasync", "os.ftruncate", "os.posix_fallocate"]
_CALLS += ["Path.mkdir", "Path.replace", "Path.unlink", "Path.rmdir", "Path.open"]


def _die_at(call: int, out: Path) -> None:
    """Run in a process of its own: it ends, without tidying up, at the ``call``-th call that changes files.

    A write that it dies in is half done.
    """
    count = 0

    def counted(original: Callable[..., Any], *, writes: bool) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == call:
                if writes:
                    original(arguments[0], arguments[1][: len(arguments[1]) // 2], *arguments[2:])
                os._exit(9)
            return original(*arguments, **named)

        return wrapper

    for name in _CALLS:
        owner, attribute = (os if name.startswith("os.") else Path), name.split(".")[1]
        setattr(owner, attribute, counted(getattr(owner, attribute), writes=attribute.endswith("write")))
    grow(out)
    os._exit(0)


def _deaths(folder: Path) -> Iterator[Path]:
    """One output per moment at which the process can die; the last one lived."""
    context = multiprocessing.get_context("fork")
    for call in range(1, 1000):
        out = folder / str(call) / "scores.h5"
        process = context.Process(target=_die_at, args=(call, out))
        process.start()
        process.join(60)
        assert process.exitcode in (0, 9)
        yield out
        if process.exitcode == 0:
            return
    pytest.fail("the process never finished")


def test_a_process_that_dies_at_any_write_is_gone_on_with(tmp_path: Path, whole: bytes) -> None:
    """Protects the promise: dead between or within any two writes, started again, the same bytes."""
    resumed = []
    for out in _deaths(tmp_path):
        if out.exists() and not (unfinished_folder(out) / JOURNAL).exists():  # as good as finished
            with pytest.raises(BadInput, match="there already"):
                grow(out)
        else:
            resumed.append(grow(out))
        assert out.read_bytes() == whole
        assert [path.name for path in out.parent.iterdir()] == ["scores.h5"]
    assert len(resumed) > 20
    assert {0, 16, 32, 48, 64, None} <= set(resumed)


@pytest.mark.parametrize("bytes_lost", [1, 40, 150])
def test_a_torn_journal_costs_its_tail_only(tmp_path: Path, whole: bytes, bytes_lost: int) -> None:
    """Protects against half a line, or less, at the journal's end."""
    out = tmp_path / "scores.h5"
    grow(out, stop=64)
    journal = unfinished_folder(out) / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-bytes_lost])
    assert grow(out) == {1: 48, 40: 48, 150: 32}[bytes_lost]
    assert out.read_bytes() == whole


def test_damaged_rows_are_computed_again(tmp_path: Path, whole: bytes) -> None:
    """Protects against rows that a power failure took although the journal names them."""
    with h5py.File(_undisturbed(tmp_path)) as file:
        places = {name: file[name].id.get_offset() for name in ("scores", "event_id")}
    for name, row_bytes in (("scores", 3), ("event_id", 8)):
        out = tmp_path / f"{name}.h5"
        grow(out, stop=64)
        with (unfinished_folder(out) / DATA).open("rb+") as data:
            data.seek(places[name] + 40 * row_bytes)
            byte = data.read(1)
            data.seek(-1, os.SEEK_CUR)
            data.write(bytes([byte[0] ^ 1]))
        assert grow(out) == 32
        assert out.read_bytes() == whole


def _undisturbed(folder: Path) -> Path:
    out = folder / "undisturbed.h5"
    grow(out)
    return out


@pytest.mark.parametrize("damage", ["frame", "shorter", "no data", "no journal", "nonsense", "other frame"])
def test_what_cannot_be_gone_on_with_begins_again(tmp_path: Path, whole: bytes, damage: str) -> None:
    """Protects against a damaged frame, a lost file or a strange journal ending up in the scores."""
    out = tmp_path / "scores.h5"
    grow(out, stop=64)
    data, journal = unfinished_folder(out) / DATA, unfinished_folder(out) / JOURNAL
    if damage == "frame":
        data.write_bytes(b"\x00" + data.read_bytes()[1:])
    elif damage == "shorter":
        data.write_bytes(data.read_bytes()[:-1])
    elif damage == "no data":
        data.unlink()
    elif damage == "no journal":
        journal.unlink()
    elif damage == "nonsense":
        journal.write_bytes(b'\xff{"events": "all"}\n')
    else:
        lines = journal.read_text().splitlines(keepends=True)
        first = json.loads(lines[0])
        first["frame"]["scores"] = -4
        journal.write_text("".join([json.dumps(first) + "\n", *lines[1:]]))
    assert grow(out) == 0
    assert out.read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"graph": "cd34"}, 'graph: "ab12", now "cd34"'),
        ({"stage": "native"}, 'stage: "numpy", now "native"'),
        ({"columns": ("mass", "pt")}, "columns: "),
        (
            {"files": (header().files[0], replace(header().files[1], sha256="cc"))},
            'files.2.sha256: "bb", now "cc"',
        ),
    ],
    ids=["graph", "stage", "columns", "file"],
)
def test_unfinished_scores_of_another_kind_need_force(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    """Protects scores of two models, or of changed events, from ending up in one file."""
    out = tmp_path / "scores.h5"
    grow(out, stop=32)
    with pytest.raises(BadInput, match=r"another kind[\s\S]*--force") as error:
        grow(out, **change)
    assert named in (error.value.found or "")
    assert not out.exists()
    assert grow(out, force=True, **change) == 0
    other = tmp_path / "other.h5"
    grow(other, **change)
    assert out.read_bytes() == other.read_bytes()


def test_a_finished_file_needs_force_and_stays_until_the_new_one_is_complete(
    tmp_path: Path, whole: bytes
) -> None:
    """Protects what stands there, also while its successor grows."""
    out = tmp_path / "scores.h5"
    grow(out)
    with pytest.raises(BadInput, match=r"there already[\s\S]*--force"):
        grow(out, graph="cd34")
    assert not unfinished_folder(out).exists()
    grow(out, stop=32, force=True, graph="cd34")
    assert out.read_bytes() == whole
    with pytest.raises(BadInput, match=r"there already[\s\S]*--force"):
        grow(out, graph="cd34")
    assert grow(out, force=True, graph="cd34") == 32
    assert out.read_bytes() != whole


def test_nothing_is_left_if_nothing_was_computed(tmp_path: Path) -> None:
    """Protects the folder of the output from leftovers of a command that failed at its first event."""
    out = tmp_path / "scores.h5"

    def fails() -> None:
        with grow_scores(out, header(), force=False):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_work_on_one_file(tmp_path: Path) -> None:
    """Protects a growing file from a second command."""
    out = tmp_path / "scores.h5"
    with grow_scores(out, header(), force=False) as growing:
        assert growing is not None
        growing.append(WORDS[:16], IDS[:16])
        for force in (False, True):
            with pytest.raises(BadInput, match="another trigml computes these scores"):
                grow(out, force=force)
    assert grow(out) == 16


def test_files_of_others_are_not_touched(tmp_path: Path) -> None:
    """Protects a folder that only happens to have the name, and files put beside the unfinished ones."""
    out = tmp_path / "scores.h5"
    folder = unfinished_folder(out)
    folder.mkdir()
    (folder / "thesis.tex").write_text("precious")
    with pytest.raises(BadInput, match="something else"):
        grow(out, force=True)
    (folder / "thesis.tex").rename(tmp_path / "thesis.tex")
    grow(out, stop=32)
    (tmp_path / "thesis.tex").rename(folder / "thesis.tex")
    grow(out)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("place", ["folder", "file/scores.h5", "."])
def test_places_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    """Protects the messages for a folder, and for a path that leads through a file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match=r"is a folder|cannot write"):
        grow(tmp_path / place)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file"}


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_growing import grow
from trigml.errors import BadInput
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    grow(Path(sys.argv[1]))
except BadInput as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("limit", [10, 300, 3000, 6500])
def test_a_full_disk_is_one_message_at_the_beginning(tmp_path: Path, limit: int) -> None:
    """Protects hours of work: the space is claimed before the first event, and nothing is left without."""
    code = textwrap.dedent(FULL_DISK.format(limit=limit, folder=str(Path(__file__).parent)))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "scores.h5")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["pwrite", "write"])
def test_a_disk_that_fills_up_on_the_way_keeps_what_was_computed(
    tmp_path: Path, whole: bytes, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the rows before a write that failed in its middle."""
    out = tmp_path / "scores.h5"
    grow(out, stop=32)
    original = getattr(os, failing)

    def fails(handle: int, content: memoryview, *place: int) -> int:
        if len(content) < 10:
            raise OSError(28, os.strerror(28))
        return int(original(handle, content[: len(content) // 2], *place))

    with monkeypatch.context() as patched:
        patched.setattr(os, failing, fails)
        with pytest.raises(BadInput, match=r"No space left[\s\S]*goes on where it stopped"):
            grow(out)
    assert not out.exists()
    assert {path.name for path in unfinished_folder(out).iterdir()} == {DATA, JOURNAL, LOCK}
    assert grow(out) == 32
    assert out.read_bytes() == whole


def test_words_beyond_the_proven_range_are_a_fault(tmp_path: Path) -> None:
    """Protects against an emulator's fault being cut off to the file's type without a word."""
    with grow_scores(tmp_path / "scores.h5", header(), force=False) as growing:
        assert growing is not None
        with pytest.raises(ValueError, match="proven range"):
            growing.append(WORDS[:16] + 128, IDS[:16])
        with pytest.raises(ValueError, match="for 3 outputs"):
            growing.append(WORDS[:16, :2], IDS[:16])
        with pytest.raises(ValueError, match="rows 0 to 16"):
            growing.append(WORDS[:15], IDS[:16])
        with pytest.raises(ValueError, match="0 of 70 rows"):
            growing.finish()

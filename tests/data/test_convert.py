"""Tests of trigml.data.convert and the tables it reads: CSV, NPZ and ROOT."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import awkward
import numpy as np
import pytest
import uproot

from trigml.data.convert import ConvertInput, ConvertOptions, convert, parse_input
from trigml.data.header import read_header
from trigml.data.layout import Column
from trigml.data.reader import EventSource
from trigml.data.root_table import RootTable
from trigml.data.tables import Kind, Wanted
from trigml.errors import BadInput

N = 40_000  # several batches


def values() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        "pt": rng.exponential(50, N),
        "mass": rng.exponential(10, N),
        "n": rng.integers(0, 100, N),
        "event": rng.integers(0, 2**63, N).astype(np.uint64) * np.uint64(2) + np.uint64(1),
        "cls": rng.integers(0, 3, N),
    }


def write_csv(path: Path, columns: dict[str, Any], delimiter: str = ",") -> Path:
    lines = [delimiter.join(columns)]
    lines += [delimiter.join(str(value) for value in row) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_table(path: Path, columns: dict[str, np.ndarray]) -> Path:
    """The same columns as CSV, NPZ or ROOT."""
    if path.suffix == ".csv":
        return write_csv(path, {name: column.tolist() for name, column in columns.items()})
    if path.suffix == ".npz":
        np.savez_compressed(path, **columns)
        return path
    with uproot.recreate(path) as file:
        file.mktree("Events", columns)
    return path


@pytest.mark.parametrize("ending", ["csv", "npz", "root"])
def test_round_trip(tmp_path: Path, ending: str) -> None:
    """All numbers, ids to the last bit, and classes arrive, whatever the table."""
    columns = values()
    table = write_table(tmp_path / f"x.{ending}", columns)
    options = ConvertOptions(
        label="cls", class_names=("g", "q", "t"), event_id="event", units={"pt": "GeV"}, title="mine"
    )
    done = convert([ConvertInput(table)], tmp_path / "out.h5", options)
    assert (done.n_events, done.features, done.left_out) == (N, ("pt", "mass", "n"), ())
    assert done.event_id == "column event"
    header = read_header(tmp_path / "out.h5")
    assert header.title == "mine"
    assert header.features[0] == Column("pt", "GeV")
    assert header.features[2].dtype == ("float32" if ending == "csv" else "int64")
    assert header.provenance == {"converted_from": table.name}
    chunk = EventSource([tmp_path / "out.h5"], features=["pt", "mass", "n"], class_names="gqt").gather(None)
    np.testing.assert_array_equal(chunk.event_id, columns["event"])
    np.testing.assert_array_equal(chunk.labels, columns["cls"])
    expected = np.stack([columns["pt"], columns["mass"], columns["n"]], axis=1)
    np.testing.assert_array_equal(chunk.features, expected.astype(np.float32))


@pytest.mark.parametrize("ending", ["csv", "npz", "root"])
def test_one_class_per_file(tmp_path: Path, ending: str) -> None:
    """CLASS=FILE gives the classes in their order; rows are numbered through all files, and that is said."""
    inputs = [
        parse_input(f"{name}={write_table(tmp_path / f'{name}.{ending}', {'pt': np.arange(1.0, size)})}")
        for name, size in (("W", 6), ("g", 4))
    ]
    done = convert(inputs, tmp_path / "out.h5")
    assert done.class_names == ("W", "g")
    assert done.event_id == "running number of the row, from 0"
    chunk = EventSource([tmp_path / "out.h5"], features=["pt"], class_names=["g", "W"]).gather(None)
    assert chunk.labels.tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
    assert chunk.event_id.tolist() == list(range(8))
    assert chunk.features[:, 0].tolist() == [1, 2, 3, 4, 5, 1, 2, 3]


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_root_constituents(tmp_path: Path, kind: str) -> None:
    """Jagged branches are padded and cut to K, fixed arrays too; what holds no numbers is left out."""
    content: dict[str, Any] = {
        "pt": np.array([1.0, 2.0, 3.0]),
        "fixed": np.arange(12.0).reshape(3, 4),
        "con": awkward.zip({"pt": [[5.0, 4.0, 3.0], [], [9.0]], "eta": [[0.5, 0.25, 0.75], [], [1.0]]}),
    }
    dot = "_" if kind == "TTree" else "."
    with uproot.recreate(tmp_path / "x.root") as file:
        if kind == "TTree":  # which counts the constituents by itself
            file.mktree("Events", content)
        else:
            more = {"ncon": np.array([3, 0, 1], dtype=np.int32), "text": ["a", "b", "c"]}
            file.mkrntuple("Events", content | more)
    names = [f"con{dot}pt", f"con{dot}eta", "fixed"]
    options = ConvertOptions(constituents=tuple(names), n_constituents=2)
    done = convert([ConvertInput(tmp_path / "x.root")], tmp_path / "out.h5", options)
    assert set(done.features) == {"pt", "ncon"}
    chunk = EventSource([tmp_path / "out.h5"], features=["ncon"], constituents=names).gather(None)
    assert chunk.constituents[:, :, 0].tolist() == [[5, 4], [0, 0], [9, 0]]
    assert chunk.constituents[:, :, 1].tolist() == [[0.5, 0.25], [0, 0], [1, 0]]
    assert chunk.constituents[:, :, 2].tolist() == [[0, 1], [4, 5], [8, 9]]
    assert chunk.features[:, 0].tolist() == [3, 0, 1]


def test_npz_constituents(tmp_path: Path) -> None:
    """Matrices become constituents if asked for, padded or cut to K, and are left out otherwise."""
    np.savez(tmp_path / "x.npz", pt=np.arange(3.0), con=np.arange(6.0).reshape(3, 2))
    for width, first in ((1, [0]), (2, [0, 1]), (4, [0, 1, 0, 0])):
        options = ConvertOptions(constituents=("con",), n_constituents=width)
        convert([ConvertInput(tmp_path / "x.npz")], tmp_path / "out.h5", options, force=True)
        source = EventSource([tmp_path / "out.h5"], features=["pt"], constituents=["con"])
        assert source.gather(None).constituents[0, :, 0].tolist() == first
    done = convert([ConvertInput(tmp_path / "x.npz")], tmp_path / "out.h5", force=True)
    assert (done.features, done.left_out) == (("pt",), ("con",))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_csv_as_people_write_it(tmp_path: Path, delimiter: str) -> None:
    """Other delimiters, a byte order mark, blank lines, spaces, quotes and text columns are fine."""
    text = '\ufeffpt, "mass",run,cls\n\n1.5, 2e1 ,a,t\n-3,4,b,g \n\n'.replace(",", delimiter)
    (tmp_path / "x.csv").write_text(text.replace(f'{delimiter} "mass"', f'{delimiter}"mass"'))
    options = ConvertOptions(label="cls")
    done = convert([ConvertInput(tmp_path / "x.csv")], tmp_path / "out.h5", options)
    assert (done.features, done.left_out, done.class_names) == (("pt", "mass"), ("run",), ("g", "t"))
    chunk = EventSource([tmp_path / "out.h5"], features=["pt", "mass"], class_names=["g", "t"]).gather(None)
    assert chunk.features.tolist() == [[1.5, 20.0], [-3.0, 4.0]]
    assert chunk.labels.tolist() == [1, 0]


def test_classes_are_sorted_as_numbers(tmp_path: Path) -> None:
    """Without class names, numbered classes are named by their numbers, 2 before 10."""
    write_csv(tmp_path / "x.csv", {"pt": [1, 2, 3], "cls": [10, 2, 10]})
    done = convert([ConvertInput(tmp_path / "x.csv")], tmp_path / "out.h5", ConvertOptions(label="cls"))
    assert done.class_names == ("2", "10")


def csv_error(tmp_path: Path, text: str, **options: Any) -> BadInput:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(BadInput) as caught:
        convert([ConvertInput(tmp_path / "x.csv")], tmp_path / "out.h5", ConvertOptions(**options))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv"]
    return caught.value


@pytest.mark.parametrize(
    ("text", "options", "problem", "line"),
    [
        ("pt,m\n1,2\n\n3,x\n", {}, "the column 'm' has a cell that is not a number", 4),
        ("pt,m\n1,2\n3,\n", {}, "the column 'm' has a cell that is not a number", 3),
        ("pt,m\n1,2\n3,nan\n", {}, "the column 'm' has a value that cannot be used", 3),
        ("pt,m\n1,2\n3,-inf\n", {}, "the column 'm' has a value that cannot be used", 3),
        ("pt,m\n1,2\n3,1e39\n", {}, "the column 'm' has a value that cannot be used", 3),
        ("pt,m\n1,2\n3\n", {}, "a line has another number of cells than the first line", 3),
        ("pt,m\n1,2\n3,4,5\n", {}, "a line has another number of cells than the first line", 3),
        ("pt,e\n1,2\n3,-4\n", {"event_id": "e"}, "the column 'e' has a cell that is not a number", 3),
        ("pt,e\n1,2\n3,4.5\n", {"event_id": "e"}, "the column 'e' has a cell that is not a number", 3),
        ("pt,pt\n1,2\n", {}, "the column 'pt' is named twice", 1),
        ("1,2\n3,4\n", {}, "the first line has numbers where the names of the columns should be", 1),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, options: dict[str, Any], problem: str, line: int) -> None:
    """What is wrong in a CSV file is named with its line, and no output appears."""
    error = csv_error(tmp_path, text, **options)
    assert error.problem == problem
    assert error.where == f"{tmp_path / 'x.csv'}: line {line}"


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("pt,m\n", {}, "the file has no rows below the names of its columns"),
        ("\n\n", {}, "the file has only blank lines"),
        ("", {}, "the file is empty (0 bytes)"),
        ('pt,m\n1,"2\n', {}, "the file is not CSV text in UTF-8"),
        ("pt,m\n1,2\n", {"features": ("pt", "mm")}, "there is no column 'mm'"),
        ("pt,m\n1,a\n", {"features": ("pt", "m")}, "the column 'm' does not hold numbers"),
        ("pt,m\n1,2\n", {"label": "c"}, "there is no column 'c'"),
        ("pt,c\n1,x\n", {"label": "c", "class_names": ("g",)}, "a class is not among the class names"),
        ("pt,c\n1,1\n", {"label": "c", "class_names": ("g",)}, "a class is not among the class names"),
        ("pt,m\n1,2\n", {"label": "m", "event_id": "m"}, "the column 'm' is given two uses"),
        (
            "pt,m\n1,2\n",
            {"units": {"x": "GeV"}},
            "a unit is given for 'x', which is not converted",
        ),
        (
            "pt,m\n1,2\n",
            {"class_names": ("g",)},
            "class names are given, but not which class an event has",
        ),
        ("pt,m\n1,2\n", {"constituents": ("m",)}, "constituent columns and their number go together"),
    ],
)
def test_bad_conversions(tmp_path: Path, text: str, options: dict[str, Any], problem: str) -> None:
    """Each mistake has its own message, and no output appears."""
    assert csv_error(tmp_path, text, **options).problem == problem


def test_csv_that_is_not_text(tmp_path: Path) -> None:
    """A binary file called .csv is recognised."""
    (tmp_path / "x.csv").write_bytes(b"pt,m\n\xff\xfe\x00,1\n")
    with pytest.raises(BadInput, match="not CSV text"):
        convert([ConvertInput(tmp_path / "x.csv")], tmp_path / "out.h5")


class Trap:
    """Fails the test if pickle ever brings it to life."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("pickle was loaded",))


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"pt": np.array([1.0, np.nan])}, "the column 'pt' has a value that cannot be used"),
        ({"pt": np.array([Trap(), Trap()], dtype=object)}, "this array holds Python objects"),
        ({"pt": np.zeros((2, 2, 2))}, "this array does not have the shape of a column"),
        ({"pt": np.asfortranarray(np.zeros((3, 2)))}, "this array does not have the shape of a column"),
        ({"pt": np.float64(3)}, "this array does not have the shape of a column"),
        ({"pt": np.zeros(2), "m": np.zeros(3)}, "the arrays differ in length"),
        ({"pt": np.zeros(0)}, "the arrays are empty"),
        ({}, "the file holds no arrays"),
    ],
)
def test_bad_npz(tmp_path: Path, arrays: dict[str, Any], problem: str) -> None:
    """Arrays that are no columns are refused; objects without loading them."""
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(BadInput) as caught:
        convert([ConvertInput(tmp_path / "x.npz")], tmp_path / "out.h5")
    assert caught.value.problem.startswith(problem)


def test_npz_kinds(tmp_path: Path) -> None:
    """Ids must be whole and not negative; text serves as a label but not as a feature."""
    path = tmp_path / "x.npz"
    np.savez(
        path,
        pt=np.ones(3),
        neg=np.array([1, -1, 2]),
        half=np.array([1, 2.5, 3]),
        name=np.array(["g", "q", "g"]),
    )
    for event_id in ("neg", "half"):
        with pytest.raises(BadInput, match="cannot be used") as caught:
            convert([ConvertInput(path)], tmp_path / "out.h5", ConvertOptions(("pt",), event_id=event_id))
        assert caught.value.where == f"{path}: row 1 (from 0)"
    with pytest.raises(BadInput, match="'name' does not hold numbers"):
        convert([ConvertInput(path)], tmp_path / "out.h5", ConvertOptions(("name",)))
    done = convert([ConvertInput(path)], tmp_path / "out.h5", ConvertOptions(("pt",), label="name"))
    assert done.class_names == ("g", "q")


def test_npz_damaged(tmp_path: Path) -> None:
    """A file that is no archive, or whose content was changed, is refused."""
    path = tmp_path / "x.npz"
    path.write_bytes(b"not an archive")
    with pytest.raises(BadInput, match="not NPZ, or damaged"):
        convert([ConvertInput(path)], tmp_path / "out.h5")
    np.savez(path, pt=np.arange(10_000.0))
    content = bytearray(path.read_bytes())
    content[5000] ^= 255
    path.write_bytes(content)
    with pytest.raises(BadInput, match="not NPZ, or damaged"):
        convert([ConvertInput(path)], tmp_path / "out.h5")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pt.npy", b"hello, this is not an array")
    with pytest.raises(BadInput, match="not an array of NumPy"):
        convert([ConvertInput(path)], tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


def test_root_trees(tmp_path: Path) -> None:
    """The only tree is taken; of several, one has to be named, and the nearest name is offered."""
    path = tmp_path / "x.root"
    with uproot.recreate(path) as file:
        file.mktree("Events", {"pt": np.ones(3)})
        file.mkrntuple("Runs", {"lumi": np.ones(2)})
    with pytest.raises(BadInput, match="the file has several trees") as caught:
        convert([ConvertInput(path)], tmp_path / "out.h5")
    assert caught.value.found == "Events, Runs"
    with pytest.raises(BadInput, match="no tree 'events'") as caught:
        convert([ConvertInput(path)], tmp_path / "out.h5", ConvertOptions(tree="events"))
    assert caught.value.remedy == "did you mean 'Events'?"
    assert convert([ConvertInput(path)], tmp_path / "out.h5", ConvertOptions(tree="Runs")).n_events == 2


def test_bad_root(tmp_path: Path) -> None:
    """A file that is not ROOT, one without trees, NaN, and a jagged branch as a feature are refused."""
    path = tmp_path / "x.root"
    path.write_bytes(b"not root at all, but long enough to be read as a header " * 20)
    with pytest.raises(BadInput, match="not a ROOT file"):
        convert([ConvertInput(path)], tmp_path / "out.h5")
    with uproot.recreate(path) as file:
        file["h"] = np.histogram([1.0], bins=2)
    with pytest.raises(BadInput, match="the file has no tree"):
        convert([ConvertInput(path)], tmp_path / "out.h5")
    with uproot.recreate(path) as file:
        file.mktree("t", {"pt": np.array([1.0, np.nan]), "jag": awkward.Array([[1.0], [2.0, 3.0]])})
    with pytest.raises(BadInput, match="'pt' has a value that cannot be used") as caught:
        convert([ConvertInput(path)], tmp_path / "out.h5")
    assert caught.value.where == f"{path}: entry 1 (from 0)"
    with pytest.raises(BadInput, match="'jag' cannot be used so"):
        convert([ConvertInput(path)], tmp_path / "out.h5", ConvertOptions(features=("jag",)))


def test_inputs_and_outputs(tmp_path: Path) -> None:
    """Unknown endings, missing files, mixed ways to name classes and an output that exists are refused."""
    table = write_csv(tmp_path / "x.csv", {"pt": [1, 2]})
    out = tmp_path / "out.h5"
    with pytest.raises(BadInput, match="no files to convert"):
        convert([], out)
    with pytest.raises(BadInput, match="no such file"):
        convert([ConvertInput(tmp_path / "y.csv")], out)
    (tmp_path / "x.parquet").write_text("x")
    with pytest.raises(BadInput, match="cannot be converted"):
        convert([ConvertInput(tmp_path / "x.parquet")], out)
    with pytest.raises(BadInput, match="not clear which class"):
        convert([ConvertInput(table, "g"), ConvertInput(table)], out)
    with pytest.raises(BadInput, match="class 'gg' of an input"):
        convert([ConvertInput(table, "gg")], out, ConvertOptions(class_names=("g", "q")))
    out.write_text("old")
    with pytest.raises(BadInput, match="the output exists already"):
        convert([ConvertInput(table)], out)
    assert out.read_text() == "old"
    assert convert([ConvertInput(table)], out, force=True).n_events == 2


def test_parse_input(tmp_path: Path) -> None:
    """CLASS=FILE is told from a path, also from one with an equals sign in it."""
    assert parse_input("g=a/b.root") == ConvertInput(Path("a/b.root"), "g")
    assert parse_input("a/b.root") == ConvertInput(Path("a/b.root"))
    assert parse_input("run/x=1/b.root") == ConvertInput(Path("run/x=1/b.root"))
    odd = tmp_path / "x=1.csv"
    odd.touch()
    assert parse_input(str(odd)) == ConvertInput(odd)


def test_same_tables_same_bytes(tmp_path: Path) -> None:
    """The same command gives the same bytes."""
    table = write_csv(tmp_path / "x.csv", {"pt": [1, 2]})
    for name in ("a.h5", "b.h5"):
        convert([ConvertInput(table)], tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def write_root(path: Path, kind: str, compression: Any = None) -> Path:
    rng = np.random.default_rng(3)
    content = {
        "pt": rng.exponential(50, 300),
        "n": np.arange(300),
        "con": awkward.Array([[1.0 + row] * (row % 4) for row in range(300)]),
    }
    with uproot.recreate(path, compression=compression or uproot.ZLIB(1)) as file:
        (file.mktree if kind == "TTree" else file.mkrntuple)("Events", content)
    return path


def refusal(table: Path, output: Path, options: ConvertOptions) -> str | None:
    """What is wrong with the table, or None if it could be converted; other errors pass."""
    try:
        convert([ConvertInput(table)], output, options)
    except BadInput as error:
        return str(error)
    return None


ROOT_OPTIONS = ConvertOptions(features=("pt", "n"), constituents=("con",), n_constituents=3)


@pytest.mark.parametrize(
    ("kind", "codec"), [("TTree", "ZLIB"), ("TTree", "ZSTD"), ("TTree", "LZMA"), ("RNTuple", "ZLIB")]
)
def test_root_with_any_byte_changed(tmp_path: Path, kind: str, codec: str) -> None:
    """Damage anywhere in a ROOT file is explained with the file's name, and never leaves an output."""
    path = write_root(tmp_path / "x.root", kind, getattr(uproot, codec)(1))
    original = path.read_bytes()
    rng = np.random.default_rng(7)
    n_refused = 0
    for _ in range(25):
        content = bytearray(original)
        for place in rng.integers(0, len(content), 8):
            content[place] ^= 255
        path.write_bytes(content)
        refused = refusal(path, tmp_path / "out.h5", ROOT_OPTIONS)
        if refused is None:  # the change fell where nobody reads
            (tmp_path / "out.h5").unlink()
            continue
        n_refused += 1
        assert str(path) in refused
        assert [file.name for file in tmp_path.iterdir()] == ["x.root"]
    assert n_refused > 5


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_root_truncated(tmp_path: Path, kind: str, share: float) -> None:
    """A copy that stopped early is explained with the file's name, wherever it stopped."""
    path = write_root(tmp_path / "x.root", kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BadInput, match="not a ROOT file, or damaged") as caught:
        convert([ConvertInput(path)], tmp_path / "out.h5", ROOT_OPTIONS)
    assert caught.value.where == str(path)
    assert not (tmp_path / "out.h5").exists()


def test_root_with_lengths_beyond_the_values(tmp_path: Path) -> None:
    """Lists that claim to reach beyond the stored values are damage: awkward would read stray memory."""
    table = RootTable(write_root(tmp_path / "x.root", "TTree"))
    content = awkward.contents.NumpyArray(np.arange(4.0))
    offsets = awkward.index.Index64(np.array([0, 2, 2**40]))
    lists = awkward.Array(awkward.contents.ListOffsetArray(offsets, content))
    with pytest.raises(BadInput, match="damaged"):
        table._values(awkward, lists, Wanted("con", Kind.NESTED), 0, 3)


def test_root_with_fewer_entries_than_it_says(tmp_path: Path) -> None:
    """A tree that ends before its number of entries is damage, not a shorter file of events."""
    path = write_root(tmp_path / "x.root", "TTree")
    table = RootTable(path)
    with uproot.recreate(path) as file:
        file.mktree("Events", {"pt": np.ones(299)})
    with pytest.raises(BadInput, match="damaged") as caught:
        list(table.batches([Wanted("pt", Kind.NUMBER)], 100, 0))
    assert caught.value.found == "299 entries, where the tree says that it has 300"


def test_npz_with_any_byte_changed(tmp_path: Path) -> None:
    """Damage anywhere in an NPZ file is explained with the file's name, and never leaves an output."""
    path = tmp_path / "x.npz"
    np.savez_compressed(path, pt=np.random.default_rng(1).exponential(1, 300), n=np.arange(300))
    original = path.read_bytes()
    rng = np.random.default_rng(9)
    for _ in range(150):
        content = bytearray(original)
        for place in rng.integers(0, len(content), 2):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        assert str(path) in (refusal(path, tmp_path / "out.h5", ConvertOptions()) or str(path))
        (tmp_path / "out.h5").unlink(missing_ok=True)


@pytest.mark.parametrize("header", ["{'descr': '<f8', 'fortran_order': False, 'shape': (3,", "{'descr': []}"])
def test_npz_with_a_damaged_header(tmp_path: Path, header: str) -> None:
    """An array whose header does not parse is explained."""
    written = (header + "\n").encode()
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("pt.npy", b"\x93NUMPY\x01\x00" + len(written).to_bytes(2, "little") + written)
    with pytest.raises(BadInput, match="not an array of NumPy"):
        convert([ConvertInput(tmp_path / "x.npz")], tmp_path / "out.h5")


@pytest.mark.parametrize("options", [{}, {"event_id": "e"}])
def test_csv_numbers_with_underscores(tmp_path: Path, options: dict[str, Any]) -> None:
    """Python reads 2_0 as 20; in a table it is no number."""
    error = csv_error(tmp_path, "pt,e\n1,2\n3,2_0\n", **options)
    assert error.problem == "the column 'e' has a cell that is not a number"
    assert (error.where, error.found) == (f"{tmp_path / 'x.csv'}: line 3", "'2_0'")
    error = csv_error(tmp_path, "pt,e\n1,2_0\n3,4\n", features=("e",))
    assert error.problem == "the column 'e' does not hold numbers"

"""Tests of trigml.data.reader: what is read, from which files, and what is refused."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.data.blocks import Block, BlockReader, Chunk
from trigml.data.layout import Column
from trigml.data.reader import EventSource
from trigml.data.splits import Split, SplitFractions, assign
from trigml.data.stored import OpenEvents, StoredColumn
from trigml.errors import BadInput
from trigml.progress import Silent

MakeEvents = Callable[..., Path]


def together(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.event_id for chunk in chunks])


@pytest.mark.parametrize("compression", ["gzip", None])
@pytest.mark.parametrize("chunk_events", [1, 37, 64, 500, 10_000])
def test_all_events_in_order(make_events: MakeEvents, compression: str | None, chunk_events: int) -> None:
    """Without a seed, events come in the files' order, in full chunks, each with its own values."""
    paths = [
        make_events("a.h5", ids=range(300), compression=compression),
        make_events("b.h5", ids=range(5000, 5137), compression=compression),
    ]
    source = EventSource(
        paths, features=["mass", "pt"], class_names=["q", "g"], targets=["tau21"], chunk_events=chunk_events
    )
    chunks = list(source.chunks(None))
    assert [len(chunk) for chunk in chunks[:-1]] == [chunk_events] * (
        437 // chunk_events - (437 % chunk_events == 0)
    )
    event_id = together(chunks)
    np.testing.assert_array_equal(event_id, [*range(300), *range(5000, 5137)])
    for chunk in chunks:
        base = (10 * chunk.event_id).astype(np.float32)
        np.testing.assert_array_equal(chunk.features, np.stack([base + 1, base], axis=1))
        np.testing.assert_array_equal(chunk.labels, 1 - chunk.event_id % 2)
        np.testing.assert_array_equal(chunk.targets, base[:, None] + 2)
        assert chunk.features.dtype == np.float32
        assert chunk.features.flags.c_contiguous
        assert chunk.labels.dtype == np.int32
        assert chunk.constituents is None


@pytest.mark.parametrize("compression", ["gzip", None])
@pytest.mark.parametrize(("wanted", "found"), [(None, 5), (3, 3), (1, 1)])
def test_constituents(
    make_events: MakeEvents, compression: str | None, wanted: int | None, found: int
) -> None:
    """Constituents come as (n, K, C) in the order asked for, the first K of each event."""
    path = make_events(n_constituents=5, compression=compression)
    source = EventSource(
        [path], features=[], constituents=["deta", "pt"], n_constituents=wanted, chunk_events=333
    )
    for chunk in source.chunks(Split.TRAIN, seed=3):
        assert chunk.constituents is not None
        base = 10.0 * chunk.event_id.astype(float)[:, None, None]
        expected = base + np.arange(found)[None, :, None] / 64 + np.array([1, 0])
        np.testing.assert_array_equal(chunk.constituents, expected.astype(np.float32))
        assert chunk.constituents.flags.c_contiguous
        assert chunk.features.shape == (len(chunk), 0)


@pytest.mark.parametrize("seed", [None, 5])
def test_no_test_event_is_seen_in_training(make_events: MakeEvents, seed: int | None) -> None:
    """The splits of all files together are disjoint, complete, and follow the event ids."""
    paths = [make_events("a.h5", ids=range(3000)), make_events("b.h5", ids=range(1500, 4000))]
    source = EventSource(paths, features=["pt"], chunk_events=100)
    seen = {split: together(list(source.chunks(split, seed=seed))) for split in Split}
    for split, event_id in seen.items():
        assert (assign(event_id, source.fractions) == split).all()
        assert len(event_id) == source.count(split)
    assert not set(seen[Split.TRAIN]) & set(seen[Split.TEST])
    assert not set(seen[Split.TRAIN]) & set(seen[Split.VALIDATION])
    assert sorted(np.concatenate(list(seen.values()))) == sorted([*range(3000), *range(1500, 4000)])
    assert source.count(None) == 5500


def test_splits_stay_when_a_file_grows(make_events: MakeEvents) -> None:
    """Events that are appended, or put in front, leave the others in their splits."""
    small = EventSource([make_events("a.h5", ids=range(1000, 2000))], features=["pt"])
    grown = EventSource([make_events("b.h5", ids=range(0, 5000))], features=["pt"])
    for split in Split:
        before = set(together(list(small.chunks(split))))
        after = set(together(list(grown.chunks(split))))
        assert before == {event_id for event_id in after if 1000 <= event_id < 2000}


def test_same_seed_same_order(make_events: MakeEvents) -> None:
    """A seed fixes the order; another one gives another order of the same events."""
    paths = [make_events("a.h5", ids=range(2000)), make_events("b.h5", ids=range(2000, 3000))]
    source = EventSource(paths, features=["pt"], chunk_events=128)
    one, again, other = (together(list(source.chunks(Split.TRAIN, seed=seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    np.testing.assert_array_equal(np.sort(one), np.sort(other))


def test_order_does_not_depend_on_the_threads(
    make_events: MakeEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that take their time, each block another one, change neither the order nor a chunk in use."""
    source = EventSource([make_events(ids=range(20_000))], features=["pt"], chunk_events=100)
    undisturbed = together(list(source.chunks(Split.TRAIN, seed=1)))
    fill = BlockReader.fill
    delays = np.random.default_rng(1)

    def hesitating(self: BlockReader, block: Block, chunk: Chunk) -> np.ndarray:
        time.sleep(delays.uniform(0, 0.002))
        return fill(self, block, chunk)

    monkeypatch.setattr(BlockReader, "fill", hesitating)
    chunks = list(source.chunks(Split.TRAIN, seed=1))
    np.testing.assert_array_equal(together(chunks), undisturbed)
    for chunk in chunks:
        np.testing.assert_array_equal(chunk.features[:, 0], 10 * chunk.event_id)


@pytest.mark.parametrize("chunk_events", [1, 100, 333, 5000])
@pytest.mark.parametrize("split", [None, Split.TEST])
def test_mixed_chunks_are_full(make_events: MakeEvents, chunk_events: int, split: Split | None) -> None:
    """Mixed, too, all chunks but the last have ``chunk_events`` events, and each event comes once."""
    paths = [make_events("a.h5", ids=range(7000)), make_events("b.h5", ids=range(9000, 9010))]
    source = EventSource(paths, features=["pt"], chunk_events=chunk_events)
    chunks = list(source.chunks(split, seed=1))
    assert {len(chunk) for chunk in chunks[:-1]} <= {chunk_events}
    assert 1 <= len(chunks[-1]) <= chunk_events
    in_order = together(list(source.chunks(split)))
    np.testing.assert_array_equal(np.sort(together(chunks)), in_order)


def test_shuffled_rows_stay_together(make_events: MakeEvents) -> None:
    """Mixing moves whole events: id, features and label still belong to each other."""
    paths = [make_events("a.h5", ids=range(2000)), make_events("b.h5", ids=range(7000, 8000))]
    source = EventSource(paths, features=["pt", "tau21"], class_names=["g", "q"], chunk_events=50)
    for chunk in source.chunks(None, seed=1):
        base = (10 * chunk.event_id).astype(np.float32)
        np.testing.assert_array_equal(chunk.features, np.stack([base, base + 2], axis=1))
        np.testing.assert_array_equal(chunk.labels, chunk.event_id % 2)
        assert chunk.features.flags.c_contiguous


def test_one_file_per_class_is_mixed(make_events: MakeEvents) -> None:
    """With one class per file, every stretch holds the classes in about the proportion of the files."""
    sizes = {"g": 12_000, "q": 6_000, "W": 2_000}
    paths = [
        make_events(f"{name}.h5", ids=range(i * 10**6, i * 10**6 + size), classes=(name,), chunk_events=64)
        for i, (name, size) in enumerate(sizes.items())
    ]
    source = EventSource(paths, features=["pt"], class_names=["g", "q", "W"], chunk_events=100)
    chunks = list(source.chunks(None, seed=1))
    assert len(chunks) == 200
    for chunk in chunks:  # the buffer holds 32 chunks: a sixth of the events
        shares = np.bincount(chunk.labels, minlength=3) / len(chunk)
        np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.25)
        assert len(np.unique(chunk.event_id // 10**6)) == 3  # files
    unmixed = next(iter(source.chunks(None)))
    assert np.bincount(unmixed.labels, minlength=3).tolist() == [100, 0, 0]


def test_mixing_reaches_far(make_events: MakeEvents) -> None:
    """Each chunk draws from the whole of a sorted file, not from one stretch of it."""
    path = make_events(ids=range(20_000), chunk_events=128)
    source = EventSource([path], features=["pt"], chunk_events=100)
    for chunk in source.chunks(None, seed=1):  # the buffer holds a sixth of the file
        assert chunk.event_id.max() - chunk.event_id.min() > 10_000


def test_labels_are_mapped_by_name(make_events: MakeEvents) -> None:
    """Files may number their classes differently; events of other classes are left out."""
    one = make_events("a.h5", ids=range(300), classes=("g", "q", "W"))
    other = make_events("b.h5", ids=range(1000, 1200), classes=("W", "t"))
    source = EventSource([one, other], features=["pt"], class_names=["t", "W"])
    chunk = source.gather(None)
    expected = {i: 1 for i in range(300) if i % 3 == 2} | {i: 1 - (i % 2 == 1) for i in range(1000, 1200)}
    assert dict(zip(chunk.event_id.tolist(), chunk.labels.tolist(), strict=True)) == expected
    assert source.class_counts.sum(axis=0).tolist() == [100, 200]
    for split in Split:
        some = source.gather(split)
        assert {i: expected[i] for i in some.event_id.tolist()} == dict(
            zip(some.event_id.tolist(), some.labels.tolist(), strict=True)
        )
        assert np.bincount(some.labels, minlength=2).tolist() == source.class_counts[split].tolist()


def test_rows_of_one_collision_share_a_split(make_events: MakeEvents) -> None:
    """Both jets of an event are in training, or neither."""
    path = make_events(ids=np.repeat(np.arange(500), 2))
    source = EventSource([path], features=["pt"])
    for split in Split:
        _, counts = np.unique(source.gather(split).event_id, return_counts=True)
        assert (counts == 2).all()


def test_gather_with_a_limit(make_events: MakeEvents) -> None:
    """A limited sample is mixed over all files, the same each time, and exactly as large as asked for."""
    paths = [
        make_events(f"{i}.h5", ids=range(i * 1000, i * 1000 + 1000), classes=(f"c{i}",)) for i in range(3)
    ]
    source = EventSource(paths, features=["pt"], class_names=["c0", "c1", "c2"])
    chunk = source.gather(Split.TRAIN, 150)
    assert len(chunk) == 150
    assert np.bincount(chunk.labels).min() > 20
    np.testing.assert_array_equal(chunk.event_id, source.gather(Split.TRAIN, 150).event_id)
    assert len(source.gather(Split.TRAIN, 10**6)) == source.count(Split.TRAIN)


def test_only_the_asked_columns_are_read(make_events: MakeEvents, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other columns are never touched, and for an empty split not even the features are."""
    read: list[str] = []
    fill = OpenEvents.fill

    def noting(self: OpenEvents, columns: list[StoredColumn], start: int, values: list[np.ndarray]) -> None:
        read.extend(column.name for column in columns)
        fill(self, columns, start, values)

    monkeypatch.setattr(OpenEvents, "fill", noting)
    source = EventSource([make_events(n_constituents=3)], features=["mass"], class_names=["g"])
    list(source.chunks(Split.TRAIN, seed=1))
    assert set(read) == {"/event_id", "/labels", "/features/mass"}
    read.clear()
    nothing = SplitFractions(1.0, 0.0, 0.0)
    empty = EventSource(source.paths, features=["mass"], fractions=nothing)
    assert list(empty.chunks(Split.TEST)) == []
    assert set(read) == {"/event_id"}


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("compression", ["gzip", None])
def test_memory_stays_bounded(
    make_events: MakeEvents, monkeypatch: pytest.MonkeyPatch, seed: int | None, compression: str | None
) -> None:
    """No read is longer than four chunks, and reading is ahead of its consumer by few events."""
    longest, total = 0, 0
    fill = OpenEvents.fill

    def noting(self: OpenEvents, columns: list[StoredColumn], start: int, values: list[np.ndarray]) -> None:
        nonlocal longest, total
        rows = [len(array) for array in values]
        longest = max(longest, *rows)
        total += rows[0] if columns[0].name == "/event_id" else 0
        fill(self, columns, start, values)

    monkeypatch.setattr(OpenEvents, "fill", noting)
    source = EventSource(
        [make_events(ids=range(40_000), compression=compression)], features=["pt", "mass"], chunk_events=256
    )
    consumed = 0
    for chunk in source.chunks(None, seed=seed):
        consumed += len(chunk)
        assert total - consumed <= 256 * (2 * 32 + 16)  # two buffers
    assert consumed == 40_000
    assert longest <= 4 * 256


@pytest.mark.parametrize("seed", [None, 1])
def test_abandoned_iterator_closes_its_files(make_events: MakeEvents, seed: int | None) -> None:
    """Leaving a loop early leaves no open file behind."""
    source = EventSource([make_events(ids=range(20_000))], features=["pt"], chunk_events=100)
    before = len(os.listdir("/proc/self/fd"))
    for _ in source.chunks(None, seed=seed):
        break
    iterator = source.chunks(None, seed=seed)
    next(iterator)
    del iterator
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("compression", ["gzip", None])
@pytest.mark.parametrize("seed", [None, 1])
def test_not_finite(make_events: MakeEvents, value: float, compression: str | None, seed: int | None) -> None:
    """NaN and infinities in a requested column are an error with file, column and row; elsewhere not."""
    path = make_events(compression=compression)
    with h5py.File(path, "r+") as file:
        file["features/mass"][777] = value
    with pytest.raises(BadInput, match="NaN, infinite or too large") as caught:
        list(EventSource([path], features=["pt", "mass"], chunk_events=100).chunks(None, seed=seed))
    assert caught.value.where == f"{path}: /features/mass, row 777"
    assert caught.value.found == str(value)
    assert EventSource([path], features=["pt"]).gather(None).features.shape == (1000, 1)


def test_not_finite_constituent(make_events: MakeEvents) -> None:
    """A bad constituent is found by its row; one beyond the first K is not read."""
    path = make_events(n_constituents=4)
    with h5py.File(path, "r+") as file:
        file["constituents/deta"][500, 2] = np.nan
    with pytest.raises(BadInput) as caught:
        EventSource([path], features=["pt"], constituents=["pt", "deta"]).gather(None)
    assert caught.value.where == f"{path}: /constituents/deta, row 500"
    source = EventSource([path], features=["pt"], constituents=["pt", "deta"], n_constituents=2)
    assert source.gather(None).constituents.shape == (1000, 2, 2)


def test_not_finite_in_a_class_that_is_left_out(make_events: MakeEvents) -> None:
    """A value may be undefined for events that are not read."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["features/mass"][777] = np.nan  # an odd id: class q
    assert len(EventSource([path], features=["mass"], class_names=["g"]).gather(None)) == 500
    with pytest.raises(BadInput, match="row 777"):
        EventSource([path], features=["mass"], class_names=["q"]).gather(None)


def test_large_finite_values_are_fine(tmp_path: Path, make_events: MakeEvents) -> None:
    """Values whose squares overflow float32 are finite all the same; those beyond float32 are an error."""
    path = make_events(features=(Column("pt", dtype="float64"),), ids=range(100))
    with h5py.File(path, "r+") as file:
        file["features/pt"][50] = 3e38
    assert EventSource([path], features=["pt"]).gather(None).features[50, 0] == np.float32(3e38)
    with h5py.File(path, "r+") as file:
        file["features/pt"][50] = 1e39
    with pytest.raises(BadInput, match="too large for float32") as caught:
        EventSource([path], features=["pt"]).gather(None)
    assert caught.value.found == "1e+39"


def test_label_out_of_range(make_events: MakeEvents) -> None:
    """A label without a class name is an error with its row."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["labels"][612] = 2
    source = EventSource([path], features=["pt"], class_names=["g", "q"], chunk_events=100)
    with pytest.raises(BadInput, match="a label is out of range") as caught:
        list(source.chunks(Split.TRAIN))
    assert caught.value.where == f"{path}: /labels, row 612"
    with pytest.raises(BadInput, match="a label is out of range"):
        source.count(Split.TRAIN)


def test_missing_column_names_the_nearest(make_events: MakeEvents) -> None:
    """A misspelt column is answered with the file and the nearest names."""
    paths = [make_events("a.h5"), make_events("b.h5", features=(Column("pt", "GeV"), Column("tau_21")))]
    with pytest.raises(BadInput, match="no feature 'tau21'") as caught:
        EventSource(paths, features=["pt", "tau21"])
    assert caught.value.where == str(paths[1])
    assert caught.value.remedy == "did you mean 'tau_21'?"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"features": []}, "no columns were asked for"),
        ({"features": ["pt", "pt"]}, "feature 'pt' is named twice"),
        ({"features": ["pt"], "class_names": ["g", "Q"]}, "no class 'Q'"),
        ({"features": ["pt"], "class_names": []}, "list of classes is empty"),
        ({"features": ["pt"], "targets": ["energy"]}, "no feature 'energy'"),
        ({"features": ["pt"], "constituents": ["phi"]}, "no constituent column 'phi'"),
        ({"features": ["pt"], "constituents": ["pt"], "n_constituents": 9}, "so many constituents"),
        ({"features": ["pt"], "constituents": ["pt"], "n_constituents": 0}, "so many constituents"),
        ({"features": ["pt"], "chunk_events": 0}, "at least one event"),
    ],
)
def test_bad_requests(make_events: MakeEvents, request_: dict[str, object], message: str) -> None:
    """What the files do not have is refused when the source is made."""
    with pytest.raises(BadInput, match=message):
        EventSource([make_events(n_constituents=4)], **request_)  # type: ignore[arg-type]


def test_files_that_do_not_fit_each_other(make_events: MakeEvents) -> None:
    """Different units, numbers of constituents, missing labels and the same file twice are refused."""
    one = make_events("a.h5", n_constituents=3)
    other = make_events("b.h5", n_constituents=4, classes=None, features=(Column("pt", "MeV"),))
    with pytest.raises(BadInput, match="column 'pt' in different units"):
        EventSource([one, other], features=["pt"])
    with pytest.raises(BadInput, match="differ in the number of constituents"):
        EventSource([one, other], features=[], constituents=["pt"])
    assert EventSource([one, other], features=[], constituents=["pt"], n_constituents=3).n_constituents == 3
    with pytest.raises(BadInput, match="the file has no labels"):
        EventSource([other], features=["pt"], class_names=["g"])
    with pytest.raises(BadInput, match="the same file is named twice"):
        EventSource([one, one.parent / "." / one.name], features=["pt"])
    with pytest.raises(BadInput, match="no files of events were named"):
        EventSource([], features=["pt"])


def test_empty_split(make_events: MakeEvents) -> None:
    """Gathering a split without events says which one it is."""
    source = EventSource([make_events()], features=["pt"], fractions=SplitFractions(1.0, 0.0, 0.0))
    assert source.count(Split.TEST) == 0
    with pytest.raises(BadInput, match="the test split has no events"):
        source.gather(Split.TEST)


def test_file_changed_while_in_use(make_events: MakeEvents) -> None:
    """A file that is replaced after it was validated is not read by the old one's addresses."""
    source = EventSource([make_events("a.h5")], features=["pt"])
    make_events("a.h5", ids=range(2000))
    with pytest.raises(BadInput, match="the file changed while it was in use"):
        source.gather(None)


def test_damaged_values(make_events: MakeEvents) -> None:
    """Zeros in the middle of a compressed column are an error with file and column."""
    path = make_events()
    with h5py.File(path) as file:
        chunk = file["features/pt"].id.get_chunk_info(5)
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(bytes(chunk.size))
    with pytest.raises(BadInput, match="seems to be damaged") as caught:
        EventSource([path], features=["pt"]).gather(None)
    assert caught.value.where == f"{path}: /features/pt"


def test_digest_is_that_of_the_bytes(make_events: MakeEvents) -> None:
    """The digests are SHA-256 of the files; the common one changes with any byte and with the order."""
    paths = [make_events("a.h5"), make_events("b.h5", ids=range(10))]
    source = EventSource(paths, features=["pt"])
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert [file.sha256 for file in source.file_digests()] == expected
    assert source.digest(Silent()) == hashlib.sha256("".join(expected).encode()).hexdigest()
    assert EventSource(paths[::-1], features=["pt"]).digest() != source.digest()

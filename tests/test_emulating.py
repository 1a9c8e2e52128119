"""Scores of files of events: the reference's words, in order, resumed, refused where they would be wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pytest

import trigml.emulating as job
from trigml.data.layout import Column, EventsWriter
from trigml.emulating import emulate_files
from trigml.emulation.numpy_emulator import emulate
from trigml.emulation.stage import EmulationStage
from trigml.errors import BadInput, Interrupted
from trigml.graph import Graph
from trigml.network_events import columns_of

NUMPY = EmulationStage.NUMPY


@dataclass
class Listener:
    """Keeps what it hears; presses Ctrl-C when more than ``interrupt_at`` events are done."""

    interrupt_at: float = float("inf")
    lines: list[str] = field(default_factory=list)
    done: float = 0

    def task(self, title: str, total: float | None = None) -> AbstractContextManager[Listener]:
        self.done = 0
        return nullcontext(self)

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        self.done += amount
        if "events/s" in note and self.done > self.interrupt_at:
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        self.lines.append(text)

    detail = say


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many pieces from few events."""
    monkeypatch.setattr("trigml.network_events.MOST_CHUNK_EVENTS", 128)


@pytest.fixture
def graph(make_graph: Callable[..., Graph]) -> Graph:
    return make_graph(5)


def write(path: Path, graph: Graph, n: int = 1000, seed: int = 0) -> tuple[Path, np.ndarray]:
    """Events over and beyond the range of the inputs, and their features in the order of the inputs."""
    features = graph.contract.features
    reach = np.array([graph.contract.reach(feature) for feature in features])
    values = np.random.default_rng(seed).uniform(1.2 * reach[:, 0], 1.2 * reach[:, 1], (n, len(features)))
    values = values.astype(np.float32)
    with EventsWriter(
        path, title="test", features=[Column(f.name, f.unit) for f in reversed(features)], chunk_events=64
    ) as writer:
        writer.append(
            event_id=np.arange(n) + 1000 * seed,
            features={feature.name: values[:, place] for place, feature in enumerate(features)},
        )
    return path, values


def test_the_words_are_those_of_the_reference(tmp_path: Path, graph: Graph) -> None:
    """Protects words, order over several files, ids, LSBs and provenance; the events have no labels."""
    paths, values = zip(*(write(tmp_path / f"{seed}.h5", graph, 700, seed) for seed in (2, 1)), strict=True)
    summary = emulate_files(graph, paths, tmp_path / "s.h5", stage=NUMPY)
    expected = emulate(graph, graph.contract.words(np.concatenate(values)))
    with h5py.File(tmp_path / "s.h5") as file:
        np.testing.assert_array_equal(file["scores"][:], expected)
        np.testing.assert_array_equal(file["event_id"][:], [*range(2000, 2700), *range(1000, 1700)])
        assert file["outputs/lsb"][:].tolist() == [graph.output.format.lsb] * graph.n_out
        assert file["files/name"].asstr()[:].tolist() == ["2.h5", "1.h5"]
        assert file["files/bytes"][:].tolist() == [path.stat().st_size for path in paths]
        assert file.attrs["graph"] == graph.digest
        assert file.attrs["stage"] == "numpy"
        assert file.attrs["tool"] == f"numpy {np.__version__}"
    assert (summary.events, summary.resumed, summary.stage) == (1400, 0, "numpy")
    assert len(np.unique(expected, axis=0)) > 100


@pytest.mark.slow
def test_the_native_emulator_gives_the_same_rows(tmp_path: Path, graph: Graph) -> None:
    """Protects the default stage: the same words, and a file that says who computed them."""
    path, _ = write(tmp_path / "e.h5", graph)
    emulate_files(graph, [path], tmp_path / "numpy.h5", stage=NUMPY)
    summary = emulate_files(graph, [path], tmp_path / "native.h5", threads=2)
    with h5py.File(tmp_path / "numpy.h5") as numpy, h5py.File(tmp_path / "native.h5") as native:
        np.testing.assert_array_equal(native["scores"][:], numpy["scores"][:])
        assert native["scores"].dtype == numpy["scores"].dtype
        assert native.attrs["stage"] == "native"
        assert native.attrs["tool"] == summary.tool != numpy.attrs["tool"]


def test_the_type_is_the_smallest_for_the_proven_range(
    tmp_path: Path, make_graph: Callable[..., Graph]
) -> None:
    """Protects against words cut off, and against files eight times too large."""
    path, _ = write(tmp_path / "e.h5", make_graph(5), 10)
    seen = set()
    for bits in (2, 4, 8, 16):
        graph = make_graph(5, weight_format=f"ap_fixed<{bits},1>")
        out = tmp_path / f"{bits}.h5"
        emulate_files(graph, [path], out, stage=NUMPY)
        low, high = graph.ranges[graph.outputs[0]].bounds
        with h5py.File(out) as file:
            limits = np.iinfo(file["scores"].dtype)
            assert limits.min <= low
            assert high <= limits.max
            narrower = np.iinfo(f"i{limits.dtype.itemsize // 2}") if limits.dtype.itemsize > 1 else None
            assert narrower is None or low < narrower.min or high > narrower.max
            seen.add(limits.bits)
    assert len(seen) > 1


def test_ctrl_c_keeps_what_was_computed(tmp_path: Path, graph: Graph) -> None:
    """Protects the work before an interruption, and that the resumed file has the same bytes."""
    path, _ = write(tmp_path / "e.h5", graph)
    emulate_files(graph, [path], tmp_path / "undisturbed.h5", stage=NUMPY)
    out = tmp_path / "s.h5"
    with pytest.raises(Interrupted, match="same command again") as error:
        emulate_files(graph, [path], out, stage=NUMPY, progress=Listener(interrupt_at=300))
    assert error.value.found == "kept: the scores of 384 of 1,000 events"
    assert not out.exists()
    listener = Listener()
    summary = emulate_files(graph, [path], out, stage=NUMPY, progress=listener)
    assert summary.resumed == 384
    assert listener.done == 1000
    assert any("after 384 events" in line for line in listener.lines)
    assert out.read_bytes() == (tmp_path / "undisturbed.h5").read_bytes()


def test_ctrl_c_before_the_first_event_leaves_nothing(
    tmp_path: Path, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the folder of the output, and the message."""

    def interrupted(self: object, features: np.ndarray) -> np.ndarray:
        raise KeyboardInterrupt

    monkeypatch.setattr(job.NumpyEmulation, "predict", interrupted)
    path, _ = write(tmp_path / "e.h5", graph)
    with pytest.raises(Interrupted, match="nothing new was computed"):
        emulate_files(graph, [path], tmp_path / "s.h5", stage=NUMPY)
    assert [p.name for p in tmp_path.iterdir()] == ["e.h5"]


def test_changed_events_are_not_gone_on_with(tmp_path: Path, graph: Graph) -> None:
    """Protects against a file whose first rows are of the old events and the others of the new ones."""
    path, _ = write(tmp_path / "e.h5", graph)
    out = tmp_path / "s.h5"
    with pytest.raises(Interrupted):
        emulate_files(graph, [path], out, stage=NUMPY, progress=Listener(interrupt_at=300))
    write(path, graph, seed=9)
    with pytest.raises(BadInput, match=r"another kind[\s\S]*files\.1\.sha256[\s\S]*--force"):
        emulate_files(graph, [path], out, stage=NUMPY)
    emulate_files(graph, [path], out, stage=NUMPY, force=True)
    emulate_files(graph, [path], tmp_path / "undisturbed.h5", stage=NUMPY)
    assert out.read_bytes() == (tmp_path / "undisturbed.h5").read_bytes()


def test_events_that_change_meanwhile_are_noticed(
    tmp_path: Path, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against rows of two versions of a file when it changes while it is read."""
    path, _ = write(tmp_path / "e.h5", graph, 4000)
    original = job.NumpyEmulation.predict

    def changing(self: job.NumpyEmulation, features: np.ndarray) -> np.ndarray:
        write(path, graph, seed=9)
        return original(self, features)

    monkeypatch.setattr(job.NumpyEmulation, "predict", changing)
    with pytest.raises(BadInput, match="changed while it was in use"):
        emulate_files(graph, [path], tmp_path / "s.h5", stage=NUMPY)
    assert not (tmp_path / "s.h5").exists()


def test_a_nan_on_the_way_is_placed_and_nothing_finished(tmp_path: Path, graph: Graph) -> None:
    """Protects against a score for a value that has no word."""
    paths = [write(tmp_path / f"{seed}.h5", graph, 1000, seed)[0] for seed in (1, 2)]
    with h5py.File(paths[1], "r+") as file:
        file["features/x1"][777] = np.nan
    with pytest.raises(BadInput, match="NaN") as error:
        emulate_files(graph, paths, tmp_path / "s.h5", stage=NUMPY)
    assert error.value.where == f"{paths[1]}: /features/x1, row 777"
    assert not (tmp_path / "s.h5").exists()


def test_an_input_is_never_overwritten(tmp_path: Path, graph: Graph) -> None:
    """Protects the events from ``-o`` with their own name, in any spelling and with ``--force``."""
    path, _ = write(tmp_path / "e.h5", graph)
    before = path.read_bytes()
    for out in (path, tmp_path / "x" / ".." / "e.h5"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(BadInput, match="one of the inputs"):
            emulate_files(graph, [path], out, stage=NUMPY, force=True)
    assert path.read_bytes() == before


def test_columns_can_be_named(tmp_path: Path, graph: Graph) -> None:
    """Protects the order of named columns, which a file of scores also states."""
    path, values = write(tmp_path / "e.h5", graph)
    columns = columns_of(graph, ["x0", "x2", "x2"])
    emulate_files(graph, [path], tmp_path / "s.h5", columns=columns, stage=NUMPY)
    with h5py.File(tmp_path / "s.h5") as file:
        expected = emulate(graph, graph.contract.words(values[:, [0, 2, 2]]))
        np.testing.assert_array_equal(file["scores"][:], expected)
        assert file["inputs/column"].asstr()[:].tolist() == ["x0", "x2", "x2"]

"""How events reach the training loop: in memory or streamed, the same either way but for their order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trigml.contract import InputContract, InputFeature
from trigml.data.reader import EventSource
from trigml.data.splits import Split, SplitFractions
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.training import events as module
from trigml.training.events import float_inputs, gather_events, in_pieces, quantized_inputs
from trigml.training.loop import TrainingEvents

CONTRACT = InputContract(
    tuple(InputFeature(f"f{index}", "GeV", 0.5 * index, 1) for index in range(4)),
    FixedPoint.parse("ap_fixed<10,3,RND_CONV,SAT>"),
)


def source(*paths: Path, classes: tuple[str, ...] = ("a", "b", "c"), chunk_events: int = 256) -> EventSource:
    return EventSource(
        paths,
        features=[f"f{index}" for index in range(4)],
        class_names=classes,
        fractions=SplitFractions(train=0.6, validation=0.2, test=0.2),
        chunk_events=chunk_events,
    )


def rows_of(events: TrainingEvents, epoch: int, batch_size: int) -> np.ndarray:
    """All rows of an epoch, inputs and labels, in their order."""
    return np.concatenate([np.column_stack([x, y]) for x, y in events.epoch(epoch, batch_size)])


def in_canonical_order(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T)]


def test_float_inputs_are_neither_rounded_nor_saturated() -> None:
    """The float reference sees what the detector measured; the quantised model sees the FPGA's words."""
    features = np.array([[0.003, 0.5, 100.0, -50.0]], dtype=np.float32)
    np.testing.assert_array_equal(
        float_inputs(CONTRACT)(features)[0], np.float32([0.003 / 2, 0.0, (100 - 1) / 2, (-50 - 1.5) / 2])
    )
    np.testing.assert_array_equal(quantized_inputs(CONTRACT)(features)[0], [0.0, 0.0, 4 - 1 / 128, -4.0])


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inputs are the same however the events are cut."""
    features = np.random.default_rng(0).normal(size=(1000, 4)).astype(np.float32) * 5
    whole = quantized_inputs(CONTRACT)(features)
    monkeypatch.setattr(module, "_PIECE_EVENTS", 77)
    np.testing.assert_array_equal(in_pieces(quantized_inputs(CONTRACT), features), whole)


def test_streamed_and_held_training_events_are_the_same(toy_events: Path) -> None:
    """A small budget streams, a large one holds: either way each training event comes once per epoch."""
    held = gather_events(source(toy_events), seed=1)
    streamed = gather_events(source(toy_events), seed=1, memory_budget=0)
    assert (held.streamed, streamed.streamed) == (False, True)
    prepare = quantized_inputs(CONTRACT)
    one, other = held.training_events(prepare, 1), streamed.training_events(prepare, 1)
    assert isinstance(other, module.Streamed)
    assert one.n_events == other.n_events == held.source.count(Split.TRAIN)
    expected = in_canonical_order(rows_of(one, 0, 100))
    np.testing.assert_array_equal(in_canonical_order(rows_of(other, 0, 100)), expected)


@pytest.mark.parametrize("stream", [False, True])
def test_the_order_depends_on_seed_and_epoch_alone(toy_events: Path, stream: bool) -> None:
    """The same epoch comes in the same order, another one or another seed in another; batches are full."""
    gathered = gather_events(source(toy_events), seed=1)

    def rows(seed: int, epoch: int) -> np.ndarray:
        prepare = float_inputs(CONTRACT)
        if stream:
            return rows_of(module.Streamed(gathered.source, prepare, seed), epoch, 64)
        return rows_of(gathered.training_events(prepare, seed), epoch, 64)

    np.testing.assert_array_equal(rows(1, 0), rows(1, 0))
    assert not np.array_equal(rows(1, 0), rows(1, 1))
    assert not np.array_equal(rows(1, 0), rows(2, 0))


def test_all_batches_but_the_last_are_full(toy_events: Path) -> None:
    """Batches do not end where chunks of a file end."""
    stream = module.Streamed(source(toy_events, chunk_events=100), float_inputs(CONTRACT), 1)
    sizes = [len(labels) for _, labels in stream.epoch(0, 64)]
    assert set(sizes[:-1]) == {64}
    assert 0 < sizes[-1] <= 64
    assert sum(sizes) == stream.n_events


def test_a_file_sorted_by_class_is_mixed(write_toy: Callable[..., Path], tmp_path: Path) -> None:
    """A file that holds one class after the other does not reach the optimiser class by class."""
    path = write_toy(tmp_path / "sorted.h5", 3000, sorted_=True)
    stream = module.Streamed(source(path), float_inputs(CONTRACT), 1)
    first = next(iter(stream.epoch(0, 300)))[1]
    assert np.bincount(first, minlength=3).min() > 50


def test_no_split_sees_events_of_another(toy_events: Path) -> None:
    """Training, validation and test share no event, and together they are all."""
    gathered = gather_events(source(toy_events), seed=1)
    ids = [set(chunk.event_id.tolist()) for chunk in (gathered.training, gathered.validation, gathered.test)]
    assert ids[0] | ids[1] | ids[2] == set(range(1500))
    assert sum(map(len, ids)) == 1500


def test_large_splits_are_thinned_at_random(toy_events: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits hold, the seed chooses, and the sample for fits is a part of the training events."""
    for name in ("MAX_SAMPLE_EVENTS", "MAX_TEST_EVENTS"):
        monkeypatch.setattr(module, name, 50)
    one, same, other = (gather_events(source(toy_events), seed=seed) for seed in (1, 1, 2))
    assert (len(one.validation), len(one.test), len(one.sample)) == (50, 50, 50)
    assert not one.streamed
    np.testing.assert_array_equal(one.test.event_id, same.test.event_id)
    np.testing.assert_array_equal(one.sample.event_id, same.sample.event_id)
    assert not np.array_equal(one.test.event_id, other.test.event_id)
    assert set(one.sample.event_id.tolist()) < set(one.training.event_id.tolist())


def test_an_absent_class_is_named(write_toy: Callable[..., Path], tmp_path: Path) -> None:
    """A class without events in a split is found before hours of training."""
    few = write_toy(tmp_path / "few.h5", 8, seed=3)
    with pytest.raises(BadInput, match=r"split has [01] events of class '[abc]'[\s\S]*data\.classes"):
        gather_events(source(few), seed=1)

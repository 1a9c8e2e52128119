"""Checkpoints of a training."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.training.state import EpochRecord, TrainState


def record(epoch: int, validation_loss: float) -> EpochRecord:
    return EpochRecord(epoch, 0.01, 1.0, 0.5, validation_loss, 0.6)


def state() -> TrainState:
    weights = (np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(3, np.float32))
    optimizer = (np.array(7), np.array(0.1, np.float32), np.ones((2, 3), np.float32))
    return TrainState(weights, optimizer, weights)


def test_a_checkpoint_comes_back_unchanged(tmp_path: Path) -> None:
    """Every array keeps its bits, type and shape, many of them their order, and the history is the same."""
    many = tuple(np.full((index,), index, np.float32) for index in range(1, 25))
    before = TrainState(many, many[::-1], many).after_epoch(record(0, 0.1 + 0.2), many[::-1], many)
    before.save(tmp_path / "c.npz")
    after = TrainState.load(tmp_path / "c.npz")
    assert after is not None
    assert after.history == before.history
    for kind in ("weights", "optimizer", "best_weights"):
        for one, other in zip(getattr(before, kind), getattr(after, kind), strict=True):
            np.testing.assert_array_equal(one, other)
            assert (one.dtype, one.shape) == (other.dtype, other.shape)


def test_the_best_weights_are_those_of_the_lowest_validation_loss() -> None:
    """A new minimum replaces them, anything else does not; not even an equal loss."""
    current = state()
    for epoch, loss in enumerate([3.0, 1.0, 2.0, 1.0]):
        current = current.after_epoch(record(epoch, loss), [np.full(2, epoch)], [])
    assert current.best.epoch == 1
    np.testing.assert_array_equal(current.best_weights[0], [1, 1])
    np.testing.assert_array_equal(current.weights[0], [3, 3])


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    """A training that was stopped before its first epoch begins at the beginning."""
    assert TrainState.load(tmp_path / "none.npz") is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04half", b"text"])
def test_a_damaged_checkpoint_is_explained(tmp_path: Path, content: bytes) -> None:
    """What is left of a crash of the machine is not mistaken for a checkpoint."""
    (tmp_path / "c.npz").write_bytes(content)
    with pytest.raises(BadInput, match=r"checkpoint of the unfinished run is damaged[\s\S]*--force"):
        TrainState.load(tmp_path / "c.npz")


def test_a_checkpoint_with_objects_in_it_is_not_unpickled(tmp_path: Path) -> None:
    """Loading never runs code of a file."""
    np.savez(tmp_path / "c.npz", history=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match="damaged"):
        TrainState.load(tmp_path / "c.npz")


def test_a_checkpoint_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    """The size is checked before memory is asked for."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    state().save(tmp_path / "c.npz")
    with zipfile.ZipFile(tmp_path / "c.npz", "a") as archive:
        archive.writestr("weights.999.npy", header.getvalue())
    with pytest.raises(BadInput, match=r"damaged[\s\S]*weights\.999"):
        TrainState.load(tmp_path / "c.npz")


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last good epoch survives when the next one cannot be written, and nothing else is left."""
    path = tmp_path / "c.npz"
    state().after_epoch(record(0, 1.0), [np.zeros(1)], []).save(path)
    good = path.read_bytes()

    def full(self: Path, _: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadInput, match=r"No space left on device[\s\S]*free some space"):
        state().save(path)
    assert path.read_bytes() == good
    assert list(tmp_path.iterdir()) == [path]

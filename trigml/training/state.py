"""The state of a training between two epochs: all that is needed to go on as if nothing had happened."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.atomic import replacing_file
from trigml.errors import BadInput
from trigml.npz import UNREADABLE, read_arrays

Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of the history; losses are means per event (cross-entropies in nats).

    Loss and accuracy on the training events are averages over the epoch, while the weights change. A
    regression has no accuracy.
    """

    epoch: int
    learning_rate: float
    loss: float
    accuracy: float | None
    validation_loss: float
    validation_accuracy: float | None


@dataclass(frozen=True, slots=True, eq=False)
class TrainState:
    """Weights, optimiser and history after some epochs.

    Attributes:
        weights: in the order of ``model.get_weights()``.
        optimizer: variables of the optimiser in its order.
        best_weights: of the epoch with the lowest validation loss; the starting weights before the first.
        history: one record per finished epoch.
    """

    weights: Arrays
    optimizer: Arrays
    best_weights: Arrays
    history: tuple[EpochRecord, ...] = ()

    @property
    def epochs_done(self) -> int:
        """Finished epochs."""
        return len(self.history)

    @property
    def validation_losses(self) -> list[float]:
        """Validation loss of each finished epoch."""
        return [record.validation_loss for record in self.history]

    @property
    def best(self) -> EpochRecord:
        """The record of the epoch whose weights were kept."""
        return min(self.history, key=lambda record: record.validation_loss)

    def after_epoch(
        self, record: EpochRecord, weights: Sequence[NDArray[Any]], optimizer: Sequence[NDArray[Any]]
    ) -> TrainState:
        """The state after one more epoch; its weights become the best ones if its loss is a new minimum."""
        improved = not self.history or record.validation_loss < self.best.validation_loss
        return replace(
            self,
            weights=tuple(weights),
            optimizer=tuple(optimizer),
            best_weights=tuple(weights) if improved else self.best_weights,
            history=(*self.history, record),
        )

    def save(self, path: Path) -> None:
        """Write a checkpoint; an interruption leaves the one before.

        Raises:
            BadInput: the place cannot be written.
        """
        arrays = {
            f"{kind}.{index:03d}": array
            for kind in ("weights", "optimizer", "best_weights")
            for index, array in enumerate(getattr(self, kind))
        }
        history = json.dumps([asdict(record) for record in self.history])
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, history=np.array(history), **arrays)
        with replacing_file(path) as beside:
            beside.write_bytes(content.getvalue())

    @classmethod
    def load(cls, path: Path) -> TrainState | None:
        """Read a checkpoint; ``None`` if there is none yet.

        Raises:
            BadInput: the checkpoint is damaged.
        """
        if not path.is_file():
            return None
        try:
            arrays = read_arrays(path)
            history = tuple(EpochRecord(**record) for record in json.loads(str(arrays["history"])))
            kinds = {
                kind: tuple(arrays[name] for name in sorted(arrays) if name.startswith(f"{kind}."))
                for kind in ("weights", "optimizer", "best_weights")
            }
        except (*UNREADABLE, KeyError) as error:
            raise BadInput(
                "a checkpoint of the unfinished run is damaged",
                where=str(path),
                found=str(error),
                remedy="begin again with --force",
            ) from error
        return cls(history=history, **kinds)

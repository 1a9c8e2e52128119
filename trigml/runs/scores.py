"""The outputs of all models on the test split, kept in a run for plots and comparisons."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trigml.atomic import replacing_file
from trigml.errors import BadInput
from trigml.npz import UNREADABLE, read_arrays


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Arrays with a row per event; those with a default may be absent."""

    __test__ = False  # not a test, whatever pytest thinks of the names

    def save(self, path: Path) -> None:
        """Write an ``.npz``; the same columns give the same bytes."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        content = {name: array for name, array in arrays.items() if array is not None}
        with replacing_file(path) as beside:
            np.savez_compressed(beside, allow_pickle=False, **content)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            BadInput: the file is missing or damaged.
        """
        try:
            arrays = read_arrays(path)
            if len({len(array) for array in arrays.values()}) != 1:
                raise ValueError("columns of different lengths")
            columns: dict[str, Any] = {
                field.name: arrays[field.name] if field.default is MISSING else arrays.get(field.name)
                for field in fields(cls)
            }
        except (*UNREADABLE, KeyError) as error:
            raise BadInput(
                "the run's test scores cannot be read", where=str(path), found=str(error)
            ) from error
        return cls(**columns)


@dataclass(frozen=True, slots=True, eq=False)
class TestScores(_Columns):
    """Events of the test split, in the order of the data files.

    Attributes:
        event_id: (n,) uint64, the collision.
        labels: (n,) int64, index into the spec's classes.
        float_logits: (n, classes) float32, of the float reference.
        quantized_logits: (n, classes) float64, exact values of the integer graph; ``None`` without one.
        baseline: (n, classes) float32 log-probabilities of the boosted trees; ``None`` without them.
    """

    event_id: NDArray[np.uint64]
    labels: NDArray[np.int64]
    float_logits: NDArray[np.float32]
    quantized_logits: NDArray[np.float64] | None = None
    baseline: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TestPredictions(_Columns):
    """As ``TestScores`` for a regression; energies stand for whatever the target is.

    Attributes:
        event_id: (n,) uint64, the collision.
        labels: (n,) int64, the particle type: index into the spec's classes.
        truth: (n,) float32, the target.
        float_prediction: (n,) float32, of the float reference.
        words: (n,) int64, output words of the integer graph; ``None`` without one.
        quantized_prediction: (n,) float64, the words times the output's LSB; ``None`` without words.
        calibrated_sum: (n,) float32, of the plain sum of the inputs, calibrated; ``None`` without it.
        boosted_trees: (n,) float32, of the boosted trees; ``None`` without them.
    """

    event_id: NDArray[np.uint64]
    labels: NDArray[np.int64]
    truth: NDArray[np.float32]
    float_prediction: NDArray[np.float32]
    words: NDArray[np.int64] | None = None
    quantized_prediction: NDArray[np.float64] | None = None
    calibrated_sum: NDArray[np.float32] | None = None
    boosted_trees: NDArray[np.float32] | None = None

"""The outputs of all models on the test split, kept in a run for plots and comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.atomic import replacing_file
from trigml.errors import BadInput
from trigml.npz import UNREADABLE, read_arrays


@dataclass(frozen=True, slots=True, eq=False)
class TestScores:
    """Events of the test split, in the order of the data files.

    Attributes:
        event_id: (n,) uint64, the collision.
        labels: (n,) int64, index into the spec's classes.
        float_logits: (n, classes) float32, of the float reference.
        quantized_logits: (n, classes) float64, exact values of the integer graph; ``None`` without one.
        baseline: (n, classes) float32 log-probabilities of the boosted trees; ``None`` without them.
    """

    __test__ = False  # not a test, whatever pytest thinks of the name

    event_id: NDArray[np.uint64]
    labels: NDArray[np.int64]
    float_logits: NDArray[np.float32]
    quantized_logits: NDArray[np.float64] | None
    baseline: NDArray[np.float32] | None

    def save(self, path: Path) -> None:
        """Write an ``.npz``; the same scores give the same bytes."""
        content: dict[str, NDArray[Any]] = {
            "event_id": self.event_id,
            "labels": self.labels,
            "float_logits": self.float_logits,
        }
        if self.quantized_logits is not None:
            content["quantized_logits"] = self.quantized_logits
        if self.baseline is not None:
            content["baseline"] = self.baseline
        with replacing_file(path) as beside:
            np.savez_compressed(beside, allow_pickle=False, **content)

    @classmethod
    def load(cls, path: Path) -> TestScores:
        """Read what ``save`` wrote.

        Raises:
            BadInput: the file is missing or damaged.
        """
        try:
            arrays = read_arrays(path)
            if len({len(array) for array in arrays.values()}) != 1:
                raise ValueError("columns of different lengths")
            return cls(
                arrays["event_id"],
                arrays["labels"],
                arrays["float_logits"],
                arrays.get("quantized_logits"),
                arrays.get("baseline"),
            )
        except (*UNREADABLE, KeyError) as error:
            raise BadInput(
                "the run's test scores cannot be read", where=str(path), found=str(error)
            ) from error

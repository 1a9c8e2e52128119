"""What a stage is: something that can compute the network's outputs, seen from where they are compared."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from trigml.progress import Progress
from trigml.verify.vectors import Vectors

Scaled = NDArray[Any]
"""Outputs in units of the tensor's LSB: int64 words, or float64 that are integers if all is exact."""


class Stage(Protocol):
    """Something that computes the network."""

    @property
    def name(self) -> str:
        """Name for tables."""

    @property
    def version(self) -> str:
        """The tool that does it, with its version."""

    def outputs(self, vectors: Vectors) -> Scaled:
        """Outputs (events, n_out) in units of the output LSB."""

    def tensors(self, vectors: Vectors, progress: Progress) -> dict[str, Scaled]:
        """Tensors by name in units of their LSB, as many as the stage can show; for few events."""

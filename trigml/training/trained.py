"""What comes out of the training proper, before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trigml.contract import InputContract
from trigml.data.blocks import Chunk
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import NotBitExact
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.spec import Spec

_CHECKED_EVENTS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The models, the spec with every number filled in, and the history.

    Attributes:
        spec: as resolved.
        contract: of the inputs.
        float_model: the float reference.
        quantized_model: the QKeras model; ``None`` if only the float reference was trained.
        graph: its integer network; ``None`` without it.
        history: of the trainings, as ``history.json`` has it.
    """

    spec: Spec
    contract: InputContract
    float_model: Any
    quantized_model: Any | None
    graph: Graph | None
    history: dict[str, Any]

    def words(self, events: Chunk) -> IntArray | None:
        """Output words (n, outputs) of the integer graph, which are those of the hardware.

        Raises:
            NotBitExact: the QKeras model, evaluated exactly, gives another word for one of the first events.
        """
        if self.graph is None:
            return None
        arriving = self.graph.contract.words(events.features)
        result = emulate(self.graph, arriving)
        _check_against_keras(
            self.quantized_model, self.graph, arriving[:_CHECKED_EVENTS], result[:_CHECKED_EVENTS]
        )
        return result


def _check_against_keras(model: Any, graph: Graph, words: IntArray, result: IntArray) -> None:
    from trigml.frontends.keras_reference import KerasReference

    reference = KerasReference(model, graph).outputs(graph.contract.model_inputs(words))
    differing = np.argwhere(reference != result)
    if len(differing):
        event, element = (int(index) for index in differing[0])
        raise NotBitExact(
            "the integer graph and the QKeras model differ; please report this",
            where=f"test event {event}, output {element}; {len(differing)} words of {result.size} differ",
            expected=f"{reference[event, element]} (QKeras)",
            found=f"{result[event, element]} (graph)",
        )

"""The same inputs through every stage: differing words are counted, and the first one is located."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.errors import NotBitExact
from trigml.graph import Graph
from trigml.graph.network import words_in
from trigml.progress import Progress, Silent
from trigml.verify.stages import GraphStage, Scaled, Stage
from trigml.verify.vectors import Vectors

CHUNK_EVENTS = 20_000
CHUNK_WORDS = 1 << 23
"""Events at a time: as many as keep the largest tensor below so many words, but never more than 20,000."""


@dataclass(frozen=True)
class Difference:
    """The first event in which a stage parts from the graph.

    Attributes:
        stage: the stage.
        vectors: name of the set of inputs.
        event: index in that set.
        tensor: first tensor of the event that differs, or the output where the stage shows no others.
        element: index in the tensor.
        graph: the graph's word.
        found: the stage's, in units of the same LSB (an integer if the stage is on the grid), as text: it
            may be NaN.
        inputs: the event's input words.
    """

    stage: str
    vectors: str
    event: int
    tensor: str
    element: int
    graph: int
    found: str
    inputs: tuple[int, ...]

    def explained(self) -> NotBitExact:
        """The difference as an error (exit code 4)."""
        return NotBitExact(
            f"{self.stage} differs from the graph",
            where=f"event {self.event} of {self.vectors}, layer {self.tensor!r}, element {self.element}",
            expected=f"{self.graph} (graph, in LSB)",
            found=f"{self.found} ({self.stage}, in LSB)",
            remedy=f"input words of the event: {list(self.inputs)}",
        )


@dataclass(frozen=True)
class StageResult:
    """One stage over all inputs.

    Attributes:
        stage: name.
        version: tool and version.
        events: events compared.
        words: words compared.
        differences: words that differ from the graph's (0 for the graph itself).
        first: where they first part, if they do.
        remark: what limits the statement, if anything.
    """

    stage: str
    version: str
    events: int
    words: int
    differences: int
    first: Difference | None = None
    remark: str = ""


@dataclass(frozen=True)
class Comparison:
    """All stages; the first one is the graph.

    Attributes:
        stages: what was compared.
        vectors: name and number of events of each set of inputs.
        events_per_s: speed of each stage, compilation not included; not kept in files, which the same
            command would otherwise never write again with the same bytes. Empty if read from a file.
    """

    stages: tuple[StageResult, ...]
    vectors: tuple[tuple[str, int], ...]
    events_per_s: tuple[float, ...] = ()

    @property
    def first_difference(self) -> Difference | None:
        """The first difference of the first stage that has one."""
        return next((result.first for result in self.stages if result.first is not None), None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "vectors": [{"name": name, "events": count} for name, count in self.vectors],
            "stages": [asdict(result) for result in self.stages],
        }


def compare(
    reference: GraphStage,
    stages: Sequence[Stage],
    sets: Sequence[Vectors],
    progress: Progress | None = None,
) -> Comparison:
    """Run every set of inputs through the graph and through each stage.

    Args:
        reference: the graph.
        stages: what is compared with it.
        sets: the inputs.
        progress: listener.

    Returns:
        Per stage, the number of words that differ, and the first difference with the layer where it
        arises. Equal means equal: there is no tolerance.
    """
    listener = progress or Silent()
    total = sum(len(vectors) for vectors in sets)
    started = time.perf_counter()
    expected = [reference.outputs(vectors) for vectors in sets]
    words = sum(output.size for output in expected)
    results = [StageResult(reference.name, reference.version, total, words, 0)]
    rates = [_rate(total, started)]
    for stage in stages:
        result, rate = _compared(reference, stage, sets, expected, listener)
        results.append(result)
        rates.append(rate)
    names = tuple((vectors.name, len(vectors)) for vectors in sets)
    return Comparison(tuple(results), names, tuple(rates))


def chunk_events(graph: Graph) -> int:
    """How many events go through a stage at a time, so that no tensor takes more than 64 MiB."""
    largest = max(words_in(operation.shape) for operation in graph.operations)
    return max(1, min(CHUNK_EVENTS, CHUNK_WORDS // largest))


@dataclass(frozen=True, eq=False)
class _First:
    """The first event that differs, with the stage's outputs (n_out,) as they were among the others."""

    vectors: Vectors
    event: int
    found: Scaled


def _compared(
    reference: GraphStage,
    stage: Stage,
    sets: Sequence[Vectors],
    expected: Sequence[Scaled],
    listener: Progress,
) -> tuple[StageResult, float]:
    total, size = sum(len(vectors) for vectors in sets), chunk_events(reference.graph)
    differences = 0
    first: _First | None = None
    started = time.perf_counter()
    with listener.task(f"{stage.name}: {total:,} events", total) as task:
        for vectors, words in zip(sets, expected, strict=True):
            for start in range(0, len(vectors), size):
                part = vectors.part(start, start + size)
                found = stage.outputs(part)
                differs = found != words[start : start + size]
                differences += int(np.count_nonzero(differs))
                if first is None and differs.any():
                    event = int(np.argmax(_per_event(differs)))
                    first = _First(vectors, start + event, found[event])
                task.advance(len(part))
    rate = _rate(total, started)
    result = StageResult(
        stage.name,
        stage.version,
        total,
        sum(words.size for words in expected),
        differences,
        None if first is None else _located(reference, stage, first, listener),
        _remark(stage),
    )
    return result, rate


def _located(reference: GraphStage, stage: Stage, first: _First, listener: Progress) -> Difference:
    """Follow one event through both stages, tensor by tensor, to where they part.

    If alone it shows no difference (a clocked design may mix events up), the differing output is named.
    """
    single = first.vectors.part(first.event, first.event + 1)
    expected, found = reference.outputs(single)[0], first.found
    word = int(np.argmax(expected != found))
    tensor, element = _place_of_output(reference.graph, word)
    graph, other = expected[word], found[word]
    shown = stage.tensors(single, listener)
    for name, words in reference.tensors(single, listener).items():
        if name in shown and (differs := words[0] != shown[name][0]).any():
            tensor, element = name, int(np.argmax(differs))
            graph, other = words[0].flat[element], shown[name][0].flat[element]
            break
    return Difference(
        stage.name,
        first.vectors.name,
        first.event,
        tensor,
        element,
        int(graph),
        f"{float(other):.17g}",
        tuple(single.words[0].tolist()),
    )


def _place_of_output(graph: Graph, word: int) -> tuple[str, int]:
    """Tensor and element of one word in the row of all outputs."""
    for operation in graph.results:
        count = words_in(operation.shape)
        if word < count:
            return operation.name, word
        word -= count
    raise ValueError(f"the network has no output word {word}")


def _remark(stage: Stage) -> str:
    remarks = []
    if rounding := getattr(stage, "may_round", ()):
        remarks.append(f"it could itself round in {', '.join(rounding)}")
    if own := getattr(stage, "not_compared", ()):
        remarks.append(f"{', '.join(own)} are the graph's own, computed from what the stage has before them")
    return "; ".join(remarks)


def _per_event(differs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(differs.reshape(len(differs), -1).any(axis=1))


def _rate(events: int, started: float) -> float:
    return events / max(time.perf_counter() - started, 1e-9)

"""``trigml verify``: the same events through every stage of a model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.backends.hls.options import HlsOptions
from trigml.errors import BadInput, NotBitExact
from trigml.graph import Graph
from trigml.graph.products import products_per_event
from trigml.opening import OpenedModel
from trigml.progress import Progress, Silent
from trigml.verify.building import AVAILABLE, DEFAULT_HLS, StageName, StageSources, build_stages
from trigml.verify.comparison import Comparison, compare
from trigml.verify.events import NamedEvents
from trigml.verify.stages import GraphStage
from trigml.verify.timing import with_timing
from trigml.verify.vectors import Vectors, corner_vectors, event_vectors, random_vectors

MOST_RANDOM_VECTORS = 100_000
LEAST_RANDOM_VECTORS = 1_000
RANDOM_PRODUCTS = 1 << 29
"""Random vectors are fewer where a network is large, so that they need about so many multiply-adds."""


@dataclass(frozen=True)
class Verification:
    """What ``verify`` found.

    Attributes:
        model: what the model is called.
        digest: of its graph.
        comparison: stages, events, words, differences.
        left_out: lines about stages that this model or this machine does not have.
        notes: what was decided when the model was opened.
        failure: what is wrong with the timing of a clocked design whose words are equal.
    """

    model: str
    digest: str
    comparison: Comparison
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    failure: NotBitExact | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, speeds included."""
        stages = [result.stage for result in self.comparison.stages]
        return {
            "model": self.model,
            "graph": self.digest,
            "bit_exact": self.comparison.first_difference is None and self.failure is None,
            "failure": None if self.failure is None else str(self.failure),
            "left_out": list(self.left_out),
            "notes": list(self.notes),
            "verification": self.comparison.to_json(),
            "events_per_s": dict(zip(stages, self.comparison.events_per_s, strict=True)),
        }


def verify(
    model: OpenedModel,
    *,
    stages: Sequence[StageName] | None = None,
    events: NamedEvents | None = None,
    random_count: int | None = None,
    seed: int = 1,
    hls: HlsOptions = DEFAULT_HLS,
    project: Path | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Compare stages of a model with its graph in the NumPy emulator, word by word.

    Args:
        model: an opened model.
        stages: what to compare; ``None`` for all that this model and this machine have.
        events: events to compare on, besides corners and random vectors.
        random_count: random vectors, half of them on the grid (``None``: by the size of the network).
        seed: seed of the random vectors.
        hls: which HLS project the stage ``hls`` is.
        project: an RTL project on disk, whose files the stages ``rtl`` and ``netlist`` take as they lie.
        progress: listener.

    Raises:
        BadInput: a stage that was asked for cannot be built for this model, or none but the reference was.
        MissingTool: it needs a program that is not on this machine.
        ToolFailed: a program failed that should not.
        NotBitExact: a clocked design loses events, so that there is nothing to compare.
    """
    sets = vector_sets(model.graph, events, random_count, seed)
    with tempfile.TemporaryDirectory(prefix="trigml_verify_") as scratch:
        built = build_stages(
            StageSources(model, Path(scratch), hls, folder=project),
            required=stages or (),
            optional=AVAILABLE if stages is None else (),
            progress=progress,
        )
        if not built.stages:
            raise _nothing_to_compare(built.left_out)
        reference, listener = GraphStage(model.graph), progress or Silent()
        comparison = compare(reference, built.stages, sets, listener)
        comparison, failure = with_timing(comparison, reference, built.stages, sets, listener)
    return Verification(model.name, model.graph.digest, comparison, built.left_out, model.notes, failure)


def _nothing_to_compare(left_out: Sequence[str]) -> BadInput:
    return BadInput(
        "there is no stage to compare with the graph",
        expected="a stage other than numpy, which is the graph itself",
        found="; ".join(left_out) or None,
        remedy="name one, for example: --stages native",
    )


def vector_sets(
    graph: Graph, events: NamedEvents | None, random_count: int | None, seed: int
) -> tuple[Vectors, ...]:
    """The inputs of a comparison: events, if there are any, corners and random vectors."""
    count = default_random_count(graph) if random_count is None else random_count
    named = () if events is None else (event_vectors(graph, events.features, events.name),)
    return (*named, corner_vectors(graph), *random_vectors(graph, count, seed))


def default_random_count(graph: Graph) -> int:
    """100,000 random vectors, fewer for large networks."""
    affordable = RANDOM_PRODUCTS // max(1, products_per_event(graph))
    return max(LEAST_RANDOM_VECTORS, min(MOST_RANDOM_VECTORS, affordable))

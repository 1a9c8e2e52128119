"""The latency and the initiation interval of clocked stages: measured, and held against what they claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trigml.errors import NotBitExact
from trigml.fixedpoint import IntArray
from trigml.progress import Progress, Silent
from trigml.verify.comparison import Comparison
from trigml.verify.cosimulation import Timing
from trigml.verify.stages import GraphStage, RtlStage, Stage
from trigml.verify.vectors import Vectors, random_vectors

TIMED_EVENTS = 10_000
"""Events that are fed back to back, with gaps and through a reset; at least, and at most twice as many."""


def with_timing(
    comparison: Comparison,
    reference: GraphStage,
    stages: Sequence[Stage],
    sets: Sequence[Vectors],
    progress: Progress | None = None,
) -> tuple[Comparison, NotBitExact | None]:
    """Measure the clocked stages of a comparison without a difference; the figures become their remarks.

    Args:
        comparison: of the stages over the sets.
        reference: the graph.
        stages: what was compared with it.
        sets: the inputs; random vectors are added if they hold fewer than ``TIMED_EVENTS``.
        progress: listener.

    Returns:
        The comparison with the remarks, and what is wrong with the timing of the first stage of which
        something is: gaps or a reset change a result, or latency or interval are not those that are claimed.
    """
    clocked = {stage.name: stage for stage in stages if isinstance(stage, RtlStage)}
    if not clocked or comparison.first_difference is not None:
        return comparison, None
    words = timed_words(reference, sets)
    remarks: dict[str, str] = {}
    failures: list[NotBitExact] = []
    for name, stage in clocked.items():
        try:
            timing = measured_timing(stage, reference, words, progress or Silent())
        except NotBitExact as error:
            remarks[name] = f"the words are equal, the timing is wrong: {error.problem}"
            failures.append(error)
            continue
        remarks[name] = (
            f"measured: latency {timing.latency} cycles, an event per cycle; "
            f"{len(words):,} events back to back, with gaps, through a reset"
        )
    results = [
        replace(result, remark="; ".join(filter(None, [result.remark, remarks.get(result.stage, "")])))
        for result in comparison.stages
    ]
    return replace(comparison, stages=tuple(results)), next(iter(failures), None)


def measured_timing(stage: RtlStage, reference: GraphStage, words: IntArray, progress: Progress) -> Timing:
    """Latency and interval of a clocked stage, which are those that it claims.

    Args:
        stage: the stage.
        reference: the graph.
        words: input words (events, n_in).
        progress: listener.

    Raises:
        NotBitExact: gaps or a reset change a result, or latency or interval are not those that are claimed.
    """
    expected = reference.outputs(Vectors("", words.astype(np.float64), words))
    with progress.task(f"{stage.name}: {len(words):,} events with gaps and through a reset"):
        timing = stage.timing(words, expected)
    require_claimed(timing, stage.claim.latency_cycles, stage.name)
    return timing


def timed_words(reference: GraphStage, sets: Sequence[Vectors]) -> IntArray:
    """Input words (events, n_in) of at least ``TIMED_EVENTS`` events, at most twice as many."""
    rows = [vectors.words for vectors in sets]
    missing = TIMED_EVENTS - sum(map(len, rows))
    if missing > 0:
        rows.append(random_vectors(reference.graph, 2 * missing, seed=2)[0].words)
    return np.concatenate(rows)[: 2 * TIMED_EVENTS]


def require_claimed(timing: Timing, claimed: int, where: str) -> None:
    """Refuse a design that has another latency or interval than it claims.

    Raises:
        NotBitExact: it has.
    """
    if timing.latency != claimed:
        raise NotBitExact(
            "the RTL has another latency than its project says",
            where=where,
            expected=f"{claimed} cycles",
            found=f"{timing.latency} cycles, measured on the valid signals",
        )
    if timing.interval != 1:
        raise NotBitExact(
            "the RTL does not take an event in every cycle",
            where=where,
            expected="an initiation interval of 1 cycle",
            found=f"{timing.interval} cycles, measured on the valid signals",
        )

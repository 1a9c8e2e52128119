"""``trigml emulate``: the integer scores of a model for files of events of any size, piece by piece."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import trigml
from trigml.atomic import refuse_unwritable
from trigml.data.blocks import Chunk
from trigml.emulation.numpy_emulator import emulate
from trigml.emulation.stage import EmulationStage
from trigml.errors import BadInput, Interrupted
from trigml.graph import Graph
from trigml.network_events import Columns, NetworkEvents, ports
from trigml.progress import Progress, Silent
from trigml.scores.growing import GrowingScores, grow_scores, refuse_taken
from trigml.scores.layout import ScoredFile, ScoresHeader, output_words, smallest_type


class Emulation(Protocol):
    """Something that computes output words from physical features."""

    @property
    def tool(self) -> str:
        """What it is, with its version."""

    def predict(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Integer words (events, n_out) of float32 features (events, n_in)."""


@dataclass(frozen=True)
class NumpyEmulation:
    """The reference emulator behind the input contracts."""

    graph: Graph

    @property
    def tool(self) -> str:
        """NumPy's version."""
        return f"numpy {np.__version__}"

    def predict(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Output words (events, n_out) int64."""
        words = [contract.words(part) for contract, part in ports(self.graph, features)]
        return emulate(self.graph, np.concatenate(words, axis=1))


@dataclass(frozen=True, slots=True)
class EmulationSummary:
    """What was done.

    Attributes:
        output: the file of scores.
        events: its rows.
        resumed: rows that an earlier command had computed.
        outputs: labels of its columns.
        dtype: type of its words.
        stage: what computed them.
        tool: the same with its version.
        seconds: reading, emulating and writing in this command, without hashing the events before.
        events_per_s: in this command; ``None`` if it had nothing left to compute.
    """

    output: str
    events: int
    resumed: int
    outputs: tuple[str, ...]
    dtype: str
    stage: str
    tool: str
    seconds: float
    events_per_s: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    def text(self) -> str:
        """Some lines for people."""
        lines = [
            f"{self.events:,} events × {len(self.outputs)} words ({self.dtype}) in {self.output}",
            f"stage:    {self.stage} ({self.tool})",
        ]
        if self.resumed:
            lines.append(f"kept:     {self.resumed:,} events of an interrupted command")
        if self.events_per_s is not None:
            lines.append(f"speed:    {self.events_per_s:,.0f} events/s in {self.seconds:.1f} s")
        return "\n".join(lines)


def emulate_files(
    graph: Graph,
    files: Sequence[Path],
    out: Path,
    *,
    columns: Columns | None = None,
    stage: EmulationStage = EmulationStage.NATIVE,
    threads: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> EmulationSummary:
    """Compute the scores of all events of all files, in their order, into one file of scores.

    Memory does not grow with the number of events. An interrupted command goes on when it is given again,
    and gives the same bytes as one that was not interrupted.

    Args:
        graph: the network.
        files: events in the layout ``trigml-events``; labels are not needed.
        out: the file of scores (``trigml.scores``).
        columns: what to read (``None``: what the input contracts name).
        stage: what computes them.
        threads: of the native emulator (``None``: one per processor).
        force: replace a file of scores, or an unfinished one of other contents.
        progress: who listens.

    Raises:
        BadInput: events that the network cannot read, values that are not finite, ``out`` is taken or cannot
            be written, or other scores are unfinished there.
        Interrupted: Ctrl-C; what was computed is kept.
    """
    listener = progress or Silent()
    _refuse_input_as_output(files, out)
    refuse_taken(out, force=force)
    refuse_unwritable(out)
    events = NetworkEvents(graph, files, columns)
    emulation = emulation_of(graph, stage, threads, listener)
    growing: GrowingScores | None = None
    try:
        header = _header(graph, events, stage, emulation, progress=listener)
        begun = time.monotonic()
        with grow_scores(out, header, force=force) as growing:
            if growing is not None:
                _stream(events, emulation, growing, listener)
                growing.finish()
    except KeyboardInterrupt as error:
        raise _interrupted(growing) from error
    seconds = time.monotonic() - begun
    resumed = header.n_events if growing is None else growing.resumed
    computed = header.n_events - resumed
    return EmulationSummary(
        output=str(out),
        events=header.n_events,
        resumed=resumed,
        outputs=tuple(word.label for word in header.outputs),
        dtype=header.dtype,
        stage=header.stage,
        tool=header.tool,
        seconds=seconds,
        events_per_s=computed / seconds if computed else None,
    )


def _refuse_input_as_output(files: Sequence[Path], out: Path) -> None:
    for file in files:
        if file.exists() and out.exists() and os.path.samefile(file, out):
            raise BadInput("the output is one of the inputs", where=str(out), remedy="choose another (-o)")


def emulation_of(graph: Graph, stage: EmulationStage, threads: int | None, progress: Progress) -> Emulation:
    """What computes the words of a stage; the native emulator is compiled if it is not in the cache."""
    if stage is EmulationStage.NUMPY:
        return NumpyEmulation(graph)
    from trigml.emulation.native import Emulator

    with progress.task("Preparing the native emulator"):  # compiles, unless it is in the cache
        return Emulator(graph, threads=threads)


def _header(
    graph: Graph,
    events: NetworkEvents,
    stage: EmulationStage,
    emulation: Emulation,
    *,
    progress: Progress,
) -> ScoresHeader:
    source = events.source
    files = [
        ScoredFile(_shown(file.path), header.n_events, file.path.stat().st_size, file.sha256)
        for file, header in zip(source.file_digests(progress), source.headers, strict=True)
    ]
    return ScoresHeader(
        trigml=trigml.__version__,
        network=graph.name,
        graph=graph.digest,
        stage=stage.value,
        tool=emulation.tool,
        dtype=smallest_type(graph),
        outputs=output_words(graph),
        columns=events.columns.names,
        files=tuple(files),
    )


def _shown(path: Path) -> str:
    """The file's name; bytes that are not UTF-8 are replaced."""
    return os.fsencode(path.name).decode("utf-8", errors="replace")


def _stream(events: NetworkEvents, emulation: Emulation, growing: GrowingScores, progress: Progress) -> None:
    if growing.resumed:
        progress.say(f"Going on after {growing.resumed:,} events of an interrupted command")
    begun = time.monotonic()
    with progress.task("Emulating", growing.header.n_events) as task:
        task.advance(growing.events)
        with closing(_ahead(events.chunks_from(growing.events))) as chunks:
            for chunk in chunks:
                growing.append(emulation.predict(events.inputs(chunk)), chunk.event_id)
                rate = (growing.events - growing.resumed) / max(time.monotonic() - begun, 1e-9)
                task.advance(len(chunk), note=f"{rate:,.0f} events/s")


def _ahead(chunks: Iterator[Chunk]) -> Generator[Chunk, None, None]:
    """The same chunks; the next one is read on another thread while one is worked on."""
    with ThreadPoolExecutor(1, thread_name_prefix="trigml-ahead") as pool:
        waiting = pool.submit(next, chunks, None)
        while (chunk := waiting.result()) is not None:
            waiting = pool.submit(next, chunks, None)
            yield chunk


def _interrupted(growing: GrowingScores | None) -> Interrupted:
    if growing is None or growing.events == 0:
        return Interrupted("the emulation was interrupted", found="nothing new was computed yet")
    if not growing.folder.exists():
        return Interrupted(
            "interrupted after the scores were complete",
            where=str(growing.out),
            found="a finished file; nothing is lost",
        )
    return Interrupted(
        "the emulation was interrupted",
        where=str(growing.folder),
        found=f"kept: the scores of {growing.events:,} of {growing.header.n_events:,} events",
        remedy="to go on, give the same command again",
    )

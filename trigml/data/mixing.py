"""In which order blocks are read, and mixing their events: seeded, in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from trigml.data.blocks import Block, Chunk, FileColumns, concatenated, rounded_rows

_BUFFER_BYTES = 128 * 2**20
_BUFFER_CHUNKS = 32
_CHUNKS_IN_BLOCK = 4  # larger blocks cost less per event
_BLOCKS_IN_BUFFER = 4  # of each file
_BLOCK_ROWS = 16384

Task = TypeVar("Task")
Result = TypeVar("Result")


def blocks_in_order(files: Sequence[FileColumns], chunk_events: int) -> list[Block]:
    """All blocks of all files, one after the other, with the rows of a few chunks each."""
    return [block for file in files for block in _blocks(file, _CHUNKS_IN_BLOCK * chunk_events)]


def blocks_mixed(files: Sequence[FileColumns], block_rows: int, rng: np.random.Generator) -> list[Block]:
    """The blocks of each file in a random order, the files interleaved in proportion to their lengths.

    Block i of the m of a file comes at (i + u) / m of the way, u uniform in [0, 1): every stretch of the
    sequence holds the files in about the proportion that the whole holds them.
    """
    placed: list[tuple[float, Block]] = []
    for file in files:
        blocks = _blocks(file, block_rows)
        places = (np.arange(len(blocks)) + rng.random(len(blocks))) / len(blocks)
        order = rng.permutation(len(blocks))
        placed += [(float(place), blocks[index]) for place, index in zip(places, order, strict=True)]
    return [block for _, block in sorted(placed, key=lambda item: item[0])]


def _blocks(file: FileColumns, rows: int) -> list[Block]:
    step = _within_memory(rounded_rows(rows, file.chunk_rows), file)
    return [Block(file, start, min(start + step, file.n_events)) for start in range(0, file.n_events, step)]


def _within_memory(rows: int, file: FileColumns) -> int:
    return max(1, min(rows, _BUFFER_BYTES // 2 // file.row_bytes))


def buffer_rows(files: Sequence[FileColumns], chunk_events: int) -> int:
    """How many events the mixing buffer holds: several blocks of each file, as far as memory allows."""
    longest = max(file.chunk_rows for file in files)
    wanted = max(_BUFFER_CHUNKS * chunk_events, _BLOCKS_IN_BUFFER * longest * len(files))
    allowed = max(1, _BUFFER_BYTES // max(file.row_bytes for file in files))
    return rounded_rows(min(wanted, allowed), min(chunk_events, allowed))


def mixing_block_rows(n_files: int, buffer: int) -> int:
    """Rows per block such that the buffer holds several blocks of each file, and many of a single file."""
    return max(1, min(_BLOCK_ROWS, buffer // (_BLOCKS_IN_BUFFER * max(n_files, 8))))


def workers_for(files: Sequence[FileColumns], *, shuffling: bool) -> int:
    """Threads to read with: inflating takes a processor each; plain copying is not faster on several.

    A reader of uncompressed files is faster without a thread of its own, as the operating system reads
    ahead, unless it would have to wait while events are shuffled.
    """
    if any(file.inflated for file in files):
        return min(4, os.cpu_count() or 1)
    return 1 if shuffling else 0


def read_ahead(tasks: Iterable[Task], read: Callable[[Task], Result], workers: int) -> Iterator[Result]:
    """Do ``read`` for all tasks on ``workers`` threads (0: on this one); results come in the tasks' order.

    At most ``workers`` results wait. When the iterator is closed, what has begun is finished and dropped.
    """
    if workers == 0:
        yield from map(read, tasks)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="trigml-reader") as pool:
        pending: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                pending.append(pool.submit(read, task))
                if len(pending) > workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def mixed(chunks: Iterable[Chunk], capacity: int, n_events: int, rng: np.random.Generator) -> Iterator[Chunk]:
    """Shuffle events: fill a buffer of ``capacity`` events, hand them out in a random order, repeat.

    They come in chunks of ``n_events``; the last chunk of a buffer may be shorter.
    """
    buffer: Chunk | None = None
    filled = 0
    for chunk in chunks:
        if buffer is None:
            buffer = chunk.emptied(capacity)
        start = 0
        while start < len(chunk):
            count = min(capacity - filled, len(chunk) - start)
            buffer.put(filled, chunk.take(slice(start, start + count)))
            filled += count
            start += count
            if filled == capacity:
                yield from _shuffled(buffer, filled, n_events, rng)
                filled = 0
    if buffer is not None:
        yield from _shuffled(buffer, filled, n_events, rng)


def _shuffled(buffer: Chunk, filled: int, n_events: int, rng: np.random.Generator) -> Iterator[Chunk]:
    order = rng.permutation(filled)
    for start in range(0, filled, n_events):
        yield buffer.take(order[start : start + n_events])


def recut(chunks: Iterable[Chunk], n_events: int) -> Iterator[Chunk]:
    """The same events in the same order, in chunks of exactly ``n_events``; the last may be shorter."""
    waiting: list[Chunk] = []
    n_waiting = 0
    for chunk in chunks:
        start = 0
        while n_waiting + len(chunk) - start >= n_events:
            stop = start + n_events - n_waiting
            yield concatenated([*waiting, chunk.take(slice(start, stop))])
            waiting, n_waiting, start = [], 0, stop
        if start < len(chunk):
            waiting.append(chunk.take(slice(start, None)))
            n_waiting += len(chunk) - start
    if waiting:
        yield concatenated(waiting)

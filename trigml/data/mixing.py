"""In which order blocks are read, and mixing their events: seeded, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from trigml.data.blocks import Block, Chunk, FileColumns, concatenated, rounded_rows

_BUFFER_BYTES = 128 * 2**20
_BLOCKS_IN_BUFFER = 4  # of each file

Task = TypeVar("Task")
Result = TypeVar("Result")


def blocks_in_order(files: Sequence[FileColumns], chunk_events: int) -> list[Block]:
    """All blocks of all files, one after the other, with about ``chunk_events`` rows each."""
    return [block for file in files for block in _blocks(file, chunk_events)]


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
    wanted = max(4 * chunk_events, _BLOCKS_IN_BUFFER * longest * len(files))
    return max(2, min(wanted, _BUFFER_BYTES // max(file.row_bytes for file in files)))


def mixing_block_rows(n_files: int, buffer: int, chunk_events: int) -> int:
    """Rows per block such that the buffer holds several blocks of each file."""
    return max(1, min(chunk_events, buffer // (_BLOCKS_IN_BUFFER * n_files)))


def read_ahead(tasks: Iterable[Task], read: Callable[[Task], Result], workers: int) -> Iterator[Result]:
    """Do ``read`` for all tasks on ``workers`` threads; the results come in the tasks' order.

    At most ``workers`` results wait. When the iterator is closed, what has begun is finished and dropped.
    """
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


def mixed(chunks: Iterable[Chunk], capacity: int, rng: np.random.Generator) -> Iterator[Chunk]:
    """Shuffle a stream of events through a buffer of ``capacity`` events.

    Once the buffer is full, each arriving event takes the place of a random one, which leaves.
    """
    filling: list[Chunk] = []
    n_filling = 0
    buffer: Chunk | None = None
    for arrived in chunks:
        chunk = arrived
        if buffer is None:
            room = capacity - n_filling
            filling.append(chunk.take(slice(0, room)))
            n_filling += len(filling[-1])
            if n_filling < capacity:
                continue
            # The buffer is written to, so that it must not share memory with what was read.
            buffer = _copied(concatenated(filling))
            filling = []
            chunk = chunk.take(slice(room, None))
        for start in range(0, len(chunk), capacity):
            yield _exchanged(buffer, chunk.take(slice(start, start + capacity)), rng)
    rest = buffer if buffer is not None else concatenated(filling) if filling else None
    if rest is not None:
        yield rest.take(rng.permutation(len(rest)))


def _copied(chunk: Chunk) -> Chunk:
    return chunk.take(np.arange(len(chunk)))


def _exchanged(buffer: Chunk, arriving: Chunk, rng: np.random.Generator) -> Chunk:
    slots = rng.choice(len(buffer), size=len(arriving), replace=False)
    leaving = buffer.take(slots)
    for kept, new in zip(buffer.arrays, arriving.arrays, strict=True):
        if kept is not None and new is not None:
            kept[slots] = new
    return leaving


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

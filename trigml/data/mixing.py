"""In which order blocks are read, and mixing their events: seeded, in bounded memory.

Blocks are drawn from everywhere in the files and read on several threads straight into one of two buffers.
When it is full, its events are handed out in a random order, while the other one is filled. So an event is
copied once, however the threads run; and nothing depends on which of them is faster.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trigml.data.blocks import Block, BlockReader, Chunk, FileColumns, concatenated, rounded_rows

_BUFFER_BYTES = 64 * 2**20
_BUFFER_CHUNKS = 32
_CHUNKS_IN_BLOCK = 4  # larger blocks cost less per event
_BLOCKS_IN_BUFFER = 4  # of each file
_BLOCK_ROWS = 16384
_MOST_WORKERS = 4

Rows: TypeAlias = npt.NDArray[np.intp]

Task = TypeVar("Task")
Result = TypeVar("Result")


def blocks_in_order(files: Sequence[FileColumns], chunk_events: int) -> list[Block]:
    """All blocks of all files, one after the other, with the rows of a few chunks each."""
    return [block for file in files for block in _blocks(file, _CHUNKS_IN_BLOCK * chunk_events)]


def blocks_after(blocks: Sequence[Block], n_events: int) -> list[Block]:
    """The blocks without their first ``n_events`` events."""
    starts = accumulate((block.n_events for block in blocks), initial=-n_events)
    return [
        Block(block.file, block.start + max(0, -start), block.stop)
        for block, start in zip(blocks, starts, strict=False)
        if start + block.n_events > 0
    ]


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
    """How many events a mixing buffer holds: several blocks of each file, as far as memory allows."""
    longest = max(file.chunk_rows for file in files)
    wanted = max(_BUFFER_CHUNKS * chunk_events, _BLOCKS_IN_BUFFER * longest * len(files))
    return max(1, min(wanted, _BUFFER_BYTES // max(file.row_bytes for file in files)))


def mixing_block_rows(n_files: int, buffer: int) -> int:
    """Rows per block such that the buffer holds several blocks of each file, and many of a single file."""
    return max(1, min(_BLOCK_ROWS, buffer // (_BLOCKS_IN_BUFFER * max(n_files, 8))))


def mixing_workers() -> int:
    """Threads to read with while events are mixed."""
    return min(_MOST_WORKERS, os.cpu_count() or 1)


def workers_in_order(files: Sequence[FileColumns]) -> int:
    """Threads to read with in order: inflating takes a processor each.

    A reader of uncompressed files is faster without a thread of its own, as the operating system reads ahead.
    """
    return mixing_workers() if any(file.inflated for file in files) else 0


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


def mixed(
    blocks: Sequence[Block],
    read: BlockReader,
    *,
    capacity: int,
    n_events: int,
    rng: np.random.Generator,
    workers: int,
) -> Iterator[Chunk]:
    """The events of the blocks, shuffled in buffers of about ``capacity`` events, in the blocks' order.

    They come in chunks of at most ``n_events``, such that the borders of buffers do not shift the others.
    When the iterator is closed, the blocks that are being read are finished and dropped.
    """
    loads = _loads(blocks, capacity)
    size = max(sum(block.n_events for block in load) for load in loads)
    buffers = [blocks[0].file.empty_chunk(size) for _ in loads[:2]]
    with ThreadPoolExecutor(workers, thread_name_prefix="trigml-reader") as pool:
        reading = _start_filling(pool, read, loads[0], buffers[0])
        try:
            n_before = 0
            for index in range(len(loads)):
                buffer = buffers[index % 2]
                order = np.concatenate([future.result() for future in reading])
                reading = []
                if index + 1 < len(loads):
                    reading = _start_filling(pool, read, loads[index + 1], buffers[(index + 1) % 2])
                rng.shuffle(order)
                start = 0
                while start < len(order):
                    rows = order[start : start + n_events - n_before % n_events]
                    yield buffer.take(rows)
                    start += len(rows)
                    n_before += len(rows)
        finally:
            for future in reading:
                future.cancel()


def _start_filling(
    pool: ThreadPoolExecutor, read: BlockReader, blocks: Sequence[Block], buffer: Chunk
) -> list[Future[Rows]]:
    starts = accumulate((block.n_events for block in blocks), initial=0)
    return [
        pool.submit(_fill, read, block, buffer, start) for block, start in zip(blocks, starts, strict=False)
    ]


def _fill(read: BlockReader, block: Block, buffer: Chunk, start: int) -> Rows:
    """Read a block into the buffer from row ``start`` on; the rows of the buffer that count."""
    return start + read.fill(block, buffer.take(slice(start, start + block.n_events)))


def _loads(blocks: Sequence[Block], capacity: int) -> list[list[Block]]:
    """Consecutive blocks for one buffer each, about equally many events and at most a block too many."""
    total = sum(block.n_events for block in blocks)
    n_loads = -(-total // capacity)
    loads: list[list[Block]] = [[] for _ in range(n_loads)]
    before = 0
    for block in blocks:
        loads[before * n_loads // total].append(block)
        before += block.n_events
    return [load for load in loads if load]


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

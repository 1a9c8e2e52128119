"""``Emulator``: a network as compiled C++, for many events."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.emulation.native.project import emulator_project
from trigml.emulation.numpy_emulator import check_words
from trigml.errors import BadInput
from trigml.fixedpoint import IntArray
from trigml.graph import Graph
from trigml.graph.network import words_in
from trigml.toolchains.native_emulation import native_library

EVENTS_PER_TASK = 8192
"""Events, at least, that a thread takes at a time; for fewer, another thread is not worth its start."""

TASKS_PER_THREAD = 4
"""Pieces of a large input: few, since between them the threads wait for Python; some, to share out evenly."""


class Emulator:
    """The graph as compiled C++: the same words as ``emulate``, some thousand times faster than ap_fixed.

    It is compiled when it is made, or taken from the cache (see ``toolchains.native_emulation``).

    Attributes:
        graph: the network.
        threads: how many cores it uses; by default all that this process may use.
    """

    def __init__(self, graph: Graph, threads: int | None = None, *, optimise: bool = True) -> None:
        """Compile or load.

        Args:
            graph: a checked graph.
            threads: cores to use, 1 or more.
            optimise: compile for speed; without it, a small network compiles in well below a second and
                runs several times slower. The results are the same.

        Raises:
            BadInput: ``threads`` is not positive.
            MissingTool: there is no C++ compiler.
            ToolFailed: the source does not compile.
        """
        if threads is not None and threads < 1:
            raise BadInput("an emulator needs a thread", expected="1 or more", found=str(threads))
        self.graph = graph
        self.threads = threads or _cores()
        self._library = native_library(emulator_project(graph), graph.digest, optimise=optimise)

    @property
    def tool(self) -> str:
        """The compiler and its version."""
        return self._library.compiler

    def predict(self, features: NDArray[Any]) -> IntArray:
        """Scores int64 (events, n_out), in units of the outputs' LSBs, of physical features (events, n_in).

        Args:
            features: float32 or float64; anything else is converted to float64. They become words as the
                input contract says: offset, scale, round half to even, saturate.

        Raises:
            BadInput: the shape is wrong, or a feature is NaN or infinite.
        """
        if features.ndim != 2 or features.shape[1] != self.graph.n_in:
            raise BadInput(
                "events do not have the shape of the network's inputs",
                expected=f"(events, {self.graph.n_in})",
                found=str(features.shape),
            )
        is_single = features.dtype in (np.float16, np.float32)
        rows = np.ascontiguousarray(features, dtype=np.float32 if is_single else np.float64)
        scores, done = self._run(rows)
        if done < len(rows):
            raise self._no_word(rows[done], done)
        return scores

    def predict_words(self, words: IntArray) -> IntArray:
        """Scores int64 (events, n_out) of input words int64 (events, n_in).

        Raises:
            BadInput: the shape or type is wrong, or a word is outside the input format.
        """
        if words.ndim != 2 or words.shape[1] != self.graph.n_in or words.dtype != np.int64:
            check_words(self.graph, words)
        scores, done = self._run(np.ascontiguousarray(words))
        if done < len(words):
            check_words(self.graph, words[done:])
            raise AssertionError("the native emulator refused words that fit")
        return scores

    def tensors(self, inputs: NDArray[Any]) -> dict[str, IntArray]:
        """The words of every tensor of the graph, by name, each (events, *shape); for few events.

        A variant of the network that puts out all tensors is compiled for it.

        Args:
            inputs: words int64 (events, n_in), or physical features of a floating-point type.

        Raises:
            BadInput: as ``predict_words`` and ``predict``.
        """
        whole = self._of_all_tensors
        is_physical = np.issubdtype(inputs.dtype, np.floating)
        rows = whole.predict(inputs) if is_physical else whole.predict_words(inputs)
        tensors, start = {}, 0
        for operation in self.graph.operations:
            end = start + words_in(operation.shape)
            tensors[operation.name] = rows[:, start:end].reshape(len(rows), *operation.shape)
            start = end
        return tensors

    @cached_property
    def _of_all_tensors(self) -> Emulator:
        names = tuple(operation.name for operation in self.graph.operations)
        return Emulator(replace(self.graph, outputs=names, output_labels=()), self.threads, optimise=False)

    def _run(self, rows: NDArray[Any]) -> tuple[IntArray, int]:
        """Scores, and how many events have theirs: fewer than all where a value has no word."""
        scores = np.empty((len(rows), self.graph.n_out), dtype=np.int64)
        if self.threads == 1 or len(rows) <= EVENTS_PER_TASK:
            return scores, self._library.run(rows, scores)
        step = max(EVENTS_PER_TASK, -(-len(rows) // (TASKS_PER_THREAD * self.threads)))
        starts = range(0, len(rows), step)

        def part(start: int) -> int:
            end = start + step
            return self._library.run(rows[start:end], scores[start:end])

        with ThreadPoolExecutor(min(self.threads, len(starts))) as pool:
            for start, done in zip(starts, pool.map(part, starts), strict=True):
                if done < min(step, len(rows) - start):
                    pool.shutdown(cancel_futures=True)
                    return scores, start + done
        return scores, len(rows)

    def _no_word(self, row: NDArray[Any], event: int) -> BadInput:
        """The error for a feature that is NaN or infinite."""
        start = 0
        for contract in self.graph.contracts:
            part = row[start : start + len(contract.features)]
            start += len(contract.features)
            with np.errstate(over="ignore"):
                bad = np.flatnonzero(~np.isfinite(contract.normalise(part[None])[0]))
            if bad.size:
                return BadInput(
                    "an input feature is NaN or infinite",
                    where=f"event {event}, feature {contract.names[bad[0]]!r}",
                    found=str(part[bad[0]]),
                )
        raise AssertionError("the native emulator refused features that have words")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

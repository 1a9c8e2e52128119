"""``Graph``: the integer network as a whole, its proven ranges and its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.errors import BadInput, TrigmlError
from trigml.fixedpoint import FixedPoint, IntArray, Interval
from trigml.graph.operations import Input, Operation
from trigml.graph.ranges import range_after


class BrokenInvariant(TrigmlError):
    """A graph that contradicts itself: a damaged file, or a fault of trigml."""


@dataclass(frozen=True)
class Graph:
    """Operations in an order in which each comes after what it reads.

    From outside, a network has one row of input words and one row of output words per event: the words of
    its inputs one after the other, each flattened with the last axis fastest, and of its outputs likewise.

    Attributes:
        name: a C identifier; the top function of generated code bears it.
        operations: the network; its inputs in the order of ``contracts``.
        outputs: names of the tensors that leave the network, in their order.
        contracts: per input, how physical features become its words.
        output_labels: what the output words mean, for example class names; empty if nobody said.
    """

    name: str
    operations: tuple[Operation, ...]
    outputs: tuple[str, ...]
    contracts: tuple[InputContract, ...]
    output_labels: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Operation:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Operation]:
        return {operation.name: operation for operation in self.operations}

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs in their order."""
        return tuple(operation for operation in self.operations if isinstance(operation, Input))

    @cached_property
    def results(self) -> tuple[Operation, ...]:
        """The operations that yield the outputs."""
        return tuple(self[name] for name in self.outputs)

    @property
    def n_in(self) -> int:
        """Input words per event."""
        return sum(words_in(operation.shape) for operation in self.inputs)

    @property
    def n_out(self) -> int:
        """Output words per event."""
        return sum(words_in(operation.shape) for operation in self.results)

    @cached_property
    def input_fractions(self) -> NDArray[np.int32]:
        """Fractional bits of each input word, (n_in,)."""
        return _fractions(self.inputs)

    @cached_property
    def output_fractions(self) -> NDArray[np.int32]:
        """Fractional bits of each output word, (n_out,)."""
        return _fractions(self.results)

    @property
    def contract(self) -> InputContract:
        """The contract of the single input.

        Raises:
            BadInput: the network has several inputs.
        """
        if len(self.contracts) != 1:
            raise BadInput("this network has several inputs", found=", ".join(i.name for i in self.inputs))
        return self.contracts[0]

    @property
    def output(self) -> Operation:
        """The operation that yields the single output.

        Raises:
            BadInput: the network has several outputs.
        """
        if len(self.outputs) != 1:
            raise BadInput("this network has several outputs", found=", ".join(self.outputs))
        return self[self.outputs[0]]

    def input_tensors(self, words: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Rows of input words (events, n_in) as one tensor (events, *shape) per input, by name."""
        tensors, start = {}, 0
        for operation in self.inputs:
            end = start + words_in(operation.shape)
            tensors[operation.name] = words[:, start:end].reshape(len(words), *operation.shape)
            start = end
        return tensors

    def output_rows(self, tensors: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Tensors (events, *shape) by name as rows of output words (events, n_out)."""
        rows = [tensors[o.name].reshape(len(tensors[o.name]), words_in(o.shape)) for o in self.results]
        return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)

    @cached_property
    def ranges(self) -> Mapping[str, Interval]:
        """Per tensor, the interval in which every word provably lies, from the actual weights."""
        ranges: dict[str, Interval] = {}
        formats: dict[str, FixedPoint] = {}
        for operation in self.operations:
            ranges[operation.name] = range_after(operation, formats, ranges)
            formats[operation.name] = operation.format
        return ranges

    def upto(self, *names: str) -> Graph:
        """The part that yields the tensors ``names``, as a network of its own with the same inputs."""
        from trigml.graph.checks import checked

        needed = set(names)
        for operation in reversed(self.operations):
            if operation.name in needed:
                needed.update(operation.inputs)
        kept = [o for o in self.operations if o.name in needed or isinstance(o, Input)]
        return checked(Graph(self.name, tuple(kept), names, self.contracts))

    def consumers(self, name: str) -> tuple[Operation, ...]:
        """The operations that read a tensor."""
        return tuple(operation for operation in self.operations if name in operation.inputs)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything the graph says: structure, formats, weights, contracts."""
        sha = hashlib.sha256(json.dumps(describe(self), sort_keys=True).encode())
        for operation in self.operations:
            for name, array in sorted(arrays(operation).items()):
                sha.update(f"{operation.name}.{name}{array.shape}".encode())
                sha.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        return sha.hexdigest()

    def check(self) -> Graph:
        """State the invariants; runs after every pass and every load.

        Returns:
            The graph itself.

        Raises:
            BrokenInvariant: with the operation and what does not hold.
        """
        from trigml.graph.checks import checked

        return checked(self)


def words_in(shape: Sequence[int]) -> int:
    """Number of words of a tensor."""
    return int(np.prod(shape, dtype=np.int64))


def describe(graph: Graph) -> dict[str, Any]:
    """The graph without its arrays, as plain JSON."""
    return {
        "name": graph.name,
        "contracts": [contract.to_json() for contract in graph.contracts],
        "outputs": list(graph.outputs),
        "output_labels": list(graph.output_labels),
        "operations": [
            {"operation": type(operation).__name__}
            | {
                field.name: _plain(getattr(operation, field.name))
                for field in fields(operation)
                if field.name not in arrays(operation)
            }
            for operation in graph.operations
        ],
    }


def arrays(operation: Operation) -> dict[str, IntArray]:
    """The integer arrays of an operation by field name; each axis and value counts for the digest."""
    return {
        field.name: value
        for field in fields(operation)
        if isinstance(value := getattr(operation, field.name), np.ndarray)
    }


def _fractions(operations: Sequence[Operation]) -> NDArray[np.int32]:
    counts = [words_in(operation.shape) for operation in operations]
    return np.repeat(np.array([o.format.fraction for o in operations], dtype=np.int32), counts)


def _plain(value: object) -> Any:
    if isinstance(value, FixedPoint):
        return str(value)
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value

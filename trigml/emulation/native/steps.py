"""The order of work: chains of operations on single words are joined with what they follow; memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trigml.emulation.native.words import WordCode, WordOperation, chained, word_code
from trigml.graph import Graph, Operation
from trigml.graph import operations as ops


@dataclass(frozen=True)
class Step:
    """One operation and the operations on single words that follow it; only the last tensor is kept.

    Attributes:
        head: the operation that reads tensors.
        chain: what happens to its words before they are stored.
        code: C++ of the chain; what the head itself does to single words stands before it.
    """

    head: Operation
    chain: tuple[WordOperation, ...]
    code: WordCode

    @property
    def result(self) -> Operation:
        """The operation whose tensor is stored."""
        return self.chain[-1] if self.chain else self.head


def steps_of(graph: Graph) -> tuple[Step, ...]:
    """All work but inputs and reshapes, in order."""
    steps, done = [], set[str]()
    for operation in graph.operations:
        if operation.name in done or isinstance(operation, ops.Input | ops.Reshape):
            continue
        chain = _chain(graph, operation)
        done.update(link.name for link in chain)
        codes = [word_code(graph, link) for link in chain]
        if isinstance(operation, WordOperation | ops.AveragePool):
            codes.insert(0, word_code(graph, operation))
        steps.append(Step(operation, chain, chained(codes)))
    return tuple(steps)


def stored_as(graph: Graph) -> Mapping[str, str]:
    """Per tensor, the tensor in whose memory it stands: a reshape moves nothing."""
    stored: dict[str, str] = {}
    for operation in graph.operations:
        is_view = isinstance(operation, ops.Reshape)
        stored[operation.name] = stored[operation.inputs[0]] if is_view else operation.name
    return stored


def _chain(graph: Graph, head: Operation) -> tuple[WordOperation, ...]:
    chain: list[WordOperation] = []
    last = head
    while last.name not in graph.outputs:
        consumers = graph.consumers(last.name)
        if len(consumers) != 1 or not isinstance(consumers[0], WordOperation):
            break
        chain.append(consumers[0])
        last = consumers[0]
    return tuple(chain)

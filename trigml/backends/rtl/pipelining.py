"""Cutting logic into pipeline stages so that none is slower than the clock, by alkaid's delay model.

The model (``add_surrogate`` in alkaid 0.8) gives each operation a delay: an adder 1.09 and 0.025 more per bit
of carry chain, a multiplexer 0.5, a table by its address bits. alkaid names no unit; trigml takes it as 1 ns,
which no vendor's timing report has confirmed. alkaid's own cut counts an operation only where it ends: one
that begins before a cut comes whole into the stage behind it, which is then longer than asked for. Here each
operation goes into the first stage in which it ends in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trigml.errors import BadInput

_PRECISION = 1e-3
_ROUNDING = 1e-9
_WORDS = {"vadd": "an adder", "vmul": "a multiplier", "lookup": "a table", "msb_mux": "a multiplexer"}


@dataclass(frozen=True)
class Delays:
    """The operations of combinational logic and their delays.

    Attributes:
        inputs: of each operation, the operations that it reads; all of them stand before it.
        own: of each operation, its delay in the model's units.
    """

    inputs: tuple[tuple[int, ...], ...]
    own: tuple[float, ...]

    @classmethod
    def of(cls, combinational: Any) -> Delays:
        """The delays that alkaid's model gives its logic."""
        inputs: list[tuple[int, ...]] = []
        own: list[float] = []
        ends: list[float] = []
        for operation in combinational.ops:
            sources = tuple(int(source) for source in operation.input_ids)
            begin = max((ends[source] for source in sources), default=0.0)
            ends.append(max(begin, float(operation.latency)))
            inputs.append(sources)
            own.append(ends[-1] - begin)
        return cls(tuple(inputs), tuple(own))

    @property
    def slowest(self) -> float:
        """The longest delay of a single operation, below which no pipeline can go."""
        return max(self.own, default=0.0)

    def stages(self, period: float) -> list[int]:
        """For each operation the first stage in which it ends within ``period``; not below ``slowest``."""
        stages: list[int] = []
        ends: list[float] = []
        for sources, own in zip(self.inputs, self.own, strict=True):
            stage = max((stages[source] for source in sources), default=0)
            begin = max((ends[source] for source in sources if stages[source] == stage), default=0.0)
            if begin + own > period + _ROUNDING:
                stage, begin = stage + 1, 0.0
            stages.append(stage)
            ends.append(begin + own)
        return stages

    def longest(self, stages: Sequence[int]) -> float:
        """The delay of the slowest stage."""
        ends: list[float] = []
        for sources, own, stage in zip(self.inputs, self.own, stages, strict=True):
            begin = max((ends[source] for source in sources if stages[source] == stage), default=0.0)
            ends.append(begin + own)
        return max(ends, default=0.0)

    def shortest_period(self, count: int) -> float:
        """The shortest period that ``count`` stages can have, to a thousandth."""
        low, high = self.slowest, max(self.slowest, self.longest([0] * len(self.own)))
        if max(self.stages(low), default=0) < count:
            return low
        while high - low > _PRECISION:
            middle = (low + high) / 2
            if max(self.stages(middle), default=0) < count:
                high = middle
            else:
                low = middle
        return high


def pipelined(combinational: Any, clock_ns: float, stages: int | None, tensors: Mapping[str, Any]) -> Any:
    """alkaid's pipeline of its logic, with registers behind each stage.

    Args:
        combinational: alkaid's logic.
        clock_ns: the period that no stage may exceed.
        stages: number of stages, cut as evenly as it goes; ``None``: as few as the clock allows, which takes
            fewer registers than an even cut.
        tensors: alkaid's variables of each tensor of the graph, in its order, to name a slow one.

    Raises:
        BadInput: one operation alone takes longer than the clock, or so many stages do.
    """
    from alkaid.trace import to_pipeline

    delays = Delays.of(combinational)
    if delays.slowest > clock_ns + _ROUNDING:
        layer, operation = _slowest(tensors)
        raise BadInput(
            "no pipeline can meet the clock: one operation alone takes longer",
            where=f"layer {layer!r}, {operation}",
            expected=f"at most {clock_ns:g} ns in a stage",
            found=f"{delays.slowest:.2f} ns by alkaid's delay model (no vendor's timing)",
            remedy="ask for a slower clock, or make this layer's words or its table smaller",
        )
    needed = max(delays.stages(clock_ns), default=0) + 1
    count = needed if stages is None else stages
    period = clock_ns if stages is None else delays.shortest_period(count)
    if count < needed:
        raise BadInput(
            f"{stages} pipeline stages are too few for the clock",
            expected=f"at most {clock_ns:g} ns in a stage",
            found=f"{period:.2f} ns by alkaid's delay model (no vendor's timing)",
            remedy=f"ask for {needed} stages or more, for none to let trigml choose, or for a slower clock",
        )
    cut = delays.stages(period)
    return to_pipeline(
        _staged(combinational, cut, count), n_stages=count, verbose=False, reg_inp=False, reg_out=True
    )


def _staged(combinational: Any, cut: Sequence[int], count: int) -> Any:
    """The logic with the number of its stage, from 1, as each operation's end, where alkaid's cut finds it.

    Stages that are not needed are registers behind the inputs.
    """
    spare = count - 1 - max(cut, default=0)
    operations = [
        operation._replace(latency=float(spare + stage + 1 if operation.addr else 0))
        for operation, stage in zip(combinational.ops, cut, strict=True)
    ]
    return combinational._replace(ops=operations)


def _slowest(tensors: Mapping[str, Any]) -> tuple[str, str]:
    """The layer whose traced variables hold the slowest single operation, and what that is."""
    seen: set[Any] = set()
    found, longest = ("", ""), -1.0
    for name, tensor in tensors.items():
        waiting = list(tensor.reshape(-1))
        while waiting:
            variable = waiting.pop()
            if variable.id in seen:
                continue
            seen.add(variable.id)
            sources = variable._from or ()
            waiting += sources
            own = variable.latency - max((source.latency for source in sources), default=0.0)
            if own > longest:
                found, longest = (name, _WORDS.get(variable.opr, f"operation {variable.opr!r}")), own
    return found

"""Preflight: every rule that a model breaks, told in one go; or what the network is if it breaks none."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trigml.backends.hls.options import HlsOptions
from trigml.graph import Graph
from trigml.graph.operations import Input, Linear
from trigml.opening import OpenOptions, open_model
from trigml.problems import NoExactForm, Problem
from trigml.progress import Progress


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the network: name, shape without the event axis, and type of its words."""

    name: str
    shape: tuple[int, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Accumulator:
    """A sum of products: the layer, and the type that its partial sums provably fit."""

    layer: str
    type: str
    bits: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a convertible model is as a network of integers.

    Attributes:
        inputs: its inputs.
        outputs: its outputs.
        operations: number of operations, inputs not counted.
        parameters: weights and biases, zeros included.
        zeros: how many of these are zero.
        widest: the widest accumulator; ``None`` without sums of products.
        digest: SHA-256 of the graph.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operations: int
    parameters: int
    zeros: int
    widest: Accumulator | None
    digest: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """The result of a preflight.

    Attributes:
        model: what was looked at.
        problems: rules that the model breaks.
        summary: the network, if the model breaks no rule.
        notes: what was decided on the way, or could not be looked at.
        backend: the HLS options that were asked for.
        backend_problems: what that backend cannot do exactly.
    """

    model: str
    problems: tuple[Problem, ...]
    summary: Summary | None = None
    notes: tuple[str, ...] = ()
    backend: HlsOptions | None = None
    backend_problems: tuple[Problem, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is in the way."""
        return not self.problems and not self.backend_problems

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "model": self.model,
            "passed": self.passed,
            "problems": [asdict(problem) for problem in self.problems],
            "summary": None if self.summary is None else asdict(self.summary),
            "notes": list(self.notes),
            "backend": None if self.backend is None else self.backend.to_json(),
            "backend_problems": [asdict(problem) for problem in self.backend_problems],
        }


def preflight(
    path: Path, options: OpenOptions, hls: HlsOptions | None = None, progress: Progress | None = None
) -> Preflight:
    """Look for every broken rule of a model, and for what a backend would refuse.

    Args:
        path: a run or a model file.
        options: what the file does not say by itself.
        hls: the HLS project that is wanted, if one is.
        progress: listener.

    Raises:
        BadInput: the model cannot be read at all.
    """
    try:
        opened = open_model(path, options, progress)
    except NoExactForm as error:
        return _with_what_was_skipped(Preflight(str(path), error.problems, backend=hls), error)
    found = Preflight(str(path), (), summary_of(opened.graph), opened.notes)
    if hls is None:
        return found
    from trigml.backends.hls.preflight import backend_problems

    return replace(found, backend=hls, backend_problems=tuple(backend_problems(opened.graph, hls)))


def _with_what_was_skipped(found: Preflight, error: NoExactForm) -> Preflight:
    from trigml.frontends.keras_config import ForeignParts
    from trigml.frontends.post_training import MissingFormats

    notes = []
    if isinstance(error, ForeignParts):
        notes.append("nothing of the model was loaded; its other layers are looked at once these are gone")
    if isinstance(error, MissingFormats):
        notes.append("the other rules are looked at once every tensor has its format")
    if found.backend is not None:
        notes.append(f"what {found.backend.backend.value} refuses is looked at once the model is exact")
    return replace(found, notes=tuple(notes))


def summary_of(graph: Graph) -> Summary:
    """The figures of a network."""
    linear = [operation for operation in graph.operations if isinstance(operation, Linear)]
    arrays = [array for operation in linear for array in (operation.weight, operation.bias)]
    widest = max(linear, key=lambda operation: operation.format.width, default=None)
    return Summary(
        inputs=tuple(Port(o.name, o.shape, str(o.format)) for o in graph.inputs),
        outputs=tuple(Port(o.name, o.shape, str(o.format)) for o in graph.results),
        operations=sum(not isinstance(operation, Input) for operation in graph.operations),
        parameters=sum(array.size for array in arrays),
        zeros=sum(int(np.count_nonzero(array == 0)) for array in arrays),
        widest=None if widest is None else Accumulator(widest.name, str(widest.format), widest.format.width),
        digest=graph.digest,
    )

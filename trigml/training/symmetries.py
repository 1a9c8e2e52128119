"""Symmetries of the detector: training events are seen mirrored and transposed, as they could have happened.

A symmetry exchanges cells, so it is a permutation of the model's inputs. In each epoch each event goes
through a random element of the group that the spec's symmetries generate; validation and test events stay as
they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.spec import Spec
from trigml.spec.inputs import Image
from trigml.spec.training import Symmetry
from trigml.training.loop import Batch, TrainingEvents

Permutations: TypeAlias = NDArray[np.intp]
"""(elements, cells): the transformed event has in cell i what the event has in cell ``[element, i]``."""

_DRAWN_FOR_SYMMETRIES = 1
"""Keeps the random numbers apart from those of the order of events, which have the same seed and epoch."""


def permutation_of(symmetry: Symmetry, images: Sequence[Image]) -> NDArray[np.intp]:
    """The permutation (cells,) of images (segment, y, x) that lie one after the other, all changed alike."""
    parts, start = [], 0
    for image in images:
        size = math.prod(image)
        cells = np.arange(start, start + size).reshape(image)
        match symmetry:
            case "mirror_x":
                cells = cells[:, :, ::-1]
            case "mirror_y":
                cells = cells[:, ::-1, :]
            case "transpose":
                cells = cells.transpose(0, 2, 1)
        parts.append(cells.reshape(-1))
        start += size
    return np.concatenate(parts)


def generated_by(generators: Sequence[NDArray[np.intp]]) -> Permutations:
    """The group that permutations generate, the identity first."""
    found = {tuple(range(len(generators[0]))): None}
    waiting = list(found)
    while waiting:
        element = np.array(waiting.pop(0))
        for generator in generators:
            product = tuple(element[generator].tolist())
            if product not in found:
                found[product] = None
                waiting.append(product)
    return np.array(list(found), dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Symmetrised:
    """Training events, each seen through a random symmetry in each epoch.

    The symmetries depend on nothing but the seed, the epoch and the place of the event in it: a training that
    goes on after an interruption sees the same.

    Attributes:
        events: the events as they are, model inputs of shape (n, cells).
        elements: the symmetries that are drawn from, all with the same probability.
        seed: of the draws.
    """

    events: TrainingEvents
    elements: Permutations
    seed: int

    @property
    def n_events(self) -> int:
        """Events of one epoch."""
        return self.events.n_events

    def epoch(self, epoch: int, batch_size: int) -> Iterator[Batch]:
        """All events in their order, transformed."""
        rng = np.random.default_rng([self.seed, epoch, _DRAWN_FOR_SYMMETRIES])
        for inputs, labels in self.events.epoch(epoch, batch_size):
            drawn = rng.integers(0, len(self.elements), len(labels))
            yield np.take_along_axis(inputs, self.elements[drawn], axis=1), labels


def symmetrised(spec: Spec, contract: InputContract, events: TrainingEvents, *, seed: int) -> TrainingEvents:
    """Training events as the spec's symmetries want them; without any, the events themselves.

    Raises:
        BadInput: cells that a symmetry exchanges do not become words in the same way, so that the word of one
            would mean another energy in the place of the other.
    """
    cells = spec.inputs.cells
    if not spec.training.symmetries or cells is None:
        return events
    scales = np.array([(feature.offset, feature.shift) for feature in contract.features])
    for name in spec.training.symmetries:
        permutation = permutation_of(name, cells.images)
        differing = np.flatnonzero(np.any(scales[permutation] != scales, axis=1))
        if len(differing):
            one = contract.features[differing[0]]
            other = contract.features[permutation[differing[0]]]
            raise BadInput(
                f"the symmetry {name!r} exchanges cells of different offsets or shifts",
                expected="the same offset and shift for cells that take each other's place",
                found=f"{one.name}: offset {one.offset:g}, shift {one.shift}; "
                f"{other.name}: offset {other.offset:g}, shift {other.shift}",
                remedy="share one scale (inputs.cells.scale: shared), or give one per depth segment",
            )
    group = generated_by([permutation_of(name, cells.images) for name in spec.training.symmetries])
    return Symmetrised(events, group, seed)

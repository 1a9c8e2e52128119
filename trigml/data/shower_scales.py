"""Measuring the scales of trigger primitives on showers: from deposits to GeV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigml.data.primitives import PrimitivesFile
from trigml.data.shower_layouts import NamedLayout
from trigml.data.showers import Particle, particles, read_showers
from trigml.errors import BadInput
from trigml.physics.shower_shapes import energy_sum
from trigml.physics.trigger_primitives import TriggerPrimitives
from trigml.progress import Progress, Silent

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Scales:
    """GeV per MeV of weighted deposits; ``hcal`` is ``None`` where no charged pions were given."""

    ecal: float
    hcal: float | None


def measured_scales(
    sources: Sequence[tuple[str, Path]],
    layout: NamedLayout,
    primitives: PrimitivesFile,
    progress: Progress | None = None,
) -> Scales:
    """The scale of the ECAL from the class ``electron``, that of the HCAL from the class ``pion``.

    The former is the median of true energy over weighted deposits in the ECAL. The latter is, with the
    former, the least squares of (measured - true) / true: Σ m s / Σ s², with m = 1 - (ECAL's share measured)
    / true and s = weighted deposits in the HCAL / true.

    Raises:
        BadInput: no class ``electron``, a pion without HCAL, no deposits; what ``particles`` and
            ``read_showers`` refuse.
    """
    listener = progress or Silent()
    if "electron" not in {name for name, _ in sources}:
        raise BadInput(
            "the scales are measured with electrons, and that of the HCAL with charged pions",
            expected="electron=FILE, or electron=FILE pion=FILE",
            found=", ".join(name for name, _ in sources) or "nothing",
        )
    mixture = particles(sources, layout.layout)
    fitted = primitives.fitted(mixture[0].file.ecal_shape, mixture[0].file.hcal_shape)
    ecal, _, true = _deposits(mixture, "electron", fitted, listener)
    if not (ecal > 0).any():
        raise BadInput("the electrons have no deposits in the ECAL")
    ecal_scale = float(np.median(true[ecal > 0] / ecal[ecal > 0]))
    if "pion" not in {name for name, _ in sources} or fitted.hcal is None:
        return Scales(ecal_scale, None)
    ecal, hcal, true = _deposits(mixture, "pion", fitted, listener)
    missing, seen = 1 - ecal_scale * ecal / true, hcal / true
    if not seen.any():
        raise BadInput("the charged pions have no deposits in the HCAL")
    return Scales(ecal_scale, float(missing @ seen / (seen @ seen)))


def _deposits(
    mixture: Sequence[Particle], name: str, primitives: TriggerPrimitives, progress: Progress
) -> NDArray[np.float64]:
    """(3, n): weighted deposits in ECAL and HCAL in MeV, true energy in GeV; 24 bytes a shower."""
    found = []
    chosen = [particle.file for particle in mixture if particle.name == name]
    with progress.task(f"Reading {name}", sum(file.n_showers for file in chosen)) as task:
        for file in chosen:
            for showers in read_showers(file, _BATCH):
                ecal = energy_sum(primitives.ecal.weighted(showers.ecal))
                hcal = np.zeros(len(showers))
                if primitives.hcal is not None and showers.hcal is not None:
                    hcal = energy_sum(primitives.hcal.weighted(showers.hcal))
                found.append(np.stack([ecal, hcal, showers.energy.astype(np.float64)]))
                task.advance(len(showers))
    return np.concatenate(found, axis=1)

"""Measuring the scales of trigger primitives on showers: from deposits to GeV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigml.data.primitives import PrimitivesFile
from trigml.data.shower_layouts import NamedLayout
from trigml.data.showers import Particle, check_one_particle, particles, read_showers
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
        BadInput: no class ``electron`` or another one than the two, pions without HCAL, no deposits, a scale
            that is not above 0; what ``particles``, ``read_showers`` and ``check_one_particle`` refuse.
    """
    listener = progress or Silent()
    names = {name for name, _ in sources}
    if not {"electron"} <= names <= {"electron", "pion"}:
        raise BadInput(
            "the scales are measured with electrons, and that of the HCAL with charged pions",
            expected="electron=FILE, or electron=FILE pion=FILE",
            found=", ".join(name for name, _ in sources) or "nothing",
        )
    mixture = particles(sources, layout.layout)
    fitted = primitives.fitted(mixture[0].file.ecal_shape, mixture[0].file.hcal_shape)
    if "pion" in names and fitted.hcal is None:
        raise BadInput(
            "charged pions are for the scale of the HCAL, and the trigger primitives have none",
            remedy="leave pion=FILE out, or use trigger primitives with an HCAL",
        )
    ecal, _, true = _deposits(mixture, "electron", fitted, listener)
    if not (ecal > 0).any():
        raise BadInput("the electrons have no deposits in the ECAL")
    ecal_scale = float(np.median(true[ecal > 0] / ecal[ecal > 0]))
    if "pion" not in names:
        return Scales(ecal_scale, None)
    ecal, hcal, true = _deposits(mixture, "pion", fitted, listener)
    missing, seen = 1 - ecal_scale * ecal / true, hcal / true
    if not seen.any():
        raise BadInput("the charged pions have no deposits in the HCAL")
    hcal_scale = float(missing @ seen / (seen @ seen))
    if hcal_scale <= 0:
        raise BadInput(
            "the charged pions give no scale of the HCAL: the ECAL's scale alone gives them too much energy",
            expected="a scale above 0",
            found=f"{hcal_scale:.4g} GeV/MeV, with {ecal_scale:.4g} GeV/MeV for the ECAL",
            remedy="see which particles and deposits the files hold: trigml data describe FILE",
        )
    return Scales(ecal_scale, hcal_scale)


def _deposits(
    mixture: Sequence[Particle], name: str, primitives: TriggerPrimitives, progress: Progress
) -> NDArray[np.float64]:
    """(3, n): weighted deposits in ECAL and HCAL in MeV, true energy in GeV; 24 bytes a shower."""
    found = []
    chosen = [particle for particle in mixture if particle.name == name]
    with progress.task(f"Reading {name}", sum(one.file.n_showers for one in chosen)) as task:
        for one in chosen:
            for showers in read_showers(one.file, _BATCH):
                check_one_particle(showers, one, int(showers.row[0]), {})
                ecal = energy_sum(primitives.ecal.weighted(showers.ecal))
                hcal = np.zeros(len(showers))
                if primitives.hcal is not None and showers.hcal is not None:
                    hcal = energy_sum(primitives.hcal.weighted(showers.hcal))
                found.append(np.stack([ecal, hcal, showers.energy.astype(np.float64)]))
                task.advance(len(showers))
    return np.concatenate(found, axis=1)

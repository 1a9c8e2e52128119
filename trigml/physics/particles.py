"""The particles of a batch of jets, as flat arrays with a count per jet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigml.errors import BadInput

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Particles:
    """Four-momenta of the particles of ``n_jets`` jets (or events), one jet after the other.

    ``px``, ``py``, ``pz`` and ``energy`` have shape ``(n_particles,)`` and are in GeV; ``count`` has shape
    ``(n_jets,)`` and sums to ``n_particles``. Every jet has at least one particle, every particle a finite
    momentum with pT > 0.
    """

    px: FloatArray
    py: FloatArray
    pz: FloatArray
    energy: FloatArray
    count: IntArray

    def __post_init__(self) -> None:
        n_particles = int(self.count.sum())
        for name in ("px", "py", "pz", "energy"):
            values = getattr(self, name)
            if values.shape != (n_particles,):
                raise BadInput(
                    f"the particles' {name} does not fit the counts per jet",
                    expected=f"shape ({n_particles},)",
                    found=f"shape {values.shape}",
                )
            if not np.isfinite(values).all():
                raise BadInput(
                    f"a particle has a NaN or infinite {name}", where=self._jet_of(~np.isfinite(values))
                )
        if (self.count < 1).any():
            raise BadInput(
                "a jet without constituents", where=f"jet {int(np.argmax(self.count < 1))} of the batch"
            )
        along_beam = (self.px == 0) & (self.py == 0)
        if along_beam.any():
            raise BadInput(
                "a particle with pT = 0 has no direction in eta and phi", where=self._jet_of(along_beam)
            )

    @classmethod
    def from_padded(cls, pt: ArrayLike, eta: ArrayLike, phi: ArrayLike, mass: ArrayLike = 0.0) -> Particles:
        """Take zero-padded arrays of shape ``(n_jets, n_slots)``; a slot with pT = 0 is empty.

        ``pt`` and ``mass`` are in GeV, ``eta`` is the pseudorapidity, ``phi`` is in radians. ``eta`` and
        ``phi`` may be relative to the jet axis: for massless particles no jet feature depends on the origin.
        """
        pt_slots = np.asarray(pt, dtype=np.float64)
        if pt_slots.ndim != 2:
            raise BadInput(
                "padded constituents need one row per jet", expected="2 axes", found=f"{pt_slots.ndim}"
            )
        if (pt_slots < 0).any():
            raise BadInput("a constituent has a negative pT")
        filled = pt_slots != 0  # NaN counts as filled, so that it is reported and not dropped
        eta_slots, phi_slots, mass_slots = (
            np.broadcast_to(np.asarray(values, dtype=np.float64), filled.shape)[filled]
            for values in (eta, phi, mass)
        )
        pt_filled = pt_slots[filled]
        with np.errstate(invalid="ignore", over="ignore"):  # reported by the checks of the class
            pz = pt_filled * np.sinh(eta_slots)
            return cls(
                px=pt_filled * np.cos(phi_slots),
                py=pt_filled * np.sin(phi_slots),
                pz=pz,
                energy=np.sqrt(pt_filled**2 + pz**2 + mass_slots**2),
                count=filled.sum(axis=1).astype(np.int64),
            )

    @property
    def n_jets(self) -> int:
        """Number of jets in the batch."""
        return len(self.count)

    @property
    def first(self) -> IntArray:
        """Index of each jet's first particle, shape ``(n_jets,)``."""
        return np.cumsum(self.count) - self.count

    @property
    def jet(self) -> IntArray:
        """Index of the jet that each particle belongs to, shape ``(n_particles,)``."""
        return np.repeat(np.arange(self.n_jets), self.count)

    @property
    def pt(self) -> FloatArray:
        """Transverse momentum in GeV, shape ``(n_particles,)``."""
        return np.hypot(self.px, self.py)

    @property
    def eta(self) -> FloatArray:
        """Pseudorapidity, shape ``(n_particles,)``."""
        return np.arcsinh(self.pz / self.pt)

    @property
    def phi(self) -> FloatArray:
        """Azimuth in (-pi, pi], shape ``(n_particles,)``."""
        return np.arctan2(self.py, self.px)

    def sum_per_jet(self, values: FloatArray) -> FloatArray:
        """Add up one value per particle, shape ``(n_particles,)``, to one per jet, shape ``(n_jets,)``."""
        if self.n_jets == 0:
            return np.zeros(0)
        return np.add.reduceat(values, self.first)

    def _jet_of(self, wrong: NDArray[np.bool_]) -> str:
        return f"jet {int(self.jet[np.argmax(wrong)])} of the batch"

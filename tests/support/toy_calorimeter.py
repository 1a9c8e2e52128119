"""Toy showers for the tests of regressions: a first image of 2 × 3 × 3 cells, a second one of 1 × 2 × 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trigml.data.layout import Column, EventsWriter
from trigml.spec import Spec, spec_from_text, with_overrides

FIRST, SECOND = 18, 4
SPEC = """\
trigml: 1
name: toy_energy
task: regression
data:
  files: [FILE]
  classes: [gamma, pion]
  target: true_energy
  split: {train: 0.5, validation: 0.1, test: 0.4}
inputs:
  format: ap_fixed<10,7,RND_CONV,SAT>
  cells: {column: energy, offset: 0.0, shift: 0, images: [[2, 3, 3], [1, 2, 2]]}
model: {hidden: [6], linear: true}
output: {lsb: 0.25, bits: 8}
quantization: {weight_bits: 6, bias_bits: 8, activation_bits: 6}
training:
  {epochs: 3, batch_size: 64, learning_rate: 0.003, quantized: {epochs: 2, learning_rate: 0.001}}
baseline: {kind: none}
"""


def write_toy_showers(path: Path, truth: np.ndarray, *, seed: int = 3) -> Path:
    """Showers of the given energies, photons and pions in turn.

    Photons leave all of it in the first image; pions a random part there, and half of the rest in the second
    one. The visible energy is a Poisson number of quanta, of which there are 4 per GeV: σ/E = 0.5/√E.
    """
    rng = np.random.default_rng(seed)
    n = len(truth)
    labels = np.arange(n) % 2
    in_first = np.where(labels == 0, 1.0, rng.uniform(0.2, 0.8, n))
    visible = rng.poisson(4 * np.abs(truth)) / 4
    energies = visible[:, None] * np.concatenate(
        [
            in_first[:, None] * rng.dirichlet(np.ones(FIRST), n),
            0.5 * (1 - in_first)[:, None] * rng.dirichlet(np.ones(SECOND), n),
        ],
        axis=1,
    )
    with EventsWriter(
        path,
        title="toy showers",
        features=[Column("true_energy", "GeV"), Column("depth", "mm")],
        constituents=[Column("energy", "GeV")],
        n_constituents=FIRST + SECOND,
        class_names=("gamma", "pion"),
        chunk_events=256,
    ) as writer:
        writer.append(
            event_id=np.arange(n),
            features={"true_energy": truth, "depth": rng.normal(10, 3, n)},
            constituents={"energy": energies},
            labels=labels,
        )
    return path


def toy_energies(n: int, seed: int = 4) -> np.ndarray:
    """True energies from 5 to 50 GeV."""
    return np.random.default_rng(seed).uniform(5, 50, n)


def toy_energy_spec(events: Path, *overrides: str) -> Spec:
    """The spec of a small regression on a file of toy showers, with changes."""
    return with_overrides(spec_from_text(SPEC.replace("FILE", str(events)), "toy"), overrides)

"""FastJet behind arrays: clustering a batch of jets or events (optional dependency, extra ``jets``)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from trigml.errors import MissingTool
from trigml.physics.particles import Particles

# The largest radius FastJet takes. No pair of particles is further apart, so none is left to the beam and
# "one exclusive jet" holds every particle.
WHOLE_JET_RADIUS = 1000.0


def anti_kt(events: Particles, radius: float) -> Any:
    """Cluster each event with the anti-kt algorithm (M. Cacciari, G. Salam, G. Soyez, arXiv:0802.1189).

    Returns FastJet's cluster sequence over the batch.

    Raises:
        MissingTool: fastjet is not installed.
    """
    fastjet = load_fastjet()
    return _cluster(fastjet, events, fastjet.JetDefinition(fastjet.antikt_algorithm, radius))


def recluster_cambridge_aachen(jets: Particles) -> Any:
    """Recluster all particles of each jet into one Cambridge/Aachen tree (hep-ph/9707323, hep-ph/9907280).

    Returns FastJet's cluster sequence over the batch; its one exclusive jet (``njets=1``) is the whole jet.

    Raises:
        MissingTool: fastjet is not installed.
    """
    fastjet = load_fastjet()
    return _cluster(fastjet, jets, fastjet.JetDefinition(fastjet.cambridge_algorithm, WHOLE_JET_RADIUS))


@cache
def load_fastjet() -> ModuleType:
    """Import FastJet's Python package; its banner goes to stderr.

    Raises:
        MissingTool: it is not installed.
    """
    try:
        import fastjet
    except ImportError as error:
        raise MissingTool(
            "jets need the Python package fastjet",
            found=str(error),
            remedy="pip install 'trigml[jets]'",
        ) from error
    module: ModuleType = fastjet
    one = np.ones(1)
    particle = Particles(px=one, py=0 * one, pz=0 * one, energy=one, count=np.ones(1, dtype=np.int64))
    with _stdout_to_stderr():
        _cluster(module, particle, module.JetDefinition(module.antikt_algorithm, 1.0))
    return module


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send what C++ code prints on stdout to stderr.

    FastJet announces itself on stdout at the first clustering, and its Python package has no way to turn that
    off; stdout is for data.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _cluster(fastjet: ModuleType, batch: Particles, definition: Any) -> Any:
    import awkward as ak

    momenta = ak.zip(
        {"px": batch.px, "py": batch.py, "pz": batch.pz, "E": batch.energy}, with_name="Momentum4D"
    )
    return fastjet.ClusterSequence(ak.unflatten(momenta, batch.count), definition)

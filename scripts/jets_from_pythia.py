"""Generating labelled jets with Pythia 8; ``make_jets.py --generate`` runs it."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from typing import Any

import numpy as np
from jet_table import CLASS_NAMES, RADIUS, JetTable, joined, provenance_of_jets, table_of_jets

from trigml.errors import MissingTool, ToolFailed
from trigml.physics.clustering import anti_kt, load_fastjet
from trigml.physics.jets import wrapped
from trigml.physics.particles import Particles

MATCHING_RADIUS = 0.4
MAX_ABS_ETA = 4.0
PT_RANGE = (800.0, 1600.0)
EVENTS_PER_BLOCK = 800  # one run of Pythia with its own seed
EVENTS_PER_CALL = 100  # events in memory at a time
NEUTRINOS = (12, 14, 16)
OUTGOING, BEFORE_DECAY = -23, -62  # Pythia's status codes of the particles that give the label

COMMON_SETTINGS = (
    "Beams:idA = 2212",
    "Beams:idB = 2212",
    "Beams:eCM = 13000.",
    "PhaseSpace:pTHatMin = 985.",
    "PhaseSpace:pTHatMax = 1255.",
    "PartonLevel:MPI = on",
)
HADRONIC_W = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5")
HADRONIC_Z = ("23:onMode = off", "23:onIfAny = 1 2 3 4 5", "WeakZ0:gmZmode = 2")


@dataclass(frozen=True, slots=True)
class HardProcess:
    """Where a class of jets comes from: Pythia's settings, and the particle (PDG ids, status) that labels."""

    settings: tuple[str, ...]
    ids: tuple[int, ...]
    status: int


PROCESSES = {
    "g": HardProcess(("HardQCD:gg2gg = on", "HardQCD:qqbar2gg = on"), (21,), OUTGOING),
    "q": HardProcess(
        (
            "HardQCD:qq2qq = on",
            "HardQCD:gg2qqbar = on",
            "HardQCD:qqbar2qqbarNew = on",
            "HardQCD:nQuarkNew = 3",
        ),
        (1, 2, 3),
        OUTGOING,
    ),
    "W": HardProcess(("WeakDoubleBoson:ffbar2WW = on", *HADRONIC_W), (24,), BEFORE_DECAY),
    "Z": HardProcess(("WeakDoubleBoson:ffbar2gmZgmZ = on", *HADRONIC_Z), (23,), BEFORE_DECAY),
    "t": HardProcess(("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", *HADRONIC_W), (6,), BEFORE_DECAY),
}


def generated(n_jets: int, *, seed: int, processes: int, advance: Callable[[int], None]) -> JetTable:
    """Generate ``n_jets`` jets, a fifth of each class, and shuffle them by event.

    ``advance`` hears how many jets more there are. The result does not depend on ``processes``.
    """
    tables = []
    # "spawn": neither Pythia nor FastJet promises to survive a fork.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_quiet_worker) as pool:
        for label in range(len(CLASS_NAMES)):
            n_class = n_jets // len(CLASS_NAMES) + (label < n_jets % len(CLASS_NAMES))
            blocks = _Blocks(pool, label, seed, processes)
            tables.append(blocks.first_jets(n_class, advance))
    table = joined(tables)
    _, event = np.unique(table.event_id, return_inverse=True)
    place = np.random.default_rng(seed).permutation(int(event.max()) + 1)
    return table.take(np.argsort(place[event], kind="stable"))


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The blocks of one class, generated some at a time but taken in their order."""

    pool: ProcessPoolExecutor
    label: int
    seed: int
    processes: int

    def first_jets(self, n_jets: int, advance: Callable[[int], None]) -> JetTable:
        tables: list[JetTable] = []
        running: deque[Future[JetTable]] = deque()
        found, next_block = 0, 0
        while found < n_jets:
            expected = found / len(tables) if found else 1.5 * EVENTS_PER_BLOCK
            while len(running) < min(self.processes, math.ceil((n_jets - found) / expected)):
                running.append(self.pool.submit(generate_block, self.label, next_block, self.seed, n_jets))
                next_block += 1
            table = running.popleft().result()
            tables.append(table)
            advance(min(len(table), n_jets - found))
            found += len(table)
        for future in running:
            future.cancel()
        return joined(tables).take(slice(n_jets))


def _quiet_worker() -> None:
    """Load FastJet without its banner: the main process has shown it."""
    kept = os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        load_fastjet()
        os.dup2(kept, 2)
    os.close(kept)


def generate_block(label: int, block: int, seed: int, n_jets: int) -> JetTable:
    """Generate the jets of one block of events, or its beginning if that has ``n_jets`` jets already.

    The result depends on nothing but the arguments.
    """
    name = CLASS_NAMES[label]
    pythia = _pythia(name, pythia_seed(seed, label, block))
    tables: list[JetTable] = []
    for call in range(EVENTS_PER_BLOCK // EVENTS_PER_CALL):
        if sum(map(len, tables)) >= n_jets:
            break
        first_id = label * 10**12 + block * 10**6 + call * EVENTS_PER_CALL
        events = pythia.nextBatch(EVENTS_PER_CALL)
        if len(events) == 0:
            raise ToolFailed("Pythia generated no event", where=f"class {name}, block {block}")
        tables.append(_jets_of_events(events.prt, label, first_id))
    return joined(tables)


def pythia_seed(seed: int, label: int, block: int) -> int:
    """Pythia's own seed (1 to 900 million) for one block; blocks of one sample never share one."""
    return 1 + (seed * 5_000_000 + label * 1_000_000 + block) % 900_000_000


def _pythia(name: str, seed: int) -> Any:
    try:
        import pythia8mc
    except ImportError as error:
        raise MissingTool(
            "generating jets needs pythia8mc", found=str(error), remedy="pip install 'trigml[jets]'"
        ) from error
    pythia = pythia8mc.Pythia("", False)
    run = (f"Random:seed = {seed}", "Random:setSeed = on", "Print:quiet = on")
    for setting in (*COMMON_SETTINGS, *PROCESSES[name].settings, *run):
        if not pythia.readString(setting):
            raise ToolFailed("Pythia does not know a setting", found=setting)
    if not pythia.init():
        raise ToolFailed("Pythia could not be initialised", where=f"class {name}")
    return pythia


def _jets_of_events(particles: Any, label: int, first_id: int) -> JetTable:
    """Cluster a batch of events; ``particles`` is Pythia's event record as an awkward array."""
    import awkward as ak

    pt = np.hypot(particles.p.px, particles.p.py)
    eta = np.arcsinh(particles.p.pz / ak.where(pt > 0, pt, 1e-30))
    visible = (particles.status > 0) & (pt > 0) & (abs(eta) < MAX_ABS_ETA)
    for neutrino in NEUTRINOS:
        visible = visible & (abs(particles.id) != neutrino)
    momenta = particles.p[visible]
    px, py, pz, energy = (ak.flatten(momenta[name]).to_numpy() for name in ("px", "py", "pz", "e"))
    final = Particles(px, py, pz, energy, ak.num(momenta).to_numpy().astype(np.int64))
    sequence = anti_kt(final, RADIUS)
    jets = sequence.inclusive_jets(min_pt=PT_RANGE[0])
    jet_pt = np.hypot(jets.px, jets.py)
    matched = _distance_to_label(jets, particles, PROCESSES[CLASS_NAMES[label]]) < MATCHING_RADIUS

    leading = ak.argsort(jet_pt, ascending=False)[:, :2]
    chosen = leading[((jet_pt < PT_RANGE[1]) & matched)[leading]]
    event = ak.flatten(ak.broadcast_arrays(np.arange(len(jets)), chosen)[0]).to_numpy()
    members = ak.flatten(sequence.constituent_index(min_pt=PT_RANGE[0])[chosen], axis=1)
    count = ak.num(members).to_numpy().astype(np.int64)
    flat = ak.flatten(members).to_numpy() + np.repeat(final.first[event], count)
    return table_of_jets(
        Particles(final.px[flat], final.py[flat], final.pz[flat], final.energy[flat], count),
        event_id=(first_id + event).astype(np.uint64),
        labels=np.full(len(event), label, dtype=np.uint8),
    )


def _distance_to_label(jets: Any, particles: Any, process: HardProcess) -> Any:
    """Delta R from each jet to the nearest particle that gives the label; infinite if there is none."""
    import awkward as ak

    labelling = particles.status == process.status
    labelling = labelling & ak.any([abs(particles.id) == pdg_id for pdg_id in process.ids], axis=0)

    def directions(momenta: Any) -> tuple[Any, Any]:
        pt = np.hypot(momenta.px, momenta.py)
        return np.arcsinh(momenta.pz / pt), np.arctan2(momenta.py, momenta.px)

    jet_eta, jet_phi = directions(jets)
    eta, phi = directions(particles.p[labelling])
    distance = np.hypot(
        jet_eta[:, :, np.newaxis] - eta[:, np.newaxis, :],
        wrapped(jet_phi[:, :, np.newaxis] - phi[:, np.newaxis, :]),
    )
    return ak.fill_none(ak.min(distance, axis=-1), np.inf)


def provenance_of_generation(n_jets: int, seed: int) -> dict[str, str | int | float]:
    return provenance_of_jets() | {
        "generator": f"Pythia 8 (pythia8mc {version('pythia8mc')}), pp at 13 TeV",
        "settings": "; ".join(COMMON_SETTINGS),
        **{f"settings_{name}": "; ".join(process.settings) for name, process in PROCESSES.items()},
        "selection": (
            f"visible final state, |eta| < {MAX_ABS_ETA}; of the two leading jets those with "
            f"{PT_RANGE[0]:g} < pT < {PT_RANGE[1]:g} GeV, "
            f"within Delta R < {MATCHING_RADIUS} of the labelling particle"
        ),
        "seed": seed,
        "command": f"python scripts/make_jets.py --generate {n_jets} --seed {seed}",
        "licence": "Apache-2.0",
    }

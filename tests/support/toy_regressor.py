"""A run whose network hands one word on, without sign: its energies are known from the events."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trigml.atomic import write_json
from trigml.contract import InputContract, InputFeature
from trigml.data.layout import Column, EventsWriter
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder
from trigml.runs import DataFile, names, sha256_of

CLASSES = ("gamma", "electron", "pion")
LSB = 0.25
FORMAT = FixedPoint.parse("ap_fixed<9,7,RND_CONV,SAT>")
SPEC = """\
trigml: 1
name: toy_energy
task: regression
data:
  files: ['{file}']
  classes: [gamma, electron, pion]
  target: true_energy
  split: {{train: 0.25, validation: 0.25, test: 0.5}}
inputs: {{format: "ap_fixed<9,7,RND_CONV,SAT>", features: [{{name: cluster}}]}}
model: {{hidden: [4]}}
output: {{lsb: 0.25, bits: 8}}
"""


@dataclass(frozen=True, eq=False)
class ToyMeasurements:
    """A file of events and what lies in it, (n,): output words, true energies, labels."""

    path: Path
    words: np.ndarray
    energy: np.ndarray
    labels: np.ndarray


def toy_measurements(
    path: Path,
    n: int = 700,
    *,
    seed: int = 0,
    shift: int = 0,
    classes: tuple[str, ...] = CLASSES,
    truth: bool = True,
) -> ToyMeasurements:
    """Energies from 5 to 50 GeV, known to 5 %, to 20 % for pions; all words are higher by ``shift``.

    Without ``truth`` the file has no true energy.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(classes), n)
    energy = rng.uniform(5, 50, n).astype(np.float32)
    spread = np.where(np.array([name == "pion" for name in classes])[labels], 0.2, 0.05)
    words = np.clip(np.round(energy * rng.normal(1, spread) / LSB) + shift, 0, 255).astype(np.int64)
    features = {"cluster": (words * LSB).astype(np.float32), "depth": rng.normal(10, 3, n).astype(np.float32)}
    columns = [Column("cluster", "GeV"), Column("depth", "mm")]
    if truth:
        features["true_energy"] = energy
        columns.append(Column("true_energy", "GeV"))
    with EventsWriter(path, title="toy", features=columns, class_names=classes) as writer:
        writer.append(event_id=np.arange(n, dtype=np.uint64), features=features, labels=labels)
    return ToyMeasurements(path, words, energy, labels)


def toy_energy_graph(offset: float = 0.0) -> Graph:
    """One word, handed on; another ``offset`` makes another network."""
    builder = GraphBuilder("toy_energy")
    contract = InputContract((InputFeature("cluster", "GeV", offset, 0),), FORMAT)
    positive = builder.relu("positive", builder.input("cluster", (1,), contract))
    word = builder.quantize("word", positive, FixedPoint.parse("ap_ufixed<8,6,RND_CONV,SAT>"))
    return builder.finish([word], ("true_energy",))


def toy_energy_run(folder: Path, events: ToyMeasurements, offset: float = 0.0) -> Path:
    """A run on ``events``, with the factor 1.25 for the calibrated sum."""
    file = DataFile(str(events.path), sha256_of(events.path), len(events.labels))
    graph_run = sys.modules["tests_support_toy_classifier"].graph_run
    made: Path = graph_run(folder, toy_energy_graph(offset), SPEC.format(file=events.path), (file,))
    write_json(made / names.HISTORY, {"calibrated_sum": {"parts": [{"inputs": 1, "factor": 1.25}]}})
    return made

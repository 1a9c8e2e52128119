"""A run whose network hands its three input words on, so that every score is known from the events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import trigml
from trigml.atomic import write_json, write_text
from trigml.contract import InputContract, InputFeature
from trigml.data.layout import Column, EventsWriter
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder, save_graph
from trigml.runs import DataFile, Manifest, names
from trigml.runs.manifest import hashes_of_folder, sha256_of

CLASSES = ("a", "b", "c")
FORMAT = FixedPoint.parse("ap_fixed<8,8,RND_CONV,SAT>")
SPEC = """\
trigml: 1
name: toy
data: {{files: ['{file}'], classes: [a, b, c], split: {{train: 0.25, validation: 0.25, test: 0.5}}}}
inputs: {{format: "ap_fixed<8,8,RND_CONV,SAT>", features: [{{name: x0}}, {{name: x1}}, {{name: x2}}]}}
model: {{hidden: [4]}}
"""


@dataclass(frozen=True, eq=False)
class ToyEvents:
    """A file of events and what lies in it: words (n, 3), labels (n,), the column ``energy`` (n,)."""

    path: Path
    words: np.ndarray
    labels: np.ndarray
    energy: np.ndarray

    def differences(self, signal: int) -> np.ndarray:
        """Signal word − the highest other word, counted in another way than trigml's."""
        return np.array([row[signal] - max(np.delete(row, signal)) for row in self.words])


def toy_graph(weight: int = 1) -> Graph:
    """Three words, handed on; another ``weight`` makes another network."""
    builder = GraphBuilder("toy")
    contract = InputContract(
        tuple(InputFeature(f"x{place}", "", 0.0, weight - 1) for place in range(3)), FORMAT
    )
    return builder.finish([builder.input("scores", (3,), contract)], CLASSES)


def toy_events(path: Path, n: int = 1200, seed: int = 0, classes: tuple[str, ...] = CLASSES) -> ToyEvents:
    """Events whose words are small integers, with many ties; the energy helps the signal."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, len(classes), n)
    energy = random.uniform(0, 100, n).astype(np.float32)
    words = random.integers(-4, 5, (n, 3))
    words[np.arange(n), labels] += 2 + (energy // 25).astype(np.int64)
    features = {f"x{place}": words[:, place].astype(np.float32) for place in range(3)}
    columns = [*(Column(name, "") for name in features), Column("energy", "GeV"), Column("flat", "")]
    with EventsWriter(path, title="toy", features=columns, class_names=classes) as writer:
        writer.append(
            event_id=np.arange(n, dtype=np.uint64),
            features=features | {"energy": energy, "flat": np.ones(n, dtype=np.float32)},
            labels=labels,
        )
    return ToyEvents(path, words, labels, energy)


def toy_run(folder: Path, graph: Graph, events: ToyEvents) -> Path:
    """A run on a file of toy events."""
    file = DataFile(str(events.path), sha256_of(events.path), len(events.labels))
    return graph_run(folder, graph, SPEC.format(file=events.path), (file,))


def graph_run(folder: Path, graph: Graph, spec: str, data: tuple[DataFile, ...] = ()) -> Path:
    """A run of any graph as ``trigml train`` leaves it, without its Keras models; ``spec`` is its text."""
    folder.mkdir(parents=True)
    write_text(folder / names.SPEC, spec)
    write_json(folder / names.CONTRACT, graph.contract.to_json())
    write_json(folder / names.METRICS, {"models": {}})
    save_graph(graph, folder)
    manifest = Manifest(
        trigml_run=1,
        trigml=trigml.__version__,
        command="trigml train toy.yml --quantize",
        seed=1,
        quantized=True,
        data=data,
        spec_sha256=sha256_of(folder / names.SPEC),
        graph_digest=graph.digest,
        versions={},
        files=hashes_of_folder(folder),
    )
    write_json(folder / names.MANIFEST, manifest.to_json())
    return folder

"""The words of a run's test split in three stages: QKeras, the native emulator, alkaid's logic.

    python scripts/study/words.py RUN OUT.npz

Every stage computes them by itself from the events; study_calorimeter.py counts those that differ.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.atomic import replacing_file
from trigml.data.splits import Split
from trigml.errors import BadInput, TrigmlError
from trigml.npz import UNREADABLE, read_arrays
from trigml.opening import open_model
from trigml.verify.building import StageName, StageSources, build_stages
from trigml.verify.events import events_of_split
from trigml.verify.vectors import event_vectors

STAGES = (StageName.KERAS, StageName.NATIVE, StageName.LOGIC)


@dataclass(frozen=True, slots=True, eq=False)
class StageWords:
    """Output words of a run's test split, and from which graph they are.

    Attributes:
        graph: digest of the graph.
        event_id: (n,).
        keras, native, logic: (n, outputs), in LSB; integers, if the stage is exact.
        fractions: (outputs,), fractional bits of the words.
        tools: of the three stages.
    """

    graph: str
    event_id: NDArray[np.uint64]
    keras: NDArray[Any]
    native: NDArray[Any]
    logic: NDArray[Any]
    fractions: NDArray[np.int64]
    tools: tuple[str, ...]

    @property
    def differing(self) -> dict[str, int]:
        """Words of the hardware's stages that are not those of QKeras."""
        stages = {StageName.NATIVE.value: self.native, StageName.LOGIC.value: self.logic}
        return {name: int(np.count_nonzero(words != self.keras)) for name, words in stages.items()}

    def values(self, words: NDArray[Any]) -> NDArray[np.float64]:
        """Words as the numbers that they stand for."""
        return np.ldexp(words.astype(np.float64), -self.fractions)

    @classmethod
    def load(cls, path: Path) -> StageWords:
        """Read what ``main`` wrote.

        Raises:
            BadInput: the file is missing or damaged.
        """
        try:
            arrays = read_arrays(path)
            names = ("event_id", "keras", "native", "logic", "fractions")
            event_id, keras, native, logic, fractions = (arrays[name] for name in names)
            if not len(event_id) == len(keras) == len(native) == len(logic):
                raise ValueError("stages of different lengths")
            tools = tuple(map(str, arrays["tools"]))
            return cls(str(arrays["graph"]), event_id, keras, native, logic, fractions, tools)
        except (*UNREADABLE, KeyError) as error:
            raise BadInput(
                "the words of the stages cannot be read", where=str(path), found=str(error)
            ) from error


def write_words(run: Path, out: Path) -> None:
    """Compute the words of all stages and write them."""
    model = open_model(run)
    assert model.run is not None
    test = events_of_split(model.run, Split.TEST, ())
    vectors = event_vectors(model.graph, test.features, "test split")
    with tempfile.TemporaryDirectory(prefix="trigml_study_") as scratch:
        stages = build_stages(StageSources(model, Path(scratch)), required=STAGES).stages
        keras, native, logic = (np.asarray(stage.outputs(vectors)) for stage in stages)
    with replacing_file(out) as beside:
        np.savez_compressed(
            beside,
            graph=model.graph.digest,
            event_id=test.event_id,
            keras=keras,
            native=native,
            logic=logic,
            fractions=np.broadcast_to(model.graph.output_fractions, (keras.shape[1],)),
            tools=np.array([f"{stage.name}: {stage.version}" for stage in stages]),
        )


def main() -> int:
    run, out = map(Path, sys.argv[1:])
    try:
        write_words(run, out)
    except TrigmlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

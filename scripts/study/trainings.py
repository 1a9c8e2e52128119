"""The steps of a network: training, the words of its stages, and for shipped ones the synthesis."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import trigml
from study.plan import Network
from study.running import Step
from study.words import StageWords
from trigml.atomic import write_json
from trigml.data.samples import sample_path
from trigml.errors import BadInput
from trigml.reports.stored import ProjectReport, read_report
from trigml.runs import Run, open_run, sha256_of
from trigml.spec import load_spec, with_data_files, with_overrides

ASKED, RUN, WORDS = "asked.json", "run", "words.npz"
QUICK_CHANGES = ("training.epochs=2", "training.quantized.epochs=1")
_TRIGML = str(Path(sys.executable).with_name("trigml"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the results of a network lie.

    Attributes:
        network: it.
        folder: of its words and logs.
        run: the run, in the folder or given by the user.
        events: the file of events, where it is not that of the spec.
        changes: of the spec.
        given: whether the run was given, and is never trained here.
    """

    network: Network
    folder: Path
    run: Path
    events: Path | None
    changes: tuple[str, ...]
    given: bool

    def open(self) -> Run:
        """The finished run."""
        return open_run(self.run)

    def words(self) -> StageWords:
        """The words of its stages."""
        return StageWords.load(self.folder / WORDS)

    def project(self) -> ProjectReport | None:
        """The report of its RTL project, if it was made."""
        folder = self.run / "rtl" / "verilog"
        return read_report(folder) if folder.is_dir() else None

    @property
    def asked(self) -> dict[str, object]:
        """What the run has to be made from."""
        spec = with_overrides(load_spec(self.network.spec), self.changes)
        files = [str(self.events)] if self.events else []
        spec = with_data_files(spec, files)
        return {"trigml": trigml.__version__, "spec": spec.model_dump(mode="json")}


def place(
    network: Network, out: Path, *, events: Path | None, quick: bool, given: Mapping[str, Path]
) -> Place:
    """Where a network's results are to lie."""
    run = given.get(network.name)
    folder = out / network.name
    changes = QUICK_CHANGES if quick else ()
    return Place(network, folder, run or folder / RUN, events, changes, run is not None)


def steps(where: Place, *, synth: bool) -> tuple[Step, ...]:
    """What has to be run for a network."""
    name, folder, run = where.network.name, where.folder, where.run
    chain = []
    if not where.given:
        data = ("--data", str(where.events)) if where.events else ()
        changes = [part for change in where.changes for part in ("--set", change)]
        command = (_TRIGML, "train", where.network.spec, "--quantize", "--out", str(run), *data, *changes)
        # --force also throws an unfinished run of another training away, and goes on with one of the same.
        chain.append(
            Step(
                f"{name}: training",
                (*command, "--force"),
                folder / "train.log",
                lambda: _is_trained(where),
                lambda: write_json(folder / ASKED, where.asked),
            )
        )
    script = str(Path(__file__).with_name("words.py"))
    chain.append(
        Step(
            f"{name}: words of QKeras, native emulator and logic",
            (sys.executable, script, str(run), str(folder / WORDS)),
            folder / "words.log",
            lambda: _has_words(where),
        )
    )
    if synth and where.network.shipped:
        chain.append(
            Step(
                f"{name}: synthesis",
                (_TRIGML, "synth", str(run), "--backend", "rtl", "--force"),
                folder / "synth.log",
                lambda: _has_project(where),
            )
        )
    return tuple(chain)


def _is_trained(where: Place) -> bool:
    """A finished run from the same spec, trigml and events."""
    try:
        run = where.open()
        asked = json.loads((where.folder / ASKED).read_text(encoding="utf-8"))
    except (BadInput, OSError, ValueError):
        return False
    file = where.events or sample_path("showers")
    return bool(asked == where.asked and [data.sha256 for data in run.manifest.data] == [sha256_of(file)])


def _has_words(where: Place) -> bool:
    try:
        return where.words().graph == where.open().manifest.graph_digest
    except BadInput:
        return False


def _has_project(where: Place) -> bool:
    try:
        report = where.project()
    except BadInput:
        return False
    return report is not None and bool(report.figures)


def all_places(
    networks: Sequence[Network],
    out: Path,
    *,
    files: Mapping[bool, Path | None],
    quick: bool,
    given: Mapping[str, Path],
) -> dict[str, Place]:
    """Places of networks by their names; ``files`` by whether a network is trained on merging pairs alone."""
    return {
        network.name: place(network, out, events=files[network.merging_only], quick=quick, given=given)
        for network in networks
    }

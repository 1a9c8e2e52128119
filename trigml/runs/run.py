"""Opening a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.graph import Graph, load_graph
from trigml.json_files import read_json_object
from trigml.runs import names
from trigml.runs.manifest import Manifest, read_manifest, sha256_of
from trigml.runs.scores import TestPredictions, TestScores
from trigml.spec import Spec, spec_from_text

_NOUN = "a file of this run"


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, checked against its manifest; nothing in it is changed in place.

    Attributes:
        path: the folder.
        manifest: what it was made from and with.
        spec: the spec as resolved, with every number written out.
        contract: the input contract.
    """

    path: Path
    manifest: Manifest
    spec: Spec
    contract: InputContract

    @property
    def float_folder(self) -> Path:
        """``model.json`` and ``weights.h5`` of the float reference.

        ``trigml.training.model_files.load_model`` loads them.
        """
        return self.path / names.FLOAT

    @property
    def quantized_folder(self) -> Path:
        """``model.json`` and ``weights.h5`` of the quantised model.

        Raises:
            BadInput: the run was made without ``--quantize``.
        """
        self._require_quantized()
        return self.path / names.QUANTIZED

    def graph(self) -> Graph:
        """The integer graph.

        Raises:
            BadInput: the run was made without ``--quantize``, or the graph is not of this run.
        """
        self._require_quantized()
        graph = load_graph(self.path)
        if graph.digest != self.manifest.graph_digest:
            raise BadInput(
                "the graph of this run is not the one of its manifest",
                where=str(self.path),
                expected=self.manifest.graph_digest,
                found=graph.digest,
            )
        if graph.contracts != (self.contract,):
            raise BadInput(
                "the graph of this run was made for another input contract",
                where=str(self.path),
                expected=f"the same contract in {names.CONTRACT} and {names.GRAPH}",
                remedy="restore both, or train again",
            )
        return graph

    def scores(self) -> TestScores:
        """Outputs of the models of a classification on the test split."""
        return TestScores.load(self.path / names.SCORES)

    def predictions(self) -> TestPredictions:
        """Outputs of the models of a regression on the test split."""
        return TestPredictions.load(self.path / names.SCORES)

    def metrics(self) -> dict[str, Any]:
        """``metrics.json``: accuracy, AUC and rejections of each model, with uncertainties."""
        return read_json_object(self.path / names.METRICS, _NOUN)

    def _require_quantized(self) -> None:
        if not self.manifest.quantized:
            raise BadInput(
                "this run holds no quantised model",
                where=str(self.path),
                remedy="train with --quantize into another folder (--out)",
            )


def open_run(path: Path) -> Run:
    """Open a finished run and check that its files are those of its manifest.

    Raises:
        BadInput: no such folder, not a run, unfinished, made by a newer version, a file missing or changed.
    """
    path = Path(path)
    whole = path.absolute()  # the folder "." has no name of its own
    unfinished = whole.with_name(whole.name + names.UNFINISHED_SUFFIX)
    if not path.exists() and unfinished.is_dir():
        raise _not_finished(unfinished)
    if not path.exists():
        raise BadInput("there is no such run", where=str(path), remedy="make one with: trigml train SPEC")
    if not path.is_dir():
        raise BadInput("a run is a folder, this is a file", where=str(path))
    if not (path / names.MANIFEST).is_file():
        if (path / names.PROGRESS / names.IDENTITY).is_file():
            raise _not_finished(path)
        raise BadInput(
            "this folder is not a run of trigml",
            where=str(path),
            expected=f"a folder with {names.MANIFEST}, as trigml train makes it",
        )
    manifest = read_manifest(path)
    _check_files(path, manifest)
    text = (path / names.SPEC).read_text(encoding="utf-8")
    contract = path / names.CONTRACT
    return Run(
        path=path,
        manifest=manifest,
        spec=spec_from_text(text, str(path / names.SPEC)),
        contract=InputContract.from_json(read_json_object(contract, _NOUN), where=str(contract)),
    )


def _not_finished(folder: Path) -> BadInput:
    command = ""
    identity = folder / names.PROGRESS / names.IDENTITY
    if identity.is_file():
        command = str(read_json_object(identity, _NOUN).get("command", ""))
    return BadInput(
        "this run is not finished",
        where=str(folder),
        remedy=f"give the same command again, it goes on where it stopped: {command}" if command else None,
    )


def _check_files(path: Path, manifest: Manifest) -> None:
    needed = {names.SPEC, names.CONTRACT, names.METRICS}
    if missing := sorted(needed - manifest.files.keys()):
        raise BadInput("the run's manifest is damaged", where=str(path), found=f"no {', '.join(missing)}")
    for name, expected in manifest.files.items():
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts:
            raise BadInput("the run's manifest names a file outside the run", where=str(path), found=name)
        file = path / name
        if not file.is_file():
            raise BadInput(
                "a file of this run is missing", where=str(file), remedy="restore it, or train again"
            )
        found = sha256_of(file)
        if found != expected:
            raise BadInput(
                "a file of this run was changed after the training",
                where=str(file),
                expected=f"SHA-256 {expected}",
                found=found,
                remedy="restore it, or train again",
            )

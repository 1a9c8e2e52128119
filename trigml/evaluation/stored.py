"""``working_points.json``: the integer thresholds found for a run, for firmware and for later evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trigml
from trigml.errors import BadInput
from trigml.evaluation.discriminants import Compared
from trigml.evaluation.output_word import Division
from trigml.evaluation.quantities import TriggerQuantities
from trigml.evaluation.targets import Target
from trigml.json_files import read_json_object

if TYPE_CHECKING:
    from trigml.evaluation.regressor_quantities import RegressorQuantities

FORMAT = "trigml-working-points"
VERSION = 1
_NOUN, _REMEDY = "this file of working points", "find them again: trigml evaluate RUN"


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A threshold: an event passes if the discriminant of ``signal`` against ``background`` reaches it.

    Attributes:
        signal: a class; ``None``: the output word of a regressor is compared as it is.
        background: a class; ``None``: all others.
        threshold: in LSBs of the network's output.
        target: for what it was found.
    """

    signal: str | None
    background: str | None
    threshold: int
    target: Target


@dataclass(frozen=True, slots=True)
class StoredPoints:
    """The working points of one network.

    Attributes:
        graph: digest of the network for which the thresholds are meant.
        points: the thresholds.
        division: which events are signal and background for a regressor; ``None`` of a classifier.
    """

    graph: str
    points: tuple[StoredPoint, ...]
    division: Division | None = None

    def by_classes(self) -> dict[tuple[str, str | None], list[int]]:
        """The thresholds of a classifier per pair of signal and background, each once, in their order."""
        found: dict[tuple[str, str | None], list[int]] = {}
        for point in self.points:
            if point.signal is None:
                continue
            thresholds = found.setdefault((point.signal, point.background), [])
            if point.threshold not in thresholds:
                thresholds.append(point.threshold)
        return found


def working_points_json(found: TriggerQuantities, manifest_sha256: str) -> dict[str, Any]:
    """Content of ``working_points.json``.

    Args:
        found: the working points.
        manifest_sha256: of the ``manifest.json`` of the run.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "trigml": trigml.__version__,
        "network": found.network,
        "graph": found.graph,
        "manifest": manifest_sha256,
        "stage": found.sample.stage,
        "tool": found.sample.tool,
        "sample": found.sample.to_json(),
        "input_rate_hz": found.input_rate,
        **_points_json(found),
    }


def _points_json(found: TriggerQuantities) -> dict[str, Any]:
    if found.regressor is not None:
        return _regressor_points_json(found, found.regressor)
    points = []
    for quantities in found.discriminants:
        signal, background = quantities.discriminant.sides
        made = {"signal": signal, "background": background or None} | _integer_json(quantities.discriminant)
        points += [
            made | {"target": point.target.to_json(), **point.point.to_json()} for point in quantities.points
        ]
    return {"points": points}


def _regressor_points_json(found: TriggerQuantities, regressor: RegressorQuantities) -> dict[str, Any]:
    word = regressor.word
    reached = [point.point.to_json() for quantities in found.discriminants for point in quantities.points]
    points: list[dict[str, Any]] = []
    for place, (target, threshold) in enumerate(regressor.thresholds):
        made = {"signal": None, "background": None} | _integer_json(word)
        made |= {"threshold": threshold, "value": threshold * word.lsb, "unit": word.unit}
        points.append(made | {"target": target.to_json()} | (reached[place] if reached else {}))
    return {"division": word.division.to_json(), "points": points}


def _integer_json(compared: Compared) -> dict[str, Any]:
    return {"formula": compared.formula, "bits": compared.bits, "lsb": compared.lsb}


def load_working_points(path: Path, graph: str) -> StoredPoints:
    """Read the thresholds of a network.

    Args:
        path: a ``working_points.json``.
        graph: digest of the network to which they are to be applied.

    Raises:
        BadInput: the file is missing, damaged, of a newer version, or of another network.
    """
    content = read_json_object(path, _NOUN, _REMEDY)
    if content.get("format") != FORMAT:
        raise BadInput("this file holds no working points", where=str(path), expected=f"format {FORMAT!r}")
    version = content.get("version")
    if type(version) is int and version > VERSION:
        raise BadInput(
            "these working points were written by a newer trigml",
            where=str(path),
            expected=f"version {VERSION}",
            found=f"version {version}",
            remedy="install a newer trigml",
        )
    try:
        division = Division.from_json(content["division"]) if "division" in content else None
        points = tuple(_point(entry, of_regressor=division is not None) for entry in content["points"])
        found = StoredPoints(str(content["graph"]), points, division)
        if version != VERSION or not found.points:
            raise ValueError(f"version {version!r}, {len(found.points)} points")
    except (KeyError, TypeError, ValueError, BadInput) as error:
        why = f"{type(error).__name__}: {error}"
        raise BadInput(f"{_NOUN} is damaged", where=str(path), found=why, remedy=_REMEDY) from error
    if found.graph != graph:
        raise BadInput(
            "these working points are of another network; their thresholds mean nothing for this one",
            where=str(path),
            expected=f"graph {graph}",
            found=f"graph {found.graph}",
            remedy=_REMEDY,
        )
    return found


def _point(entry: Any, *, of_regressor: bool) -> StoredPoint:
    signal, background, threshold = entry["signal"], entry["background"], entry["threshold"]
    if type(threshold) is not int:
        raise TypeError(f"a threshold is an integer, not {threshold!r}")
    if isinstance(signal, str) is of_regressor or not isinstance(signal, str | None):
        raise TypeError("a class is a text, and only a regressor's word is compared without one")
    if not isinstance(background, str | None):
        raise TypeError("a class is a text")
    return StoredPoint(signal, background, threshold, Target.from_json(entry["target"]))

"""``working_points.json``: the integer thresholds found for a run, for firmware and for later evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trigml
from trigml.errors import BadInput
from trigml.evaluation.quantities import TriggerQuantities
from trigml.evaluation.targets import Target
from trigml.json_files import read_json_object

FORMAT = "trigml-working-points"
VERSION = 1
_NOUN, _REMEDY = "this file of working points", "find them again: trigml evaluate RUN"


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A threshold: an event passes if the discriminant of ``signal`` against ``background`` reaches it.

    Attributes:
        signal: a class.
        background: a class; ``None``: all others.
        threshold: in LSBs of the network's output.
        target: for what it was found.
    """

    signal: str
    background: str | None
    threshold: int
    target: Target


@dataclass(frozen=True, slots=True)
class StoredPoints:
    """The working points of one network.

    Attributes:
        graph: digest of the network for which the thresholds are meant.
        points: the thresholds.
    """

    graph: str
    points: tuple[StoredPoint, ...]

    def by_classes(self) -> dict[tuple[str, str | None], list[int]]:
        """The thresholds per pair of signal and background, each once, in their order."""
        found: dict[tuple[str, str | None], list[int]] = {}
        for point in self.points:
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
    points = []
    for quantities in found.discriminants:
        discriminant = quantities.discriminant
        for point in quantities.points:
            points.append(
                {
                    "signal": discriminant.signal,
                    "background": discriminant.background,
                    "formula": discriminant.formula,
                    "bits": discriminant.bits,
                    "lsb": discriminant.lsb,
                    "target": point.target.to_json(),
                    **point.point.to_json(),
                }
            )
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
        "points": points,
    }


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
        found = StoredPoints(str(content["graph"]), tuple(_point(entry) for entry in content["points"]))
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


def _point(entry: Any) -> StoredPoint:
    signal, background, threshold = entry["signal"], entry["background"], entry["threshold"]
    if type(threshold) is not int:
        raise TypeError(f"a threshold is an integer, not {threshold!r}")
    if not isinstance(signal, str) or not isinstance(background, str | None):
        raise TypeError("a class is a text")
    return StoredPoint(signal, background, threshold, Target.from_json(entry["target"]))

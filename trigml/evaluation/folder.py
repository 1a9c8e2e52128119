"""The folder ``RUN/evaluation``: replaced as a whole, and only if trigml made all of it."""

from __future__ import annotations

import json
from pathlib import Path

from trigml.atomic import replacing_folder, write_json, write_text
from trigml.errors import BadInput
from trigml.evaluation.quantities import TriggerQuantities
from trigml.evaluation.regressor_quantities import RegressorQuantities
from trigml.evaluation.stored import working_points_json
from trigml.evaluation.tables import as_csv, as_markdown
from trigml.runs import sha256_of

QUANTITIES = "evaluation.json"
WORKING_POINTS = "working_points.json"
TABLES = "evaluation.md"
SCAN = "scan.csv"
_FORMAT = "trigml-evaluation"
_VERSION = 1


def write_evaluation(found: TriggerQuantities, folder: Path, manifest: Path, *, force: bool) -> list[str]:
    """Write JSON, tables and plots into ``folder``, which is replaced as a whole.

    Args:
        found: what to write.
        folder: new, empty, or an earlier evaluation of the same network.
        manifest: ``manifest.json`` of the run.
        force: replace the evaluation of another network, too.

    Returns:
        The names of the files.

    Raises:
        BadInput: as ``refuse_other``, or the folder cannot be written.
    """
    from trigml.reports.turn_on_plot import write_scan_plot, write_turn_on_plot

    refuse_other(folder, found.graph, force=force)
    with replacing_folder(folder) as beside:
        write_text(beside / TABLES, as_markdown(found))
        if found.discriminants:
            write_text(beside / SCAN, as_csv(found))
            write_scan_plot(found, beside / "scan")
        if found.discriminants or (found.regressor is not None and found.regressor.thresholds):
            write_json(beside / WORKING_POINTS, working_points_json(found, sha256_of(manifest)))
        if found.regressor is not None:
            _write_regressor_plots(found, found.regressor, beside)
        elif found.column is not None:
            write_turn_on_plot(found, beside / "turn_on")
        names = sorted([*(path.name for path in beside.iterdir()), QUANTITIES])
        frame = {"format": _FORMAT, "version": _VERSION, "files": names}
        write_json(beside / QUANTITIES, frame | found.to_json())
    return names


def _write_regressor_plots(found: TriggerQuantities, regressor: RegressorQuantities, folder: Path) -> None:
    from trigml.reports.resolution_plot import write_resolution_plot
    from trigml.reports.turn_on_plot import write_type_turn_on_plot
    from trigml.training.standing import SUM

    if regressor.turn_ons:
        write_type_turn_on_plot(found, regressor, folder / "turn_on")
    if regressor.figures is not None:
        ratios = {one: ratio for (one, other), ratio in regressor.figures.comparisons.items() if other == SUM}
        sample = f"{found.network}, {found.sample.name}"[:60]
        write_resolution_plot(
            regressor.figures.models, folder / "resolution", ratios=ratios, reference=SUM, sample=sample
        )


def refuse_other(folder: Path, graph: str, *, force: bool) -> None:
    """Refuse a place where something else stands; the quick check before any work.

    Raises:
        BadInput: a file, a folder with files that no evaluation made, or (without ``force``) the evaluation
            of another network.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise BadInput(
            "the folder for the evaluation is a file", where=str(folder), remedy="choose another --out"
        )
    entries = sorted(path.name for path in folder.iterdir())
    if not entries:
        return
    made, earlier = _made_by_trigml(folder / QUANTITIES)
    if others := [name for name in entries if name not in made]:
        raise BadInput(
            "the folder for the evaluation holds files that trigml evaluate did not make",
            where=str(folder),
            found=", ".join(others[:4]),
            remedy="move them away, or choose another --out",
        )
    if not force and earlier != graph:
        raise BadInput(
            "an earlier evaluation cannot be replaced: it is that of another network",
            where=str(folder),
            expected=f"graph {graph}",
            found=f"graph {earlier}",
            remedy="replace it with --force, or choose another --out",
        )


def _made_by_trigml(path: Path) -> tuple[set[str], str]:
    """The files of an earlier evaluation and the digest of its network; none if there was no such thing."""
    if not path.is_file():
        return set(), ""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            return set(), ""
        return {str(name) for name in content["files"]}, str(content["graph"])
    except (OSError, ValueError, KeyError, TypeError):  # not ours: none of the files is known then
        return set(), ""

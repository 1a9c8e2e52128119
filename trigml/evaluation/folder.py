"""The folder ``RUN/evaluation``: replaced as a whole, and only if trigml made all of it."""

from __future__ import annotations

import json
from pathlib import Path

from trigml.atomic import replacing_folder, write_json, write_text
from trigml.errors import BadInput
from trigml.evaluation.quantities import TriggerQuantities
from trigml.evaluation.stored import load_working_points, working_points_json
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
        write_json(beside / WORKING_POINTS, working_points_json(found, sha256_of(manifest)))
        write_text(beside / TABLES, as_markdown(found))
        write_text(beside / SCAN, as_csv(found))
        write_scan_plot(found, beside / "scan")
        if found.column is not None:
            write_turn_on_plot(found, beside / "turn_on")
        names = sorted([*(path.name for path in beside.iterdir()), QUANTITIES])
        frame = {"format": _FORMAT, "version": _VERSION, "files": names}
        write_json(beside / QUANTITIES, frame | found.to_json())
    return names


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
    made = _files_of(folder / QUANTITIES)
    if others := [name for name in entries if name not in made]:
        raise BadInput(
            "the folder for the evaluation holds files that trigml evaluate did not make",
            where=str(folder),
            found=", ".join(others[:4]),
            remedy="move them away, or choose another --out",
        )
    if force or WORKING_POINTS not in entries:
        return
    try:
        load_working_points(folder / WORKING_POINTS, graph)
    except BadInput as error:
        raise BadInput(
            "an earlier evaluation cannot be replaced: " + error.problem,
            where=error.where,
            expected=error.expected,
            found=error.found,
            remedy="replace it with --force, or choose another --out",
        ) from error


def _files_of(path: Path) -> set[str]:
    """The files of an earlier evaluation; none if there was no such thing."""
    if not path.is_file():
        return set()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            return set()
        return {str(name) for name in content["files"]}
    except (OSError, ValueError, KeyError, TypeError):  # not ours: none of the files is known then
        return set()
